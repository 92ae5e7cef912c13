"""Properties that are computed once, without a lock.

Up to Python 3.11, `functools.cached_property` holds one lock for all objects while it computes. A child that is forked
meanwhile would wait forever for a thread that it does not have.
"""

from __future__ import annotations

import functools
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING or sys.version_info >= (3, 12):
    from functools import cached_property as cached_property  # noqa: PLC0414  (to be imported from here)
else:

    class cached_property(functools.cached_property):  # noqa: N801  (it stands for the one of this name)
        """Threads may compute a value at the same time; all get the first one."""

        def __get__(self, instance: Any, owner: Any = None) -> Any:
            if instance is None:
                return self
            return instance.__dict__.setdefault(self.attrname, self.func(instance))
