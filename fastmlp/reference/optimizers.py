"""Optimiser updates."""

import numpy as np

SGD, ADAM, MOMENTUM_SGD, ADAGRAD, RMSPROP, ADAMAX, RPROP, NO_UPDATE = range(8)
BETA_1, BETA_2, EPSILON, VELOCITY, NESTEROV, RHO, SHRINK, GROW, LEAST_STEP, MOST_STEP = range(10)
WEIGHT_DECAY, CLIP_VALUE, CLIP_NORM, CLIP_GLOBAL_NORM, EMA_MOMENTUM = range(10, 15)


def sgd_update(w, dw, learning_rate):
    w[:] = w - learning_rate * dw


def adam_update(w, m, v, dw, learning_rate, beta_1, beta_2, epsilon, step):
    m[:] = beta_1 * m + (1 - beta_1) * dw
    v[:] = beta_2 * v + (1 - beta_2) * dw**2
    m_hat = m / (1 - beta_1**step)
    v_hat = v / (1 - beta_2**step)
    w[:] = w - learning_rate * m_hat / (np.sqrt(v_hat) + epsilon)


def optimizer_update(w, state, dw, optimizer, settings, learning_rate, step):
    slots = state.reshape(-1, len(w)) if len(w) else state.reshape(0, 0)
    if settings[CLIP_VALUE] > 0:
        dw = np.clip(dw, -settings[CLIP_VALUE], settings[CLIP_VALUE])
    w *= 1 - learning_rate * settings[WEIGHT_DECAY]
    _RULES[optimizer](w, slots, dw, settings, learning_rate, step)


def _sgd(w, slots, dw, settings, learning_rate, step):
    sgd_update(w, dw, learning_rate)


def _momentum(w, slots, dw, settings, learning_rate, step):
    mu, (velocity, *_) = settings[VELOCITY], slots
    velocity[:] = mu * velocity - learning_rate * dw
    w += mu * velocity - learning_rate * dw if settings[NESTEROV] else velocity


def _adagrad(w, slots, dw, settings, learning_rate, step):
    total = slots[0]
    total += dw**2
    w -= learning_rate * dw / (np.sqrt(total) + settings[EPSILON])


def _rmsprop(w, slots, dw, settings, learning_rate, step):
    mean, move, rho = slots[0], slots[1], settings[RHO]
    mean[:] = rho * mean + (1 - rho) * dw**2
    move[:] = settings[VELOCITY] * move + dw / (np.sqrt(mean) + settings[EPSILON])
    w -= learning_rate * move


def _adam(w, slots, dw, settings, learning_rate, step):
    betas = settings[BETA_1], settings[BETA_2]
    adam_update(w, slots[0], slots[1], dw, learning_rate, *betas, settings[EPSILON], step)


def _adamax(w, slots, dw, settings, learning_rate, step):
    m, u = slots[0], slots[1]
    m[:] = settings[BETA_1] * m + (1 - settings[BETA_1]) * dw
    u[:] = np.maximum(settings[BETA_2] * u, abs(dw))
    w -= learning_rate / (1 - settings[BETA_1] ** step) * m / (u + settings[EPSILON])


def _rprop(w, slots, dw, settings, learning_rate, step):
    before, size = slots[0], slots[1]
    stays, turns = before * dw > 0, before * dw < 0
    size[stays] = np.minimum(settings[MOST_STEP], size[stays] * settings[GROW])
    size[turns] = np.maximum(settings[LEAST_STEP], size[turns] * settings[SHRINK])
    before[:] = np.where(turns, 0, dw)
    w -= np.sign(before) * size


_RULES = {
    SGD: _sgd,
    ADAM: _adam,
    MOMENTUM_SGD: _momentum,
    ADAGRAD: _adagrad,
    RMSPROP: _rmsprop,
    ADAMAX: _adamax,
    RPROP: _rprop,
}
