"""Several Python threads train and predict at once."""

import pytest

from ..shared.models import bits, data, network
from ..shared.processes import in_threads, needs_jit, run_python
from ..shared.runs import EPOCHS


@needs_jit
def test_models_train_in_other_threads_than_the_main_one():
    x, y = data(200)
    wanted, results = network(), {}
    wanted.fit(x, y, **EPOCHS)

    def train(number):
        model = network()
        model.fit(x, y, **EPOCHS)
        results[number] = bits(model)

    in_threads(train, range(4))
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
    output = run_python(EIGHT_THREADS, NUMBA_THREADING_LAYER=layer)
    if output == "no such layer":
        pytest.skip(f"this numba has no {layer}")
    assert output in (layer, "right")
