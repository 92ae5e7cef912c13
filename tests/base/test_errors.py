"""The errors of the package."""

from fastmlp import ArgumentError, ArgumentTypeError, DivergenceError, FastMLPError, ModelFileError, NotBuiltError


def test_every_error_of_ours_is_one_family_and_a_builtin_too():
    for error, parent in [
        (ArgumentError, ValueError),
        (ArgumentTypeError, TypeError),
        (ModelFileError, ValueError),
        (NotBuiltError, RuntimeError),
        (DivergenceError, FloatingPointError),
    ]:
        assert issubclass(error, FastMLPError)
        assert issubclass(error, parent)
