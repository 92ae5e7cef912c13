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
Numbers in CSV files are numbers; --features uint8 makes pixels of them. Images (IDX, mnist) and uint8 arrays are
pixels, which a model multiplies by 1/255. If a CSV file has no header and both its first and its last column could be
the label, use --label. The command prints which column is the label."""

_SPLIT = f"""\
{_DATA}
A CSV file has no test part, so a sixth of its rows becomes it, of each class in proportion, drawn with --seed.

{_READ}"""

_TRAIN = f"""\
Train a network, and report how good it is on the test part of the data.

{_SPLIT}

A CSV, Parquet or Feather file whose columns have names is a table: fastmlp train people.csv --label churned. Its
columns may hold numbers, texts, dates, True and False, and missing values. The command prints what it makes of each,
stops when validation rows show no more progress, and prints the scores with a baseline, and how much each column
matters. Names that only count the columns, such as pixel0 and pixel1, are those of images; --task auto reads such a
table like others.

The same command gives the same bits at any number of threads, unless --max-time or Ctrl-C ends it. After Ctrl-C, the
model so far is saved, and --resume continues its training."""

_AS_TRAINED = """\
A model of `fastmlp train` knows whether it was trained on pixels or numbers and which column was the label, and the
file is read in the same way. For other models, the file decides as for `fastmlp train`; see --features."""

_SWEEP = f"""\
Train many classifiers on the same data, several at once, and print them in a table, best first.

SETTINGS is a JSON file: a list of runs, [{{"layers": [128, 64], "learning_rate": 0.01}}, ...], or an object of lists
whose combinations are run, {{"layers": [[128], [128, 64]], "learning_rate": [0.01, 0.001], "epochs": 5}}.
A run may have name, layers (widths of the hidden layers), activation, optimizer, learning_rate, loss, metrics, dtype,
seed, batch_size, epochs, and other arguments of fastmlp.Sequential.fit.

{_SPLIT}

The best run on the validation rows is then tested on the test part. Ctrl-C ends the sweep. With --output, the same
command continues it, without training finished runs of the same settings and data again."""

_EVALUATE = f"""\
Print the loss and accuracy of a saved model on the test part of a data set, or on all rows of a CSV file.

{_DATA}

{_AS_TRAINED}"""

_PREDICT = f"""\
Apply a saved model to features without labels.

INPUT is a CSV file, an NPY file, or IDX images. A CSV file must have no label column, unless its header names it
label, labels, class or target. If the header has all columns that the model was trained on, other columns are left
out. The output is a probability for each class, or the most probable class with --classes, as CSV with a header or as
NPY. A model that was trained on words as labels gives words.

A model of a table with columns of any kind reads the raw file, with or without the label. It writes the label and a
probability for each class, or the predicted number; --keep writes columns of the file beside them.

{_AS_TRAINED}"""

_GRADCHECK = f"""\
Compare the gradients of backpropagation with finite differences, in float64, tensor by tensor.

It takes a saved model, or a new one with --layers, and the first rows of the test part of a data set or of a CSV
file. The exit code is 1 if a gradient is wrong. If a row lies within one step of the kink of a ReLU, the two differ
although the gradient is right; try a smaller --step or another --seed.

{_DATA}"""

_BENCHMARK = """\
Compare the speed with NumPy and the installed ones of scikit-learn, PyTorch, JAX, TensorFlow and onnxruntime.

All of them take turns in training two networks (W1, for MNIST or the built-in digits, and W4, a small one) and in
predicting, each in its own process, with the same weights, rows and order of rows. "x fastmlp" is the time divided by
fastmlp's. "loss differs" compares the loss of the first turn with that of NumPy in float64; libraries above 0.001 do
other arithmetic. Close other programs and run it twice: the spread shows how reliable the figures are."""


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
    _add_reading(parser, names=True)
    _add_table_options(parser)
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
        help="continue the training of a saved model on the same DATA; --epochs counts from its beginning, and the "
        "options of the model, --batch-size and --validation-split do not change",
    )
    parser.add_argument("--quiet", action="store_true", help="print only the result")


def _add_table_options(parser: argparse.ArgumentParser) -> None:
    table = parser.add_argument_group("tables with columns of any kind")
    table.add_argument(
        "--task",
        choices=("classification", "regression", "auto"),
        help="predict classes or a number (default: auto, which says what it chose and why)",
    )
    table.add_argument("--drop", metavar="NAMES", help="columns to leave out, with commas between them")
    table.add_argument("--weights", metavar="COLUMN", help="a column that says how much each row counts")
    table.add_argument("--test", metavar="FILE", help="a file of test rows (default: a sixth of the rows of DATA)")
    table.add_argument(
        "--folds",
        type=usage.whole_number(2),
        metavar="N",
        help="cross-validate with N folds instead of a test part; with --output, a model is then trained on all rows",
    )


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
    _add_seed(model, "the initial weights, the order of rows, and all splits", default=None)


def _add_fit_options(parser: argparse.ArgumentParser) -> None:
    fit = parser.add_argument_group("training")
    fit.add_argument(
        "--epochs",
        type=usage.whole_number(0),
        help="passes over the data (default: 5; for tables at most 200, until validation shows no more progress)",
    )
    fit.add_argument("--batch-size", type=usage.whole_number(1), metavar="ROWS", help="default: 128")
    fit.add_argument("--rows", type=usage.whole_number(1), help="train on only the first ROWS rows (default: all)")
    fit.add_argument(
        "--samples-per-epoch",
        type=usage.whole_number(1),
        metavar="N",
        help="rows in each epoch, newly drawn: full batches, or one smaller batch (default: all)",
    )
    _add_validation_split(fit, "validate with", note="; for tables 0.1, to stop in time")
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
        "--again", action="store_true", help="train all runs, even those in the folder with the same settings"
    )
    _add_validation_split(parser, "compare runs on", default=0.2)
    parser.add_argument("--metric", metavar="NAME", help="the metric to compare by (default: val_accuracy)")
    _add_seed(parser, "all splits, and of runs without their own seed")
    parser.add_argument(
        "--workers",
        type=usage.whole_number(1),
        metavar="N",
        help="how many runs at once, each on one thread; 1: one after another, on all threads (default: all threads)",
    )
    parser.add_argument("--quiet", action="store_true", help="print only the table and the result")


# ---------------------------------------------------------------- evaluate, predict


def _add_evaluate(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = _add_command(commands, "evaluate", _EVALUATE, "fastmlp evaluate MODEL [DATA] [options]")
    parser.add_argument("model", type=Path, metavar="MODEL", help="a model file")
    parser.add_argument("data", nargs="?", default="digits", metavar="DATA", help="default: digits")
    _add_reading(parser)
    _add_seed(parser, "digits: another seed gives other images")
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
    parser.add_argument("--classes", action="store_true", help="write the most probable class of each row")
    parser.add_argument(
        "--keep", metavar="NAMES", help="columns of a table to write beside the predictions, with commas between them"
    )
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
    check.add_argument("--rows", type=usage.whole_number(1), default=20, help="rows to use, as one batch (default: 20)")
    check.add_argument(
        "--samples", type=usage.whole_number(1), default=20, help="elements of each tensor to compare (default: 20)"
    )
    check.add_argument(
        "--step", type=usage.real_number(above=0), default=1e-5, help="step of the finite differences (default: 1e-5)"
    )
    check.add_argument(
        "--tolerance",
        type=usage.real_number(above=0),
        default=1e-5,
        metavar="ERROR",
        help="largest allowed error, relative to the largest derivative of the tensor (default: 1e-5)",
    )
    _add_seed(check, "the weights of a new model, the choice of elements, and digits")


# ---------------------------------------------------------------- options of several commands


def _add_hidden(model: argparse._ActionsContainer) -> None:
    model.add_argument(
        "--layers",
        type=usage.widths,
        metavar="WIDTHS",
        help='widths of the hidden layers; "" for none (default: 128,64; for tables 256,128)',
    )
    model.add_argument(
        "--activation",
        type=usage.activations,
        metavar="NAMES",
        help="activation of all hidden layers, or of each, separated by commas (default: relu; for tables gelu)",
    )


def _add_reading(parser: argparse.ArgumentParser, *, labels: bool = True, names: bool = False) -> None:
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
            help="the first N columns of a CSV file are one-hot labels; 0 for none",
        )
    kinds = "whether features are pixels, whole numbers from 0 to 255 (uint8), or numbers (float32)"
    if names:
        kinds += "; or the names of the columns of a table to learn from, with commas between them"
        reading.add_argument("--features", metavar="uint8|float32|NAMES", help=kinds)
    else:
        reading.add_argument("--features", choices=("uint8", "float32"), help=kinds)
    reading.add_argument(
        "--separator",
        type=usage.separator,
        metavar="CHARACTER",
        help="character between the fields of a CSV file (default: found by itself)",
    )
    reading.add_argument(
        "--decimal", choices=(".", ","), metavar="MARK", help='decimal mark of a CSV file, "." or "," (default: .)'
    )


def _add_seed(parser: argparse._ActionsContainer, of: str, default: int | None = 0) -> None:
    whole = usage.whole_number(0, below=2**63)
    parser.add_argument("--seed", type=whole, default=default, help=f"seed of {of} (default: 0)")


def _add_validation_split(
    parser: argparse._ActionsContainer, to: str, default: float | None = None, note: str = ""
) -> None:
    share = usage.real_number(minimum=0, below=1)
    text = f"share of the training rows, drawn at random from each class, to {to} (default: {default or 0}{note})"
    parser.add_argument("--validation-split", type=share, default=default, metavar="SHARE", help=text)


def _add_threads(parser: argparse._ActionsContainer) -> None:
    parser.add_argument(
        "--threads",
        type=usage.whole_number(1),
        metavar="N",
        help="maximum number of threads (default: OMP_NUM_THREADS, else one for each usable CPU)",
    )


# ---------------------------------------------------------------- info, cache, download


def _add_info(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    _add_command(commands, "info", "Versions, CPU, threads, kernel cache and data sets.")


def _add_cache(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = _add_command(commands, "cache", "Fill, empty or show the cache of compiled kernels.")
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--warm", action="store_true", help="compile the kernels of a first fit, evaluate and predict")
    what.add_argument("--clear", action="store_true", help="remove the compiled kernels of all versions")
    what.add_argument("--path", action="store_true", help="print the folder")
    parser.add_argument(
        "--dtype", choices=("float32", "float64", "all"), help="precision of the kernels to warm (default: float32)"
    )


def _add_download(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = _add_command(commands, "download", "Download a data set; existing files are kept.")
    parser.add_argument(
        "name", type=usage.data_name, choices=_DOWNLOADABLE, metavar="NAME", help="mnist or fashion_mnist"
    )
    parser.add_argument(
        "--to", type=Path, metavar="FOLDER", help="default: the folder for data sets (see `fastmlp info`)"
    )


# ---------------------------------------------------------------- benchmark


def _add_benchmark(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = _add_command(commands, "benchmark", _BENCHMARK)
    parser.add_argument("--rounds", type=usage.whole_number(1), default=5, help="turns of each library (default: 5)")
    parser.add_argument("--rows", type=usage.whole_number(1), metavar="N", help="train on fewer rows, which is quicker")
    _add_threads(parser)
    parser.add_argument(
        "--only", type=usage.names, metavar="NAMES", help='compare only these, such as "NumPy; JAX, scan"'
    )
    parser.add_argument(
        "--timeout",
        type=usage.real_number(above=0),
        default=120.0,
        metavar="SECONDS",
        help="maximum time of one turn; slower libraries are left out (default: 120)",
    )
    parser.add_argument(
        "--json", type=usage.file_in(".json"), metavar="FILE", help="write all measured times to this file"
    )
    parser.add_argument("--phases", action="store_true", help="show the phases of fastmlp's training instead")
