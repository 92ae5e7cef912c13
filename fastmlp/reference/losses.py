"""Categorical cross-entropy."""

import numpy as np

SMALLEST_PROBABILITY = 1e-7


def categorical_crossentropy_forward(losses, probabilities, targets):
    losses[:] = -(targets * np.log(np.maximum(probabilities, SMALLEST_PROBABILITY))).sum(axis=1)


def categorical_crossentropy_backward(dprobabilities, probabilities, targets):
    dprobabilities[:] = -targets / np.maximum(probabilities, SMALLEST_PROBABILITY)


def sparse_categorical_crossentropy_forward(losses, probabilities, labels):
    categorical_crossentropy_forward(losses, probabilities, _one_hot(labels, probabilities))


def sparse_categorical_crossentropy_backward(dprobabilities, probabilities, labels):
    categorical_crossentropy_backward(dprobabilities, probabilities, _one_hot(labels, probabilities))


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
