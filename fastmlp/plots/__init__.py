"""Plots of training, predictions and weights, with matplotlib (``pip install "fastmlp[plot]"``).

Each function draws on the axes ``ax`` or ``axes``, or makes a new figure, and returns the axes. You show, save or
close the figures. matplotlib's settings do not change. `MissingExtraError` is raised if matplotlib is not installed.
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
