"""Loaders and tensors with the protocols of other libraries, without these libraries."""

import numpy as np


class Tensor:
    """A tensor that NumPy reads through its method ``numpy`` alone."""

    def __init__(self, values):
        self.values = np.asarray(values)
        self.shape, self.dtype = self.values.shape, f"torch.{self.values.dtype}"

    def numpy(self):
        return self.values


class Recorded:
    """A tensor that records its gradient: it must be detached before NumPy can read it."""

    requires_grad = True

    def __init__(self, values):
        self.values, self.shape = np.asarray(values), np.shape(values)

    def __array__(self, dtype=None, copy=None):
        raise RuntimeError("Can't call numpy() on Tensor that requires grad. Use tensor.detach().numpy() instead.")

    def detach(self):
        return self.values


class Numbered:
    """As keras.utils.Sequence: batches by their number, told of the ends of epochs."""

    def __init__(self, batches):
        self.batches, self.ends, self.asked = list(batches), 0, []

    def __len__(self):
        return len(self.batches)

    def __getitem__(self, place):
        self.asked.append(place)
        return self.batches[place]

    def on_epoch_end(self):
        self.ends += 1


class Loader:
    """As a PyTorch DataLoader: lists of tensors, anew for each loop, with a length and without numbers."""

    def __init__(self, batches, form=Tensor):
        self.batches, self.form, self.loops = list(batches), form, 0

    def __len__(self):
        return len(self.batches)

    def __iter__(self):
        self.loops += 1
        for parts in self.batches:
            yield [self.form(part) for part in parts]


class Stream:
    """As a tf.data.Dataset: tuples of tensors, anew for each loop, of a length that it does not know."""

    def __init__(self, batches):
        self.batches = list(batches)

    def __len__(self):
        raise TypeError("The dataset length is unknown.")

    def __iter__(self):
        return (tuple(Tensor(part) for part in parts) for parts in self.batches)


def generator(batches, times=None):
    """A generator function's result: all batches so many times; by default without an end."""
    count = 0
    while times is None or count < times:
        yield from batches
        count += 1


def divided(size, *arrays):
    """The batches of arrays."""
    return [tuple(array[start : start + size] for array in arrays) for start in range(0, len(arrays[0]), size)]
