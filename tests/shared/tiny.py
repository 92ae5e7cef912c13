"""Forty rows of three classes, the smallest models for them, and other forms of the same arrays."""

import numpy as np

import fastmlp as fm

ROWS, FEATURES, CLASSES = 40, 5, 3


def numbers(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


X = numbers(ROWS, FEATURES)
Y = np.arange(ROWS) % CLASSES
X.setflags(write=False)
Y.setflags(write=False)


def network(*hidden, features=None, dtype="float32", **settings):
    model = fm.mlp(list(hidden or (4,)), classes=CLASSES, seed=0, dtype=dtype, **settings)
    if features:
        model.build(features)
    return model


def built(**settings):
    return network(features=FEATURES, **settings)


def fit(model=None, x=X, y=Y, **settings):
    model = network() if model is None else model
    return model.fit(x, y, **{"verbose": 0, **settings})


def all_finite(model):
    return all(np.isfinite(weight).all() for weight in model.get_weights())


def short(value):
    return str(value)[:24]


def strided(x):
    wide = np.zeros((2 * len(x), 2 * x.shape[1]), x.dtype)
    wide[::2, ::2] = x
    return wide[::2, ::2]


def unaligned(x):
    raw = bytearray(x.nbytes + 1)
    view = np.frombuffer(raw, np.uint8)[1:].view(x.dtype).reshape(x.shape)
    view[...] = x
    return view


FORMS = {
    "list": np.ndarray.tolist,
    "tuple": lambda x: tuple(map(tuple, x.tolist())),
    "F order": np.asfortranarray,
    "strided": strided,
    "reversed": lambda x: x[::-1].copy()[::-1],
    "unaligned": unaligned,
    "big endian": lambda x: x.astype(x.dtype.newbyteorder(">")),
    "float64": lambda x: x.astype(np.float64),
    "long double": lambda x: x.astype(np.longdouble),
    "extra axes": lambda x: x.reshape(len(x), 1, -1, 1),
    "broadcast": lambda x: np.broadcast_to(x[None], (1, *x.shape))[0],
}
