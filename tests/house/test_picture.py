"""The picture of the floors is that of the code."""

import pytest

from . import picture


def test_the_picture_shows_the_house():
    if not picture.PICTURE.parent.is_dir():
        pytest.skip("installed without its documentation")
    remedy = "draw it again: python -m tests.house.picture"
    assert picture.PICTURE.read_text(encoding="utf-8") == picture.drawn(), remedy
