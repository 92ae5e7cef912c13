"""A web page gives the predictions of the model that it was written from, and nothing in it is taken for code."""

import base64
import hashlib
import html
import json
import re

import numpy as np
import pytest

import fastmlp as fm
from fastmlp import activations
from fastmlp._exporting.description import STEPS

from .. import examples
from ..shared import steps
from .sources import HOSTILE, close, fitted, in_node, scripts_of
from .test_numpy_source import ANSWERS, answering


def page_of(model, tmp_path, name="model.html", **options):
    path = tmp_path / name
    fm.export(model, path, **options)
    return path.read_bytes().decode("ascii")


def described(page):
    return json.loads(scripts_of(page)["description"])


# ---------------------------------------------------------------- the network


def test_outputs_are_those_of_predict(dtype, tmp_path):
    models, x = [steps.trained(stack, str(dtype)) for stack in steps.STACKS.values()], steps.rows(dtype=dtype)
    every = in_node([page_of(model, tmp_path) for model in models], x)
    for name, model, found in zip(steps.STACKS, models, every, strict=True):
        close(found["outputs"], model, x, dtype, name)
        np.testing.assert_array_equal(found["choices"], model.predict_classes(x), err_msg=name)


def test_activations_are_those_of_the_model_for_small_and_large_numbers(tmp_path):
    x = np.linspace(-12, 12, 500).reshape(20, 25)
    x[0, :8] = [1e4, -1e4, 800, -800, 1e-30, 0, -0.0, 60]
    models = []
    for kind in activations.RULES:
        models.append(fm.Sequential([fm.Activation(kind), fm.Dense(25)], dtype="float64"))
        models[-1].build(25)
        models[-1].set_weights([np.eye(25), np.zeros(25)])
    every = in_node([page_of(model, tmp_path) for model in models], x)
    for kind, model, found in zip(activations.RULES, models, every, strict=True):
        np.testing.assert_allclose(found["outputs"], model.predict(x), rtol=1e-13, atol=1e-13, err_msg=kind)


def test_each_step_and_activation_has_a_function(tmp_path):
    script = scripts_of(page_of(steps.trained([fm.Dense(2)]), tmp_path))["network"]
    assert len(STEPS) == len(re.findall(r"^    \w+\(step, x.*\) \{$", script, re.MULTILINE))
    table = re.search(r"const elementwise = \{(.*?)\n  \};", script, re.DOTALL)[1]
    named = set(re.findall(r"^    (\w+)[:,]", table, re.MULTILINE))
    assert named | {"softmax"} == set(activations.RULES)


@pytest.mark.parametrize("labels", [None, ["no", "yes", "perhaps"], [-3, 7, 2**40]], ids=["none", "texts", "ints"])
@pytest.mark.parametrize("kind", ANSWERS)
def test_answers_are_those_of_the_model(kind, labels, tmp_path):
    model, x = answering(kind, labels), steps.rows()
    (found,) = in_node([page_of(model, tmp_path)], x)
    try:
        wanted = model.predict_classes(x)
    except fm.ArgumentError:
        assert found["choices"] == [None] * len(x)
    else:
        assert found["labels"] == list(map(str, wanted.tolist()))
    shares = model.predict(x) if "number" in kind else model.predict_proba(x)
    np.testing.assert_allclose(found["shares"], shares, atol=1e-6)
    count = shares.shape[1]
    names = ["output"] if kind == "one number" else [*map(str, range(count) if labels is None else labels[:count])]
    assert found["columns"] == names


def test_a_first_mean_is_subtracted_in_double_precision(tmp_path):
    x = 1.6e9 + 100 * np.random.default_rng(0).normal(size=(60, 3))
    model = fitted(x, fm.Normalization())
    page = page_of(model, tmp_path)
    close(in_node([page], x)[0]["outputs"], model, x, "float32")
    assert described(page)["table"]["typical"] == [1.6e9] * 3


@pytest.mark.parametrize(("row", "message"), [([1, 2], "3 features are needed"), ([1, 2, None], "must be finite")])
def test_rows_that_predict_refuses_are_refused(row, message, tmp_path):
    page = page_of(steps.trained([fm.Dense(2)], features=3), tmp_path)
    with pytest.raises(RuntimeError, match=f"RangeError: .*{message}"):
        in_node([page], np.array([row]))


# ---------------------------------------------------------------- texts


def test_labels_and_names_come_back_whatever_they_hold(tmp_path):
    names = [*HOSTILE, "half \ud800"]
    model = steps.trained([fm.Dense(len(names), "softmax")], features=len(names), classes=names)
    model.feature_names = names
    page = page_of(model, tmp_path)
    assert (described(page)["classes"], described(page)["table"]["names"]) == (names, names)
    x = 3 * np.eye(len(names))
    assert in_node([page], x)[0]["labels"] == model.predict_classes(x).tolist()


def test_a_page_of_hostile_texts_has_the_elements_of_any_other(tmp_path):
    model = steps.trained([fm.Dense(len(HOSTILE), "softmax")], features=len(HOSTILE), classes=HOSTILE)
    plain = re.findall(r"<[^>]*>", page_of(model, tmp_path))
    model.feature_names = HOSTILE
    hostile = page_of(model, tmp_path, "<b onclick=alert(1)>&lt;'\"@STYLE@ ü.html")
    assert len(re.findall(r"<[^>]*>", hostile)) == len(plain)
    title = re.search(r"<title>(.*?)</title>", hostile)[1]
    assert html.unescape(title) == "<b onclick=alert(1)>&lt;'\"@STYLE@ ü"


def test_the_page_allows_its_own_scripts_and_style_alone_and_no_request(tmp_path):
    page = page_of(steps.trained([fm.Dense(2)]), tmp_path)
    policy = re.search(r'http-equiv="Content-Security-Policy" content="(.*?)"', page)[1]
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    texts = {"style-src": re.findall(r"<style>(.*?)</style>", page, re.DOTALL)}
    texts["script-src"] = re.findall(r'<script(?: id="network")?>(.*?)</script>', page, re.DOTALL)
    hashes = {
        rule: [base64.b64encode(hashlib.sha256(t.encode()).digest()).decode() for t in texts[rule]] for rule in texts
    }
    assert {rule: [f"'sha256-{h}'" for h in found] for rule, found in hashes.items()} == {
        rule: rules.pop(rule).split() for rule in texts
    }
    assert rules == {"default-src": "'none'", "img-src": "data:"}
    assert not re.search(r"(src|href)\s*=\s*[\"'](?!data:)", page)
    assert "http://" not in page
    assert "https://" not in page


# ---------------------------------------------------------------- images and tables


def pixels(side, channels=1):
    return np.random.default_rng(0).integers(0, 256, size=(30, side * side * channels)).astype(np.uint8)


@pytest.mark.parametrize(
    ("x", "options", "image"),
    [
        (pixels(8), {}, {"side": 8, "scale": 1 / 255, "ink": 1.0}),
        (pixels(8), {"image": False}, None),
        (pixels(16) / 255, {}, {"side": 16, "scale": None, "ink": 1.0}),
        (pixels(8) / 16, {}, None),
        (pixels(8) / 16, {"image": True, "ink": 16}, {"side": 8, "scale": None, "ink": 16.0}),
        (pixels(5, 2), {}, None),
    ],
    ids=["pixels", "pixels as a table", "floats", "few floats", "chosen", "not square"],
)
def test_rows_that_look_like_images_are_drawn(x, options, image, tmp_path):
    page = described(page_of(fitted(x), tmp_path, **options))
    assert page["image"] == image
    assert (page["table"] is None) == (image is not None)


def test_named_columns_are_a_table(tmp_path):
    model = fitted(pixels(16) / 255)
    model.feature_names = [f"column {i}" for i in range(256)]
    assert described(page_of(model, tmp_path))["table"]["names"] == list(model.feature_names)


def test_wrong_options_are_refused(tmp_path):
    model = steps.trained([fm.Dense(2)], features=20)
    for options, message in [
        ({"image": True}, "image=True needs a square number of features"),
        ({"image": 1}, "image must be"),
        ({"ink": "black"}, "ink must be"),
        ({"ink": np.inf}, "ink must be"),
    ]:
        with pytest.raises((fm.ArgumentError, fm.ArgumentTypeError), match=message):
            model.export(tmp_path / "model.html", **options)
    assert not list(tmp_path.iterdir())


def test_the_page_says_what_the_network_is(tmp_path):
    model = steps.trained([fm.Dense(30, "relu"), fm.Residual([fm.Dense(30, "gelu"), fm.Dense(30)]), fm.Dense(2)])
    count = sum(weight.size for weight in model.get_weights())
    assert described(page_of(model, tmp_path))["about"] == (
        f"20 \u2192 30 relu \u2192 30 gelu \u2192 30 \u2192 2: {count:,} weights in float32"
    )


def test_examples_cover_each_layer():
    kinds = {type(layer) for stack in steps.STACKS.values() for layer in stack}
    assert kinds == set(examples.layers.TYPES.values())
