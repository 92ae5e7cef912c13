"""Falls back to the ordinary way, with one warning, if private parts of numba have changed."""

import warnings
from types import TracebackType

_warned = False


class FallingBack:
    """``with FallingBack("kernels compile slowly"):`` suppresses any exception, and warns about the first one.

    Exceptions of the type ``but`` reach the caller.
    """

    def __init__(self, consequence: str, but: type[Exception] | tuple[()] = ()) -> None:
        self._consequence, self._but = consequence, but

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> bool:
        if not isinstance(error, Exception) or isinstance(error, self._but):
            return False
        fall_back(error, self._consequence, stacklevel=4)
        return True


def fall_back(error: Exception, consequence: str, stacklevel: int = 3) -> None:
    """Warn about an exception, if it is the first one."""
    global _warned
    if not _warned:
        _warned = True
        warnings.warn(
            f"fastmlp: this numba is not like the versions that fastmlp knows ({type(error).__name__}: {error}); "
            f"{consequence}. Results stay the same. Please report this.",
            RuntimeWarning,
            stacklevel=stacklevel,
        )
