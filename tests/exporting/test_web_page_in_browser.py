"""Pages in a real browser: strokes and fields give answers, nothing is requested, and nothing is complained of."""

import json
import math

import numpy as np
import pytest

import fastmlp as fm

from ..shared import steps
from .chromium import browser
from .sources import HOSTILE, fitted

VERDICT = "document.getElementById('verdict').textContent"
ROWS = """Array.from(document.querySelectorAll("#shares tr"),
    (row) => Array.from(row.children, (cell) => cell.textContent))"""
BOX = """(({left, top, width}) => [left, top, width])(
    document.getElementById("paper").getBoundingClientRect())"""


@pytest.fixture
def page(tmp_path):
    with browser(tmp_path) as found:
        yield found
        assert all(url.startswith("file:") and url.endswith(".html") for url in found.requests)  # the page itself
        assert found.complaints == []


def of_shapes():
    """A model of pixels that tells a bar from a ring."""
    rows, columns = np.mgrid[:28, :28]
    radius = np.hypot(rows - 13.5, columns - 13.5)
    bar = (abs(columns - 13.5) < 2) & (abs(rows - 13.5) < 10)
    ring = abs(radius - 9) < 1.5
    x = np.stack([255 * bar, 255 * ring] * 20).reshape(40, 784).astype(np.uint8)
    model = fm.Sequential([fm.Dense(8, "relu"), fm.Dense(2, "softmax")], seed=0, classes=["bar", "ring"])
    model.compile(fm.Adam(0.01))
    model.fit(x, np.array(["bar", "ring"] * 20), epochs=20, verbose=0)
    return model


def test_what_is_drawn_is_read(page, tmp_path):
    model = of_shapes()
    model.export(tmp_path / "shapes.html")
    page.open(tmp_path / "shapes.html")
    assert page.run(VERDICT) == "Draw with mouse, finger or pen."
    left, top, width = page.run(BOX)

    def on_paper(x, y):
        return left + x * width, top + y * width

    page.draw([on_paper(0.2, 0.3 + i / 40) for i in range(10)])  # anywhere: it is centred
    assert page.run(VERDICT).startswith("bar")
    seen = np.array(page.run("demo.features()"))
    assert seen.shape == (784,)
    assert 0 < seen.max() <= 1
    shares = model.predict_proba(np.round(seen[None] * 255).astype(np.uint8))[0]
    rows = page.run(ROWS)
    assert [row[0] for row in rows] == ["bar", "ring"]
    assert [row[2] for row in rows] == [f"{100 * share:.1f} %" for share in shares]
    middle = (seen.reshape(28, 28) * np.arange(28)).sum() / seen.sum()
    assert abs(middle - 13.5) <= 0.75
    page.run("document.getElementById('clear').click()")
    page.draw([on_paper(0.6 + 0.2 * math.cos(a / 5), 0.6 + 0.2 * math.sin(a / 5)) for a in range(33)])
    assert page.run(VERDICT).startswith("ring")


def test_the_fields_of_a_table_are_read(page, tmp_path):
    random = np.random.default_rng(0)
    x = random.normal(size=(60, 3)) * [1, 10, 100] + [5, 0, 1000]
    model = fitted(x, fm.Normalization(), classes=HOSTILE[:2])
    model.feature_names = ["a", HOSTILE[3], "<b>c</b>"]
    model.export(tmp_path / "table.html")
    page.open(tmp_path / "table.html")
    assert page.run("Array.from(document.querySelectorAll('.fields label'), (l) => l.textContent)") == list(
        model.feature_names
    )
    typical = np.array(page.run("demo.features()"))
    np.testing.assert_allclose(typical, x.mean(axis=0), rtol=1e-3)
    assert page.run(VERDICT).startswith(model.predict_classes(typical[None])[0])
    page.type_into("#field-1", "-42.5")
    assert page.run("demo.features()") == [typical[0], -42.5, typical[2]]
    page.type_into("#field-0", "")
    assert page.run(VERDICT) == "a needs a number"
    assert page.run(ROWS) == []
    page.type_into("#row", "4.5; 1e1\t1000")
    assert page.run("demo.features()") == [4.5, 10, 1000]
    shares = model.predict_proba([[4.5, 10, 1000]])[0]
    assert [row[2] for row in page.run(ROWS)] == [f"{100 * share:.1f} %" for share in shares]
    page.type_into("#row", "4.5, 2")
    assert page.run(VERDICT) == "2 of 3 numbers"
    assert page.run("document.scripts.length") == 4


def test_numbers_are_shown_as_numbers(page, tmp_path):
    model = steps.trained([fm.Dense(2)], features=2)
    model.compile(loss="mse")
    model.export(tmp_path / "numbers.html")
    page.open(tmp_path / "numbers.html")
    rows = page.run(ROWS)
    assert [row[0] for row in rows] == ["0", "1"]
    np.testing.assert_allclose([float(row[2]) for row in rows], model.predict(np.zeros((1, 2)))[0], rtol=1e-5)


def test_one_number_is_shown_once(page, tmp_path):
    model = steps.trained([fm.Dense(1)], features=2)
    model.export(tmp_path / "number.html")
    page.open(tmp_path / "number.html")
    assert abs(float(page.run(VERDICT)) - model.predict(np.zeros((1, 2)))[0, 0]) < 1e-5
    assert page.run(ROWS) == []


def test_words_stay_whole_and_long_words_do_not_widen_the_page(page, tmp_path):
    steps.trained([fm.Dense(2, "softmax")], features=2, classes=["versicolor", 300 * "x"]).export(
        tmp_path / "page.html"
    )
    for width in (360, 1000):
        page.open(tmp_path / "page.html", width=width)
        heights = page.run("Array.from(document.querySelectorAll('#shares th span'), (word) => word.offsetHeight)")
        assert heights[0] < 40 < heights[1]
        assert page.run("document.documentElement.scrollWidth") <= width


def test_of_many_classes_the_most_probable_are_shown(page, tmp_path):
    model = steps.trained([fm.Dense(40, "softmax")], features=2)
    model.export(tmp_path / "many.html")
    page.open(tmp_path / "many.html")
    order = np.argsort(-model.predict(np.zeros((1, 2)))[0])
    assert [row[0] for row in page.run(ROWS)] == [str(place) for place in order[:12]]


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_colours_follow_the_system_and_texts_stand_out(dark, tmp_path):
    steps.trained([fm.Dense(3, "softmax")], features=2).export(tmp_path / "page.html")
    with browser(tmp_path, dark) as page:
        page.open(tmp_path / "page.html", width=380)
        script = "(({color, backgroundColor}) => [color, backgroundColor])(getComputedStyle(document.body))"
        front, back = (sum(json.loads(f"[{text[4:-1]}]")) for text in page.run(script))
        assert (front > back) == dark
        assert abs(front - back) > 450
        assert page.run("document.documentElement.scrollWidth") <= 380  # it fits
