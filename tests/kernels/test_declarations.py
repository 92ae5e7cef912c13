"""Declarations of kernels are true: of parameters, documentation, and the arrays of the cases."""

import inspect
import re

import numpy as np
import pytest

from fastmlp import kernels

from ..cases import CASES

NAMES = [*kernels.__all__, *kernels._OTHERS]


def documented(kernel):
    """The parameters that the documentation names, with the number of dimensions of those whose shape it states."""
    section = re.search(r"Parameters\n-+\n(.*?)(\n\n[A-Z]\w+\n-+\n|\Z)", inspect.getdoc(kernel), re.DOTALL)[1]
    for names, kind in re.findall(r"^(\w[\w, ]*)( : .*)?$", section, re.MULTILINE):
        shape = re.search(r"shape \(([^)]*)\)", kind)
        for name in names.split(", "):
            yield name, len([d for d in shape[1].split(",") if d.strip()]) if shape else None


@pytest.mark.parametrize("name", NAMES)
def test_a_declaration_names_the_parameters_in_order(name):
    kernel = getattr(kernels, name)
    declared = [parameter.name for parameter in kernel.parameters]
    assert declared == list(inspect.signature(kernel.function).parameters)
    is_output = [parameter.is_output for parameter in kernel.parameters]
    assert is_output == sorted(is_output, reverse=True), "outputs come first"


@pytest.mark.parametrize("name", NAMES)
def test_a_declaration_states_each_shape(name):
    for parameter in getattr(kernels, name).parameters:
        assert (parameter.kind in ("int", "float")) == (parameter.dims is None), parameter.name


@pytest.mark.parametrize("name", kernels.__all__)
def test_a_declaration_fits_the_arrays_of_the_cases(name):
    case = CASES[name]
    for value, parameter in zip(
        case.arguments(case.shapes[0], "float32"), getattr(kernels, name).parameters, strict=True
    ):
        dims = value.ndim if isinstance(value, np.ndarray) else None
        assert dims == (None if parameter.dims is None else len(parameter.dims)), parameter.name


@pytest.mark.parametrize("name", kernels.__all__)
def test_documentation_names_the_declared_parameters_with_their_shapes(name):
    kernel = getattr(kernels, name)
    declared = {p.name: None if p.dims is None else len(p.dims) for p in kernel.parameters}
    found = dict(documented(kernel))
    assert set(found) == set(declared)
    for name, dims in found.items():
        assert dims in (None, declared[name]), name
