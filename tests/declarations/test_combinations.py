"""Last activation, loss and metric are judged together, by `compile`: what it takes trains on whatever data come."""

import warnings

import numpy as np
import pytest

import fastmlp as fm
from fastmlp import activations, losses, metrics
from fastmlp.activations import SHARES, outputs_of
from fastmlp.metrics import METRICS, declarations

pytestmark = pytest.mark.needs_jit  # it trains a lot

LOSSES = sorted({*losses.NAMES} - {"sparse_categorical_crossentropy", "mean_squared_error", "sum_of_squares"})
LOSSES = [*(losses.get(name) for name in LOSSES), losses.get("mse")]
LOSSES += [losses.CategoricalCrossentropy(from_logits=True), losses.BinaryCrossentropy(from_logits=True)]
MORE = [
    metrics.BinaryAccuracy(0.0),
    metrics.BinaryAccuracy(0.9),
    metrics.F1("binary"),
    metrics.Recall("micro", multi_label=True),
    metrics.AUC(multi_label=True),
    metrics.TopKAccuracy(2),
]
CHOSEN = [*metrics.get(METRICS), *MORE]
NAMES = [*METRICS, *map(repr, MORE)]
ROWS = 48


def model_of(activation, loss, units, chosen, dtype="float32"):
    model = fm.Sequential([fm.Dense(4, "relu"), fm.Dense(units, activation)], dtype=dtype, seed=0)
    model.compile(fm.SGD(1e-3), loss, [chosen])
    return model


def targets_for(loss, units):
    """Targets of each kind that the loss takes."""
    random = np.random.default_rng(0)
    classes = np.arange(ROWS) % max(2, units)
    rows = np.eye(units)[classes] if units > 1 else classes[:, None].astype(float)
    labels = (random.random((ROWS, units)) > 0.5).astype(float)
    found = {"classes": classes, "one-hot": rows, "labels": labels}
    if loss.targets == losses.VALUES:
        found["numbers"] = 1e3 * random.normal(size=(ROWS, units))
    return found


def extreme_data():
    """Inputs for which outputs go far beyond what those of the first batch are."""
    x = np.random.default_rng(1).normal(size=(ROWS, 3))
    x[ROWS // 2 :] *= 1e4
    return x


def train(model, y):
    """Train an epoch; whether the data were refused, before any training, or diverged."""
    try:
        model.fit(extreme_data(), y, epochs=2, batch_size=16, validation_split=0.5, verbose=0)
    except fm.DivergenceError:
        return "diverged"
    except fm.ArgumentError:
        return "refused" if model.history is None else "refused too late"
    return "trained"


@pytest.mark.parametrize("units", [1, 3])
@pytest.mark.parametrize("activation", activations.NAMES)
def test_what_compiles_trains(activation, units):
    """Whatever comes out of the last layer, no metric fails after the first batch."""
    found = {"trained": 0, "compiled": 0, "refused by compile": 0}
    for loss in LOSSES:
        for chosen in CHOSEN:
            try:
                model_of(activation, loss, units, chosen)
            except fm.ArgumentError:
                found["refused by compile"] += 1
                continue
            found["compiled"] += 1
            outcomes = set()
            for y in targets_for(loss, units).values():
                with warnings.catch_warnings():
                    warnings.simplefilter("error")
                    outcomes.add(train(model_of(activation, loss, units, chosen), y))
            assert outcomes <= {"trained", "diverged", "refused"}, (loss, chosen)
            assert outcomes & {"trained", "diverged"}, f"{loss} with {chosen} takes no targets at all"
            found["trained"] += "trained" in outcomes
    if (activation, units) != ("softmax", 1):
        assert found["trained"] > 10
        assert found["refused by compile"] > 10


READ_NUMBERS_BETWEEN_0_AND_1 = ["f1", "precision", "recall", "binary_accuracy"]


@pytest.mark.parametrize("metric", READ_NUMBERS_BETWEEN_0_AND_1)
@pytest.mark.parametrize("activation", ["linear", "tanh", "relu", "softplus"])
def test_outputs_beyond_0_to_1_are_refused_with_the_remedy(activation, metric):
    message = f"'{metric}' reads numbers from 0 to 1, but .*'{activation}' and MeanSquaredError .* sigmoid.* 'r2'"
    with pytest.raises(fm.ArgumentError, match=message):
        model_of(activation, "mse", 1, metric)


@pytest.mark.parametrize("activation", ["linear", "sigmoid", "relu"])
def test_auc_of_several_classes_needs_shares(activation):
    with pytest.raises(fm.ArgumentError, match=r"'auc' reads rows of class probabilities.* softmax.*multi_label=True"):
        model_of(activation, "mse", 3, "auc")
    assert model_of("softmax", "mse", 3, "auc").metrics == (metrics.AUC(),)
    assert model_of(activation, "mse", 1, "auc").metrics == (metrics.AUC(),)  # which ranks any numbers


def test_logits_are_seen_as_probabilities():
    """The loss makes them such, and so the metrics mean the same as after a sigmoid."""
    y, x = np.arange(ROWS) % 2, np.random.default_rng(0).normal(size=(ROWS, 3))
    scores = []
    for activation, from_logits in (("sigmoid", False), ("linear", True)):
        model = model_of(activation, losses.BinaryCrossentropy(from_logits), 1, "f1", "float64")
        model.build(3)
        scores.append(model.evaluate(x, y))
    assert scores[0].f1 == scores[1].f1
    with pytest.raises(fm.ArgumentError, match=r"threshold 0, but .* gives probabilities, also where the loss reads"):
        model_of("linear", losses.BinaryCrossentropy(from_logits=True), 1, metrics.BinaryAccuracy(0))
    assert model_of("linear", "mse", 1, metrics.BinaryAccuracy(0)).metrics == (metrics.BinaryAccuracy(0),)


@pytest.mark.parametrize(
    ("units", "chosen", "message"),
    [
        (3, "top_5_accuracy", "'top_5_accuracy' needs .* at least 5, but a last layer of 3 units"),
        (1, metrics.TopKAccuracy(1), "at least 2, but a last layer of 1 unit "),
        (3, metrics.F1("binary"), "average='binary', which is for two classes, but a last layer of 3 units"),
    ],
)
def test_settings_that_the_last_layer_contradicts_are_refused(units, chosen, message):
    with pytest.raises(fm.ArgumentError, match=message):
        model_of("sigmoid", "mse", units, chosen)


@pytest.mark.parametrize("loss", ["binary_crossentropy", "mse", "poisson", "categorical_crossentropy"])
def test_a_softmax_of_one_unit_is_always_1(loss):
    with pytest.raises(fm.ArgumentError, match=r"always 1.* 2 units .* sigmoid"):
        model_of("softmax", loss, 1, "mse")


@pytest.mark.parametrize("chosen", [metrics.F1(multi_label=True), metrics.AUC(multi_label=True)])
@pytest.mark.parametrize("kind", ["classes", "one-hot"])
def test_each_class_may_count_as_a_question(chosen, kind):
    y = targets_for(losses.get("mse"), 3)[kind]
    x, rows = np.random.default_rng(0).normal(size=(ROWS, 3)), targets_for(losses.get("mse"), 3)["one-hot"]
    model = model_of("softmax", "categorical_crossentropy", 3, chosen)
    model.build(3)
    assert model.evaluate(x, y)[chosen.name] == pytest.approx(chosen(rows, model.predict(x)))


def test_layers_that_are_added_after_compile_are_judged_before_training():
    model = fm.Sequential(seed=0)
    model.compile(loss="mse", metrics=["f1"])
    model.add(fm.Dense(1))
    for use in (model.fit, model.partial_fit, model.train_on_batch):
        with pytest.raises(fm.ArgumentError, match="'f1' reads numbers from 0 to 1"):
            use(np.zeros((4, 2)), [0, 1, 0, 1])


def test_validation_data_are_judged_before_training():
    model = model_of("sigmoid", "mse", 1, "binary_accuracy")
    x = np.zeros((4, 3))
    with pytest.raises(fm.ArgumentError, match="validation_data cannot be judged by the metric 'binary_accuracy'"):
        model.fit(x, [0, 1, 0, 1], validation_data=(x, [0, 1, 0, 2.0]), verbose=0)
    assert model.history is None


def test_every_batch_of_a_stream_is_judged_before_its_step():
    model = model_of("sigmoid", "mse", 1, "binary_accuracy")
    x = np.ones((4, 3))
    model.train_on_batch(x, [0, 1, 0, 1])
    before = model.get_weights()
    for use in (model.train_on_batch, model.partial_fit):
        with pytest.raises(fm.ArgumentError, match="y cannot be judged by the metric 'binary_accuracy'"):
            use(x, [0, 1, 0, 2.0])
    assert all((old == new).all() for old, new in zip(before, model.get_weights(), strict=True))


def test_a_metric_of_ones_own_is_asked_for_nothing():
    def worst(targets, outputs):
        return abs(targets - outputs).max()

    class Mine(metrics.Metric):
        name = "mine"

        def __call__(self, targets, outputs):
            return 0.5

    for chosen in (worst, Mine()):
        assert train(model_of("linear", "mse", 1, chosen), np.zeros(ROWS)) == "trained"


def test_every_metric_says_what_it_reads():
    kinds = [kind for kind in vars(declarations).values() if isinstance(kind, type) and hasattr(kind, "_function")]
    assert len(kinds) == len(METRICS)
    for kind in kinds:
        for units in (1, 2, 3):
            assert kind().reads(units) in (0, 1, SHARES)
    assert {outputs_of(name) for name in activations.NAMES} == {0, 1, SHARES}


@pytest.mark.parametrize("size", [1e150, 1e160, 1e300])
def test_ratios_of_huge_numbers_are_what_they_are(size):
    targets, outputs = np.array([1.0, 2.0, 4.0]), np.array([1.5, 2.0, 3.0])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert metrics.r2_score(size * targets, size * outputs) == pytest.approx(metrics.r2_score(targets, outputs))
        near = metrics.regression_accuracy(targets, outputs, divisor=2)
        assert metrics.regression_accuracy(size * targets, size * outputs, divisor=2) == near == 2 / 3
        assert metrics.mean_squared_error([size], [-size]) == (4 * size**2 if size < 1e154 else np.inf)


def test_files_of_models_that_were_judged_otherwise_are_read(tmp_path, monkeypatch):
    """Earlier versions took metrics that failed once outputs were out of their range, and wrote them into files."""
    model = fm.Sequential([fm.Dense(1)], seed=0)
    with monkeypatch.context() as earlier:
        earlier.setattr(metrics.F1, "check_outputs", lambda *_: None)
        model.compile(loss="mse", metrics=["mae", "f1"])
    model.build(2)
    model.save(tmp_path / "model.npz")
    with pytest.warns(UserWarning, match="model.npz: of the metrics, 1 cannot read what this last layer"):
        again = fm.load(tmp_path / "model.npz")
    assert again.metrics == (metrics.MeanAbsoluteError(),)
    np.testing.assert_array_equal(again.predict([[1.0, 2.0]]), model.predict([[1.0, 2.0]]))
