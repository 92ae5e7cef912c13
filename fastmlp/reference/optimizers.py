"""Optimiser updates."""

import numpy as np

from .._base.tables import ADADELTA, ADAGRAD, ADAM, ADAMAX, MOMENTUM_SGD, NADAM, RMSPROP, RPROP, SETTINGS, SGD


def sgd_update(w, dw, learning_rate):
    w[:] = w - learning_rate * dw


def adam_update(w, m, v, dw, learning_rate, beta_1, beta_2, epsilon, step):
    m[:] = beta_1 * m + (1 - beta_1) * dw
    v[:] = beta_2 * v + (1 - beta_2) * dw**2
    m_hat = m / (1 - beta_1**step)
    v_hat = v / (1 - beta_2**step)
    w[:] = w - learning_rate * m_hat / (np.sqrt(v_hat) + epsilon)


def optimizer_update(w, state, dw, optimizer, settings, learning_rate, step):
    settings = np.asarray(settings, np.float64).view(SETTINGS)[0]
    update_by_rule(w, state, dw, optimizer, settings, learning_rate, step)


def update_by_rule(w, state, dw, optimizer, settings, learning_rate, step):
    slots = state.reshape(-1, len(w)) if len(w) else state.reshape(0, 0)
    if settings.clip_value > 0:
        dw = np.clip(dw, -settings.clip_value, settings.clip_value)
    w *= 1 - learning_rate * settings.weight_decay
    _RULES[optimizer](w, slots, dw, settings, learning_rate, step)


def _sgd(w, slots, dw, settings, learning_rate, step):
    sgd_update(w, dw, learning_rate)


def _momentum(w, slots, dw, settings, learning_rate, step):
    mu, (velocity, *_) = settings.momentum, slots
    velocity[:] = mu * velocity - learning_rate * dw
    w += mu * velocity - learning_rate * dw if settings.nesterov else velocity


def _adagrad(w, slots, dw, settings, learning_rate, step):
    total = slots[0]
    total += dw**2
    w -= learning_rate * dw / (np.sqrt(total) + settings.epsilon)


def _rmsprop(w, slots, dw, settings, learning_rate, step):
    mean, move, rho = slots[0], slots[1], settings.rho
    mean[:] = rho * mean + (1 - rho) * dw**2
    move[:] = settings.momentum * move + dw / (np.sqrt(mean) + settings.epsilon)
    w -= learning_rate * move


def _adadelta(w, slots, dw, settings, learning_rate, step):
    """The mean square of past moves gives a move the unit of w: dw / √mean(dw²) has none."""
    mean, moves, rho = slots[0], slots[1], settings.rho
    mean[:] = rho * mean + (1 - rho) * dw**2
    move = np.sqrt(moves + settings.epsilon) / np.sqrt(mean + settings.epsilon) * dw
    moves[:] = rho * moves + (1 - rho) * move**2
    w -= learning_rate * move


def _adam(w, slots, dw, settings, learning_rate, step):
    betas, epsilon = (settings.beta_1, settings.beta_2), settings.epsilon
    if settings.epsilon_hat:  # m/(√v + ε) √(1−β₂ᵗ) = m/(√v̂ + ε/√(1−β₂ᵗ))
        epsilon = epsilon / np.sqrt(1 - settings.beta_2**step)
    adam_update(w, slots[0], slots[1], dw, learning_rate, *betas, epsilon, step)


def _adamax(w, slots, dw, settings, learning_rate, step):
    m, u = slots[0], slots[1]
    m[:] = settings.beta_1 * m + (1 - settings.beta_1) * dw
    u[:] = np.maximum(settings.beta_2 * u, abs(dw))
    w -= learning_rate / (1 - settings.beta_1**step) * m / (u + settings.epsilon)


def _nadam(w, slots, dw, settings, learning_rate, step):
    """Adam with Nesterov's look ahead: the momentum of step i is μᵢ = β₁ (1 − ½ · 0.96^(i · momentum_decay)).

    The mean m of the gradients has weights that sum to 1 − μ₁ ⋯ μₜ, as Adam's have the sum 1 − β₁ᵗ. Looking ahead, the
    step takes m with the next momentum, μₜ₊₁ m / (1 − μ₁ ⋯ μₜ₊₁), and adds the new gradient's share,
    (1 − μₜ) dw / (1 − μ₁ ⋯ μₜ).
    """
    m, v, beta_1, beta_2 = slots[0], slots[1], settings.beta_1, settings.beta_2
    momenta = beta_1 * (1 - 0.5 * 0.96 ** (settings.momentum_decay * np.arange(1, step + 2)))
    m[:] = beta_1 * m + (1 - beta_1) * dw
    v[:] = beta_2 * v + (1 - beta_2) * dw**2
    ahead = momenta[-1] * m / (1 - momenta.prod()) + (1 - momenta[-2]) * dw / (1 - momenta[:-1].prod())
    w -= learning_rate * ahead / (np.sqrt(v / (1 - beta_2**step)) + settings.epsilon)


def _rprop(w, slots, dw, settings, learning_rate, step):
    before, size = slots[0], slots[1]
    stays, turns = before * dw > 0, before * dw < 0
    size[stays] = np.minimum(settings.most_step, size[stays] * settings.grow)
    size[turns] = np.maximum(settings.least_step, size[turns] * settings.shrink)
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
    NADAM: _nadam,
    ADADELTA: _adadelta,
}
