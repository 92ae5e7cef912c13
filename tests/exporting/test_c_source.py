"""A C file gives the predictions of the model that it was written from, compiled as C99 and as C++."""

import ctypes
import subprocess

import numpy as np
import pytest

import fastmlp as fm
from fastmlp import activations
from fastmlp._exporting import c_parts, c_source
from fastmlp._exporting.description import activation_step, described
from fastmlp.losses import BinaryCrossentropy

from .. import examples
from ..shared import steps
from .sources import HOSTILE, TOLERANCE, as_library, called, close, compiled, fitted, texts_in

# Activations have a test of their own.
STACKS = {name: stack for name, stack in steps.STACKS.items() if "layer" not in name and "activation" not in name}


def test_each_activation_has_a_function():
    assert {*c_parts.ACTIVATIONS, "softmax"} == set(activations.RULES)


def test_the_stacks_hold_each_layer():
    kinds = {type(layer) for stack in STACKS.values() for layer in examples.layers.leaves(stack)} | {fm.Residual}
    assert kinds == set(examples.layers.TYPES.values())


def in_one_file(sources):
    """Several sources as one file of C++, as each compiler run takes a while."""
    spaces = [f"namespace n{number} {{\n{source}\n}}\n" for number, source in enumerate(sources)]
    return "#include <math.h>\n#include <stddef.h>\n" + "".join(spaces)


def test_outputs_are_those_of_predict(dtype, tmp_path):
    models = [steps.trained(stack, str(dtype)) for stack in STACKS.values()]
    nets = [described(model, fold=dtype == np.float64) for model in models]
    sources = [c_source.source(net, f"net_{number}") for number, net in enumerate(nets)]
    (tmp_path / "all.cpp").write_text(in_one_file(sources))
    library = ctypes.CDLL(str(compiled(tmp_path, "-O1", files=["all.cpp"], compiler="g++")))
    x = steps.rows(dtype=dtype)
    for number, (name, model) in enumerate(zip(STACKS, models, strict=True)):
        found = called(getattr(library, f"net_{number}_predict"), x, model.last_units, dtype)
        limit = TOLERANCE[str(dtype)]
        np.testing.assert_allclose(found, model.predict(x), rtol=limit, atol=limit, err_msg=name)
        choices = [getattr(library, f"net_{number}_choice")(row.ctypes.data_as(ctypes.c_void_p)) for row in found]
        np.testing.assert_array_equal(choices, model.predict_classes(x), err_msg=name)


def test_activations_are_those_of_the_model_for_small_and_large_numbers(dtype, tmp_path):
    kinds = [name for name in examples.ACTIVATIONS if name not in ("linear", "softmax")]
    x = np.linspace(-12, 12, 500).reshape(20, 25).astype(dtype)
    x[0, :8] = [1e4, -1e4, 800, -800, 1e-30, 0, -0.0, 60]
    sources, wanted = [], []
    for number, kind in enumerate(kinds):
        model = fm.Sequential([fm.Activation(kind), fm.Dense(25)], dtype=str(dtype))
        model.build(25)
        model.set_weights([np.eye(25), np.zeros(25)])
        sources.append(c_source.source(described(model), f"net_{number}"))
        wanted.append(model.predict(x))
    (tmp_path / "all.cpp").write_text(in_one_file(sources))
    library = ctypes.CDLL(str(compiled(tmp_path, "-O2", files=["all.cpp"], compiler="g++")))
    limit = {"float32": 3e-6, "float64": 1e-14}[str(dtype)]
    for number, kind in enumerate(kinds):
        found = called(getattr(library, f"net_{number}_predict"), x, 25, dtype)
        np.testing.assert_allclose(found, wanted[number], rtol=limit, atol=limit, err_msg=kind)


def test_numbers_of_activations_are_those_of_the_description():
    for name in set(activations.RULES) - {"softmax"}:
        for number in activation_step(name).numbers:
            assert number in c_parts.ACTIVATIONS[name]


def test_it_is_c99_without_warnings_(dtype, tmp_path):
    block = fm.Residual([fm.LayerNormalization(), fm.Dense(64, "gelu"), fm.Dense(64)])
    model = steps.trained([fm.Dense(64, "elu(0.5)"), block, fm.Dense(64, "relu"), fm.Dense(3, "softmax")], str(dtype))
    library, x = as_library(model, tmp_path), steps.rows(dtype=dtype)
    close(called(library.model_predict, x, 3, dtype), model, x, dtype)
    text = (tmp_path / "model.c").read_text()
    assert text.isascii()
    assert max(map(len, text.splitlines())) <= 200
    assert "malloc" not in text


def test_inner_loops_become_vector_instructions(tmp_path):
    steps.trained([fm.Dense(64, "relu"), fm.Dense(3)]).export(tmp_path / "model.c")
    compiled(tmp_path, "-O3", f"-fopt-info-vec={tmp_path / 'notes'}")
    lines = (tmp_path / "model.c").read_text().splitlines()
    noted = {int(line.split(":")[1]) for line in (tmp_path / "notes").read_text().splitlines()}
    vectors = "".join("\n".join(lines[number - 1 : number + 1]) for number in noted)
    assert "y[j] += (p * v[j]" in vectors


def test_weights_are_read_back_to_the_bit(dtype):
    random = np.random.default_rng(0).normal(size=1000) * 10.0 ** np.arange(-30, 30).repeat(20)[:1000]
    values = np.array([1, -0.0, 0.1, 1e-45, 3.4e38, 16777217, 1 / 3, *random]).astype(dtype)
    found = c_source.literals(values.tolist(), dtype)
    back = np.array([text.rstrip("f") for text in found]).astype(dtype)
    assert back.tobytes() == values.tobytes()
    assert all(set(text) & set(".e") for text in found)


def test_large_scratch_space_is_the_callers(tmp_path):
    model = fm.Sequential([fm.Dense(9_000, "tanh"), fm.Dense(2)], seed=0)
    model.build(steps.FEATURES)
    library, x = as_library(model, tmp_path), steps.rows(dtype="float32")
    text = (tmp_path / "model.c").read_text()
    assert "#define MODEL_SCRATCH 18000" in text
    close(called(library.model_predict, x, 2, "float32", scratch=18000), model, x, "float32")
    small = steps.trained([fm.Dense(8_000, "relu"), fm.Dense(2, "softmax")])
    assert "SCRATCH" not in c_source.source(described(small), "model")


def test_residuals_keep_their_inputs_apart(tmp_path):
    layers = [fm.Dense(12), fm.Residual([fm.Dense(5, "tanh"), fm.Residual([fm.Dense(5)]), fm.Dense(12)]), fm.Dense(12)]
    model = steps.trained([*layers, fm.Residual([fm.Residual([fm.Residual([fm.Dense(12, "tanh")])])]), fm.Dense(2)])
    library, x = as_library(model, tmp_path), steps.rows(dtype="float32")
    close(called(library.model_predict, x, 2, "float32"), model, x, "float32")


# ---------------------------------------------------------------- features and answers


def test_pixels_have_a_function_of_their_own(tmp_path):
    x = np.random.default_rng(0).integers(0, 256, size=(30, 9)).astype(np.uint8)
    model = fitted(x, uint8_scale=0.01)
    library = as_library(model, tmp_path)
    scaled = x.astype(np.float32) * np.float32(0.01)
    for function, rows in ((library.model_predict_pixels, x), (library.model_predict, scaled)):
        close(called(function, rows, 2, "float32"), model, rows, "float32")


def test_a_first_mean_is_subtracted_from_wider_numbers(tmp_path):
    x = 1.6e9 + 100 * np.random.default_rng(0).normal(size=(60, 3))
    model = fitted(x, fm.Normalization())
    library = as_library(model, tmp_path)
    for function, rows in ((library.model_predict_double, x), (library.model_predict, x.astype(np.float32))):
        close(called(function, rows, 2, "float32"), model, rows, "float32")
    wide = fitted(x, fm.Normalization(), dtype="float64")
    (tmp_path / "wide").mkdir()
    wide_library = as_library(wide, tmp_path / "wide")
    close(called(wide_library.model_predict, x, 2, "float64"), wide, x, "float64")


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_rows_that_are_not_finite_have_outputs_that_are_nan_and_no_class(bad, tmp_path):
    library = as_library(steps.trained([fm.Dense(5, "relu"), fm.Dense(3, "softmax")]), tmp_path)
    x = steps.rows(dtype="float32")[:2]
    x[1, 7] = bad
    found = called(library.model_predict, x, 3, "float32")
    assert np.isnan(found).all(axis=1).tolist() == [False, True]
    assert library.model_choice(ctypes.c_void_p(found[1].ctypes.data)) == -1


def test_one_unit_chooses_by_its_threshold(tmp_path):
    logits = BinaryCrossentropy(from_logits=True)
    for loss, last, edge in (("binary_crossentropy", "sigmoid", 0.5), (logits, "linear", 0.0)):
        folder = tmp_path / str(edge)
        folder.mkdir()
        model = steps.trained([fm.Dense(1, last)])
        model.compile(loss=loss)
        library = as_library(model, folder)
        outs = np.array([edge, np.nextafter(np.float32(edge), np.float32(1)), -1, np.nan], np.float32)
        choices = [library.model_choice(ctypes.c_void_p(outs[i:].ctypes.data)) for i in range(4)]
        assert choices == [0, 1, 0, -1]


def test_labels_and_names_come_back_whatever_they_hold(tmp_path):
    model = steps.trained([fm.Dense(len(HOSTILE), "softmax")], features=len(HOSTILE), classes=HOSTILE)
    model.feature_names = HOSTILE
    library = as_library(model, tmp_path)
    for what in ("classes", "features"):
        sizes = list((ctypes.c_size_t * len(HOSTILE)).in_dll(library, f"model_{what}_sizes"))
        assert texts_in(library, f"model_{what}", len(HOSTILE), sizes) == HOSTILE
        assert texts_in(library, f"model_{what}", len(HOSTILE)) == [text.split("\0")[0] for text in HOSTILE]
    compiled(tmp_path, "-O1", "-xc++", result="model.cpp.so", compiler="g++")


def test_whole_numbers_are_labels_too(tmp_path):
    model = steps.trained([fm.Dense(3, "softmax")], classes=[-3, 7, 2**40])
    assert texts_in(as_library(model, tmp_path), "model_classes", 3) == ["-3", "7", str(2**40)]


def test_halves_of_characters_are_refused(tmp_path):
    model = steps.trained([fm.Dense(2, "softmax")], classes=["a", "b\ud800"])
    with pytest.raises(fm.ArgumentError, match=r"class 'b\\ud800' holds half of a character"):
        model.export(tmp_path / "model.c")
    assert not (tmp_path / "model.c").exists()


@pytest.mark.parametrize(
    ("file", "prefix"),
    [("my-net 2.c", "my_net_2"), ("3.c", "model_3"), ("größe.c", "gr_e"), ("int.c", "int"), ("*\n\\ü.c", "model")],
)
def test_functions_have_the_name_of_the_file(file, prefix, tmp_path):
    path = tmp_path / file
    steps.trained([fm.Dense(2)]).export(path)
    assert f"void {prefix}_predict(" in path.read_text()
    path.rename(tmp_path / "model.c")
    assert hasattr(ctypes.CDLL(str(compiled(tmp_path))), f"{prefix}_predict")


# ---------------------------------------------------------------- as a program


def as_program(model, tmp_path):
    model.export(tmp_path / "model.c")
    return compiled(tmp_path, "-std=c99", "-O1", "-DMODEL_MAIN", result="model")


def run(program, text):
    done = subprocess.run([program], input=text, capture_output=True, text=True, check=False, encoding="utf-8")
    return done.returncode, done.stdout, done.stderr


def test_rows_of_the_input_get_a_line_of_answers_each(tmp_path):
    x = 1e6 + np.random.default_rng(0).normal(size=(30, 3))
    model = fitted(x, fm.Normalization(), classes=['n"o', "yes, ü"])
    program = as_program(model, tmp_path)
    code, out, _ = run(program, "\n".join(",".join(map(repr, row)) for row in x.tolist()))
    assert code == 0
    lines = out.splitlines()
    labels = {'"n""o"': 'n"o', '"yes, ü"': "yes, ü"}
    assert [labels[line.rpartition(",")[0].rpartition(",")[0]] for line in lines] == model.predict_classes(x).tolist()
    found = np.array([line.rsplit(",", 2)[1:] for line in lines], float)
    np.testing.assert_allclose(found, model.predict(x), atol=1e-5)


def test_an_input_of_something_else_is_refused_with_its_row(tmp_path):
    program = as_program(fitted(np.random.default_rng(0).normal(size=(30, 3))), tmp_path)
    for wrong in ("4 5", "4 5\n6", "4;5\tx\n", "4 5 6 7\n", "4 5 6 x\n", "4 5 6, 7 8 9\n"):
        assert run(program, f"1 2 3\n{wrong}")[::2] == (1, "row 2 must hold 3 numbers, and nothing else\n")
    once = run(program, "1 2 3\n")
    assert once[0] == 0
    for same in ("1 2 3", "\n1,2;3\r\n\n", "  1, 2, 3,  \n", "1e0\t+2 0x3\n"):
        assert run(program, same) == once
    for nothing in ("", "\n\n", " , "):
        assert run(program, nothing) == (1, "", "there are no rows of 3 numbers\n")
    argument = subprocess.run([program, "rows.csv"], capture_output=True, text=True, check=False, timeout=20)
    assert (argument.returncode, argument.stdout) == (1, "")
    assert "< rows.csv" in argument.stderr  # instead of waiting for an input
    assert "nan" in run(program, "1 nan 3")[1]


def test_pixels_of_the_input_are_whole_numbers(tmp_path):
    x = np.random.default_rng(0).integers(0, 256, size=(30, 3)).astype(np.uint8)
    model = fitted(x)
    program = as_program(model, tmp_path)
    _, out, _ = run(program, "\n".join(" ".join(map(str, row)) for row in x.tolist()))
    found = np.array([line.split(",")[1:] for line in out.splitlines()], float)
    np.testing.assert_allclose(found, model.predict(x), atol=1e-6)
    assert run(program, "1 2.5 3")[::2] == (1, "row 1 holds 2.5, which is no pixel from 0 to 255\n")
    assert run(program, "1 256 3")[0] == 1


def test_large_networks_are_programs_too(tmp_path):
    model = steps.trained([fm.Dense(6_000, "relu"), fm.Dense(2)], dtype="float64")
    code, out, _ = run(as_program(model, tmp_path), " ".join(map(repr, steps.rows()[0].tolist())))
    assert code == 0
    np.testing.assert_allclose(np.array([out.split(",")], float), model.predict(steps.rows()[:1]), rtol=1e-12)


def test_a_network_too_large_for_source_code_is_refused(tmp_path):
    model = fm.Sequential([fm.Dense(4096), fm.Dense(1030)])
    model.build(4)
    with pytest.raises(fm.ArgumentError, match=r"17 MB, but a \.c file takes at most 17 MB: export it to \.onnx"):
        model.export(tmp_path / "model.c")
