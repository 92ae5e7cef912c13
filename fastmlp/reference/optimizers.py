"""Optimiser updates."""

import numpy as np


def sgd_update(w, dw, learning_rate):
    w[:] = w - learning_rate * dw


def adam_update(w, m, v, dw, learning_rate, beta_1, beta_2, epsilon, step):
    m[:] = beta_1 * m + (1 - beta_1) * dw
    v[:] = beta_2 * v + (1 - beta_2) * dw**2
    m_hat = m / (1 - beta_1**step)
    v_hat = v / (1 - beta_2**step)
    w[:] = w - learning_rate * m_hat / (np.sqrt(v_hat) + epsilon)
