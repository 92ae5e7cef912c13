"""Training on batches from loaders and generators: the same bits as training on their rows as arrays."""

import itertools

import numpy as np
import pytest

import fastmlp as fm
from fastmlp._base.errors import ArgumentError, ArgumentTypeError
from tests.shared.loaders import Loader, Numbered, Recorded, Stream, Tensor, divided, generator

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(70, 3)).astype(np.float32)
Y = (X[:, 0] > 0).astype(np.int64)
WEIGHTS = RANDOM.uniform(0.5, 2, size=70)
BATCHES = divided(16, X, Y)  # the last one has 6 rows


def made(*first, **settings):
    layers = [*first, fm.Dense(4, activation="tanh"), fm.Dense(2, activation="softmax")]
    model = fm.Sequential(layers, seed=0)
    model.compile(fm.Adam(0.02), **settings)
    return model


def weights(model):
    return np.concatenate([tensor.ravel() for tensor in model.get_weights()])


def trained(x, y=None, *, first=(), metrics=None, **settings):
    model = made(*first, metrics=metrics)
    model.fit(x, y, verbose=0, **settings)
    return model


def frame(values):
    return pytest.importorskip("pandas").DataFrame(values)


def series(values):
    return pytest.importorskip("pandas").Series(values)


KINDS = {
    "sequence": Numbered,
    "loader": Loader,
    "stream": Stream,
    "list": list,
    "loader of arrays": lambda batches: Loader(batches, np.asarray),
    "loader of frames": lambda batches: Loader(batches, lambda part: frame(part) if part.ndim > 1 else part),
    "recorded": lambda batches: Loader(batches, Recorded),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("first", [(), (fm.BatchNormalization(),)], ids=["plain", "batch norm"])
def test_batches_are_the_steps_of_their_rows(kind, first):
    if first:  # running statistics are measured anew at the end of an epoch over arrays
        expected = made(*first)
        for _ in range(3):
            for x, y in BATCHES:
                expected.train_on_batch(x, y)
    else:
        expected = trained(X, Y, batch_size=16, epochs=3, shuffle=False)
    model = trained(KINDS[kind](BATCHES), epochs=3, shuffle=False, first=first)
    assert (weights(model) == weights(expected)).all()
    assert model.steps_done == expected.steps_done == 15


def test_history_and_logs_are_those_of_rows():
    settings = {"epochs": 3, "shuffle": False, "metrics": ["accuracy", "f1"]}
    expected = trained(X, Y, batch_size=16, validation_data=(X, Y), **settings)
    model = trained(Numbered(BATCHES), validation_data=Loader(BATCHES), **settings)
    for name, values in expected.history.history.items():
        if name != "seconds":
            assert model.history[name] == pytest.approx(values, abs=1e-6), name
    assert model.history.batches["loss"] == expected.history.batches["loss"]
    assert model.history.stopped == "finished"


def test_batches_of_other_sizes_and_weights():
    sizes, ends = [1, 30, 7, 32], np.cumsum([1, 30, 7, 32])
    parts = [(X[end - n : end], Y[end - n : end], WEIGHTS[end - n : end]) for n, end in zip(sizes, ends, strict=True)]
    model = trained(Loader(parts), epochs=2)
    assert model.steps_done == 8
    scores = model.evaluate(Loader(parts))
    assert tuple(scores) == pytest.approx(tuple(model.evaluate(X, Y, sample_weight=WEIGHTS)), rel=1e-5)
    assert scores != model.evaluate(X, Y)


def test_weights_of_classes_and_rows_multiply():
    weighted = divided(16, X, Y, np.where(Y, 3.0, 1.0))
    expected = trained(BATCHES, shuffle=False, class_weight={1: 3})
    assert (weights(trained(weighted, shuffle=False)) == weights(expected)).all()
    assert (weights(trained(weighted, shuffle=False)) != weights(trained(BATCHES, shuffle=False))).any()


# ---------------------------------------------------------------- order and ends of epochs


def test_numbered_batches_are_shuffled_and_told_of_the_end():
    source = Numbered(BATCHES)
    trained(source, epochs=3)
    epochs = [source.asked[start : start + 5] for start in (0, 5, 10)]
    assert [sorted(epoch) for epoch in epochs] == [[0, 1, 2, 3, 4]] * 3
    assert len({tuple(epoch) for epoch in epochs}) > 1
    assert source.ends == 3
    again = Numbered(BATCHES)
    trained(again, epochs=3)
    assert again.asked == source.asked


def test_other_sources_decide_their_order():
    assert (weights(trained(Loader(BATCHES))) == weights(trained(X, Y, batch_size=16, shuffle=False))).all()


@pytest.mark.parametrize("make", [generator, lambda batches: itertools.cycle(batches)])
def test_a_generator_goes_on_in_the_next_epoch(make):
    model = trained(make(BATCHES), epochs=4, steps_per_epoch=3)
    expected = made()
    for x, y in itertools.islice(generator(BATCHES), 12):
        expected.train_on_batch(x, y)
    assert (weights(model) == weights(expected)).all()
    assert model.history.epoch == [0, 1, 2, 3]


def test_no_batch_is_lost_between_epochs_of_some_steps():
    given = []

    def noted():
        for batch in generator(BATCHES):
            given.append(batch)
            yield batch

    source = noted()
    model = trained(source, epochs=2, steps_per_epoch=3)
    assert len(given) == 6
    model.fit(source, steps_per_epoch=3, verbose=0)
    assert len(given) == 9


@pytest.mark.parametrize("make", [Numbered, Loader, Stream])
def test_a_source_that_begins_again_does_so_at_its_end(make):
    model = trained(make(BATCHES), epochs=4, steps_per_epoch=3, shuffle=False)
    assert (weights(model) == weights(trained(generator(BATCHES), epochs=4, steps_per_epoch=3))).all()


def test_an_iterator_is_enough_for_one_epoch():
    assert (weights(trained(iter(BATCHES))) == weights(trained(BATCHES, shuffle=False))).all()


# ---------------------------------------------------------------- what is refused


@pytest.mark.parametrize(
    ("x", "settings", "message"),
    [
        (
            iter(BATCHES),
            {"epochs": 2},
            r"x is an iterator .* only once, but 2 passes are asked for: give steps_per_epoch",
        ),
        (BATCHES, {"batch_size": 16}, "x is a list, which decides how many rows a batch has: leave out batch_size"),
        (Loader(BATCHES), {"y": Y}, "x is a Loader, which gives its own targets .*: leave out y"),
        (Loader(BATCHES), {"validation_split": 0.2}, "validation_split cannot be used with batches of a loader"),
        (Loader(BATCHES), {"validation_batches": 2, "validation_data": (X, Y)}, "validation_batches cannot be used"),
        (Loader(BATCHES), {"sample_weight": WEIGHTS}, r"it is the third element, \(x, y, sample_weight\)"),
        (Loader(BATCHES), {"class_weight": "balanced"}, "class_weight='balanced' cannot be used with batches"),
        (Loader(BATCHES), {"steps_per_epoch": 0}, "steps_per_epoch must be at least 1"),
        (Loader(BATCHES), {"resume": True}, "resume cannot be used with batches"),
        (Loader([]), {}, "x gave no batch: it is empty"),
        (Loader([]), {"steps_per_epoch": 3}, "x gave no batch: it is empty"),
        (iter([]), {}, "x gave no batch: it is an iterator that is used up"),
        (Loader([(X,)]), {}, r"batches as \(x, y\) or \(x, y, sample_weight\), but batch 0 is a list of 1"),
        (iter([{"x": X, "y": Y}]), {}, "but batch 0 is a dict"),
        (
            Numbered(zip(X, Y, strict=True)),
            {},
            r"gives x of shape \(3,\): if these are single rows, let torch.*DataLoader",
        ),
        (Loader([*BATCHES, (X[:, :2], Y)]), {}, "x of batch 5 has 2 features in each row"),
        (Loader([*BATCHES, (X, Y[:4])]), {}, "y of batch 5 has 4 rows, but x of batch 5 has 70"),
        (Loader([*BATCHES, (X * np.nan, Y)]), {}, r"but x\[0, 0\] of batch 5 is nan"),
        (Loader([*BATCHES, (X, Y + 9)]), {}, r"but y\[\d+\] of batch 5 is "),
        (Loader([*BATCHES, (X.astype(np.uint8), Y)]), {}, "x of batch 5 must be uint8 in all batches"),
        (BATCHES, {"validation_steps": 2, "validation_data": (X, Y)}, "validation_steps counts the batches"),
        (
            X,
            {"y": Y, "epochs": 2, "validation_data": iter(BATCHES)},
            "validation_data is an iterator.*validation_steps",
        ),
    ],
)
def test_what_cannot_be_meant_is_refused(x, settings, message):
    with pytest.raises((ArgumentError, ArgumentTypeError), match=message):
        trained(x, **settings)


def test_a_generator_that_ends_in_the_middle_is_an_error():
    model = made()
    with pytest.raises(
        ArgumentError, match="x ended after 1 of the 4 batches of a pass: give a smaller steps_per_epoch"
    ):
        model.fit(generator(BATCHES, times=1), epochs=2, steps_per_epoch=4, verbose=0)
    assert model.steps_done == 5
    assert model.history.stopped == "failed"


class OwnError(Exception):
    pass


@pytest.mark.parametrize("error", [OwnError("mine"), TypeError("mine"), ValueError("mine"), IndexError("mine")])
def test_an_error_of_the_source_reaches_the_user(error):
    def failing():
        yield from BATCHES[:2]
        raise error

    model = made()
    model.build(n_features=3)
    for call in (
        lambda: model.fit(failing(), verbose=0),
        lambda: model.evaluate(failing()),
        lambda: model.predict(failing()),
    ):
        with pytest.raises(type(error), match="mine") as caught:
            call()
        assert caught.value is error
    assert model.steps_done == 2


# ---------------------------------------------------------------- validation, evaluation and prediction


@pytest.mark.parametrize("kind", KINDS)
def test_batches_are_judged_as_their_rows(kind):
    model = trained(X, Y)
    scores = model.evaluate(KINDS[kind](BATCHES))
    assert tuple(scores) == pytest.approx(tuple(model.evaluate(X, Y)), rel=1e-6)
    some, expected = model.evaluate(KINDS[kind](BATCHES), steps=2), model.evaluate(X[:32], Y[:32])
    assert tuple(some) == pytest.approx(tuple(expected), rel=1e-6)
    assert (model.predict(KINDS[kind](BATCHES) if kind != "list" else iter(BATCHES)) == model.predict(X)).all()


@pytest.mark.parametrize(
    "form", [lambda x, y: x, lambda x, y: (x,), lambda x, y: [x], lambda x, y: (x, y), lambda x, y: [x, y, y]]
)
def test_predictions_of_batches_with_and_without_targets(form):
    model = trained(X, Y)
    parts = [form(x, y) for x, y in BATCHES]
    for source in (iter(parts), Numbered(parts)):
        assert (model.predict(source) == model.predict(X)).all()
    assert (model.predict(iter(parts), steps=2) == model.predict(X[:32])).all()
    assert (model.predict_classes(iter(parts)) == model.predict_classes(X)).all()
    assert (model.predict_proba(iter(parts)) == model.predict_proba(X)).all()


def test_lists_of_rows_stay_rows():
    model = trained(X, Y)
    rows = [row.tolist() for row in X[:2]]
    for given in (rows, tuple(rows), [tuple(row) for row in rows], list(X[:2]), iter([rows])):
        assert (model.predict(given) == model.predict(X[:2])).all()


def test_what_predictions_of_batches_refuse():
    model = trained(X, Y)
    with pytest.raises(ArgumentError, match="out cannot be used with batches"):
        model.predict(Loader(BATCHES), out=np.empty((70, 2), np.float32))
    with pytest.raises(ArgumentError, match="x gave no batch"):
        model.predict(iter([]))
    with pytest.raises(ArgumentError, match="sample_weight cannot be used with batches"):
        model.evaluate(Loader(BATCHES), sample_weight=WEIGHTS)


@pytest.mark.parametrize("kind", ["sequence", "loader", "stream", "list"])
def test_validation_on_batches(kind):
    expected = trained(X, Y, epochs=2, validation_data=(X[:32], Y[:32])).history
    found = trained(X, Y, epochs=2, validation_data=KINDS[kind](BATCHES), validation_steps=2).history
    assert found["val_loss"] == pytest.approx(expected["val_loss"], rel=1e-6)
    assert found["val_accuracy"] == expected["val_accuracy"]


def test_validation_on_chunks_and_on_an_endless_generator():
    expected = trained(X, Y, epochs=2, validation_data=(X, Y)).history
    chunks = fm.datasets.Chunks.from_arrays(X, Y, rows_in_chunk=20)
    for source, settings in ((chunks, {}), (generator(BATCHES), {"validation_steps": 5})):
        found = trained(X, Y, epochs=2, validation_data=source, **settings).history
        assert found["val_loss"] == pytest.approx(expected["val_loss"], rel=1e-6)


# ---------------------------------------------------------------- what models learn from data


def test_a_first_normalization_takes_the_statistics_of_all_batches():
    expected = trained(X, Y, batch_size=16, shuffle=False, first=[fm.Normalization()])
    model = trained(Loader(BATCHES), first=[fm.Normalization()])
    assert (weights(model) == weights(expected)).all()
    layer = fm.Normalization()
    layer.adapt(Loader(BATCHES))
    assert (layer.mean == expected.layers[0].declaration.mean).all()


def test_an_iterator_has_no_pass_for_statistics():
    source, model = iter(BATCHES), made(fm.Normalization())
    with pytest.raises(ArgumentError, match="pass of their own through x, but it is an iterator"):
        model.fit(source, verbose=0)
    assert next(source) is BATCHES[0]


def test_pixels_come_in_batches_too():
    pixels = (RANDOM.uniform(size=(70, 2, 3)) * 255).astype(np.uint8)
    expected = trained(pixels, Y, batch_size=16, shuffle=False)
    model = trained(Loader(divided(16, pixels, Y)))
    assert model.input_kind == "pixels"
    assert (weights(model) == weights(expected)).all()


def test_labels_are_learned_from_the_first_batch():
    model = trained(divided(16, X, np.where(Y, "up", "down")), shuffle=False)
    assert model.classes.tolist() == ["down", "up"]
    assert (weights(model) == weights(trained(BATCHES, shuffle=False))).all()


# ---------------------------------------------------------------- callbacks


def test_callbacks_hear_of_batches_by_their_number_in_the_epoch():
    heard = []

    class Note(fm.callbacks.Callback):
        every_batches = 2

        def on_train_begin(self, run_info):
            heard.append(run_info["batches"])

        def on_batches_end(self, batch, logs):
            heard.append(batch)

    trained(Loader(BATCHES), epochs=2, callbacks=[Note()])
    assert heard == [5, 2, 4, 2, 4]
    heard.clear()
    trained(Stream(BATCHES), callbacks=[Note()])
    assert heard == [0, 2, 4]


@pytest.mark.parametrize("verbose", [1, 2])
def test_progress_of_an_unknown_number_of_batches(verbose, capsys):
    model = made()
    model.fit(Stream(BATCHES), epochs=2, verbose=verbose)
    assert "epoch 2/2" in capsys.readouterr().out


def test_training_is_stopped_between_batches():
    class Stop(fm.callbacks.Callback):
        every_batches = 3

        def on_batches_end(self, batch, logs):
            self.model.stop_training = True

    model = trained(generator(BATCHES), steps_per_epoch=5, callbacks=[Stop()])
    assert (model.steps_done, model.history.stopped, model.history.partial) == (3, "callback", True)


# ---------------------------------------------------------------- tensors in place of arrays


@pytest.mark.parametrize("form", [Tensor, Recorded])
def test_tensors_are_arrays_everywhere(form):
    expected, model = trained(X, Y), trained(form(X), form(Y))
    assert (weights(model) == weights(expected)).all()
    assert (model.predict(form(X)) == expected.predict(X)).all()
    assert model.evaluate(form(X), form(Y), sample_weight=form(WEIGHTS)) == expected.evaluate(
        X, Y, sample_weight=WEIGHTS
    )
    for one, x, y in ((model, form(X), form(Y)), (expected, X, Y)):
        one.train_on_batch(x, y)
        one.fit(x, y, validation_data=(x, y), verbose=0)
    assert (weights(model) == weights(expected)).all()
    assert model.gradients(form(X), form(Y))[0] == expected.gradients(X, Y)[0]


@pytest.mark.parametrize("form", [series, lambda y: frame({"label": y}), list, lambda y: y[:, None], tuple])
def test_targets_in_other_forms(form):
    assert (weights(trained(X, form(Y))) == weights(trained(X, Y))).all()


def test_a_batch_whose_rows_weigh_nothing_is_no_reason_to_stop():
    batches = [(x, y, np.full(len(x), float(i != 2))) for i, (x, y) in enumerate(BATCHES)]
    model = trained(batches, epochs=2, shuffle=False)
    weights_of_rows = np.concatenate([weight for _, _, weight in batches])
    found, expected = model.evaluate(batches), model.evaluate(X, Y, sample_weight=weights_of_rows)
    assert found.loss == pytest.approx(expected.loss, rel=1e-5)
    with pytest.raises(ArgumentError, match="sample_weight must not be 0 for all rows"):
        model.evaluate([(x, y, np.zeros(len(x))) for x, y in BATCHES])


@pytest.mark.parametrize("source", [Stream(BATCHES), generator(BATCHES)])
def test_methods_for_one_batch_say_which_take_loaders(source):
    model = made()
    for call in (lambda: model.train_on_batch(source, Y), lambda: model.gradients(source, Y)):
        with pytest.raises(ArgumentTypeError, match=r"whose batches fit\(x\), evaluate\(x\) and predict\(x\) take"):
            call()
