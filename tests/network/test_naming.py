"""Labels of the user's own for classes, names of features, and probabilities by class."""

import copy

import numpy as np
import pytest

import fastmlp as fm
from fastmlp._base import naming
from fastmlp._base.errors import ArgumentError, ArgumentTypeError

WORDS = np.array(["owl", "cat", "dog"])


def problem(rows=120):
    """Features, class numbers in the order of WORDS, and words."""
    x = np.random.default_rng(0).normal(size=(rows, 4)).astype(np.float32)
    numbers = x[:, :3].argmax(axis=1)
    return x, numbers, WORDS[numbers]


class Frame:
    """As much of a data frame as is read: columns with names, of one type each."""

    def __init__(self, **columns):
        self._columns = {name: np.asarray(values) for name, values in columns.items()}

    @property
    def columns(self):
        return list(self._columns)

    def __getitem__(self, name):
        return self._columns[name] if isinstance(name, str) else Frame(**{n: self._columns[n] for n in name})

    def __len__(self):
        return len(next(iter(self._columns.values())))

    def __array__(self, dtype=None, copy=None):
        kinds = {column.dtype.kind for column in self._columns.values()}
        matrix = np.empty((len(self), len(self._columns)), object if kinds != {"f"} else np.float64)
        for number, column in enumerate(self._columns.values()):
            matrix[:, number] = column
        return matrix


def frame(x, names="abcd"):
    return Frame(**{name: x[:, i].astype(np.float64) for i, name in enumerate(names)})


# ---------------------------------------------------------------- labels


@pytest.mark.parametrize("kind", [np.array, list, lambda y: y.astype(object), lambda y: y[:, None]])
def test_words_train_like_the_numbers_of_their_sorted_labels(kind):
    x, _, words = problem()
    named, numbered = fm.mlp([8], classes=3, seed=0), fm.mlp([8], classes=3, seed=0)
    numbers = np.unique(words, return_inverse=True)[1]
    named.fit(x, kind(words), epochs=3, verbose=0, validation_split=0.2)
    numbered.fit(x, numbers, epochs=3, verbose=0, validation_split=0.2)
    assert named.classes.tolist() == ["cat", "dog", "owl"]
    np.testing.assert_array_equal(named.predict(x), numbered.predict(x))
    np.testing.assert_array_equal(named.predict_classes(x), named.classes[numbered.predict_classes(x)])
    assert named.evaluate(x, kind(words)) == numbered.evaluate(x, numbers)
    assert named.history.history["val_loss"] == numbered.history.history["val_loss"]


def test_labels_keep_the_order_in_which_they_are_given():
    x, numbers, words = problem()
    named, numbered = fm.mlp([8], classes=WORDS, seed=0), fm.mlp([8], classes=3, seed=0)
    for model, y in ((named, words), (numbered, numbers)):
        model.fit(x, y, epochs=2, verbose=0)
    np.testing.assert_array_equal(named.predict(x), numbered.predict(x))
    one_hot = fm.mlp([8], classes=WORDS, seed=0)
    one_hot.fit(x, np.eye(3)[numbers], epochs=2, verbose=0)
    np.testing.assert_array_equal(one_hot.predict(x), numbered.predict(x))


def test_whole_numbers_are_labels_where_they_are_named():
    x, numbers, _ = problem()
    labels = np.array([7, -1, 4])
    model = fm.mlp([8], classes=[7, -1, 4], seed=0)
    model.fit(x, labels[numbers], epochs=2, verbose=0)
    assert set(model.predict_classes(x)) <= {7, -1, 4}
    with pytest.raises(ArgumentError, match=r"y\[0\] is 0, but the model's classes are 7, -1, 4"):
        model.evaluate(x[:2], [0, 7])


def test_two_labels_of_one_unit():
    x, _, _ = problem()
    y = np.where(x[:, 0] > 0, "yes", "no")
    model = fm.Sequential([fm.Dense(1, activation="sigmoid")], seed=0)
    model.compile(fm.Adam(0.1), "binary_crossentropy")
    model.fit(x, y, epochs=20, verbose=0)
    assert (model.predict_classes(x) == y).mean() > 0.9
    assert model.evaluate(x, y)["accuracy"] > 0.9


def test_class_weight_is_by_label():
    x, numbers, words = problem()
    named, numbered = fm.mlp([8], classes=WORDS, seed=0), fm.mlp([8], classes=3, seed=0)
    named.fit(x, words, epochs=2, verbose=0, class_weight={"cat": 3.0})
    numbered.fit(x, numbers, epochs=2, verbose=0, class_weight={1: 3.0})
    np.testing.assert_array_equal(named.predict(x), numbered.predict(x))
    with pytest.raises(ArgumentError, match="class_weight has the class 'bird', but the model's classes are 'owl'"):
        named.fit(x, words, verbose=0, class_weight={"bird": 3.0})


def test_labels_and_columns_are_saved_copied_and_folded(tmp_path):
    x, _, words = problem()
    model = fm.mlp([8], classes=3, seed=0)
    model.fit(frame(x), words, verbose=0)
    model.save(tmp_path / "model.npz")
    for other in (fm.load(tmp_path / "model.npz"), copy.deepcopy(model), model.folded()):
        assert other.classes.tolist() == ["cat", "dog", "owl"]
        assert other.feature_names == ("a", "b", "c", "d")
        np.testing.assert_array_equal(other.predict_classes(x), model.predict_classes(x))
        assert other.gradient_check(x[:10], words[:10]).passed


def test_every_way_to_train_takes_labels():
    x, _, words = problem()
    model = fm.mlp([8], classes=3, seed=0)
    model.partial_fit(x, words, batch_size=20)
    model.train_on_batch(x[:5], words[:5])
    assert model.classes.tolist() == ["cat", "dog", "owl"]
    assert fm.mlp([8], classes=3).gradients(x, words)[0] > 0


def test_a_fold_may_lack_a_label():
    x, _, words = problem(60)
    words = np.where(np.arange(60) == 0, "rare", words)
    result = fm.cross_validate(lambda: fm.mlp([4], classes=4), x, words, folds=3, epochs=1, stratify=False)
    assert result.predictions.shape == (60, 4)


def test_runs_of_a_sweep_know_labels_and_columns():
    x, _, words = problem(60)
    words = np.where(np.arange(60) == 59, "rare", words)  # in the validation part alone
    result = fm.sweep([{"layers": [4], "epochs": 1}], frame(x), words, validation_split=0.2, verbose=0)
    model = result[0].load()
    assert model.classes.tolist() == ["cat", "dog", "owl", "rare"]
    assert model.feature_names == ("a", "b", "c", "d")


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (WORDS[:2].repeat(60), r"y holds 2 different labels \('cat', 'owl'\), but the last layer of 3 units"),
        (np.array(["a", "b", "c", "d"]).repeat(30), "y holds 4 different labels"),
        ([*WORDS, None] * 30, r"y must hold a label for each row, but y\[3\] is None"),
        (np.array([*WORDS, np.nan] * 30, object), r"y must hold a label for each row, but y\[3\] is nan"),
        (np.full((120, 2), "cat"), r"y must hold one label for each row, not the shape \(120, 2\) of texts"),
        (WORDS, "y has 3 rows, but x has 120: they must match"),
    ],
)
def test_labels_that_cannot_be_used(y, message):
    x, _, words = problem()
    model = fm.mlp([8], classes=3, seed=0)
    with pytest.raises(ArgumentError, match=message):
        model.fit(x, y, verbose=0)
    assert model.classes is None  # so that the right ones can still be learned
    model.fit(x, words, verbose=0)


def test_text_where_no_labels_are_known():
    x, numbers, words = problem()
    model = fm.mlp([8], classes=3, seed=0)
    model.fit(x, numbers, verbose=0)
    with pytest.raises(ArgumentTypeError, match="y holds text, but the model knows no labels of classes"):
        model.evaluate(x, words)
    regressor = fm.Sequential([fm.Dense(1)])
    regressor.compile(loss="mse")
    with pytest.raises(ArgumentTypeError, match="y must hold numbers"):
        regressor.fit(x, words, verbose=0)


def test_numbers_where_labels_are_text():
    x, numbers, words = problem()
    model = fm.mlp([8], classes=3, seed=0)
    model.fit(x, words, verbose=0)
    with pytest.raises(ArgumentTypeError, match="y holds numbers, but the model's classes are 'cat', 'dog', 'owl'"):
        model.evaluate(x, numbers)
    with pytest.raises(ArgumentError, match=r"y\[1\] is 'bird', but the model's classes are 'cat', 'dog', 'owl'"):
        model.evaluate(x[:2], ["cat", "bird"])


@pytest.mark.parametrize("classes", ["ab", ["a", 1], [0.5, 1.5], ["a", "a"], [], None, 2.5, [True, False]])
def test_classes_that_are_no_labels(classes):
    with pytest.raises((ArgumentError, ArgumentTypeError)):
        fm.mlp([4], classes=classes)


def test_as_many_labels_as_units():
    x, _, words = problem()
    model = fm.Sequential([fm.Dense(2, activation="softmax")], classes=WORDS)
    with pytest.raises(ArgumentError, match="classes names 3 labels, but the last layer of 2 units tells 2 c"):
        model.compile()
    later = fm.Sequential(classes=WORDS)
    later.compile()
    later.add(fm.Dense(2, activation="softmax"))
    with pytest.raises(ArgumentError, match="classes names 3 labels, but the last layer of 2 units tells 2 c"):
        later.fit(x, words, verbose=0)


def test_labels_in_any_sequence():
    class Column:  # like a pandas Series: it can be gone through, and is no Sequence
        def __iter__(self):
            return iter(WORDS)

    assert fm.mlp([4], classes=Column()).classes.tolist() == list(WORDS)


def test_class_numbers_that_are_objects():
    x, numbers, _ = problem()
    models = [fm.mlp([4], classes=3, seed=0) for _ in range(2)]
    for model, y in zip(models, (numbers, numbers.astype(object)), strict=True):
        model.fit(x.astype(object) if y is not numbers else x, y, verbose=0)
    np.testing.assert_array_equal(models[0].predict(x), models[1].predict(x))
    with pytest.raises(ArgumentTypeError, match="y must hold numbers, not dtype object"):
        models[0].fit(x, [*numbers[:-1].tolist(), None], verbose=0)


def test_rows_that_are_not_read_yet():
    class LazyFrame:
        def collect(self): ...

    with pytest.raises(ArgumentTypeError, match=r"x is a LazyFrame, whose rows have not been read yet: use x.collect"):
        fm.mlp([4], classes=3).fit(LazyFrame(), [0, 1, 2], verbose=0)


def test_a_file_with_labels_that_cannot_be(tmp_path):
    with pytest.raises(ArgumentTypeError):
        naming.class_labels([["a"], ["b"]])


# ---------------------------------------------------------------- columns


def test_a_data_frame_must_keep_its_columns():
    x, numbers, _ = problem()
    model = fm.mlp([8], classes=3, seed=0)
    model.fit(frame(x), numbers, verbose=0)
    assert model.feature_names == ("a", "b", "c", "d")
    np.testing.assert_array_equal(model.predict(frame(x)), model.predict(x))
    swapped = frame(x)[["b", "a", "c", "d"]]
    for use in (model.predict, model.predict_proba, model.predict_classes):
        np.testing.assert_array_equal(use(swapped), use(x))
    with pytest.raises(ArgumentError, match="trained on: it lacks 'd' and has 'e'"):
        model.predict(frame(x, "abce"))


def test_columns_of_a_refused_data_frame_are_not_learned():
    x, numbers, _ = problem()
    model = fm.mlp([8], classes=3, seed=0)
    with pytest.raises(ArgumentError):
        model.fit(frame(x, "wxyz"), numbers[:5], verbose=0)
    model.fit(frame(x), numbers, verbose=0)
    assert model.feature_names == ("a", "b", "c", "d")


def test_columns_of_several_types():
    x, numbers, _ = problem()
    whole, flags = np.arange(120) % 5, x[:, 1] > 0
    mixed = Frame(a=x[:, 0].astype(np.float64), b=flags, c=whole)
    plain = np.column_stack([x[:, 0], flags, whole]).astype(np.float32)
    first, second = fm.mlp([8], classes=3, seed=0), fm.mlp([8], classes=3, seed=0)
    first.fit(mixed, numbers, verbose=0)
    second.fit(plain, numbers, verbose=0)
    np.testing.assert_array_equal(first.predict(mixed), second.predict(plain))


def test_columns_that_are_no_numbers():
    x, numbers, words = problem()
    model = fm.mlp([8], classes=3, seed=0)
    with pytest.raises(ArgumentTypeError, match="x must hold numbers, but its column 'b' holds <U3: encode it"):
        model.fit(Frame(a=x[:, 0], b=words), numbers, verbose=0)
    missing = np.array([1.0, None, 2.0] * 40, object)
    with pytest.raises(ArgumentError, match=r"x must be finite, but x\[1, 1\] is nan"):
        model.fit(Frame(a=x[:, 0], b=missing), numbers, verbose=0)


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_real_data_frames(library):
    frames = pytest.importorskip(library)
    x, _, words = problem()
    data = frames.DataFrame({name: x[:, i] for i, name in enumerate("abcd")})
    model = fm.mlp([8], classes=3, seed=0)
    model.fit(data, frames.Series(words), epochs=2, verbose=0)
    assert model.feature_names == ("a", "b", "c", "d")
    np.testing.assert_array_equal(model.predict(data), model.predict(x))
    np.testing.assert_array_equal(model.predict(data[["b", "a", "d", "c"]]), model.predict(x))
    if library == "pandas":
        data["a"] = frames.array([1, None] * 60, dtype="Int64")
        with pytest.raises(ArgumentError, match=r"x\[1, 0\] is nan"):
            model.predict(data)


# ---------------------------------------------------------------- probabilities


def of_last(last, loss, units=3):
    model = fm.Sequential([fm.Dense(5, activation="tanh"), fm.Dense(units, activation=last)], dtype="float64", seed=0)
    model.compile(loss=loss)
    model.build(4)
    return model


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def softmax(z):
    return np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)


@pytest.mark.parametrize(
    ("last", "loss", "units", "expected"),
    [
        ("softmax", "categorical_crossentropy", 3, lambda outputs: outputs),
        ("linear", fm.losses.CategoricalCrossentropy(from_logits=True), 3, softmax),
        ("sigmoid", "binary_crossentropy", 3, lambda outputs: outputs),
        ("linear", fm.losses.BinaryCrossentropy(from_logits=True), 3, sigmoid),
        ("sigmoid", "binary_crossentropy", 1, lambda p: np.hstack([1 - p, p])),
        ("linear", fm.losses.BinaryCrossentropy(from_logits=True), 1, lambda z: np.hstack([sigmoid(-z), sigmoid(z)])),
        ("softmax", "binary_crossentropy", 3, lambda outputs: outputs),
    ],
)
def test_probabilities(last, loss, units, expected):
    x, _, _ = problem()
    model = of_last(last, loss, units)
    probabilities = model.predict_proba(x)
    np.testing.assert_allclose(probabilities, expected(model.predict(x)), rtol=1e-12)
    np.testing.assert_allclose(np.exp(model.predict_log_proba(x)), probabilities, rtol=1e-12)


def test_logarithms_of_tiny_probabilities():
    model = fm.Sequential([fm.Dense(1, activation="sigmoid", use_bias=False)])
    model.compile(loss="binary_crossentropy")
    model.build(1)
    model.set_weights([[[1.0]]])
    np.testing.assert_allclose(model.predict_log_proba([[500.0], [-500.0]]), [[-500, 0], [0, -500]], atol=1e-30)


def test_no_probabilities():
    x, _, _ = problem()
    with pytest.raises(ArgumentError, match="loss is MeanSquaredError are not probabilities"):
        of_last("linear", "mse").predict_proba(x)
    with pytest.raises(ArgumentError, match=r"x\[0, 1\] is nan"):
        of_last("softmax", "categorical_crossentropy").predict_proba([[0, np.nan, 0, 0]])
