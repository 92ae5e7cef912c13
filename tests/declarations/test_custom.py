"""Functions of one's own are checked when an object is made of them, and messages say what is wrong."""

import copy
import math
import pickle

import numba
import numpy as np
import pytest

import fastmlp as fm
from fastmlp._base import functions
from fastmlp._compiling.jit import jit_disabled
from fastmlp.activations import Custom

from ..shared import own
from ..shared.processes import needs_jit


def square(x):
    return x * x


def double(x):
    return 2 * x


def difference(output, target):
    return 0.5 * (output - target) ** 2


def difference_slope(output, target):
    return output - target


# ---------------------------------------------------------------- what is refused


def step(x):
    return 1.0 if x > 0.51 else 0.0


def deeper(x):
    return x if x < 1 else deeper(x - 1) + 1


def even(x):
    return x if x < 1 else odd(x - 1)


def odd(x):
    return x if x < 1 else even(x - 1)


def exp(x):
    """Named like what it calls, and no recursion."""
    return math.exp(x)


REFUSED = {
    "no derivative": (Custom, (square,), "derivative is missing: training needs the slope"),
    "no function": (Custom, (3, double), "function must be a function of numbers"),
    "no function of ours": (Custom, (np.tanh, double), "function must be a function of numbers"),
    "a wrong derivative": (Custom, (square, square), r"derivative is not that of function: at x = -10\.037"),
    "a wrong sign": (Custom, (square, lambda x: -2 * x), "derivative is not that of function"),
    "wrong for negative numbers": (Custom, (square, lambda x: 2 * abs(x)), "101 of 201 points differ"),
    "NaN": (Custom, (math.log, double), "function must be a function"),
    "NaN below 0": (
        Custom,
        (lambda x: x**0.5, lambda x: 0.5 * x**-0.5),
        r"function gives nan at x = -10\.037 in float64",
    ),
    "infinite at 0": (Custom, (lambda x: abs(x), lambda x: x / (abs(x) - 0.0 * x)), "derivative gives nan at x = 0 "),
    "infinite in float32": (Custom, (lambda x: x * 1e38, lambda x: 1e38 + 0 * x), "in float32"),
    "a recursion": (Custom, (deeper, lambda x: 1.0), "function calls itself: .* Write it as a loop"),
    "a recursion of two": (Custom, (even, lambda x: 1.0), "function calls itself"),
    "a compiled recursion": (Custom, (double, numba.njit(deeper)), "derivative calls itself"),
    "a step": (Custom, (step, lambda x: 1.0), "derivative is not that of function"),
    "a loss by the target": (
        fm.losses.Custom,
        (difference, lambda output, target: target - output),
        "derivative is not that of function: at output = .* and target = 0",
    ),
    "a loss without derivative": (fm.losses.Custom, (difference,), "with respect to output"),
    "a loss that is never finite": (
        fm.losses.Custom,
        (lambda output, target: output / 0 * np.inf * 0, difference_slope),
        "function gives nan",
    ),
}


@needs_jit
def test_complex_numbers_where_no_point_is_tried_are_refused():
    with pytest.raises(fm.ArgumentError, match="once it is compiled it returns complex128: let all branches"):
        Custom(lambda x: x if x < 50 else x * 1j, lambda x: 1.0, name="far")


def test_a_function_may_be_named_like_one_that_it_calls():
    assert Custom(exp, lambda x: math.exp(x), name="own").name == "own"


@pytest.mark.parametrize("name", REFUSED)
def test_wrong_functions_are_refused(name):
    kind, arguments, message = REFUSED[name]
    with pytest.raises((fm.ArgumentError, fm.ArgumentTypeError), match=message):
        kind(*arguments, name="wrong")


@needs_jit
def test_what_numba_cannot_compile_is_refused_with_its_reason():
    def of_text(x):
        return x + "a"

    def of_two(x, y):
        return x

    with pytest.raises(fm.ArgumentError, match=r"derivative cannot be compiled as a function of \(x\): .*[Nn]o impl"):
        Custom(square, of_text)
    with pytest.raises(fm.ArgumentError, match="function cannot be compiled"):
        Custom(of_two, double)


RETURNS = {
    "a tuple": lambda x: (x,),
    "two numbers": lambda x: (x, 1.0),
    "a list": lambda x: [x],
    "nothing": lambda x: None,
    "sometimes nothing": lambda x: x if x > 0 else None,
    "an array": lambda x: np.array([x]),
    "an array without dimensions": lambda x: np.array(x),
    "a complex number": lambda x: complex(x, 0.0),
    "a text": lambda x: "x",
    "a compiled tuple": numba.njit(lambda x: (x, x)),
}


@pytest.mark.parametrize("name", RETURNS)
def test_what_is_not_one_number_is_refused(name):
    odd = RETURNS[name]
    with pytest.raises(fm.ArgumentError, match=r"function must return one number, but at x = -10\.037 it gives "):
        Custom(odd, double, name="odd")
    with pytest.raises(fm.ArgumentError, match=r"derivative must return one number, but at x = -10\.037 it gives "):
        Custom(square, odd, name="odd")
    with pytest.raises(fm.ArgumentError, match=r"function must return one number, but at output = .* it gives "):
        fm.losses.Custom(lambda output, target: (difference(output, target),), difference_slope, name="odd")
    with pytest.raises(fm.ArgumentError, match="derivative must return one number"):
        fm.losses.Custom(difference, lambda output, target: (output - target, 0.0), name="odd")


@needs_jit
def test_nothing_where_no_point_is_tried_is_refused():
    with pytest.raises(fm.ArgumentError, match=r"once it is compiled it returns OptionalType\(float64\)"):
        Custom(lambda x: x if x < 1e9 else None, lambda x: 1.0, name="odd")


NUMBERS = {
    "whole numbers": (lambda x: 3, lambda x: 0),
    "a flag as slope": (lambda x: max(x - 0.3, 0.0), lambda x: x > 0.3),
    "numbers of both kinds": (lambda x: x if x > 0 else 0 * 2, lambda x: 1 if x > 0 else 0.0),
}


@pytest.mark.parametrize("name", NUMBERS)
def test_numbers_of_other_kinds_are_numbers(name):
    function, slope = NUMBERS[name]
    model = fm.Sequential([fm.Input((2,)), fm.Dense(2), fm.Activation(Custom(function, slope, name="own"))], seed=0)
    kernel = model.get_weights()[0]
    x = np.random.default_rng(0).normal(size=(20, 2)).astype(np.float32)
    wanted = np.vectorize(function, otypes=[float])(x @ kernel)
    assert np.allclose(model.predict(x), wanted, atol=1e-5)


@needs_jit
def test_a_function_must_depend_on_its_argument_alone():
    def noisy(x):
        return x + np.random.normal()  # noqa: NPY002  # numba knows no Generator of its own

    with pytest.raises(fm.ArgumentError, match=r"function gives .* once it is compiled, but .* in Python"):
        Custom(noisy, lambda x: 1.0)


def test_names_are_checked():
    assert Custom(square, double).name == "square"
    assert Custom(square, double, name="x squared").name == "x squared"
    with pytest.raises(fm.ArgumentError, match="a lambda has none"):
        Custom(lambda x: x, lambda x: 1.0)
    for name in ("relu", "linear", "swish"):
        with pytest.raises(fm.ArgumentError, match="built-in activation"):
            Custom(square, double, name=name)
    with pytest.raises(fm.ArgumentError, match="built-in loss 'mse'"):
        fm.losses.Custom(difference, difference_slope, name="mse")
    for name in ("", "a(0.1)", "a\n", "x" * 81, "'"):
        with pytest.raises(fm.ArgumentError, match="name must be a text"):
            Custom(square, double, name=name)
    with pytest.raises(fm.ArgumentTypeError, match="name must be a text"):
        Custom(square, double, name=3)


def test_a_bare_function_is_refused_with_the_remedy():
    with pytest.raises(fm.ArgumentTypeError, match=r"fastmlp.activations.Custom\(function, derivative\)"):
        fm.Dense(3, activation=own.swishy)
    with pytest.raises(fm.ArgumentTypeError, match=r"fastmlp.losses.Custom\(function, derivative\)"):
        fm.Sequential([fm.Dense(3)]).compile(loss=own.cauchy)
    with pytest.raises(fm.ArgumentError, match=r"'swishy' is a function of your own"):
        fm.Dense(3, activation=own.SWISHY.config())


# ---------------------------------------------------------------- what is accepted


def branchy(x):
    y = 0
    if x > 0 and x != 5:
        y = x
    elif x < -1:
        y = -0.3 * x
    return y


def branchy_slope(x):
    return 1 if x > 0 else (-0.3 if x < -1 else 0)


@numba.njit
def helper(x):
    return max(x, 0) ** 2 + min(x, 0.0) ** 3 + abs(x)


@numba.njit
def helper_slope(x):
    total = np.sign(x)
    for power in range(2, 4):
        if power == 2:
            total += 2 * max(0.0, x)
        else:
            total += 3 * np.square(np.minimum(x, 0))
    return total


ACCEPTED = {
    "kinks, and whole numbers": (branchy, branchy_slope),
    "helpers and loops": (helper, helper_slope),
    "elementary functions": (
        lambda x: math.tanh(x) + np.log1p(x * x) + math.sqrt(1 + x**2) + np.expm1(0.1 * x) - math.exp(-x * x),
        lambda x: (
            1
            - np.tanh(x) ** 2
            + 2 * x / (1 + x * x)
            + x / math.sqrt(1 + x * x)
            + 0.1 * np.exp(0.1 * x)
            + 2 * x * math.exp(-(x**2))
        ),
    ),
    "functions of the C library": (
        lambda x: math.sin(x) + math.erf(x) + math.atan(x),
        lambda x: math.cos(x) + 2 / math.sqrt(math.pi) * math.exp(-x * x) + 1 / (1 + x * x),
    ),
    "choices and powers": (
        lambda x: np.where(x > 0, x, 0.01 * x) + np.maximum(x, 1.23) + 0.1 * abs(x) ** 1.5,
        lambda x: np.where(x > 0, 1, 0.01) + (x > 1.23) + 0.15 * np.sign(x) * abs(x) ** 0.5,
    ),
    "what a lane cannot do": (lambda x: float(int(x > 0)) * x, lambda x: float(int(x > 0))),
}


@pytest.mark.parametrize("name", ACCEPTED)
def test_functions_compute_what_python_computes(name):
    made = Custom(*ACCEPTED[name], name="fine")
    x = np.random.default_rng(0).normal(size=(40, 33)) * 4
    for dtype, tolerance in (("float32", 2e-6), ("float64", 1e-14)):
        given = x.astype(dtype)
        found = [np.full(x.shape, np.nan, dtype) for _ in range(2)]
        fm.kernels.custom_forward(*found, given, made.index)
        for one, function in zip(found, ACCEPTED[name], strict=True):
            wanted = functions.each(functions.in_python(function), [given.astype(float)])
            np.testing.assert_allclose(one, wanted, rtol=tolerance, atol=tolerance * np.abs(wanted).max())


@needs_jit
def test_constants_take_the_precision_of_the_argument():
    """If they did not, a function would give the digits of float64, rounded once."""
    made = Custom(lambda x: 1 / (3 + 0.1 * x * x), lambda x: -0.2 * x / (3 + 0.1 * x * x) ** 2, name="hill")
    x = np.linspace(-9, 9, 1001, dtype=np.float32)[None]
    y, slopes = np.empty_like(x), np.empty_like(x)
    fm.kernels.custom_forward(y, slopes, x, made.index)
    one, three, tenth = (np.float32(number) for number in (1, 3, 0.1))
    assert y.tobytes() == (one / (three + tenth * x * x)).tobytes()


# ---------------------------------------------------------------- objects


def test_objects_are_values():
    again = Custom(own.swishy, own.swishy_slope)
    assert (again, hash(again), again.index) == (own.SWISHY, hash(own.SWISHY), own.SWISHY.index)
    assert again != own.BELL
    assert own.BELL.index != own.SWISHY.index
    assert copy.deepcopy(own.BELL) is own.BELL
    assert repr(own.BELL) == "activations.Custom('bell')"
    assert repr(own.CAUCHY) == "losses.Custom('cauchy')"
    assert repr(fm.Activation(own.BELL)) == "Activation(activations.Custom('bell'))"


@pytest.mark.skipif(jit_disabled(), reason="a pickle finds a function by its name, which numba's decorator keeps")
@pytest.mark.parametrize("made", own.OBJECTS.values(), ids=own.OBJECTS)
def test_pickles_hold_no_index(made):
    text = pickle.dumps(made)
    assert b"index" not in text
    again = pickle.loads(text)
    assert again == made
    assert again.index == made.index


def test_the_same_functions_have_one_entry():
    before = int(functions.ACTIVATIONS.count[0])
    for name in ("one", "two", "three"):
        Custom(own.bell, own.bell_slope, name=name)
    assert int(functions.ACTIVATIONS.count[0]) == before


def test_more_functions_than_the_table_holds_are_refused():
    table = functions.Table()
    table.pairs = [(abs, abs)] * functions.MOST
    with pytest.raises(fm.ArgumentError, match="4,096 functions of this kind already"):
        table.add(abs, abs, [0, 0, 0, 0])
