"""Old names of modules that have moved, so that imports and pickles that name them still work.

`import fastmlp.engine` gives the very module that is `fastmlp._engine.engine` now.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType

_PLACES = {  # where a module of version 0.1.0 is, below `fastmlp`
    "_errors": "_base.errors",
    "attempt": "_training.attempt",
    "benchmark": "_contest",
    "bound": "_network.bound",
    "building": "_network.network",
    "chunk_trainer": "_training.chunk_trainer",
    "chunks": "_network.chunks",
    "cross_validation": "search.cross_validation",
    "engine": "_engine.engine",
    "evaluating": "_network.judging",
    "fitting": "_training.fit",
    "folding": "_network.folding",
    "folds": "search.folds",
    "gradcheck": "_network.gradcheck",
    "kernels.row_losses": "kernels.network.row_losses",
    "kernels.rows": "kernels.network.rows",
    "kernels.tables": "_base.tables",
    "kernels.timing": "kernels.network.timing",
    "kernels.weights": "kernels.network.weights",
    "lbfgs": "_training.lbfgs",
    "learning_rate": "search.learning_rate",
    "naming": "_base.naming",
    "program": "_engine.program",
    "scoring": "_network.scoring",
    "targets": "_engine.targets",
    "text_table": "_base.text_table",
    "thread_choice": "_engine.thread_choice",
    "trainer": "_training.trainer",
    "workers": "search.workers",
}
_FOLDERS = {"benchmark": "_contest", "sweeps": "search.sweeps"}  # where the modules in a folder are
_PACKAGE = __name__.rpartition(".")[0]


class _Moved(MetaPathFinder, Loader):
    """Finds a module by its old name."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """The specification of a module that has moved; None for all others."""
        package, _, name = fullname.partition(".")
        return ModuleSpec(fullname, self) if package == _PACKAGE and place_of(name) else None

    def exec_module(self, module: ModuleType) -> None:
        """Put the module that it is now in its place."""
        place = place_of(module.__name__.partition(".")[2])
        sys.modules[module.__name__] = importlib.import_module(f"{_PACKAGE}.{place}")


def place_of(name: str) -> str | None:
    """Where the module of an old name is now; None if it has not moved."""
    folder, _, rest = name.partition(".")
    return _PLACES.get(name) or (f"{_FOLDERS[folder]}.{rest}" if rest and folder in _FOLDERS else None)


def install() -> None:
    """Let Python ask here first: else it would find the files of a folder that has moved, and load them again."""
    if not any(isinstance(finder, _Moved) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Moved())
