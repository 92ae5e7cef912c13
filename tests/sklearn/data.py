"""Small data sets that more than one file of these tests uses."""

import numpy as np

ROWS = 130
RANDOM = np.random.default_rng(7)
X = RANDOM.normal(size=(ROWS, 6))
SIGNAL = X[:, 0] - X[:, 1] * X[:, 2] + 0.3 * RANDOM.normal(size=ROWS)
WEIGHTS = np.where(np.arange(ROWS) % 26 == 7, 0.0, RANDOM.integers(1, 5, ROWS) / 2)  # no batch without weight

BINARY = np.where(SIGNAL > 0, "yes", "no")
CLASSES = np.digitize(SIGNAL, [-0.7, 0.7])
LABELS = np.column_stack([SIGNAL > 0, X[:, 3] > 0.2, X[:, 4] + SIGNAL > 0]).astype(int)
NUMBER = SIGNAL
NUMBERS = np.column_stack([SIGNAL, X[:, 3] * 2])
COUNTS = np.floor(np.exp(SIGNAL / 2))
