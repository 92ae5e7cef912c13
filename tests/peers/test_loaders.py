"""Data from PyTorch's DataLoader, and its tensors in place of arrays."""

import numpy as np
import pytest

import fastmlp as fm
from fastmlp._base.errors import ArgumentError, ArgumentTypeError

torch = pytest.importorskip("torch")
data = pytest.importorskip("torch.utils.data")

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(70, 1, 3)).astype(np.float32)
Y = (X[:, 0, 0] > 0).astype(np.int64)


def made():
    model = fm.Sequential([fm.Dense(4, activation="tanh"), fm.Dense(2, activation="softmax")], seed=0)
    model.compile(fm.Adam(0.02))
    return model


def trained(*given, **settings):
    model = made()
    model.fit(*given, epochs=2, verbose=0, **settings)
    return model


def loader(**settings):
    return data.DataLoader(data.TensorDataset(torch.tensor(X), torch.tensor(Y)), batch_size=16, **settings)


def weights(model):
    return np.concatenate([tensor.ravel() for tensor in model.get_weights()])


def test_a_data_loader_gives_the_steps_of_its_rows():
    expected = trained(X, Y, batch_size=16, shuffle=False, validation_data=(X, Y))
    model = trained(loader(), validation_data=loader())
    assert (weights(model) == weights(expected)).all()
    assert model.history["val_loss"] == pytest.approx(expected.history["val_loss"], rel=1e-6)
    assert tuple(model.evaluate(loader())) == pytest.approx(tuple(expected.evaluate(X, Y)), rel=1e-6)
    assert (model.predict(loader()) == expected.predict(X)).all()


def test_a_loader_that_shuffles_and_drops_rows_does_so_itself():
    model = trained(loader(shuffle=True, drop_last=True, generator=torch.Generator().manual_seed(0)))
    assert model.steps_done == 8


def test_an_iterable_data_set():
    class Rows(data.IterableDataset):
        def __iter__(self):
            return iter(zip(X, Y, strict=True))

    model = trained(data.DataLoader(Rows(), batch_size=16))
    assert (weights(model) == weights(trained(X, Y, batch_size=16, shuffle=False))).all()


def test_a_data_set_without_loader_is_refused():
    for rows in (data.TensorDataset(torch.tensor(X[:, 0]), torch.tensor(Y)),):
        with pytest.raises(ArgumentError, match=r"let torch.utils.data.DataLoader\(dataset, batch_size=32\)"):
            trained(rows)


def test_tensors_are_arrays():
    x, y = torch.tensor(X), torch.tensor(Y)
    expected, model = trained(X, Y), trained(x, y)
    assert (weights(model) == weights(expected)).all()
    assert (model.predict(x) == expected.predict(X)).all()
    assert (model.predict(x.requires_grad_()) == expected.predict(X)).all()
    assert model.evaluate(x, y) == expected.evaluate(X, Y)


def test_pixels_as_tensors():
    pixels = (RANDOM.uniform(size=(70, 3)) * 255).astype(np.uint8)
    source = data.DataLoader(data.TensorDataset(torch.tensor(pixels), torch.tensor(Y)), batch_size=16)
    model = trained(source)
    assert model.input_kind == "pixels"
    assert (weights(model) == weights(trained(pixels, Y, batch_size=16, shuffle=False))).all()


@pytest.mark.parametrize("kind", [torch.bfloat16, torch.complex64])
def test_tensors_that_numpy_cannot_read_are_refused(kind):
    with pytest.raises(ArgumentTypeError, match="x "):
        trained(torch.tensor(X[:, 0]).to(kind), Y)


def test_a_tensor_elsewhere_is_refused():
    with pytest.raises(ArgumentTypeError, match="x cannot be made into one array of numbers"):
        trained(torch.empty(70, 3, device="meta"), Y)
