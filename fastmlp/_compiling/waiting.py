"""How long the calling thread has waited for kernels to be compiled or loaded: no figure of a training contains it."""

import contextlib
import threading
import time
from collections.abc import Iterator


class _Waited(threading.local):
    seconds = 0.0  # so far, of this thread
    depth = 0  # a kernel may need another one


waited = _Waited()


def working_time() -> float:
    """A clock in seconds that stands still while this thread waits for kernels."""
    return time.perf_counter() - waited.seconds


@contextlib.contextmanager
def waiting() -> Iterator[None]:
    """Count the time in this context as waiting."""
    start = time.perf_counter()
    waited.depth += 1
    try:
        yield
    finally:
        waited.depth -= 1
        if waited.depth == 0:
            waited.seconds += time.perf_counter() - start
