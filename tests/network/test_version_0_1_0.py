"""What version 0.1.0 wrote can be read, predicts what it did, and can be trained further: see `tests/fixtures`.

Its pickles name modules that are elsewhere now, or gone: `fastmlp._moved` knows them. `OLD_MODULES` lists what they
name. What is pickled from now on names public modules alone, so that files can move without such a list.
"""

import dataclasses
import gzip
import io
import os
import pickle
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import fastmlp as fm
from fastmlp import activations

from ..fixtures import make_version_0_1_0 as made

FOLDER = Path(made.__file__).parent / "version_0_1_0"


@pytest.fixture(autouse=True)
def its_initial_weights(monkeypatch):
    """What is made anew for comparison begins like version 0.1.0, with He's weights before ReLU and its relatives."""
    relatives, today = ("relu", "leaky", "elu", "gelu", "silu"), activations.initializer_before

    def of_0_1_0(activation):
        return "he_normal" if activation.startswith(relatives) else today(activation)

    monkeypatch.setattr(activations, "initializer_before", of_0_1_0)


def read_arrays(name):
    with np.load(FOLDER / name) as file:
        return dict(file)


def read_pickles(name):
    return pickle.loads(gzip.decompress((FOLDER / name).read_bytes()))


DATA, EXPECTED = read_arrays("data.npz"), read_arrays("expected.npz")
MODELS, OBJECTS = read_pickles("models.pkl.gz"), read_pickles("objects.pkl.gz")
BUILT = sorted({name.partition("/")[0] for name in EXPECTED})

OLD_MODULES = {
    "": "_errors bound building cross_validation engine gradcheck history initializers jitted layers learning_rate "
    "losses model optimizers program regularizers",
    "callbacks.": "base checkpoints diagnosis layer_health loggers monitor rates stopping",
    "datasets.": "sources standardize streams table",
    "metrics.": "classification declarations report",
    "schedules.": "compose cosine decay",
    "sweeps.": "result",
}


def needs(name):
    library = {"LBFGS": "scipy", "names": "pandas"}.get(name)
    if library is not None:
        pytest.importorskip(library)


def pickled(name):
    return pickle.loads(MODELS[name])


def from_file(name):
    return fm.load(FOLDER / "models" / made.file_name(name))


def assert_near(found, expected, *, further=False):
    """The same but for the order of sums, which depends on the CPU; training makes more of it."""
    tolerance = 1e-12 if found.dtype == np.float64 else 2e-6
    assert found.dtype == expected.dtype
    np.testing.assert_allclose(found, expected, rtol=0, atol=tolerance * (100 if further else 1))


# ---------------------------------------------------------------- models


def test_all_that_was_written_is_read_here():
    assert set(MODELS) == {*made.untrained(), *made.TRAINED}
    assert {path.name for path in (FOLDER / "models").iterdir()} == {made.file_name(name) for name in BUILT}
    assert set(BUILT) == set(MODELS) - {"not compiled", "not built", "adapted"}


@pytest.mark.parametrize("way", [pickled, from_file])
@pytest.mark.parametrize("name", BUILT)
def test_models_predict_as_they_did(name, way):
    needs(name)
    assert_near(made.predictions(way(name), name, DATA), EXPECTED[f"{name}/now"])


# In 0.1.0 the first batch counted for little in running statistics, which have other values since.
LATER_OTHERWISE = {"every layer", "every layer in float64"}


@pytest.mark.parametrize("way", [pickled, from_file])
@pytest.mark.parametrize("name", BUILT)
def test_models_are_trained_further_as_they_were(name, way):
    needs(name)
    model = way(name)
    made.train_further(model, name, DATA)
    found = made.predictions(model, name, DATA)
    if name in LATER_OTHERWISE:
        assert np.isfinite(found).all()
    else:
        assert_near(found, EXPECTED[f"{name}/further"], further=True)


@pytest.mark.parametrize("name", sorted(set(MODELS) - set(BUILT)))
def test_models_that_were_not_built_can_be_trained(name):
    model, new = pickled(name), made.untrained()[name]
    assert not model.is_built
    for other in (model, new):
        if name == "not compiled":
            other.compile()
        made.train_further(other, name, DATA)
    np.testing.assert_array_equal(made.predictions(model, name, DATA), made.predictions(new, name, DATA))


@pytest.mark.parametrize("name", made.WEIGHTS_OF)
def test_weights_are_read_from_their_files(name):
    model = made.TRAINED[name]()
    model.build(DATA["x"].shape[1])
    model.load_weights(FOLDER / "weights" / made.file_name(name))
    assert_near(made.predictions(model, name, DATA), EXPECTED[f"{name}/now"])


def test_labels_names_and_histories_are_there():
    pytest.importorskip("pandas")
    for model in (pickled("names"), from_file("names")):
        assert model.feature_names == tuple(made.of_frame(DATA).columns)
        assert model.classes.tolist() == sorted(made.LABELS)
        assert len(model.history["loss"]) == 3
        assert set(model.predict_classes(made.of_frame(DATA))) <= set(made.LABELS)


def test_a_checkpoint_goes_on_to_the_end_of_the_training():
    there = sorted(path.name for path in (FOLDER / "checkpoints").iterdir())
    assert there == ["epoch_002.npz", "epoch_003.npz"]
    second, third = (fm.load(FOLDER / "checkpoints" / name) for name in there)
    second.fit(DATA["x"], DATA["classes"], epochs=3, resume=True, **made.FIT)
    assert_near(second.predict(DATA["x"]), third.predict(DATA["x"]), further=True)
    np.testing.assert_allclose(second.history["loss"], third.history["loss"], rtol=1e-5)


def test_a_sweep_goes_on_in_its_folder(tmp_path):
    shutil.copytree(FOLDER / "sweep", tmp_path / "sweep")
    options = {"validation_split": 0.25, "folder": tmp_path / "sweep", "verbose": 0, "workers": 1}
    result = fm.sweep(made.SWEEP, DATA["x"], DATA["classes"], **options)
    assert [run.was_loaded for run in result] == [True, True]
    for run in result:
        scores = run.load().evaluate(DATA["x"][30:], DATA["classes"][30:])
        assert scores["loss"] == pytest.approx(run.metrics["val_loss"], rel=1e-5)


@pytest.mark.parametrize("name", BUILT)
def test_models_are_saved_and_pickled_anew(name, tmp_path):
    needs(name)
    model = pickled(name)
    model.save(tmp_path / "model.npz")
    for other in (fm.load(tmp_path / "model.npz"), pickle.loads(pickle.dumps(model))):
        np.testing.assert_array_equal(made.predictions(other, name, DATA), made.predictions(model, name, DATA))
        for part in ("optimizer", "loss", "metrics", "learning_rate", "seed", "feature_names", "history", "position"):
            assert repr(getattr(other, part)) == repr(getattr(model, part)), part


@pytest.mark.parametrize("lanes", [4, 16])
def test_pickles_are_read_on_cpus_with_other_vectors(lanes):
    """Arrays of a model lie in memory as its CPU reads them best."""
    code = """
from tests.network import test_version_0_1_0 as t
t.test_models_predict_as_they_did("every layer", t.pickled)
for name in ("averaged", "accumulated", "penalties"):
    t.test_models_are_trained_further_as_they_were(name, t.pickled)
"""
    environment = {**os.environ, "FASTMLP_LANES": str(lanes), "NUMBA_DISABLE_JIT": "1"}
    subprocess.run([sys.executable, "-c", code], check=True, env=environment, cwd=FOLDER.parents[2])


# ---------------------------------------------------------------- other objects


def names_of(kind):
    return [name for name in OBJECTS if name.startswith(kind)]


def loaded(name):
    return pickle.loads(OBJECTS[name])


@pytest.mark.parametrize("name", names_of("declaration"))
def test_declarations_are_what_they_were(name):
    found, new = loaded(name), made.declarations()[name]
    if getattr(new, "average", "") == "auto":
        new = dataclasses.replace(new, average="macro")  # the default of that version
    assert found == new


@pytest.mark.parametrize("name", names_of("callback"))
def test_callbacks_are_what_they_were(name):
    found, new = loaded(name), made.fresh_callbacks()[name]
    assert type(found) is type(new)
    public = [field for field in vars(found) if not field.startswith("_")]
    assert public
    assert {field: getattr(found, field) for field in public} == {field: getattr(new, field) for field in public}


@pytest.mark.parametrize("name", [*names_of("callback"), *names_of("used")])
def test_callbacks_are_used_again(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    model = made.classifier()
    options = {"epochs": 2, "validation_split": 0.25, **made.FIT}
    model.fit(DATA["x"], DATA["classes"], callbacks=[loaded(name)], **options)
    assert len(model.history.epoch) == 2


@pytest.mark.parametrize("name", names_of("used"))
def test_callbacks_have_their_model(name):
    assert loaded(name).model.predict(DATA["x"]).shape == (40, 3)


def test_results_are_what_they_were():
    found = {name.removeprefix("result "): loaded(name) for name in names_of("result")}
    assert isinstance(found["History"], fm.History)
    assert [len(found["History"][name]) for name in ("loss", "val_loss")] == [2, 2]
    assert len(found["History"].batches["loss"]) == 8
    assert set(found["scores"]) == {"loss", "accuracy"}
    assert [layer.units for layer in found["layers"]] == [6, 3]
    assert found["layers"][0].kernel.shape == (5, 6)
    assert isinstance(found["CrossValidation"], fm.CrossValidation)
    assert found["CrossValidation"].predictions.shape == (40, 3)
    assert isinstance(found["LearningRateCurve"], fm.LearningRateCurve)
    assert isinstance(found["SweepResult"], fm.sweeps.SweepResult)
    assert found["SweepResult"].best("val_loss").load().predict(DATA["x"]).shape == (40, 3)
    assert found["GradientCheck"].passed
    assert isinstance(found["classification_report"], fm.metrics.ClassificationReport)
    assert isinstance(found["Standardizer"], fm.datasets.Standardizer)
    assert abs(found["Standardizer"].transform(DATA["x"]).mean()) < 1e-6
    assert isinstance(found["Table"], fm.datasets.Table)
    assert isinstance(found["Chunks"], fm.datasets.Chunks)
    assert [len(y) for _, y in found["Chunks"]] == [4, 2]
    assert found["metric as a function"] is fm.metrics.f1
    assert isinstance(found["error"], fm.ArgumentError)
    assert isinstance(found["error of training"], fm.DivergenceError)
    with pytest.raises(fm.ArgumentError, match="another version"):  # kernels read its arrays as they are
        found["Jitted"].predict(np.empty(3), DATA["x"][0], found["Jitted"].weights, found["Jitted"].network)
    assert str(found["Finding"]) == "layer 0: all units are dead"


# ---------------------------------------------------------------- names in pickles


class Noting(pickle.Unpickler):
    """Notes the classes and functions that a pickle names."""

    def __init__(self, text):
        super().__init__(io.BytesIO(text))
        self.named = set()

    def find_class(self, module, name):
        self.named.add((module, name))
        return super().find_class(module, name)


def named_in(text):
    unpickler = Noting(text)
    unpickler.load()
    return unpickler.named


def test_pickles_of_version_0_1_0_name_these_modules():
    named = {module for text in (*MODELS.values(), *OBJECTS.values()) for module, _ in named_in(text)}
    old = {f"fastmlp.{folder}{module}" for folder, modules in OLD_MODULES.items() for module in modules.split()}
    assert {name for name in named if name.startswith("fastmlp.")} == old


PUBLIC = {f"fastmlp.{name}" for name in (*fm.__all__, "history", "scores", "jitted", "layers", "model", "optimizers")}


def test_what_is_pickled_now_names_public_modules(tmp_path):
    """So files can move, and pickles of today can be read."""
    pytest.importorskip("pandas")
    pytest.importorskip("scipy")
    objects = {**made.all_models(DATA), **made.all_objects(DATA, tmp_path)}
    named = set().union(*(named_in(pickle.dumps(item)) for item in objects.values()))
    assert {name for name in named if name[0].startswith("fastmlp.") and name[0] not in PUBLIC} == set()


@pytest.mark.parametrize(
    "name",
    [
        "scores.Scores",
        "history.History",
        "trackers.Tracker",
        "sweeps.result.SweepResult",
        "sweeps.settings",
        "model.Position",
        "engine.Engine",
    ],
)
def test_modules_are_attributes_without_imports_of_their_own(name):
    looks = f"import fastmlp\nfastmlp.{name}"
    subprocess.run([sys.executable, "-W", "error", "-c", looks], check=True)
