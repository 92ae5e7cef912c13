"""Plots of training, predictions and weights, with matplotlib (``pip install "fastmlp[plot]"``).

Each function draws on the axes given as ``ax`` or ``axes``, or else makes a new figure, and returns the axes. To show,
save or close figures is left to you. matplotlib's settings stay as they are.
"""

from .classes import class_errors, confusion_matrix
from .functions import decision_boundary, regression
from .images import samples, weights
from .runs import sweep
from .training import gradient_norms, history, learning_rate

__all__ = [
    "class_errors",
    "confusion_matrix",
    "decision_boundary",
    "gradient_norms",
    "history",
    "learning_rate",
    "regression",
    "samples",
    "sweep",
    "weights",
]
