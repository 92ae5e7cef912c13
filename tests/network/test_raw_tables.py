"""Networks that begin with an encoder read raw tables."""

import copy
import json
import pickle
import re

import numpy as np
import pytest

import fastmlp as fm
from fastmlp import ArgumentError, ArgumentTypeError
from fastmlp.datasets.split import held_out
from fastmlp.tables.columns import columns_of

ROWS = 120


def people(rows=ROWS, seed=0):
    """A table whose labels follow from a text column and a truth."""
    rng = np.random.default_rng(seed)
    age = rng.normal(40, 10, rows)
    age[::7] = np.nan
    city = rng.choice(np.array(["Rome", "Oslo", "Lima"], object), rows)
    member = rng.random(rows) < 0.5
    churned = np.where((city == "Rome") ^ member, "yes", "no").astype(object)
    return {"age": age, "city": city, "member": member, "id": np.arange(rows), "churned": churned}


TABLE = people()
FEATURES = {name: column for name, column in TABLE.items() if name != "churned"}
LABELS = TABLE["churned"]
RECORDS = [dict(zip(FEATURES, row, strict=True)) for row in zip(*FEATURES.values(), strict=True)]


def model_of(**settings):
    return fm.mlp([8], classes=2, table=True, seed=0, **settings)


def trained(**settings):
    model = model_of(**settings)
    model.fit(TABLE, "churned", epochs=2, verbose=0)
    return model


def at(table, rows):
    return {name: column[rows] for name, column in table.items()}


def same_weights(one, other):
    return all(np.array_equal(a, b) for a, b in zip(one.get_weights(), other.get_weights(), strict=True))


# ---------------------------------------------------------------- training


def test_a_network_learns_from_a_raw_table():
    model = model_of()
    model.compile(fm.Adam(learning_rate=0.02))
    model.fit(TABLE, "churned", epochs=40, verbose=0)
    assert model.evaluate(people(seed=1), "churned")["accuracy"] > 0.95
    assert model.classes.tolist() == ["no", "yes"]
    assert model.n_features == 6
    assert model.encoder.columns == ("age", "city", "member")
    assert model.feature_names == ("age", "age missing", "city=Lima", "city=Oslo", "city=Rome", "member")


def test_targets_may_be_a_column_or_apart():
    model = model_of()
    model.fit(FEATURES, LABELS, epochs=2, verbose=0)
    assert same_weights(model, trained())


@pytest.mark.parametrize(
    "make",
    [
        lambda: RECORDS,
        lambda: pytest.importorskip("pandas").DataFrame(FEATURES),
        lambda: pytest.importorskip("polars").DataFrame(FEATURES),
        lambda: columns_of(FEATURES),
        lambda: {name: FEATURES[name] for name in reversed(FEATURES)},
        lambda: {**FEATURES, "more": np.zeros(ROWS)},
        lambda: {name: column for name, column in FEATURES.items() if name != "id"},
    ],
)
def test_predictions_are_the_same_for_every_kind_of_table(make):
    model, table = trained(), make()
    expected = model.predict(FEATURES)
    np.testing.assert_array_equal(model.predict(table), expected)
    np.testing.assert_array_equal(model(table), expected)
    np.testing.assert_array_equal(model.predict_classes(table), model.classes[expected.argmax(axis=1)])
    np.testing.assert_allclose(model.predict_proba(table), expected, rtol=1e-5)
    assert model.evaluate(table, LABELS) == model.evaluate(TABLE, "churned")


def test_one_row_is_a_list_of_one_dict():
    model = trained()
    np.testing.assert_array_equal(model.predict(RECORDS[:1]), model.predict(FEATURES)[:1])


def test_the_encoder_learns_from_training_rows_alone():
    odd = {**TABLE, "age": np.where(np.arange(ROWS) < 90, TABLE["age"], 1e6)}
    model, other = model_of(), model_of()
    history = model.fit(odd, "churned", epochs=1, verbose=0, validation_split=0.25)
    first, rest = at(odd, slice(90)), at(odd, slice(90, None))
    expected = other.fit(first, "churned", epochs=1, verbose=0, validation_data=(rest, "churned"))
    assert history.history["val_loss"] == expected.history["val_loss"]
    assert same_weights(model, other)
    assert model.encoder == fm.TableEncoder().fit({name: first[name] for name in FEATURES})


def test_a_second_training_keeps_what_the_encoder_has_learned():
    model = trained()
    before = model.encoder
    model.fit({**TABLE, "age": TABLE["age"] * 100}, "churned", epochs=1, verbose=0)
    assert model.encoder == before


def test_an_encoder_that_has_learned_stays_as_it_is():
    encoder = fm.TableEncoder().fit({**FEATURES, "age": FEATURES["age"] + 1})
    model = fm.Sequential([encoder, fm.Dense(2, activation="softmax")], seed=0)
    assert model.is_built
    assert model.n_features == 6
    model.compile()
    model.fit(TABLE, "churned", epochs=1, verbose=0)
    assert model.encoder == encoder
    encoder.fit({"other": [1, 2]})
    assert model.predict(TABLE).shape == (ROWS, 2)
    assert fm.models.clone_model(model).n_features == 6


def test_numbers_in_a_column_of_targets_are_targets():
    model = fm.mlp([4], task="regression", table=True, seed=0)
    model.fit({"a": FEATURES["city"], "y": np.arange(ROWS)}, "y", epochs=1, verbose=0)
    assert model.predict([{"a": "Rome"}]).shape == (1, 1)


def test_a_training_that_fails_leaves_the_model_as_it_was():
    model = model_of()
    with pytest.raises(ArgumentError):
        model.fit(TABLE, "churned", sample_weight=np.full(ROWS, -1.0), verbose=0)
    assert not model.is_built
    assert not model.encoder.is_fitted
    assert model.feature_names is None
    model.fit({"a": [1.0, 2.0], "y": ["no", "yes"]}, "y", verbose=0)
    assert model.n_features == 1


def test_steps_by_hand_are_those_of_training():
    model, other = model_of(), model_of()
    model.train_on_batch(TABLE, "churned")
    _, gradients = other.gradients(TABLE, "churned")
    other.apply_gradients(gradients)
    assert same_weights(model, other)
    assert model.encoder == other.encoder
    model.partial_fit(people(seed=2), "churned")
    assert model_of().gradient_check(TABLE, "churned").passed
    assert other.gradient_check(FEATURES, LABELS).passed


def test_gradients_alone_fix_the_features():
    model = model_of()
    model.gradients(TABLE, "churned")
    assert model.is_built
    assert model.n_features == 6
    assert model.encoder.is_fitted
    assert model.classes is None  # as without an encoder
    model.fit(TABLE, "churned", epochs=1, verbose=0)


def halves():
    yield at(FEATURES, slice(50)), LABELS[:50]
    yield at(FEATURES, slice(50, None)), LABELS[50:]


class Halves:
    """A loader of batches."""

    def __iter__(self):
        return halves()


class Named:
    """A loader of given batches."""

    def __init__(self, batches):
        self.batches = batches

    def __iter__(self):
        return iter(self.batches)


def test_batches_of_tables_train_like_the_whole():
    model = model_of()
    model.fit(Halves(), epochs=2, verbose=0)
    assert model.encoder == fm.TableEncoder().fit(FEATURES)
    assert model.evaluate(Halves())["loss"] == pytest.approx(model.evaluate(TABLE, "churned")["loss"])
    np.testing.assert_array_equal(model.predict(x for x, _ in halves()), model.predict(FEATURES))
    other = model_of()
    with pytest.raises(ArgumentError, match="iterator"):
        other.fit(halves(), verbose=0)


def test_batches_may_name_the_column_of_their_targets():
    batches = [(at(TABLE, slice(50)), "churned"), (at(TABLE, slice(50, None)), "churned")]
    model, other = model_of(), model_of()
    model.fit(Named(batches), epochs=2, verbose=0)
    other.fit(Halves(), epochs=2, verbose=0)
    assert same_weights(model, other)
    assert model.evaluate(Named(batches)) == other.evaluate(Halves())


def test_chunks_of_tables_train():
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame(FEATURES)
    chunks = fm.datasets.Chunks.from_arrays(frame, (LABELS == "yes").astype(int), rows_in_chunk=50)
    model = model_of()
    model.fit(chunks, epochs=2, verbose=0)
    assert model.encoder == fm.TableEncoder().fit(FEATURES)
    assert model.evaluate(chunks)["accuracy"] > 0.3


def test_normalization_after_the_encoder_learns_from_its_features():
    model = fm.Sequential([fm.TableEncoder(), fm.Normalization(), fm.Dense(2, activation="softmax")], seed=0)
    model.compile()
    model.fit(TABLE, "churned", epochs=1, verbose=0)
    np.testing.assert_allclose(model.layers[0].mean, model.encoder.transform(TABLE).mean(axis=0), atol=1e-6)


def test_an_encoder_learns_from_the_training_rows_of_a_stratified_split():
    model, marked = model_of(), {**TABLE, "row": np.arange(ROWS) * 1.0}
    model.fit(marked, "churned", epochs=1, verbose=0, validation_split=0.25, stratify=True)
    is_held = held_out((LABELS == "yes").astype(int), ROWS // 4, model.seed)
    encoder = fm.TableEncoder().fit({name: column[~is_held] for name, column in marked.items() if name != "churned"})
    assert (model.encoder.transform(marked) == encoder.transform(marked)).all()


def test_a_column_that_repeats_the_targets_is_named():
    with pytest.warns(UserWarning, match="the column 'churned' of x holds the targets y") as seen:
        model_of().fit(TABLE, LABELS, verbose=0, validation_split=0.2)
    assert seen[0].filename == __file__
    numbers = {"a": np.arange(30.0), "b": np.arange(30) % 7, "c": LABELS[:30]}
    with pytest.warns(UserWarning, match="the column 'b' of x"):
        fm.mlp([4], task="regression", table=True).fit(numbers, (np.arange(30) % 7).tolist(), verbose=0)


# ---------------------------------------------------------------- what is refused


@pytest.mark.parametrize(
    ("use", "message"),
    [
        (lambda m: m.predict(np.zeros((3, 6), np.float32)), r"x must be a table.*ndarray of shape \(3, 6\)"),
        (lambda m: m.predict([[1.0] * 6]), "x must be a table"),
        (lambda m: m.predict(at(FEATURES, slice(0))), "at least one row"),
        (lambda m: m.predict(pytest.importorskip("polars").DataFrame(FEATURES).lazy()), r"use x\.collect\(\)"),
        (lambda m: m.fit(FEATURES, verbose=0), "y"),
        (lambda m: m.fit(np.zeros((3, 6)), [0, 1, 0], verbose=0), "x must be a table"),
        (lambda m: m.predict({"age": [3.0], "city": ["Rome"]}), "x lacks the column 'member'"),
        (lambda m: m.predict([{**RECORDS[0], "age": "old"}]), "column 'age' of x holds 'old' in row 0"),
        (lambda m: m.evaluate(TABLE, "chrned"), "y names the column 'chrned', which x does not have"),
        (lambda m: m.fit(TABLE, "churned", verbose=0, validation_data=(FEATURES, "churned")), r"validation_data\[0\]"),
    ],
)
def test_other_data_are_refused(use, message):
    with pytest.raises((ArgumentError, ArgumentTypeError), match=message):
        use(trained())


@pytest.mark.parametrize(
    "make",
    [
        lambda: fm.Sequential([fm.Dense(2), fm.TableEncoder()]),
        lambda: fm.Sequential([fm.TableEncoder(), fm.TableEncoder()]),
        lambda: fm.Sequential([fm.Input((3,)), fm.TableEncoder()]),
        lambda: fm.Sequential([fm.TableEncoder(), fm.Input((3,))]),
        lambda: fm.Sequential([trained(), fm.Dense(2)]),
        lambda: model_of().build(3),
        lambda: model_of()[:].build(3),
        lambda: fm.mlp([8], classes=2, table=3),
    ],
)
def test_an_encoder_is_the_first_element(make):
    with pytest.raises((ArgumentError, ArgumentTypeError), match=r"TableEncoder|Input|table"):
        make()


def test_the_encoder_of_a_model_is_a_copy():
    model = trained()
    model.encoder.fit({"a": [1, 2]})
    assert model.encoder.columns == ("age", "city", "member")
    with pytest.raises(AttributeError, match="encoder of a Sequential cannot be set"):
        model.encoder = fm.TableEncoder()
    assert fm.mlp([8], classes=2).encoder is None


# ---------------------------------------------------------------- copies and files


def copies(model, folder):
    model.save(folder / "model.npz")
    yield fm.load(folder / "model.npz")
    yield pickle.loads(pickle.dumps(model))
    yield copy.deepcopy(model)


def test_copies_read_tables_alike(tmp_path):
    model = trained()
    expected = model.predict(TABLE)
    for twin in copies(model, tmp_path):
        np.testing.assert_array_equal(twin.predict(RECORDS), expected)
        assert twin.encoder == model.encoder
        assert twin.config() == model.config()
        assert not fm.models.clone_model(twin).encoder.is_fitted
        twin.fit(TABLE, "churned", epochs=3, initial_epoch=2, verbose=0)
    np.testing.assert_allclose(model.folded().predict(TABLE), expected, atol=1e-6)


def test_training_goes_on_after_loading_to_the_bit(tmp_path):
    whole = model_of()
    whole.fit(TABLE, "churned", epochs=4, verbose=0)
    model = trained()
    model.save(tmp_path / "model.npz")
    loaded = fm.load(tmp_path / "model.npz")
    loaded.fit(TABLE, "churned", epochs=4, resume=True, verbose=0)
    assert same_weights(loaded, whole)


def test_descriptions_hold_what_the_encoder_has_learned():
    model = trained()
    twin = fm.Sequential.from_config(json.loads(json.dumps(model.config(), allow_nan=False)))
    assert twin.encoder == model.encoder
    assert twin.predict(TABLE).shape == (ROWS, 2)
    assert "encoder" not in fm.mlp([8], classes=2).config()  # which earlier versions read
    new = fm.Sequential.from_config(model_of().config())
    assert not new.is_built
    config = model.config()
    with pytest.raises(ArgumentError, match="n_features is not the number"):
        fm.Sequential.from_config({**config, "n_features": 7, "feature_names": None})
    with pytest.raises(ArgumentError):
        fm.Sequential.from_config({**config, "encoder": 3})


@pytest.mark.parametrize(
    "change",
    [
        lambda c: c.update(encoder=None),
        lambda c: c.update(encoder=[]),
        lambda c: c.pop("encoder"),
        lambda c: c.update(has_learned_encoder=1),
        lambda c: c["encoder"].update(learned=None),
        lambda c: c["encoder"]["learned"]["columns"].pop(),
        lambda c: c["encoder"]["learned"]["columns"][0].update(mean=None),
        lambda c: c["encoder"]["learned"]["columns"][0].update(kind=["numbers"]),
    ],
)
def test_files_with_a_damaged_encoder_are_refused(change, tmp_path):
    path = tmp_path / "model.npz"
    trained().save(path)
    with np.load(path) as file:
        arrays = dict(file)
    config = json.loads(arrays["config"].tobytes())
    change(config)
    arrays["config"] = np.frombuffer(json.dumps(config).encode(), np.uint8)
    np.savez(path, **arrays)
    with pytest.raises(fm.ModelFileError):
        fm.load(path)


def file_version(path):
    with np.load(path) as file:
        return json.loads(file["config"].tobytes())["format_version"]


def test_only_files_with_an_encoder_need_a_new_version(tmp_path):
    trained().save(tmp_path / "a.npz")
    other = fm.mlp([4], classes=2)
    other.build(3)
    other.save(tmp_path / "b.npz")
    assert (file_version(tmp_path / "a.npz"), file_version(tmp_path / "b.npz")) == (3, 2)


@pytest.mark.parametrize("suffix", [".json", ".safetensors"])
def test_exports_with_an_encoder(suffix, tmp_path):
    if suffix == ".safetensors":
        pytest.importorskip("safetensors")
    model, path = trained(), tmp_path / f"model{suffix}"
    fm.export(model, path)
    twin = fm.import_model(path)
    assert twin.encoder == model.encoder
    if suffix == ".safetensors":
        np.testing.assert_array_equal(twin.predict(TABLE), model.predict(TABLE))


@pytest.mark.parametrize("suffix", [".py", ".c", ".html", ".onnx"])
def test_other_exports_say_what_to_do(suffix, tmp_path):
    with pytest.raises(ArgumentError, match=re.escape("export model[:], the network after the encoder")):
        fm.export(trained(), tmp_path / f"model{suffix}")


@pytest.mark.parametrize("method", ["to_torch", "to_keras", "to_sklearn"])
def test_other_libraries_get_no_encoder(method):
    with pytest.raises(ArgumentError, match="begins with a TableEncoder"):
        getattr(trained(), method)()


def test_the_network_after_the_encoder_is_exported(tmp_path):
    model, path = trained(), tmp_path / "after.py"
    features = model.encoder.transform(TABLE)
    np.testing.assert_array_equal(model[:].predict(features), model.predict(TABLE))
    fm.export(model[:], path)
    found = {}
    exec(compile(path.read_text(), str(path), "exec"), found)
    np.testing.assert_allclose(found["predict"](features), model.predict(TABLE), atol=1e-6)


def test_the_summary_shows_the_encoder():
    lines = []
    trained().summary(lines.append)
    assert re.fullmatch(r"TableEncoder +\(rows, 6\) +0", lines[1])
    assert "not built: fit(table, y) makes" in repr(model_of())
    assert "TableEncoder" in model_of()._repr_html_()
