"""Loops of one's own: `gradients` and `apply_gradients` are `train_on_batch`, divided in two."""

import copy
import pickle

import numpy as np
import pytest

import fastmlp as fm
from fastmlp import ArgumentError, BusyError, NotBuiltError
from fastmlp._compiling.jit import jit_disabled
from fastmlp.layers import BatchNormalization, Dense, Dropout, GaussianNoise, Normalization

from ..examples import LAYERS, RULES
from ..shared.models import bits

IS_SLOW = jit_disabled()  # so that some of each kind must be enough
DTYPES = ["float64"] if IS_SLOW else ["float32", "float64"]
EXACT = fm.losses.CategoricalCrossentropy(reduction="mean_with_sample_weight")
PENALTIES = [
    Dense(9, "tanh", kernel_regularizer="l1_l2", bias_regularizer="l2", max_norm=1.0),
    Dense(7, "softmax", kernel_regularizer=fm.regularizers.l2(0.3, per_batch=True)),
]
EVERYTHING = [
    Normalization(),
    Dense(33),
    BatchNormalization(),
    GaussianNoise(0.1),
    PENALTIES[0],
    Dropout(0.3),
    PENALTIES[1],
]
WITHOUT_STATISTICS = ("Normalization", "frozen batch norm")  # they have a Normalization that is not the first layer
STACKS = {name: layers for name, layers in LAYERS.items() if name not in WITHOUT_STATISTICS}
STACKS |= {"penalties": PENALTIES, "everything": EVERYTHING, "plain": [Dense(9, "relu"), Dense(7, "softmax")]}
SINGLE = [rule for rule in RULES if rule.gradient_accumulation_steps == 1 and not isinstance(rule, fm.LBFGS)]


def problem(rows=30, features=20, seed=0):
    rng = np.random.default_rng(seed)
    return 3 + 2 * rng.normal(size=(rows, features)), rng.integers(0, 7, rows)


def network(layers=STACKS["plain"], rule="adam", dtype="float64", loss="categorical_crossentropy", **settings):
    model = fm.Sequential(copy.deepcopy(list(layers)), dtype=dtype, seed=3)
    model.compile(rule, loss, **settings)
    return model


def batches(count=4, rows=11):
    return [problem(rows, seed=seed) for seed in range(count)]


def step(model, x, y, **settings):
    loss, gradients = model.gradients(x, y, **settings)
    model.apply_gradients(gradients)
    return loss


def assert_same(one, other):
    assert bits(one) == bits(other)
    assert one.engine.state.tobytes() == other.engine.state.tobytes()
    assert one.engine.step == other.engine.step
    assert one.engine.averaged == other.engine.averaged
    for name in ("classes", "feature_names", "input_kind"):
        assert np.array_equal(getattr(one, name), getattr(other, name))
    for a, b in zip(one.declarations, other.declarations, strict=True):
        assert repr(a) == repr(b)


def assert_close(one, other):
    for found, expected in zip(one.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-12)


def compare(layers, rule, dtype, **settings):
    divided, whole = network(layers, rule, dtype), network(layers, rule, dtype)
    for x, y in batches():
        loss = step(divided, x, y, **settings)
        assert whole.train_on_batch(x, y, **settings)["loss"] == pytest.approx(loss, rel=1e-12)
        assert_same(divided, whole)


# ---------------------------------------------------------------- the same bits as train_on_batch


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("rule", ["adam", fm.SGD(0.1, clipnorm=0.1)], ids=str)
@pytest.mark.parametrize("layers", [*STACKS][-2:] if IS_SLOW else STACKS)
def test_all_layers_have_the_bits_of_train_on_batch(layers, rule, dtype):
    compare(STACKS[layers], rule, dtype)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("layers", ["plain", "everything"])
@pytest.mark.parametrize("rule", SINGLE[:: 6 if IS_SLOW else 1], ids=str)
def test_all_rules_have_the_bits_of_train_on_batch(rule, layers, dtype):
    compare(STACKS[layers], rule, dtype)


def test_schedules_averages_and_weights_count():
    rates = fm.schedules.Exponential(0.1, 0.5, 1)
    rule = fm.Adam(rates, ema_momentum=0.8, weight_decay=0.1, global_clipnorm=0.5)
    for loss in ("categorical_crossentropy", EXACT):
        divided, whole = network(EVERYTHING, rule, loss=loss), network(EVERYTHING, rule, loss=loss)
        for x, y in batches():
            weights = {"sample_weight": np.arange(len(y)), "class_weight": {0: 3.0}}
            step(divided, x, y, **weights)
            whole.train_on_batch(x, y, **weights)
        assert_same(divided, whole)
        divided.swap_averaged_weights()
        whole.swap_averaged_weights()
        assert_same(divided, whole)


@pytest.mark.needs_jit
@pytest.mark.parametrize("n_threads", [1, 2])
def test_any_number_of_threads_gives_the_same_bits(n_threads):
    x, y = problem(3_000, 60)
    layers = [
        Dense(300, "tanh", kernel_regularizer="l2"),
        BatchNormalization(),
        Dense(1200, "relu"),
        Dense(7, "softmax"),
    ]
    divided, whole = (network(layers, fm.Adam(clipnorm=0.1), "float32") for _ in range(2))
    for _ in range(2):
        _, gradients = divided.gradients(x, y, n_threads=n_threads)
        divided.apply_gradients(gradients, n_threads=n_threads)
        whole.train_on_batch(x, y, n_threads=1)
    assert_same(divided, whole)


@pytest.mark.parametrize("together", [2, 3])
def test_accumulated_gradients_update_as_in_fit(together):
    rule = fm.Adam(fm.schedules.Exponential(0.1, 0.5, 1), gradient_accumulation_steps=together, clipnorm=0.2)
    divided, whole = network(PENALTIES, rule), network(PENALTIES, rule)
    for x, y in batches(7):
        before = bits(divided) if divided.is_built else None
        step(divided, x, y)
        whole.train_on_batch(x, y)
        assert (bits(divided) == before) == (divided.engine.step % together > 0) or before is None
        assert_close(divided, whole)


def test_steps_of_both_kinds_mix_and_are_saved(tmp_path):
    for rule in (fm.SGD(0.1, gradient_accumulation_steps=2), "adam"):
        divided, whole = network(LAYERS["dropout"], rule), network(LAYERS["dropout"], rule)
        for number, (x, y) in enumerate(batches(7)):
            whole.train_on_batch(x, y)
            if number % 3 == 0:
                divided.train_on_batch(x, y)
            else:
                step(divided, x, y)
            divided.save(tmp_path / "model.npz")
            divided = fm.load(tmp_path / "model.npz")
        assert_close(divided, whole)
    assert_same(divided, whole)  # without accumulation


def test_labels_and_columns_are_learned_by_the_update():
    pandas = pytest.importorskip("pandas")
    (x, y), names = problem(40), np.array(list("abcdefg"))
    frame = pandas.DataFrame(x, columns=list("abcdefghijklmnopqrst"))
    divided, whole = network(EVERYTHING), network(EVERYTHING)
    _, gradients = divided.gradients(frame, names[y])
    assert (divided.classes, divided.feature_names, divided.input_kind) == (None, None, None)
    assert divided.declarations[0].mean is None
    divided.apply_gradients(gradients)
    whole.train_on_batch(frame, names[y])
    assert_same(divided, whole)
    assert list(divided.predict_classes(frame)) == list(whole.predict_classes(frame))


# ---------------------------------------------------------------- what gradients change, and when


def test_gradients_alone_change_nothing_but_the_first_weights():
    x, y = problem()
    model = network(EVERYTHING)
    model.gradients(x, y)
    assert model.is_built
    assert model.engine.step == 0
    before, averaged = bits(model), dict(model.engine.averaged)
    model.gradients(x + 1, y)
    assert bits(model) == before
    assert model.engine.averaged == averaged == {}
    fresh = network(EVERYTHING)
    fresh.build(20)
    assert bits(fresh) == before
    unbuilt = network(EVERYTHING)
    with pytest.raises(ArgumentError):
        unbuilt.gradients(x, y[:3])
    assert not unbuilt.is_built


def test_statistics_can_change_at_once():
    x, y = problem()
    model, whole = network(EVERYTHING), network(EVERYTHING)
    _, gradients = model.gradients(x, y, update_statistics=True)
    assert model.engine.step == 0
    whole.train_on_batch(x, y)
    statistics = [t.layer for t in whole.engine.program.tensors if t.is_statistic]
    assert len(statistics) == 4
    for tensor, found, expected in zip(
        model.engine.program.tensors, model.get_weights(), whole.get_weights(), strict=True
    ):
        assert np.array_equal(found, expected) == tensor.is_statistic
    model.apply_gradients(gradients)
    assert_same(model, whole)


def test_each_step_has_masks_of_its_own():
    x, y = problem()
    model = network(LAYERS["dropout"], fm.SGD(1e-30))
    losses = [model.gradients(x, y)[0], model.gradients(x, y)[0], step(model, x, y), step(model, x, y)]
    assert losses[0] == losses[1] == losses[2] != losses[3]
    assert model.gradients(x, y, step=0)[0] == pytest.approx(losses[0], rel=1e-12)
    assert model.gradients(x, y, step=1)[0] == pytest.approx(losses[3], rel=1e-12)
    assert len({model.gradients(x, y, step=n)[0] for n in range(5)}) == 5


def test_statistics_of_other_steps_are_forgotten():
    x, y = problem()
    model, whole = network(EVERYTHING), network(EVERYTHING)
    for trained in (model, whole):
        trained.train_on_batch(x, y)
    _, gradients = model.gradients(x**2, y)
    for trained in (model, whole):
        trained.train_on_batch(x, y)
    model.apply_gradients(gradients)
    for tensor, found, expected in zip(
        model.engine.program.tensors, model.get_weights(), whole.get_weights(), strict=True
    ):
        assert not tensor.is_statistic or np.array_equal(found, expected)
    _, gradients = model.gradients(x**2, y)
    kept = model.engine.running_statistics()
    model.compile("sgd")
    model.apply_gradients(gradients)
    for found, expected in zip(model.engine.running_statistics(), kept, strict=True):
        assert np.array_equal(found, expected)


def test_gradients_of_losses_are_their_slopes():
    x, y = problem()
    weights = np.arange(len(y)) % 3
    model = network(PENALTIES, loss=EXACT)
    _, gradients = model.gradients(x, y, sample_weight=weights, class_weight={2: 4.0})
    kernel = model.get_weights()[0]
    for row, column in ((0, 0), (3, 5)):
        moved = []
        for change in (1e-6, -1e-6):
            tensors = model.get_weights()
            tensors[0] = kernel.copy()
            tensors[0][row, column] += change
            model.set_weights(tensors)
            moved.append(model.gradients(x, y, sample_weight=weights, class_weight={2: 4.0})[0])
        assert gradients[0][row, column] == pytest.approx((moved[0] - moved[1]) / 2e-6, rel=1e-6)


# ---------------------------------------------------------------- loops


def test_means_of_two_processes_are_a_step_of_all_rows():
    """Each has half of the rows; both make the same step."""
    x, y = problem(40)
    ranks, whole = [network(rule=fm.Adam(0.1)) for _ in range(2)], network(rule=fm.Adam(0.1))
    for _ in range(5):
        halves = [m.gradients(x[i::2], y[i::2])[1] for i, m in enumerate(ranks)]
        mean = [(a + b) / 2 for a, b in zip(*halves, strict=True)]
        for model in ranks:
            model.apply_gradients(mean)
        whole.train_on_batch(x, y)
    assert bits(ranks[0]) == bits(ranks[1])
    for found, expected in zip(ranks[0].get_weights(), whole.get_weights(), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-8, atol=1e-9)


def test_a_generator_learns_from_the_gradient_of_its_critic():
    """Two networks that play against each other: one makes numbers, the other tells them from real ones."""
    rng = np.random.default_rng(0)
    maker = fm.Sequential([Dense(8, "tanh"), Dense(1)], dtype="float64", seed=0)
    critic = fm.Sequential([Dense(16, "tanh"), Dense(1, "sigmoid")], dtype="float64", seed=1)
    maker.compile(fm.Adam(0.003, beta_1=0.5), "mse")
    critic.compile(fm.Adam(0.03, beta_1=0.5), "binary_crossentropy")
    maker.build(2)
    critic.build(1)
    for _ in range(200):
        noise, real = rng.normal(size=(64, 2)), rng.normal(3.0, 0.5, size=(64, 1))
        made = maker.predict(noise)
        step(critic, np.concatenate([real, made]), np.repeat([1.0, 0.0], 64))
        w, b, v, _ = critic.get_weights()
        slope = (1 - np.tanh(made @ w + b) ** 2) * v.T @ w.T * (critic.predict(made) - 1)  # of −log critic(made)
        step(maker, noise, made - slope / 2)  # (made − target)² has this slope
    made = maker.predict(rng.normal(size=(1000, 2)))
    assert abs(made.mean() - 3.0) < 0.6


# ---------------------------------------------------------------- refusals


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda g: g[:-1], "gradients must be 4 arrays, as gradients\\(\\) gives, not 3"),
        (lambda g: [*g, g[0]], "gradients must be 4 arrays"),
        (
            lambda g: [g[0].T, *g[1:]],
            r"gradients\[0\] \(of the kernel of layer 0\) must have the shape \(20, 9\), not \(9, 20\)",
        ),
        (lambda g: [*g[:3], g[3] * np.nan], r"gradients\[3\] \(of the bias of layer 1\) must be finite in float32"),
        (lambda g: [*g[:3], np.full(7, 1e39)], r"gradients\[3\] \(of the bias of layer 1\) must be finite in float32"),
        (lambda g: [*g[:3], None], r"gradients\[3\] \(of the bias of layer 1\) must be an array of numbers, not None"),
        (lambda g: [*g[:3], ["a"] * 7], r"gradients\[3\] \(of the bias of layer 1\) must hold numbers"),
        (lambda g: None, "gradients must be"),
        (lambda g: 3, "gradients must be"),
    ],
)
def test_gradients_that_do_not_fit_change_nothing(change, message):
    x, y = problem()
    model = network(dtype="float32")
    _, gradients = model.gradients(x, y)
    before = bits(model)
    with pytest.raises(fm.FastMLPError, match=message):
        model.apply_gradients(change(gradients))
    assert bits(model) == before
    assert model.engine.step == 0
    model.apply_gradients(gradients)
    whole = network(dtype="float32")
    whole.train_on_batch(x, y)
    assert_same(model, whole)


def test_models_that_are_not_ready_or_busy():
    x, y = problem()
    with pytest.raises(NotBuiltError, match="compile"):
        fm.Sequential([Dense(7, "softmax")]).gradients(x, y)
    with pytest.raises(NotBuiltError):
        network().apply_gradients([])
    lbfgs = network(rule=fm.LBFGS())
    _, gradients = lbfgs.gradients(x, y)
    with pytest.raises(ArgumentError, match=r"L-BFGS trains with fit\(\) alone"):
        lbfgs.apply_gradients(gradients)
    model, raised = network(), []

    class Steps(fm.callbacks.Callback):
        def on_epoch_end(self, epoch, logs):
            found = self.model.gradients(x, y)[1]
            for use in (lambda: model.apply_gradients(found), lambda: model.gradients(x, y, update_statistics=True)):
                with pytest.raises(BusyError):
                    use()
                raised.append(1)

    model.fit(x, y, verbose=0, callbacks=[Steps()])
    assert len(raised) == 2
    for wrong in ({"step": -1}, {"step": 1.5}, {"step": "2"}, {"update_statistics": "yes"}, {"n_threads": 0}):
        with pytest.raises(fm.FastMLPError, match=next(iter(wrong))):
            model.gradients(x, y, **wrong)


def test_gradients_of_frozen_layers_are_not_used():
    x, y = problem()
    layers = [Dense(9, "relu", trainable=False), Dense(7, "softmax")]
    model, whole = network(layers), network(layers)
    _, gradients = model.gradients(x, y)
    assert not gradients[0].any()
    model.apply_gradients([np.ones((20, 9)), *gradients[1:]])
    whole.train_on_batch(x, y)
    assert_same(model, whole)


COPIES = {"copy": copy.deepcopy, "pickle": lambda model: pickle.loads(pickle.dumps(model))}


@pytest.mark.parametrize("how", COPIES)
@pytest.mark.parametrize("name", ["plain", "everything"])
@pytest.mark.parametrize("dtype", DTYPES)
def test_a_copy_between_the_two_calls_makes_the_same_step(name, how, dtype):
    model, copied = network(STACKS[name], dtype=dtype), COPIES[how]
    for x, y in batches(3):
        loss, gradients = model.gradients(x, y)
        twin, other = copied(model), copied(model)
        model.apply_gradients(gradients)
        twin.apply_gradients(gradients)
        assert_same(twin, model)
        other.fit(x, y, verbose=0)  # a training between forgets it
        other.apply_gradients(gradients)
    assert np.isfinite(loss)


def test_a_copy_with_another_optimizer_starts_afresh():
    (x, y), model = problem(), network(STACKS["everything"])
    _, gradients = model.gradients(x, y)
    other = copy.deepcopy(model)
    other.compile("sgd")
    statistics = other.layers[2].moving_mean
    other.apply_gradients(gradients)
    assert np.array_equal(other.layers[2].moving_mean, statistics)


def test_a_copy_without_the_rows_that_it_needs_says_so():
    (x, y), model = problem(), network([Dense(9), BatchNormalization(), Dense(7, "softmax")], fm.Rprop())
    _, gradients = model.gradients(x, y)
    other = copy.deepcopy(model)
    with pytest.warns(UserWarning, match=r"a copy that was made between .* from which Rprop recomputes"):
        other.apply_gradients(gradients)
    model.apply_gradients(gradients)
    copy.deepcopy(model).apply_gradients(gradients)  # after both
