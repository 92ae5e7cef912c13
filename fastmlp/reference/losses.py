"""Losses and their gradients."""

import numpy as np

from .._base.tables import (
    ABSOLUTE,
    ABSOLUTE_PERCENTAGE,
    BINARY_LOGITS,
    BINARY_PROBABILITIES,
    HUBER,
    LOG_COSH,
    POISSON,
    POISSON_DEVIANCE,
    QUANTILE,
    SQUARED,
)

SMALLEST_PROBABILITY = 1e-7
SMALLEST_TARGET = 1e-7
SMALLEST_COUNT = 1e-30


def softmax_crossentropy(losses, dlogits, logits, targets, scale):
    shifted = logits - logits.max(axis=1, keepdims=True)
    log_p = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    losses[:] = -(targets * log_p).sum(axis=1)
    # loss = Σ_i t_i (log Σ_j exp x_j − x_i): ∂loss/∂x_i = p_i Σ_j t_j − t_i
    dlogits[:] = scale * (np.exp(log_p) * targets.sum(axis=1, keepdims=True) - targets)


def sparse_softmax_crossentropy(losses, dlogits, logits, labels, scale):
    softmax_crossentropy(losses, dlogits, logits, _one_hot(labels, logits), scale)


def _one_hot(labels, like):
    return (labels[:, None] == np.arange(like.shape[1])).astype(like.dtype)


def elementwise_loss(losses, dy, y, targets, kind, alpha, scale):
    loss, slope = _ELEMENTWISE[kind](y, targets, alpha)
    losses[:] = loss.sum(axis=1)
    dy[:] = slope * scale


def _binary_logits(y, t, alpha):
    return np.maximum(y, 0) - y * t + np.log1p(np.exp(-abs(y))), 1 / (1 + np.exp(-y)) - t


def _binary_probabilities(y, t, alpha):
    p = np.clip(y, SMALLEST_PROBABILITY, 1 - SMALLEST_PROBABILITY)
    return -t * np.log(p) - (1 - t) * np.log(1 - p), (p - t) / (p * (1 - p))


def _huber(y, t, alpha):
    d = y - t
    is_far = abs(d) > alpha
    return np.where(is_far, alpha * (abs(d) - alpha / 2), d**2 / 2), np.where(is_far, alpha * np.sign(d), d)


def _poisson(y, t, alpha):
    shifted = y + SMALLEST_PROBABILITY
    return y - t * np.log(shifted), 1 - t / shifted


def _poisson_deviance(y, t, alpha):
    count = np.exp(y)  # half the deviance: ∫ (1 − t/c) dc from t to eʸ; ∂/∂y = (1 − t/eʸ) eʸ
    return count - t + t * (np.log(np.maximum(t, SMALLEST_COUNT)) - y), count - t


def _quantile(y, t, alpha):
    slope = np.where(y > t, 1 - alpha, np.where(y < t, -alpha, 0))
    return slope * (y - t), slope


def _log_cosh(y, t, alpha):
    d = y - t
    return np.logaddexp(d, -d) - np.log(2), np.tanh(d)  # cosh d = (e^d + e^−d)/2; ∂ log cosh d/∂d = sinh d/cosh d


def _absolute_percentage(y, t, alpha):
    percent = 100 / np.maximum(abs(t), SMALLEST_TARGET)  # does not depend on y, so the slope is that of |y − t|
    return percent * abs(y - t), percent * np.sign(y - t)


_ELEMENTWISE = {
    BINARY_LOGITS: _binary_logits,
    BINARY_PROBABILITIES: _binary_probabilities,
    SQUARED: lambda y, t, alpha: ((y - t) ** 2, 2 * (y - t)),
    ABSOLUTE: lambda y, t, alpha: (abs(y - t), np.sign(y - t)),
    HUBER: _huber,
    POISSON: _poisson,
    QUANTILE: _quantile,
    LOG_COSH: _log_cosh,
    ABSOLUTE_PERCENTAGE: _absolute_percentage,
    POISSON_DEVIANCE: _poisson_deviance,
}
