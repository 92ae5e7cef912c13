"""Charts and tables for notebooks."""

import math
import re
from xml.etree import ElementTree

import pytest

from fastmlp._base import notebook, text_table
from fastmlp._base.curves import Curve, chart

SVG = "{http://www.w3.org/2000/svg}"


def parsed(picture):
    return ElementTree.fromstring(picture)


def points(picture, line=1):
    """The points of a line; the first path is the axes."""
    path = parsed(picture).findall(f"{SVG}path")[line].get("d")
    return [tuple(map(float, point.split())) for point in re.findall(r"[ML]([\d.]+ [\d.]+)", path)]


def test_a_chart_has_its_lines_where_its_axes_say():
    picture = chart("loss", [Curve("training", [1, 2, 3], [4.0, 3.0, 2.0]), Curve("validation", [2], [2.0])], "epoch")
    assert points(picture) == [(58, 24), (174, 86), (290, 148)]  # the left, the middle and the right of the axes
    assert points(picture, line=2) == [(174, 148)]
    texts = [text.text for text in parsed(picture).findall(f"{SVG}text")]
    assert texts == ["loss", "4.0000", "2.0000", "1", "epoch", "3", "training", "validation"]


@pytest.mark.parametrize("unknown", [math.nan, math.inf, -math.inf])
def test_unknown_values_are_gaps(unknown):
    picture = chart("loss", [Curve("training", [1, 2, 3, 4], [1.0, unknown, 3.0, 2.0])], "epoch")
    path = parsed(picture).findall(f"{SVG}path")[1].get("d")
    assert [path.count(pen) for pen in "ML"] == [2, 1]
    assert chart("loss", [Curve("training", [1], [unknown])], "epoch") == ""
    assert chart("loss", [Curve("training", [], [])], "epoch") == ""


@pytest.mark.parametrize("values", [[0.0], [5.0, 5.0], [1e308, -1e308], [1e-320, 0.0]])
def test_every_number_has_a_place(values):
    for x, y in points(chart("loss", [Curve("a", range(len(values)), values)], "epoch")):
        assert 58 <= x <= 290
        assert 24 <= y <= 148


def test_long_curves_are_thinned_to_their_last_point():
    picture = chart("loss", [Curve("a", range(1, 100_002), [float(number) for number in range(100_001)])], "batch")
    assert len(points(picture)) <= 200
    assert points(picture)[-1] == (290, 24)
    assert len(picture) < 5_000


HOSTILE = "<script>alert(1)</script>&\"'"


def test_texts_are_escaped():
    page = notebook.table([(HOSTILE,), (HOSTILE,)]) + notebook.paragraphs([HOSTILE])
    page += chart(HOSTILE, [Curve(HOSTILE, [1], [1.0])], HOSTILE)
    assert "<script" not in page
    assert 'aria-label="&lt;script&gt;alert(1)&lt;/script&gt;&amp;&quot;&#x27;"' in page
    parsed(chart(HOSTILE, [Curve(HOSTILE, [1], [1.0])], HOSTILE))


def test_a_table_has_its_cells_in_order():
    page = notebook.table([("a", "b"), ("1", "2")], left=(1,))
    assert re.findall(r">(\w)<", page) == ["a", "b", "1", "2"]
    assert re.findall(r"text-align: (\w+)", page) == ["right", "left"] * 2


def test_rows_in_the_middle_are_counted():
    rows = [("n", "x"), *((str(number), "0") for number in range(10)), ("mean", "0")]
    assert text_table.shortened(rows, 12) == rows
    assert [row[0] for row in text_table.shortened(rows, 5, last=1)] == ["n", "0", "1", "... 8 more", "mean"]
