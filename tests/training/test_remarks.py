"""What `fit` says on its own about features and about trainings that went wrong, and that it says nothing otherwise."""

import io
import re
import sys

import numpy as np
import pytest

import fastmlp as fm
from fastmlp import kernels
from fastmlp._training import remarks, scales

pytestmark = pytest.mark.needs_jit  # they train networks for many epochs

RNG = np.random.default_rng(0)
X = RNG.normal(size=(600, 4)).astype(np.float32)
Y = (X[:, 0] * X[:, 1] > 0).astype(int)  # which no linear model separates


@pytest.fixture
def said(capsys):
    """Train, and return what was said besides the lines of epochs."""

    def fit(model, x, y, **settings):
        capsys.readouterr()
        model.fit(x, y, **{"epochs": 8, "verbose": 2, **settings})
        return [line for line in capsys.readouterr().out.splitlines() if line.startswith("fastmlp: ")]

    return fit


# ---------------------------------------------------------------- features


REMEDY = "scale them with fm.Normalization() as the first layer, or fm.mlp(..., normalize=True)"
TABLES = {
    "different": (
        X * [1, 1000, 1, 50_000],
        r"have very different scales: column 3 is about [45]\d,\d+, column 1 is about [\d,]+; column [02] is .*",
    ),
    "large": (X * [300, 500, 200, 900], r"are large: column 3 is about \d+, column 1 is about \d+, 2 more columns .*"),
    "far": (X * [1, 1e-3, 1, 1] + [0, 50, 0, 0], r"are far from 0 for their spread: column 1 is 50 ± 0\.00[\d]+"),
    "small": (X * [1, 1, 1e-5, 1], r"have very different scales: .*; column 2 is about [\d.]+e-0[56]"),
}


@pytest.mark.parametrize("name", TABLES)
def test_columns_that_are_not_scaled_are_named(name, said):
    x, words = TABLES[name]
    (line,) = said(fm.mlp([4], 2, seed=0), x, Y, epochs=1)
    assert re.fullmatch(f"fastmlp: features {words}; {re.escape(REMEDY)}", line)


def test_large_columns_are_named_largest_first():
    found = scales.trouble(X * np.array([300, 500, 200, 250]), ["a", "b", "c", "d"])
    assert re.match("features are large: 'b' is about [45]", found)
    assert found.endswith(", 2 more columns are as large")


def test_columns_of_frames_have_their_names(said):
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(X * [1, 1, 1, 50_000], columns=["age", "a", "b", "income"])
    (line,) = said(fm.mlp([4], 2, seed=0), frame, Y, epochs=1)
    assert "'income' is about " in line


def test_it_is_said_once_for_a_model(said):
    model = fm.mlp([4], 2, seed=0)
    assert len(said(model, TABLES["different"][0], Y, epochs=1)) == 1
    assert said(model, TABLES["different"][0], Y, epochs=1) == []


@pytest.mark.parametrize(
    "first", [fm.Normalization(), fm.BatchNormalization(), fm.LayerNormalization(), fm.Dropout(0.1)]
)
def test_a_normalization_first_is_enough(first, said):
    model = fm.Sequential([first, fm.Dense(4, "relu"), fm.Dense(2, "softmax")], seed=0)
    model.compile()
    assert len(said(model, TABLES["different"][0], Y, epochs=1)) == isinstance(first, fm.Dropout)


FLAGS = (RNG.random((600, 3)) < [0.5, 0.01, 0.999]).astype(float)
SCALED = {
    "normal": X,
    "uniform": RNG.random((600, 4)),
    "flags": FLAGS,
    "flags and numbers": np.hstack([FLAGS, X * 20]),
    "signs": 2 * FLAGS - 1,
    "constant": np.full((600, 3), 7.0),
    "zeros": np.zeros((600, 3)),
    "rare numbers": np.where(RNG.random((600, 20)) < 0.01, RNG.integers(1, 17, (600, 20)), 0.0),
    "pixels": RNG.integers(0, 256, (600, 4)).astype(np.uint8),
    "ages": RNG.integers(18, 90, (600, 2)),
}


@pytest.mark.parametrize("name", SCALED)
def test_scaled_features_are_not_spoken_of(name, said):
    assert said(fm.mlp([4], 2, seed=0), SCALED[name], Y, epochs=1) == []


def pictures(side=14, rows=600):
    """Bright spots near the middle: pixels from 0 to 255, of which those at the border are faint, and mostly 0."""
    y, x = np.mgrid[:side, :side]
    across, down = (RNG.normal(side / 2, side / 10, (rows, 1, 1)) for _ in range(2))
    bright = np.exp(-((y - down) ** 2 + (x - across) ** 2) / (2 * (side / 9) ** 2))
    return np.round(255 * bright).reshape(rows, -1)


def rarely(share, largest):
    """A column of numbers that are 0 in nearly all rows."""
    return np.where(RNG.random((600, 1)) < share, largest * RNG.random((600, 1)), 0)


PIXELS = pictures()
PICTURES = {
    "from 0 to 1": PIXELS / 255,
    "in float32": (PIXELS / 255).astype(np.float32),
    "from -1 to 1": PIXELS / 127.5 - 1,
    "standardised": (PIXELS - PIXELS.mean(axis=0)) / (PIXELS.std(axis=0) + 1e-7),
    "with light everywhere": (PIXELS + RNG.integers(0, 3, PIXELS.shape)) / 257,
    "with tails": np.maximum(PIXELS / 255, 1e-4 * RNG.random(PIXELS.shape)),
    "a stray pixel": np.hstack([RNG.random((600, 9)), rarely(0.02, 1 / 200)]),
}


@pytest.mark.parametrize("name", PICTURES)
def test_faint_pixels_are_no_trouble(name, said):
    x = PICTURES[name]
    assert x.max() > 0.9
    assert said(fm.mlp([4], 2, seed=0), x, Y, epochs=1) == []


def wide(change):
    x = RNG.random((600, 100))
    change(x)
    return x


TROUBLE = {
    "pixels that are not scaled": (PIXELS.astype(float), "are large"),
    "a number beside pixels": (np.hstack([PIXELS / 255, 5000 * RNG.random((600, 1))]), "are large: column 196"),
    "a small column of many": (wide(lambda x: np.multiply(x[:, 50], 1e-4, out=x[:, 50])), "different.*column 50 is"),
    "columns of any size": (RNG.random((600, 100)) * 10 ** RNG.uniform(-4, 0, 100), "very different scales"),
    "a column far from 0": (wide(lambda x: np.add(x[:, 50] * 1e-4, 0.5, out=x[:, 50])), "far from 0.*column 50"),
    "a large column, mostly 0": (np.hstack([X, rarely(0.04, 9000)]), "different scales: column 4"),
}


@pytest.mark.parametrize("name", TROUBLE)
def test_trouble_beside_them_is_still_named(name):
    x, words = TROUBLE[name]
    assert re.search(words, scales.trouble(x, None))


@pytest.mark.parametrize("x", [np.zeros((1, 3)), np.full((1, 3), 1e9), np.zeros((0, 3)), np.zeros((5, 1 << 20))])
def test_few_rows_and_many_columns_are_left_alone(x):
    assert scales.trouble(x, None) is None


def test_numbers_of_any_size_can_be_measured():
    assert "different" in scales.trouble(np.array([[1e300, 1e-300], [2e300, 3e-300], [1e299, 1e-299]]), None)


def test_chunks_are_looked_at_too(said):
    chunks = fm.datasets.Chunks.from_arrays(TABLES["different"][0].astype(np.float32), Y, 200)
    assert "very different scales" in said(fm.mlp([4], 2, seed=0), chunks, None, epochs=1)[0]


# ---------------------------------------------------------------- after training


def compiled(rule, layers=None, loss="categorical_crossentropy"):
    model = fm.Sequential(layers or [fm.Dense(8, "relu"), fm.Dense(2, "softmax")], seed=0)
    model.compile(rule, loss=loss)
    return model


def test_a_loss_that_does_not_fall_is_spoken_of(said):
    (line,) = said(compiled(fm.SGD(1e-7)), X, Y)
    assert line.startswith("fastmlp: training went wrong: the loss (")
    assert "is no better than that of one and the same answer for all rows (0.69" in line
    assert line.endswith("Try a larger learning rate, such as 1e-06.")


def test_targets_far_from_zero_are_spoken_of(said):
    model = fm.mlp([8], task="regression", seed=0)
    (line,) = said(model, X, 10 * X[:, 0] + 1e4)
    assert "hardly falls. Scale the targets to mean 0 and deviation 1" in line


def test_dead_units_are_named(said):
    model = compiled("adam")
    model.build(4)
    model.layers[0].bias = [-1000.0] * 8
    model.predict(X[:1])  # so that its kernel is there
    (line,) = said(model, X, Y, epochs=30)
    assert "layer 0 is dead" in line


def test_an_explosion_is_spoken_of(said):
    class Faster(fm.callbacks.Callback):
        def on_epoch_begin(self, epoch):
            self.model.learning_rate = 0.001 if epoch < 7 else 30.0

    (line,) = said(compiled(fm.Adam(0.001)), X, Y, callbacks=[Faster()])
    assert "training went wrong: the loss exploded, from 0." in line
    assert line.endswith("Try a smaller learning rate, such as 3.")


def test_unscaled_features_are_named_as_the_cause(said):
    x = X * [1, 1000, 1, 50_000]
    lines = said(compiled(fm.SGD(1e-12)), x, Y)
    assert len(lines) == 2
    assert "Its features have very different scales" in lines[1]


@pytest.mark.parametrize(
    "settings",
    [
        {"verbose": 0},
        {"epochs": 3},
        {"steps_per_epoch": 5},
        {"callbacks": [fm.callbacks.Diagnosis()]},
        {"sample_weight": np.linspace(0.5, 1.5, 600)},
    ],
    ids=["silent", "few epochs", "few batches", "a diagnosis", "weights"],
)
def test_what_is_not_clear_is_not_spoken_of(said, settings):
    assert said(compiled(fm.SGD(1e-7)), X, Y, **settings) == []


def test_a_second_training_is_not_judged(said):
    model = compiled(fm.SGD(1e-7))
    said(model, X, Y)
    assert said(model, X, Y) == []


def test_penalties_and_other_losses_have_no_constant_answer(said):
    penalty = [fm.Dense(8, "relu", kernel_regularizer="l2"), fm.Dense(2, "softmax")]
    assert said(compiled(fm.SGD(1e-7), penalty), X, Y) == []
    smooth = fm.losses.CategoricalCrossentropy(label_smoothing=0.1)
    assert said(compiled(fm.SGD(1e-7), loss=smooth), X, Y) == []
    assert said(compiled(fm.SGD(1e-7), [fm.Dense(1)], "mae"), X, X[:, 0] + 100) == []


TOYS = {
    "moons": lambda seed: (fm.datasets.moons(200, seed=seed), {"classes": 2}),
    "spiral": lambda seed: (fm.datasets.spiral(100, 3, seed), {"classes": 3}),
    "vertical": lambda seed: (fm.datasets.vertical(100, 3, seed), {"classes": 3}),
    "sine": lambda seed: (fm.datasets.sine(400), {"task": "regression"}),
    "digits": lambda seed: (fm.datasets.digits(400, 50, seed=seed)[0], {"classes": 10}),
    "two labels": lambda seed: ((X, X[:, :2] > 0), {"task": "multilabel", "outputs": 2}),
}


@pytest.mark.parametrize("name", TOYS)
@pytest.mark.parametrize("hidden", [[], [16], [64, 64]], ids=str)
def test_ordinary_trainings_pass_in_silence(said, name, hidden):
    for seed in range(2):
        (x, y), goal = TOYS[name](seed)
        assert said(fm.mlp(hidden, seed=seed, **goal), x, y, epochs=30 if len(x[0]) < 100 else 8) == []


@pytest.mark.parametrize("name", ["iris", "wine", "breast_cancer", "digits", "diabetes"])
def test_tables_pass_in_silence_if_they_are_scaled(said, name):
    tables = pytest.importorskip("sklearn.datasets")
    x, y = getattr(tables, f"load_{name}")(return_X_y=True)
    if name == "diabetes":
        goal, y = {"task": "regression"}, (y - y.mean()) / y.std()
    else:
        goal = {"classes": len(np.unique(y))}
    for hidden in ([], [16]):
        assert said(fm.mlp(hidden, normalize=True, seed=0, **goal), x, y) == []
    if name in ("iris", "digits"):  # whose columns have one unit
        assert said(fm.mlp([16], seed=0, **goal), x, y) == []


def test_no_kernel_is_compiled_to_look_closer(said, monkeypatch):
    model = compiled("adam")
    model.build(4)
    model.layers[0].bias = [-1000.0] * 8
    monkeypatch.setattr(type(kernels.predict_rows), "is_ready", lambda *_, **__: False)
    monkeypatch.setattr(remarks, "ReluOutputs", None)
    said(model, X, Y, epochs=30)


def test_targets_of_one_kind_are_no_trouble(capsys):
    x = np.random.default_rng(0).normal(size=(200, 3))
    model = fm.Sequential([fm.Dense(1)], seed=0)
    model.compile(fm.Adam(0.05), "mse")
    model.fit(x, np.zeros(200), epochs=300, batch_size=50, verbose=2)
    classifier = fm.mlp([8], classes=2, seed=0)
    classifier.fit(x, np.zeros(200, int), epochs=30, batch_size=50, verbose=2)
    assert "went wrong" not in capsys.readouterr().out


def test_letters_that_the_output_lacks_are_no_trouble(monkeypatch):
    written = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(written, encoding="ascii"))
    remarks._say("the column Größe is not scaled")
    assert written.getvalue() == b"fastmlp: the column Gr??e is not scaled\n"
