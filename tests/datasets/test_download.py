"""``download`` against servers on this machine: whole, resumed, wrong, unwilling and absent ones."""

import hashlib
import http.server
import socket
import threading
from typing import ClassVar

import pytest

from fastmlp._base.errors import ArgumentError, DownloadError
from fastmlp.datasets import data_home, download, remote
from fastmlp.datasets.remote_file import RemoteFile

CONTENT = {"a.gz": bytes(range(256)) * 700, "b.gz": b"labels" * 50}


class Handler(http.server.BaseHTTPRequestHandler):
    """Serves ``content``; what it does wrong is set on the server."""

    def do_GET(self):
        self.server.requests.append((self.path, self.headers.get("Range")))
        if self.server.redirect_to:
            return self.answer(302, b"", {"Location": self.server.redirect_to})
        data = self.server.content.get(self.path.rpartition("/")[2])
        if data is None:
            return self.answer(404, b"")
        asked = self.headers.get("Range")
        if not asked or not self.server.ranges:
            return self.answer(200, data)
        start = int(asked.removeprefix("bytes=").rstrip("-"))
        if start >= len(data):
            return self.answer(416, b"")
        sent = start + self.server.shift
        return self.answer(206, data[sent:], {"Content-Range": f"bytes {sent}-{len(data) - 1}/{len(data)}"})

    def answer(self, status, data, headers=None):
        self.send_response(status)
        for name, value in ({"Content-Length": str(len(data))} | (headers or {})).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data[: self.server.break_off_after])

    def log_message(self, *_):
        pass


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    settings: ClassVar = {"ranges": True, "shift": 0, "break_off_after": None, "redirect_to": None}

    def __init__(self, **settings):
        super().__init__(("127.0.0.1", 0), Handler)
        self.requests = []
        self.content = CONTENT
        vars(self).update(self.settings | settings)
        self.url = f"http://127.0.0.1:{self.server_address[1]}/data"
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()


@pytest.fixture
def serve(monkeypatch):
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    files = tuple(RemoteFile(name, len(data), hashlib.sha256(data).hexdigest()) for name, data in CONTENT.items())
    monkeypatch.setitem(remote._FILES, "mnist", files)
    servers = []

    def start(**settings):
        servers.append(Server(**settings))
        return servers[-1]

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def closed_address():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{free.getsockname()[1]}/"


def fetch(folder, *servers, **options):
    addresses = [getattr(server, "url", server) for server in servers]
    return download("mnist", folder, mirrors=addresses, timeout=5, **options)


def assert_complete(folder):
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == CONTENT


def test_whole_download_reports_progress(serve, tmp_path):
    calls = []
    folder = fetch(tmp_path / "new" / "folder", serve(), progress=lambda *call: calls.append(call))
    assert folder == tmp_path / "new" / "folder"
    assert_complete(folder)
    for name, data in CONTENT.items():
        done = [call[1] for call in calls if call[0] == name]
        assert done == sorted(done)
        assert done[-1] == len(data)


def test_what_is_there_is_not_fetched_again(serve, tmp_path):
    server = serve()
    fetch(tmp_path, server)
    fetch(tmp_path, server)
    assert len(server.requests) == 2
    (tmp_path / "b.gz").write_bytes(b"spoilt")
    fetch(tmp_path, server)
    assert len(server.requests) == 3
    assert_complete(tmp_path)


def test_the_default_destination_is_where_load_looks(serve, tmp_path, monkeypatch):
    for variable in ("XDG_CACHE_HOME", "LOCALAPPDATA", "HOME"):
        monkeypatch.setenv(variable, str(tmp_path))
    assert fetch(None, serve()) == data_home() / "mnist"
    assert_complete(data_home() / "mnist")


def test_resumes_where_it_stopped(serve, tmp_path):
    server = serve()
    (tmp_path / "a.gz.part").write_bytes(CONTENT["a.gz"][:1000])
    fetch(tmp_path, server)
    assert server.requests[0] == ("/data/a.gz", "bytes=1000-")
    assert_complete(tmp_path)


def test_a_broken_connection_is_resumed_at_the_next_mirror(serve, tmp_path):
    broken, whole = serve(break_off_after=5000), serve()
    fetch(tmp_path, broken, whole)
    assert whole.requests == [("/data/a.gz", "bytes=5000-")]
    assert_complete(tmp_path)


def test_a_broken_connection_keeps_what_has_come(serve, tmp_path):
    with pytest.raises(DownloadError, match=r"broke off after 5000 of 179200 bytes|could not be fetched"):
        fetch(tmp_path, serve(break_off_after=5000))
    assert (tmp_path / "a.gz.part").read_bytes() == CONTENT["a.gz"][:5000]
    fetch(tmp_path, serve())
    assert_complete(tmp_path)


def test_a_server_without_range_sends_everything_again(serve, tmp_path):
    (tmp_path / "a.gz.part").write_bytes(CONTENT["a.gz"][:1000])
    fetch(tmp_path, serve(ranges=False))
    assert_complete(tmp_path)


def test_a_server_that_sends_another_range_is_not_believed(serve, tmp_path):
    (tmp_path / "a.gz.part").write_bytes(CONTENT["a.gz"][:1000])
    with pytest.raises(DownloadError, match="another range than asked for"):
        fetch(tmp_path, serve(shift=7))
    assert not (tmp_path / "a.gz").exists()


@pytest.mark.parametrize("rubbish", [b"rubbish", bytes(len(CONTENT["a.gz"])), bytes(len(CONTENT["a.gz"]) + 9)])
def test_a_bad_part_is_thrown_away(serve, tmp_path, rubbish):
    (tmp_path / "a.gz.part").write_bytes(rubbish)
    fetch(tmp_path, serve())
    assert_complete(tmp_path)


def test_a_part_longer_than_the_servers_file(serve, tmp_path):
    short = serve(content={name: data[:100] for name, data in CONTENT.items()})
    (tmp_path / "a.gz.part").write_bytes(CONTENT["a.gz"][:5000])
    fetch(tmp_path, short, serve())
    assert_complete(tmp_path)


@pytest.mark.parametrize("change", [lambda data: bytes(len(data)), lambda data: data + b"more" * 100_000])
def test_wrong_content_goes_to_the_next_mirror_and_leaves_nothing(serve, tmp_path, change):
    wrong = serve(content={name: change(data) for name, data in CONTENT.items()})
    with pytest.raises(DownloadError, match=r"a\.gz: expected the SHA-256 \w{64}, found \w{64}"):
        fetch(tmp_path, wrong)
    assert list(tmp_path.iterdir()) == []
    fetch(tmp_path, wrong, serve())
    assert_complete(tmp_path)


def test_an_absent_first_mirror_and_one_without_the_file(serve, tmp_path):
    fetch(tmp_path, closed_address(), serve(content={}), serve())
    assert_complete(tmp_path)


def test_offline_names_mirrors_and_where_to_put_the_files(serve, tmp_path):
    absent, empty = closed_address(), serve(content={})
    with pytest.raises(DownloadError) as raised:
        fetch(tmp_path, absent, empty)
    for part in (absent + "a.gz", empty.url + "/a.gz", "404", "by hand", str(tmp_path)):
        assert part in str(raised.value)


def test_a_silent_mirror_is_given_up(serve, tmp_path):
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        address = f"http://127.0.0.1:{silent.getsockname()[1]}/"
        with pytest.raises(DownloadError, match="timed out"):
            download("mnist", tmp_path, mirrors=[address], timeout=0.1)


def test_redirects_lead_to_http_alone(serve, tmp_path):
    (tmp_path / "secret").write_text("local")
    for target in ("ftp://127.0.0.1/a.gz", (tmp_path / "secret").as_uri()):
        with pytest.raises(DownloadError, match=r"a\.gz"):
            fetch(tmp_path / "out", serve(redirect_to=target))
    assert list((tmp_path / "out").iterdir()) == []


@pytest.mark.parametrize("mirror", ["ftp://example.org/", "file:///etc/", "example.org/data", "http://"])
def test_only_http_addresses(tmp_path, mirror):
    with pytest.raises(ArgumentError, match="http:// or https:// addresses"):
        download("mnist", tmp_path, mirrors=[mirror])


def test_wrong_arguments(tmp_path):
    with pytest.raises(ArgumentError, match="name must be one of mnist, fashion_mnist, got 'cifar'"):
        download("cifar", tmp_path)
    with pytest.raises(ArgumentError, match="at least one address"):
        download("mnist", tmp_path, mirrors=[])


def test_a_destination_that_cannot_be_a_folder(serve, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(DownloadError, match="file: expected a folder that can be written"):
        fetch(tmp_path / "file", serve())


def test_a_part_that_cannot_be_written(serve, tmp_path):
    (tmp_path / "a.gz.part").mkdir()
    with pytest.raises(DownloadError, match="expected a folder that can be written"):
        fetch(tmp_path, serve())


@pytest.mark.parametrize("name", remote._FILES)
def test_the_tables_are_complete(name):
    assert len(remote._checked_mirrors(remote._MIRRORS[name])) >= 2
    assert len({file.name for file in remote._FILES[name]}) == 4
    for file in remote._FILES[name]:
        assert len(bytes.fromhex(file.sha256)) == 32
