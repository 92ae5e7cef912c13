"""Cross-validation: which rows each fold tests, and that folds are what one would train by hand."""

import dataclasses
import signal

import numpy as np
import pytest

import fastmlp as fm
from fastmlp.search.folds import class_numbers, fold_numbers

from ..shared.models import clusters

FIT = {"epochs": 2, "batch_size": 8}


def build(seed=None):
    return fm.mlp([3], classes=3, seed=seed)


def hand_trained(x, y, fold, number, seed=0):
    model = build(seed=seed + number)
    model.fit(x[fold != number], y[fold != number], verbose=0, **FIT)
    return model


# ---------------------------------------------------------------- folds


def test_folds_of_few_rows_by_hand():
    y = np.array([7, 7, 7, 7, 9, 9])
    fold = fold_numbers(y, 2)
    assert sorted(fold[:4]) == [0, 0, 1, 1]
    assert sorted(fold[4:]) == [0, 1]


@pytest.mark.parametrize("folds", [2, 3, 5])
@pytest.mark.parametrize("counts", [(20, 20), (50, 7, 3), (11, 1), (5, 5, 5, 5)])
def test_no_fold_has_two_rows_more_than_another_of_a_class_or_in_all(counts, folds, rng):
    y = rng.permutation(np.repeat(np.arange(len(counts)), counts))
    fold = fold_numbers(y, folds, seed=3)
    for rows in (fold, *(fold[y == number] for number in range(len(counts)))):
        sizes = np.bincount(rows, minlength=folds)
        assert sizes.max() - sizes.min() <= 1


def test_without_stratification_folds_are_equal_and_random():
    y = np.repeat([0, 1], 50)
    fold = fold_numbers(y, 4, stratify=False)
    assert np.bincount(fold).tolist() == [25] * 4
    of_class = np.bincount(fold[:50], minlength=4)
    assert of_class.max() - of_class.min() > 1  # by chance, which the seed fixes


def test_seeds_decide_the_folds():
    y = np.arange(40) % 2
    assert (fold_numbers(y, 5, seed=1) == fold_numbers(y, 5, seed=1)).all()
    assert (fold_numbers(y, 5, seed=1) != fold_numbers(y, 5, seed=2)).any()


def test_labels_of_all_kinds_are_stratified_alike():
    numbers = np.arange(31) % 3
    expected = fold_numbers(numbers, 4)
    for y in (np.array(["a", "b", "c"])[numbers], np.eye(3)[numbers], numbers[:, None], numbers.astype(np.uint8)):
        assert (fold_numbers(y, 4) == expected).all()


def test_other_targets_are_not_classes():
    assert class_numbers(np.array([0.5, 1.0])) is None
    assert class_numbers(np.array([[0.5, 0.5], [1.0, 0.0]])) is None
    assert class_numbers(np.array([[1.0, 1.0], [1.0, 0.0]])) is None
    y = np.linspace(0, 1, 12)
    assert np.bincount(fold_numbers(y, 3)).tolist() == [4, 4, 4]
    with pytest.raises(fm.ArgumentError, match="class labels"):
        fold_numbers(y, 3, stratify=True)


def test_a_group_is_never_divided():
    groups = np.array([5, 5, 5, 5, 1, 1, 1, 2, 2, 9])
    fold = fold_numbers(np.zeros(10, int), 2, groups=groups)
    assert all(len(set(fold[groups == group])) == 1 for group in groups)
    assert np.bincount(fold).tolist() == [5, 5]  # 4 + 1 and 3 + 2


def test_each_group_is_left_out_once():
    groups = np.array(["b", "a", "b", "c"])
    fold = fold_numbers(np.zeros(4, int), None, groups=groups)
    assert len(set(fold)) == 3
    assert fold[0] == fold[2]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"folds": 1}, "folds must be at least 2"),
        ({"folds": 7}, "folds must be at most 6, because there are 6 rows"),
        ({"folds": None}, "None is for groups"),
        ({"folds": 3, "groups": [0, 0, 0, 1, 1, 1]}, "there are 2 groups"),
        ({"folds": 2, "groups": [0, 1]}, "one entry for each of the 6 rows"),
        ({"folds": 2, "groups": [0, 0, 0, 1, 1, 1], "stratify": True}, "not both"),
    ],
)
def test_folds_that_cannot_be_had(arguments, message):
    with pytest.raises(fm.ArgumentError, match=message):
        fold_numbers(np.zeros(6, int), **arguments)


# ---------------------------------------------------------------- training


@pytest.mark.parametrize("workers", [1, 2])
def test_each_fold_is_what_one_would_train_by_hand(workers):
    x, y = clusters()
    result = fm.cross_validate(build, x, y, folds=3, seed=5, workers=workers, **FIT)
    assert (result.fold == fold_numbers(y, 3, seed=5)).all()
    assert len(result.scores) == len(result.histories) == 3
    assert result.predictions.shape == (30, 3)
    for number in range(3):
        model, is_test = hand_trained(x, y, result.fold, number, seed=5), result.fold == number
        assert (result.predictions[is_test] == model.predict(x[is_test])).all()
        assert result.scores[number] == model.evaluate(x[is_test], y[is_test])
        assert result.histories[number]["loss"] == model.history["loss"]


def test_mean_and_standard_deviation():
    scores = ({"loss": 1.0}, {"loss": 2.0}, {"loss": 6.0})
    result = fm.CrossValidation(scores, (fm.History(),) * 3, np.zeros((3, 2)), np.arange(3))
    assert result.mean == {"loss": 3.0}
    assert result.std["loss"] == pytest.approx(np.sqrt((4 + 1 + 9) / 2))
    with pytest.raises(dataclasses.FrozenInstanceError):
        result.scores = ()


def test_a_compiled_model_is_copied_and_begun_anew():
    x, y = clusters()
    model = build(seed=77)
    model.compile(fm.Adam(learning_rate=0.01))
    model.fit(x, y, epochs=3, verbose=0)
    weights = model.get_weights()
    result = fm.cross_validate(model, x, y, folds=3, **FIT)
    assert all((a == b).all() for a, b in zip(weights, model.get_weights(), strict=True))

    def same(seed):
        other = build(seed=seed)
        other.compile(fm.Adam(learning_rate=0.01))
        return other

    expected = fm.cross_validate(same, x, y, folds=3, **FIT)
    assert (result.predictions == expected.predictions).all()
    assert result.scores == expected.scores


def test_builds_without_a_seed_get_it_nevertheless():
    x, y = clusters()
    first, second = (fm.cross_validate(lambda: build(), x, y, folds=2, **FIT) for _ in range(2))
    assert (first.predictions == second.predictions).all()


def test_pixels_and_double_precision():
    x, y = clusters()
    pixels = np.clip(x * 30 + 100, 0, 255).astype(np.uint8)
    assert fm.cross_validate(build, pixels, y, folds=2, **FIT).predictions.dtype == np.float32
    double = fm.cross_validate(lambda: fm.mlp([3], 3, dtype="float64"), x.astype(float), y, folds=2, **FIT)
    assert double.predictions.dtype == np.float64


def test_groups_and_fit_settings_reach_the_folds():
    x, y = clusters()
    groups = np.arange(30) // 10
    seen = {}

    class Notes(fm.callbacks.Callback):
        def on_train_begin(self, run_info):
            seen[self.number] = run_info["rows"]

    def make(number):
        callback = Notes()
        callback.number = number
        return [callback]

    result = fm.cross_validate(
        build, x, y, folds=None, groups=groups, validation_split=0.1, callbacks=make, workers=2, **FIT
    )
    assert seen == {0: 18, 1: 18, 2: 18}  # 20 less a tenth
    assert all("val_loss" in history for history in result.histories)


def test_a_line_for_each_fold_and_a_table(capsys):
    x, y = clusters()
    result = fm.cross_validate(build, x, y, folds=2, verbose=1, workers=1, **FIT)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split("  ")[0] for line in lines] == ["fold 0 (1 of 2)", "fold 1 (2 of 2)"]
    table = str(result).splitlines()
    assert table[0].split() == ["fold", "rows", "epochs", "loss", "accuracy"]
    assert [line.split()[0] for line in table[1:]] == ["0", "1", "mean", "std"]
    assert table[1].split()[1:3] == ["15", "2"]


# ---------------------------------------------------------------- what goes wrong


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"y": [0, 1]}, "one entry for each of the 30 rows"),
        ({"x": 3.0}, "x must be an array of rows"),
        ({"folds": 1}, "at least 2"),
        ({"epoch": 3}, "no argument 'epoch'; for fit there are .*shuffle"),
        ({"n_threads": 3}, "no argument 'n_threads'"),
        ({"callbacks": [fm.callbacks.Callback()]}, "takes a fold's number"),
        ({"workers": 0}, "workers must be at least 1"),
        ({"verbose": 2}, "verbose must be 0 or 1"),
        ({"build": "mlp"}, "build must be a function"),
        ({"build": lambda: 3}, "must return a compiled fastmlp.Sequential, not 3"),
        ({"build": fm.Sequential([fm.Dense(3, "softmax")])}, "no optimizer and loss yet"),
        ({"build": lambda: fm.Sequential([fm.Dense(3, "softmax")])}, "no optimizer and loss yet"),
    ],
)
def test_arguments_that_cannot_be_used(arguments, message):
    x, y = clusters()
    with pytest.raises(fm.FastMLPError, match=message):
        fm.cross_validate(**{"build": build, "x": x, "y": y, **arguments})


def test_one_model_for_all_folds_is_refused():
    x, y = clusters()
    model = build()
    with pytest.raises(fm.ArgumentError, match="a new model each time"):
        fm.cross_validate(lambda: model, x, y)


@pytest.mark.parametrize("workers", [1, 2])
def test_divergence_names_the_fold(workers):
    x, y = clusters()
    model = build()
    model.compile(fm.SGD(learning_rate=1e30))
    with pytest.raises(fm.DivergenceError, match=r"fold [01]: the loss became NaN"):
        fm.cross_validate(model, x, y, folds=2, workers=workers, **FIT)


@pytest.mark.parametrize("workers", [1, 2])
def test_ctrl_c_ends_all_folds(workers):
    x, y = clusters()
    before = signal.signal(signal.SIGINT, signal.default_int_handler)

    class Interrupts(fm.callbacks.Callback):
        def on_train_begin(self, run_info):
            signal.raise_signal(signal.SIGINT)

    try:
        with pytest.raises(KeyboardInterrupt):
            fm.cross_validate(
                build,
                x,
                y,
                folds=3,
                workers=workers,
                epochs=10**6,
                max_time=30,
                callbacks=lambda number: [Interrupts()],
            )
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    finally:
        signal.signal(signal.SIGINT, before)


def test_weights_of_rows_go_with_their_rows():
    x, y = np.random.default_rng(0).normal(size=(60, 3)), np.arange(60) % 2
    weights = np.where(np.arange(len(y)) % 3 == 0, 5.0, 1.0)
    settings = {"folds": 3, "epochs": 2, "shuffle": False, "workers": 1}
    whole = fm.cross_validate(lambda seed: fm.mlp([4], classes=2, seed=seed), x, y, sample_weight=weights, **settings)
    is_test = whole.fold == 1
    model = fm.mlp([4], classes=2, seed=1)
    model.fit(x[~is_test], y[~is_test], epochs=2, shuffle=False, sample_weight=weights[~is_test], verbose=0, seed=1)
    np.testing.assert_array_equal(whole.predictions[is_test], model.predict(x[is_test]))
    with pytest.raises(fm.ArgumentError, match="sample_weight must have the shape"):
        fm.cross_validate(lambda: fm.mlp([4], classes=2), x, y, sample_weight=weights[:5], **settings)
