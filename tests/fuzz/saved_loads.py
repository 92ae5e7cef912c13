"""Any sequence of compiling, training and changing a model can be saved, loads, and goes on with the same bits."""

import warnings
from pathlib import Path

import numpy as np

import fastmlp as fm
from fastmlp import losses, metrics, optimizers, schedules

ROWS, FEATURES = 13, 3
OPTIMIZERS = sorted(set(optimizers.TYPES) - {"lbfgs"})  # what that one remembers is not kept
LOSSES = sorted(losses.NAMES)
METRICS = sorted(metrics.catalog.METRICS)
EXTRAS = [
    {},
    {"clipvalue": 0.1},
    {"clipnorm": 0.1},
    {"global_clipnorm": 1.0},
    {"weight_decay": 0.01},
    {"ema_momentum": 0.9},
    {"gradient_accumulation_steps": 3},
    {"learning_rate": schedules.Exponential(0.05, 0.5, 3)},
    {"learning_rate": 1e-12},
    {"learning_rate": 1e30},
]

_rng = np.random.default_rng(0)
X = _rng.normal(size=(ROWS, FEATURES)).astype(np.float32)
CLASSES = np.arange(ROWS) % 3
VALUES = _rng.normal(size=(ROWS, 1))
SCALES = [1.0, 0.0, 1e3, 1e10, 1e17, 1e18, 1e19, 1e30]

NETWORKS = {
    "classes": lambda: [fm.Dense(4, "relu"), fm.BatchNormalization(), fm.Dense(3, "softmax")],
    "values": lambda: [fm.Normalization(), fm.Dense(3, "tanh"), fm.Dropout(0.2), fm.Dense(1)],
    "residual": lambda: [
        fm.Residual([fm.LayerNormalization(), fm.Dense(FEATURES)]),
        fm.GaussianNoise(0.1),
        fm.Dense(1),
    ],
    "positive": lambda: [fm.Dense(2, "relu", kernel_regularizer="l2", max_norm=1.0), fm.Dense(1, "sigmoid")],
}


def new(name, dtype):
    model = fm.Sequential(NETWORKS[name](), dtype=dtype, seed=0)
    model.compile(loss="categorical_crossentropy" if name == "classes" else "mse")
    return model


def data(model, choice):
    if model.declarations[-1].units == 3:
        return X, CLASSES
    values = np.abs(VALUES) if choice % 2 else VALUES
    return X, np.clip(values * SCALES[choice // 2 % len(SCALES)], -3e38, 3e38)


class StopsAt(fm.callbacks.Callback):
    every_batches = 1

    def __init__(self, batch):
        self.batch = batch

    def on_batches_end(self, batch, logs):
        if batch == self.batch:
            self.model.stop_training = True


def compile_(model, choice):
    kind = optimizers.TYPES[OPTIMIZERS[choice % len(OPTIMIZERS)]]
    extras = EXTRAS[choice // 7 % len(EXTRAS)]
    chosen = [METRICS[choice // 5 % len(METRICS)], METRICS[choice // 11 % len(METRICS)]][: choice % 3]
    loss = "categorical_crossentropy" if model.declarations[-1].units == 3 else LOSSES[choice // 3 % len(LOSSES)]
    model.compile(kind(**extras), loss, chosen or None)


def fit(model, choice, **settings):
    x, y = data(model, choice)
    history = model.fit(x, y, batch_size=4, epochs=1 + choice % 2, verbose=0, n_threads=1, **settings)
    return history.stopped


def resume(model, choice):
    done = 0 if model.history is None else len(model.history.epoch)
    return fit_more(model, choice, done + 1, [])


def stop(model, choice):
    return fit_more(model, choice, 2, [StopsAt(1 + choice % 4)], resume=False)


def fit_more(model, choice, epochs, callbacks, resume=True):
    x, y = data(model, choice)
    settings = {"batch_size": 4, "epochs": epochs, "verbose": 0, "n_threads": 1}
    return model.fit(x, y, resume=resume, callbacks=callbacks, **settings).stopped


def validated(model, choice):
    return fit(model, choice, validation_split=0.3, validation_batches=1 if choice % 3 == 0 else None)


def train_on_batch(model, choice):
    return dict(model.train_on_batch(*data(model, choice), n_threads=1))


def learning_rate(model, choice):
    model.learning_rate = [0.1, 1e-5, 3.0][choice % 3]


def trainable(model, choice):
    layer = model.layers[choice % len(model.layers)]
    layer.trainable = not layer.trainable


def set_weights(model, choice):
    model.set_weights([weight * (1 + choice % 3) for weight in model.get_weights()])


def swap(model, choice):
    model.swap_averaged_weights()


STEPS = {
    step.__name__.strip("_"): step
    for step in (
        compile_,
        fit,
        resume,
        stop,
        validated,
        train_on_batch,
        learning_rate,
        trainable,
        set_weights,
        swap,
    )
}


def outcome(step, model, choice):
    """What a step gives: the same for models that are the same."""
    try:
        with np.errstate(all="ignore"):
            return repr(STEPS[step](model, choice))
    except fm.FastMLPError as error:
        return f"{type(error).__name__}: {error}"


def bits(model):
    """All that a model is, but for times: texts by name."""
    found = {
        "layers": [layer.config() for layer in model.declarations],
        "position": model.position,
        "learning_rate": model._optimizer and model.learning_rate,
    }
    found["metrics"] = model.metrics
    if model.history is not None:
        found |= model.history.config()
        found["history"] = {name: values for name, values in model.history.history.items() if name != "seconds"}
    if model.is_built:
        engine = model.engine
        state = engine.state.reshape(-1, engine.program.size)
        flats = [engine.parameters, *state, *([engine.gradients] if engine.has_pending_gradients() else [])]
        found["step"] = engine.step
        for tensor in engine.program.tensors:
            found[tensor] = [engine.program.unpack(flat, tensor).tobytes() for flat in flats]
    return {str(name): repr(value) for name, value in found.items()}


def loaded(model, folder):
    """The model, from its file; None where it cannot be saved, and says so."""
    path = Path(folder) / "model.npz"
    try:
        model.save(path)
    except (fm.DivergenceError, fm.NotBuiltError):
        return None
    return fm.load(path)


def play(network, dtype, steps, folder):
    """Make the steps with a model that is kept and with one that is saved and loaded before each; compare."""
    kept = twin = new(network, dtype)
    twin = new(network, dtype)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # of metrics of huge numbers
        for number, (step, choice) in enumerate(steps):
            again = loaded(twin, folder)
            twin = twin if again is None else again
            results = [outcome(step, model, choice) for model in (kept, twin)]
            assert results[0] == results[1], (number, step, results)
            if results[0].startswith("DivergenceError"):  # which parameters are the last good ones is a matter of time
                loaded(kept, folder)
                return
            before, after = bits(kept), bits(twin)
            different = {name: (before.get(name), after.get(name)) for name in before | after}
            different = {name: pair for name, pair in different.items() if pair[0] != pair[1]}
            assert not different, (number, step, different)


def attack(random, folder):
    """One try of the fuzzing program."""
    count = int(random.integers(1, 9))
    steps = [(random.choice(list(STEPS)), int(random.integers(1000))) for _ in range(count)]
    play(random.choice(list(NETWORKS)), random.choice(["float32", "float64"]), steps, folder)
