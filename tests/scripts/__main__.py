"""Run the scripts with their peers, and keep what they reached: `python -m tests.scripts` writes peers.json.

Keras 3 with any backend, and scikit-learn, must be installed.
"""

import contextlib
import io
import json
import sys

import numpy as np

from tests.scripts.running import PEERS, SCRIPTS, run

SEEDS = range(10)


def give_mnist_to_keras() -> None:
    """Let Keras's loader, which would download, read the files of FASTMLP_DATA."""
    from keras.datasets import mnist

    from fastmlp import datasets

    def load_data(path: str = "mnist.npz"):
        train, test = datasets.load("mnist")
        return tuple((x.reshape(-1, 28, 28), y.astype(np.uint8)) for x, y in (train, test))

    mnist.load_data = load_data


def main() -> None:
    """Run each script, or those that are named, with ten seeds."""
    give_mnist_to_keras()
    found = json.loads(PEERS.read_text()) if PEERS.exists() else {}
    for path in SCRIPTS:
        if len(sys.argv) > 1 and path.stem not in sys.argv[1:]:
            continue
        scores = []
        for seed in SEEDS:
            with contextlib.redirect_stdout(io.StringIO()), np.errstate(all="ignore"):
                scores.append(run(path, seed, with_peer=True))
        found[path.stem] = [round(score, 5) for score in scores]
        print(path.stem, found[path.stem], flush=True)
        PEERS.write_text(json.dumps(found, indent=1, sort_keys=True) + "\n")


if __name__ == "__main__":
    main()
