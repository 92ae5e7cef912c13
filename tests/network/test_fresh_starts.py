"""What starts from the beginning starts from the declared layers, and takes nothing along that a model has learned."""

import copy

import numpy as np
import pytest

import fastmlp as fm
from fastmlp._network.network import Position
from fastmlp.layers import declared
from fastmlp.search.folds import fold_numbers
from fastmlp.search.workers import new_copy

from ..shared.files import edited
from ..shared.models import adapted, through_a_file

ROWS = 90


def problem(seed=0, shift=0.0, scale=1.0):
    rng = np.random.default_rng(seed)
    x = shift + scale * rng.normal(size=(ROWS, 3))
    return x, (x[:, 0] > shift).astype(int)


def network(first=None, **settings):
    layers = [first or fm.Normalization(), fm.Dense(4, activation="tanh"), fm.Dense(2, activation="softmax")]
    model = fm.Sequential(layers, **{"seed": 1, "dtype": "float64", **settings})
    model.compile(fm.Adam(0.01))
    return model


def fitted(x, y, **settings):
    model = network(**settings)
    model.fit(x, y, epochs=2, verbose=0)
    return model


def same(first, second):
    return all(np.array_equal(a, b) for a, b in zip(first.get_weights(), second.get_weights(), strict=True))


def old_file(path):
    """Leave out of a model's file what files of 0.1.0 do not have."""
    edited(path, path, without=["statistics", "has_learned_classes"])


WAYS = {
    "as it is": lambda model, path: model,
    "copied": lambda model, path: copy.deepcopy(model),
    "from a file": through_a_file,
    "weights loaded": lambda model, path: with_weights_of(model, path),
    "weights set": lambda model, path: with_weights_set(model),
}


def with_weights_of(model, path):
    model.save_weights(path / "weights.npz")
    new = network()
    new.build(3)
    new.load_weights(path / "weights.npz")
    return new


def with_weights_set(model):
    new = network()
    new.build(3)
    new.set_weights(model.get_weights())
    return new


# ---------------------------------------------------------------- cross-validation


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("way", WAYS)
def test_folds_of_a_model_that_was_fitted_are_those_of_one_that_was_not(way, workers, tmp_path):
    x, y = problem()
    settings = {"folds": 3, "epochs": 3, "seed": 5, "workers": workers}
    expected = fm.cross_validate(network(), x, y, **settings)
    model = WAYS[way](fitted(*problem(1, shift=100, scale=20)), tmp_path)
    before = copy.deepcopy(model)
    result = fm.cross_validate(model, x, y, **settings)
    np.testing.assert_array_equal(result.predictions, expected.predictions)
    assert result.scores == expected.scores
    assert same(model, before)
    assert model.declarations[0].mean.tolist() == before.declarations[0].mean.tolist()


def test_each_fold_measures_the_rows_that_it_trains_on():
    x, y = problem()
    seen = {}

    class Note(fm.callbacks.Callback):
        def __init__(self, fold):
            self.fold = fold

        def on_train_end(self, reason):
            seen[self.fold] = self.model.layers[0].mean

    fm.cross_validate(fitted(x, y), x, y, folds=3, callbacks=lambda fold: [Note(fold)])
    fold = fold_numbers(y, 3)
    for number in range(3):
        np.testing.assert_allclose(seen[number], x[fold != number].mean(axis=0), rtol=1e-12)


@pytest.mark.parametrize("way", ["as it is", "copied", "from a file"])
def test_statistics_that_were_declared_stay(way, tmp_path):
    x, y = problem()
    layer = adapted(x * 3 + 1)
    expected = fm.cross_validate(network(copy.deepcopy(layer)), x, y, folds=3)
    model = WAYS[way](fitted(*problem(1), first=layer), tmp_path)
    np.testing.assert_array_equal(fm.cross_validate(model, x, y, folds=3).predictions, expected.predictions)
    np.testing.assert_array_equal(new_copy(model).declarations[0].mean, layer.mean)


def test_declared_statistics_come_back_after_others_were_set():
    layer = adapted(problem()[0])
    model = network(layer)
    model.build(3)
    model.set_first_statistics([1, 2, 3], [4, 5, 6])
    model.set_first_statistics([3, 2, 1], [4, 5, 6])
    assert model.declarations[0].mean.tolist() == [3, 2, 1]
    assert new_copy(model).declarations[0] is layer
    assert declared(model.declarations)[0] is layer


def test_a_normalization_inside_of_a_block_is_declared_too(tmp_path):
    x, y = problem()
    layer = adapted(x)
    model = network(fm.Residual([layer, fm.Dense(3)]))
    model.fit(x, y, verbose=0)
    loaded = through_a_file(model, tmp_path)
    np.testing.assert_array_equal(new_copy(loaded).declarations[0].layers[0].mean, layer.mean)
    model.set_weights([weight + 1 if tensor.is_statistic else weight for tensor, weight in tensors_of(model)])
    assert new_copy(model).declarations[0].layers[0] is layer


def tensors_of(model):
    return zip(model.engine.program.tensors, model.get_weights(), strict=True)


# ---------------------------------------------------------------- sweeps, layers of other models, learning rates


def test_a_model_of_another_ones_layers_measures_its_own_data():
    x, y = problem()
    other = fitted(*problem(1, shift=50))
    for layers in (other.declarations, [layer.declaration for layer in other.layers]):
        model = fm.Sequential(layers, seed=1, dtype="float64")
        model.compile(fm.Adam(0.01))
        model.fit(x, y, epochs=2, verbose=0)
        assert same(model, fitted(x, y))


def test_a_sweep_of_a_fitted_models_layers_begins_anew():
    x, y = problem()
    other = fitted(*problem(1, shift=50))
    results = [
        fm.sweep([{"layers": layers, "epochs": 2, "dtype": "float64"}], x, y, validation_split=0.2, verbose=0)
        for layers in (other.declarations, network().declarations)
    ]
    assert results[0].runs[0].metrics == results[1].runs[0].metrics


def test_a_sweep_trains_again_where_a_normalization_was_adapted_to_other_data(tmp_path):
    x, y = problem()

    def run(layer):
        settings = [{"name": "one", "layers": [layer, fm.Dense(2, activation="softmax")], "epochs": 1}]
        return fm.sweep(settings, x, y, folder=tmp_path, verbose=0).runs[0]

    first = run(adapted(x))
    assert run(adapted(x)).was_loaded
    other = run(adapted(x * 9 - 4))
    assert not other.was_loaded
    assert other.metrics != first.metrics


def test_the_search_for_a_rate_measures_all_rows_and_not_the_first_batch():
    x, y = problem(shift=10, scale=3)
    expected = fm.find_learning_rate(network(adapted(x)), x, y, batches=20, batch_size=9)
    for model in (network(), built()):
        found = fm.find_learning_rate(model, x, y, batches=20, batch_size=9)
        np.testing.assert_allclose(found.losses, expected.losses, rtol=1e-9)
        assert model.declarations[0].mean is None


def built():
    model = network()
    model.build(3)
    return model


def test_the_search_for_a_rate_goes_on_from_the_weights_and_their_statistics():
    x, y = problem()
    model = fitted(x, y)
    before = copy.deepcopy(model)
    first = fm.find_learning_rate(model, x, y, batches=10).losses[0]
    assert same(model, before)
    assert first < 1.2 * before.evaluate(x, y)["loss"]


def test_gradient_checks_leave_a_model_as_new():
    x, y = problem()
    model = network()
    assert model.gradient_check(x, y).passed
    assert model.declarations[0].mean is None
    model.gradients(x, y)
    model.fit(x, y, epochs=2, verbose=0)
    assert same(model, fitted(x, y))
    learned = model.declarations[0].mean
    model.gradient_check(x * 7, y)
    np.testing.assert_array_equal(model.declarations[0].mean, learned)


# ---------------------------------------------------------------- files


def test_a_model_that_was_built_and_stored_still_measures_its_data(tmp_path):
    x, y = problem(shift=5)
    model = through_a_file(built(), tmp_path)
    assert model.declarations[0].mean is None
    model.fit(x, y, epochs=2, verbose=0)
    assert same(model, fitted(x, y))


def test_files_of_the_first_version_predict_and_go_on_as_they_did(tmp_path):
    x, y = problem()
    model = fitted(*problem(1, shift=50))
    expected = fm.cross_validate(network(), x, y, folds=3)
    model.save(tmp_path / "model.npz")
    old_file(tmp_path / "model.npz")
    loaded = fm.load(tmp_path / "model.npz")
    np.testing.assert_array_equal(loaded.predict(x), model.predict(x))
    np.testing.assert_array_equal(fm.cross_validate(loaded, x, y, folds=3).predictions, expected.predictions)
    for one in (model, loaded):
        one.fit(x, y, verbose=0)
    assert same(model, loaded)


def test_running_statistics_of_old_files_go_on_as_before(tmp_path):
    x, y = problem()
    model = fm.Sequential([fm.BatchNormalization(momentum=0.9), fm.Dense(2, activation="softmax")], seed=0)
    model.compile()
    model.fit(x, y, verbose=0)
    model.save(tmp_path / "model.npz")
    old_file(tmp_path / "model.npz")
    loaded = fm.load(tmp_path / "model.npz")
    loaded.train_on_batch(x * 0, y)
    np.testing.assert_allclose(loaded.layers[0].moving_mean, 0.9 * model.layers[0].moving_mean, rtol=1e-6)
    new = fm.Sequential([fm.BatchNormalization(momentum=0.9), fm.Dense(2, activation="softmax")], seed=0)
    new.compile()
    new.build(3)
    new.save(tmp_path / "model.npz")
    old_file(tmp_path / "model.npz")
    loaded = fm.load(tmp_path / "model.npz")
    loaded.train_on_batch(x, y)
    np.testing.assert_allclose(loaded.layers[0].moving_mean, x.mean(axis=0), rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize(
    "statistics", [[], {}, {"0": "mine"}, {"0": 3}, {"1": "learned"}, {"0": None}, "learned"], ids=str
)
def test_damaged_origins_are_refused(statistics, tmp_path):
    fitted(*problem()).save(tmp_path / "model.npz")
    with pytest.raises(fm.ModelFileError):
        fm.load(edited(tmp_path / "wrong.npz", tmp_path / "model.npz", {"statistics": statistics}))


# ---------------------------------------------------------------- what else is learned


def test_labels_that_were_learned_are_not_those_of_the_folds(tmp_path):
    x, y = problem()
    model = network()
    model.fit(x, np.array(["no", "yes"])[y], verbose=0)
    for way in (lambda: model, lambda: through_a_file(model, tmp_path)):
        result = fm.cross_validate(way(), x, np.array(["low", "high"])[y], folds=3)
        assert result.predictions.shape == (ROWS, 2)
    assert model.classes.tolist() == ["no", "yes"]


def test_labels_that_were_declared_are(tmp_path):
    x, y = problem()
    words = np.array(["no", "yes"])[y]
    model = network(classes=["yes", "no"])
    expected = fm.cross_validate(copy.deepcopy(model), x, words, folds=3)
    model.fit(x, words, verbose=0)
    for one in (model, through_a_file(model, tmp_path)):
        np.testing.assert_array_equal(fm.cross_validate(one, x, words, folds=3).predictions, expected.predictions)
        with pytest.raises(fm.ArgumentError, match="classes"):
            fm.cross_validate(one, x, np.array(["low", "high"])[y], folds=3)


def test_names_of_features_are_those_of_the_folds():
    pd = pytest.importorskip("pandas")
    x, y = problem()
    model = network()
    model.fit(pd.DataFrame(x, columns=["a", "b", "c"]), y, verbose=0)
    expected = fm.cross_validate(network(), x, y, folds=3)
    for data in (x, pd.DataFrame(x, columns=["d", "e", "f"])):
        np.testing.assert_array_equal(fm.cross_validate(model, data, y, folds=3).predictions, expected.predictions)
    assert model.feature_names == ("a", "b", "c")
    assert new_copy(model).feature_names is None


def test_a_rate_that_was_set_and_a_history_stay_behind():
    x, y = problem()
    expected = fm.cross_validate(network(), x, y, folds=3)
    model = fitted(x, y)
    model.learning_rate = 5.0
    model.stop_training = True
    np.testing.assert_array_equal(fm.cross_validate(model, x, y, folds=3).predictions, expected.predictions)
    new = new_copy(model)
    assert (new.history, new.position, new.is_built, new.stop_training) == (None, Position(), False, False)
    assert new.learning_rate == 0.01


def test_an_attempt_that_fails_leaves_what_was_declared():
    x, y = problem()
    model = network()
    model.build(3)
    with pytest.raises(ZeroDivisionError):
        model.fit(x, np.array(["no", "yes"])[y], verbose=0, callbacks=[Fails()])
    assert model.declarations[0].mean is None
    assert (model.classes, model.data_known.has_learned_classes) == (None, False)
    model.fit(x, y, epochs=2, verbose=0)
    assert same(model, fitted(x, y))


class Fails(fm.callbacks.Callback):
    def on_train_begin(self, run_info):
        raise ZeroDivisionError
