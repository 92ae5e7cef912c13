"""Optimiser updates, the simple one first. Each works in place on a span of the flat parameter vector.

Plain SGD and Adam have functions of their own. All others, and updates that clip, decay or average, are one function
that takes the rule as a number.
"""

import numpy as np

from .._base.tables import (
    ADAGRAD,
    ADAM,
    ADAMAX,
    BETA_1,
    BETA_2,
    CLIP_VALUE,
    EMA_MOMENTUM,
    EPSILON,
    GROW,
    LEAST_STEP,
    MOMENTUM_SGD,
    MOST_STEP,
    NESTEROV,
    NO_UPDATE,
    RHO,
    RMSPROP,
    RPROP,
    SETTINGS_FIELDS,
    SHRINK,
    STATE_SLOTS,
    VELOCITY,
    WEIGHT_DECAY,
)
from .._compiling.jit import block, kernel, prange
from .layout import read, write
from .simd import (
    fma,
    lanes,
    load,
    load_first,
    maximum,
    minimum,
    panel,
    splat,
    sqrt,
    store,
    store_first,
    sum_lanes,
    where,
)

SPAN = 4096  # parameters per parallel block


@block
def sgd_vector(w, dw, learning_rate):
    """w ← w − η dw"""
    return fma(dw, -learning_rate, w)


@block
def sgd_span(w, wi, dw, dwi, count, learning_rate):
    """Update w[wi:] from dw[dwi:]."""
    n = lanes(w)
    whole = count - count % n
    for i in range(0, whole, n):
        store(w, wi + i, sgd_vector(load(w, wi + i), load(dw, dwi + i), learning_rate))
    rest = count - whole
    if rest > 0:
        new = sgd_vector(load_first(w, wi + whole, rest), load_first(dw, dwi + whole, rest), learning_rate)
        store_first(w, wi + whole, new, rest)


@block
def adam_vector(w, m, v, dw, rate, beta_1, beta_2, epsilon):
    """m ← β₁m + (1−β₁)dw, v ← β₂v + (1−β₂)dw², w ← w − rate · m / (√v + epsilon).

    ``rate`` and ``epsilon`` carry the bias corrections of the step, see `adam_scalars`.
    """
    m = fma(dw - m, 1.0 - beta_1, m)
    v = fma(fma(dw, dw, -v), 1.0 - beta_2, v)
    return w - m * rate / (sqrt(v) + epsilon), m, v


@block
def adam_scalars(learning_rate, beta_1, beta_2, epsilon, step):
    """Fold the corrections m/(1−β₁ᵗ) and v/(1−β₂ᵗ) into two numbers for the whole step.

    η m̂/(√v̂ + ε) = η √(1−β₂ᵗ)/(1−β₁ᵗ) · m / (√v + ε √(1−β₂ᵗ)).
    """
    root = np.sqrt(1.0 - beta_2**step)
    return learning_rate * root / (1.0 - beta_1**step), epsilon * root


@block
def adam_span(w, wi, m, mi, v, vi, dw, dwi, count, rate, beta_1, beta_2, epsilon):
    """Update w[wi:], m[mi:], v[vi:] from dw[dwi:]."""
    n = lanes(w)
    whole = count - count % n
    for i in range(0, whole, n):
        gradient = load(dw, dwi + i)
        new, mean, square = adam_vector(
            load(w, wi + i), load(m, mi + i), load(v, vi + i), gradient, rate, beta_1, beta_2, epsilon
        )
        store(w, wi + i, new)
        store(m, mi + i, mean)
        store(v, vi + i, square)
    rest = count - whole
    if rest > 0:
        i = whole
        gradient = load_first(dw, dwi + i, rest)
        new, mean, square = adam_vector(
            load_first(w, wi + i, rest),
            load_first(m, mi + i, rest),
            load_first(v, vi + i, rest),
            gradient,
            rate,
            beta_1,
            beta_2,
            epsilon,
        )
        store_first(w, wi + i, new, rest)
        store_first(m, mi + i, mean, rest)
        store_first(v, vi + i, square, rest)


# ---------------------------------------------------------------- any rule


@block
def sign_vector(x):
    return where(x > 0.0, x * 0.0 + 1.0, where(x < 0.0, x * 0.0 - 1.0, x))


@block
def scalars_of_step(optimizer, settings, learning_rate, step):
    """The two numbers of an update that are the same for all parameters."""
    if optimizer == ADAM:
        return adam_scalars(learning_rate, settings[BETA_1], settings[BETA_2], settings[EPSILON], step)
    if optimizer == ADAMAX:
        return learning_rate / (1.0 - settings[BETA_1] ** step), settings[EPSILON]
    return learning_rate, settings[EPSILON]


@block
def numbers_of_rule(settings):
    """What `rule_vector` reads, as numbers: in an array, each store to the parameters might have changed them."""
    moments = (settings[BETA_1], settings[BETA_2], settings[VELOCITY], settings[NESTEROV], settings[RHO])
    return moments, (settings[MOST_STEP], settings[GROW], settings[LEAST_STEP], settings[SHRINK])


@block
def rule_vector(w, dw, state, si, n, left, optimizer, numbers, rate, small):
    """The new value of one vector of parameters; its state lies ``n`` apart."""
    (beta_1, beta_2, momentum, nesterov, rho), (most, grow, least, shrink) = numbers
    if optimizer == MOMENTUM_SGD:  # v ← μv − η dw, w ← w + v; Nesterov looks ahead: w ← w + μv − η dw
        velocity = read(state, si, left) * momentum - dw * rate
        write(state, si, velocity, left)
        if nesterov > 0.0:
            return w + (velocity * momentum - dw * rate)
        return w + velocity
    if optimizer == ADAGRAD:  # v ← v + dw², w ← w − η dw / (√v + ε)
        total = fma(dw, dw, read(state, si, left))
        write(state, si, total, left)
        return w - dw * rate / (sqrt(total) + small)
    if optimizer == RMSPROP:  # v ← ρv + (1 − ρ)dw², b ← μb + dw / (√v + ε), w ← w − ηb
        mean = read(state, si, left) * rho + dw * dw * (1.0 - rho)
        move = fma(read(state, si + n, left), momentum, dw / (sqrt(mean) + small))
        write(state, si, mean, left)
        write(state, si + n, move, left)
        return w - move * rate
    if optimizer == ADAM:
        new, m, v = adam_vector(w, read(state, si, left), read(state, si + n, left), dw, rate, beta_1, beta_2, small)
        write(state, si, m, left)
        write(state, si + n, v, left)
        return new
    if optimizer == ADAMAX:  # m as Adam's, u ← max(β₂u, |dw|), w ← w − η/(1 − β₁ᵗ) · m / (u + ε)
        m = fma(dw - read(state, si, left), 1.0 - beta_1, read(state, si, left))
        u = maximum(read(state, si + n, left) * beta_2, maximum(dw, -dw))
        write(state, si, m, left)
        write(state, si + n, u, left)
        return w - m * rate / (u + small)
    if optimizer == RPROP:  # steps of their own, which grow while the sign stays; where it changes, none is made
        agreement = read(state, si, left) * dw
        step = read(state, si + n, left)
        grown = minimum(most, step * grow)
        shrunk = maximum(least, step * shrink)
        step = where(agreement > 0.0, grown, where(agreement < 0.0, shrunk, step))
        used = where(agreement < 0.0, 0.0, dw)
        write(state, si, used, left)
        write(state, si + n, step, left)
        return w - sign_vector(used) * step
    return fma(dw, -rate, w)


@block
def averaged_share(settings, step):
    """Share of the new weights in their average: all of it, at the first step."""
    return 1.0 - settings[EMA_MOMENTUM] if step > 1 else 1.0


@block
def general_span(w, wi, state, si, n, dw, dwi, count, optimizer, settings, pace, factor, ema):
    """Update w[wi:] from ``factor`` · dw[dwi:], with clipping by value, decoupled decay and an average of weights.

    ``pace`` is (learning_rate, step, and what `scalars_of_step` makes of them); ``ema`` is the number of the state that
    holds the average, or -1.
    """
    learning_rate, step, rate, small = pace
    clip, decay = settings[CLIP_VALUE], 1.0 - learning_rate * settings[WEIGHT_DECAY]
    share, numbers = averaged_share(settings, step), numbers_of_rule(settings)
    changes, rule = (factor, clip, decay, ema, share), (optimizer, numbers, rate, small)
    whole = count - count % lanes(w)  # by themselves: what is asked of each vector takes as long as its arithmetic
    for i in range(0, whole, lanes(w)):
        general_vector(w, wi + i, state, si + i, n, dw, dwi + i, lanes(w), changes, rule)
    if whole < count:
        general_vector(w, wi + whole, state, si + whole, n, dw, dwi + whole, count - whole, changes, rule)


@block
def general_vector(w, wi, state, si, n, dw, dwi, left, changes, rule):
    factor, clip, decay, ema, share = changes
    optimizer, numbers, rate, small = rule
    gradient = read(dw, dwi, left) * factor
    if clip > 0.0:
        gradient = maximum(-clip, minimum(clip, gradient))
    old = read(w, wi, left) * decay
    new = rule_vector(old, gradient, state, si, n, left, optimizer, numbers, rate, small)
    write(w, wi, new, left)
    if ema >= 0:
        average = read(state, si + ema * n, left)
        write(state, si + ema * n, fma(new - average, share, average), left)


@block
def penalize_span(w, wi, dw, dwi, count, l1, l2):
    """Add the slope of l1 |w| + l2 w² to a gradient; returns the penalty and the gradient's sum of squares.

    Here and in `penalty_span` ``count`` is of whole vectors.
    """
    penalty, squares = splat(w, 0.0), splat(w, 0.0)
    for i in range(0, count, lanes(w)):
        here = load(w, wi + i)
        gradient = load(dw, dwi + i) + (sign_vector(here) * l1 + here * (2.0 * l2))
        store(dw, dwi + i, gradient)
        penalty = penalty + (maximum(here, -here) * l1 + here * here * l2)
        squares = fma(gradient, gradient, squares)
    return np.float64(sum_lanes(penalty)), np.float64(sum_lanes(squares))


@block
def penalty_span(w, wi, count, l1, l2):
    """l1 |w| + l2 w², summed up."""
    penalty = splat(w, 0.0)
    for i in range(0, count, lanes(w)):
        here = load(w, wi + i)
        penalty = penalty + (maximum(here, -here) * l1 + here * here * l2)
    return np.float64(sum_lanes(penalty))


@block
def limit_columns(w, wi, averages, ai, share, rows, most):
    """Shorten the columns of one panel of a matrix to a length of ``most``.

    The averages of the weights, if ``ai`` is not -1, hold a ``share`` of the weights that are too long: it is replaced.
    """
    p = panel(w)
    for v in range(0, p, lanes(w)):
        squares = splat(w, 0.0)
        for r in range(rows):
            here = load(w, wi + r * p + v)
            squares = fma(here, here, squares)
        length = sqrt(squares)
        factor = where(length > most, most / maximum(length, 1e-30), 1.0)
        for r in range(rows):
            at = wi + r * p + v
            long = load(w, at)
            store(w, at, long * factor)
            if ai >= 0:
                of = ai + r * p + v
                store(averages, of, fma(long * (factor - 1.0), share, load(averages, of)))


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
        sgd_span(w, q * SPAN, dw, q * SPAN, min(SPAN, w.size - q * SPAN), learning_rate)


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
        adam_span(w, at, m, at, v, at, dw, at, min(SPAN, w.size - at), rate, beta_1, beta_2, small)


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
    - ``RPROP``: each parameter has a step of its own, which grows while the sign of its gradient stays and shrinks when
      it changes; the parameter moves by it, except after a change

    Parameters
    ----------
    w : ndarray, shape (n,)
        Updated in place.
    state : ndarray, shape (slots * n,)
        Updated in place: what the rule keeps for each parameter, one after the other.
    dw : array_like, shape (n,)
    optimizer : int
        From ``SGD`` to ``RPROP``.
    settings : array_like of float64, shape (SETTINGS_FIELDS,)
        See `fastmlp.kernels.tables`; `fastmlp.optimizers.Optimizer.settings` gives it.
    learning_rate : float
    step : int
        t, 1 for the first step.

    References
    ----------
    Sutskever et al., "On the importance of initialization and momentum", 2013; Duchi et al., "Adaptive subgradient
    methods", 2011; Tieleman and Hinton, lecture 6.5 (RMSprop), 2012; Kingma and Ba, 2015 (Adam, Adamax); Loshchilov and
    Hutter, "Decoupled weight decay regularization", 2019; Riedmiller and Braun, "RPROP", 1993.

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
    n = w.size
    rate, small = scalars_of_step(optimizer, settings, learning_rate, step)
    for q in prange((n + SPAN - 1) // SPAN):
        at, pace = q * SPAN, (learning_rate, step, rate, small)
        general_span(w, at, state, at, n, dw, at, min(SPAN, n - at), optimizer, settings, pace, 1.0, -1)
