"""scikit-learn's MLPClassifier, one `partial_fit` for each epoch, float32, without its L2 penalty.

The first epochs get the rows in the common order without shuffling, so that the loss can be compared. Later epochs
shuffle, as for its users.

With two classes it would train a sigmoid, which is another network. So it gets a third class that never occurs; the
bias of its unit is -1e30, so the unit has no effect.
"""

from typing import Any

import numpy as np
from sklearn.neural_network import MLPClassifier

from ..._base.types import Array
from ..workloads import Task


class Classifier:
    """MLPClassifier."""

    def __init__(self, task: Task) -> None:
        workload = task.workload
        self.task = task
        self.classes = np.arange(max(3, workload.widths[-1]))
        batch = min(workload.batch_size, workload.rows)
        self.model: Any = MLPClassifier(workload.widths[1:-1], alpha=0.0, batch_size=batch, shuffle=False)
        rows = np.arange(len(self.classes)) % workload.rows  # it makes its arrays at the first call
        self.model.partial_fit(task.x[rows][:batch], task.y[rows][:batch], classes=self.classes)
        self.start()

    def start(self) -> None:
        if hasattr(self.model, "_optimizer"):
            del self.model._optimizer
        spare = len(self.classes) - self.task.workload.widths[-1]
        *weights, last = self.task.weights[::2]
        *biases, last_bias = self.task.weights[1::2]
        self.model.coefs_ = [*(weight.copy() for weight in weights), np.pad(last, ((0, 0), (0, spare)))]
        padded = np.pad(last_bias, (0, spare), constant_values=-1e30)
        self.model.intercepts_ = [*(bias.copy() for bias in biases), padded]
        self.model.shuffle = False
        self.epoch = 0

    def train_epoch(self) -> float:
        x, y = self.task.x, self.task.y
        if self.epoch < self.task.workload.epochs:
            order = self.task.order(self.epoch)
            x, y = x[order], y[order]
        else:
            self.model.shuffle = True
        self.epoch += 1
        self.model.partial_fit(x, y)
        return float(self.model.loss_)

    def predict(self, x: Array) -> Array:
        probabilities: Array = self.model.predict_proba(x)[:, : self.task.workload.widths[-1]]
        return probabilities
