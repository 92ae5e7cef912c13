"""Training on data in chunks, one in memory at a time."""

import numpy as np
import pytest

import fastmlp as fm
from fastmlp import ArgumentError, ArgumentTypeError
from fastmlp.datasets import Chunks


def problem(rows=300, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(rows, 4)).astype(np.float32)
    return x, (x[:, 0] * x[:, 1] > 0).astype(np.int64)


def network(seed=0, **options):
    model = fm.Sequential([fm.Dense(16, activation="relu"), fm.Dense(2, activation="softmax")], seed=seed)
    model.compile(fm.Adam(0.02), **options)
    return model


def test_one_chunk_of_all_rows_trains_like_arrays_in_their_order():
    x, y = problem()
    whole, chunked = network(), network()
    whole.fit(x, y, batch_size=32, epochs=3, shuffle=False, verbose=0)
    history = chunked.fit(Chunks.from_arrays(x, y, 1000), batch_size=32, epochs=3, shuffle=False, verbose=0)
    for a, b in zip(whole.get_weights(), chunked.get_weights(), strict=True):
        assert np.array_equal(a, b)
    assert history["loss"] == whole.history["loss"]
    assert history["accuracy"] == whole.history["accuracy"]


@pytest.mark.needs_jit
def test_chunks_are_learned_and_reported():
    x, y = problem(600)
    model, metrics = network(metrics=["accuracy", "f1"]), ("loss", "accuracy", "f1")
    chunks = Chunks.from_arrays(x, y, rows_in_chunk=130)
    history = model.fit(chunks, batch_size=32, epochs=20, validation_data=problem(200, 1), verbose=0)
    assert history["accuracy"][-1] > 0.9
    assert history["val_accuracy"][-1] > 0.85
    for name in metrics:
        assert len(history[name]) == len(history[f"val_{name}"]) == 20
    assert model.position.epoch == 20
    assert sum(len(range(0, rows, 32)) for rows in (130, 130, 130, 130, 80)) * 20 == len(history.batches["loss"])


def test_the_same_seed_trains_the_same_and_dropout_differs_between_chunks():
    x, y = problem()
    layers = [fm.Dense(16, activation="relu"), fm.Dropout(0.5), fm.Dense(2, activation="softmax")]
    trained = []
    for _ in range(2):
        model = fm.Sequential(layers, seed=3)
        model.compile()
        model.fit(Chunks.from_arrays(x, y, 100), batch_size=10, epochs=2, verbose=0)
        trained.append(model.get_weights())
    assert all(np.array_equal(a, b) for a, b in zip(*trained, strict=True))


def test_a_generator_and_stopping():
    x, y = problem()

    class Stop(fm.callbacks.Callback):
        def on_batches_end(self, batch, logs):
            self.model.stop_training = True

    model = network()
    chunks = Chunks.from_generator(lambda: ((x[i : i + 50], y[i : i + 50]) for i in range(0, 300, 50)))
    history = model.fit(chunks, batch_size=10, epochs=5, callbacks=[Stop()], verbose=0)
    assert history.stopped == "callback"
    assert len(history.epoch) == 1
    assert np.isfinite(model.predict(x)).all()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("validation_split", 0.2),
        ("validation_batches", 3),
        ("sample_weight", np.ones(300)),
        ("class_weight", "balanced"),
        ("resume", True),
    ],
)
def test_what_needs_all_rows_is_refused(name, value):
    with pytest.raises(ArgumentError, match=f"{name}.* cannot be used with data in chunks"):
        network().fit(Chunks.from_arrays(*problem(), 100), verbose=0, **{name: value})


def test_a_normalization_sees_all_chunks():
    x, y = problem(500)
    x = (x + np.arange(500)[:, None] * [0, 1, 100, 0]).astype(np.float32)  # in order, so that chunks differ
    model = fm.Sequential([fm.Normalization(), fm.Dense(2, activation="softmax")], seed=0)
    model.compile()
    model.fit(Chunks.from_arrays(x, y, 70), verbose=0)
    np.testing.assert_allclose(model.layers[0].mean, x.mean(axis=0, dtype=np.float64), rtol=1e-6)
    np.testing.assert_allclose(model.layers[0].variance, x.var(axis=0, dtype=np.float64), rtol=1e-6)


def test_chunks_are_evaluated_like_arrays():
    x, y = problem(500)
    model = network(metrics=["accuracy", "f1", "mse"])
    model.fit(x, y, verbose=0)
    chunked, whole = model.evaluate(Chunks.from_arrays(x, y, 70)), model.evaluate(x, y)
    assert chunked.keys() == whole.keys()
    for name in whole.keys():
        assert chunked[name] == pytest.approx(whole[name], rel=1e-6)
    with pytest.raises(ArgumentError, match="sample_weight cannot be used with data in chunks"):
        model.evaluate(Chunks.from_arrays(x, y, 70), sample_weight=np.ones(500))


class Source:
    """Chunks that are made by somebody else, for one epoch."""

    def __init__(self, *chunks):
        self.stream = iter(chunks)

    def epoch(self, number, *, shuffle, seed):
        return self.stream


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (Source(), "x gave no chunk in epoch 0: can its source be used only once"),
        (Source(problem()), "x gave no chunk in epoch 1"),
        (Source(problem()[0]), r"x must give its chunks as pairs \(x, y\) of arrays, but gave array"),
    ],
)
def test_sources_that_give_no_pairs(source, message):
    with pytest.raises((ArgumentError, ArgumentTypeError), match=message):
        network().fit(source, epochs=2, verbose=0)


@pytest.mark.parametrize("source", [Source(), Source(problem()[0])])
def test_sources_without_pairs_to_evaluate(source):
    model = network()
    model.build(4)
    with pytest.raises((ArgumentError, ArgumentTypeError), match=r"x gave no chunk|pairs"):
        model.evaluate(source)


def halves():
    x, y = problem()
    return (x[:150], y[:150]), (x[150:], y[150:])


def test_a_normalization_needs_a_source_that_can_be_gone_through_again():
    model = fm.Sequential([fm.Normalization(), fm.Dense(2, activation="softmax")], seed=0)
    model.compile()
    with pytest.raises(ArgumentError, match="used only once"):
        model.fit(Source(*halves()), verbose=0)
    assert not model.is_built
    assert model.declarations[0].mean is None


class Again:
    """Chunks that break off after some of them."""

    def __init__(self, *chunks, error=None):
        self.chunks, self.error = chunks, error

    def epoch(self, number, *, shuffle, seed):
        yield from self.chunks
        if self.error:
            raise self.error


def test_a_source_that_breaks_off_leaves_the_model_at_the_beginning_of_an_epoch():
    model = network()
    with pytest.raises(OSError, match="gone"):
        model.fit(Again(*halves(), error=OSError("gone")), verbose=0)
    assert (model.position.epoch, model.position.batch) == (0, 0)
    history = model.fit(*problem(), epochs=1, resume=True, verbose=0)
    assert history.epoch == [0]
    assert len(history.batches["loss"]) == 2 * 5 + 10


@pytest.mark.parametrize(("batches", "is_partial"), [(3, True), (5, True), (10, False)])
def test_an_epoch_that_was_cut_is_partial(batches, is_partial):
    seen = []

    def stop(batch, logs):
        seen.append(batch)
        model.stop_training = len(seen) == batches

    model = network()
    callback = fm.callbacks.Lambda(on_batches_end=stop)
    callback.every_batches = 1
    history = model.fit(Again(*halves()), callbacks=[callback], verbose=0)
    assert (history.epoch, history.partial) == ([0], is_partial)
    assert (model.position.epoch, model.position.batch) == (int(not is_partial), 0)
    model.fit(Again(*halves()), verbose=0)
    assert model.position.epoch == 2


def test_a_bad_chunk_behind_the_last_one_that_is_wanted():
    model = network()

    def stop(epoch_or_batch, logs):
        model.stop_training = True

    bad = (np.full((10, 4), np.nan, np.float32), np.zeros(10, int))
    callback = fm.callbacks.Lambda(on_batches_end=stop)
    callback.every_batches = 5
    history = model.fit(Again(halves()[0], bad), callbacks=[callback], verbose=0)
    assert (history.epoch, history.partial, history.stopped) == ([0], True, "callback")


def test_pixels_in_some_chunks_alone_are_refused():
    (x, y), second = halves()
    with pytest.raises(ArgumentError, match="uint8 in all chunks"):
        network().fit(Again((x, y), (second[0].astype(np.uint8), second[1])), verbose=0)


@pytest.mark.parametrize(("epoch", "message"), [(None, "must return what gives pairs"), (3, "x must hold numbers")])
def test_what_is_no_source(epoch, message):
    class Odd:
        pass

    Odd.epoch = 3 if epoch else lambda self, number, shuffle, seed: None
    with pytest.raises(ArgumentTypeError, match=message):
        network().fit(Odd(), verbose=0)


def test_the_epoch_after_one_that_was_cut_has_an_order_of_its_own():
    class Numbered(Again):
        def epoch(self, number, *, shuffle, seed):
            numbers.append(number)
            yield from self.chunks

    def stop(batch, logs):
        model.stop_training = True

    numbers, model = [], network()
    model.fit(Numbered(*halves()), callbacks=[fm.callbacks.Lambda(on_batches_end=stop)], verbose=0)
    model.fit(Numbered(*halves()), epochs=2, verbose=0)
    assert numbers == [0, 1, 2]


def test_each_chunk_of_each_epoch_has_an_order_of_its_own():
    seen = []
    model = fm.Sequential([fm.Dense(1)], seed=0)
    model.compile("sgd", "mse", [fm.metrics.Custom(lambda targets, _: seen.append(targets[:, 0]) or 0.0, "seen")])
    rows = np.arange(36.0) / 100
    for shuffle in (True, False):
        model.fit(
            Chunks.from_generator(lambda: [(p[:, None], p) for p in np.split(rows, 3)]), epochs=2, shuffle=shuffle
        )
    orders = [np.rint(order * 100).astype(int) for order in seen if len(order) == 36]
    places = [tuple(part % 12) for order in orders for part in np.split(order, 3)]
    assert [set(place) for place in places] == [set(range(12))] * 12
    assert len(set(places[:6])) == 6
    assert set(places[6:]) == {tuple(range(12))}
