"""`predict` through both of its kernels: bits, forms of input, numbers that are not finite, threads, memory."""

import copy
import pickle
import threading
import tracemalloc

import numpy as np
import pytest

import fastmlp as fm
from fastmlp import ArgumentError, kernels
from fastmlp._base import tables
from fastmlp._compiling import jit
from fastmlp._engine import program

from ..shared.models import bits, data
from ..shared.processes import in_threads, needs_jit, run_python

FEATURES, CLASSES = 20, 4
FEW, MANY = 3, 40 if jit.jit_disabled() else 1000  # rows for the one kernel, and for the other


def network(hidden=(64,), dtype="float32", **settings):
    model = fm.mlp(list(hidden), classes=CLASSES, seed=0, dtype=dtype, **settings)
    model.build(FEATURES)
    return model


def rows_of(count, dtype="float32", seed=0):
    return np.random.default_rng(seed).normal(size=(count, FEATURES)).astype(dtype)


@pytest.fixture(params=["few", "many"])
def rows(request, monkeypatch):
    """A number of rows that the one path of `predict` takes, or the other."""
    if request.param == "few":
        return FEW
    monkeypatch.setattr(fm.engine, "_PARALLEL_FORWARD_WORK", 0)
    return MANY


# ---------------------------------------------------------------- the same result for every form


@pytest.mark.parametrize("hidden", [(), (1,), (33, 17)], ids=str)
def test_a_row_has_the_same_bits_among_any_number_of_rows(hidden, dtype, monkeypatch):
    monkeypatch.setattr(fm.engine, "_PARALLEL_FORWARD_WORK", 0)
    model = network(hidden, dtype)
    x = rows_of(MANY, dtype)
    whole = model.predict(x)
    for count in (1, 2, 63, 64, 65, MANY):
        for few in (1, MANY):
            model.engine.few_rows = few
            assert model.predict(x[:count]).tobytes() == whole[:count].tobytes()
            assert model.predict(x[-count:]).tobytes() == whole[-count:].tobytes()


FORMS = {
    "read only": lambda x: np.broadcast_to(x, x.shape),
    "F order": np.asfortranarray,
    "backwards": lambda x: x[::-1, ::-1].copy()[::-1, ::-1],
    "list": lambda x: x.tolist(),
    "float64": lambda x: x.astype(np.float64),
    "big endian": lambda x: x.astype(">f4"),
    "3 dimensions": lambda x: x.reshape(len(x), 4, 5),
    "matrix": lambda x: x.view(Subclass),
}


class Subclass(np.ndarray):
    """As the arrays of other libraries are."""


@pytest.mark.parametrize("form", FORMS)
def test_the_form_of_the_input_changes_no_bit(form, rows):
    model, x = network(), rows_of(rows)
    wanted = model.predict(x)
    predicted = model.predict(FORMS[form](x))
    assert type(predicted) is np.ndarray
    assert predicted.tobytes() == wanted.tobytes()


def test_pixels_are_scaled_whatever_their_number(rows):
    model, pixels = network(), np.random.default_rng(0).integers(0, 256, (rows, FEATURES), np.uint8)
    wanted = model.predict(pixels * np.float32(model.uint8_scale))
    np.testing.assert_array_equal(model.predict(pixels), wanted)
    assert model.predict(pixels.reshape(rows, 5, 4)).tobytes() == model.predict(pixels).tobytes()


def test_the_output_array_is_returned_and_overwritten(rows):
    model, x = network(), rows_of(rows)
    out = np.full((rows, CLASSES), np.nan, np.float32)
    assert model.predict(x, out=out) is out
    assert out.tobytes() == model.predict(x).tobytes()


@pytest.mark.parametrize("shift", [0, 1, -1])
def test_the_output_may_lie_over_the_input(shift, rows):
    model = fm.Sequential([fm.Dense(FEATURES, "relu"), fm.Dense(FEATURES)], seed=0)
    model.build(FEATURES)
    store = rows_of(rows + 2)
    x, out = store[1:-1], store[1 + shift :][:rows]
    wanted = model.predict(x)
    assert model.predict(x, out=out) is out
    assert out.tobytes() == wanted.tobytes()


# ---------------------------------------------------------------- numbers that are not finite


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("hidden", [(), (8, 8)], ids=str)
def test_a_number_that_is_not_finite_is_named_wherever_it_is(hidden, value, rows, dtype):
    model = network(hidden, dtype)
    for row in {0, 1, rows // 2, rows - 1}:
        for column in (0, 7, FEATURES - 1):
            x = rows_of(rows, dtype)
            x[row, column] = value
            with pytest.raises(ArgumentError, match=rf"^x must be finite, but x\[{row}, {column}\] is {value}"):
                model.predict(x)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_one_row_that_is_not_finite_is_refused(value):
    x = rows_of(1)
    x[0, -1] = value
    with pytest.raises(ArgumentError, match=r"x\[0, 19\] is"):
        network().predict(x)


@pytest.mark.parametrize("form", ["F order", "list", "float64", "3 dimensions"])
def test_the_place_is_named_in_other_forms_too(form, rows):
    x = rows_of(rows)
    x[2, 9] = np.nan
    with pytest.raises(ArgumentError, match=r"x\[2, 9\] is nan"):
        network().predict(FORMS[form](x))


def test_a_number_too_large_for_the_precision_is_named_as_it_came(rows):
    x = rows_of(rows, "float64")
    x[1, 3] = 1e300
    with pytest.raises(ArgumentError, match=r"x\[1, 3\] is 1e\+300: that is too large for float32"):
        network().predict(x)


def test_the_place_is_named_where_the_output_has_overwritten_it(rows):
    model = fm.Sequential([fm.Dense(FEATURES)], seed=0)
    model.build(FEATURES)
    for form in (lambda x: x, lambda x: x.reshape(rows, 4, 5)):
        x = rows_of(rows)
        x[2, 9] = np.inf
        with pytest.raises(ArgumentError, match=r"x\[2, 9\] is inf"):
            model.predict(form(x), out=x)


@pytest.mark.parametrize("x", [[1.0, 1.0], [1.0, -1.0], [3e38, 3e38], [0.5, 0.5]], ids=str)
def test_outputs_that_overflow_are_refused(x, rows):
    model = fm.Sequential([fm.Dense(2, use_bias=False), fm.Dense(3, use_bias=False)], seed=0)
    model.build(2)
    model.set_weights([[[3e38, -3e38], [3e38, -3e38]], [[1, 1, 1], [1, 1, 1]]])
    if x[0] * x[1] < 0.5:
        predicted = model.predict(np.tile(np.float32(x), (rows, 1)))
        assert predicted.tobytes() == np.tile(predicted[:1], (rows, 1)).tobytes()
        return
    with pytest.raises(ArgumentError, match=r"row 0 is finite, but .* output 0 nan"):  # inf − inf
        model.predict(np.tile(np.float32(x), (rows, 1)))


def test_large_outputs_whose_sum_overflows_raise_no_warning(rows):
    model = fm.Sequential([fm.Dense(1, use_bias=False)], seed=0)
    model.build(1)
    model.set_weights([[[1.0]]])
    x = np.full((rows, 1), 3e38, np.float32)
    assert model.predict(x).tobytes() == x.tobytes()
    model.set_weights([[[3e38]]])
    x[::2] *= -1
    with pytest.raises(ArgumentError, match=r"row 0 is finite, but .* output 0 -inf"):
        model.predict(x)


# ---------------------------------------------------------------- memory


@needs_jit
@pytest.mark.parametrize(("count", "bound"), [(60_000, 100_000), (1, 4_000)])
@pytest.mark.parametrize("n_threads", [1, None])
def test_a_call_with_an_output_array_takes_no_memory(count, bound, n_threads):
    model, x = network(), rows_of(count)
    out = np.empty((count, CLASSES), np.float32)
    for _ in range(2):
        model.predict(x, out=out, n_threads=n_threads)
    tracemalloc.start()
    try:
        model.predict(x, out=out, n_threads=n_threads)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < bound


@needs_jit
def test_a_block_of_wide_rows_takes_no_memory():
    model = fm.mlp([128, 64], classes=10, seed=0)
    model.build(784)
    x, out = np.ones((64, 784), np.float32), np.empty((64, 10), np.float32)
    for _ in range(2):
        model.predict(x, out=out, n_threads=1)
    tracemalloc.start()
    try:
        model.predict(x, out=out, n_threads=1)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 10_000


@pytest.mark.parametrize("n_threads", [1, 2, 64])
@pytest.mark.parametrize("widths", [(4096, 4096, 10), (16,), (20_000, 10)], ids=str)
def test_a_workspace_is_bounded_for_large_networks_and_batches(widths, n_threads):
    """By 64 MB (`_WORKSPACE_BYTES`), or by one block for each thread where that is more."""
    layers = [*(fm.Dense(width, "relu") for width in widths[:-1]), fm.Dense(widths[-1], "softmax")]
    built = program.build(layers, 784, np.dtype(np.float32), kernels.panel_width("float32"), fuse=True)
    plan = built.new_plan(60_000, n_threads).view(tables.PLAN)[0]
    blocks, block_bytes = int(plan.blocks), int(plan.block_size) * 4
    assert blocks * block_bytes <= max(program._WORKSPACE_BYTES, n_threads * block_bytes)
    assert blocks >= n_threads
    assert plan.block_rows <= plan.capacity <= program.BLOCK_ROWS + 1
    assert block_bytes >= built.columns * int(plan.block_rows) * 4


@needs_jit
@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_full_batch_descent_in_rounds_equals_descent_at_once(optimizer, dtype, monkeypatch):
    x, y = data(700)
    trained = {}
    for bound in (64 << 20, 500_000, 0):
        monkeypatch.setattr(program, "_WORKSPACE_BYTES", bound)
        for n_threads in (1, 2):
            model = network((65, 33), dtype)
            model.compile(optimizer)
            history = model.fit(x, y, batch_size=700, epochs=4, verbose=0, n_threads=n_threads)
            trained[bound, n_threads] = bits(model), history["loss"], int(model.engine.program.new_plan(700, 1)[8])
    rounds = {bound: -(-11 // blocks) for (bound, _), (_, _, blocks) in trained.items()}
    assert rounds[64 << 20] == 1 < rounds[500_000] < rounds[0] == 11
    assert len({(weights, tuple(losses)) for weights, losses, _ in trained.values()}) == 1


# ---------------------------------------------------------------- threads


@needs_jit
def test_eight_python_threads_predict_different_numbers_of_rows_at_once():
    model = network((128, 128))
    x = rows_of(3000)
    whole, wrong = model.predict(x, n_threads=1), []

    def work(number):
        for count in (1, 2, 3, 64, 65, 100 + number, 1000 + number, 3000):
            start = number * (len(x) - count) // 7
            part = slice(start, start + count)
            wrong.extend((number, count) for _ in range(3) if model.predict(x[part]).tobytes() != whole[part].tobytes())

    in_threads(work, range(8))
    assert not wrong


@needs_jit
def test_predicting_while_another_thread_trains():
    model = network((128,))
    x, y = data(2000)
    outputs = []

    def train():
        model.fit(x, y, batch_size=64, epochs=60, verbose=0)

    thread = threading.Thread(target=train)
    thread.start()
    while thread.is_alive() or not outputs:
        outputs += [model.predict(x[:1]), model.predict(x)]
    thread.join()
    for output in outputs:
        np.testing.assert_allclose(output.sum(axis=1), 1, rtol=1e-5)
    assert model.predict(x).tobytes() == copy.deepcopy(model).predict(x).tobytes()


IDLE = """
import time
import numpy as np
import fastmlp as fm

model = fm.mlp([256], classes=10, seed=0)
model.build(64)
x = np.ones((20_000, 64), np.float32)
for _ in range(5):
    model.predict(x, n_threads=2)
time.sleep(0.3)
before = time.process_time()
time.sleep(1)
print(time.process_time() - before)
"""


@needs_jit
def test_no_thread_goes_on_spinning_after_a_prediction(tmp_path):
    assert float(run_python(IDLE, OMP_WAIT_POLICY=None)) < 0.2


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))], ids=["deepcopy", "pickle"])
def test_a_copy_of_a_model_that_has_predicted_predicts_the_same(copied, dtype):
    model, x = network((33,), dtype), rows_of(MANY, dtype)
    wanted = model.predict(x).tobytes()
    model.predict(x[:1])
    again = copied(model)
    assert again.predict(x).tobytes() == wanted
    assert again.predict(x[:1]).tobytes() == wanted[: CLASSES * model.dtype.itemsize]
    again.set_weights([w * 0 for w in again.get_weights()])
    assert model.predict(x).tobytes() == wanted
