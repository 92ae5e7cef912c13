"""Optimiser updates, the simplest first. Each works in place on a span of the flat parameter vector.

Plain SGD and Adam have their own functions. All other rules, and updates that clip, decay or average, share one
function that takes the rule as a number.
"""

import math
from typing import Any, NamedTuple

import numpy as np

from .._base.tables import (
    ADADELTA,
    ADAGRAD,
    ADAM,
    ADAMAX,
    MOMENTUM_SGD,
    NADAM,
    NO_UPDATE,
    PACE,
    PACE_FIELDS,
    RMSPROP,
    RPROP,
    SETTINGS,
    SETTINGS_FIELDS,
    STATE_SLOTS,
)
from .._compiling.jit import ALL, inner, kernel, prange
from .layout import read, write
from .simd import (
    fma,
    lanes,
    load,
    load_first,
    maximum,
    minimum,
    panel,
    records,
    splat,
    sqrt,
    store,
    store_first,
    sum_lanes,
    tail,
    where,
)

SPAN = 4096  # parameters per parallel block
LOG_OF_DECAY = math.log(0.96)  # of Nadam's schedule of momenta


@inner
def sgd_vector(w, dw, learning_rate):
    """w ← w − η dw"""
    return fma(dw, -learning_rate, w)


@inner
def sgd_span(w, dw, count, learning_rate):
    """Update the first ``count`` numbers of w."""
    n = lanes(w)
    whole = count - count % n
    for i in range(0, whole, n):
        store(w, i, sgd_vector(load(w, i), load(dw, i), learning_rate))
    rest = count - whole
    if rest > 0:
        new = sgd_vector(load_first(w, whole, rest), load_first(dw, whole, rest), learning_rate)
        store_first(w, whole, new, rest)


@inner
def adam_vector(w, m, v, dw, rate, beta_1, beta_2, epsilon):
    """m ← β₁m + (1−β₁)dw, v ← β₂v + (1−β₂)dw², w ← w − rate · m / (√v + epsilon).

    ``rate`` and ``epsilon`` carry the bias corrections of the step, see `adam_scalars`.
    """
    m = fma(dw - m, 1.0 - beta_1, m)
    v = fma(fma(dw, dw, -v), 1.0 - beta_2, v)
    return w - m * rate / (sqrt(v) + epsilon), m, v


@inner
def adam_scalars(learning_rate, beta_1, beta_2, epsilon, step):
    """Combine the corrections m/(1−β₁ᵗ) and v/(1−β₂ᵗ) into two numbers for the whole step.

    η m̂/(√v̂ + ε) = η √(1−β₂ᵗ)/(1−β₁ᵗ) · m / (√v + ε √(1−β₂ᵗ)).
    """
    root = np.sqrt(1.0 - beta_2**step)
    return learning_rate * root / (1.0 - beta_1**step), epsilon * root


@inner
def adam_span(w, m, v, dw, count, rate, beta_1, beta_2, epsilon):
    """Update the first ``count`` numbers of w, m and v."""
    n = lanes(w)
    whole = count - count % n
    for i in range(0, whole, n):
        new, mean, square = adam_vector(load(w, i), load(m, i), load(v, i), load(dw, i), rate, beta_1, beta_2, epsilon)
        store(w, i, new)
        store(m, i, mean)
        store(v, i, square)
    i, rest = whole, count - whole
    if rest > 0:
        old, mean, square = load_first(w, i, rest), load_first(m, i, rest), load_first(v, i, rest)
        gradient = load_first(dw, i, rest)
        new, mean, square = adam_vector(old, mean, square, gradient, rate, beta_1, beta_2, epsilon)
        store_first(w, i, new, rest)
        store_first(m, i, mean, rest)
        store_first(v, i, square, rest)


# ---------------------------------------------------------------- any rule


@inner
def sign_vector(x):
    return where(x > 0.0, x * 0.0 + 1.0, where(x < 0.0, x * 0.0 - 1.0, x))


@inner
def set_pace(pace, optimizer, settings, learning_rate, step, form):
    """Write the scalars of one update: first those of all rules, then the rule's own."""
    pace.rate, pace.small = learning_rate, settings.epsilon
    if optimizer == ADAM:
        pace.rate, pace.small = adam_scalars(learning_rate, settings.beta_1, settings.beta_2, settings.epsilon, step)
        if settings.epsilon_hat > 0.0:
            pace.small = settings.epsilon
    set_other_pace(pace, optimizer, settings, learning_rate, step, form)


@inner(unless_core="form")
def set_other_pace(pace, optimizer, settings, learning_rate, step, form):
    pace.decay = 1.0 - learning_rate * settings.weight_decay
    pace.share = 1.0 - settings.ema_momentum if step > 1 else 1.0
    if optimizer == ADAMAX:
        pace.rate = learning_rate / (1.0 - settings.beta_1**step)
    elif optimizer == NADAM:
        nadam_scalars(pace, settings, learning_rate, step)


@inner
def nadam_scalars(pace, settings, learning_rate, step):
    """As `adam_scalars`, but with Π μᵢ in the place of β₁ᵗ and with a rate for the gradient itself."""
    root = np.sqrt(1.0 - settings.beta_2**step)
    now, following = momentum_at(settings, step), momentum_at(settings, step + 1)
    product = product_of_momenta(settings, step)
    pace.rate = learning_rate * root * following / (1.0 - product * following)
    pace.direct = learning_rate * root * (1.0 - now) / (1.0 - product)
    pace.small = settings.epsilon * root


@inner
def momentum_at(settings, step):
    """μᵢ = β₁ (1 − qⁱ / 2) with q = 0.96^momentum_decay."""
    return settings.beta_1 * (1.0 - 0.5 * math.exp(LOG_OF_DECAY * settings.momentum_decay * step))


@inner
def product_of_momenta(settings, step):
    """μ₁ ⋯ μₜ, computed from t alone, so that it has the same bits however a training is divided.

    log Π (1 − qⁱ / 2) = −Σₖ 2⁻ᵏ / k · Σᵢ qⁱᵏ, where Σᵢ qⁱᵏ = qᵏ (1 − qᵏᵗ) / (1 − qᵏ) is geometric.
    """
    total, share = 0.0, 1.0
    for k in range(1, 54):  # terms fall by more than half
        share = 0.5 * share
        power = LOG_OF_DECAY * settings.momentum_decay * k  # log qᵏ
        powers = np.float64(step)
        if power < 0.0:
            powers = math.exp(power) * math.expm1(power * step) / math.expm1(power)
        total += share / k * powers
        if total > 40.0:  # e⁻⁴⁰ is nothing beside 1
            break
    return settings.beta_1**step * math.exp(-total)


class Rule(NamedTuple):
    """An update as scalars: the compiler would reload an array after each store to the parameters."""

    optimizer: Any
    rate: Any
    small: Any
    beta_1: Any
    beta_2: Any
    momentum: Any
    nesterov: Any
    rho: Any
    most: Any
    grow: Any
    least: Any
    shrink: Any
    direct: Any
    factor: Any
    clip: Any
    decay: Any
    ema: Any
    share: Any


@inner
def rule_of(optimizer, settings, pace, factor, ema):
    """The rule for gradients times ``factor``; ``ema`` is the slot with the average, or -1."""
    return Rule(
        optimizer,
        pace.rate,
        pace.small,
        settings.beta_1,
        settings.beta_2,
        settings.momentum,
        settings.nesterov,
        settings.rho,
        settings.most_step,
        settings.grow,
        settings.least_step,
        settings.shrink,
        pace.direct,
        factor,
        settings.clip_value,
        pace.decay,
        ema,
        pace.share,
    )


@inner
def rule_vector(w, dw, state, i, n, left, rule):
    """The new value of one vector of parameters; its state lies ``n`` apart."""
    optimizer, rate, small = rule.optimizer, rule.rate, rule.small
    if optimizer == MOMENTUM_SGD:  # v ← μv − η dw, w ← w + v; Nesterov looks ahead: w ← w + μv − η dw
        velocity = read(state, i, left) * rule.momentum - dw * rate
        write(state, i, velocity, left)
        if rule.nesterov > 0.0:
            return w + (velocity * rule.momentum - dw * rate)
        return w + velocity
    if optimizer == ADAGRAD:  # v ← v + dw², w ← w − η dw / (√v + ε)
        total = fma(dw, dw, read(state, i, left))
        write(state, i, total, left)
        return w - dw * rate / (sqrt(total) + small)
    if optimizer == RMSPROP:  # v ← ρv + (1 − ρ)dw², b ← μb + dw / (√v + ε), w ← w − ηb
        mean = read(state, i, left) * rule.rho + dw * dw * (1.0 - rule.rho)
        move = fma(read(state, i + n, left), rule.momentum, dw / (sqrt(mean) + small))
        write(state, i, mean, left)
        write(state, i + n, move, left)
        return w - move * rate
    if optimizer == ADADELTA:  # v ← ρv + (1 − ρ)dw², d = √(u + ε) / √(v + ε) · dw, u ← ρu + (1 − ρ)d², w ← w − ηd
        mean = read(state, i, left) * rule.rho + dw * dw * (1.0 - rule.rho)
        moves = read(state, i + n, left)
        move = sqrt(moves + small) / sqrt(mean + small) * dw
        write(state, i, mean, left)
        write(state, i + n, moves * rule.rho + move * move * (1.0 - rule.rho), left)
        return w - move * rate
    if optimizer == ADAM:
        m, v = read(state, i, left), read(state, i + n, left)
        new, m, v = adam_vector(w, m, v, dw, rate, rule.beta_1, rule.beta_2, small)
        write(state, i, m, left)
        write(state, i + n, v, left)
        return new
    if optimizer == ADAMAX:  # m as Adam's, u ← max(β₂u, |dw|), w ← w − η/(1 − β₁ᵗ) · m / (u + ε)
        m = fma(dw - read(state, i, left), 1.0 - rule.beta_1, read(state, i, left))
        u = maximum(read(state, i + n, left) * rule.beta_2, maximum(dw, -dw))
        write(state, i, m, left)
        write(state, i + n, u, left)
        return w - m * rate / (u + small)
    if optimizer == NADAM:  # m and v as Adam's, w ← w − (rate · m + direct · dw) / (√v + small)
        m = fma(dw - read(state, i, left), 1.0 - rule.beta_1, read(state, i, left))
        v = fma(fma(dw, dw, -read(state, i + n, left)), 1.0 - rule.beta_2, read(state, i + n, left))
        write(state, i, m, left)
        write(state, i + n, v, left)
        return w - fma(m, rate, dw * rule.direct) / (sqrt(v) + small)
    if optimizer == RPROP:  # each parameter has its own step, which grows while the sign stays; it rests after a change
        agreement = read(state, i, left) * dw
        step = read(state, i + n, left)
        grown = minimum(rule.most, step * rule.grow)
        shrunk = maximum(rule.least, step * rule.shrink)
        step = where(agreement > 0.0, grown, where(agreement < 0.0, shrunk, step))
        used = where(agreement < 0.0, 0.0, dw)
        write(state, i, used, left)
        write(state, i + n, step, left)
        return w - sign_vector(used) * step
    return fma(dw, -rate, w)


@inner
def general_span(w, state, n, dw, count, rule):
    """Update the first ``count`` numbers of w, with clipping by value, decoupled decay and an average of weights."""
    whole = count - count % lanes(w)  # in separate loops: a condition for each vector takes as long as its arithmetic
    for i in range(0, whole, lanes(w)):
        general_vector(w, state, n, dw, i, lanes(w), rule)
    if whole < count:
        general_vector(w, state, n, dw, whole, count - whole, rule)


@inner
def general_vector(w, state, n, dw, i, left, rule):
    gradient = read(dw, i, left) * rule.factor
    if rule.clip > 0.0:
        gradient = maximum(-rule.clip, minimum(rule.clip, gradient))
    new = rule_vector(read(w, i, left) * rule.decay, gradient, state, i, n, left, rule)
    write(w, i, new, left)
    if rule.ema >= 0:
        at = i + rule.ema * n
        average = read(state, at, left)
        write(state, at, fma(new - average, rule.share, average), left)


@inner
def penalize_span(w, dw, count, l1, l2):
    """Add the derivative of l1 |w| + l2 w² to a gradient; returns the penalty and the gradient's sum of squares.

    Here and in `penalty_span`, ``count`` is a multiple of the vector width.
    """
    penalty, squares = splat(w, 0.0), splat(w, 0.0)
    for i in range(0, count, lanes(w)):
        here = load(w, i)
        gradient = load(dw, i) + (sign_vector(here) * l1 + here * (2.0 * l2))
        store(dw, i, gradient)
        penalty = penalty + (maximum(here, -here) * l1 + here * here * l2)
        squares = fma(gradient, gradient, squares)
    return np.float64(sum_lanes(penalty)), np.float64(sum_lanes(squares))


@inner
def squares_span(dw, count):
    """The sum of squares of a gradient, in the order of `penalize_span`."""
    squares = splat(dw, 0.0)
    for i in range(0, count, lanes(dw)):
        gradient = load(dw, i)
        squares = fma(gradient, gradient, squares)
    return np.float64(sum_lanes(squares))


@inner
def penalty_span(w, count, l1, l2):
    """The sum of l1 |w| + l2 w²."""
    penalty = splat(w, 0.0)
    for i in range(0, count, lanes(w)):
        here = load(w, i)
        penalty = penalty + (maximum(here, -here) * l1 + here * here * l2)
    return np.float64(sum_lanes(penalty))


@inner
def limit_columns(w, averages, share, rows, most):
    """Shorten the columns of one panel of a matrix to a length of ``most``.

    The averages of the weights, if any, contain a ``share`` of the weights before shortening, which is replaced.
    """
    p = panel(w)
    for v in range(0, p, lanes(w)):
        squares = splat(w, 0.0)
        for r in range(rows):
            here = load(w, r * p + v)
            squares = fma(here, here, squares)
        length = sqrt(squares)
        factor = where(length > most, most / maximum(length, 1e-30), 1.0)
        for r in range(rows):
            at = r * p + v
            long = load(w, at)
            store(w, at, long * factor)
            if averages.size > 0:
                store(averages, at, fma(long * (factor - 1.0), share, load(averages, at)))


# ---------------------------------------------------------------- public kernels


@kernel("w[n] = dw[n] in place, learning_rate float")
def sgd_update(w, dw, learning_rate):
    """One step of stochastic gradient descent: w ← w − η dw.

    Parameters
    ----------
    w : ndarray, shape (n,)
        Updated in place.
    dw : array_like, shape (n,)
        Gradient of the loss with respect to w.
    learning_rate : float
        η.

    Examples
    --------
    >>> import numpy as np
    >>> from fastmlp import kernels
    >>> w = np.array([1.0, 2.0])
    >>> kernels.sgd_update(w, [1.0, -1.0], 0.5)
    >>> w.tolist()
    [0.5, 2.5]
    """
    for q in prange((w.size + SPAN - 1) // SPAN):
        sgd_span(tail(w, q * SPAN), tail(dw, q * SPAN), min(SPAN, w.size - q * SPAN), learning_rate)


@kernel(
    "w[n], m[n], v[n] = dw[n] in place, learning_rate float, beta_1 float < 1, beta_2 float < 1, epsilon float, "
    "step int >= 1"
)
def adam_update(w, m, v, dw, learning_rate, beta_1, beta_2, epsilon, step):
    """One step of Adam with bias correction.

    m ← β₁m + (1−β₁)dw, v ← β₂v + (1−β₂)dw², w ← w − η m̂ / (√v̂ + ε), with m̂ = m/(1−β₁ᵗ), v̂ = v/(1−β₂ᵗ).

    Parameters
    ----------
    w, m, v : ndarray, shape (n,)
        Parameters and their two moments, updated in place. The moments start at 0.
    dw : array_like, shape (n,)
        Gradient of the loss with respect to w.
    learning_rate, beta_1, beta_2, epsilon : float
        η, β₁, β₂, ε; the betas are from 0 to below 1.
    step : int
        t, 1 for the first step.

    References
    ----------
    Kingma and Ba, "Adam: a method for stochastic optimization", 2015, algorithm 1.

    Examples
    --------
    >>> import numpy as np
    >>> from fastmlp import kernels
    >>> w, m, v = np.array([1.0]), np.zeros(1), np.zeros(1)
    >>> kernels.adam_update(w, m, v, [3.0], 0.1, 0.9, 0.999, 1e-8, 1)
    >>> w.round(6).tolist()
    [0.9]
    """
    rate, small = adam_scalars(learning_rate, beta_1, beta_2, epsilon, step)
    for q in prange((w.size + SPAN - 1) // SPAN):
        at = q * SPAN
        adam_span(
            tail(w, at), tail(m, at), tail(v, at), tail(dw, at), min(SPAN, w.size - at), rate, beta_1, beta_2, small
        )


def _state_fault(values):
    w, state, optimizer = values["w"], values["state"], values["optimizer"]
    slots = STATE_SLOTS[optimizer]
    if state.size != slots * w.size:
        return f"state must have {slots} numbers for each of w's {w.size} with optimizer {optimizer}, not {state.size}"
    return None


@kernel(
    f"w[n], state[s] = dw[n] in place, optimizer int < {NO_UPDATE}, settings[{SETTINGS_FIELDS}] float64, "
    "learning_rate float, step int >= 1",
    _state_fault,
)
def optimizer_update(w, state, dw, optimizer, settings, learning_rate, step):
    r"""One step of any optimiser, with clipping by value and decoupled weight decay.

    First dw ← clip(dw, ±clip_value) and w ← (1 − η·weight_decay) w. Then, by ``optimizer`` of
    `fastmlp.kernels.tables`, with η the learning rate and the other letters from ``settings``:

    - ``SGD``: w ← w − η dw
    - ``MOMENTUM_SGD``: v ← μv − η dw, w ← w + v; with Nesterov w ← w + μv − η dw
    - ``ADAGRAD``: v ← v + dw², w ← w − η dw / (√v + ε)
    - ``RMSPROP``: v ← ρv + (1 − ρ) dw², b ← μb + dw / (√v + ε), w ← w − ηb
    - ``ADAM``: see `adam_update`
    - ``ADAMAX``: m ← β₁m + (1 − β₁) dw, u ← max(β₂u, \|dw\|), w ← w − η / (1 − β₁ᵗ) · m / (u + ε)
    - ``RPROP``: each parameter has its own step, which grows while the sign of its gradient stays and shrinks when it
      changes; the parameter moves by the step, except after a change
    - ``NADAM``: m and v as Adam's, w ← w − η (μₜ₊₁ m / (1 − μ₁ ⋯ μₜ₊₁) + (1 − μₜ) dw / (1 − μ₁ ⋯ μₜ)) / (√v̂ + ε), with
      μᵢ = β₁ (1 − ½ · 0.96^(i · momentum_decay))
    - ``ADADELTA``: v ← ρv + (1 − ρ) dw², d = √(u + ε) / √(v + ε) · dw, u ← ρu + (1 − ρ) d², w ← w − ηd

    Parameters
    ----------
    w : ndarray, shape (n,)
        Updated in place.
    state : ndarray, shape (slots * n,)
        Updated in place: the slots of the rule, one after the other.
    dw : array_like, shape (n,)
    optimizer : int
        From ``SGD`` to ``ADADELTA``.
    settings : array_like of float64, shape (SETTINGS_FIELDS,)
        See `fastmlp.kernels.tables`; `fastmlp.optimizers.Optimizer.settings` returns it.
    learning_rate : float
    step : int
        t, 1 for the first step.

    References
    ----------
    Sutskever et al., "On the importance of initialization and momentum", 2013; Duchi et al., "Adaptive subgradient
    methods", 2011; Tieleman and Hinton, lecture 6.5 (RMSprop), 2012; Kingma and Ba, 2015 (Adam, Adamax); Loshchilov
    and Hutter, "Decoupled weight decay regularization", 2019; Riedmiller and Braun, "RPROP", 1993; Dozat,
    "Incorporating Nesterov momentum into Adam", 2016; Zeiler, "ADADELTA", 2012.

    Examples
    --------
    >>> import numpy as np
    >>> import fastmlp as fm
    >>> from fastmlp import kernels
    >>> rule = fm.SGD(learning_rate=0.5, momentum=0.9)
    >>> w, state = np.array([1.0]), np.zeros(1)
    >>> kernels.optimizer_update(w, state, [1.0], rule.kernel_code, rule.settings(), 0.5, 1)
    >>> w.tolist(), state.tolist()
    ([0.5], [-0.5])
    """
    n, setting, pace = w.size, records(settings, SETTINGS), records(np.empty(PACE_FIELDS, np.float64), PACE)
    set_pace(pace[0], optimizer, setting[0], learning_rate, step, ALL)
    for q in prange((n + SPAN - 1) // SPAN):
        at, rule = q * SPAN, rule_of(optimizer, setting[0], pace[0], 1.0, -1)
        general_span(tail(w, at), tail(state, at), n, tail(dw, at), min(SPAN, n - at), rule)
