"""What a model has and has not: attributes that can be set, names that are shown, arguments that are refused."""

import contextlib
import copy
import inspect
import pickle

import numpy as np
import pytest

import fastmlp as fm
from fastmlp._network.attributes import names_in
from fastmlp._network.network import Network
from fastmlp.callbacks import Callback, Lambda, ModelCheckpoint
from fastmlp.callbacks.base import Model

StringDType = getattr(np.dtypes, "StringDType", None)  # from NumPy 2.0
needs_texts = pytest.mark.skipif(StringDType is None, reason="this NumPy has no StringDType")

X = np.random.default_rng(0).normal(size=(40, 2))
Y = (X[:, 0] > 0).astype(int)
WORDS = np.where(Y, "up", "down")


def model_of(**settings):
    return fm.mlp([4], classes=2, seed=0, **settings)


def fitted(**settings):
    model = model_of()
    model.fit(X, Y, verbose=0, **settings)
    return model


# ---------------------------------------------------------------- attributes


@pytest.mark.parametrize(
    ("name", "meant"),
    [("learing_rate", "learning_rate"), ("stop_traning", "stop_training"), ("clases", "classes"), ("sed", "seed")],
)
@pytest.mark.parametrize("make", [model_of, fitted])
def test_an_attribute_that_does_not_exist_cannot_be_set(make, name, meant):
    model = make()
    with pytest.raises(AttributeError, match=f"Sequential has no attribute '{name}' to set: did you mean '{meant}'"):
        setattr(model, name, 3)
    assert not hasattr(model, name)


def test_nor_one_that_resembles_no_other():
    with pytest.raises(AttributeError, match=r"no attribute 'zzz' to set$"):
        model_of().zzz = 1
    with pytest.raises(AttributeError, match=r"no attribute 'evaluate_dat' to set"):
        model_of().evaluate_dat = 1


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("input_kind", "numbers"),
        ("input_kind", 1),
        ("feature_names", "ab"),
        ("feature_names", 2),
        ("feature_names", ["a", "a"]),
        ("stop_training", "no"),
        ("history", {"loss": [1.0]}),
        ("classes", [0.5, 1.5]),
    ],
)
def test_what_could_not_be_saved_or_read_is_refused_where_it_is_assigned(name, value):
    model = fitted()
    before = getattr(model, name)
    with pytest.raises((fm.ArgumentError, fm.ArgumentTypeError), match=name):
        setattr(model, name, value)
    assert getattr(model, name) is before


def test_columns_may_be_named_afterwards(tmp_path):
    pandas = pytest.importorskip("pandas")
    model = fitted()
    model.feature_names = pandas.Index(["a", "b"])
    assert model.feature_names == ("a", "b")
    model.save(tmp_path / "named.npz")
    frame = pandas.DataFrame({"b": X[:, 1], "a": X[:, 0]})
    np.testing.assert_array_equal(fm.load(tmp_path / "named.npz").predict(frame), model.predict(X))


def test_what_exists_can_be_set():
    model = fitted()
    model.learning_rate, model.stop_training, model.seed, model._mine = 0.5, True, 3, "mine"
    model.predict = lambda x: "replaced"  # as tests of users do
    assert (model.learning_rate, model.stop_training, model.seed, model._mine) == (0.5, True, 3, "mine")
    assert model.predict(X) == "replaced"


@pytest.mark.parametrize(
    ("name", "value", "remedy"),
    [
        ("dtype", "float64", r"dtype of a Sequential cannot be set: use Sequential\(\.\.\., dtype"),
        ("uint8_scale", 1.0, "uint8_scale of a Sequential cannot be set"),
        ("optimizer", "sgd", r"use compile\(optimizer=\.\.\.\)"),
        ("loss", "mse", r"use compile\(loss=\.\.\.\)"),
        ("metrics", ["f1"], r"use compile\(\.\.\., metrics="),
        ("layers", [], r"use add\(layer\)"),
    ],
)
@pytest.mark.parametrize("make", [model_of, fitted])
def test_what_has_its_own_way_of_being_set_is_refused(make, name, value, remedy):
    with pytest.raises(AttributeError, match=remedy):
        setattr(make(), name, value)


def test_what_is_set_is_checked():
    model = fitted()
    for seed in (-1, "x", 1.5):
        with pytest.raises((fm.ArgumentError, fm.ArgumentTypeError), match="seed"):
            model.seed = seed
    with pytest.raises(fm.ArgumentError, match="classes must be different"):
        model.classes = ["a", "a"]
    model.classes = ["no", "yes"]
    assert set(model.predict_classes(X)) <= {"no", "yes"}


def test_subclasses_of_users_have_what_they_like():
    class Mine(fm.Sequential):
        def __init__(self, *layers):
            self.before = 1
            super().__init__(layers, seed=0)
            self.after = 2

    model = Mine(fm.Dense(2, activation="softmax"))
    model.note = 3
    model.compile()
    model.fit(X, Y, verbose=0)
    assert (model.before, model.after, model.note) == (1, 2, 3)
    assert {"before", "after", "note", "fit"} <= set(dir(model))


def test_copies_and_pickles_are_models():
    model = fitted()
    for other in (copy.copy(model), copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        np.testing.assert_array_equal(other.predict(X), model.predict(X))
        with pytest.raises(AttributeError):
            other.learing_rate = 1


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("kernal", "layer 0 has no kernal; its tensors are kernel, bias: did you mean 'kernel'"),
        ("trainabel", "did you mean 'trainable'"),
        ("activation", "activation of a layer cannot be set"),
        ("units", "units of a layer cannot be set"),
    ],
)
def test_layers_say_what_they_have(name, message):
    layer = fitted().layers[0]
    with pytest.raises(AttributeError, match=message):
        setattr(layer, name, 3)


def test_layers_show_what_they_have():
    shown = dir(fitted().layers[0])
    own = ["activation", "bias", "declaration", "kernel", "name", "tensors", "trainable", "units"]
    assert set(own) <= set(shown)
    assert not [
        name
        for name in shown
        if name not in own and not hasattr(fm.model.BoundLayer, name) and not hasattr(fm.Dense(4), name)
    ]


def test_declarations_cannot_be_changed_either():
    for declaration in (fm.Dense(2), fm.Adam(), fm.losses.Huber(), fm.metrics.F1()):
        with pytest.raises(AttributeError):
            declaration.learing_rate = 1


# ---------------------------------------------------------------- names


ASSIGNED = {"classes", "feature_names", "input_kind"}  # are documented as attributes


def test_dir_shows_public_names_only():
    shown = dir(fitted())
    assert not [
        name
        for name in shown
        if name.startswith("_") or name in vars(Network).keys() - vars(fm.Sequential).keys() - ASSIGNED
    ]
    assert {"fit", "predict", "learning_rate", "history", "classes", "stop_training"} <= set(shown)
    assert all(hasattr(fitted(), name) for name in shown)


FUNCTIONS = [name for name in dir(fm.Sequential()) if inspect.isfunction(getattr(fm.Sequential, name, None))]
METHODS = [  # those that take any keyword say themselves which they know
    name
    for name in FUNCTIONS
    if not any(p.kind == p.VAR_KEYWORD for p in inspect.signature(getattr(fm.Sequential, name)).parameters.values())
]


@pytest.mark.parametrize("name", METHODS)
def test_messages_of_python_name_the_class_that_users_know(name):
    with pytest.raises(TypeError, match=rf"^Sequential\.{name}\(\) got an unexpected keyword argument 'epoch_'"):
        getattr(model_of(), name)(epoch_=3)
    with pytest.raises(TypeError, match=r"^Sequential\.__init__\(\) got an unexpected"):
        fm.Sequential(epoch_=3)


def test_methods_can_be_pickled_all_the_same():
    assert pickle.loads(pickle.dumps(fm.Sequential.fit)) is fm.Sequential.fit
    assert pickle.loads(pickle.dumps(model_of().fit)).__name__ == "fit"


PLACES = [fm, fm.callbacks, fm.metrics, fm.losses, fm.schedules, fm.datasets, fm.trackers]
CLASSES = {
    item
    for place in PLACES
    for name, item in vars(place).items()
    if inspect.isclass(item) and not name.startswith("_") and not issubclass(item, BaseException)
}


@pytest.mark.parametrize("kind", sorted(CLASSES, key=str), ids=lambda kind: kind.__name__)
def test_so_do_those_of_other_classes(kind):
    with contextlib.suppress(fm.ArgumentError), pytest.raises(TypeError, match=rf"^({kind.__name__}|Protocols cannot)"):
        kind(no_such_argument=1)


# ---------------------------------------------------------------- yes or no

YES_OR_NO = {
    "fit(resume)": lambda value: fitted().fit(X, Y, epochs=2, resume=value, verbose=0),
    "fit(stratify)": lambda value: fitted(stratify=value, validation_split=0.2),
    "sweep(resume)": lambda value: fm.sweep({"layers": [[2]]}, X, Y, resume=value, verbose=0),
    "sweeps.evaluate(write)": lambda value: fm.sweeps.evaluate("nowhere", X, Y, write=value),
    "cross_validate(stratify)": lambda value: fm.cross_validate(
        model_of(), X, Y, stratify="" if value is None else value, folds=2
    ),
    "train_test_split": lambda value: fm.datasets.train_test_split(X, Y, stratify="" if value is None else value),
    "train_validation_test_split": lambda value: fm.datasets.train_validation_test_split(
        X, Y, stratify="" if value is None else value
    ),
    "Dense(use_bias)": lambda value: fm.Dense(2, use_bias=value),
    "Dense(trainable)": lambda value: fm.Dense(2, trainable=value),
    "layer.trainable": lambda value: setattr(fitted().layers[0], "trainable", value),
    "SGD(nesterov)": lambda value: fm.SGD(nesterov=value),
    "from_logits": lambda value: fm.losses.CategoricalCrossentropy(from_logits=value),
    "multi_label": lambda value: fm.metrics.F1(multi_label=value),
    "auc(multi_label)": lambda value: fm.metrics.auc([0, 1], [0.1, 0.2], multi_label=value),
    "ModelCheckpoint": lambda value: ModelCheckpoint("a.npz", save_best_only=value),
    "EarlyStopping": lambda value: fm.callbacks.EarlyStopping(restore_best_weights=value),
    "ProgressLine(live)": lambda value: fm.callbacks.ProgressLine(live=value),
    "model.stop_training": lambda value: setattr(model_of(), "stop_training", value),
    "CSVLogger(append)": lambda value: fm.callbacks.CSVLogger("a.csv", append=value),
}


@pytest.mark.parametrize("value", [[], {}, None, "", "no", 2, 0.0, np.array([True, False])], ids=repr)
@pytest.mark.parametrize("use", YES_OR_NO.values(), ids=YES_OR_NO)
def test_yes_or_no_is_nothing_else(use, value):
    with pytest.raises(fm.ArgumentTypeError, match="must be True or False, not"):
        use(value)


# ---------------------------------------------------------------- what is given


class Recording:
    """A tensor that records its gradient, as PyTorch's do."""

    def __init__(self, values):
        self._values = np.asarray(values)
        self.shape = self._values.shape

    def __array__(self, dtype=None, copy=None):
        raise RuntimeError("Can't call numpy() on Tensor that requires grad. Use tensor.detach().numpy() instead.")

    def __len__(self):
        return len(self._values)

    def detach(self):
        return self._values


def test_tensors_that_record_gradients_are_read():
    x, y, model = Recording(X), Recording(Y), fitted()
    np.testing.assert_array_equal(model.predict(x), model.predict(X))
    np.testing.assert_array_equal(model.predict_proba(x), model.predict_proba(X))
    assert model.evaluate(x, y) == model.evaluate(X, Y)
    assert model_of().fit(x, y, verbose=0)["loss"] == model_of().fit(X, Y, verbose=0)["loss"]
    assert model_of().fit(X, Y, sample_weight=Recording(np.ones(40)), verbose=0).epoch == [0]
    assert fm.metrics.accuracy(y, Recording(model.predict(X))) == model.evaluate(X, Y).accuracy
    assert fm.cross_validate(model, x, y, folds=2).scores == fm.cross_validate(model, X, Y, folds=2).scores
    (train, _), _ = fm.datasets.train_test_split(x, y)
    assert train.shape == (32, 2)
    model.set_weights([Recording(weight) for weight in model.get_weights()])
    chunks = fm.datasets.Chunks.from_generator(lambda: iter([(x, y)]))
    assert model_of().fit(chunks, verbose=0, shuffle=False).epoch == [0]


def test_other_failures_of_a_conversion_are_ours():
    class Broken:
        def __array__(self, dtype=None, copy=None):
            raise RuntimeError("out of order")

    for use in (fitted().predict, lambda x: fitted().fit(X, x, verbose=0), fm.datasets.labels_of):
        with pytest.raises(fm.ArgumentTypeError, match="out of order"):
            use(Broken())
    with pytest.raises(fm.ArgumentError, match=r"expected one array of numbers as x, found .*out of order"):
        next(iter(fm.datasets.Chunks.from_generator(lambda: iter([(Broken(), Y)]))))


@needs_texts
def test_numpys_own_texts_are_labels():
    words, model = WORDS.astype(StringDType()), model_of()
    model.fit(X, words, verbose=0, class_weight={"up": 2.0})
    assert model.classes.tolist() == ["down", "up"]
    assert model.evaluate(X, words) == model.evaluate(X, WORDS)
    assert model_of().fit(X, WORDS, verbose=0, class_weight={"up": 2.0})["loss"] == model.history["loss"]
    assert fm.Sequential([fm.Dense(2)], classes=np.unique(words)).classes.tolist() == ["down", "up"]
    assert len(fm.cross_validate(model, X, words, folds=2).scores) == 2
    result = fm.sweep({"layers": [[2]], "epochs": 1}, X, words, verbose=0)
    assert result.runs[0].load().classes.tolist() == ["down", "up"]
    assert fm.metrics.accuracy(words, model.predict_classes(X)) == model.evaluate(X, WORDS).accuracy


@needs_texts
@pytest.mark.parametrize("missing", [None, np.nan])
def test_missing_ones_among_them_are_refused(missing):
    words = np.array(["up", missing] * 20, dtype=StringDType(na_object=missing))
    with pytest.raises(fm.ArgumentError, match=r"y must hold a label for each row, but y\[1\] is (None|nan)"):
        model_of().fit(X, words, verbose=0)


def test_truth_values_are_the_classes_of_truth_values():
    expected = model_of().fit(X, Y, verbose=0, class_weight={0: 1.0, 1: 3.0})["loss"]
    assert model_of().fit(X, Y == 1, verbose=0, class_weight={True: 3})["loss"] == expected
    assert model_of().fit(X, Y == 1, verbose=0, class_weight={np.True_: 3, False: 1})["loss"] == expected


@pytest.mark.parametrize("key", [True, np.True_, 1.0, np.float64(1.0), (1,), None, "1"])
def test_and_of_no_other_classes(key):
    y = 1 + Y
    model = fm.mlp([4], classes=[1, 2], seed=0)
    with pytest.raises(fm.FastMLPError, match=r"class_weight has the class .*, but the model's classes are 1, 2"):
        model.fit(X, y, verbose=0, class_weight={key: 3})
    with pytest.raises(fm.FastMLPError, match="class_weight"):
        fm.mlp([4], classes=3, seed=0).fit(X, y, verbose=0, class_weight={key: 3})
    assert model.fit(X, y, verbose=0, class_weight={np.int16(2): 3, 1: 1}).epoch == [0]


# ---------------------------------------------------------------- checkpoints named by values of others


def scoring(name="score", every=1):
    def add(epoch, logs):
        if epoch % every == 0:
            logs[name] = epoch / 4

    return Lambda(on_epoch_end=add)


class Scorer(Callback):
    def on_epoch_end(self, epoch, logs):
        logs["score"] = epoch / 4


@pytest.mark.parametrize("scorer", [scoring(), Scorer()], ids=["function", "class"])
def test_a_checkpoint_is_named_by_what_an_earlier_callback_adds(tmp_path, scorer):
    checkpoint = ModelCheckpoint(tmp_path / "{epoch}-{score:.2f}.npz", monitor="score", mode="max", save_best_only=True)
    fitted(epochs=2, callbacks=[scorer, checkpoint])
    assert [path.name for path in checkpoint.saved] == ["1-0.00.npz", "2-0.25.npz"]


def test_where_it_is_added_now_and_then_others_are_nan(tmp_path):
    checkpoint = ModelCheckpoint(tmp_path / "{epoch}-{score}.npz")
    fitted(epochs=3, callbacks=[scoring(every=2), checkpoint])
    assert [path.name for path in checkpoint.saved] == ["1-0.0.npz", "2-nan.npz", "3-0.5.npz"]


def test_values_of_batches_name_files_too(tmp_path):
    add = Lambda(on_batches_end=lambda batch, logs: logs.update(score=batch), every_batches=1)
    checkpoint = ModelCheckpoint(tmp_path / "{batch}-{score}.npz", save_freq=1)
    fitted(callbacks=[add, checkpoint])
    assert [path.name for path in checkpoint.saved] == ["1-1.npz", "2-2.npz"]


@pytest.mark.parametrize("before", [[], [fm.callbacks.EarlyStopping("loss")]], ids=["none", "ours"])
def test_a_field_that_nobody_can_add_is_refused_before_training(tmp_path, before):
    model = model_of()
    with pytest.raises(fm.ArgumentError, match=r"\{score\}, but this training knows only"):
        model.fit(X, Y, verbose=0, callbacks=[*before, ModelCheckpoint(tmp_path / "{score}.npz"), Scorer()])
    assert model.history is None


def test_a_field_that_nobody_adds_is_refused_when_it_is_due(tmp_path):
    with pytest.raises(fm.ArgumentError, match=r"\{scor\}.* gives it a value; there are epoch, batch, loss.*score"):
        fitted(callbacks=[Scorer(), ModelCheckpoint(tmp_path / "{scor}.npz")])
    with pytest.raises(fm.ArgumentError, match="cannot be filled in"):
        fitted(callbacks=[Scorer(), ModelCheckpoint(tmp_path / "{score:d}.npz")])


# ---------------------------------------------------------------- subclasses


class Counted(fm.Sequential):
    """A subclass with names of its own, which extends methods."""

    def __init__(self, layers=(), **settings):
        self.units, self.step, self.output, self.known, self.start = 7, 0, "here", {}, 0.5
        self.tensor = self.write = None
        self.called = []
        super().__init__(layers, **settings)

    def build(self, n_features):
        self.called.append("build")
        super().build(n_features)

    def partial_fit(self, *args, **settings):
        self.called.append("partial_fit")
        return super().partial_fit(*args, **settings)

    def predict(self, *args, **settings):
        self.called.append("predict")
        return super().predict(*args, **settings)

    def classes_of(self, outputs):
        self.called.append("classes_of")
        return super().classes_of(outputs)


def counted():
    model = Counted([fm.Dense(4), fm.Dense(2, activation="softmax")], seed=0)
    model.compile()
    return model


def test_a_subclass_may_use_ordinary_names_for_its_own():
    model = counted()
    model.fit(X, Y, verbose=0)
    for same in (model, copy.copy(model), copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert (same.units, same.step, same.output, same.known, same.start) == (7, 0, "here", {}, 0.5)
        same.layers[0].trainable = False
        same.set_weights(same.get_weights())
        assert same.fit(X, Y, verbose=0, epochs=2, resume=True).epoch == [0, 1]


@pytest.mark.parametrize(
    ("call", "called"),
    [
        (lambda model: model.fit(X, Y, verbose=0), ["build"]),
        (lambda model: model.gradients(X, Y), ["build"]),
        (lambda model: model.train_on_batch(X, Y), ["partial_fit", "build"]),
        (lambda model: (model.build(2), model.predict_classes(X)), ["build", "predict", "classes_of"]),
    ],
)
def test_methods_of_a_model_call_the_methods_that_a_subclass_extends(call, called):
    model = counted()
    call(model)
    assert model.called == called


def test_callbacks_see_all_public_names_of_a_model():
    assert set(dir(fm.Sequential())) <= names_in(Model)


def test_layers_are_the_same_objects_each_time():
    model = fitted()
    assert all(one is other for one, other in zip(model.layers, model.layers, strict=True))
    assert model.layers[-1] in model.layers
    assert model.layers.index(model.layers[1]) == 1
    for layer in model.layers:
        layer.trainable = layer is model.layers[-1]
    assert [layer.trainable for layer in model.layers][-1]
    assert not any(layer.trainable for layer in model.layers[:-1])
    copied = copy.deepcopy(model)
    copied.layers[-1].bias = copied.layers[-1].bias + 1
    assert not np.array_equal(copied.layers[-1].bias, model.layers[-1].bias)
