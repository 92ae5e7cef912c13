"""Runs what was exported as source code: Python files, C files through a compiler, and web pages through node."""

import ctypes
import importlib.util
import json
import re
import shutil
import subprocess

import numpy as np
import pytest

import fastmlp as fm

WARNINGS = ["-Wall", "-Wextra", "-Wpedantic", "-Werror"]
TOLERANCE = {"float32": 1e-5, "float64": 1e-9}

# What languages take for something else in texts: ends of texts, comments and elements, escapes, formats, and lines
HOSTILE = [
    'it\'s "quoted" \\" \\',
    '"""\nimport os; os.abort()\n"""',
    "new\nline\r\n\ttab\\n",
    "</script><script>throw 1</script><!-- <script>",
    "*/ int broken; /*",
    "what??/ what??' ??(",
    "%s%n%d {0} {x} @T @P @STYLE@ $1 \\1",
    "Größe 数 😀 \u202e",
    "\u2028\u2029\x7f\x80\x1b[31m",
    "null \0 inside",
    "\\u0041 \\x41 \\101 \\N{DASH} &lt; &#65;",
    "",
    " ",
    "x" * 5000,
]


def close(found, model, x, dtype, name=""):
    """Check outputs against those of the model."""
    limit = TOLERANCE[str(dtype)]
    np.testing.assert_allclose(found, model.predict(x), rtol=limit, atol=limit, err_msg=name)


def fitted(x, *first, **settings):
    """A model that knows these data; ``first`` are its first layers."""
    model = fm.Sequential([*first, fm.Dense(5, "tanh"), fm.Dense(2, "softmax")], seed=0, **settings)
    model.compile()
    y = np.arange(len(x)) % 2
    model.fit(x, y if model.classes is None else model.classes[y], epochs=2, verbose=0)
    return model


# ---------------------------------------------------------------- Python


def loaded(path):
    """The module that a file holds."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def as_module(model, tmp_path):
    path = tmp_path / "model.py"
    fm.export(model, path)
    return loaded(path)


# ---------------------------------------------------------------- C


def compiled(tmp_path, *options, files=("model.c",), compiler="gcc", result="model.so"):
    """Compile files of a folder; skips the test where there is no compiler."""
    if shutil.which(compiler) is None:
        pytest.skip(f"needs {compiler}")
    target = tmp_path / result
    shared = ["-shared", "-fPIC"] if result.endswith(".so") else []
    command = [compiler, *WARNINGS, *options, *shared, *(tmp_path / file for file in files), "-o", target, "-lm"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[:4000]
    return target


def as_library(model, tmp_path, *options):
    fm.export(model, tmp_path / "model.c")
    return ctypes.CDLL(str(compiled(tmp_path, "-std=c99", "-O3", *options)))


def called(function, x, outputs, dtype, scratch=0):
    """The outputs of a C function for each row."""
    out, room = np.full((len(x), outputs), np.nan, dtype), np.empty(scratch, dtype)
    pointers = [array.ctypes.data for array in ([room] if scratch else [])]
    for row, result in zip(np.ascontiguousarray(x), out, strict=True):
        function(*map(ctypes.c_void_p, [row.ctypes.data, result.ctypes.data, *pointers]))
    return out


def texts_in(library, name, count, sizes=None):
    """Texts that a library holds, up to their first null character or of known sizes."""
    pointers = (ctypes.c_void_p * count).in_dll(library, name)
    if sizes is not None:
        return [ctypes.string_at(p, n).decode() for p, n in zip(pointers, sizes, strict=True)]
    return [ctypes.string_at(p).decode() for p in pointers]


# ---------------------------------------------------------------- web pages


def scripts_of(page):
    """The text of each script of a page that has an id, as a browser finds it."""
    return dict(re.findall(r'<script(?: type="[^"]*")? id="(\w+)">(.*?)</script>', page, re.DOTALL))


_PROGRAM = """
const found = JSON.parse(require("fs").readFileSync(0, "utf8")).map(({ description, weights, rows }) => {
  const network = fastmlp.load(JSON.parse(description), weights);
  const outputs = rows.map((row) => network.predict(row.map((value) => value ?? NaN)));
  const shares = outputs.map(network.shares), choices = outputs.map(network.choice);
  const labels = choices.map((choice) => (choice === null ? null : network.label(choice)));
  const columns = shares[0].map((_, place) => network.column(place));
  return { outputs, shares, choices, labels, columns };
});
console.log(JSON.stringify(found));
"""


def in_node(pages, rows):
    """What the scripts of pages compute for rows."""
    if shutil.which("node") is None:
        pytest.skip("needs node")
    scripts = [scripts_of(page) for page in pages]
    (program,) = {found["network"] for found in scripts}  # which is the same for all
    given = [{"rows": rows.tolist(), **{key: found[key] for key in ("description", "weights")}} for found in scripts]
    done = subprocess.run(
        ["node", "-e", program + _PROGRAM], input=json.dumps(given), capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise RuntimeError(done.stderr[:4000])
    return json.loads(done.stdout)
