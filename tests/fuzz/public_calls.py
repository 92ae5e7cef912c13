"""Sequences of calls of the public interface, with arguments that are right, wrong, odd, or meant for another place.

A call gives a result, or raises an error of the package; nothing is ever opened, written or run that was not named.
"""

import contextlib
import inspect
import warnings

import numpy as np

import fastmlp as fm
from fastmlp import FastMLPError, activations, callbacks, initializers, layers, losses, metrics, optimizers, schedules

ROWS, FEATURES = 9, 3
ALLOWED = (FastMLPError, OSError)  # the second: of files


def attack(random, folder):
    """Make a model and some calls."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        model = new_model(random, folder)
        for _ in range(random.integers(1, 7)):
            call(random, one_of(random, CALLS), model, folder)


def one_of(random, items):
    return items[random.integers(len(items))]


def call(random, function, model, folder):
    """Call one function, and hand its result back; errors of ours count as results."""
    with contextlib.suppress(*ALLOWED):
        return function(random, model, folder)


# ---------------------------------------------------------------- arguments


class Odd:
    """An object of the user's."""

    def __init__(self, *_):
        pass

    def __repr__(self):
        return "Odd()"


def nothing(*_, **__):
    """A function of the user's."""


def features(random):
    """Mostly good."""
    x = random.normal(size=(ROWS, FEATURES))
    forms = [
        lambda: x,
        lambda: x.astype("f4"),
        lambda: x.tolist(),
        lambda: (x * 50).astype("u1"),
        lambda: (x * 50).astype("i8"),
        lambda: x > 0,
        lambda: np.asfortranarray(x),
        lambda: x[:, ::-1],
        lambda: x.astype(">f8"),
        lambda: x.astype(object),
        lambda: x[:, :2],
        lambda: x[0],
        lambda: x[:0],
        lambda: x[None],
        lambda: x * 10.0 ** random.integers(0, 300),
        lambda: np.where(x > 1, np.nan, x),
        lambda: np.ma.masked_array(x, x > 1),
        lambda: np.matrix(x),
        lambda: memoryview(x),
        lambda: x.astype("g"),
        lambda: x.astype("f2"),
        lambda: x.astype(complex),
        lambda: odd(random),
    ]
    return one_of(random, forms[:9] * 3 + forms)()


def fitting(random, model):
    """Targets that go with the model's last layer, mostly."""
    units = model.last_units
    if random.integers(4) == 0:
        return targets(random)
    if units == 1 or model.loss.targets == losses.PROBABILITIES:
        return random.integers(0, 2, (ROWS, units))
    return random.integers(0, 3, ROWS) if units == 3 else random.normal(size=(ROWS, units))


def targets(random):
    y = random.integers(0, 3, ROWS)
    forms = [
        lambda: y,
        lambda: y.tolist(),
        lambda: y.astype(float),
        lambda: y % 2,
        lambda: y % 2 == 0,
        lambda: np.eye(3)[y],
        lambda: random.normal(size=(ROWS, 1)),
        lambda: random.normal(size=ROWS),
        lambda: np.array(["a", "b", "c"])[y],
        lambda: np.array(["a", "b", "c"], object)[y],
        lambda: y - 1,
        lambda: y[:4],
        lambda: y * 10**15,
        lambda: y.astype("M8[s]"),
        lambda: y + 1j,
        lambda: random.normal(size=(ROWS, 1)) * 10.0 ** random.integers(0, 300),
        lambda: np.array([0, 1, "a", None] * 3, object)[:ROWS],
        lambda: {1: 2},
        lambda: odd(random),
    ]
    return one_of(random, forms[:7] * 2 + forms)()


def odd(random):
    return one_of(random, [*NUMBERS, *TEXTS, *CONTAINERS, *OBJECTS, iter([1]), object(), Odd(), lambda *_: 0.5])


NUMBERS = [
    None,
    True,
    False,
    0,
    1,
    -1,
    2,
    7,
    1.5,
    -0.0,
    float("nan"),
    float("inf"),
    2**31,
    2**63,
    10**400,
    1e-320,
    1e308,
]
NUMBERS += [1j, np.float32(0.5), np.int8(3), np.array(3), 2**53 + 1, np.ma.masked, np.datetime64("2020")]
TEXTS = ["", "x", "relu", "auto", "adam", b"x", "a\0b", "\ud800", "0.1", "1", memoryview(b"abc"), bytearray(b"x")]
CONTAINERS = [
    (),
    [],
    {},
    set(),
    [None],
    ["x"],
    [1, "x"],
    [[1], [1, 2]],
    {"a": 1},
    {0: 1.0},
    {"type": "Dense"},
    range(3),
]
CONTAINERS += [np.array([]), np.zeros((2, 2)), np.array("x"), np.array(None), frozenset([1]), slice(3)]
# Functions among them take whatever they get: that a user's function raises is no fault of ours.
OBJECTS = [Odd, print, nothing, Ellipsis, NotImplemented, Exception("x"), np.dtype("f4"), np.dtype("f2"), Odd()]


def maybe(random, good, share=4):
    """A good value, or now and then an odd one."""
    return odd(random) if random.integers(share * 3) == 0 else good


def arguments_of(random, function, folder):
    """For the parameters of a function: each of what its name asks for, odd, or left out."""
    found = {}
    for name, parameter in inspect.signature(function).parameters.items():
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD) or name == "self":
            continue
        is_needed = parameter.default is parameter.empty
        if is_needed or random.integers(3) == 0:
            found[name] = maybe(random, of_name(random, name, parameter, folder), 3)
    return found


def of_name(random, name, parameter, folder):
    if name in ("x", "x_test", "a", "b", "outputs", "weights"):
        return features(random)
    if name in ("y", "targets", "y_test"):
        return targets(random)
    if name in ("path", "folder"):
        return folder / one_of(
            random, ["a.npz", "b.csv", "missing/c", "{epoch}.npz", "{loss}-{epoch:03d}.npz", "x" * 300]
        )
    if name == "layers":
        return [layer(random) for _ in range(random.integers(0, 3))]
    if "regularizer" in name:
        return one_of(random, ["l1", "l2", "l1l2", None, {"l1": 0.1, "l2": 0.1}])
    if "initializer" in name:
        return one_of(random, ["zeros", "he_normal", "orthogonal", initializers.random_normal(0.1)])
    if isinstance(parameter.default, bool):
        return bool(random.integers(2))
    if isinstance(parameter.default, float) or name in ("rate", "stddev", "momentum", "q", "delta"):
        return float(one_of(random, [0.0, 0.1, 0.5, 0.9, 1.0, -1.0, 3.0, 1e30, 1e-30]))
    if isinstance(parameter.default, str):
        return one_of(random, [parameter.default, *activations.NAMES])
    if name in ("units", "classes") or isinstance(parameter.default, int):
        return int(random.integers(0, 8))
    if parameter.default is None:
        return one_of(random, [None, 0.1, 1, 2])
    return odd(random)


def layer(random):
    kind = one_of(random, list(layers.TYPES.values()))
    if kind is fm.Dense:
        return fm.Dense(int(random.integers(1, 5)), one_of(random, sorted(activations.NAMES)))
    if kind is fm.Residual:
        return fm.Residual([fm.LayerNormalization(), fm.Dense(FEATURES)])
    needed = {fm.Activation: {"activation": "tanh"}, fm.Dropout: {"rate": 0.5}, fm.GaussianNoise: {"stddev": 0.1}}
    return kind(**needed.get(kind, {}))


def made(random, registry, folder):
    """An object from a registry of classes, with arguments of all kinds."""
    kind = one_of(random, list(registry.values()))
    return kind(**arguments_of(random, kind.__init__, folder))


def optimizer(random, folder):
    kinds = {name: kind for name, kind in optimizers.TYPES.items() if name != "lbfgs"}
    return one_of(random, list(kinds)) if random.integers(2) else made(random, kinds, folder)


def callback(random, folder):
    kinds = {name: getattr(callbacks, name) for name in callbacks.__all__}
    kinds = {
        name: kind for name, kind in kinds.items() if inspect.isclass(kind) and name not in ("Callback", "Monitor")
    }
    return made(random, kinds, folder)


# ---------------------------------------------------------------- calls


def new_model(random, folder):
    stack = [layer(random) for _ in range(random.integers(0, 4))]
    units, activation, loss = one_of(random, OUTPUTS)
    settings = {"dtype": one_of(random, ["float32", "float64"]), "seed": 0}
    model = fm.Sequential([*stack, fm.Dense(units, activation)], **settings)
    model.compile(one_of(random, ["sgd", "adam", "rmsprop", "rprop"]), loss)
    if random.integers(2):
        with contextlib.suppress(FastMLPError):
            model.build(FEATURES)
    return model


OUTPUTS = [
    (3, "softmax", "categorical_crossentropy"),
    (1, "linear", "mse"),
    (1, "sigmoid", "binary_crossentropy"),
    (3, "sigmoid", "binary_crossentropy"),
    (2, "relu", "huber"),
]


def construct(random, model, folder):
    """Models from odd settings."""
    name = one_of(random, ["dtype", "seed", "classes", "uint8_scale", "layers"])
    fm.Sequential(**{"layers": [fm.Dense(2)], name: odd(random)})
    fm.mlp(**arguments_of(random, fm.mlp, folder))


def compile_(random, model, folder):
    loss = one_of(random, [*losses.NAMES]) if random.integers(2) else made(random, losses.TYPES, folder)
    reported = [one_of(random, list(metrics.METRICS)) for _ in range(random.integers(0, 3))]
    model.compile(maybe(random, optimizer(random, folder)), maybe(random, loss), maybe(random, reported or None))


def fit(random, model, folder):
    chosen = arguments_of(random, model.fit, folder)
    settings = {name: chosen[name] for name in sorted(chosen) if name not in ("x", "y") and random.integers(3) == 0}
    settings = {"verbose": 0, "epochs": 1, "n_threads": 1, "batch_size": 4, **settings}
    settings["epochs"] = (
        2 if isinstance(settings["epochs"], (int, float)) and settings["epochs"] > 5 else settings["epochs"]
    )
    if random.integers(4) == 0:
        settings["callbacks"] = [callback(random, folder)]
    if random.integers(4) == 0:
        settings["validation_data"] = (features(random), targets(random))
    model.fit(features(random), fitting(random, model), **settings)


def rows(random, model, folder):
    """What takes rows, and perhaps targets."""
    name = one_of(random, ROW_METHODS)
    arguments = arguments_of(random, getattr(model, name), folder)
    if "y" in arguments:
        arguments["y"] = fitting(random, model)
    if "n_threads" in arguments:
        arguments["n_threads"] = maybe(random, 1)
    getattr(model, name)(**arguments)


ROW_METHODS = ["predict", "predict_classes", "predict_proba", "predict_log_proba", "classes_of"]
ROW_METHODS += ["evaluate", "partial_fit", "train_on_batch"]


def part(random, model, folder):
    """A part of the model, or one of its elements, and a call of it; or a model that becomes a part of another."""
    places = [0, -1, 1, 99, None, "a", 1.5]
    start, stop = one_of(random, places), one_of(random, places)
    if random.integers(4) == 0:
        with contextlib.suppress(IndexError):
            return model[start]
        return None
    some = model[start:stop]
    if random.integers(4) == 0:
        whole = fm.Sequential([some if random.integers(2) else model, fm.Dense(2, activation="softmax")])
        return call(random, one_of(random, (fit, rows, build)), whole, folder)
    return call(random, one_of(random, (fit, rows, build, compile_, set_tensors, files, measure)), some, folder)


def batches(random, model, folder):
    """Batches in place of arrays."""
    pieces = [(features(random), fitting(random, model))[: random.integers(1, 3)] for _ in range(random.integers(4))]
    source = one_of(random, [iter, list, lambda found: (piece for piece in found), lambda found: map(list, found)])(
        pieces
    )
    name = one_of(random, ["fit", "evaluate", "predict", "predict_classes"])
    given = {"steps_per_epoch": maybe(random, None), "verbose": 0} if name == "fit" else {}
    return getattr(model, name)(source, **given)


def build(random, model, folder):
    model.build(maybe(random, FEATURES))


def set_tensors(random, model, folder):
    if random.integers(2):
        weights = [maybe(random, weight * 2) for weight in model.get_weights()]
        model.set_weights(maybe(random, weights))
    bound = one_of(random, model.layers)
    name = one_of(random, ["trainable", *bound.tensors])
    setattr(bound, name, maybe(random, getattr(bound, name) * 1, 1))


def set_rate(random, model, folder):
    model.learning_rate = maybe(random, 0.01, 1)


def files(random, model, folder):
    path = maybe(random, folder / "model.npz", 2)
    if not isinstance(path, (str, bytes)) or path in ("", "a\0b"):  # others would be files here
        one_of(random, [model.save, model.save_weights, model.load_weights, fm.load])(path)
        if model.history is not None and not isinstance(path, (str, bytes)):
            model.history.write_csv(path)


def describe(random, model, folder):
    model.summary(lambda line: None)
    repr(model), repr(model.layers), model.jitted(), model.folded()


def measure(random, model, folder):
    function = getattr(metrics, one_of(random, [name for name in metrics.__all__ if name.islower() and name != "get"]))
    if callable(function):
        function(**arguments_of(random, function, folder))


def declare(random, model, folder):
    """Objects of all registries."""
    kinds = [
        layers.TYPES,
        losses.TYPES,
        optimizers.TYPES,
        {name: getattr(schedules, name) for name in schedules.__all__},
    ]
    chosen = {
        name: kind for name, kind in one_of(random, kinds).items() if inspect.isclass(kind) and name != "Schedule"
    }
    thing = made(random, chosen, folder)
    repr(thing)
    if hasattr(thing, "config"):
        thing.config()


def prepare(random, model, folder):
    names = ["standardize", "train_test_split", "one_hot", "kfold", "stratified_kfold"]
    there = [name for name in names if hasattr(fm.datasets, name)]
    function = getattr(fm.datasets, one_of(random, there))
    function(**arguments_of(random, function, folder))


CALLS = [
    fit,
    fit,
    fit,
    rows,
    rows,
    rows,
    part,
    part,
    batches,
    build,
    compile_,
    set_tensors,
    set_rate,
    files,
    describe,
    measure,
    declare,
    prepare,
]
