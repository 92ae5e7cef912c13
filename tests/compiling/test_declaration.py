"""Declarations of kernels: how they are read, and what must fit them."""

import pytest

from fastmlp._compiling import declaration, jit


def test_declarations_are_read():
    parsed = declaration.parse_declaration(
        "y[a, b], n[2 * (a + step)] int64 = "
        "x[a, b] in place, k[a] int64 < b, w[b] writable, rate float, step int >= 1 < b where a > 0, b > a"
    )
    assert [(p.name, p.dims, p.kind, p.is_output, p.in_place, p.writable) for p in parsed] == [
        ("y", ("a", "b"), "real", True, False, True),
        ("n", ("2 * (a + step)",), "int64", True, False, True),
        ("x", ("a", "b"), "real", False, True, False),
        ("k", ("a",), "int64", False, False, False),
        ("w", ("b",), "real", False, False, True),
        ("rate", None, "float", False, False, False),
        ("step", None, "int", False, False, False),
    ]
    bounds = [tuple(bound and bound.text for bound in (p.least, p.below)) for p in parsed]
    assert bounds == [(None, None)] * 3 + [(None, "b")] + [(None, None)] * 2 + [("1", "b")]
    [number] = [e for e in parsed[1].computed if e is not None]
    assert number.value({"a": 3, "step": 4}) == 14


def test_a_declaration_must_match_its_function():
    with pytest.raises(ValueError, match="cannot read"):
        declaration.parse_declaration("y[a = x")
    with pytest.raises(ValueError, match="unknown name 'b'"):
        declaration.Declaration("f", "y[a] = x[2 * b]")
    with pytest.raises(ValueError, match="does not match"):
        jit.kernel("y[a] = x[a]")(lambda y, z: None)


def test_kernels_introduce_themselves():
    from fastmlp import kernels

    assert "relu_forward: y[batch, units] = x[batch, units]" in repr(kernels.relu_forward)
    with pytest.raises(AttributeError, match="there are activation_backward"):
        kernels.gelu_forward  # noqa: B018
    with pytest.raises(AttributeError):
        jit.no_such_name  # noqa: B018
