"""Methods and arguments of Keras's run time: those that mean the same here, and those that are refused."""

import copy
import pickle

import numpy as np
import pytest

import fastmlp as fm
from fastmlp._base.errors import ArgumentError, ArgumentTypeError, NotBuiltError
from fastmlp._network.scores import Scores

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(50, 3)).astype(np.float32)
Y = (X[:, 0] > 0).astype(int)
WEIGHTS = RANDOM.uniform(0.5, 2, size=50)


def built(**settings):
    model = fm.Sequential([fm.Dense(4, activation="relu"), fm.Dense(2, activation="softmax")], seed=0, **settings)
    model.compile(optimizer=fm.Adam(0.02))
    model.build(n_features=3)
    return model


# ---------------------------------------------------------------- predict, evaluate, and for one batch


@pytest.mark.parametrize("batch_size", [None, 1, 7, 1000, np.int64(8)])
@pytest.mark.parametrize("verbose", ["auto", 0, 1, 2, True])
def test_predictions_do_not_depend_on_the_size_of_batches(batch_size, verbose, capsys):
    model = built()
    expected = model.predict(X)
    assert (model.predict(X, batch_size, verbose) == expected).all()
    assert (model.predict(X, batch_size=batch_size, verbose=verbose, callbacks=[]) == expected).all()
    assert (model.predict(X, workers=4, use_multiprocessing=True, max_queue_size=2) == expected).all()
    assert capsys.readouterr().out == ""


def test_a_model_is_called_to_predict():
    model = built()
    expected = model.predict(X)
    for result in (model(X), model(X, training=False), model(x=X), model.predict_on_batch(X)):
        assert type(result) is np.ndarray
        assert (result == expected).all()
    with pytest.raises(ArgumentError, match=r"training=True.* use model\(x\), or train_on_batch"):
        model(X, training=True)
    with pytest.raises(ArgumentTypeError, match="training must be True or False"):
        model(X, 32)


@pytest.mark.parametrize("return_dict", [False, True])
def test_scores_are_a_sequence_or_a_dict(return_dict):
    model = built()
    expected = model.evaluate(X, Y, sample_weight=WEIGHTS)
    given = [
        model.evaluate(X, Y, 16, 0, WEIGHTS, return_dict=return_dict),
        model.evaluate(X, Y, batch_size=8, verbose=2, sample_weight=WEIGHTS, return_dict=return_dict, workers=2),
        model.test_on_batch(X, Y, WEIGHTS, return_dict),
    ]
    for scores in given:
        assert scores == expected
        loss, accuracy = scores.values()
        assert [*scores] == (["loss", "accuracy"] if return_dict else [loss, accuracy])
        assert type(scores) is (dict if return_dict else Scores)
        assert (loss, accuracy) == (scores["loss"], scores["accuracy"])


def test_a_step_of_training_takes_the_arguments_of_keras():
    model, other = built(), built()
    scores = model.train_on_batch(X, Y, WEIGHTS, {0: 2.0}, return_dict=True)
    assert [*scores] == ["loss", "accuracy"]
    assert scores == other.train_on_batch(X, Y, sample_weight=WEIGHTS, class_weight={0: 2.0})
    assert all((a == b).all() for a, b in zip(model.get_weights(), other.get_weights(), strict=True))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"batch_size": 0}, "batch_size must be at least 1"),
        ({"batch_size": 2.5}, "batch_size must be a whole number"),
        ({"verbose": 3}, "verbose must be 'auto', 0, 1 or 2"),
        ({"verbose": np.zeros(2)}, "verbose must be 'auto', 0, 1 or 2"),
        ({"batch_size": np.zeros(2)}, "batch_size must be a whole number"),
        ({"callbacks": [fm.callbacks.EarlyStopping()]}, r"callbacks are told of training alone: give them to fit\(\)"),
        ({"callbacks": 3}, "callbacks must be a list"),
        (
            {"steps": 2},
            r"steps counts the batches of .* give fewer rows, such as x\[: steps \* batch_size\]",
        ),
        ({"workers": -1}, "workers must be at least 0"),
        ({"use_multiprocessing": 2}, "use_multiprocessing must be True or False"),
        ({"max_queue_size": "10"}, "max_queue_size must be a whole number"),
    ],
)
def test_what_cannot_be_meant_is_refused(settings, message):
    model = built()
    for call in (lambda: model.predict(X, **settings), lambda: model.evaluate(X, Y, **settings)):
        with pytest.raises((ArgumentError, ArgumentTypeError), match=message):
            call()


def test_return_dict_is_a_choice():
    model = built()
    for call in (model.evaluate, model.test_on_batch, model.train_on_batch):
        with pytest.raises(ArgumentTypeError, match="return_dict must be True or False"):
            call(X, Y, return_dict="yes")
    assert model.steps_done == 0


# ---------------------------------------------------------------- fit


def weights_after(*given, **settings):
    model = built()
    model.fit(X, Y, *given, **settings)
    return np.concatenate([tensor.ravel() for tensor in model.get_weights()])


def test_32_rows_are_a_batch_unless_given():
    expected = weights_after(batch_size=32, verbose=0)
    assert (weights_after(verbose=0) == expected).all()
    assert (weights_after(batch_size=None, verbose=0) == expected).all()
    assert (weights_after(batch_size=16, verbose=0) != expected).any()


def test_arguments_of_fit_in_the_order_of_keras(capsys):
    expected = weights_after(batch_size=10, epochs=2, verbose=0, validation_split=0.2)
    capsys.readouterr()
    assert (weights_after(10, 2, 0, None, 0.2) == expected).all()
    assert capsys.readouterr().out == ""


def test_arguments_of_fit_without_influence():
    expected = weights_after(verbose=0)
    settings = {"validation_batch_size": 7, "workers": 3, "use_multiprocessing": True, "max_queue_size": 1}
    assert (weights_after(verbose=0, callbacks=None, **settings) == expected).all()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"validation_batch_size": 0}, "validation_batch_size must be at least 1"),
        ({"validation_steps": 2, "validation_split": 0.5}, "validation_steps counts the batches of a generator"),
        ({"workers": "4"}, "workers must be a whole number"),
        ({"batch_size": 0}, "batch_size must be at least 1"),
        ({"shuffle": "batch"}, "shuffle must be True, False, 'stratified'"),
    ],
)
def test_fit_refuses_what_cannot_be_meant(settings, message):
    model = built()
    with pytest.raises((ArgumentError, ArgumentTypeError), match=message):
        model.fit(X, Y, verbose=0, **settings)
    assert model.steps_done == 0


def test_weights_of_classes_by_label():
    model, words = built(), np.where(Y, "yes", "no")
    model.fit(X, words, class_weight={"yes": 3.0}, verbose=0)
    assert (
        np.concatenate([t.ravel() for t in model.get_weights()]) == weights_after(class_weight={1: 3}, verbose=0)
    ).all()


# ---------------------------------------------------------------- the rate of the optimiser


def test_the_rate_of_a_models_optimizer_can_be_set():
    model = built()
    model.optimizer.learning_rate = 0.5
    assert model.learning_rate == model.optimizer.learning_rate == 0.5
    other = built()
    other.learning_rate = 0.5
    assert other.optimizer.learning_rate == 0.5
    for trained in (model, other):
        trained.fit(X, Y, epochs=2, verbose=0)
    assert all((a == b).all() for a, b in zip(model.get_weights(), other.get_weights(), strict=True))


def test_it_can_be_scaled_in_place():
    model = built()
    model.optimizer.learning_rate *= 0.1
    assert model.learning_rate == pytest.approx(0.002)


def test_the_optimizer_of_a_model_can_be_kept_and_set_later():
    model = built()
    optimizer = model.optimizer
    optimizer.learning_rate = 0.3
    assert model.learning_rate == optimizer.learning_rate == 0.3


def test_a_schedule_is_replaced():
    model = built()
    model.compile(fm.SGD(fm.schedules.Exponential(0.1, rate=0.5, every=10)))
    assert callable(model.optimizer.learning_rate)
    model.optimizer.learning_rate = 0.25
    assert (model.learning_rate, model.has_schedule) == (0.25, False)


def test_callbacks_set_it_too():
    class Halve(fm.callbacks.Callback):
        def on_epoch_end(self, epoch, logs):
            self.model.optimizer.learning_rate = self.model.optimizer.learning_rate / 2

    model = built()
    model.fit(X, Y, epochs=3, verbose=0, callbacks=[Halve()])
    assert model.learning_rate == pytest.approx(0.02 / 8)


@pytest.mark.parametrize("value", [0, -1, "fast", None, float("nan")])
def test_a_rate_that_cannot_be_used_is_refused(value):
    model = built()
    with pytest.raises((ArgumentError, ArgumentTypeError), match="learning_rate must be"):
        model.optimizer.learning_rate = value
    assert model.optimizer.learning_rate == model.learning_rate == 0.02


@pytest.mark.parametrize("name", ["beta_1", "lr", "momentum", "learning_rate"])
def test_an_optimizer_of_no_model_stays(name):
    with pytest.raises(AttributeError, match=rf"{name} of an optimizer cannot be set: .* model.learning_rate = 0.001"):
        setattr(fm.Adam(), name, 0.5)


def test_nor_can_other_settings_of_a_models_optimizer():
    model = built()
    with pytest.raises(AttributeError, match=r"beta_1 .* other settings with model.compile\(Adam"):
        model.optimizer.beta_1 = 0.5


def test_a_models_optimizer_is_a_declaration_otherwise():
    model, given = built(), fm.Adam(0.02)
    assert model.optimizer == given
    assert hash(model.optimizer) == hash(given)
    assert repr(model.optimizer) == repr(given)
    assert type(model.optimizer) is fm.Adam
    model.optimizer.learning_rate = 0.5
    assert given.learning_rate == 0.02
    for duplicate in (pickle.loads(pickle.dumps(model.optimizer)), copy.deepcopy(model.optimizer)):
        assert duplicate == fm.Adam(0.5)
        with pytest.raises(AttributeError):
            duplicate.learning_rate = 0.1
    other = built()
    other.compile(model.optimizer)
    assert other.learning_rate == 0.5
    other.optimizer.learning_rate = 0.1
    assert model.learning_rate == 0.5


def test_compile_returns_to_the_declared_rate(tmp_path):
    model = built()
    model.optimizer.learning_rate = 0.5
    model.save(tmp_path / "model.npz")
    loaded = fm.load(tmp_path / "model.npz")
    assert loaded.optimizer.learning_rate == 0.5
    assert loaded.rule == model.rule == fm.Adam(0.02)


# ---------------------------------------------------------------- layers and weights


def test_layers_give_and_take_their_weights():
    model = built()
    kernel, bias = model.layers[0].get_weights()
    assert (kernel == model.layers[0].kernel).all()
    assert (bias == model.layers[0].bias).all()
    kernel += 1
    assert (model.layers[0].kernel != kernel).any()
    model.layers[0].set_weights([kernel, bias + 2])
    assert (model.get_weights()[0] == kernel).all()
    assert (model.layers[0].bias == 2).all()


def test_what_layers_refuse_changes_nothing():
    model = built()
    kernel, bias = model.layers[1].get_weights()
    for given, message in [
        ([kernel + 1], r"must be 2 arrays \(kernel, bias\), not 1"),
        ([kernel + 1, bias[:1]], r"weights \(bias\) must have the shape"),
        (3, "weights must be a list of arrays"),
    ]:
        with pytest.raises((ArgumentError, ArgumentTypeError), match=message):
            model.layers[1].set_weights(given)
        assert (model.layers[1].kernel == kernel).all()


def test_layers_know_their_shapes():
    model = fm.Sequential([fm.Dense(4), fm.BatchNormalization(), fm.Dropout(0.5), fm.Dense(2)])
    assert [layer.output_shape for layer in model.layers] == [(None, 4), (None, 4), (None, 4), (None, 2)]
    assert model.layers[0].input_shape == (None, None)
    with pytest.raises(NotBuiltError):
        model.count_params()
    model.build(n_features=3)
    assert [layer.input_shape for layer in model.layers] == [(None, 3), (None, 4), (None, 4), (None, 4)]
    assert [layer.count_params() for layer in model.layers] == [16, 16, 0, 10]
    assert model.count_params() == 42 == sum(tensor.size for tensor in model.weights)
    assert [tensor.shape for tensor in model.layers[1].weights] == [(4,)] * 4


def test_weights_by_whether_they_are_trained():
    model = fm.Sequential([fm.Dense(4), fm.BatchNormalization(), fm.Dense(2, trainable=False)])
    model.build(n_features=3)
    assert [tensor.shape for tensor in model.trainable_weights] == [(3, 4), (4,), (4,), (4,)]
    assert [tensor.shape for tensor in model.non_trainable_weights] == [(4,), (4,), (4, 2), (2,)]
    assert all((a == b).all() for a, b in zip(model.weights, model.get_weights(), strict=True))
    with pytest.raises(ValueError, match="read-only"):
        model.weights[0][0, 0] = 1


def test_a_whole_model_is_frozen():
    model = built()
    assert model.trainable
    model.trainable = False
    assert not model.trainable
    assert not any(layer.trainable for layer in model.layers)
    before = model.get_weights()
    model.fit(X, Y, verbose=0)
    assert all((a == b).all() for a, b in zip(before, model.get_weights(), strict=True))
    model.layers[1].trainable = True
    assert model.trainable
    with pytest.raises(ArgumentTypeError, match="trainable must be True or False"):
        model.trainable = 1


def test_layers_are_found_by_number():
    model = built()
    assert model.get_layer(index=1).units == 2
    assert model.get_layer(index=-2).units == 4
    for given in ({"index": 2}, {"index": "first"}, {"name": "nothing"}, {}, {"name": "dense", "index": 0}):
        with pytest.raises((ArgumentError, ArgumentTypeError)):
            model.get_layer(**given)


def test_a_layer_has_no_symbolic_output():
    with pytest.raises(AttributeError, match=r"a layer has no output to make a model of: model\[:2\]"):
        built().layers[1].output  # noqa: B018
