"""Activation functions: forward and backward side by side.

Each works on consecutive numbers: a panel of the network's workspace or a user's array. ReLU has its own kernels. All
other activations share one pair of kernels that takes the kind as a number; the choice costs nothing beside the
arithmetic of a vector.
"""

from .._base.tables import (
    ACTIVATION_KINDS,
    ELU,
    GELU,
    GELU_TANH,
    HARD_SIGMOID,
    HARD_SWISH,
    LEAKY_RELU,
    MISH,
    SELU,
    SIGMOID,
    SILU,
    SOFTPLUS,
    TANH,
)
from .._compiling.jit import inner, kernel, prange
from .layout import read, write
from .math import exp_vector, expm1_vector, normal_vectors, sigmoid_vector, softplus_vector, tanh_vector
from .simd import lanes, load, load_first, maximum, minimum, store, store_first, tail, where

SPAN = 8192  # numbers per parallel block
# Klambauer et al., "Self-normalizing neural networks", 2017: with these, mean 0 and variance 1 are a fixed point.
SELU_SCALE, SELU_ALPHA = 1.0507009873554805, 1.6732632423543772
SQRT_2_OVER_PI, GELU_CUBIC = 0.7978845608028654, 0.044715  # Hendrycks and Gimpel, 2016


@inner
def relu_forward_span(y, x, count):
    n = lanes(y)
    whole = count - count % n
    for i in range(0, whole, n):
        store(y, i, maximum(0.0, load(x, i)))  # in this order a NaN stays NaN
    rest = count - whole
    if rest > 0:
        store_first(y, whole, maximum(0.0, load_first(x, whole, rest)), rest)


@inner
def relu_backward_span(dx, dy, y, count):
    n = lanes(dx)
    whole = count - count % n
    for i in range(0, whole, n):
        store(dx, i, where(load(y, i) > 0.0, load(dy, i), 0.0))
    rest = count - whole
    if rest > 0:
        gate = load_first(y, whole, rest) > 0.0
        store_first(dx, whole, where(gate, load_first(dy, whole, rest), 0.0), rest)


@kernel("y[batch, units] = x[batch, units] in place")
def relu_forward(y, x):
    """Rectified linear unit: y = max(x, 0). NaN stays NaN.

    Parameters
    ----------
    y : ndarray, shape (batch, units)
        Overwritten.
    x : array_like, shape (batch, units)

    Examples
    --------
    >>> import numpy as np
    >>> from fastmlp import kernels
    >>> y = np.empty((1, 3))
    >>> kernels.relu_forward(y, [[-1.0, 0.5, 2.0]])
    >>> y.tolist()
    [[0.0, 0.5, 2.0]]
    """
    y_flat, x_flat = y.reshape(y.size), x.reshape(x.size)
    for q in prange((y.size + SPAN - 1) // SPAN):
        relu_forward_span(tail(y_flat, q * SPAN), tail(x_flat, q * SPAN), min(SPAN, y_flat.size - q * SPAN))


@kernel("dx[batch, units] = dy[batch, units] in place, y[batch, units] in place")
def relu_backward(dx, dy, y):
    """Gradient of y = max(x, 0): dx = dy where y > 0, else 0.

    Parameters
    ----------
    dx : ndarray, shape (batch, units)
        Overwritten: the gradient of the loss with respect to x.
    dy : array_like, shape (batch, units)
        The gradient of the loss with respect to y.
    y : array_like, shape (batch, units)
        The output of `relu_forward`.

    Examples
    --------
    >>> import numpy as np
    >>> from fastmlp import kernels
    >>> dx = np.empty((1, 3))
    >>> kernels.relu_backward(dx, [[1.0, 2.0, 3.0]], [[0.0, 0.5, 2.0]])
    >>> dx.tolist()
    [[0.0, 2.0, 3.0]]
    """
    dx_flat, dy_flat, y_flat = dx.reshape(dx.size), dy.reshape(dy.size), y.reshape(y.size)
    for q in prange((y.size + SPAN - 1) // SPAN):
        at = q * SPAN
        relu_backward_span(tail(dx_flat, at), tail(dy_flat, at), tail(y_flat, at), min(SPAN, y_flat.size - at))


# ---------------------------------------------------------------- all the others


@inner
def activation_vector(x, kind, alpha):
    if kind == LEAKY_RELU:
        return where(x > 0.0, x, x * alpha)
    if kind == ELU:
        return where(x > 0.0, x, expm1_vector(x) * alpha)
    if kind == SELU:
        return where(x > 0.0, x, expm1_vector(x) * SELU_ALPHA) * SELU_SCALE
    if kind == GELU:
        return x * normal_vectors(x)[0]
    if kind == GELU_TANH:
        return x * sigmoid_vector(gelu_tanh_argument(x))
    if kind == SILU:
        return x * sigmoid_vector(x)
    if kind == SOFTPLUS:
        return softplus_vector(x)
    if kind == SIGMOID:
        return sigmoid_vector(x)
    if kind == TANH:
        return tanh_vector(x)
    if kind == MISH:
        return x * mish_share(x)[0]
    if kind == HARD_SIGMOID:
        return hard_sigmoid_vector(x)
    if kind == HARD_SWISH:
        return x * hard_sigmoid_vector(x)
    return x


@inner
def gelu_tanh_argument(x):
    """2u of x (1 + tanh u)/2, which is x σ(2u), so that no digits cancel."""
    return (x + x * x * x * GELU_CUBIC) * (2.0 * SQRT_2_OVER_PI)


@inner
def hard_sigmoid_vector(x):
    """A straight line from 0 at -3 to 1 at 3. x + 3 keeps all digits near -3; NaN stays NaN."""
    return minimum(1.0, maximum(0.0, (x + 3.0) * (1 / 6)))


@inner
def mish_share(x):
    """tanh(log(1 + eˣ)) and its slope. With u = eˣ and n = u (u + 2), they are n/(n + 2) and 4u (u + 1)/(n + 2)²."""
    u = exp_vector(minimum(40.0, x))  # from there on the share is 1 and its slope 0, and n is still finite
    n = u * (u + 2.0)
    rest = 2.0 / (n + 2.0)
    return n / (n + 2.0), (rest * u) * (rest * (u + 1.0))


@inner
def slope_vector(x, y, kind, alpha):
    """dy/dx. Those of `SLOPE_NEEDS_X` need x. All others need only y, and x may hold anything."""
    if kind == LEAKY_RELU:
        return where(y > 0.0, y * 0.0 + 1.0, alpha)
    if kind == ELU:  # alpha e**x = y + alpha
        return where(y > 0.0, 1.0, y + alpha)
    if kind == SELU:
        return where(y > 0.0, SELU_SCALE, y + SELU_SCALE * SELU_ALPHA)
    if kind == GELU:  # of x Φ(x)
        below, density = normal_vectors(x)
        return below + x * density
    if kind == GELU_TANH:
        s = sigmoid_vector(gelu_tanh_argument(x))
        x = minimum(99.0, maximum(-99.0, x))  # here s (1 − s) is 0, and x³ is still finite
        inner = (x * x * (3.0 * GELU_CUBIC) + 1.0) * (2.0 * SQRT_2_OVER_PI)
        return s + x * s * (1.0 - s) * inner
    if kind == SILU:
        s = sigmoid_vector(x)
        return s * (x * (1.0 - s) + 1.0)
    if kind == SOFTPLUS:  # e**x / (1 + e**x), and 1 + e**x = e**y
        return -expm1_vector(-y)
    if kind == SIGMOID:
        return y * (1.0 - y)
    if kind == TANH:
        return 1.0 - y * y
    if kind == MISH:  # of x share(x); from 40 on the share is 1, and x may be infinite
        share, share_slope = mish_share(x)
        return share + minimum(40.0, x) * share_slope
    if kind == HARD_SIGMOID:
        return where(y > 0.0, where(y < 1.0, y * 0.0 + 1 / 6, 0.0), y * 0.0)
    if kind == HARD_SWISH:  # of x²/6 + x/2 between −3 and 3
        return where(x > -3.0, where(x < 3.0, x * (1 / 3) + 0.5, 1.0), x * 0.0)
    return y * 0.0 + 1.0


@inner
def activation_forward_span(y, x, count, kind, alpha):
    for i in range(0, count, lanes(y)):
        write(y, i, activation_vector(read(x, i, count - i), kind, alpha), count - i)


@inner
def activation_backward_span(dx, dy, x, y, count, kind, alpha):
    for i in range(0, count, lanes(dx)):
        left = count - i
        slope = slope_vector(read(x, i, left), read(y, i, left), kind, alpha)
        write(dx, i, read(dy, i, left) * slope, left)


@kernel(f"y[batch, units] = x[batch, units] in place, kind int < {ACTIVATION_KINDS}, alpha float")
def activation_forward(y, x, kind, alpha):
    """An activation function other than ReLU and softmax, element by element.

    Parameters
    ----------
    y : ndarray, shape (batch, units)
        Overwritten.
    x : array_like, shape (batch, units)
    kind : int
        One of the kinds of activation of `fastmlp.kernels.tables`, such as ``GELU`` or ``TANH``.
    alpha : float
        The slope of the leaky ReLU below 0, or α of the ELU.

    Examples
    --------
    >>> import numpy as np
    >>> from fastmlp import kernels
    >>> y = np.empty((1, 3))
    >>> kernels.activation_forward(y, [[-1.0, 0.0, 2.0]], kernels.tables.TANH, 0.0)
    >>> y.round(4).tolist()
    [[-0.7616, 0.0, 0.964]]
    """
    y_flat, x_flat = y.reshape(y.size), x.reshape(x.size)
    for q in prange((y.size + SPAN - 1) // SPAN):
        at = q * SPAN
        activation_forward_span(tail(y_flat, at), tail(x_flat, at), min(SPAN, y_flat.size - at), kind, alpha)


@kernel(
    "dx[batch, units] = dy[batch, units] in place, x[batch, units] in place, y[batch, units] in place, "
    f"kind int < {ACTIVATION_KINDS}, alpha float"
)
def activation_backward(dx, dy, x, y, kind, alpha):
    """Gradient of `activation_forward`: dx = dy ⊙ f′(x).

    Parameters
    ----------
    dx : ndarray, shape (batch, units)
        Overwritten.
    dy : array_like, shape (batch, units)
    x, y : array_like, shape (batch, units)
        The input and output of `activation_forward`. Those of ``SLOPE_NEEDS_X`` read only ``x``, the others only ``y``.
    kind, alpha
        As in `activation_forward`.

    Examples
    --------
    >>> import numpy as np
    >>> from fastmlp import kernels
    >>> dx = np.empty((1, 2))
    >>> kernels.activation_backward(dx, [[1.0, 1.0]], [[0.0, 9.0]], [[0.5, 1.0]], kernels.tables.SIGMOID, 0.0)
    >>> dx.tolist()
    [[0.25, 0.0]]
    """
    dx_flat, dy_flat = dx.reshape(dx.size), dy.reshape(dy.size)
    x_flat, y_flat = x.reshape(x.size), y.reshape(y.size)
    for q in prange((y.size + SPAN - 1) // SPAN):
        at = q * SPAN
        count = min(SPAN, y_flat.size - at)
        activation_backward_span(
            tail(dx_flat, at), tail(dy_flat, at), tail(x_flat, at), tail(y_flat, at), count, kind, alpha
        )
