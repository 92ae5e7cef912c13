"""Runs of a sweep: their settings, the models that they make, and where their data come from."""

import json

import numpy as np
import pytest

import fastmlp as fm
from fastmlp.search.sweeps import grid
from fastmlp.search.sweeps.settings import described, generated_name

from ..shared.models import clusters
from ..shared.sweeps import swept

# ---------------------------------------------------------------- settings


def test_a_grid_has_all_combinations():
    found = grid(layers=[[2], [3]], epochs=4, optimizer="sgd", seed=range(2))
    assert [(item["layers"], item["seed"]) for item in found] == [([2], 0), ([2], 1), ([3], 0), ([3], 1)]
    assert all((item["epochs"], item["optimizer"]) == (4, "sgd") for item in found)
    with pytest.raises(fm.ArgumentError, match="epochs is an empty list"):
        grid(layers=[[2]], epochs=[])


def test_lists_of_a_grid_are_a_grid():
    assert [run.settings for run in swept({"layers": [[3], [4]], "seed": [1]})] == grid(layers=[[3], [4]], seed=1)


@pytest.mark.parametrize(
    ("settings", "name"),
    [
        ({"seed": 3, "layers": [16, 8]}, "layers=16-8,seed=3"),
        ({"layers": [16], "optimizer": "sgd", "shuffle": False}, "layers=16,optimizer=sgd,shuffle=False"),
        ({"layers": []}, "layers="),
    ],
)
def test_names_say_what_the_settings_are(settings, name):
    assert generated_name(settings) == name


def test_names_that_leave_something_out_still_differ():
    relu, linear = ({"layers": [fm.Dense(8, activation), fm.Dense(3, "softmax")]} for activation in ("relu", None))
    long = [{"layers": [7] * 60, "seed": seed} for seed in (1, 2)]
    names = [generated_name(settings) for settings in (relu, linear, *long)]
    assert len(set(names)) == 4
    assert all(len(name) < 100 for name in names)
    assert names[0].startswith("layers=Dense8-Dense3-")


def test_settings_are_described_for_json():
    value = {"a": np.float32(0.5), "b": (1, None), "c": fm.Adam(), "d": np.arange(3), 0: clusters}
    text = json.loads(json.dumps(described(value)))
    assert (text["a"], text["b"], text["c"]["type"], text["0"]) == (
        0.5,
        [1, None],
        "Adam",
        f"{clusters.__module__}.clusters",
    )
    assert described(np.arange(3)) != described(np.arange(4))


@pytest.mark.parametrize(
    ("runs", "message"),
    [
        ([], "at least one run"),
        ("adam", "run_settings must be a list"),
        ([3], r"run_settings\[0\] must be a dict"),
        ([{"epochs": 3}], "either 'layers' or 'build', but has 'epochs'"),
        ([{"layers": [3], "build": fm.mlp}], "either"),
        ([{"layers": [3], "epoch": 3}], r"no setting 'epoch'; there are name, layers, .*batch_size, epochs"),
        ([{"layers": [3], "n_threads": 3}], "no setting 'n_threads'"),
        ([{"layers": [3], "validation_split": 0.1}], "no setting 'validation_split'"),
        ([{"layers": [3], "epochs": -1}], r"run_settings\[0\]: epochs must be at least 0"),
        ([{"layers": [3], "seed": 0.5}], "seed must be a whole number"),
        ([{"layers": [3], "name": "../up"}], "name must be usable as the name of a file"),
        ([{"layers": [3], "name": ".hidden"}], "name must be usable"),
        ([{"layers": [3], "name": "x" * 200}], "at most 100"),
        ([{"layers": [3], "name": "A"}, {"layers": [4], "name": "a"}], "have the same name"),
        ([{"layers": [3]}, {"layers": [3]}], "another 'seed' where they repeat a run"),
        ([{"layers": 3}], "run 'layers=3': layers must be a list of widths or layers"),
        ([{"layers": [0]}], "units must be at least 1"),
        ([{"layers": [{"type": "Densest"}]}], "unknown layer type 'Densest'"),
        ([{"layers": [3], "optimizer": "adamant"}], "run 'layers=3,optimizer=adamant': optimizer must be one of"),
        ([{"layers": [3], "learning_rate": -1}], "learning_rate must be"),
        ([{"layers": [3], "dtype": "int8"}], "dtype must be one of"),
        ([{"build": 3}], "build must be a function"),
        ([{"build": lambda settings: 3}], "must return a compiled fastmlp.Sequential, not 3"),
        ([{"build": lambda settings: fm.Sequential([fm.Dense(3, "softmax")])}], "no optimizer and loss yet"),
        ([{"build": lambda settings: fm.mlp([3], 3), "widht": 3}], "no setting 'widht', and build did not read it"),
        ([{"build": lambda settings: fm.mlp([3], 3), "activation": "relu"}], "for build to read"),
    ],
)
def test_settings_that_cannot_be_used(runs, message):
    with pytest.raises(fm.FastMLPError, match=message):
        swept(runs)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"validation_data": clusters()}, "not both"),
        ({"validation_split": 0.99}, "leaves none"),
        ({"validation_split": 0, "validation_data": 3}, r"pair \(x, y\)"),
        ({"validation_split": 0, "validation_data": ([[1]], [0, 1])}, "equally many rows"),
        ({"callbacks": [fm.callbacks.Callback()]}, "takes a run's settings"),
        ({"workers": 0}, "workers must be at least 1"),
        ({"seed": -1}, "seed must be at least 0"),
        ({"verbose": 2}, "verbose must be 0 or 1"),
        ({"folder": 3}, "folder must be the name of a folder"),
    ],
)
def test_arguments_that_cannot_be_used(arguments, message):
    with pytest.raises(fm.FastMLPError, match=message):
        swept(**arguments)


# ---------------------------------------------------------------- models


def test_widths_get_an_output_layer_for_the_classes():
    x, y = clusters()
    (run,) = fm.sweep([{"layers": [5, 4], "activation": "linear"}], x, y, verbose=0)
    shown = [(layer.units, layer.activation) for layer in run.load().declarations]
    assert shown == [(5, "linear"), (4, "linear"), (3, "softmax")]
    (run,) = fm.sweep([{"layers": []}], x, np.eye(4)[y], verbose=0)
    assert [layer.units for layer in run.load().declarations] == [4]
    logits = fm.losses.CategoricalCrossentropy(from_logits=True)
    (run,) = fm.sweep([{"layers": [2], "loss": logits}], x, y, verbose=0)
    assert run.load().declarations[-1] == fm.Dense(3)
    with pytest.raises(fm.ArgumentError, match="give all layers as objects"):
        fm.sweep([{"layers": [5]}], x, y / 2, verbose=0)


def test_layers_are_objects_configurations_and_widths_between_them():
    layers = [5, fm.Dense(4, "linear"), fm.Dense(3, "softmax").config()]
    (run,) = swept([{"layers": layers}])
    assert run.load().declarations == [fm.Dense(5, "relu"), fm.Dense(4), fm.Dense(3, "softmax")]


def test_optimizer_learning_rate_and_precision():
    (run,) = swept([{"layers": [3], "optimizer": {"type": "sgd"}, "learning_rate": 0.25, "metrics": []}])
    assert run.load().optimizer == fm.SGD(0.25)
    assert "accuracy" not in run.metrics


def test_a_build_gets_the_settings_and_the_rest_is_applied():
    def build(settings):
        model = fm.mlp([settings["width"]], classes=3)
        model.compile(fm.SGD(settings.get("peak", 0.5)))
        return model

    first, second = swept({"build": build, "width": 5, "learning_rate": [0.125, 0.25], "epochs": 3})
    assert [run.load().optimizer for run in (first, second)] == [fm.SGD(0.125), fm.SGD(0.25)]
    assert first.load().declarations[0].units == 5
    assert first.epochs == 3
    (read,) = swept([{"build": build, "width": 5, "peak": 0.75}])
    assert read.load().optimizer == fm.SGD(0.75)


def test_one_model_for_two_runs_is_refused():
    model = fm.mlp([3], classes=3)
    with pytest.raises(fm.ArgumentError, match="returned one model for 'a' and for 'b'"):
        swept([{"build": lambda settings: model, "name": name} for name in "ab"])
