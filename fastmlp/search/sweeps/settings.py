"""The settings of a sweep's runs, checked, each with a name."""

import dataclasses
import hashlib
import inspect
import itertools
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..._base import check
from ..._base.errors import ArgumentError, ArgumentTypeError
from ..._custom import CUSTOM
from ..._training.request import USUAL_BATCH
from ...model import Sequential

Settings = dict[str, Any]


def _parameters(function: Callable[..., Any], without: set[str]) -> list[str]:
    return [name for name in inspect.signature(function).parameters if name not in without | {"self"}]


_DECIDED_HERE = {"x", "y", "initial_epoch", "verbose", "callbacks", "n_threads", "seed", "resume"}
_INERT = {"workers", "use_multiprocessing", "max_queue_size", "validation_batch_size", "validation_steps"}
OWN = ["name", "layers", "activation", "build", "learning_rate", "seed"]
OF_MODEL = _parameters(Sequential, {"layers", "name", "seed"})
OF_COMPILE = _parameters(Sequential.compile, set())
OF_FIT = _parameters(Sequential.fit, _DECIDED_HERE | _INERT | {"validation_split", "validation_data", "stratify"})
FIT_DEFAULTS = {"batch_size": USUAL_BATCH, "epochs": 1}
LEGAL = [*OWN, *OF_MODEL, *OF_COMPILE, *OF_FIT]

_LONGEST_NAME = 100
_LONGEST_GENERATED = 70


def grid(**lists: Any) -> list[Settings]:
    """All combinations of settings.

    Parameters
    ----------
    **lists
        For each setting, a list of its values. A single number, text or other object counts as a list with one value,
        and so does a ``sample_weight`` with one number for each row.

    Returns
    -------
    list of dict
        The runs for `fastmlp.sweep`; the last setting changes fastest.

    Examples
    --------
    >>> from fastmlp.sweeps import grid
    >>> for settings in grid(layers=[[64], [128, 64]], learning_rate=[0.01, 0.001], epochs=5):
    ...     print(settings)
    {'layers': [64], 'learning_rate': 0.01, 'epochs': 5}
    {'layers': [64], 'learning_rate': 0.001, 'epochs': 5}
    {'layers': [128, 64], 'learning_rate': 0.01, 'epochs': 5}
    {'layers': [128, 64], 'learning_rate': 0.001, 'epochs': 5}
    """
    choices = [_choices(name, value) for name, value in lists.items()]
    for name, values in zip(lists, choices, strict=True):
        if not values:
            raise ArgumentError(f"grid: {name} is an empty list, so there are no combinations")
    return [dict(zip(lists, values, strict=True)) for values in itertools.product(*choices)]


def _choices(name: str, value: Any) -> list[Any]:
    is_one = not isinstance(value, (list, tuple, range, np.ndarray))
    if name == "sample_weight" and not is_one:  # numbers for each row are one setting
        is_one = all(np.ndim(item) == 0 and item is not None for item in value)
    return [value] if is_one else list(value)


@dataclass(frozen=True)
class Request:
    """The request for one run."""

    name: str
    settings: Settings  # the given settings
    seed: int

    @property
    def fit_settings(self) -> Settings:
        """The arguments of `Sequential.fit`."""
        given = {name: self.settings[name] for name in OF_FIT if name in self.settings}
        if given.get("batch_size", 0) is None:
            del given["batch_size"]
        return {**FIT_DEFAULTS, **given}


class Given(Mapping[str, Any]):
    """A run's settings for its ``build``: read-only, and recording the keys that are read."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.read: set[str] = set()

    def __getitem__(self, key: str) -> Any:
        self.read.add(key)
        return self._settings[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._settings)

    def __len__(self) -> int:
        return len(self._settings)


def requests(run_settings: Any, seed: int) -> list[Request]:
    """The checked settings of all runs, from a list of runs or the lists of a grid."""
    if isinstance(run_settings, Mapping):
        run_settings = grid(**run_settings)
    given = check.items(run_settings, "run_settings", "dicts")
    if not given:
        raise ArgumentError("run_settings must have at least one run")
    found = [_request(settings, f"run_settings[{number}]", seed) for number, settings in enumerate(given)]
    taken: dict[str, int] = {}
    for number, request in enumerate(found):
        other = taken.setdefault(request.name.casefold(), number)  # some file systems ignore case
        if other != number:
            raise ArgumentError(
                f"run_settings[{number}] and run_settings[{other}] have the same name, {request.name!r}: give each "
                "another 'name', or another 'seed' where they repeat a run"
            )
    return found


def _request(settings: Any, where: str, seed: int) -> Request:
    if not isinstance(settings, Mapping):
        raise ArgumentTypeError(f"{where} must be a dict of settings, not {settings!r:.60}")
    own = dict(settings)
    if ("layers" in own) == ("build" in own):
        raise ArgumentError(f"{where} must have either 'layers' or 'build', but has {_listed(own)}")
    if "build" not in own:  # build may read settings of its own
        check_known(own, where)
    elif not callable(own["build"]):
        raise ArgumentTypeError(f"{where}: build must be a function that returns a model, not {own['build']!r:.60}")
    for name, minimum in (("epochs", 0), ("batch_size", 1), ("seed", 0)):
        if name in own:
            own[name] = check.whole_number(own[name], f"{where}: {name}", minimum=minimum)
    seed = own.get("seed", seed)
    if "name" in own:
        return Request(_checked_name(own.pop("name"), where), own, seed)
    return Request(generated_name(own), own, seed)


def check_known(names: Iterable[str], where: str) -> None:
    """Refuse settings that do not exist."""
    unknown = [name for name in names if name not in LEGAL]
    if unknown:
        raise ArgumentError(f"{where}: there is no setting {unknown[0]!r}; there are {', '.join(LEGAL)}")


def _listed(names: Iterable[Any]) -> str:
    return ", ".join(map(repr, names)) or "no setting"


# ---------------------------------------------------------------- names


def _checked_name(name: Any, where: str) -> str:
    if not isinstance(name, str) or not re.fullmatch(r"[\w(+=@-][\w .,()+=@-]*", name) or name.endswith((" ", ".")):
        raise ArgumentError(
            f"{where}: name must be usable as the name of a file: letters, digits and any of _-+=@.,() and spaces "
            f"inside, not {name!r:.120}"
        )
    if len(name) > _LONGEST_NAME:
        raise ArgumentError(f"{where}: name must have at most {_LONGEST_NAME} characters, not {len(name)}")
    return name


def generated_name(settings: Settings) -> str:
    """A name that describes the settings and depends on nothing else.

    Examples
    --------
    >>> generated_name({"learning_rate": 0.01, "layers": [128, 64]})
    'layers=128-64,learning_rate=0.01'
    """
    order = {name: place for place, name in enumerate(LEGAL)}
    names = sorted(settings, key=lambda name: (order.get(name, len(order)), name))
    full = ",".join(f"{name}={_shown(settings[name])}" for name in names)
    short = re.sub(r"[^\w.,+=-]+", "", full)
    if short == full and len(full) <= _LONGEST_GENERATED:
        return full
    # The digest distinguishes runs by their hidden settings.
    text = json.dumps(described({name: settings[name] for name in names}))
    return f"{short[:_LONGEST_GENERATED].rstrip('.,')}-{hashlib.blake2b(text.encode(), digest_size=4).hexdigest()}"


def _shown(value: Any) -> str:
    value = described(value)
    if isinstance(value, dict) and value.get("type") == CUSTOM:
        return f"{value['name']}()"
    if isinstance(value, dict) and "type" in value:
        return f"{value['type']}{value.get('units', '')}()"  # the brackets mark hidden content
    if isinstance(value, list):
        return "-".join(map(_shown, value))
    return str(value)


# ---------------------------------------------------------------- as JSON


def described(value: Any) -> Any:
    """A setting, ready for JSON: objects by their ``config`` or fields, functions by name, arrays by content."""
    if value is None or isinstance(value, (str, bool, int, float)):
        return value
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, Mapping):
        return {str(key): described(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, range)):
        return [described(item) for item in value]
    if hasattr(value, "__array__"):  # a column of a data frame too
        return {"array": digest(value)}
    if callable(getattr(value, "config", None)) and (config := value.config()) is not None:
        return described(config)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):  # such as a metric of a function
        fields = {item.name: getattr(value, item.name) for item in dataclasses.fields(value)}
        return {"type": type(value).__name__, **described(fields)}
    if callable(value):
        return f"{getattr(value, '__module__', '')}.{getattr(value, '__qualname__', type(value).__qualname__)}"
    return repr(value)


def digest(*arrays: Any) -> str:
    """A short digest of the content, dtypes and shapes of arrays."""
    state = hashlib.blake2b(digest_size=16)
    for array in map(np.asarray, arrays):
        state.update(f"{array.dtype.str} {array.shape} ".encode())
        state.update(np.ascontiguousarray(array).data if array.dtype != object else repr(array.tolist()).encode())
    return state.hexdigest()
