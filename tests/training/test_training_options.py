"""Weights of rows and classes, statistics of features, averages of weights: what `fit` does besides stepping."""

import numpy as np
import pytest

import fastmlp as fm
from fastmlp import ArgumentError


def problem(rows=200, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(rows, 3)) * [1, 10, 100] + [0, 5, 50]
    return x, (x[:, 0] > 0.8).astype(np.int64)


def network(*layers, rule="sgd", loss="categorical_crossentropy", **options):
    model = fm.Sequential([*layers, fm.Dense(2, activation="softmax")], seed=1, dtype="float64")
    model.compile(rule, loss, **options)
    return model


def test_validation_is_not_weighted_by_class():
    x, y = problem()
    model = network(fm.Normalization())
    for options in ({"validation_split": 0.25}, {"validation_data": (x[150:], y[150:])}):
        history = model.fit(x, y, epochs=1, class_weight={0: 9.0, 1: 0.5}, verbose=0, **options)
        assert history["val_loss"][-1] == pytest.approx(model.evaluate(x[150:], y[150:])["loss"], rel=1e-12)


def test_balanced_weights_are_those_of_the_rows_that_are_trained():
    x, y = problem()
    y[150:] = 1  # of no account
    count = np.bincount(y[:150], minlength=2)
    weights = {0: 150 / (2 * count[0]), 1: 150 / (2 * count[1])}
    trained = []
    for class_weight in ("balanced", weights):
        model = network(fm.Normalization())
        model.fit(x, y, validation_split=0.25, class_weight=class_weight, verbose=0)
        trained.append(model.get_weights())
    assert all(np.array_equal(a, b) for a, b in zip(*trained, strict=True))


def test_normalization_learns_from_the_first_data_and_leaves_the_declaration_alone():
    x, y = problem()
    declared = fm.Normalization()
    model = network(declared)
    model.fit(x[:100], y[:100], verbose=0)
    assert declared.mean is None
    assert model.layers[0].mean == pytest.approx(x[:100].mean(axis=0))
    assert model.layers[0].variance == pytest.approx(x[:100].var(axis=0))
    model.fit(x[100:], y[100:], verbose=0)  # the model is built: its statistics stay
    assert model.layers[0].mean == pytest.approx(x[:100].mean(axis=0))
    other = network(declared)
    other.fit(x[100:], y[100:], verbose=0)
    assert other.layers[0].mean == pytest.approx(x[100:].mean(axis=0))


def test_uint8_rows_are_normalised_as_they_are_read():
    pixels = np.random.default_rng(0).integers(0, 256, (100, 5), np.uint8)
    model = network(fm.Normalization())
    model.fit(pixels, np.arange(100) % 2, verbose=0)
    assert model.layers[0].mean == pytest.approx(pixels.mean(axis=0) / 255)


def test_a_later_normalization_needs_its_statistics():
    x, y = problem()
    with pytest.raises(ArgumentError, match=r"must be given its statistics, with adapt\(\), before fit"):
        network(fm.Dense(3), fm.Normalization()).fit(x, y, verbose=0)
    adapted = fm.Normalization()
    adapted.adapt(np.eye(3))
    network(fm.Dense(3), adapted).fit(x, y, verbose=0)


def test_averaged_weights_need_an_update():
    x, y = problem()
    model = network(rule=fm.SGD(0.1, ema_momentum=0.5, gradient_accumulation_steps=2))
    model.train_on_batch(x, y)
    with pytest.raises(ArgumentError, match="there is no average"):
        model.swap_averaged_weights()
    model.train_on_batch(x, y)
    trained = model.get_weights()
    model.swap_averaged_weights()
    assert np.array_equal(model.get_weights()[0], trained[0])  # the first average is the first weights
    for _ in range(4):
        model.train_on_batch(x, y)
    trained = model.get_weights()
    model.swap_averaged_weights()
    assert not np.array_equal(model.get_weights()[0], trained[0])
    model.swap_averaged_weights()
    assert np.array_equal(model.get_weights()[0], trained[0])


def test_accuracy_of_a_regression_is_refused_before_training():
    model = fm.Sequential([fm.Dense(1)])
    with pytest.raises(ArgumentError, match="report 'r2', 'mae' or 'regression_accuracy' instead"):
        model.compile(loss="mse", metrics=["accuracy"])
    model.compile(loss="mse")
    assert model.metrics == ()


def test_partial_fit_goes_on_with_rows_as_they_come():
    x, y = problem()
    parts, whole = network(fm.Dense(4), rule="adam"), network(fm.Dense(4), rule="adam")
    for start in range(0, 200, 50):
        found = parts.partial_fit(x[start : start + 50], y[start : start + 50], batch_size=10)
        assert {"loss", "accuracy"} == set(found.keys())
    whole.fit(x, y, batch_size=10, shuffle=False, verbose=0)
    for a, b in zip(parts.get_weights(), whole.get_weights(), strict=True):
        assert np.array_equal(a, b)


# ---------------------------------------------------------------- what a second look found


@pytest.mark.parametrize("scale", [1e-14, 1e-7, 1e7])
def test_normalization_of_any_scale(scale):
    x, _ = problem()
    layer = fm.Normalization()
    layer.adapt(x * scale)
    inputs = fm.Sequential([layer, fm.Dense(3, use_bias=False)], dtype="float64")
    inputs.build(3)
    inputs.layers[1].kernel = np.eye(3)
    assert inputs.predict(x * scale).std(axis=0) == pytest.approx([1, 1, 1], rel=1e-6)


def test_normalization_of_a_model_that_was_built_or_loaded(tmp_path):
    x, y = problem()
    model = network(fm.Normalization())
    model.build(3)
    model.fit(x, y, verbose=0)
    assert model.layers[0].mean == pytest.approx(x.mean(axis=0))
    model.save(tmp_path / "model.npz")
    loaded = fm.load(tmp_path / "model.npz")
    loaded.fit(x * 2, y, verbose=0)
    assert loaded.layers[0].mean == pytest.approx(x.mean(axis=0))


def test_a_loss_contains_the_penalty_in_every_batch():
    x, y = problem()
    layers = [fm.Dense(4, activation="tanh", kernel_regularizer=fm.regularizers.l2(1.0), bias_regularizer="l1")]
    model = network(*layers, rule=fm.SGD(1e-12, gradient_accumulation_steps=3))
    model.build(3)
    expected = model.evaluate(x, y)["loss"]
    history = model.fit(x, y, batch_size=200, epochs=5, verbose=0)
    assert history.batches["loss"] == pytest.approx([expected] * 5, rel=1e-9)


def test_averaged_weights_keep_to_the_norm():
    x, y = problem()
    model = network(fm.Normalization(), fm.Dense(8, max_norm=0.5), rule=fm.SGD(0.5, ema_momentum=0.5))
    model.fit(x, y, epochs=3, verbose=0)
    model.swap_averaged_weights()
    assert np.linalg.norm(model.layers[1].kernel, axis=0).max() <= 0.5 + 1e-12


def test_derivatives_that_are_zero_are_no_false_alarm():
    layers = [
        fm.Dense(4),
        fm.Residual([fm.Residual([fm.BatchNormalization()]), fm.LayerNormalization()]),
        fm.BatchNormalization(),
        fm.LayerNormalization(),
    ]
    x, y = problem(12)
    assert network(*layers).gradient_check(x / 100, y).passed


@pytest.mark.parametrize("hook", ["on_train_begin", "on_epoch_begin", "on_batches_end"])
def test_stopping_takes_effect_at_once(hook):
    x, y = problem(5000)

    def stop(*_):
        model.stop_training = True

    model = network(rule=fm.SGD(0.001))
    callback = fm.callbacks.Lambda(**{hook: stop})
    callback.every_batches = 1
    history = model.fit(x / 100, y, batch_size=1, epochs=3, callbacks=[callback], verbose=0)
    assert history.stopped == "callback"
    assert len(history.batches.get("loss", [])) == (1 if hook == "on_batches_end" else 0)


@pytest.mark.parametrize("layer", [fm.Dropout(0.1), fm.GaussianNoise(0.1)])
def test_a_random_last_layer_is_refused(layer):
    with pytest.raises(ArgumentError, match=f"the last layer must not be a {type(layer).__name__}"):
        fm.Sequential([fm.Dense(1, activation="sigmoid"), layer]).compile(loss="binary_crossentropy")
    model = fm.Sequential([fm.Dense(2, activation="softmax"), fm.Activation("linear")])
    model.compile()  # which changes nothing
    model.fit(*problem(), verbose=0)


# ---------------------------------------------------------------- layers that are frozen, rules for all rows, metrics


def test_a_trained_layer_can_be_frozen_and_thawed():
    x, y = problem()
    model = network(fm.Dense(5, "tanh"), fm.Residual([fm.Dense(4, "tanh"), fm.Dense(5)]), rule=fm.Adam(0.01))
    model.fit(x, y, verbose=0)
    for number in (0, 1):
        model.layers[number].trainable = False
    state, before = model.engine.state.copy(), model.get_weights()
    model.fit(x, y, verbose=0)
    same = [np.array_equal(a, b) for a, b in zip(before, model.get_weights(), strict=True)]
    assert same == [True] * 4 + [False] * 4  # kernel and bias of each layer
    assert [layer.trainable for layer in model.layers] == [False, False, True, True]
    assert not np.array_equal(state, model.engine.state)  # kept, and gone on with
    model.layers[0].trainable = True
    model.fit(x, y, verbose=0)
    assert not np.array_equal(before[0], model.get_weights()[0])
    for layer in network(fm.Dropout(0.5)).layers:  # those without tensors have nothing to freeze
        layer.trainable = False


def test_freezing_is_saved_and_needs_no_built_model(tmp_path):
    model = network(fm.Dense(5, "tanh"))
    model.layers[0].trainable = False
    model.build(3)
    before = model.layers[0].kernel
    model.fit(*problem(), verbose=0)
    assert np.array_equal(before, model.layers[0].kernel)
    model.save(tmp_path / "model.npz")
    assert not fm.load(tmp_path / "model.npz").layers[0].trainable


def test_rprop_takes_all_rows_as_one_batch():
    x, y = problem()
    model, explicit = network(fm.Normalization(), rule="rprop"), network(fm.Normalization(), rule="rprop")
    model.fit(x, y, epochs=5, verbose=0)
    explicit.fit(x, y, epochs=5, batch_size=200, verbose=0)
    assert len(model.history.batches["loss"]) == 5
    assert all(np.array_equal(a, b) for a, b in zip(model.get_weights(), explicit.get_weights(), strict=True))
    with pytest.raises(ArgumentError, match="Rprop cannot be used with data in chunks"):
        model.fit(fm.datasets.Chunks.from_arrays(x, y, 50), verbose=0)


@pytest.mark.parametrize("rule", ["rprop", "lbfgs"])
def test_a_rule_without_a_learning_rate_has_none_to_look_for(rule):
    with pytest.raises(ArgumentError, match="has no learning rate to look for"):
        fm.find_learning_rate(network(rule=rule), *problem())


@pytest.mark.parametrize("loss", ["categorical_crossentropy", "mse"])
@pytest.mark.parametrize("one_hot", [False, True])
def test_metrics_of_numbers_take_classes(loss, one_hot):
    x, y = problem()
    rows = np.eye(2)[y]
    model = network(fm.Normalization(), loss=loss, metrics=["mse", "mae", "r2", "binary_accuracy"])
    history = model.fit(x, rows if one_hot else y, verbose=0)
    assert len(history["r2"]) == 1
    found, outputs = model.evaluate(x, rows if one_hot else y), model.predict(x)
    assert found["mse"] == pytest.approx(((outputs - rows) ** 2).mean(), rel=1e-9)
    assert found["binary_accuracy"] == pytest.approx(((outputs > 0.5) == rows).mean())


@pytest.mark.parametrize("metric", ["top_5_accuracy", "auc"])
def test_a_metric_that_cannot_be_had_is_refused_before_training(metric):
    x, y = problem()
    model = fm.Sequential([fm.Dense(2, activation="sigmoid")], seed=0)
    with pytest.raises(ArgumentError, match=metric):
        model.compile(loss="binary_crossentropy", metrics=[metric])
    model.compile(loss="binary_crossentropy", metrics=["f1"])
    with pytest.raises(ArgumentError, match=r"y cannot be judged by the metric 'f1': .* multi_label=True"):
        model.fit(x, np.column_stack([y, 1 - y]) | 1, verbose=0)
    assert not model.is_built


def test_a_row_with_several_labels_has_no_one_class():
    model = fm.Sequential([fm.Dense(3, activation="sigmoid")])
    model.compile(loss="binary_crossentropy")
    model.build(2)
    with pytest.raises(ArgumentError, match="each of the 3 outputs answers a question of its own"):
        model.predict_classes([[0.0, 0.0]])


def test_a_categorical_loss_does_not_take_sigmoids():
    with pytest.raises(ArgumentError, match="needs a last layer with activation 'softmax', but it has 'sigmoid'"):
        fm.Sequential([fm.Dense(3, activation="sigmoid")]).compile()


def test_a_negative_constant_for_rare_classes():
    model = fm.Sequential([fm.Dense(1, bias_initializer=fm.initializers.constant(-4.0), activation="sigmoid")])
    model.build(2)
    assert model.layers[0].bias.tolist() == [-4]


def test_swish_is_silu():
    assert fm.Dense(2, activation="swish").activation == "silu"
    assert fm.Dense(2, activation="hard_silu").activation == "hard_swish"


@pytest.mark.parametrize("declared", [True, False])
def test_a_batch_normalization_is_frozen_where_it_stands(declared):
    x, y = problem()
    stack = [fm.Dense(5), fm.BatchNormalization(trainable=declared), fm.Activation("relu"), fm.Dense(4)]
    model = network(*stack, rule=fm.Adam(0.01))
    model.fit(x, y, verbose=0)
    before = [model.predict(x), *model.get_weights()]
    model.layers[1].trainable = not declared
    assert all(np.array_equal(a, b) for a, b in zip(before, [model.predict(x), *model.get_weights()], strict=True))
    statistics = model.layers[1].moving_mean
    model.fit(x, y, epochs=3, verbose=0)
    assert np.array_equal(statistics, model.layers[1].moving_mean) == declared
    assert np.isfinite(model.predict(x)).all()


def test_thawing_does_not_use_a_gradient_twice():
    x, y = problem()
    found = []
    for is_frozen in (False, True):
        model = network(rule=fm.SGD(0.1, gradient_accumulation_steps=2))
        model.partial_fit(x[:100], y[:100], batch_size=50)  # a whole update
        model.layers[0].trainable = not is_frozen
        model.partial_fit(x[100:150], y[100:150], batch_size=50)
        before = model.layers[0].kernel
        model.layers[0].trainable = True
        model.partial_fit(x[150:], y[150:], batch_size=50)
        found.append(model.layers[0].kernel - before)
    assert 0 < np.linalg.norm(found[1]) < np.linalg.norm(found[0]) * 2
    averaged = network(rule=fm.SGD(0.1, ema_momentum=0.9))
    averaged.partial_fit(x, y)
    with pytest.raises(ArgumentError, match="running average"):
        averaged.layers[0].trainable = False


def test_a_constant_initializer_is_saved(tmp_path):
    model = fm.Sequential([fm.Dense(2, bias_initializer=fm.initializers.constant(-1))])
    model.build(2)
    model.save(tmp_path / "model.npz")
    assert fm.load(tmp_path / "model.npz").layers[0].bias.tolist() == [-1, -1]


def test_names_of_refused_data_are_not_kept():
    x, y = problem()
    words = np.where(y == 1, "yes", "no")
    model = network()
    for refused in (
        lambda: model.fit(x, words, validation_batches=3, verbose=0),
        lambda: model.fit(x, words, resume=True, verbose=0),
        lambda: model.partial_fit(x, words, batch_size=0),
    ):
        with pytest.raises(ArgumentError):
            refused()
        assert model.classes is None
    model.gradients(x, words)
    assert model.classes is None


def test_weights_must_be_above_0_on_both_sides_of_a_split():
    x, y = problem()
    for weights in (np.arange(len(x)) < 100, np.arange(len(x)) >= len(x) - 10):
        with pytest.raises(ArgumentError, match="must not be 0 for all rows that validation_split puts on one side"):
            network().fit(x, y, validation_split=0.2, sample_weight=weights.astype(float), verbose=0)


@pytest.mark.parametrize("weights", [{"sample_weight": np.zeros(200)}, {"class_weight": {0: 0, 1: 0}}], ids=str)
def test_weights_that_leave_nothing_are_refused(weights):
    x, y = problem()
    for use in (network().fit, network().partial_fit, network().train_on_batch):
        with pytest.raises(ArgumentError, match="_weight must not be 0 for all rows"):
            use(x, y, **weights)


def test_weights_of_rows_and_classes_count_both():
    x, y = problem()
    rows = np.linspace(0.5, 2.0, len(x))
    both, product = network(fm.Normalization()), network(fm.Normalization())
    both.fit(x, y, sample_weight=rows, class_weight={0: 3.0}, verbose=0)
    product.fit(x, y, sample_weight=rows * np.where(y == 0, 3.0, 1.0), verbose=0)
    assert all(np.array_equal(a, b) for a, b in zip(both.get_weights(), product.get_weights(), strict=True))


def test_balanced_classes_are_those_that_occur():
    x, y = problem()
    y = 2 * y  # of three classes, the second has no rows
    count = np.bincount(y, minlength=3)
    trained = []
    for weights in ("balanced", {0: len(y) / (2 * count[0]), 2: len(y) / (2 * count[2])}):
        model = fm.Sequential([fm.Normalization(), fm.Dense(3, "softmax")], seed=1, dtype="float64")
        model.compile("sgd")
        model.fit(x, y, class_weight=weights, verbose=0)
        trained.append(model.get_weights())
    assert all(np.array_equal(a, b) for a, b in zip(*trained, strict=True))


def test_each_random_layer_has_chances_of_its_own():
    """Of two dropouts of a half, a quarter of the numbers passes both."""
    seen = []
    layers = [fm.Dropout(0.5), fm.Dropout(0.5)]
    model = fm.Sequential([*layers, fm.Dense(50)], seed=1)
    model.compile("sgd", "mse", [fm.metrics.Custom(lambda _, outputs: seen.append(outputs) or 0.0, "seen")])
    model.build(50)
    model.set_weights([np.eye(50), np.zeros(50)])
    model.train_on_batch(np.ones((100, 50)), np.zeros((100, 50)))
    assert set(np.unique(seen[0])) == {0.0, 4.0}
    assert (seen[0] > 0).mean() == pytest.approx(0.25, abs=0.03)


def test_gradients_of_what_is_not_trained_are_0():
    x, y = problem(20)
    frozen = fm.Dense(4, "tanh", trainable=False)
    model = network(fm.Dense(4, use_bias=False), fm.BatchNormalization(), frozen)
    model.build(x.shape[1])
    _, gradients = model.gradients(x, y)
    learns = [True, True, True, False, False, False, False, True, True]  # not: statistics, and what is frozen
    assert [gradient.any() for gradient in gradients] == learns
