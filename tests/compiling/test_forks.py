"""Children that are forked in the middle of something: what belongs to threads that they do not have is not theirs."""

import os

import pytest

from ..shared.processes import run_python

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs os.fork")

PRELUDE = """
import os, signal, sys, threading, time, traceback, warnings
import numpy as np, fastmlp as fm
from fastmlp._base import interruption
from fastmlp._compiling import jit, threads
from fastmlp._engine import engine
from fastmlp._training import attempt

warnings.simplefilter("ignore", DeprecationWarning)  # forking beside threads is what is tried here

x = np.random.default_rng(0).normal(size=(60, 4)).astype("f4")
y = np.arange(60) % 3

def network(seed=0):
    model = fm.mlp([4], classes=3, seed=seed)
    model.compile("adam")
    return model

def in_child(function):
    '''The exit code of a child that runs a function; one that hangs is ended.'''
    child = os.fork()
    if child == 0:
        signal.alarm(60)
        code = 1
        try:
            function()
            code = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

class Says(fm.callbacks.Callback):
    '''Lets the other threads know that training goes on, until they say that it may end.'''
    def __init__(self):
        self.trains, self.may_end = threading.Event(), threading.Event()
    def on_batches_end(self, batch, logs):
        self.trains.set()
        time.sleep(0.001)
        if self.may_end.is_set():
            self.model.stop_training = True

model, says = network(), Says()

def train():
    model.fit(x, y, epochs=10**6, verbose=0, callbacks=[says])
"""


def run(code, **environment):
    assert run_python(PRELUDE + code, **{"NUMBA_DISABLE_JIT": "1", **environment}) == "fine"


TASKS = {
    "fit": "model.fit(x, y, verbose=0)",
    "resumed": "model.fit(x, y, epochs=len(model.history.epoch) + 1, resume=True, verbose=0)",
    "partial_fit": "model.partial_fit(x, y)",
    "compile": "model.compile('sgd'); model.fit(x, y, verbose=0)",
    "frozen": "model.layers[0].trainable = False; model.fit(x, y, verbose=0)",
    "another": "network().fit(x, y, verbose=0)",
    "predict": "assert np.isfinite(model.predict(x)).all(); model.evaluate(x, y)",
    "gradients": "model.gradients(x, y); model.gradient_check(x[:4], y[:4])",
    "folds": "fm.cross_validate(model, x, y, folds=2, workers=2)",
    "copy": "import copy; copy.deepcopy(model).fit(x, y, verbose=0)",
}


@pytest.mark.parametrize("task", TASKS)
def test_a_child_forked_while_another_thread_trains_can_train(task):
    run(f"""
thread = threading.Thread(target=train)
thread.start()
says.trains.wait(60)
codes = [in_child(lambda: exec({TASKS[task]!r}, globals())) for _ in range(3)]
try:
    model.fit(x, y, verbose=0)  # here the model is still being trained
    busy = False
except fm.BusyError:
    busy = True
says.may_end.set()
thread.join()
model.fit(x, y, verbose=0)
print("fine" if codes == [0, 0, 0] and busy else (codes, busy))
""")


def test_a_child_of_a_callback_can_train_the_model_and_does_not_disturb_its_parent():
    run("""
class Forks(fm.callbacks.Callback):
    def on_epoch_end(self, epoch, logs):
        codes.append(in_child(lambda: model.fit(x, y, verbose=0)))

codes = []
whole = network()
whole.fit(x, y, epochs=3, verbose=0)
model.fit(x, y, epochs=3, verbose=0, callbacks=[Forks()])
same = all((a == b).all() for a, b in zip(model.get_weights(), whole.get_weights()))
print("fine" if codes == [0, 0, 0] and same else codes)
""")


@pytest.mark.parametrize("lock", ["attempt._lock", "threads._launch_lock"])
def test_locks_that_another_thread_holds_are_free_in_the_child(lock):
    run(f"""
held, done = threading.Event(), threading.Event()
def hold():
    with {lock}:
        held.set()
        done.wait(60)
thread = threading.Thread(target=hold)
thread.start()
held.wait(60)
def use():
    assert {lock}.acquire(timeout=5)
    {lock}.release()
    network().fit(x, y, verbose=0)
code = in_child(use)
done.set()
thread.join()
print("fine" if code == 0 else code)
""")


CTRL_C = """
def press():
    signal.raise_signal(signal.SIGINT)

def is_ended():
    '''The first Ctrl-C must end a loop of the child's own, be it the main thread's child or not.'''
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    try:
        press()
        for _ in range(10**6):
            pass
    except KeyboardInterrupt:
        assert (interruption._console.entered, interruption._console.closed) == (0, 0)
        return
    raise AssertionError("swallowed")

def is_noted():
    '''In a context of the child's own, which may be the child of another thread, the first Ctrl-C is noted.'''
    try:
        with interruption.Interruption() as own:
            press()
            assert own.has_happened()
    except KeyboardInterrupt:
        return
    raise AssertionError("swallowed")
"""


@pytest.mark.parametrize("context", ["Interruption", "uninterrupted"])
def test_a_child_heeds_ctrl_c_at_once_whatever_its_parent_was_doing(context):
    run(
        CTRL_C
        + f"""
signal.signal(signal.SIGINT, signal.default_int_handler)
codes = []
with interruption.{context}():
    for check in (is_ended, is_noted):
        codes.append(in_child(check))
        thread = threading.Thread(target=lambda: codes.append(in_child(check)))
        thread.start()
        thread.join()
print("fine" if codes == [0, 0, 0, 0] else codes)
"""
    )


def test_a_child_that_goes_on_with_the_training_of_its_parent_ends_it_well():
    run("""
class Forks(fm.callbacks.Callback):
    child = None
    def on_epoch_begin(self, epoch):
        if epoch == 1:
            self.child = os.fork()

signal.signal(signal.SIGINT, signal.default_int_handler)
forks = Forks()
model.fit(x, y, epochs=3, verbose=0, callbacks=[forks])
model.fit(x, y, verbose=0)
assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
if forks.child == 0:
    os._exit(7)
print("fine" if os.waitstatus_to_exitcode(os.waitpid(forks.child, 0)[1]) == 7 else "not")
""")


@pytest.mark.needs_jit
def test_a_child_forked_while_another_thread_compiles_can_use_kernels(tmp_path):
    run(
        """
from fastmlp import kernels
y = np.empty((1, 3), np.float32)
given = np.array([[-1.0, 0.0, 2.0]], np.float32)
kernels.relu_forward
thread = threading.Thread(target=kernels.relu_forward, args=(y, given))
thread.start()
time.sleep(0.3)
def use():
    own = np.empty((1, 3), np.float32)
    kernels.relu_forward(own, given)
    assert own.tolist() == [[0, 0, 2]]
    kernels.relu_backward(own, given, given)
code = in_child(use)
thread.join()
print("fine" if code == 0 else code)
""",
        NUMBA_DISABLE_JIT="0",
        FASTMLP_CACHE_DIR=str(tmp_path),
    )


@pytest.mark.parametrize("name", ["Engine._network", "Engine._rows_kernel"])
def test_a_child_forked_while_another_thread_computes_a_property_can_predict(name):
    run(
        f"""
name = {name!r}.split(".")[1]
x = x[:2]
first, second = network(), network(1)
for model in (first, second):
    model.build(4)
computed = vars(engine.Engine)[name]
compute, reached, go_on = computed.func, threading.Event(), threading.Event()
def slowly(self):
    if threading.current_thread() is not threading.main_thread():
        reached.set()
        go_on.wait()
    return compute(self)
computed.func = slowly
thread = threading.Thread(target=first.predict, args=(x,))
thread.start()
reached.wait()
def use():
    signal.alarm(10)
    second.predict(x)
    first.predict(x)
code = in_child(use)
go_on.set()
thread.join()
print("fine" if code == 0 else code)
"""
    )
