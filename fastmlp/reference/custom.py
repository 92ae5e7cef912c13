"""Activations and losses of users: their Python functions, element by element."""

from .._base.functions import ACTIVATIONS, LOSSES


def custom_forward(y, slopes, x, function):
    y[:], slopes[:] = ACTIVATIONS.numbers(function, x)


def custom_loss(losses, dy, y, targets, function, scale):
    loss, slope = LOSSES.numbers(function, y, targets)
    losses[:] = loss.sum(axis=1)
    dy[:] = slope * scale
