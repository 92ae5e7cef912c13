"""Scripts in the style of public ones run when their import lines change, and reach what they reach with the peer."""

import json
import warnings

import numpy as np
import pytest

from tests.scripts.running import PEERS, SCRIPTS, TO_FASTMLP, changed, run

pytest.importorskip("sklearn")
pytest.importorskip("pandas")

SEEDS = range(3)
THEIRS = json.loads(PEERS.read_text())


@pytest.mark.needs_jit
@pytest.mark.parametrize("path", SCRIPTS, ids=[path.stem for path in SCRIPTS])
def test_it_runs_by_other_imports_and_reaches_the_scores_of_the_peer(path, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    if "mnist" in path.read_text() and not _has_mnist():
        pytest.skip("it reads MNIST, which is not here")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", message=".*names a format of Keras")
        ours = [run(path, seed) for seed in SEEDS]
    theirs = np.array(THEIRS[path.stem])
    # The spread of one run, and of the mean of ours; and one percent, for peers that always reach the same.
    scatter = 2 * theirs.std(ddof=1) * (1 + len(ours) ** -0.5) + 0.01
    assert np.mean(ours) >= theirs.mean() - scatter, (ours, theirs.mean(), scatter)


def test_nothing_but_import_lines_changes():
    for path in SCRIPTS:
        before, after = path.read_text().splitlines(), changed(path.read_text(), TO_FASTMLP).splitlines()
        others = [(old, new) for old, new in zip(before, after, strict=True) if old != new]
        assert others, path
        assert all(line.startswith(("import ", "from ")) for pair in others for line in pair)
        assert not any(
            "tensorflow" in line or "keras" in line.split(" as ")[0]
            for line in after
            if line.startswith(("import", "from"))
        )


def test_there_are_twenty_and_each_was_run_with_its_peer():
    assert len(SCRIPTS) >= 20
    assert set(THEIRS) == {path.stem for path in SCRIPTS}
    assert all(len(scores) == 10 for scores in THEIRS.values())


def _has_mnist():
    from fastmlp import datasets

    try:
        datasets.load("mnist")
    except Exception:
        return False
    return True
