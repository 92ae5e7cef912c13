"""PyTorch's sequences of modules become models of ours, and ours become theirs, with the same predictions."""

import numpy as np
import pytest

import fastmlp as fm
from fastmlp import ArgumentError, activations, layers

torch = pytest.importorskip("torch")
nn = torch.nn

X = np.random.default_rng(0).normal(size=(40, 5))
DTYPES = ("float32", "float64")
OUT = fm.Dense(3, "softmax")
NEAR = {"float32": 2e-6, "float64": 1e-12}


def predictions(module, dtype):
    return predictions_of(module, X.astype(dtype))


def predictions_of(module, rows):
    with torch.no_grad():
        return module(torch.from_numpy(rows)).numpy()


def moved(module):
    """The module with statistics and factors that do something, in evaluation mode."""
    with torch.no_grad():
        for name, value in [*module.named_parameters(), *module.named_buffers()]:
            if value.dtype.is_floating_point:
                value.copy_(torch.rand_like(value) + 0.5 if "var" in name else value + 0.3 * torch.randn_like(value))
    return module.eval()


MODULES = {
    "activations": [nn.ReLU(), nn.LeakyReLU(0.3), nn.ELU(0.7), nn.SELU(), nn.GELU(), nn.GELU("tanh"), nn.SiLU()],
    "more activations": [nn.Mish(), nn.Sigmoid(), nn.Tanh(), nn.Softplus(), nn.Hardsigmoid(), nn.Hardswish()],
    "normalisations": [nn.BatchNorm1d(5), nn.LayerNorm(5), nn.BatchNorm1d(5, affine=False, momentum=0.3)],
    "layers without bias": [nn.Linear(5, 5, bias=False), nn.LayerNorm(5, elementwise_affine=False)],
    "what does nothing": [nn.Dropout(0.5), nn.Identity(), nn.Flatten(), nn.Sequential(nn.Linear(5, 5), nn.Dropout())],
}


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", MODULES)
def test_modules_are_imported(name, dtype):
    torch.manual_seed(0)
    inner = [part for module in MODULES[name] for part in (nn.Linear(5, 5), module)]
    theirs = moved(nn.Sequential(*inner, nn.Linear(5, 3), nn.Softmax(dim=-1)).to(getattr(torch, dtype)))
    ours = fm.import_model(theirs)
    assert ours.dtype == np.dtype(dtype)
    assert ours.layers[-1].activation == "softmax"
    np.testing.assert_allclose(ours.predict(X.astype(dtype)), predictions(theirs, dtype), atol=NEAR[dtype])


def hooked(module):
    module.register_forward_hook(lambda module, given, result: 2 * result)
    return module


def pruned(module):
    from torch.nn.utils import prune

    return prune.random_unstructured(module, "weight", amount=0.5)


def replaced(module):
    module.forward = lambda x: 2 * x
    return module


class Doubled(nn.Sequential):
    def forward(self, x):
        return 2 * super().forward(x)


Doubled.__name__ = "Sequential"


class Relu(nn.ReLU):
    pass


Relu.__name__ = "ReLU"


@pytest.mark.parametrize(
    ("module", "what"),
    [
        (nn.Conv1d(1, 1, 1), r"source\[1\] is a Conv1d"),
        (nn.Sequential(nn.PReLU()), r"source\[1\]\[0\] is a PReLU"),
        (nn.Softmax(dim=0), "dim is 0"),
        (nn.LogSoftmax(dim=1), "from_logits=True"),
        (nn.Softplus(beta=2), "beta is 2"),
        (nn.BatchNorm1d(4, track_running_stats=False), "no running statistics"),
        (nn.Softplus(threshold=5), "threshold is 5, from which on it is linear"),
        (nn.Flatten(0), "flattens dimensions 0 to -1"),
        (nn.Flatten(2), "flattens dimensions 2 to -1"),
        (nn.Flatten(1, 2), "flattens dimensions 1 to 2"),
        (hooked(nn.ReLU()), r"source\[1\], ReLU\(\), cannot be imported: it has hooks"),
        (pruned(nn.Linear(4, 4)), "it has hooks"),
        (replaced(nn.ReLU()), "forward\\(\\) was replaced"),
        (Doubled(nn.Linear(4, 4)), r"source\[1\] is a Sequential of your own"),
        (nn.Sequential(Relu()), r"source\[1\]\[0\] is a ReLU of your own"),
        (nn.Linear(4, 4, dtype=torch.complex64), "real numbers, not torch.complex64"),
        (nn.Linear(4, 4, device="meta"), "device 'meta'"),
    ],
)
def test_what_cannot_be_imported_is_named(module, what):
    with pytest.raises(ArgumentError, match=what):
        fm.import_model(nn.Sequential(nn.Linear(5, 4), module))


def test_a_softmax_of_rows_that_are_not_flat_is_refused():
    with pytest.raises(ArgumentError, match="Softmax comes before Flatten: put Flatten first"):
        fm.import_model(nn.Sequential(nn.Softmax(dim=1), nn.Flatten(), nn.Linear(8, 3)))
    fm.import_model(nn.Sequential(nn.Linear(5, 4), nn.Softmax(dim=1), nn.Flatten()))


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_small_numbers_become_float32(dtype):
    theirs = nn.Sequential(nn.Linear(5, 3)).to(getattr(torch, dtype))
    ours = fm.import_model(theirs)
    assert ours.dtype == np.float32
    np.testing.assert_array_equal(ours.get_weights()[0].T, theirs[0].weight.detach().float().numpy())


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shift", [0, 1e7])
def test_what_became_theirs_comes_back(dtype, shift):
    rows = X + shift
    model = fm.Sequential(every_layer(), dtype=dtype, seed=0)
    model.compile()
    model.fit(rows, np.arange(len(X)) % 3, epochs=3, verbose=0)
    again = fm.import_model(model.to_torch())
    assert len(list(layers.leaves(again.declarations))) == len(list(layers.leaves(model.declarations))) - 1  # Flatten
    np.testing.assert_allclose(again.predict(rows), model.predict(rows), atol=5 * NEAR[dtype])


def every_layer():
    """A network that has each type of layer."""
    inner = [fm.LayerNormalization(), fm.Dense(6, "gelu"), fm.Scale(), fm.Residual([fm.Dense(6, use_bias=False)])]
    network = [fm.Normalization(), fm.Dense(6), fm.BatchNormalization(), fm.Activation("relu"), fm.Residual(inner)]
    return [*network, fm.Dropout(0.2), fm.GaussianNoise(0.1), fm.Flatten(), fm.Scale(use_bias=False), OUT]


def trained(stack, dtype):
    model = fm.Sequential(stack, dtype=dtype, seed=0)
    model.compile()
    model.fit(X, np.arange(len(X)) % 3, epochs=3, verbose=0)
    return model


@pytest.mark.parametrize("dtype", DTYPES)
def test_every_layer_becomes_theirs(dtype):
    stack = every_layer()
    assert {type(layer) for layer in layers.leaves(stack)} | {fm.Residual} >= set(layers.TYPES.values())
    model = trained(stack, dtype)
    theirs = model.to_torch()
    assert not theirs.training
    np.testing.assert_allclose(predictions(theirs, dtype), model.predict(X.astype(dtype)), atol=NEAR[dtype])


@pytest.mark.parametrize("activation", [*activations.NAMES, "leaky_relu(0.3)", "elu(0.5)"])
def test_every_activation_goes_there_and_back(activation):
    model = trained([fm.Dense(4, activation), fm.Dense(3, "softmax")], "float64")
    theirs = model.to_torch()
    expected = model.predict(X)
    np.testing.assert_allclose(predictions(theirs, "float64"), expected, atol=1e-8)
    np.testing.assert_allclose(fm.import_model(theirs).predict(X), expected, atol=1e-12)


def test_large_means_keep_their_differences():
    rows = X + 1e7
    model = fm.Sequential([fm.Normalization(), fm.Dense(6, "elu"), OUT], seed=0)
    model.compile()
    model.fit(rows, np.arange(len(X)) % 3, epochs=3, verbose=0)
    found = model.to_torch()(torch.from_numpy(rows)).detach().numpy()
    np.testing.assert_allclose(found, model.predict(rows), atol=2e-6)


def test_bytes_are_numbers_and_not_pixels():
    theirs = nn.Sequential(nn.Linear(5, 3))
    rows = np.arange(20, dtype=np.uint8).reshape(4, 5)
    found = fm.import_model(theirs).predict(rows)
    np.testing.assert_allclose(found, predictions_of(theirs, rows.astype(np.float32)), rtol=1e-5)


def test_the_module_trains_on():
    theirs = trained(every_layer(), "float32").to_torch().train()
    loss = nn.functional.cross_entropy(theirs(torch.from_numpy(X.astype(np.float32))), torch.arange(len(X)) % 3)
    loss.backward()
    assert all(parameter.grad is not None for parameter in theirs.parameters())
