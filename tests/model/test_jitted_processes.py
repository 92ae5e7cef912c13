"""`jitted` in other processes: numba's disk cache, and forked children."""

from ..shared.processes import needs_fork, needs_jit, run_python

SIMULATION = """
import numba
import numpy as np
from fastmlp.jitted import predict
from fastmlp.kernels import tables

WEIGHTS, NETWORK = np.load("weights.npy"), np.load("network.npy")

@numba.njit(nogil=True, cache=True)
def serial(out, x, weights, network):
    for i in range(len(x)):
        predict(out[i], x[i], weights, network)

@numba.njit(parallel=True, cache=True)
def parallel(out, x, weights, network):
    for i in numba.prange(len(x)):
        predict(out[i], x[i], weights, network)

@numba.njit(cache=True)
def frozen(out, x):  # numba makes constants of both arrays
    predict(out, x, WEIGHTS, NETWORK)

def check(x, wanted, *arrays):
    for function, arguments in ((parallel, arrays), (serial, arrays), (frozen, ())):
        out = np.full_like(wanted, np.nan)
        function(out, x, *arguments)
        assert out.tobytes() == wanted.tobytes(), function
    hits, misses = [], []
    for function in (serial, parallel, frozen):
        hits.append(sum(function.stats.cache_hits.values()))
        misses.append(sum(function.stats.cache_misses.values()))
    print(hits, misses)
"""

WITH_MODEL = """
import numpy as np
import fastmlp as fm
from fastmlp._compiling import jit

model = fm.mlp([33], classes=7, seed=0)
model.build(37)
predict, weights, network = model.jitted()
np.save("weights.npy", weights)
np.save("network.npy", network)
x = np.random.default_rng(0).normal(size=(100, 37)).astype("f4")
np.save("x.npy", x)
np.save("wanted.npy", model.predict(x))
import simulation
simulation.check(x, model.predict(x), weights, network)
other = fm.mlp([5, 5], classes=3, seed=0)  # another architecture, the same code
other.build(2)
out = np.zeros((1, 3), np.float32)
simulation.serial(out, np.ones((1, 2), np.float32), *other.jitted()[1:])
assert (out == other.predict([[1, 1]])).all()
print(len(simulation.serial.signatures), jit.compilations)
"""

WITHOUT_MODEL = """
import numpy as np
import simulation
from fastmlp._compiling import jit
from fastmlp import jitted

assert jitted._entry_point("float32")._cell.value == 0  # nobody has asked for the kernel yet
simulation.check(*(np.load(f"{name}.npy") for name in ("x", "wanted", "weights", "network")))
print(jit.compilations)
"""


@needs_jit
def test_cached_functions_compile_nothing_in_other_processes(tmp_path):
    (tmp_path / "simulation.py").write_text(SIMULATION)
    cached, compiled = "[1, 1, 1] [0, 0, 0]", "[0, 0, 0] [1, 1, 1]"
    assert run_python(WITH_MODEL, folder=tmp_path) == f"{compiled}\n1 []"
    assert run_python(WITH_MODEL, folder=tmp_path) == f"{cached}\n1 []"
    assert run_python(WITHOUT_MODEL, folder=tmp_path) == f"{cached}\n[]"


FORK = """
import os
import numba
import numpy as np
import fastmlp as fm

model = fm.mlp([33], classes=7, seed=0)
model.build(37)
predict, weights, network = model.jitted()

@numba.njit
def call(out, x, weights, network):
    predict(out, x, weights, network)

x = np.ones((100, 37), np.float32)
wanted = model.predict(x)

def check():
    out = np.zeros_like(wanted)
    call(out, x, weights, network)
    return out.tobytes() == wanted.tobytes()

for forked in ("before the first call", "after a call"):
    child = os.fork()
    if child == 0:
        os._exit(0 if check() else 1)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), check())
"""


@needs_jit
@needs_fork
def test_a_forked_child_calls_the_network(tmp_path):
    assert run_python(FORK, "-W", "ignore::DeprecationWarning") == "0 True\n0 True"
