"""Data for the command line, and files of them."""

import numpy as np

from . import models

TINY = ["--layers", "5", "--epochs", "2", "--batch-size", "20"]
WORDS = np.array(["iris", "rose", "tulip"])


def clusters(rows=60, width=12, seed=0):
    """Three classes that a short training tells apart."""
    return models.clusters(rows, width, seed, apart=3)


def write_csv(path, x, y=None, name="label", words=False):
    header = [f"x{i}" for i in range(x.shape[1])] + ([] if y is None else [name])
    labels = [[]] * len(x) if y is None else [[str(WORDS[k] if words else k)] for k in y]
    rows = [[str(value) for value in row] + label for row, label in zip(x, labels, strict=True)]
    path.write_text("\n".join(",".join(row) for row in [header, *rows]) + "\n")
    return str(path)


def lines_of(path):
    with open(path) as file:
        return file.read().splitlines()
