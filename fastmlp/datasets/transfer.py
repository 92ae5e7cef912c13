"""Fetches one file over http or https, and continues an earlier attempt. Imported only for downloads."""

from http.client import HTTPException, HTTPResponse
from pathlib import Path
from urllib import request
from urllib.error import HTTPError

from .remote_file import Progress, RemoteFile, part_size, sha256_of

_PIECE = 1 << 16


def fetch_from(url: str, file: RemoteFile, part: Path, progress: Progress, timeout: float) -> str | None:
    """Complete ``part`` from one address; returns the error, or None. A wrong file is removed."""
    try:
        if part_size(part) < file.n_bytes:
            _append(url, file, part, progress, timeout)
    except HTTPError as error:
        error.close()
        # The server has nothing beyond our part, so our part is not the beginning of its file.
        if error.code == 416:
            part.unlink(missing_ok=True)
        return f"the server answered {error.code} {error.reason}"
    except (OSError, HTTPException) as error:
        if isinstance(error, OSError) and error.filename is not None:
            raise  # an error of our own file, not of the network
        return f"no connection, or it broke ({getattr(error, 'reason', None) or error or type(error).__name__})"
    found = part_size(part)
    if found < file.n_bytes:
        return f"it broke off after {found} of {file.n_bytes} bytes"
    if (checksum := sha256_of(part)) == file.sha256:
        return None
    part.unlink()
    return f"expected the SHA-256 {file.sha256}, found {checksum}: another or a damaged file"


def _append(url: str, file: RemoteFile, part: Path, progress: Progress, timeout: float) -> None:
    """Append the missing bytes to ``part``, or start over if the server always sends the whole file."""
    have = part_size(part)
    with _open(url, have, timeout) as answer:
        resumes = answer.status == 206 and _range_start(answer) == have
        done = have if resumes else 0
        if answer.status == 206 and not resumes:
            raise HTTPException(f"it sent another range than asked for: {answer.headers.get('Content-Range')}")
        with open(part, "ab" if resumes else "wb") as out:
            # One byte more than expected shows that it is another file.
            while done <= file.n_bytes and (piece := answer.read(min(_PIECE, file.n_bytes + 1 - done))):
                out.write(piece)
                done += len(piece)
                progress(file.name, done, file.n_bytes)


def _range_start(answer: HTTPResponse) -> int | None:
    """The first number of ``Content-Range: bytes 100-199/200``."""
    start = (answer.headers.get("Content-Range") or "").removeprefix("bytes ").partition("-")[0]
    return int(start) if start.isdigit() else None


def _open(url: str, start: int, timeout: float) -> HTTPResponse:
    # Built here, because the default opener also follows redirects to ftp.
    opener = request.OpenerDirector()
    for handler in (
        request.ProxyHandler,
        request.HTTPHandler,
        request.HTTPSHandler,
        request.HTTPDefaultErrorHandler,
        request.HTTPRedirectHandler,
        request.HTTPErrorProcessor,
        request.UnknownHandler,
    ):
        opener.add_handler(handler())
    headers = {"User-Agent": "fastmlp"} | ({"Range": f"bytes={start}-"} if start else {})
    answer: HTTPResponse = opener.open(request.Request(url, headers=headers), timeout=timeout)
    return answer
