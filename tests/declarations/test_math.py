"""Elementary functions for users' numba code: accurate, in both precisions, whenever numba first sees them."""

import copy
import pickle

import numba
import numpy as np
import pytest

import fastmlp as fm
from fastmlp._compiling.jit import jit_disabled

from ..shared.processes import needs_jit, run_python

# A range of arguments, and the errors that are allowed, in units of the last place of the result
RANGES = {
    "exp": (-80, 80, 2),
    "expm1": (-15, 40, 3),
    "log": (1e-30, 1e30, 3),
    "log1p": (0, 1e4, 6),
    "sigmoid": (-30, 80, 4),
    "softplus": (-80, 80, 6),
    "sqrt": (0, 1e6, 1),
    "tanh": (-20, 20, 4),
}


def exact(name, x):
    """The result in a wider precision than the last one."""
    x = x.astype(np.longdouble)
    if name == "sigmoid":
        return 1 / (1 + np.exp(-x))
    return np.logaddexp(np.longdouble(0), x) if name == "softplus" else getattr(np, name)(x)


def in_a_loop(name):
    function = getattr(fm.math, name)

    @numba.njit
    def loop(y, x):
        for i in range(x.size):
            y[i] = function(x[i])

    return loop


@pytest.mark.parametrize("name", fm.math.__all__)
def test_functions_are_accurate_in_both_precisions(name):
    low, high, most = RANGES[name]
    rng = np.random.default_rng(0)
    points = rng.uniform(low, high, 3000)
    if low > 0:
        points = np.exp(rng.uniform(np.log(low), np.log(high), 3000))
    loop = in_a_loop(name)
    for dtype in (np.float32, np.float64):
        x = points.astype(dtype)
        y = np.full_like(x, np.nan)
        loop(y, x)
        wanted = exact(name, x)
        error = np.abs(y - wanted) / np.spacing(np.abs(wanted.astype(dtype)))
        assert error.max() <= most + 2 * jit_disabled(), (name, dtype, x[error.argmax()])
        assert float(getattr(fm.math, name)(x[0])) == pytest.approx(float(y[0]), rel=1e-6)


@needs_jit
def test_what_they_return_has_the_type_of_the_argument():
    @numba.njit
    def of(x):
        return fm.math.exp(x)

    assert of(0) == 1.0
    for dtype in (np.float32, np.float64):
        of(dtype(1))
    assert [str(signature[0]) for signature in of.signatures] == ["int64", "float32", "float64"]
    assert [str(of.overloads[signature].signature.return_type) for signature in of.signatures] == [
        "float64",
        "float32",
        "float64",
    ]
    with pytest.raises(numba.TypingError):
        of("text")


def test_ends_of_the_range():
    loops = {name: in_a_loop(name) for name in ("exp", "log", "tanh", "sigmoid", "softplus")}
    x, y = np.array([-np.inf, -1e5, 0.0, 1e5, np.inf, np.nan]), np.empty(6)
    wanted = {
        "exp": [0, 0, 1, np.inf, np.inf, np.nan],
        "log": [np.nan, np.nan, -np.inf, np.log(1e5), np.inf, np.nan],
        "tanh": [-1, -1, 0, 1, 1, np.nan],
        "sigmoid": [0, 0, 0.5, 1, 1, np.nan],
        "softplus": [0, 0, np.log(2), 1e5, np.inf, np.nan],
    }
    for name, loop in loops.items():
        with np.errstate(all="ignore"):
            loop(y, x)
        np.testing.assert_allclose(y, wanted[name], rtol=1e-14, err_msg=name)


def test_they_are_found_by_name_in_pickles():
    for name in fm.math.__all__:
        function = getattr(fm.math, name)
        assert pickle.loads(pickle.dumps(function)) is function
        assert copy.deepcopy(function) is function
        assert repr(function) == f"<function fastmlp.math.{name}>"


@needs_jit
def test_numba_may_see_them_first_inside_a_function():
    """It asks for the module while it compiles; a function of one's own then still keeps the precision given to it."""
    code = """
import numba, numpy as np, fastmlp as fm

@numba.njit
def first(x):
    return fm.math.exp(x)

def slope(x):
    return -0.1 * fm.math.exp(-x)

def function(x):
    return 0.1 * fm.math.exp(-x)

if {own}:
    own = fm.activations.Custom(function, slope)
    x = np.linspace(-3, 3, 101, dtype=np.float32)[None]
    y, slopes, powers = np.empty_like(x), np.empty_like(x), np.empty(101, np.float32)
    fm.kernels.custom_forward(y, slopes, x, own.index)
    fm.kernels.exp(powers, -x[0])
    print(y.tobytes() == (np.float32(0.1) * powers).tobytes())
else:
    print(first(0.0) == 1)
"""
    for own in (False, True):
        assert run_python(code.replace("{own}", str(own)), "-W", "ignore") == "True"
