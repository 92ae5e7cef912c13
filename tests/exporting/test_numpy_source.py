"""A Python file that needs NumPy alone gives the predictions of the model that it was written from."""

import csv
import io
import subprocess
import sys

import numpy as np
import pytest

import fastmlp as fm
from fastmlp import activations
from fastmlp._exporting import numpy_parts, numpy_source
from fastmlp._exporting.description import activation_step, described

from ..shared import steps
from ..shared.models import built
from .sources import HOSTILE, as_module, close, fitted, loaded


def test_each_activation_has_a_function():
    assert set(numpy_parts.ACTIVATIONS) == set(activations.RULES)


@pytest.mark.parametrize("fold", [True, False])
@pytest.mark.parametrize("name", steps.STACKS)
def test_outputs_are_those_of_predict(name, dtype, fold, tmp_path):
    model, path = steps.trained(steps.STACKS[name], str(dtype)), tmp_path / "net.py"
    path.write_text(numpy_source.source(described(model, fold=fold), "net"))
    module, x = loaded(path), steps.rows()
    found = module.predict(x)
    close(found, model, x, dtype)
    assert found.dtype == dtype
    np.testing.assert_array_equal(module.predict_classes(x), model.predict_classes(x))


@pytest.mark.parametrize("name", activations.RULES)
def test_activations_stay_finite_for_large_numbers(name, tmp_path):
    model = fm.Sequential([fm.Dense(6), fm.Activation(name), fm.Dense(6)], dtype="float64", seed=0)
    model.build(6)
    model.set_weights([np.eye(6), np.zeros(6), np.eye(6), np.zeros(6)])
    x = np.array([[1e4, -1e4, 800.0, -800.0, 1e-30, 0.0]])
    close(as_module(model, tmp_path).predict(x), model, x, "float64")


def test_numbers_of_activations_are_those_of_the_description():
    for name in activations.RULES:
        numbers = ", ".join(["x", *activation_step(name).numbers])
        assert f"def _{name}({numbers}):" in numpy_parts.ACTIVATIONS[name]


def test_nothing_but_numpy_and_the_standard_library_is_imported(tmp_path):
    steps.trained([fm.Dense(90, "gelu"), fm.Dense(2)]).export(tmp_path / "net.py")
    script = (
        "import sys; import net; sys.exit(any(m.split('.')[0] in ('fastmlp', 'numba', 'scipy') for m in sys.modules))"
    )
    subprocess.run([sys.executable, "-c", script], cwd=tmp_path, env={"PYTHONPATH": ""}, check=True)


# ---------------------------------------------------------------- features


def test_pixels_are_scaled_and_other_numbers_checked(tmp_path):
    x = np.random.default_rng(0).integers(0, 256, size=(30, 9)).astype(np.uint8)
    model = fitted(x)
    module = as_module(model, tmp_path)
    for same in (x, x.astype(np.int64), (x / 255).astype(np.float32), x.reshape(30, 3, 3)):
        close(module.predict(same), model, same, "float32")
    for wrong in (x.astype(float), x.astype(np.int64) + 200, x > 3):
        with pytest.raises(ValueError, match="x must hold pixels"):
            module.predict(wrong)


def test_bytes_are_refused_where_they_may_be_pixels_or_numbers(tmp_path):
    x = np.random.default_rng(0).normal(size=(30, 3))
    with pytest.raises(TypeError, match="x is uint8"):
        as_module(fitted(x), tmp_path).predict(np.ones((2, 3), np.uint8))
    whole = np.arange(90).reshape(30, 3)
    model = fitted(whole)
    close(as_module(model, tmp_path).predict(whole.astype(np.uint8)), model, whole.astype(np.uint8), "float32")


@pytest.mark.parametrize("kind", ["float32", "float64", "int16", "int64"])
def test_a_first_mean_is_subtracted_as_predict_does_it(kind, dtype, tmp_path):
    x = 3e4 + np.random.default_rng(0).integers(0, 50, size=(60, 3)) / 2
    model = fitted(x, fm.Normalization(), dtype=str(dtype))
    module = as_module(model, tmp_path)
    assert hasattr(module, "CENTER") == (dtype == "float32")  # in float64 it became part of the dense layer
    close(module.predict(x.astype(kind)), model, x.astype(kind), dtype)


def test_what_predict_refuses_is_refused(tmp_path):
    model = fitted(np.random.default_rng(0).normal(size=(30, 3)))
    module = as_module(model, tmp_path)
    for x, message in [
        ([[1.0, np.nan, 0.0]], "x must be finite"),
        ([[1e39, 0.0, 0.0]], "x must be finite"),
        ([[1.0, 2.0]], "3 features"),
        ([1.0, 2.0, 3.0], "shape"),
        (np.empty((0, 3)), "shape"),
        ([["a", "b", "c"]], "must hold numbers"),
        (np.zeros((1, 3), complex), "must hold numbers"),
        (np.zeros((1, 3), "datetime64[s]"), "must hold numbers"),
        (np.array([["a", None, 1.0]], object), "could not convert"),
        (np.array([[None, 1.0, 2.0]], object), "must be finite"),
        (np.ma.masked_less([[0.0, 1.0, 2.0]], 1), "masked"),
    ]:
        with pytest.raises((fm.ArgumentError, fm.ArgumentTypeError)):
            model.predict(x)
        with pytest.raises((ValueError, TypeError), match=message):
            module.predict(x)


def test_outputs_that_overflow_are_refused(tmp_path):
    model = fm.Sequential([fm.Dense(1)])
    model.build(1)
    model.set_weights([[[1e30]], [0.0]])
    with pytest.raises(ValueError, match="overflow"):
        as_module(model, tmp_path).predict([[1e30]])


def test_columns_of_a_frame_are_found_by_name(tmp_path):
    pandas = pytest.importorskip("pandas")
    x = pandas.DataFrame(np.random.default_rng(0).normal(size=(30, 3)), columns=["a", ("b", 1), 7])
    model = fitted(x)
    module = as_module(model, tmp_path)
    assert module.FEATURES == ["a", ("b", 1), 7]
    wanted = model.predict(x)
    assert abs(module.predict(x[[7, "a", ("b", 1)]]) - wanted).max() < 1e-6
    assert abs(module.predict(x.to_numpy()) - wanted).max() < 1e-6
    with pytest.raises(KeyError):
        module.predict(x.rename(columns={"a": "c"}))


# ---------------------------------------------------------------- answers


ANSWERS = {
    "classes": ([fm.Dense(3, "softmax")], "categorical_crossentropy"),
    "logits": ([fm.Dense(3)], fm.losses.CategoricalCrossentropy(from_logits=True)),
    "one unit": ([fm.Dense(1, "sigmoid")], "binary_crossentropy"),
    "one logit": ([fm.Dense(1)], fm.losses.BinaryCrossentropy(from_logits=True)),
    "questions": ([fm.Dense(3, "sigmoid")], "binary_crossentropy"),
    "questions as logits": ([fm.Dense(3)], fm.losses.BinaryCrossentropy(from_logits=True)),
    "numbers": ([fm.Dense(3)], "mse"),
    "one number": ([fm.Dense(1)], "mae"),
}


def answering(kind, labels=None):
    layers, loss = ANSWERS[kind]
    units = layers[-1].units
    model = steps.trained([fm.Dense(6, "tanh"), *layers], classes=labels and labels[: max(2, units)])
    model.compile(loss=loss)
    return model


@pytest.mark.parametrize("labels", [None, ["no", "yes", "perhaps"], [-3, 7, 2**40]], ids=["none", "texts", "ints"])
@pytest.mark.parametrize("kind", ANSWERS)
def test_answers_are_those_of_the_model(kind, labels, tmp_path):
    model, x = answering(kind, labels), steps.rows()
    module = as_module(model, tmp_path)
    try:
        wanted = model.predict_classes(x)
    except fm.ArgumentError:
        assert not hasattr(module, "predict_classes")
    else:
        found = module.predict_classes(x)
        np.testing.assert_array_equal(found, wanted)
        assert found.dtype == wanted.dtype
    if "number" in kind:
        assert not hasattr(module, "predict_proba")
    else:
        np.testing.assert_allclose(module.predict_proba(x), model.predict_proba(x), atol=1e-6)


def test_labels_and_names_come_back_whatever_they_hold(tmp_path):
    names = [*HOSTILE, "half \ud800"]
    model = steps.trained([fm.Dense(len(names), "softmax")], features=len(names), classes=names)
    model.feature_names = names
    module = as_module(model, tmp_path)
    assert (names, names) == (module.CLASSES, module.FEATURES)
    x = 3 * np.eye(len(names))
    np.testing.assert_array_equal(module.predict_classes(x), model.predict_classes(x))


def test_the_name_of_the_file_does_no_harm(tmp_path):
    path = tmp_path / '3 """\nraise SystemExit\n""" \\.py'
    built().export(path)
    assert loaded(path).N_FEATURES == 3


# ---------------------------------------------------------------- as a program


def run(path, text):
    (path.parent / "rows.csv").write_text(text, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, path, path.parent / "rows.csv"], capture_output=True, text=True, check=False, encoding="utf-8"
    )
    return done.returncode, list(csv.reader(io.StringIO(done.stdout))), done.stderr


@pytest.mark.parametrize("kind", ["classes", "one logit", "questions", "numbers", "one number"])
def test_a_file_of_rows_gets_a_line_of_answers_each(kind, tmp_path):
    model, x = answering(kind, ["no,", 'y"es', "perhaps\n"]), steps.rows()[:5]
    model.feature_names = [f"column {i}" for i in range(x.shape[1])]
    model.export(tmp_path / "net.py")
    lines = [",".join(map(repr, row)) for row in x.tolist()]
    header = ",".join(model.feature_names)
    code, [heads, *found], _ = run(tmp_path / "net.py", "\n".join([header, *lines]))
    assert code == 0
    chooses = kind not in ("questions", "one number")  # each question has its own answer, and a number is none
    if chooses:
        assert [line[0] for line in found] == model.predict_classes(x).tolist()
    wanted = model.predict(x) if "number" in kind else model.predict_proba(x)
    np.testing.assert_allclose(np.array([line[chooses:] for line in found], float), wanted, atol=1e-5)
    assert heads == ["class"] * chooses + (["output 0"] if kind == "one number" else model.classes.tolist())
    without = run(tmp_path / "net.py", "\n".join(lines))
    assert without[1][1:] == found
    shuffled = [",".join(["0", *line.split(",")[::-1]]) for line in [header, *lines]]
    shuffled[0] = shuffled[0].replace("0,", "id,", 1)
    assert run(tmp_path / "net.py", "\n".join(shuffled))[1][1:] == found


def test_a_file_of_something_else_is_refused_with_its_line(tmp_path):
    path = tmp_path / "net.py"
    fitted(np.random.default_rng(0).normal(size=(30, 3))).export(path)
    assert run(path, "1,2,3\n1,x,3\n")[::2] == (1, "line 2 must hold numbers: ['1', 'x', '3']\n")
    for line in ("1,2", "1,2,3,4"):
        assert "line 1 must have 3 columns" in run(path, line)[2]
    assert "line 2 must have 3 columns, not 4" in run(path, "a,b,c\n1,2,3,4\n")[2]
    assert "must have 3 columns, not 2" in run(path, "a,b\n1,2\n")[2]
    assert "line 1 must hold finite numbers" in run(path, "1,2,nan\n")[2]
    assert "usage: python" in subprocess.run([sys.executable, path], capture_output=True, text=True, check=False).stderr


def test_a_file_that_cannot_be_read_is_refused_in_one_line(tmp_path):
    path, rows = tmp_path / "net.py", tmp_path / "rows.csv"
    fitted(np.random.default_rng(0).normal(size=(30, 3))).export(path)
    for nothing in ("", "\n\n", "a,b,c\n"):
        assert run(path, nothing) == (1, [], f"{rows} has no rows of 3 numbers\n")
    assert "1e+300" not in run(path, "1e300,2,3\n")[2]
    assert run(path, "1e300,2,3\n")[2].startswith(f"{rows}: x must be finite")
    assert run(path, f"a,b,c\n{'1' * 200_000},2,3\n")[2].startswith(f"{rows}: field larger than")
    rows.write_bytes(b"1,2,\xff\n")
    for wrong, message in (
        (rows, " is not a text in UTF-8\n"),
        (tmp_path / "none.csv", ": No such file"),
        (tmp_path, ": "),
    ):
        done = subprocess.run([sys.executable, path, wrong], capture_output=True, text=True, check=False)
        assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
        assert done.stderr.startswith(f"{wrong}{message}")


def test_a_reader_that_goes_away_is_no_error(tmp_path):
    path, rows = tmp_path / "net.py", tmp_path / "rows.csv"
    fitted(np.random.default_rng(0).normal(size=(30, 3))).export(path)
    rows.write_text("1,2,3\n" * 20_000)
    command = [sys.executable, path, rows]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as program:
        program.stdout.readline()
        program.stdout.close()
        assert program.stderr.read() == ""


def test_columns_of_one_name_are_refused(tmp_path):
    model = fitted(np.random.default_rng(0).normal(size=(30, 3)))
    for names, header in [(["a", 1, "1"], "a,1,1"), (["a", "b", "c"], "a,b,c,b")]:
        model.feature_names = names
        model.export(tmp_path / "net.py")
        row = ",".join("0" for _ in header.split(","))
        assert "several columns have the same name" in run(tmp_path / "net.py", f"{header}\n{row}\n")[2]


def test_pixels_in_a_file_are_whole_numbers(tmp_path):
    x = np.random.default_rng(0).integers(0, 256, size=(30, 4)).astype(np.uint8)
    model = fitted(x)
    model.export(tmp_path / "net.py")
    _, [_, *found], _ = run(tmp_path / "net.py", "\n".join(",".join(map(str, row)) for row in x.tolist()))
    np.testing.assert_allclose(np.array(found, float)[:, 1:], model.predict(x), atol=1e-6)
