"""One `fit` goes straight from its arguments to the kernels and back: how often it changes file is bounded."""

import sys
from pathlib import Path

import pytest

import fastmlp as fm

PACKAGE = str(Path(fm.__file__).parent)
MOST = 150  # 141 when this was written; it was 320 when one class lay in four files


def changes_of_file(function):
    stays = []

    def note(frame, event, _):
        file = frame.f_code.co_filename
        if event == "call" and file.startswith(PACKAGE) and stays[-1:] != [file]:
            stays.append(file)

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        function()
    finally:
        sys.setprofile(before)
    return len(stays) - 1


@pytest.mark.needs_jit
def test_a_fit_climbs_little():
    (x, y), validation = fm.datasets.digits(300, 100)

    def fit():
        model = fm.mlp([16], classes=10, seed=0)
        return changes_of_file(
            lambda: model.fit(x, y, batch_size=300, epochs=1, validation_data=validation, verbose=0, n_threads=1)
        )

    fit()  # loads kernels
    assert fit() <= MOST
