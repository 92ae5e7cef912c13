"""Callbacks as Keras's scripts write them."""

import os

import numpy as np
import pytest

import fastmlp as fm
from fastmlp import callbacks

X = np.random.default_rng(0).normal(size=(40, 3))
Y = (X[:, 0] > 0).astype(int)


def fit(*given, epochs=4, optimizer="adam", **settings):
    model = fm.mlp([4], classes=2, seed=0)
    model.compile(optimizer)
    history = model.fit(X, Y, epochs=epochs, verbose=0, callbacks=list(given), batch_size=10, **settings)
    return model, history


def test_early_stopping_says_so(capsys):
    stopping = callbacks.EarlyStopping(
        monitor="val_loss", min_delta=9, patience=2, verbose=1, mode="min", restore_best_weights=True
    )
    fit(stopping, epochs=9, validation_split=0.25)
    printed = capsys.readouterr().out
    assert "epoch 3: val_loss has not improved for 2 epochs" in printed
    assert "the weights are those of the best epoch, 1" in printed
    fit(callbacks.EarlyStopping("loss", min_delta=9), epochs=9)
    assert not capsys.readouterr().out


def test_rates_are_said_and_may_leave_out_the_rate(capsys):
    model, _ = fit(callbacks.LearningRateScheduler(lambda epoch: 0.1 / (1 + epoch), verbose=1), epochs=2)
    assert model.learning_rate == 0.05
    assert "epoch 2: the learning rate is 0.05" in capsys.readouterr().out
    model, _ = fit(callbacks.LearningRateScheduler(lambda epoch, rate: rate / 2), epochs=2)
    assert model.learning_rate == 0.00025
    fit(callbacks.ReduceLROnPlateau("loss", factor=0.5, patience=1, epsilon=9, verbose=1), epochs=2)
    assert "epoch 2: the learning rate is reduced to 0.0005" in capsys.readouterr().out


def test_checkpoints_take_the_arguments_of_keras(tmp_path, capsys):
    path = str(tmp_path / "weights.{epoch:02d}-{val_loss:.2f}.npz")
    checkpoint = callbacks.ModelCheckpoint(
        filepath=path, monitor="val_loss", verbose=1, save_best_only=True, save_weights_only=True, mode="auto"
    )
    model, _ = fit(checkpoint, validation_split=0.25)
    assert checkpoint.saved
    assert f"saved {checkpoint.saved[0]}" in capsys.readouterr().out
    with pytest.raises(fm.ModelFileError, match="config"):
        fm.load(checkpoint.saved[-1])
    model.load_weights(filepath=checkpoint.saved[-1])
    unreachable = callbacks.ModelCheckpoint(path, save_best_only=True, initial_value_threshold=1e-9)
    fit(unreachable, validation_split=0.25)
    assert not unreachable.saved


@pytest.mark.parametrize("name", ["best.keras", "best.h5", "best.weights.h5"])
def test_no_file_pretends_to_be_one_of_keras(name, tmp_path):
    with pytest.warns(UserWarning, match="names a format of Keras"):
        checkpoint = callbacks.ModelCheckpoint(tmp_path / name)
    model, _ = fit(checkpoint)
    assert [path.name for path in tmp_path.iterdir()] == [name + ".npz"]
    assert np.array_equal(fm.models.load_model(tmp_path / name).predict(X), model.predict(X))
    (tmp_path / (name + ".npz")).unlink()
    with pytest.warns(UserWarning, match="names a format of Keras"):
        model.save(tmp_path / name)
    with pytest.warns(UserWarning, match="names a format of Keras"):
        model.save_weights(filepath=tmp_path / ("w" + name))
    model.load_weights(tmp_path / ("w" + name))
    assert sorted(path.name for path in tmp_path.iterdir()) == [name + ".npz", "w" + name + ".npz"]


@pytest.mark.parametrize("name", ["old.keras", "old.h5", "old.weights.h5", "OLD.H5"])
def test_an_old_file_is_not_read_for_the_saved_one(name, tmp_path):
    old, model = fm.mlp([4], classes=2, seed=1), fm.mlp([4], classes=2, seed=2)
    old.build(3)
    model.build(3)
    old.save(tmp_path / "old.npz")
    (tmp_path / "old.npz").rename(tmp_path / name)  # as fastmlp once saved it
    assert np.array_equal(fm.load(tmp_path / name).get_weights()[0], old.get_weights()[0])
    with pytest.warns(UserWarning, match="names a format of Keras"):
        model.save(tmp_path / name)
    os.utime(tmp_path / name)  # also if it is the younger one
    with pytest.warns(UserWarning, match=rf"there are {name} and {name}\.npz, and the latter is read"):
        assert np.array_equal(fm.load(tmp_path / name).get_weights()[0], model.get_weights()[0])
    with pytest.warns(UserWarning, match="the latter is read"):
        old.load_weights(tmp_path / name)
    assert np.array_equal(old.get_weights()[0], model.get_weights()[0])
    (tmp_path / name).write_bytes(b"\x89HDF\r\n\x1a\n and so on")
    with pytest.warns(UserWarning, match="the latter is read"):
        fm.models.load_model(tmp_path / name)


@pytest.mark.parametrize("head", [b"\x89HDF\r\n\x1a\n", b"PK\3\4" + bytes(26) + b"metadata.json"])
def test_files_of_keras_are_named(head, tmp_path):
    path = tmp_path / "model.keras"
    path.write_bytes(head + bytes(200))
    for read in (fm.load, fm.models.load_model, fm.mlp([4], classes=2).load_weights):
        model = getattr(read, "__self__", None)
        if model is not None:
            model.build(3)
        with pytest.raises(fm.ModelFileError, match=r"is a file of Keras.*fastmlp\.import_model\(model\)"):
            read(path)


def test_a_loss_that_is_not_a_number_ends_training_quietly():
    model = fm.Sequential([fm.Dense(1)], seed=0)
    model.compile(fm.SGD(1e30), "mse")
    history = model.fit(X, Y, epochs=9, verbose=0, callbacks=[callbacks.TerminateOnNaN()])
    assert history.stopped == "diverged"
    assert all(np.isfinite(weight).all() for weight in model.get_weights())
    for given in ([], [callbacks.TerminateOnNaN(raise_error=True)]):
        with pytest.raises(fm.DivergenceError):
            model.fit(X, Y, epochs=9, verbose=0, callbacks=given)


def test_hooks_of_keras_are_called():
    heard = []

    class Mine(callbacks.Callback):
        def on_train_begin(self, logs=None):
            heard.append("begin")

        def on_epoch_begin(self, epoch, logs=None):
            heard.append(epoch)

        def on_train_batch_end(self, batch, logs=None):
            heard.append((batch, logs["loss"]))

        def on_epoch_end(self, epoch, logs=None):
            heard.append(logs["loss"])

        def on_train_end(self, logs=None):
            heard.append("end")

    _, history = fit(Mine(), epochs=1)
    assert [one[0] for one in heard if isinstance(one, tuple)] == [0, 1, 2, 3]
    assert heard[0] == "begin"
    assert heard[-2:] == [history.history["loss"][0], "end"]


def test_lambda_callback_has_the_arguments_of_keras():
    heard = []
    note = callbacks.LambdaCallback(
        on_train_begin=lambda logs: heard.append(("begin", logs)),
        on_epoch_begin=lambda epoch, logs: heard.append((epoch, logs)),
        on_epoch_end=lambda epoch, logs: heard.append((epoch, logs["loss"])),
        on_train_batch_end=lambda batch, logs: heard.append((batch,)),
        on_train_end=lambda logs: heard.append(("end", logs["loss"])),
    )
    _, history = fit(note, epochs=1)
    loss = history.history["loss"][0]
    assert heard == [("begin", {}), (0, {}), (0,), (1,), (2,), (3,), (0, loss), ("end", loss)]


@pytest.mark.parametrize("hook", ["on_train_batch_begin", "on_batch_begin", "on_test_end", "on_predict_batch_begin"])
def test_hooks_that_are_never_called_are_refused(hook):
    kind = type("Mine", (callbacks.Callback,), {hook: lambda self, *given: None})
    with pytest.raises(fm.ArgumentError, match=f"Mine has {hook}"):
        fit(kind())


REFUSED = {
    "separated by commas": lambda: callbacks.CSVLogger(filename="log.csv", separator=";"),
    "only the logs are written": lambda: callbacks.TensorBoard(log_dir="logs", histogram_freq=1),
    "Keras's name of path": lambda: callbacks.ModelCheckpoint("a.npz", filepath="b.npz", path="c.npz"),
    "verbose must be": lambda: callbacks.EarlyStopping(verbose="loud"),
    "has no BackupAndRestore: use ModelCheckpoint": lambda: callbacks.BackupAndRestore,
}


@pytest.mark.parametrize("message", REFUSED)
def test_what_means_something_else_is_refused(message):
    with pytest.raises((fm.ArgumentError, fm.ArgumentTypeError, ImportError), match=message):
        REFUSED[message]()


def test_a_history_of_ones_own():
    kept = callbacks.History()
    _, history = fit(kept)
    assert kept.history["accuracy"] == history.history["accuracy"]
    fit(kept, epochs=1)
    assert kept.epoch == [0]


def test_tensorboard_writes_events(tmp_path):
    pytest.importorskip("tensorboardX")
    fit(callbacks.TensorBoard(log_dir=tmp_path / "logs", update_freq="batch"), epochs=1)
    assert list((tmp_path / "logs").iterdir())
