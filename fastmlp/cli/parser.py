"""The commands and their options. It imports nothing heavy, because ``--help`` must be fast."""

from __future__ import annotations

import argparse
from pathlib import Path

from .._version import __version__
from . import usage

_DOWNLOADABLE = ("mnist", "fashion_mnist")
_LOSSES = ("categorical_crossentropy", "huber", "mean_absolute_error", "mean_squared_error", "sum_of_squares")

_DATA = """\
DATA is the name of a data set (digits, which is built in, mnist or fashion_mnist), a folder of IDX, NPZ or CSV
files, an NPZ file with x_train, y_train, x_test and y_test, or a CSV file with labels."""

_READ = """\
Tables, such as CSV files, are numbers. Only --features uint8 makes pixels of them, which a model multiplies by 1/255;
images (IDX, mnist) and uint8 arrays are pixels. Where no header says which column of a CSV file is the label, and the
first and the last column could both be it, --label must; what was taken as the label is printed."""

_TRAIN = f"""\
Train a classifier, and report its loss and accuracy on the test part of the data.

{_DATA}
A CSV file has no test part: a sixth of its rows, of each class in proportion, drawn by --seed, becomes it.

{_READ}

The same command gives the same model, to the bit, whatever the number of threads (but --max-time and Ctrl-C stop
where they stop). Ctrl-C ends training; the model so far is saved, and --resume goes on with it."""

_AS_TRAINED = """\
A model that `fastmlp train` saved knows whether it learned from pixels or from numbers, and which column was the label,
and the file is read in that way. For any other model, the file decides as for `fastmlp train`; see --features."""

_SWEEP = f"""\
Train many classifiers on the same data, several at once, and show them in a table, best first.

SETTINGS is a JSON file: a list of runs, [{{"layers": [128, 64], "learning_rate": 0.01}}, ...], or an object of lists,
of which all combinations are run, {{"layers": [[128], [128, 64]], "learning_rate": [0.01, 0.001], "epochs": 5}}.
A run may have name, layers (widths of the hidden layers), activation, optimizer, learning_rate, loss, metrics, dtype,
seed, batch_size, epochs, and other arguments of fastmlp.Sequential.fit.

{_DATA}
A CSV file has no test part: a sixth of its rows, of each class in proportion, drawn by --seed, becomes it.

{_READ}

The best run on the validation rows is then tested on the test part. Ctrl-C ends the sweep; with --output, the same
command goes on: runs that finished with the same settings, on the same data, are not trained again."""

_EVALUATE = f"""\
Loss and accuracy of a saved model on the test part of a data set, or on all rows of a CSV file.

{_DATA}

{_AS_TRAINED}"""

_PREDICT = f"""\
Apply a saved model to features without labels.

INPUT is a CSV file (without a label column, except one that its header calls label, labels, class or target), an
NPY file, or IDX images. Where a CSV file's header has all columns that the model was trained on, its others are left
out. The output is a probability for each class, or with --classes the most probable class: as CSV with a header, or
as NPY. A model that was trained on words as labels gives words.

{_AS_TRAINED}"""

_GRADCHECK = f"""\
Compare the gradients of backpropagation with finite differences, in float64, tensor by tensor.

Takes a saved model, or a new one of --layers, and the first rows of the test part of a data set, or of a CSV file.
The exit code is 1 if a gradient is wrong. Where a ReLU bends within a step of a row, the two differ, and no gradient
is wrong: a smaller --step or another --seed shows it.

{_DATA}"""

_BENCHMARK = """\
Speed on this machine, beside NumPy and whatever else is installed: scikit-learn, PyTorch, JAX, TensorFlow, onnxruntime.

Two networks are trained (W1: MNIST's, or the built-in digits'; W4: a small one), and predictions made, by all in
turn, each in a process of its own, with the same weights, rows and order of rows. "x fastmlp" is the time in units
of fastmlp's. "loss differs" compares the first turn's loss with that of NumPy in float64: who is further off than
0.001 does other arithmetic. Close other programs, and run it twice: the spread says how far to trust it."""


def build_parser() -> argparse.ArgumentParser:
    """The parser of the whole command line."""
    parser = argparse.ArgumentParser(
        prog="fastmlp", description="Train and run multilayer perceptrons on CPUs.", allow_abbrev=False
    )
    parser.add_argument("--version", action="version", version=f"fastmlp {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    _add_train(commands)
    _add_sweep(commands)
    _add_evaluate(commands)
    _add_predict(commands)
    _add_gradcheck(commands)
    _add_info(commands)
    _add_cache(commands)
    _add_download(commands)
    _add_benchmark(commands)
    return parser


def _add_command(
    commands: argparse._SubParsersAction[argparse.ArgumentParser],
    name: str,
    description: str,
    usage_line: str | None = None,
) -> argparse.ArgumentParser:
    parser = commands.add_parser(
        name,
        help=description.split("\n", maxsplit=1)[0].rstrip("."),
        description=description,
        usage=usage_line,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.set_defaults(parser=parser)
    return parser


# ---------------------------------------------------------------- train


def _add_train(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = _add_command(commands, "train", _TRAIN, "fastmlp train [DATA] [options]")
    parser.add_argument("data", nargs="?", default="digits", metavar="DATA", help="default: digits")
    _add_reading(parser)
    _add_model_options(parser)
    _add_fit_options(parser)
    files = parser.add_argument_group("files")
    files.add_argument(
        "--output", type=usage.file_in(".npz"), metavar="MODEL", help="save the model to this file (.npz)"
    )
    files.add_argument(
        "--history", type=usage.file_in(".csv"), metavar="CSV", help="write a line for each epoch to this file (.csv)"
    )
    files.add_argument(
        "--resume",
        type=Path,
        metavar="MODEL",
        help="go on with the training of a saved model, on the same DATA; --epochs counts from its beginning, and "
        "the options of the model, --batch-size and --validation-split are as they were",
    )
    parser.add_argument("--quiet", action="store_true", help="print the result alone")


def _add_model_options(parser: argparse.ArgumentParser) -> None:
    # The command fills in defaults, because none of these may be given with --resume.
    model = parser.add_argument_group("model")
    _add_hidden(model)
    model.add_argument("--dtype", choices=("float32", "float64"), help="precision (default: float32)")
    model.add_argument("--optimizer", type=usage.optimizer, metavar="NAME", help="such as adam or sgd (default: adam)")
    model.add_argument("--loss", choices=_LOSSES, help="default: categorical_crossentropy")
    model.add_argument(
        "--learning-rate", type=usage.real_number(above=0), metavar="RATE", help="default: the optimizer's own"
    )
    model.add_argument(
        "--seed",
        type=usage.whole_number(0, below=2**63),
        help="of the initial weights, the order of rows, and all splits (default: 0)",
    )


def _add_fit_options(parser: argparse.ArgumentParser) -> None:
    fit = parser.add_argument_group("training")
    fit.add_argument("--epochs", type=usage.whole_number(0), default=5, help="passes over the data (default: 5)")
    fit.add_argument("--batch-size", type=usage.whole_number(1), metavar="ROWS", help="default: 128")
    fit.add_argument("--rows", type=usage.whole_number(1), help="train on the first so many rows (default: all)")
    fit.add_argument(
        "--samples-per-epoch",
        type=usage.whole_number(1),
        metavar="N",
        help="rows of an epoch, drawn anew for each: in whole batches, or one smaller batch (default: all)",
    )
    fit.add_argument(
        "--validation-split",
        type=usage.real_number(minimum=0, below=1),
        metavar="SHARE",
        help="share of the training rows, drawn at random from each class, to validate with (default: 0)",
    )
    fit.add_argument(
        "--max-time", type=usage.real_number(above=0), metavar="SECONDS", help="end training after this time"
    )
    _add_threads(fit)


# ---------------------------------------------------------------- sweep


def _add_sweep(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = _add_command(commands, "sweep", _SWEEP, "fastmlp sweep SETTINGS [DATA] [options]")
    parser.add_argument("settings", type=Path, metavar="SETTINGS", help="a JSON file")
    parser.add_argument("data", nargs="?", default="digits", metavar="DATA", help="default: digits")
    _add_reading(parser)
    parser.add_argument(
        "--output",
        type=Path,
        metavar="FOLDER",
        help="save each run's model (.npz), its settings and results (.json), and summary.csv and summary.txt here",
    )
    parser.add_argument(
        "--again", action="store_true", help="train all runs, also those that the folder has with the same settings"
    )
    parser.add_argument(
        "--validation-split",
        type=usage.real_number(minimum=0, below=1),
        default=0.2,
        metavar="SHARE",
        help="share of the training rows, drawn at random from each class, to compare runs on (default: 0.2)",
    )
    parser.add_argument("--metric", metavar="NAME", help="what to compare by (default: val_accuracy)")
    parser.add_argument(
        "--seed",
        type=usage.whole_number(0, below=2**63),
        default=0,
        help="of all splits, and of runs that have none of their own (default: 0)",
    )
    parser.add_argument(
        "--workers",
        type=usage.whole_number(1),
        metavar="N",
        help="runs at once, each on one thread; 1: one after another, on all (default: as many as there are threads)",
    )
    parser.add_argument("--quiet", action="store_true", help="print the table and the result alone")


# ---------------------------------------------------------------- evaluate, predict


def _add_evaluate(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = _add_command(commands, "evaluate", _EVALUATE, "fastmlp evaluate MODEL [DATA] [options]")
    parser.add_argument("model", type=Path, metavar="MODEL", help="a model file")
    parser.add_argument("data", nargs="?", default="digits", metavar="DATA", help="default: digits")
    _add_reading(parser)
    parser.add_argument(
        "--seed", type=usage.whole_number(0), default=0, help="of digits: another one gives other images (default: 0)"
    )
    _add_threads(parser)


def _add_predict(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = _add_command(commands, "predict", _PREDICT, "fastmlp predict MODEL INPUT [options]")
    parser.add_argument("model", type=Path, metavar="MODEL", help="a model file")
    parser.add_argument("input", metavar="INPUT", help="a file of features")
    parser.add_argument(
        "--output",
        type=usage.file_in(".csv", ".npy"),
        metavar="FILE",
        help="a .csv or .npy file (default: CSV on stdout)",
    )
    parser.add_argument("--classes", action="store_true", help="give the most probable class of each row")
    _add_reading(parser, labels=False)
    _add_threads(parser)


# ---------------------------------------------------------------- gradcheck


def _add_gradcheck(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = _add_command(commands, "gradcheck", _GRADCHECK, "fastmlp gradcheck [DATA] [options]")
    parser.add_argument("data", nargs="?", default="digits", metavar="DATA", help="default: digits")
    _add_reading(parser)
    model = parser.add_argument_group("model")
    model.add_argument("--model", type=Path, metavar="MODEL", help="a model file (default: a new model)")
    _add_hidden(model)
    check = parser.add_argument_group("check")
    check.add_argument("--rows", type=usage.whole_number(1), default=20, help="all are one batch (default: 20)")
    check.add_argument(
        "--samples", type=usage.whole_number(1), default=20, help="elements of each tensor to look at (default: 20)"
    )
    check.add_argument(
        "--step", type=usage.real_number(above=0), default=1e-5, help="of the finite differences (default: 1e-5)"
    )
    check.add_argument(
        "--tolerance",
        type=usage.real_number(above=0),
        default=1e-5,
        metavar="ERROR",
        help="largest error, relative to the largest derivative of the tensor (default: 1e-5)",
    )
    check.add_argument(
        "--seed",
        type=usage.whole_number(0, below=2**63),
        default=0,
        help="of the weights of a new model, the choice of elements, and digits (default: 0)",
    )


# ---------------------------------------------------------------- options of several commands


def _add_hidden(model: argparse._ActionsContainer) -> None:
    model.add_argument(
        "--layers",
        type=usage.widths,
        metavar="WIDTHS",
        help='widths of the hidden layers; "" for none (default: 128,64)',
    )
    model.add_argument(
        "--activation",
        type=usage.activations,
        metavar="NAMES",
        help="of the hidden layers: one for all, or one for each with commas between them (default: relu)",
    )


def _add_reading(parser: argparse.ArgumentParser, *, labels: bool = True) -> None:
    reading = parser.add_argument_group("how a file is read")
    if labels:
        reading.add_argument(
            "--label",
            type=usage.column,
            metavar="COLUMN",
            help="name or number (from 0; -1 is the last) of the label column of a CSV file",
        )
        reading.add_argument(
            "--one-hot",
            type=usage.whole_number(0),
            metavar="N",
            help="the first N columns of a CSV file are one-hot labels; 0: they are not",
        )
    reading.add_argument(
        "--features",
        choices=("uint8", "float32"),
        help="features are pixels, whole numbers of 0 to 255 (uint8), or numbers (float32)",
    )
    reading.add_argument(
        "--separator",
        type=usage.separator,
        metavar="CHARACTER",
        help="between the fields of a CSV file (default: found)",
    )
    reading.add_argument(
        "--decimal", choices=(".", ","), metavar="MARK", help='decimal mark of a CSV file, "." or "," (default: .)'
    )


def _add_threads(parser: argparse._ActionsContainer) -> None:
    parser.add_argument(
        "--threads",
        type=usage.whole_number(1),
        metavar="N",
        help="at most this many (default: what OMP_NUM_THREADS says, else one for each CPU that may be used)",
    )


# ---------------------------------------------------------------- info, cache, download


def _add_info(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    _add_command(commands, "info", "Versions, CPU, threads, kernel cache and data sets.")


def _add_cache(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = _add_command(commands, "cache", "Fill, empty or find the cache of compiled kernels.")
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--warm", action="store_true", help="compile what a first fit, evaluate and predict need")
    what.add_argument("--clear", action="store_true", help="remove the compiled kernels of all versions")
    what.add_argument("--path", action="store_true", help="print the folder")
    parser.add_argument(
        "--dtype", choices=("float32", "float64", "all"), help="precision of the kernels to warm (default: float32)"
    )


def _add_download(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = _add_command(commands, "download", "Download a data set; what is there already is kept.")
    parser.add_argument(
        "name", type=usage.data_name, choices=_DOWNLOADABLE, metavar="NAME", help="mnist or fashion_mnist"
    )
    parser.add_argument(
        "--to", type=Path, metavar="FOLDER", help="default: where fastmlp looks for data sets (see `fastmlp info`)"
    )


# ---------------------------------------------------------------- benchmark


def _add_benchmark(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = _add_command(commands, "benchmark", _BENCHMARK)
    parser.add_argument("--rounds", type=usage.whole_number(1), default=5, help="turns of each (default: 5)")
    parser.add_argument("--rows", type=usage.whole_number(1), metavar="N", help="train on so many rows: quicker")
    _add_threads(parser)
    parser.add_argument(
        "--only", type=usage.names, metavar="NAMES", help='such as "NumPy; JAX, scan": fastmlp and these alone'
    )
    parser.add_argument(
        "--timeout",
        type=usage.real_number(above=0),
        default=120.0,
        metavar="SECONDS",
        help="for one turn; who is slower is left out (default: 120)",
    )
    parser.add_argument(
        "--json", type=usage.file_in(".json"), metavar="FILE", help="write all measured times to this file"
    )
    parser.add_argument("--phases", action="store_true", help="instead, show where the time of fastmlp's training goes")
