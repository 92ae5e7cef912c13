"""Drives a headless Chromium by its own protocol: JSON messages, each ended by a null character, over two pipes."""

import base64
import contextlib
import itertools
import json
import os
import shutil
import subprocess
import time

import pytest

PROGRAMS = ("chromium", "chromium-browser", "google-chrome", "chrome")
SECONDS = 60


@contextlib.contextmanager
def browser(tmp_path, dark=False):
    """A page of a browser; skips the test where none is installed."""
    program = next(filter(None, map(shutil.which, PROGRAMS)), None)
    if program is None:
        pytest.skip("needs Chromium")
    to_read, from_us = os.pipe()
    from_it, to_write = os.pipe()
    options = ["--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--remote-debugging-pipe"]
    options += [f"--user-data-dir={tmp_path / 'profile'}", "--no-first-run", "about:blank"]
    # It reads from its file 3 and writes to its file 4.
    command = ["bash", "-c", f'exec "$@" 3<&{to_read} 4>&{to_write}', "bash", program, *options]
    nothing = subprocess.DEVNULL
    process = subprocess.Popen(command, pass_fds=(to_read, to_write), stdout=nothing, stderr=nothing)
    os.close(to_read)
    os.close(to_write)
    page = Page(from_it, from_us)
    try:
        page.attach(dark)
        yield page
    finally:
        process.kill()
        process.wait()
        os.close(from_it)
        os.close(from_us)


class Page:
    """The one page of a browser. It notes requests, errors and messages of the console."""

    def __init__(self, reads, writes):
        self.reads, self.writes = reads, writes
        self.requests, self.complaints = [], []
        self._buffer, self._ids, self._session, self._loaded = b"", itertools.count(1), None, False

    def attach(self, dark):
        targets = self.call("Target.getTargets")["targetInfos"]
        target = next(t["targetId"] for t in targets if t["type"] == "page")
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.call(f"{domain}.enable")
        scheme = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
        self.call("Emulation.setEmulatedMedia", features=scheme)

    def open(self, path, width=1000, height=800):
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
        self._loaded = False
        self.call("Page.navigate", url=path.as_uri())
        while not self._loaded:
            self._take()
        self.run("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")

    def run(self, script):
        """The value of a script, or of its promise."""
        found = self.call("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in found, found["exceptionDetails"]
        return found["result"].get("value")

    def draw(self, points):
        """Move the mouse, with its button held down."""
        kinds = ["mousePressed", *["mouseMoved"] * (len(points) - 1), "mouseReleased"]
        for kind, (x, y) in zip(kinds, [*points, points[-1]], strict=True):
            self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", buttons=1, clickCount=1)
        self.run("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")

    def type_into(self, selector, text):
        self.run(f"document.querySelector({json.dumps(selector)}).select()")
        self.call("Input.insertText", text=text)

    def picture(self, path):
        path.write_bytes(base64.b64decode(self.call("Page.captureScreenshot", captureBeyondViewport=True)["data"]))

    def call(self, method, **parameters):
        number = next(self._ids)
        message = {"id": number, "method": method, "params": parameters}
        if self._session is not None:
            message["sessionId"] = self._session
        os.write(self.writes, json.dumps(message).encode() + b"\0")
        end = time.monotonic() + SECONDS
        while time.monotonic() < end:
            answer = self._take()
            if answer.get("id") == number:
                assert "error" not in answer, answer
                return answer["result"]
        raise TimeoutError(method)

    def _take(self):
        """The next message; what the page reports is noted."""
        while b"\0" not in self._buffer:
            part = os.read(self.reads, 2**20)
            assert part, "the browser ended"
            self._buffer += part
        text, _, self._buffer = self._buffer.partition(b"\0")
        message = json.loads(text)
        method, parameters = message.get("method"), message.get("params")
        self._loaded |= method == "Page.loadEventFired"
        if method == "Network.requestWillBeSent":
            self.requests.append(parameters["request"]["url"])
        if method in ("Runtime.exceptionThrown", "Runtime.consoleAPICalled", "Log.entryAdded"):
            self.complaints.append(parameters)
        return message
