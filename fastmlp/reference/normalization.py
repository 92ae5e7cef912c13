"""Batch and layer normalisation."""

import numpy as np


def batch_norm_forward(y, means, inverses, x, weights, bias, epsilon):
    means[:] = x.mean(axis=0)
    inverses[:] = 1 / np.sqrt(x.var(axis=0) + epsilon)
    y[:] = (x - means) * inverses * weights + bias


def batch_norm_backward(dx, dweights, dbias, dy, x, means, inverses, weights):
    standard = (x - means) * inverses
    dweights[:] = (dy * standard).sum(axis=0)
    dbias[:] = dy.sum(axis=0)
    dx[:] = weights * inverses * (dy - dy.mean(axis=0) - standard * (dy * standard).mean(axis=0))


def normalize(y, x, means, variances, weights, bias, epsilon):
    y[:] = (x - means) / np.sqrt(variances + epsilon) * weights + bias


def layer_norm_forward(y, standard, x, weights, bias, epsilon):
    mean, variance = x.mean(axis=1, keepdims=True), x.var(axis=1, keepdims=True)
    standard[:] = (x - mean) / np.sqrt(variance + epsilon)
    y[:] = standard * weights + bias


def layer_norm_backward(dx, dweights, dbias, dy, standard, x, weights, epsilon):
    dweights[:] = (dy * standard).sum(axis=0)
    dbias[:] = dy.sum(axis=0)
    inverse = 1 / np.sqrt(x.var(axis=1, keepdims=True) + epsilon)
    g = dy * weights
    of_product = (g * standard).mean(axis=1, keepdims=True)
    dx[:] = inverse * (g - g.mean(axis=1, keepdims=True) - standard * of_product)
