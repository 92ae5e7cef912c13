"""Pieces of the Python files that `fastmlp._exporting.numpy_source` writes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .outputs import ABOVE, SECOND

if TYPE_CHECKING:
    from .description import Description

ACTIVATIONS = {
    "relu": """
def _relu(x):
    return np.maximum(x, 0)
""",
    "softmax": """
def _softmax(x):
    e = np.exp(x - x.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)
""",
    "leaky_relu": """
def _leaky_relu(x, negative_slope):
    return np.where(x > 0, x, negative_slope * x)
""",
    "elu": """
def _elu(x, alpha):
    return np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0)))
""",
    "selu": """
def _selu(x, alpha, scale):
    return scale * np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0)))
""",
    "gelu": """
def _gelu(x):
    return x * (_erfc(x * -0.7071067811865476) / 2).astype(x.dtype)


_erfc = np.frompyfunc(math.erfc, 1, 1)
""",
    "gelu_tanh": """
def _gelu_tanh(x):
    return x / (1 + np.exp(-1.5957691216057308 * (x + 0.044715 * x * x * x)))
""",
    "silu": """
def _silu(x):
    return x / (1 + np.exp(-x))
""",
    "softplus": """
def _softplus(x):
    return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))
""",
    "sigmoid": """
def _sigmoid(x):
    return 1 / (1 + np.exp(-x))
""",
    "tanh": """
def _tanh(x):
    return np.tanh(x)
""",
    "mish": """
def _mish(x):
    return x * np.tanh(np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x))))
""",
    "hard_sigmoid": """
def _hard_sigmoid(x):
    return np.clip((x + 3) / 6, 0, 1)
""",
    "hard_swish": """
def _hard_swish(x):
    return x * np.clip((x + 3) / 6, 0, 1)
""",
}

LAYER_NORM = """
def _layer_norm(x, epsilon):
    x = x - x.mean(axis=1, keepdims=True)
    return x / np.sqrt((x * x).mean(axis=1, keepdims=True) + epsilon)
"""

ARRAY = '''
def _array(shape, dtype, text):
    """An array from the base64 form of its bytes, the lowest byte of each number first."""
    flat = np.frombuffer(base64.b64decode(text), np.dtype(dtype).newbyteorder("<"))
    return flat.astype(dtype).reshape(shape)
'''


# ---------------------------------------------------------------- the answers


def answers(net: Description) -> list[str]:
    """The functions for the answers of a network of classes."""
    found = []
    is_one = net.outputs.choice == ABOVE
    if net.outputs.choose_one:
        numbers = "predict(x).argmax(axis=1)"
        if is_one:
            numbers = f"(predict(x)[:, 0] > {net.outputs.thresholds[0]}).astype(np.int64)"
        elif net.outputs.choice == SECOND:
            second = "np.diff(predict(x))[:, 0]" if net.outputs.subtracts else "predict(x)[:, 1]"
            numbers = f"({second} > {net.outputs.thresholds[0]}).astype(np.int64)"
        kind, answer = ("number", "numbers") if net.classes is None else ("label", "np.array(CLASSES)[numbers]")
        found.append(_CLASSES.format(kind=kind, numbers=numbers, answer=answer))
    if net.outputs.are_probabilities:
        lines = [_LINKS[net.outputs.link]]
        if is_one:
            lines.append("    p = np.hstack([1 - p, p])")
        found.append(_PROBABILITIES.format(columns=net.columns, lines="\n".join(lines)))
    return found


_CLASSES = '''
def predict_classes(x):
    """The {kind} of the class that the outputs choose, for each row."""
    numbers = {numbers}
    return {answer}
'''

_PROBABILITIES = '''
def predict_proba(x):
    """Probabilities, an array of shape (rows, {columns})."""
{lines}
    return p
'''

_LINKS = {
    None: "    p = predict(x)",
    "softmax": """    z = predict(x)
    e = np.exp(z - z.max(axis=1, keepdims=True))
    p = e / e.sum(axis=1, keepdims=True)""",
    "sigmoid": """    with np.errstate(over="ignore"):
        p = 1 / (1 + np.exp(-predict(x)))""",
}


# ---------------------------------------------------------------- the features


def rows(net: Description, *, is_centered: bool) -> str:
    """The function that reads features as `fastmlp.Sequential.predict` does."""
    return _ROWS.format(
        frame="" if net.feature_names is None else _FRAME,
        kind=_KINDS[net.input_kind],
        numbers=_CENTERED if is_centered else "        x = x.astype(DTYPE)",
    )


_ROWS = '''
def _rows(x):
    """The features in the form that the network was trained on."""
{frame}    if np.ma.is_masked(x):
        raise ValueError("x must have no masked elements: fill them in, or remove their rows")
    x = np.asarray(x)
    if x.ndim < 2 or x.size == 0:
        raise ValueError(f"x must have the shape (rows, {{N_FEATURES}}), not {{x.shape}}")
    x = x.reshape(len(x), -1)
    if x.shape[1] != N_FEATURES:
        raise ValueError(f"x must have {{N_FEATURES}} features in each row, not {{x.shape[1]}}")
    if x.dtype.kind == "O":
        x = x.astype(np.float64)
    if x.dtype.kind not in "biuf":
        raise TypeError(f"x must hold numbers, not {{x.dtype}}")
{kind}    with np.errstate(over="ignore", invalid="ignore"):
{numbers}
    if not np.isfinite(x).all():
        raise ValueError("x must be finite: remove or impute rows with missing or infinite numbers")
    return x
'''

_FRAME = """\
    names = list(getattr(x, "columns", FEATURES))
    if names not in (FEATURES, list(range(N_FEATURES))):
        missing = [name for name in FEATURES if name not in names]
        if missing:
            raise ValueError(f"x lacks columns that the network was trained on: {missing[:5]}")
        x = x[FEATURES]  # by name, in the order of training
"""

_CENTERED = """\
        if np.can_cast(x.dtype, DTYPE):
            x = x.astype(DTYPE) - CENTER.astype(DTYPE)
        else:
            x = (x - CENTER).astype(DTYPE)  # in this order large numbers keep their differences"""

_NO_BYTES = """\
    if x.dtype == np.uint8:
        raise TypeError("x is uint8, which could be pixels, but the network was trained on numbers: give the numbers "
                        "that it was trained on, such as x / 255 or x.astype('float32')")
"""

_KINDS = {
    "integers": "",
    "floats": _NO_BYTES,
    None: _NO_BYTES,
    "pixels": """\
    if x.dtype.kind in "iu":  # pixels from 0 to 255; other numbers are pixels scaled before
        if x.min() < 0 or x.max() > 255:
            raise ValueError("x must hold pixels, whole numbers from 0 to 255")
        x = x.astype(DTYPE) * DTYPE(PIXEL_SCALE)
    elif x.dtype.kind == "b" or x.max() > 2 * 255 * PIXEL_SCALE or x.min() < -255 * PIXEL_SCALE:
        raise ValueError(f"x must hold pixels: whole numbers from 0 to 255, or these times {PIXEL_SCALE}")
""",
}


# ---------------------------------------------------------------- as a program


def main(net: Description) -> str:
    """The code that reads a CSV file and writes answers, when the file is run."""
    shown = "predict_proba(x)" if net.outputs.are_probabilities else "predict(x)"
    heads = f"[f'output {{i}}' for i in range({net.columns})]" if net.labels_of_columns is None else "CLASSES"
    write = _WRITE_CLASSES if net.outputs.choose_one else _WRITE_OUTPUTS
    return _MAIN.format(
        is_header=_IS_HEADER if net.feature_names is None else _IS_HEADER_WITH_NAMES,
        places=_PLACES if net.feature_names is None else _PLACES_BY_NAME,
        pixels=_PIXELS if net.input_kind == "pixels" else "",
        write=write.format(shown=shown, heads=heads),
    )


# A first line with some numbers is a row with a fault, and no header: it must not be left out
_IS_HEADER = "not any(map(_is_number, lines[0][1]))"
_IS_HEADER_WITH_NAMES = "(set(map(str, FEATURES)) <= set(lines[0][1]) or not any(map(_is_number, lines[0][1])))"

_PLACES = """\
    if len(header) != N_FEATURES:
        raise SystemExit(f"the file must have {N_FEATURES} columns, not {len(header)}")
    return range(N_FEATURES)"""
_PLACES_BY_NAME = """\
    missing = [name for name in map(str, FEATURES) if name not in header]
    if missing:
        raise SystemExit(f"the file lacks columns that the network was trained on: {missing[:5]}")
    repeated = [name for name in map(str, FEATURES) if header.count(name) + list(map(str, FEATURES)).count(name) > 2]
    if repeated:
        raise SystemExit(f"several columns have the same name: {repeated[:5]}")
    return [header.index(str(name)) for name in FEATURES]"""

_PIXELS = """\
    if (x == np.round(x)).all():
        x = x.astype(np.int64)  # pixels, not scaled
"""

_WRITE_CLASSES = """\
    out.writerow(["class", *{heads}])
    for answer, row in zip(predict_classes(x).tolist(), {shown}):
        out.writerow([answer, *map(str, row)])"""
_WRITE_OUTPUTS = """\
    out.writerow({heads})
    for row in {shown}:
        out.writerow([*map(str, row)])"""

_MAIN = """
def main(path):
    \"\"\"Write the answers for the rows of a CSV file, or of the standard input if the path is "-".\"\"\"
    with sys.stdin if path == "-" else open(path, newline="", encoding="utf-8-sig") as file:
        reader = csv.reader(file)
        lines = [(reader.line_num, line) for line in reader if line]
    places, width = range(N_FEATURES), N_FEATURES
    if lines and width > 1 and len(lines[0][1]) == 1 and set(lines[0][1][0]) & set(";\\t"):
        raise SystemExit(f"{{path}} must have commas between its fields: {{lines[0][1][0]!r:.80}}")
    if lines and {is_header}:
        header = lines.pop(0)[1]
        places, width = _places(header), len(header)
    if not lines:
        raise SystemExit(f"{{path}} has no rows of {{N_FEATURES}} numbers")
    rows = [_read(line, places, width, number) for number, line in lines]
    x = np.array(rows, np.float64).reshape(-1, N_FEATURES)
{pixels}    out = csv.writer(sys.stdout)
{write}


def _is_number(text):
    try:
        _number(text)
    except ValueError:
        return False
    return True


def _number(text):
    if "_" in text or any(character > "~" for character in text):  # which Python takes
        raise ValueError
    return float(text)


def _places(header):
    \"\"\"The columns of the features.\"\"\"
{places}


def _read(line, places, width, number):
    if len(line) != width:
        raise SystemExit(f"line {{number}} must have {{width}} columns, not {{len(line)}}")
    try:
        found = [_number(line[place]) for place in places]
    except ValueError:
        raise SystemExit(f"line {{number}} must hold numbers: {{line!r:.80}}") from None
    if not np.isfinite(found).all():
        raise SystemExit(f"line {{number}} must hold finite numbers: {{line!r:.80}}")
    return found


def _run(path):
    \"\"\"Call `main`, and tell what is wrong with the file in one line.\"\"\"
    try:
        main(path)
        sys.stdout.flush()
    except BrokenPipeError:  # nobody reads further answers
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except UnicodeDecodeError:
        raise SystemExit(f"{{path}} is not a text in UTF-8") from None
    except OSError as error:
        raise SystemExit(f"{{path}}: {{error.strerror}}") from None
    except (ValueError, csv.Error) as error:
        raise SystemExit(f"{{path}}: {{error}}") from None


if __name__ == "__main__":
    if len(sys.argv) != 2:
        raise SystemExit(f"usage: python {{sys.argv[0]}} rows.csv")
    _run(sys.argv[1])
"""
