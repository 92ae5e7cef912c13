"""Downloads MNIST and Fashion-MNIST on request, from several mirrors; it resumes downloads and checks them."""

import os
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import urlsplit

from .._base.errors import ArgumentError, DownloadError
from ._open import folder_of
from .catalog import data_home
from .remote_file import Progress, RemoteFile, part_size, sha256_of

_MIRRORS = {
    "mnist": ("https://storage.googleapis.com/cvdf-datasets/mnist/", "https://ossci-datasets.s3.amazonaws.com/mnist/"),
    "fashion_mnist": (
        "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
        "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
    ),
}

_TRAIN_X, _TRAIN_Y = "train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz"
_TEST_X, _TEST_Y = "t10k-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz"
_FILES = {
    "mnist": (
        RemoteFile(_TRAIN_X, 9912422, "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609"),
        RemoteFile(_TRAIN_Y, 28881, "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c"),
        RemoteFile(_TEST_X, 1648877, "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6"),
        RemoteFile(_TEST_Y, 4542, "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6"),
    ),
    "fashion_mnist": (
        RemoteFile(_TRAIN_X, 26421880, "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84"),
        RemoteFile(_TRAIN_Y, 29515, "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845"),
        RemoteFile(_TEST_X, 4422102, "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073"),
        RemoteFile(_TEST_Y, 5148, "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5"),
    ),
}


def download(
    name: str,
    destination: str | os.PathLike[str] | None = None,
    *,
    mirrors: Iterable[str] | None = None,
    progress: Progress | None = None,
    timeout: float = 30.0,
) -> Path:
    """Download a data set. It does not download files again that exist with the right checksum.

    An interrupted download continues where it stopped, at the same mirror or another one (a file ``*.part`` holds the
    bytes so far). A file gets its name only when it is complete and its SHA-256 is right.

    Parameters
    ----------
    name : "mnist" or "fashion_mnist"
    destination : str or path, optional
        The folder for the four files. Default: ``data_home() / name``, where `load` finds them.
    mirrors : iterable of str, optional
        Addresses (http or https) of folders to download from, tried in this order. Default: the known mirrors.
    progress : callable, optional
        Called as ``progress(file_name, bytes_so_far, bytes_in_all)`` during the download.
    timeout : float
        How many seconds to wait for an answer before the next mirror is tried.

    Returns
    -------
    Path
        The folder.

    Raises
    ------
    DownloadError
        If no mirror delivers a complete file with the right checksum, or the folder cannot be written. The message
        says what happened at each mirror and where to put the files by hand.

    Examples
    --------
    >>> folder = download("mnist")  # doctest: +SKIP
    """
    key = str(name).lower().replace("-", "_")
    if key not in _FILES:
        raise ArgumentError(f"download: name must be one of {', '.join(_FILES)}, got {name!r}")
    sources = _checked_mirrors(_MIRRORS[key] if mirrors is None else mirrors)
    folder = data_home() / key if destination is None else folder_of(destination, "destination")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for file in _FILES[key]:
            if sha256_of(folder / file.name) != file.sha256:
                _fetch(file, folder, sources, progress or _silent, timeout)
    except DownloadError:
        raise
    except OSError as error:
        raise DownloadError(
            f"{folder}: expected a folder that can be written, found: {error.strerror or error}; choose "
            "another destination"
        ) from error
    return folder


def _checked_mirrors(mirrors: Iterable[str]) -> list[str]:
    sources = [mirrors] if isinstance(mirrors, str) else list(mirrors)
    for source in sources:
        parts = urlsplit(source)
        if parts.scheme not in ("http", "https") or not parts.netloc:
            raise ArgumentError(f"download: mirrors must be http:// or https:// addresses, got {source!r}")
    if not sources:
        raise ArgumentError("download: mirrors must name at least one address, got none")
    return [source.rstrip("/") + "/" for source in sources]


def _fetch(file: RemoteFile, folder: Path, sources: list[str], progress: Progress, timeout: float) -> None:
    """Get one file from the first mirror that delivers it correctly."""
    # Network modules take 30 ms to import, and most programs never download.
    from .transfer import fetch_from

    part = folder / (file.name + ".part")
    failures = []
    for source in sources:
        # The part of an earlier run may be bad: if a resumed file is wrong, start over once.
        attempts = 2 if part_size(part) else 1
        for _ in range(attempts):
            failure = fetch_from(source + file.name, file, part, progress, timeout)
            if failure is None:
                part.replace(folder / file.name)
                return
            failures.append(f"  {source}{file.name}: {failure}")
            if part.exists():
                break
    tried = "\n".join(dict.fromkeys(failures))
    raise DownloadError(
        f"{file.name}: expected {file.n_bytes} bytes from a mirror, found none that delivers them:\n{tried}\n"
        f"Check the connection and try again (what has come is kept), or put the file by hand into {folder}"
    )


def _silent(file_name: str, done: int, total: int) -> None:
    """Report no progress."""
