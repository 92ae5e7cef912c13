"""The modules and names that Keras's scripts import: they are there, or a sentence says what to do instead."""

import importlib
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import fastmlp as fm
from fastmlp import utils
from fastmlp._base import keras_names

KERAS = json.loads(Path(__file__).with_name("keras_names.json").read_text())


@pytest.mark.parametrize("module", sorted(KERAS))
def test_each_name_of_keras_is_there_or_says_what_to_do(module):
    """The names of Keras 3.15."""
    ours = importlib.import_module(f"fastmlp.{module}".rstrip("."))
    for name in KERAS[module]:
        try:
            getattr(ours, name)
        except fm.NotAvailableError as error:
            assert f"has no {name}: " in str(error)  # noqa: PT017  # some are there, and some are not


def test_no_sentence_is_about_what_there_is():
    for module, sentences in keras_names._LACKING.items():
        ours = importlib.import_module(f"fastmlp.{module}".rstrip("."))
        for name in " ".join(sentences.values()).split():
            assert name not in vars(ours)
            with pytest.raises(fm.NotAvailableError, match=name):
                getattr(ours, name)


def test_an_import_shows_the_sentence():
    with pytest.raises(ImportError, match="has no LSTM: fastmlp trains multilayer perceptrons"):
        exec("from fastmlp.layers import LSTM")
    with pytest.raises(ImportError, match="has no Model: models are sequences of layers"):
        exec("from fastmlp import Model")


def test_an_import_of_a_module_shows_its_sentence():
    with pytest.raises(ImportError, match="has no preprocessing: prepare features before training"):
        exec("from fastmlp.preprocessing.image import ImageDataGenerator")
    with pytest.raises(ImportError, match=r"has no wrappers: use fastmlp\.MLPClassifier"):
        exec("import fastmlp.wrappers.scikit_learn")
    with pytest.raises(ModuleNotFoundError, match="No module named"):
        exec("import fastmlp.nonsense")


# Import lines of Keras 2 and 3, and of tensorflow.keras, with fastmlp in place of keras
PARTS = """
from fastmlp.layers.core import Dense, Dropout, Activation, Flatten
from fastmlp.layers.normalization import BatchNormalization
from fastmlp.layers.advanced_activations import LeakyReLU
from fastmlp.layers.noise import GaussianNoise
from fastmlp.layers.experimental.preprocessing import Normalization
from fastmlp.layers.experimental import preprocessing
import fastmlp.layers.core
from fastmlp.optimizers.legacy import Adam, SGD
from fastmlp.optimizers.experimental import AdamW
from fastmlp.utils.np_utils import to_categorical
from fastmlp.utils.data_utils import Sequence
from fastmlp.saving import load_model, save_model, load_weights, save_weights
import fastmlp.saving
"""


@pytest.mark.parametrize("line", PARTS.strip().splitlines())
def test_modules_inside_of_modules_are_found(line):
    """Each in a process of its own, which has not imported the others."""
    subprocess.run([sys.executable, "-c", line], check=True)


def test_a_module_in_another_is_the_same_object():
    assert importlib.import_module("fastmlp.layers.core") is fm.layers
    assert importlib.import_module("fastmlp.layers.experimental.preprocessing") is fm.layers
    assert fm.layers.pooling is fm.layers
    assert fm.optimizers.legacy.Adam is fm.Adam
    assert fm.layers.__name__ == "fastmlp.layers"


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("from fastmlp.layers.convolutional import Conv2D", r"fastmlp\.layers has no Conv2D"),
        ("from fastmlp.utils.vis_utils import plot_model", r"fastmlp\.utils has no plot_model: use model\.summary"),
        ("from fastmlp.applications.vgg16 import VGG16", "fastmlp has no applications"),
        ("from fastmlp.datasets.imdb import load_data", r"fastmlp\.datasets has no imdb"),
        ("from fastmlp.keras.layers import Dense", "fastmlp stands for keras"),
        ("from fastmlp.python.keras.layers import Dense", "fastmlp stands for keras"),
        ("from fastmlp.saving import get_custom_objects", r"custom_objects=\{"),
        ("from fastmlp.wrappers import SKLearnClassifier", "MLPClassifier"),
        ("import fastmlp.layers.nonsense", "No module named"),
        ("from fastmlp.saving import nonsense", "cannot import name 'nonsense'"),
    ],
)
def test_modules_inside_of_modules_that_are_missing_say_so(line, message):
    with pytest.raises(ImportError, match=message):
        exec(line)


def test_weights_go_through_files(tmp_path):
    model, other = (fm.Sequential([fm.Input((3,)), fm.Dense(4)], seed=seed) for seed in (0, 1))
    fm.saving.save_weights(model, filepath=tmp_path / "weights.npz", overwrite=True)
    fm.saving.load_weights(other, filepath=tmp_path / "weights.npz", skip_mismatch=False)
    assert np.array_equal(other.get_weights()[0], model.get_weights()[0])


@pytest.mark.parametrize("module", ["fastmlp", "fastmlp.layers", "fastmlp.utils", "fastmlp.metrics", "fastmlp.losses"])
def test_other_names_are_missing_as_usual(module):
    with pytest.raises(AttributeError, match="has no attribute 'nonsense'"):
        importlib.import_module(module).nonsense  # noqa: B018


def test_a_script_changes_its_import_lines_alone(tmp_path):
    script = """
import fastmlp as keras
from fastmlp import layers
from fastmlp.layers import Dense, Dropout, Flatten, Input
from fastmlp.models import Sequential, load_model
from fastmlp.optimizers import Adam
from fastmlp.utils import np_utils, to_categorical
from fastmlp.regularizers import l2
from fastmlp.constraints import max_norm
import numpy as np

keras.backend.clear_session()
keras.utils.set_random_seed(4)
x = np.random.normal(size=(120, 2, 3)).astype("float32")
y = to_categorical((x[:, 0, 0] > 0).astype(int))
model = keras.Sequential([Input(shape=(2, 3)), Flatten(), Dense(8, kernel_constraint=max_norm(3.0))])
model.add(layers.LeakyReLU(alpha=0.1))
model.add(Dropout(0.1))
model.add(layers.Dense(2, activation=keras.activations.softmax, kernel_regularizer=l2(0.001)))
model.compile(optimizer=Adam(learning_rate=0.05), loss=keras.losses.categorical_crossentropy, metrics=["accuracy"])
model.fit(x, y, epochs=20, verbose=0)
model.save("model.npz")
loss, accuracy = load_model("model.npz").evaluate(x, np_utils.to_categorical(y.argmax(axis=1), 2))
assert accuracy > 0.9, accuracy
"""
    subprocess.run([sys.executable, "-c", script], check=True, cwd=tmp_path)


def test_a_model_goes_through_json():
    model = fm.Sequential([fm.Input((3,)), fm.Dense(4, name="first"), fm.Dense(2, activation="softmax")], seed=5)
    model.compile("sgd", metrics=["acc"])
    again = fm.models.model_from_json(model.to_json())
    assert again.metrics_names == model.metrics_names == ["loss", "acc"]
    assert np.array_equal(again.predict(np.eye(3)), model.predict(np.eye(3)))
    assert again.get_layer("first").units == 4
    for text in ("{", None, "[]", "{}"):
        with pytest.raises((fm.ArgumentError, fm.ArgumentTypeError)):
            fm.models.model_from_json(text)


def test_a_clone_has_the_same_layers_and_weights_of_its_own(tmp_path):
    model = fm.Sequential([fm.Input((3,)), fm.Dense(4, name="first")], name="small", dtype="float64")
    clone = fm.models.clone_model(model)
    assert (clone.declarations, clone.name, clone.n_features, clone.dtype) == (
        model.declarations,
        "small",
        3,
        model.dtype,
    )
    assert not np.array_equal(clone.get_weights()[0], model.get_weights()[0])
    fm.models.save_model(model, filepath=tmp_path / "model.npz", overwrite=True, include_optimizer=True)
    loaded = fm.models.load_model(filepath=tmp_path / "model.npz", compile=False, safe_mode=True)
    assert np.array_equal(loaded.get_weights()[0], model.get_weights()[0])
    with pytest.raises(fm.ArgumentError, match="always replaced"):
        fm.models.save_model(model, tmp_path / "model.npz", overwrite=False)


# ---------------------------------------------------------------- utils


@pytest.mark.parametrize(
    ("x", "num_classes"), [([0, 2, 1], None), ([[0], [2]], 4), ([[0, 1], [2, 2]], None), (np.array([1.0, 0.0]), 2)]
)
def test_to_categorical_is_a_choice_of_rows_of_the_identity(x, num_classes):
    found = utils.to_categorical(x, num_classes)
    numbers = np.asarray(x).astype(int)
    numbers = numbers[:, 0] if numbers.shape == (2, 1) else numbers
    assert np.array_equal(found, np.eye(num_classes or numbers.max() + 1)[numbers])
    assert found.dtype == np.float64


@pytest.mark.parametrize("x", [[-1, 0], [0.5], [], ["a"], [np.nan], None])
def test_to_categorical_refuses_other_numbers(x):
    with pytest.raises((fm.ArgumentError, fm.ArgumentTypeError), match="x "):
        utils.to_categorical(x)
    with pytest.raises(fm.ArgumentError, match="num_classes must be at least 4"):
        utils.to_categorical([3], 3)


def test_a_seed_determines_models_without_one():
    def draws():
        utils.set_random_seed(9)
        models = [fm.mlp([3], classes=2) for _ in range(2)]
        return [model.seed for model in models], np.random.random()  # noqa: NPY002  # whose seed is set

    first, again = draws(), draws()
    assert first == again
    assert len({*first[0]}) == 2
    utils.set_random_seed(10)
    assert fm.Sequential().seed not in first[0]


@pytest.mark.parametrize("seed", [-1, 2**32, 1.5, "x", None])
def test_other_seeds_are_refused(seed):
    with pytest.raises((fm.ArgumentError, fm.ArgumentTypeError), match="seed"):
        utils.set_random_seed(seed)


def test_a_seed_of_an_initializer_takes_the_place_of_the_models():
    drawn = fm.initializers.HeNormal(seed=3)
    weights = []
    for seed in (0, 1):
        model = fm.Sequential([fm.Dense(4, kernel_initializer=drawn, input_dim=3), fm.Dense(2)], seed=seed)
        weights.append(model.get_weights())
    assert np.array_equal(weights[0][0], weights[1][0])
    assert not np.array_equal(weights[0][2], weights[1][2])
    assert fm.initializers.get(drawn.config(), "x") == drawn


# ---------------------------------------------------------------- data


def test_images_come_as_from_keras(tmp_path, monkeypatch):
    rng = np.random.default_rng(0)
    arrays = {"x_train": rng.integers(0, 256, (20, 784), np.uint8), "y_train": np.arange(20) % 10}
    arrays |= {"x_test": arrays["x_train"][:5], "y_test": arrays["y_train"][:5]}
    folder = tmp_path / "mnist"
    folder.mkdir()
    np.savez(folder / "mnist.npz", **arrays)
    monkeypatch.setenv("FASTMLP_DATA", str(tmp_path))
    for path in (None, "mnist.npz", folder):
        (x, y), (x_test, y_test) = fm.datasets.mnist.load_data(path)
        assert np.array_equal(x, arrays["x_train"].reshape(20, 28, 28))
        assert x.dtype == y.dtype == np.uint8
        assert np.array_equal(y, arrays["y_train"])
        assert (x_test.shape, y_test.tolist()) == ((5, 28, 28), arrays["y_test"].tolist())


def test_nothing_is_downloaded(tmp_path, monkeypatch):
    monkeypatch.setenv("FASTMLP_DATA", str(tmp_path))
    monkeypatch.setattr(fm.datasets.catalog, "data_home", lambda: tmp_path)
    with pytest.raises(fm.DataFileError, match="fashion_mnist"):
        fm.datasets.fashion_mnist.load_data()
