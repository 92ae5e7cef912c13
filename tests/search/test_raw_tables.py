"""Cross-validation, sweeps and the search for a rate on raw tables."""

import numpy as np
import pytest

import fastmlp as fm
from fastmlp import ArgumentError, ArgumentTypeError
from fastmlp.tables.columns import columns_of
from tests.network.test_raw_tables import FEATURES, LABELS, ROWS, TABLE, at, model_of

pd = pytest.importorskip("pandas")


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("x", [TABLE, pd.DataFrame(TABLE)], ids=["dict", "frame"])
def test_encoders_learn_from_the_training_rows_of_each_fold(x, workers):
    found = fm.cross_validate(model_of(), x, "churned", folds=3, epochs=2, verbose=0, workers=workers)
    model = model_of()
    rows = found.fold != 0
    model.fit(at(FEATURES, rows), LABELS[rows], epochs=2, verbose=0, seed=0)
    np.testing.assert_array_equal(model.predict(at(FEATURES, ~rows)), found.predictions[~rows])
    assert len(found.predictions) == ROWS


def test_folds_of_tables_need_models_that_read_tables():
    with pytest.raises(ArgumentTypeError, match="only models that begin with a TableEncoder"):
        fm.cross_validate(fm.mlp([4], classes=2), TABLE, "churned", folds=3)
    with pytest.raises(ArgumentError, match="names the column 'chrned'"):
        fm.cross_validate(model_of(), TABLE, "chrned", folds=3)


SETTINGS = {"layers": [[fm.TableEncoder(), 4], [fm.TableEncoder(drop=["city"]), 4]], "epochs": 2}


@pytest.mark.parametrize("x", [TABLE, pd.DataFrame(TABLE)], ids=["dict", "frame"])
def test_sweeps_train_on_raw_tables(x, tmp_path):
    result = fm.sweep(SETTINGS, x, "churned", validation_split=0.25, folder=tmp_path, verbose=0)
    assert [run.status for run in result] == ["finished"] * 2
    first = result[0].load()
    assert first.encoder == fm.TableEncoder().fit({name: column[:90] for name, column in FEATURES.items()})
    again = fm.sweep(SETTINGS, x, "churned", validation_split=0.25, folder=tmp_path, verbose=0)
    assert [run.seconds for run in again] == [run.seconds for run in result]  # loaded, not trained
    other = {**TABLE, "city": TABLE["city"][::-1]}
    changed = fm.sweep(SETTINGS, other, "churned", validation_split=0.25, folder=tmp_path, verbose=0)
    assert changed[0].metrics != result[0].metrics


def test_sweeps_take_tables_for_validation():
    parts = at(TABLE, slice(90)), at(TABLE, slice(90, None))
    result = fm.sweep(SETTINGS, parts[0], "churned", validation_data=(parts[1], "churned"), verbose=0)
    expected = fm.sweep(SETTINGS, TABLE, "churned", validation_split=0.25, verbose=0)
    assert [run.metrics for run in result] == [run.metrics for run in expected]


def test_models_of_both_kinds_read_a_frame_of_numbers():
    frame = pd.DataFrame({"a": np.arange(40.0) ** 2, "b": np.arange(40) % 7})
    y = np.arange(40) % 2
    runs = [{"layers": [4], "name": "plain"}, {"layers": [fm.TableEncoder(), 4], "name": "table"}]
    result = fm.sweep(runs, frame, y, verbose=0)
    assert [run.status for run in result] == ["finished"] * 2
    assert result[1].load().encoder.columns == ("a", "b")


def test_sweeps_refuse_what_their_models_cannot_read():
    with pytest.raises(ArgumentTypeError, match=r"column 'city' holds|TableEncoder"):
        fm.sweep({"layers": [[4]]}, pd.DataFrame(FEATURES), LABELS, verbose=0)
    with pytest.raises(ArgumentTypeError, match="only models that begin with a TableEncoder"):
        fm.sweep({"layers": [[4]]}, FEATURES, LABELS, verbose=0)
    with pytest.raises(ArgumentTypeError, match="must be a raw table"):
        fm.sweep({"layers": [[fm.TableEncoder(), 4]]}, np.ones((10, 2)), [0, 1] * 5, verbose=0)


def test_a_rate_is_found_on_a_raw_table():
    model = model_of()
    curve = fm.find_learning_rate(model, TABLE, "churned", batches=20)
    assert len(curve.losses) == 20
    assert not model.encoder.is_fitted
    model.fit(TABLE, "churned", verbose=0)
    again = fm.find_learning_rate(model, columns_of(FEATURES), LABELS, batches=20)
    assert len(again.losses) == 20
    assert model.encoder.is_fitted


def test_callbacks_see_models_that_read_tables(capsys):
    model = model_of()
    model.fit(TABLE, "churned", epochs=6, verbose=2, callbacks=[diagnosis := fm.callbacks.Diagnosis(x=FEATURES)])
    assert 0 <= diagnosis.layers[0].dead_units <= 1
    assert "different scales" not in capsys.readouterr().err
