"""A model without its weights as a dict and back, and the tree of its layers."""

import copy
import json
import warnings

import numpy as np
import pytest

import fastmlp as fm
from fastmlp import activations
from fastmlp.model import BoundLayer, BoundResidual

from ..examples import LAYERS, LOSSES, ONE_METRIC, RULES
from ..fuzz.model_files import ODD
from ..shared import own
from ..shared.models import built, clusters

BITS = np.random.default_rng(0).normal(size=(5, 20))


def through_json(model):
    text = json.dumps(model.config(), allow_nan=False)
    return fm.Sequential.from_config(json.loads(text), custom_objects=own.OBJECTS)


@pytest.mark.parametrize("name", LAYERS)
def test_every_layer_comes_back_with_the_initial_weights(name, dtype):
    model = fm.Sequential(LAYERS[name], dtype=str(dtype), seed=4)
    model.build(20)
    again = through_json(model)
    assert again.config() == model.config()
    assert again.predict(BITS).tobytes() == model.predict(BITS).tobytes()
    assert (again.n_features, again.dtype) == (20, dtype)


@pytest.mark.parametrize("rule", RULES, ids=repr)
def test_every_optimizer_comes_back(rule):
    model = fm.Sequential([fm.Dense(2)], seed=0)
    model.compile(rule, "mse")
    again = through_json(model)
    assert again.optimizer == rule
    assert again.n_features is None


@pytest.mark.parametrize("name", LOSSES)
def test_every_loss_comes_back(name):
    loss, activation = LOSSES[name]
    model = fm.Sequential([fm.Dense(7, activation)], seed=0)
    try:
        model.compile("sgd", loss)
    except fm.ArgumentError:
        pytest.skip("a combination of kernels alone")
    assert through_json(model).loss == loss


@pytest.mark.parametrize("metric", ONE_METRIC.values(), ids=ONE_METRIC)
def test_every_metric_comes_back(metric):
    model = fm.Sequential([fm.Dense(6, "softmax")], seed=0)
    try:
        model.compile("sgd", metrics=[metric])
    except fm.ArgumentError:
        pytest.skip("it cannot read these outputs")
    assert [again.config() for again in through_json(model).metrics] == [metric.config()]


def test_what_a_model_knows_of_its_data_comes_back():
    pd = pytest.importorskip("pandas")
    x, y = clusters()
    frame = pd.DataFrame(x, columns=[("a", 1), ("a", 2), ("b", 1), ("b", 2)])
    frame.columns = frame.columns.to_flat_index()
    model = fm.mlp([3], classes=3, seed=1)
    model.fit(frame, np.array(["no", "yes", "perhaps"])[y], verbose=0)
    model.learning_rate = 0.5
    again = through_json(model)
    assert again.feature_names == (("a", 1), ("a", 2), ("b", 1), ("b", 2))
    assert again.classes.tolist() == ["no", "perhaps", "yes"]
    assert again.data_known.has_learned_classes
    assert (again.input_kind, again.learning_rate, again.seed) == ("floats", 0.5, 1)


def test_a_schedule_of_ones_own_is_named_to_the_caller():
    class Mine(fm.schedules.Schedule):
        def rates(self, steps):
            return np.full(len(steps), 0.25)

    model = fm.Sequential([fm.Dense(2)])
    model.compile(fm.SGD(Mine()), "mse")
    with pytest.warns(UserWarning, match="the schedule Mine is your own code") as caught:
        again = fm.Sequential.from_config(model.config())
    assert caught[0].filename == __file__
    assert again.learning_rate == 0.25


# ---------------------------------------------------------------- what is no description


def good():
    model = fm.Sequential([fm.Dense(4), fm.Residual([fm.Dense(4, "relu"), fm.BatchNormalization()]), fm.Dense(2)])
    model.compile(fm.SGD(fm.schedules.Exponential(0.1, 0.5, 3)), "mse", ["mae"])
    model.build(3)
    return model.config()


def places(value, path=()):
    yield path
    for key in value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ():
        yield from places(value[key], (*path, key))


@pytest.mark.parametrize("path", [path for path in places(good()) if path], ids=str)
def test_odd_values_are_refused_or_give_a_model(path):
    for odd in ODD:
        if odd in (2**31 - 1, 2**31, 2**53, 10**6) or odd == {"type": "Dense", "units": 10**6}:
            continue  # may be the width of a layer that fits into memory
        config = copy.deepcopy(good())
        inner = config
        for key in path[:-1]:
            inner = inner[key]
        inner[path[-1]] = odd
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                model = fm.Sequential.from_config(config)
            except fm.FastMLPError:
                continue
            assert fm.Sequential.from_config(model.config()).config() == model.config()


REFUSED = {
    "no dict": (lambda config: [config], "config must be a dict"),
    "another format": (lambda config: {**config, "format": "x"}, "must have the format 'fastmlp-architecture', .* 'x'"),
    "a later version": (lambda config: {**config, "format_version": 2}, "format version 2, but .* reads version 1"),
    "a missing key": (lambda config: {k: v for k, v in config.items() if k != "dtype"}, "lacks 'dtype'"),
    "a strange key": (lambda config: {**config, "weights": []}, "has 'weights'"),
    "an unknown layer": (lambda config: {**config, "layers": [{"type": "Conv2D"}]}, "unknown layer type 'Conv2D'"),
    "an unknown setting": (lambda config: {**config, "layers": [{"type": "Dense", "size": 3}]}, "TypeError.*size"),
    "a layer that is no dict": (lambda config: {**config, "layers": [3]}, "does not describe a model"),
    "no layer": (lambda config: {**config, "layers": [], "optimizer": None}, "no Dense layer"),
    "other names": (lambda config: {**config, "feature_names": ["a"]}, "one for each feature"),
    "too wide": (lambda config: {**config, "n_features": 2**31 - 1}, "GB"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_what_is_no_description_is_refused_with_the_reason(kind):
    change, message = REFUSED[kind]
    config = good()
    if kind == "too wide":
        config["layers"][0]["units"] = 10**6
        config["layers"][1]["layers"][0]["units"] = 10**6
    with pytest.raises(fm.FastMLPError, match=message):
        fm.Sequential.from_config(change(config))


def test_endless_nesting_is_refused():
    nested = {"type": "Dense", "units": 4}
    for _ in range(5000):
        nested = {"type": "Residual", "layers": [nested]}
    with pytest.raises(fm.FastMLPError, match=r"RecursionError|depth"):
        fm.Sequential.from_config({**good(), "layers": [nested]})


# ---------------------------------------------------------------- tree, width, numbers


def test_the_tree_has_residuals_as_nodes_and_each_layer_once():
    block = fm.Residual([fm.Dense(4), fm.Residual([fm.Dense(4), fm.Dropout(0.1)])])
    model = fm.Sequential([fm.Dense(4), block, fm.Dense(2)])
    first, residual, last = model.tree()
    assert (type(first), type(residual), type(last)) == (BoundLayer, BoundResidual, BoundLayer)
    assert residual.declaration == block
    assert isinstance(residual.layers[1], BoundResidual)
    model.build(3)
    leaves = [first, residual.layers[0], *residual.layers[1].layers, last]
    assert [repr(leaf) for leaf in leaves] == [repr(layer) for layer in model.layers]
    assert (last.kernel == model.layers[-1].kernel).all()
    assert residual.units == 4


def test_the_width_is_known_once_the_model_is_built():
    model = fm.mlp([2], classes=2)
    assert model.n_features is None
    assert built().n_features == 3
    with pytest.raises(AttributeError, match="build\\(n_features\\)"):
        model.n_features = 4


def test_numbers_of_activations_have_names():
    assert activations.parameters("leaky_relu(0.25)") == {"negative_slope": 0.25}
    assert activations.parameters(None) == {} == activations.parameters("swish")
    for name, rule in activations.RULES.items():
        expected = {} if rule.parameter is None else {rule.parameter_name: rule.parameter}
        assert activations.parameters(name) == expected
        assert all(key.isidentifier() for key in expected)
