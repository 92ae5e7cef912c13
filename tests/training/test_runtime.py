"""What holds for the whole process: threads, stopping and going on, signals, forks, the kernel cache."""

import copy
import itertools
import os
import pickle
import signal
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

import fastmlp as fm
from fastmlp import kernels
from fastmlp._compiling import cache, jit
from fastmlp._compiling import threads as _threads
from fastmlp._engine import engine, program
from fastmlp._training import trainer

from ..shared.models import bits, data, network, state_bits
from ..shared.processes import needs_fork, needs_jit, needs_signals, run_python


def without_seconds(history):
    return {name: values for name, values in history.history.items() if name != "seconds"}


# ---------------------------------------------------------------- the number of threads changes no bit


@pytest.fixture
def always_parallel(monkeypatch):
    """Networks of any size run in parallel."""
    monkeypatch.setattr(engine, "_PARALLEL_WORK", 0)
    monkeypatch.setattr(engine, "_PARALLEL_FORWARD_WORK", 0)


@needs_jit
@pytest.mark.usefixtures("always_parallel")
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    ("hidden", "features", "classes", "batch_size"),
    [
        ((33, 17), 37, 7, 61),
        ((1,), 3, 2, 5),
        ((), 37, 7, 64),
        ((64, 31), 16, 10, 127),
        ((5,), 301, 3, 97),
        ((16,), 16, 16, 1),
    ],
    ids=str,
)
def test_training_gives_the_same_bits_on_any_number_of_threads(hidden, features, classes, batch_size, dtype):
    x, y = data(300, features, classes)
    results = []
    for n_threads in (1, 2, None, 1000):
        model = network(hidden, classes, dtype=dtype)
        settings = {"batch_size": batch_size, "epochs": 2, "n_threads": n_threads, "validation_split": 0.1}
        history = model.fit(x, y, verbose=0, **settings)
        scores = model.evaluate(x, y, n_threads=n_threads)
        predictions = model.predict(x, n_threads=n_threads).tobytes()
        results.append((bits(model), without_seconds(history), history.batches, scores, predictions))
    assert all(result == results[0] for result in results)


@needs_jit
def test_twenty_parallel_runs_give_the_same_bits():
    x, y = data(1024, 64, 10)
    results = set()
    for _ in range(20):
        model = network((96, 64), 10)
        model.fit(x, y, batch_size=512, verbose=0, n_threads=2)
        results.add(bits(model))
    assert model.engine.training_threads(512, 2) == min(2, _threads.available_threads())
    assert len(results) == 1


@needs_jit
@pytest.mark.usefixtures("always_parallel")
@pytest.mark.parametrize("workspace", [1, 1 << 16, 64 << 20])
def test_a_batch_run_in_rounds_gives_the_same_bits(workspace, monkeypatch):
    x, y = data(600)
    monkeypatch.setattr(program, "_WORKSPACE_BYTES", 64 << 20)
    whole = network((33, 17))
    whole.fit(x, y, batch_size=500, verbose=0, n_threads=1)
    monkeypatch.setattr(program, "_WORKSPACE_BYTES", workspace)
    for n_threads in (1, 2):
        model = network((33, 17))
        model.fit(x, y, batch_size=500, verbose=0, n_threads=n_threads)
        assert bits(model) == bits(whole)
        assert model.predict(x).tobytes() == whole.predict(x).tobytes()


@needs_jit
@pytest.mark.usefixtures("always_parallel")
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("hidden", [(), (1,), (33, 17), (64,)], ids=str)
def test_a_row_is_predicted_with_the_same_bits_alone_and_in_any_batch(hidden, dtype):
    x, _ = data(600, 37)
    model = network(hidden, 7, dtype=dtype)
    model.build(37)
    whole = model.predict(x, n_threads=2)
    for start, rows in [(0, 1), (5, 1), (599, 1), (3, 2), (10, 7), (100, 64), (50, 65), (1, 129), (0, 599), (7, 300)]:
        for n_threads in (1, 2):
            part = model.predict(x[start : start + rows], n_threads=n_threads)
            assert part.tobytes() == whole[start : start + rows].tobytes()


def test_batches_of_changing_size_leave_nothing_behind_for_each_other():
    x, y = data(130)
    model, fresh = network((33,)), network((33,))
    for model_of in (model, fresh):
        model_of.build(20)
    for rows in (130, 1, 64, 3, 65):
        model.predict(x[:rows])
        model.evaluate(x[:rows], y[:rows])
    start = model.get_weights()
    model.train_on_batch(x, y)
    model.set_weights(start)
    model.compile("adam")
    assert model.train_on_batch(x[:7], y[:7]) == fresh.train_on_batch(x[:7], y[:7])
    assert bits(model) == bits(fresh)


# ---------------------------------------------------------------- stopping and going on


class StopAfter(fm.callbacks.Callback):
    def __init__(self, stretches):
        self.left = stretches

    def on_batches_end(self, batch, logs):
        self.left -= 1
        self.model.stop_training = self.left <= 0


def one_batch_only(model, x, y, **settings):
    return model.fit(x, y, max_time=1e-9, **settings)  # the first kernel call is one batch


def through_a_file(model, tmp_path):
    model.save(tmp_path / "model.npz")
    return fm.load(tmp_path / "model.npz")


EPOCHS = {"epochs": 4, "batch_size": 7, "verbose": 0}


@pytest.fixture(params=itertools.product(["float32", "float64"], ["adam", "sgd"]), ids="-".join)
def never_stopped(request):
    dtype, optimizer = request.param
    x, y = data(200)

    def make():
        return network(dtype=dtype, optimizer=optimizer)

    model = make()
    model.fit(x, y, **EPOCHS)
    return x, y, make, model


def same_as(model, whole):
    assert state_bits(model) == state_bits(whole)
    assert without_seconds(model.history) == without_seconds(whole.history)
    assert model.history.batches == whole.history.batches
    assert model.history.epoch == whole.history.epoch
    assert (model.history.stopped, model.history.partial) == ("finished", False)


@needs_jit
@pytest.mark.parametrize("way", ["the same process", "a file", "pickle", "deepcopy"])
@pytest.mark.parametrize("stop", ["max_time", "callback", "epochs"])
def test_resumed_training_equals_training_that_never_stopped(never_stopped, stop, way, tmp_path):
    x, y, make, whole = never_stopped
    model = make()
    if stop == "max_time":
        history = one_batch_only(model, x, y, **EPOCHS)
        assert (history.stopped, history.partial, model.position.batch) == ("max_time", True, 1)
    elif stop == "callback":
        assert model.fit(x, y, callbacks=[StopAfter(1)], **EPOCHS).stopped == "callback"
    else:
        model.fit(x, y, **{**EPOCHS, "epochs": 2})
    ways = {
        "the same process": lambda m: m,
        "a file": lambda m: through_a_file(m, tmp_path),
        "pickle": lambda m: pickle.loads(pickle.dumps(m)),
        "deepcopy": copy.deepcopy,
    }
    model = ways[way](model)
    model.fit(x, y, resume=True, **EPOCHS)
    same_as(model, whole)


@pytest.fixture
def one_batch_a_call(monkeypatch):
    """Callbacks see every batch, as with large ones."""
    monkeypatch.setattr(trainer, "_CALL_SECONDS", 1e-12)


@needs_jit
@pytest.mark.usefixtures("one_batch_a_call")
@pytest.mark.parametrize("batches", [2, 7, 20, 28, 29, 30])
def test_training_resumed_at_any_batch_equals_training_that_never_stopped(never_stopped, batches, tmp_path):
    x, y, make, whole = never_stopped  # 29 batches an epoch, the last of 4 rows
    model = make()
    model.fit(x, y, callbacks=[StopAfter(batches)], **EPOCHS)
    model = through_a_file(model, tmp_path)
    model.fit(x, y, resume=True, **EPOCHS)
    same_as(model, whole)


@needs_jit
def test_training_stopped_after_every_stretch_equals_training_that_never_stopped(never_stopped, tmp_path):
    x, y, make, whole = never_stopped
    model = make()
    one_batch_only(model, x, y, **EPOCHS)
    for _ in range(3):
        model = through_a_file(model, tmp_path)
        one_batch_only(model, x, y, resume=True, **EPOCHS)
    model.fit(x, y, resume=True, **EPOCHS)
    same_as(model, whole)


def test_two_fits_of_two_epochs_equal_one_of_four(never_stopped):
    x, y, make, whole = never_stopped
    model = make()
    losses = [loss for _ in range(2) for loss in model.fit(x, y, **{**EPOCHS, "epochs": 2})["loss"]]
    assert state_bits(model) == state_bits(whole)
    assert losses == whole.history["loss"]


@needs_jit
@pytest.mark.usefixtures("one_batch_a_call")
@pytest.mark.parametrize("hook", ["on_epoch_begin", "on_batches_end", "on_epoch_end"])
def test_a_checkpoint_saved_by_a_callback_resumes_to_the_same_bits(hook, tmp_path):
    x, y = data(200)
    whole, files = network(), []

    def save(*arguments):
        files.append(tmp_path / f"{len(files)}.npz")
        whole.save(files[-1])

    callback = fm.callbacks.Callback()
    setattr(callback, hook, save)
    whole.fit(x, y, callbacks=[callback], **EPOCHS)
    assert len(files) >= 4
    for file in files[:: max(1, len(files) // 15)]:
        model = fm.load(file)
        model.fit(x, y, resume=True, **EPOCHS)
        same_as(model, whole)


def test_a_fit_after_an_unfinished_one_begins_a_new_epoch():
    x, y = data(200)
    model = network()
    one_batch_only(model, x, y, **EPOCHS)
    assert model.fit(x, y, **EPOCHS).epoch == [0, 1, 2, 3]
    assert (model.position.epoch, model.position.batch) == (5, 0)


def test_resume_without_an_earlier_run_is_refused():
    x, y = data(20)
    with pytest.raises(fm.ArgumentError, match="resume"):
        network().fit(x, y, resume=True, verbose=0)


def test_resume_keeps_counting_from_the_first_epoch_of_the_run():
    x, y = data(50)
    model = network()
    model.fit(x, y, initial_epoch=5, epochs=7, verbose=0)
    assert model.fit(x, y, epochs=10, resume=True, verbose=0).epoch == [5, 6, 7, 8, 9]


@pytest.mark.parametrize("first", [False, True], ids=["without first", "with first"])
def test_validation_may_differ_between_a_run_and_its_continuation(first, tmp_path):
    x, y = data(50)
    model = network()
    settings = {"epochs": 4, "batch_size": 7, "verbose": 0}
    for run in range(3):
        if run:
            one_batch_only(model, x, y, resume=True, **settings)
        validation = (x, y) if first == (run == 0) else None
        one_batch_only(model, x, y, resume=run > 0, validation_data=validation, **settings)
    history = model.fit(x, y, resume=True, **settings)
    assert history.epoch == [0, 1, 2, 3]
    assert len(history["loss"]) == 4
    history.write_csv(tmp_path / "history.csv")
    assert len((tmp_path / "history.csv").read_text().splitlines()) == 5


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))], ids=["deepcopy", "pickle"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_copy_of_a_model_trains_on_by_itself(copied, dtype):
    x, y = data()
    model = network(dtype=dtype)
    assert copied(model).is_built is False
    model.fit(x, y, verbose=0)
    other, before = copied(model), bits(model)
    other.fit(x, y, verbose=0)
    assert bits(model) == before != bits(other)
    assert len(model.history.epoch) == 1
    model.fit(x, y, verbose=0)
    assert bits(model) == bits(other)


def test_max_time_stops_training_and_says_so():
    x, y = data()
    model = network()
    history = model.fit(x, y, epochs=10**9, max_time=0.2, verbose=0)
    assert history.stopped == "max_time"
    assert np.isfinite(model.evaluate(x, y)["loss"])


# ---------------------------------------------------------------- callbacks


HOOKS = ["on_train_begin", "on_epoch_begin", "on_batches_end", "on_epoch_end", "on_train_end"]


class Raises(fm.callbacks.Callback):
    def __init__(self, hook, error):
        setattr(self, hook, self.fail)
        self.error = error

    def fail(self, *arguments):
        raise self.error


@needs_jit
@pytest.mark.parametrize("error", [RuntimeError("boom"), KeyboardInterrupt()], ids=repr)
@pytest.mark.parametrize("hook", HOOKS)
def test_an_error_in_a_callback_comes_out_and_training_can_go_on(hook, error):
    x, y = data(200)
    model, whole = network(), network()
    whole.fit(x, y, **EPOCHS)
    with pytest.raises(type(error)):
        model.fit(x, y, callbacks=[Raises(hook, error)], **EPOCHS)
    has_begun = hook not in ("on_train_begin", "on_epoch_begin")
    assert model.is_built == has_begun
    if has_begun:
        assert np.isfinite(model.evaluate(x, y)["loss"])
    model.fit(x, y, resume=has_begun, **EPOCHS)
    assert state_bits(model) == state_bits(whole)


@pytest.mark.parametrize("hook", HOOKS[:-1])
def test_training_that_a_callback_broke_off_is_not_called_finished(hook):
    x, y = data(200)
    model = network()
    with pytest.raises(RuntimeError):
        model.fit(x, y, callbacks=[Raises(hook, RuntimeError("boom"))], **EPOCHS)
    assert model.history is None or model.history.stopped != "finished"


@needs_jit
def test_callbacks_may_use_the_model_they_watch(tmp_path):
    x, y = data(200)
    model, plain = network(), network()
    plain.fit(x, y, **EPOCHS)

    def use(*arguments):
        model.predict(x)
        model.evaluate(x, y)
        model.set_weights(model.get_weights())
        model.save(tmp_path / "model.npz")
        copy.deepcopy(model)

    callback = fm.callbacks.Callback()
    for hook in HOOKS:
        setattr(callback, hook, use)
    model.fit(x, y, callbacks=callback, **EPOCHS)
    assert bits(model) == bits(plain)


# ---------------------------------------------------------------- Ctrl-C


@pytest.fixture
def default_interrupt():
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


class Interrupts(fm.callbacks.Callback):
    """Ctrl-C, ``times`` times, at the first call of a hook."""

    def __init__(self, hook, times=1):
        setattr(self, hook, self.interrupt)
        self.times = times

    def interrupt(self, *arguments):
        times, self.times = self.times, 0
        for _ in range(times):
            signal.raise_signal(signal.SIGINT)


@pytest.mark.usefixtures("default_interrupt")
@pytest.mark.parametrize("hook", ["on_epoch_begin", "on_batches_end", "on_epoch_end"])
def test_ctrl_c_ends_training_with_a_history_that_can_be_resumed(hook):
    x, y = data(200)
    model, whole = network(), network()
    whole.fit(x, y, **EPOCHS)
    with pytest.raises(KeyboardInterrupt):
        model.fit(x, y, callbacks=[Interrupts(hook)], **EPOCHS)
    assert model.history.stopped == "interrupted"
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    model.fit(x, y, resume=True, **EPOCHS)
    same_as(model, whole)


@pytest.mark.usefixtures("default_interrupt")
@pytest.mark.parametrize("hook", ["on_epoch_begin", "on_batches_end", "on_epoch_end"])
def test_a_second_ctrl_c_interrupts_at_once(hook):
    x, y = data(200)
    model = network()
    with pytest.raises(KeyboardInterrupt):
        model.fit(x, y, callbacks=[Interrupts(hook, times=2)], **EPOCHS)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    assert model.is_built == (hook != "on_epoch_begin")  # nothing was trained then, and nothing stays
    if model.is_built:
        assert np.isfinite(model.predict(x)).all()
    model.fit(x, y, **EPOCHS)


@pytest.mark.usefixtures("default_interrupt")
@pytest.mark.parametrize("hook", ["on_train_begin", "on_train_end"])
def test_ctrl_c_outside_the_training_itself_is_not_lost(hook):
    x, y = data(200)
    model = network()
    with pytest.raises(KeyboardInterrupt):
        model.fit(x, y, callbacks=[Interrupts(hook)], **EPOCHS)


@pytest.mark.usefixtures("default_interrupt")
def test_a_handler_of_the_program_is_left_in_charge():
    x, y = data(200)
    calls = []

    def handler(number, frame):
        calls.append(number)

    signal.signal(signal.SIGINT, handler)
    assert network().fit(x, y, callbacks=[Interrupts("on_batches_end")], **EPOCHS).stopped == "finished"
    assert calls == [signal.SIGINT]
    assert signal.getsignal(signal.SIGINT) is handler


LONG_FIT = """
import sys, time
import numpy as np, fastmlp as fm

class Ready(fm.callbacks.Callback):
    def on_batches_end(self, batch, logs):
        print("training", flush=True)
        self.on_batches_end = lambda *arguments: None

x = np.random.default_rng(0).normal(size=(20000, 64)).astype("f4")
y = np.arange(20000) % 10
model = fm.mlp([256, 128], classes=10, seed=0)
try:
    model.fit(x, y, epochs=10**6, batch_size=256, verbose=0, callbacks=[Ready()])
except KeyboardInterrupt:
    assert np.isfinite(model.evaluate(x, y)["loss"])
    assert len(model.history.batches["loss"]) > 0
    print(model.history.stopped)
"""


@needs_jit
@needs_signals
def test_ctrl_c_ends_a_long_fit_soon_and_leaves_a_usable_model(tmp_path):
    (tmp_path / "script.py").write_text(LONG_FIT)
    env = {**os.environ, "PYTHONPATH": str(Path(fm.__file__).parents[1])}
    command = [sys.executable, "-W", "error", str(tmp_path / "script.py")]
    with subprocess.Popen(command, env=env, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout.readline().strip() == "training"
            process.send_signal(signal.SIGINT)
            output, _ = process.communicate(timeout=30)
        finally:
            process.kill()
    assert output.strip() == "interrupted"
    assert process.returncode == 0


# ---------------------------------------------------------------- Python threads


def in_threads(count, function):
    errors = []

    def guarded(number):
        try:
            function(number)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=guarded, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert errors == []


@needs_jit
def test_models_train_in_other_threads_than_the_main_one():
    x, y = data(200)
    wanted, results = network(), {}
    wanted.fit(x, y, **EPOCHS)

    def train(number):
        model = network()
        model.fit(x, y, **EPOCHS)
        results[number] = bits(model)

    in_threads(4, train)
    assert results == dict.fromkeys(range(4), bits(wanted))


EIGHT_THREADS = """
import sys, threading
import numpy as np, fastmlp as fm
from numba.np.ufunc import parallel
try:
    parallel._launch_threads()
except ValueError:
    print("no such layer"), sys.exit()

x = np.random.default_rng(0).normal(size=(2000, 64)).astype("f4")
y = np.arange(2000) % 10
def make():
    model = fm.mlp([128], classes=10, seed=0)
    model.build(64)
    return model
def trained():
    model = make()
    model.fit(x, y, batch_size=512, verbose=0)
    return b"".join(w.tobytes() for w in model.get_weights())
model = make()
serial, weights, wrong = model.predict(x, n_threads=1).tobytes(), None, []
def work(number):
    for _ in range(10):
        if model.predict(x).tobytes() != serial:
            wrong.append(number)
    results[number] = trained()
results = {}
threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
for t in threads: t.start()
for t in threads: t.join()
assert not wrong and set(results.values()) == {trained()} and len(results) == 8
print(parallel.threading_layer() if fm.get_num_threads() > 1 else "right")
"""


@needs_jit
@pytest.mark.parametrize("layer", ["workqueue", "omp"])
def test_eight_python_threads_predict_and_train_at_once(layer, tmp_path):
    output = run_python(EIGHT_THREADS, tmp_path, NUMBA_THREADING_LAYER=layer)
    if output == "no such layer":
        pytest.skip(f"this numba has no {layer}")
    assert output in (layer, "right")


# ---------------------------------------------------------------- fork


FORK = """
import os, sys, threading, time
import numpy as np, fastmlp as fm
from fastmlp._compiling import jit

x = np.random.default_rng(0).normal(size=(2000, 64)).astype("f4")
y = np.arange(2000) % 10
model = fm.mlp([256], classes=10, seed=0)
model.build(64)

def in_child(function, seconds=20):
    child = os.fork()
    if child == 0:
        try:
            function()
            os._exit(0)
        except BaseException as error:
            print(repr(error), file=sys.stderr, flush=True)
            os._exit(1)
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.01)
    os.kill(child, 9)
    os.waitpid(child, 0)
    return "hangs"

def work():
    assert model.predict(x).tobytes() == wanted
    model.fit(x, y, batch_size=512, verbose=0)
    assert bytes(model.predict(x)) != wanted

wanted = model.predict(x, n_threads=1).tobytes()
"""

AFTER = {
    "nothing": "",
    "training": "model.fit(x, y, batch_size=512, verbose=0); wanted = model.predict(x).tobytes()",
    "numba.set_num_threads": "import numba; numba.set_num_threads(1)",
    "a parallel function of the program": """
import numba
@numba.njit(parallel=True)
def total(a):
    s = 0.0
    for i in numba.prange(a.size):
        s += a[i]
    return s
total(np.ones(10000))
""",
}


@needs_jit
@needs_fork
@pytest.mark.parametrize("layer", ["workqueue", None], ids=["workqueue", "default layer"])
@pytest.mark.parametrize("before", AFTER)
def test_a_forked_child_predicts_and_trains_after(before, layer, tmp_path):
    code = f"{FORK}\n{AFTER[before]}\nprint(in_child(work))"
    output = run_python(code, tmp_path, "-W", "ignore::DeprecationWarning", NUMBA_THREADING_LAYER=layer)
    assert output == "0"


@needs_jit
@needs_fork
def test_the_child_of_a_forked_child_predicts_and_trains_too(tmp_path):
    code = f"{FORK}\n{AFTER['training']}\nprint(in_child(lambda: os._exit(0 if in_child(work) == 0 else 1)))"
    assert run_python(code, tmp_path, "-W", "ignore::DeprecationWarning") == "0"


@needs_jit
@needs_fork
def test_a_pool_of_forked_workers_predicts_after_training(tmp_path):
    code = (
        FORK
        + """
import multiprocessing
model.fit(x, y, batch_size=512, verbose=0)
with multiprocessing.get_context("fork").Pool(2) as pool:
    print({p.tobytes() for p in pool.map(model.predict, [x] * 4)} == {model.predict(x).tobytes()})
"""
    )
    assert run_python(code, tmp_path, "-W", "ignore::DeprecationWarning") == "True"


@needs_jit
@needs_fork
def test_a_child_forked_while_another_thread_builds_a_kernel_does_not_hang(tmp_path):
    code = (
        FORK
        + """
held = threading.Event()
def build():
    with jit._build_lock:  # as while a kernel is compiled
        held.set()
        time.sleep(0.5)
thread = threading.Thread(target=build)
thread.start()
held.wait()
double = fm.Sequential([fm.Dense(10, "softmax")], dtype="float64", seed=0)
double.build(64)
print(in_child(lambda: double.predict(x), seconds=10))
thread.join()
"""
    )
    assert run_python(code, tmp_path, "-W", "ignore::DeprecationWarning") == "0"


# ---------------------------------------------------------------- what the process had is left as it was


@needs_jit
def test_numbas_number_of_threads_is_left_as_it_was():
    import numba

    x, y = data(1024, 64, 10)
    before = numba.get_num_threads()
    try:
        for own in {1, before}:
            numba.set_num_threads(own)
            for n_threads in (1, 2, None, 1000):
                model = network((96, 64), 10)
                model.fit(x, y, batch_size=512, n_threads=n_threads, verbose=0)
                model.predict(x, n_threads=n_threads)
                assert numba.get_num_threads() == own
    finally:
        numba.set_num_threads(before)


@needs_jit
@pytest.mark.parametrize("n_threads", [1, 2])
def test_numpy_still_computes_denormals_after_a_kernel(n_threads):
    x, y = data(1024, 64, 10)
    model = network((96, 64), 10)
    model.fit(x, y, batch_size=512, n_threads=n_threads, verbose=0)
    model.predict(x, n_threads=n_threads)
    model.evaluate(x, y, n_threads=n_threads)
    assert (np.full(1000, 1e-39, np.float32) * np.float32(0.5) > 0).all()
    assert (np.full(1000, 1e-310) * 0.5 > 0).all()


@pytest.mark.parametrize("seed_of", [np.random.seed, None], ids=["seeded", "not"])
def test_numpys_global_random_state_is_neither_read_nor_changed(seed_of):
    x, y = data(50)
    if seed_of:
        seed_of(3)
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    model = network()
    model.fit(x, y, verbose=0)
    np.testing.assert_array_equal(np.random.get_state()[1], before)  # noqa: NPY002


def test_set_num_threads_bounds_what_kernels_use():
    try:
        fm.set_num_threads(1)
        assert fm.get_num_threads() == 1
        fm.set_num_threads(10**6)
        assert fm.get_num_threads() == _threads.available_threads()
    finally:
        fm.set_num_threads(None)
    assert fm.get_num_threads() == _threads.available_threads()


@needs_jit
@pytest.mark.parametrize("limit", ["1", "64"])
def test_numba_num_threads_is_respected(limit, tmp_path):
    code = FORK + "model.fit(x, y, batch_size=512, verbose=0, n_threads=8); print(fm.get_num_threads())"
    most = _threads.available_threads()
    assert run_python(code, tmp_path, NUMBA_NUM_THREADS=limit) == str(min(int(limit), most))


def test_importing_the_package_imports_neither_numba_nor_any_extra(tmp_path):
    code = (
        "import sys, fastmlp; print(sorted({'numba', 'matplotlib', 'sklearn', 'scipy', 'pandas'} & set(sys.modules)))"
    )
    assert run_python(code, tmp_path) == "[]"


# ---------------------------------------------------------------- compilation and its cache


@needs_jit
def test_no_other_network_or_setting_compiles_anything():
    x, y = data()
    warm = network()
    warm.fit(x, y, verbose=0)
    warm.evaluate(x, y)
    warm.predict(x)
    before = list(jit.compilations)
    for hidden, optimizer, batch in [((), "sgd", 1), ((3, 50, 7), fm.Adam(0.1, beta_1=0.5), 33), ((200,), "adam", 500)]:
        for features in (x.astype(np.float64), x.astype(np.uint8), np.asfortranarray(x), x.tolist()):
            model = network(hidden, optimizer=optimizer)
            model.fit(features, np.eye(4)[y], batch_size=batch, verbose=0, shuffle=batch == 1, n_threads=1)
            model.evaluate(features, y)
            model.predict(features)
    assert jit.compilations == before


@needs_jit
def test_a_second_process_compiles_nothing(tmp_path):
    code = (
        FORK
        + """
model.fit(x[:100], y[:100], verbose=0)
model.evaluate(x[:100], y[:100])
print(jit.compilations)
"""
    )
    run_python(code, tmp_path)
    assert run_python(code, tmp_path) == "[]"


@pytest.fixture
def cache_in(tmp_path, monkeypatch):
    """A kernel cache of its own."""
    monkeypatch.setattr(cache, "_places", cache.Places(tmp_path))
    return tmp_path


def fresh_kernel():
    return jit.Kernel(kernels.shuffle.function, kernels.shuffle.declaration)


def shuffled(kernel):
    order = np.arange(50, dtype=np.int64)
    kernel.run(np.float64, 1, order, 3, 0)
    return order.tolist()


DAMAGE = {
    "empty": lambda content: b"",
    "garbage": lambda content: b"\x80\x04garbage" * 100,
    "header only": lambda content: content.partition(b"\n")[0] + b"\n",
    "first half": lambda content: content[: len(content) // 2],
    "one byte short": lambda content: content[:-1],
    "one byte more": lambda content: content + b"x",
    "one bit": lambda content: content[:-100] + bytes([content[-100] ^ 1]) + content[-99:],
}


@needs_jit
@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_kernel_file_is_replaced(damage, cache_in):
    wanted = shuffled(fresh_kernel())
    (file,) = cache_in.glob("*.kernel")
    content = file.read_bytes()
    file.write_bytes(DAMAGE[damage](content))
    assert shuffled(fresh_kernel()) == wanted
    compiled = len(jit.compilations)
    assert shuffled(fresh_kernel()) == wanted  # from the file that replaced it
    assert len(jit.compilations) == compiled


@needs_jit
def test_a_folder_in_place_of_a_kernel_file_costs_the_cache_only(cache_in):
    wanted = shuffled(fresh_kernel())
    (file,) = cache_in.glob("*.kernel")
    file.unlink()
    file.mkdir()
    assert shuffled(fresh_kernel()) == wanted


@needs_jit
def test_a_cache_folder_that_vanishes_costs_the_cache_only(cache_in, monkeypatch):
    monkeypatch.setattr(cache, "_places", cache.Places(cache_in / "vanished"))
    assert sorted(shuffled(fresh_kernel())) == list(range(50))


@needs_jit
def test_no_cache_folder_at_all_still_compiles(monkeypatch):
    monkeypatch.setattr(cache, "_places", cache.Places(None))
    assert sorted(shuffled(fresh_kernel())) == list(range(50))


CACHED_IN = """
import warnings
import numpy as np
from fastmlp import kernels
from fastmlp._compiling import cache
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    order = np.arange(50, dtype=np.int64)
    kernels.shuffle.run(np.float64, 1, order, 3, 0)
assert sorted(order) == list(range(50))
print(len([w for w in caught if w.category is RuntimeWarning]), cache.cache_folder())
"""


@needs_jit
@pytest.mark.parametrize(
    "unwritable",
    [
        {"FASTMLP_CACHE_DIR": "{file}/below"},
        {"FASTMLP_CACHE_DIR": "{file}"},
        {"FASTMLP_CACHE_DIR": "~nobody-of-that-name/cache"},
        {"FASTMLP_CACHE_DIR": None, "XDG_CACHE_HOME": None, "HOME": "{file}"},
        {"FASTMLP_CACHE_DIR": None, "XDG_CACHE_HOME": None, "HOME": "/dev/null"},
    ],
    ids=str,
)
def test_an_unwritable_cache_folder_gives_one_warning_and_a_temporary_cache(unwritable, tmp_path):
    file = tmp_path / "file"
    file.write_text("x")
    (tmp_path / "temporary").mkdir()
    environment = {name: value and value.format(file=file) for name, value in unwritable.items()}
    output = run_python(CACHED_IN, tmp_path, TMPDIR=str(tmp_path / "temporary"), **environment)
    count, folder = output.split(" ", 1)
    assert count == "1"
    assert Path(folder).is_relative_to(tmp_path / "temporary")


@needs_jit
@pytest.mark.skipif(os.name != "posix", reason="HOME")
def test_a_process_without_home_finds_a_cache_folder(tmp_path):
    environment = {"HOME": None, "FASTMLP_CACHE_DIR": None, "XDG_CACHE_HOME": str(tmp_path / "cache")}
    count, folder = run_python(CACHED_IN, tmp_path, **environment).split(" ", 1)
    assert count == "0"
    assert Path(folder).is_relative_to(tmp_path / "cache")


FILE_APPEARS = """
import contextlib, sys
import numpy as np
from fastmlp import kernels
from fastmlp._compiling import cache, jit

def run():
    kernel = jit.Kernel(kernels.shuffle.function, kernels.shuffle.declaration)
    kernel.run(np.float64, 1, np.arange(50), 3, 0)

run()
(file,) = cache.cache_folder().glob("*.kernel")
content = file.read_bytes()
file.unlink()
usual = cache.compile_lock

@contextlib.contextmanager
def another_process_was_first(folder, name):
    with usual(folder, name):
        file.write_bytes(content)
        yield

cache.compile_lock = another_process_was_first
run()
print(len(jit.compilations))
"""


@needs_jit
def test_a_kernel_that_another_process_compiled_during_the_wait_for_it_is_loaded(tmp_path):
    assert run_python(FILE_APPEARS, tmp_path, FASTMLP_CACHE_DIR=str(tmp_path / "cache")) == "1"


@needs_jit
def test_processes_that_compile_at_the_same_time_all_succeed(tmp_path):
    (tmp_path / "script.py").write_text(CACHED_IN)
    env = {**os.environ, "PYTHONPATH": str(Path(fm.__file__).parents[1]), "FASTMLP_CACHE_DIR": str(tmp_path / "cache")}
    command = [sys.executable, "-W", "error", str(tmp_path / "script.py")]
    processes = [subprocess.Popen(command, env=env, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    outputs = {process.communicate(timeout=120)[0] for process in processes}
    assert [process.returncode for process in processes] == [0, 0, 0]
    assert len(outputs) == 1
    assert list((tmp_path / "cache").rglob(".*.kernel.*")) == []


# ---------------------------------------------------------------- layers and rules that keep something between batches


def deep(rule, dtype="float32"):
    layers = [
        fm.Dense(16, use_bias=False),
        fm.BatchNormalization(0.9),
        fm.Activation("relu"),
        fm.Dropout(0.3),
        fm.GaussianNoise(0.1),
        fm.Dense(5, activation="softmax", kernel_regularizer="l2"),
    ]
    model = fm.Sequential(layers, dtype=dtype, seed=5)
    model.compile(rule)
    return model


RULES = [
    fm.Adam(0.01, gradient_accumulation_steps=3, clipnorm=0.5),
    fm.SGD(0.1, 0.9, nesterov=True, gradient_accumulation_steps=2),
    fm.RMSprop(0.01, momentum=0.5, ema_momentum=0.9),
    fm.AdamW(fm.schedules.OneCycle(0.01, 40)),
]


@needs_jit
@pytest.mark.parametrize("rule", RULES, ids=lambda rule: type(rule).__name__)
def test_any_training_goes_on_from_any_batch_with_the_same_bits(rule, tmp_path):
    x, y = data(200, 7, 5)

    class StopAt(fm.callbacks.Callback):
        every_batches = 4

        def on_batches_end(self, batch, logs):
            self.model.stop_training = True

    whole, parts = deep(rule), deep(rule)
    whole.fit(x, y, batch_size=16, epochs=3, verbose=0)
    parts.fit(x, y, batch_size=16, epochs=3, callbacks=[StopAt()], verbose=0)
    for _ in range(20):
        parts.save(tmp_path / "model.npz")
        parts = fm.load(tmp_path / "model.npz")
        if parts.position.epoch == 3:
            break
        parts.fit(x, y, batch_size=16, epochs=3, callbacks=[StopAt()], verbose=0, resume=True)
    for a, b in zip(whole.get_weights(), parts.get_weights(), strict=True):
        assert np.array_equal(a, b)
    assert whole.engine.state.tobytes() == parts.engine.state.tobytes()
    assert whole.history["loss"] == parts.history["loss"]


@needs_jit
@pytest.mark.usefixtures("always_parallel")
@pytest.mark.parametrize("rule", RULES, ids=lambda rule: type(rule).__name__)
def test_any_training_gives_the_same_bits_on_any_number_of_threads(rule):
    x, y = data(300, 7, 5)
    models = []
    for n_threads in (1, 2):
        model = deep(rule)
        model.fit(x, y, batch_size=61, epochs=2, n_threads=n_threads, verbose=0)
        models.append(model)
    for a, b in zip(models[0].get_weights(), models[1].get_weights(), strict=True):
        assert np.array_equal(a, b)
