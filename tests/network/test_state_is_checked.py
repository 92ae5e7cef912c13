"""State of a model is checked where it enters: nothing that cannot be gets in, and nothing is half changed."""

import numpy as np
import pytest

import fastmlp as fm
from fastmlp import optimizers
from fastmlp._network import adapting


def problem(rows=40):
    x = np.random.default_rng(0).normal(3, 2, (rows, 3))
    return x, (x[:, 0] > 3).astype(int)


def network(dtype="float32", optimizer="adam"):
    hidden = [fm.Dense(3), fm.BatchNormalization()]
    block = fm.Residual([fm.BatchNormalization()])
    model = fm.Sequential([fm.Normalization(), *hidden, block, fm.Dense(2, activation="softmax")], dtype=dtype, seed=0)
    model.compile(optimizer)
    return model


def trained(**settings):
    model = network(**settings)
    model.fit(*problem(), verbose=0)
    return model


def state(model):
    found = [(layer.mean, layer.variance, layer.stands_for) for layer in model.declarations[:1]]
    return [w.tobytes() for w in model.get_weights()], found[0][2], dict(model.engine.averaged)


VARIANCES = [(0, "variance"), (2, "moving_variance"), (3, "moving_variance")]
TENSORS = [*VARIANCES, (0, "mean"), (1, "kernel"), (1, "bias"), (2, "gamma"), (2, "beta"), (3, "moving_mean")]


def number_of(model, layer, name):
    return next(i for i, t in enumerate(model.engine.program.tensors) if (t.layer, t.name) == (layer, name))


def changed(model, path, name, value):
    """The model's file with one number of an array replaced."""
    model.save(path)
    with np.load(path) as file:
        arrays = {key: file[key].copy() for key in file.files}
    arrays[name].reshape(-1)[-1] = value
    np.savez(path, **arrays)
    return path


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("place", VARIANCES)
@pytest.mark.parametrize("wrong", [-1.0, -1e-30, np.nan, np.inf, -np.inf])
def test_variances_enter_by_no_way(place, wrong, dtype, tmp_path):
    model, (layer, name) = trained(dtype=dtype), place
    before, values = state(model), model.tensor_values(layer, name).copy()
    values[-1] = wrong
    with pytest.raises(fm.ArgumentError, match=name):
        setattr(model.layers[layer], name, values)
    weights = model.get_weights()
    weights[number_of(model, layer, name)] = values
    weights[0] = weights[0] + 1  # which must not get in either
    with pytest.raises(fm.ArgumentError, match=f"weights.*{name} of layer {layer}"):
        model.set_weights(weights)
    path = changed(model, tmp_path / "model.npz", f"parameters/{layer}/{name}", wrong)
    with pytest.raises(fm.ModelFileError, match=name):
        fm.load(path)
    with pytest.raises(fm.ModelFileError, match=name):
        model.load_weights(path)
    if layer == 0:
        with pytest.raises(fm.ArgumentError, match="variance"):
            model.set_first_statistics(model.layers[0].mean + 1, values)
    assert state(model) == before


@pytest.mark.parametrize("place", TENSORS)
@pytest.mark.parametrize("wrong", [np.nan, np.inf, 1e300])
def test_no_tensor_takes_what_is_not_finite(place, wrong, tmp_path):
    model, (layer, name) = trained(), place
    before, values = state(model), model.tensor_values(layer, name).astype(float)
    values.reshape(-1)[0] = wrong
    with pytest.raises(fm.ArgumentError, match=f"{name} must be finite"):
        setattr(model.layers[layer], name, values)
    weights = model.get_weights()
    weights[number_of(model, layer, name)] = values
    with pytest.raises(fm.ArgumentError, match="must be finite"):
        model.set_weights(weights)
    if wrong != 1e300:
        with pytest.raises(fm.ModelFileError, match=name):
            fm.load(changed(model, tmp_path / "model.npz", f"parameters/{layer}/{name}", wrong))
    assert state(model) == before


def test_variances_of_features_are_not_0_and_those_of_units_may_be():
    model = trained()
    for wrong in (0.0, 1e-37):
        with pytest.raises(fm.ArgumentError, match=r"variance\[1\] is .* too small for float32"):
            model.layers[0].variance = [1, wrong, 1]
        with pytest.raises(fm.ArgumentError, match="multiply the column"):
            model.set_first_statistics([0, 0, 0], [1, wrong, 1])
    model.layers[2].moving_variance = [0, 0, 1]
    assert np.isfinite(model.predict(problem()[0])).all()


@pytest.mark.parametrize(
    ("optimizer", "slot"),
    [(name, slot) for name, kind in optimizers.TYPES.items() for slot in kind.unsigned_slots],
)
def test_squares_of_an_optimizer_are_not_negative(optimizer, slot, tmp_path):
    model = trained(optimizer=optimizer)
    path = changed(model, tmp_path / "model.npz", f"optimizer/{slot}/1/kernel", -1.0)
    with pytest.raises(fm.ModelFileError, match="must hold no negative numbers"):
        fm.load(path)
    if optimizers.TYPES[optimizer].unsigned_slots == (1,) and optimizer != "rprop":  # the other moment may be
        fm.load(changed(model, tmp_path / "model.npz", "optimizer/0/1/kernel", -1.0))


# ---------------------------------------------------------------- set_first_statistics


@pytest.mark.parametrize(
    "layers", [[fm.Dense(2)], [fm.BatchNormalization(), fm.Dense(2)], [fm.Dropout(0.1), fm.Dense(2)]]
)
def test_statistics_need_a_normalization(layers):
    model = fm.Sequential(layers, seed=0)
    with pytest.raises(fm.ArgumentError, match=r"must be a Normalization .* it is \w+: begin the layers with"):
        model.set_first_statistics([0], [1])
    model.build(1)
    before = [w.tobytes() for w in model.get_weights()]
    with pytest.raises(fm.ArgumentError, match="must be a Normalization"):
        model.set_first_statistics([0], [1])
    assert [w.tobytes() for w in model.get_weights()] == before
    assert adapting.first_statistics(model) is None


def test_statistics_need_layers_and_parameters():
    assert adapting.first_statistics(fm.Sequential()) is None
    with pytest.raises(fm.ArgumentError, match="it is missing"):
        fm.Sequential().set_first_statistics([0], [1])
    with pytest.raises(fm.NotBuiltError):
        network().set_first_statistics([0, 0, 0], [1, 1, 1])


@pytest.mark.parametrize(
    ("mean", "variance", "message"),
    [
        ([0, 0], [1, 1, 1], "shape"),
        ([0, 0, 0], [1], "shape"),
        ([0, 0, None], [1, 1, 1], "numbers"),
        ("abc", 1, "numbers"),
    ],
)
def test_statistics_of_another_shape_change_nothing(mean, variance, message):
    model = trained()
    before = state(model)
    with pytest.raises((fm.ArgumentError, fm.ArgumentTypeError), match=message):
        model.set_first_statistics(mean, variance)
    assert state(model) == before


def test_statistics_that_were_given_are_those_that_training_keeps():
    x, y = problem()
    ways = (
        lambda model: model.set_first_statistics([1, 2, 3], [4, 5, 6]),
        lambda model: model.set_first_statistics([0, 0, 0], [1, 1, 1]),
        lambda model: (setattr(model.layers[0], "mean", [1, 2, 3]), setattr(model.layers[0], "variance", [4, 5, 6])),
        lambda model: model.set_weights(trained().get_weights()),
    )
    for give in ways:
        model = network()
        model.build(3)
        give(model)
        expected = model.layers[0].mean, model.layers[0].variance
        model.fit(x, y, verbose=0)
        np.testing.assert_array_equal((model.layers[0].mean, model.layers[0].variance), expected)


def test_weights_that_are_the_initial_ones_are_no_statistics():
    x, y = problem()
    model = network()
    model.build(3)
    model.set_weights([weight * 0.5 if weight.ndim == 2 else weight for weight in model.get_weights()])
    model.fit(x, y, verbose=0)
    np.testing.assert_allclose(model.layers[0].mean, x.mean(axis=0), rtol=1e-5)
