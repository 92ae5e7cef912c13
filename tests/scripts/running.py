"""Runs the scripts of this folder: as they stand with their peer, or with fastmlp by other import lines alone."""

import contextlib
import io
import os
import re
from pathlib import Path

HERE = Path(__file__).parent
SCRIPTS = sorted(path for path in HERE.glob("*.py") if path.name.startswith(("keras_", "sklearn_")))
PEERS = HERE / "peers.json"

# Import lines, and what becomes of them: nothing else of a script changes.
TO_FASTMLP = [
    (r"^from sklearn\.neural_network import", "from fastmlp.sklearn import"),
    (r"^from tensorflow import keras$", "import fastmlp as keras"),
    (r"^import keras$", "import fastmlp as keras"),
    (r"^from (?:tensorflow\.)?keras(\.[\w.]+)? import", r"from fastmlp\1 import"),
]
TO_KERAS_3 = [
    (r"^from tensorflow import keras$", "import keras"),
    (r"^from tensorflow\.keras(\.[\w.]+)? import", r"from keras\1 import"),
]
_SCORE = re.compile(r"^score: (?:np\.float\d+\()?([-+.\de]+)\)?$", re.MULTILINE)


def changed(text, replacements):
    """The text of a script with other import lines."""
    for pattern, replacement in replacements:
        text = re.sub(pattern, replacement, text, flags=re.MULTILINE)
    return text


def run(path, seed, *, with_peer=False):
    """Run a script, and return the score that it prints."""
    text = changed(path.read_text(), TO_KERAS_3 if with_peer else TO_FASTMLP)
    printed, before = io.StringIO(), os.environ.get("SEED")
    os.environ["SEED"] = str(seed)
    try:
        with contextlib.redirect_stdout(printed):
            exec(compile(text, str(path), "exec"), {"__name__": "__main__", "__file__": str(path)})
    finally:
        os.environ.pop("SEED") if before is None else os.environ.update(SEED=before)
    return float(_SCORE.findall(printed.getvalue())[-1])
