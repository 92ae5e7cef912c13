"""Model files with changes of all kinds: bits, entries of the archive, headers and values of arrays, the config.

A file is refused with a ModelFileError, or it is a model: then that predicts, goes on training, and can be saved again.
"""

import contextlib
import copy
import functools
import io
import json
import struct
import tempfile
import warnings
import zipfile
from pathlib import Path

import numpy as np

import fastmlp as fm
from fastmlp import FastMLPError, ModelFileError
from fastmlp.cli import trained
from fastmlp.search.sweeps.folder import Folder

from . import saved_loads

ODD = [
    None, True, False, 0, -1, 1, 2, 3, 16, 2**31 - 1, 2**31, 2**53, 2**63, 10**30, 10**400, 0.5, -0.0, 1e-320, 1e308,
    float("nan"), float("inf"), float("-inf"), "", "x", "relu", "Adam", "adam", "float64", "\ud800", "a\0b", "é" * 300,
    [], [0], [[]], [1, 2, 3], ["a"], {}, {"type": "Dense"}, {"type": "Dense", "units": 10**6},
    {"type": "Normalization"}, {"type": "BatchNormalization"}, {"type": "Residual", "layers": []}, {"a": 1},
]  # fmt: skip
OPTIMIZERS = (fm.Adam(ema_momentum=0.9, gradient_accumulation_steps=3), fm.SGD(0.1), "rmsprop", fm.SGD(0.1, 0.9))
EDGES = (0, 1, 2, 8, 127, 255, 2**15, 2**16 - 1, 2**31 - 1, 2**31, 2**32 - 1)
RAW = ("<f4", ">f4", "<f8", "<f2", "<i8", "|u1", "|b1", "<c8", "<U3", "|O", "<M8[s]")
WORDS = (b"'<f4'", b"'|O'", b"True", b"(3,", b"(99999999999,", b"-1", b"{", b"'", b"\0")


def attack(random, folder):
    """Change a file and read it in all ways."""
    warnings.simplefilter("error", RuntimeWarning)
    content = one_of(random, bases())
    raw = int(random.integers(5) == 0)  # few survive this
    for changes, count in ((CHANGES, int(random.integers(1 - raw, 3))), (RAW_CHANGES, raw)):
        for _ in range(count):
            content = one_of(random, changes)(random, content)
    path = folder / "a.npz"
    path.write_bytes(content)
    (folder / "a.json").write_bytes(record(random))
    read(path, random)


def one_of(random, items):
    """numpy's choice would make an array of them."""
    return items[random.integers(len(items))]


def read(path, random):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of schedules that files do not hold
        with contextlib.suppress(ModelFileError):
            trained.load(path)
        with contextlib.suppress(ModelFileError):
            copy.deepcopy(receiver()).load_weights(path)
        with contextlib.suppress(ModelFileError):
            use(fm.load(path), path.parent, random)
    folder = Folder(path.parent)
    for run in folder.runs():
        if run.path is not None:
            with contextlib.suppress(ModelFileError):
                run.load()
    folder.find("a", {})


def use(model, folder, random):
    """What was loaded is a model."""
    width, units = model.engine.program.fan_in, model.engine.program.classes
    x = random.normal(size=(5, width))
    with np.errstate(all="ignore"), contextlib.suppress(FastMLPError):
        model.predict(x)
    again = folder / "again.npz"
    model.save(again)
    assert saved_loads.bits(fm.load(again)) == saved_loads.bits(model)
    y = np.arange(5) % units if units > 1 else np.arange(5.0)[:, None] % 2
    with np.errstate(all="ignore"), contextlib.suppress(FastMLPError):
        epochs = 1 if model.history is None or not model.history.epoch else model.history.epoch[-1] + 2
        model.fit(x, y, epochs=epochs, verbose=0, n_threads=1, batch_size=2, resume=model.history is not None)
    with contextlib.suppress(fm.DivergenceError):
        model.save(again)
        fm.load(again)


@functools.cache
def bases():
    """Contents of good files, for all kinds of what can be in them."""
    found = []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.npz"
        for number, network in enumerate(saved_loads.NETWORKS):
            model = saved_loads.new(network, "float32")
            loss = model.loss
            choices = [
                fm.Adam(ema_momentum=0.9, gradient_accumulation_steps=3),
                fm.SGD(0.1),
                "rmsprop",
                fm.SGD(0.1, 0.9),
            ]
            model.compile(choices[number % 4], loss)
            x, y = saved_loads.data(model, 0)
            model.fit(x, y, batch_size=2, epochs=2, verbose=0, n_threads=1, validation_split=0.3, validation_batches=2)
            notes = trained.Notes("float32", 8, 0.5)
            trained.save(model, path, notes)
            found.append(path.read_bytes())
            if number == 0:
                model.save_weights(path)
                found.append(path.read_bytes())
                stop = saved_loads.StopsAt(3)
                model.fit(x, y, batch_size=2, epochs=2, verbose=0, n_threads=1, callbacks=[stop])
                assert model.history.partial
                model.save(path)
                found.append(path.read_bytes())
    return found


@functools.cache
def receiver():
    model = saved_loads.new("classes", "float32")
    model.build(saved_loads.FEATURES)
    return model


def record(random):
    """The record of a sweep, perhaps with a wrong value."""
    good = {"format": "fastmlp-sweep-run", "format_version": 1, "name": "a", "status": "finished", "reason": ""}
    good |= {"metrics": {"loss": 0.5}, "seconds": 1.0, "higher_is_better": {}, "settings": {}, "identity": {}}
    if random.integers(2):
        place(random, good)
    text = json.dumps(good).encode()
    return changed_bytes(random, text) if random.integers(4) == 0 else text


# ---------------------------------------------------------------- changes


def changed_bytes(random, content):
    content = bytearray(content)
    for _ in range(random.integers(1, 9)):
        if not content:
            break
        at = int(random.integers(len(content)))
        kind = random.integers(6)
        if kind == 0:
            content[at] ^= 1 << int(random.integers(8))
        elif kind == 1:
            content[at] = int(random.choice([0, 255, 127, 128, 32, 91, 123]))
        elif kind == 2:
            del content[at : at + int(random.integers(1, 64))]
        elif kind == 3:
            content[at:at] = random.bytes(int(random.integers(1, 64)))
        elif kind == 4:
            size = int(random.integers(1, 256))
            other = int(random.integers(len(content)))
            content[at : at + size] = content[other : other + size]
        else:
            size = int(random.choice([1, 2, 4, 8]))
            value = int(random.choice(EDGES)) % (1 << 8 * size)
            content[at : at + size] = value.to_bytes(size, "little")
    return bytes(content)


def changed_directory(random, content):
    """A field of an entry, in the directory or before its data."""
    content = bytearray(content)
    mark, fields = [(b"PK\x01\x02", ENTRY_FIELDS), (b"PK\x03\x04", LOCAL_FIELDS), (b"PK\x05\x06", END_FIELDS)][
        random.integers(3)
    ]
    places = [i for i in range(len(content)) if content.startswith(mark, i)]
    if places:
        offset, size = fields[random.integers(len(fields))]
        start = places[random.integers(len(places))] + offset
        value = int(random.choice([*EDGES, len(content)])) % (1 << 8 * size)
        content[start : start + size] = value.to_bytes(size, "little")
    return bytes(content)


ENTRY_FIELDS = [(8, 2), (10, 2), (16, 4), (20, 4), (24, 4), (28, 2), (30, 2), (32, 2), (42, 4), (46, 4)]
LOCAL_FIELDS = [(6, 2), (8, 2), (14, 4), (18, 4), (22, 4), (26, 2), (28, 2), (30, 4)]
END_FIELDS = [(8, 2), (10, 2), (12, 4), (16, 4), (20, 2)]


def cut(random, content):
    return content[: random.integers(len(content) + 1)]


def joined(random, content):
    other = one_of(random, bases())
    return content[: random.integers(len(content) + 1)] + other[random.integers(len(other)) :]


def entries(content):
    """The entries of an archive, of those that can be read."""
    found = {}
    with contextlib.suppress(Exception), zipfile.ZipFile(io.BytesIO(content)) as archive:
        for name in archive.namelist():
            with contextlib.suppress(Exception):
                found[name] = archive.read(name)
    return found


def packed(random, found):
    buffer = io.BytesIO()
    method = zipfile.ZIP_STORED if random.integers(4) else zipfile.ZIP_DEFLATED
    with warnings.catch_warnings(), zipfile.ZipFile(buffer, "w", method) as archive:
        warnings.simplefilter("ignore")
        for name, content in found:
            archive.writestr(name, content)
    return buffer.getvalue()


def changed_entries(random, content):
    """An entry removed, doubled, renamed or exchanged."""
    found = list(entries(content).items())
    if not found:
        return content
    at, other = (int(random.integers(len(found))) for _ in range(2))
    name, value = found[at]
    kind = random.integers(6)
    if kind == 0:
        del found[at]
    elif kind == 1:
        found.append((name, found[other][1]))
    elif kind == 2:
        found[at] = (
            str(random.choice([name[:-4], name.upper(), "../" + name, "/" + name, name + "\0", "é.npy"])),
            value,
        )
    elif kind == 3:
        found[at] = (name, found[other][1])
    elif kind == 4:
        found[at] = (name, changed_bytes(random, value))
    else:
        found.append((f"optimizer/{random.integers(5)}/{random.integers(5)}/kernel.npy", value))
    return packed(random, found)


def changed_array(random, content):
    """An array of other values, shape or type, or one that says so."""
    found = entries(content)
    names = [name for name in found if name not in ("config.npy", "command_line.npy")]
    if not names:
        return content
    name = str(random.choice(names))
    found[name] = odd_array(random, found[name])
    return packed(random, found.items())


def odd_array(random, raw):
    kind = random.integers(4)
    if kind == 0:
        return raw.replace(b"'<f4'", f"'{random.choice(RAW)}'".encode())
    if kind == 1:
        word, start = WORDS[random.integers(len(WORDS))], int(random.integers(8, 100))
        return raw[:start] + word + raw[start + len(word) :]
    array = np.ones(3, "<f4")
    with contextlib.suppress(Exception):
        array = np.load(io.BytesIO(raw))
    array = array.copy()
    if kind == 2 and array.size:
        values = [np.nan, np.inf, -np.inf, 3e38, -1.0, 0.0, 1e-45]
        with np.errstate(invalid="ignore"):  # in an array of bytes
            array.reshape(-1)[random.integers(array.size)] = random.choice(values)
    if kind == 3:
        forms = [array.T, array.reshape(-1), array[:0], array[None], array.astype("f8"), array.astype(">f4")]
        array = forms[random.integers(len(forms))]
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


def changed_config(random, content):
    """Odd values in the config or the notes."""
    found = entries(content)
    name = "config.npy" if random.integers(8) else "command_line.npy"
    with contextlib.suppress(Exception):
        config = json.loads(np.load(io.BytesIO(found[name])).tobytes())
        for _ in range(random.integers(1, 4)):
            place(random, config)
        found[name] = text_array(json.dumps(config).encode())
    return packed(random, found.items())


def changed_text(random, content):
    """The config as a text, with changes that JSON may not survive."""
    found = entries(content)
    with contextlib.suppress(Exception):
        text = np.load(io.BytesIO(found["config.npy"])).tobytes()
        start = int(random.integers(len(text)))
        inserted = [b"[" * 5000, b'"a":1,', b"NaN", b"1" * 5000, b"\\ud800", b"e999", b"{}," * 99, b" " * 10**6]
        text = text[:start] + inserted[random.integers(len(inserted))] + text[start + int(random.integers(3)) :]
        found["config.npy"] = text_array(text)
    return packed(random, found.items())


def text_array(text):
    buffer = io.BytesIO()
    np.save(buffer, np.frombuffer(text, np.uint8))
    return buffer.getvalue()


def place(random, value):
    """Put something odd somewhere into a JSON value."""
    while isinstance(value, (dict, list)) and value:
        key = random.choice(list(value)) if isinstance(value, dict) else int(random.integers(len(value)))
        key = str(key) if isinstance(value, dict) else key
        if not isinstance(value[key], (dict, list)) or not value[key] or random.integers(6) == 0:
            kind = random.integers(12)
            if kind > 7:
                value[key] = near(random, value[key])
            elif kind == 0:
                del value[key]
            elif kind == 1 and isinstance(value, list):
                value[:] = value * 2
            elif kind == 2 and isinstance(value, dict):
                value["surprise"] = value[key]
            else:
                value[key] = copy.deepcopy(ODD[random.integers(len(ODD))])
            return
        value = value[key]


def near(random, value):
    """A value that may be as good."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value + int(random.choice([-1, 1, 2, 100]))
    if isinstance(value, float):
        return value * float(random.choice([-1, 0, 0.5, 2, 1e3, 1e-30, 1e30]))
    return value


def bomb(random, content):
    """An entry that unpacks to a thousand times its size."""
    zeros = bytes(int(random.choice([10**6, 4 * 10**7])))
    name = str(random.choice(list(entries(content)) or ["config.npy"]))
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        shape = f"({len(zeros) // 4},)".encode()
        head = b"{'descr': '<f4', 'fortran_order': False, 'shape': " + shape + b", }\n"
        archive.writestr(name, b"\x93NUMPY\x01\x00" + struct.pack("<H", len(head)) + head + zeros)
        for other, value in entries(content).items():
            if other != name:
                archive.writestr(other, value)
    return buffer.getvalue()


def text_bomb(random, content):
    """A config of small items, each of which takes many times its text."""
    found = entries(content)
    with contextlib.suppress(Exception):
        text = np.load(io.BytesIO(found["config.npy"])).tobytes()
        item = one_of(random, [b"1e1,", b'"aa",', b"{},", b"[0],", b" "])
        found["config.npy"] = text_array(text[:-1] + b', "surprise": [' + item * (40_000_000 // len(item)) + b"0]}")
    return packed(random, found.items())


def rarely_a_bomb(random, content):
    chance = random.integers(50)
    return bomb(random, content) if chance == 0 else text_bomb(random, content) if chance < 9 else cut(random, content)


CHANGES = [changed_entries, changed_text, *[changed_array] * 2, *[changed_config] * 8]
RAW_CHANGES = [changed_bytes, changed_bytes, changed_directory, changed_directory, cut, joined, rarely_a_bomb]
