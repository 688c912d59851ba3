"""A server in a process, and a client of it."""

from __future__ import annotations

import contextlib
import http.client
import json
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import psutil

_WAIT = 60.0  # seconds


class Answer(NamedTuple):
    """What came back."""

    status: int
    body: bytes
    headers: Mapping[str, str]

    @property
    def content(self) -> Any:
        """The body, read as JSON."""
        return json.loads(self.body)


class Server:
    """A running ``seqtext serve``."""

    def __init__(self, process: subprocess.Popen[str], port: int, log: Path) -> None:
        self.process, self.port, self.log = process, port, log

    def ask(
        self, path: str, body: object = None, *, method: str | None = None, **headers: str
    ) -> Answer:
        """Send a request, with an object of JSON or with bytes, and wait for its answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=_WAIT)
        with contextlib.closing(connection):
            is_data = isinstance(body, bytes) or body is None
            data: Any = body if is_data else json.dumps(body).encode()
            connection.request(method or ("GET" if body is None else "POST"), path, data, headers)
            response = connection.getresponse()
            headers = {name.lower(): value for name, value in response.getheaders()}
            return Answer(response.status, response.read(), headers)

    def figure(self, name: str) -> float:
        """A figure of /metrics."""
        text = self.ask("/metrics").body.decode()
        [value] = re.findall(rf"^{re.escape(name)} (\S+)$", text, re.MULTILINE)
        return float(value)

    def workers(self) -> list[psutil.Process]:
        """The processes that compute."""
        return list(psutil.Process(self.process.pid).children())


def until(true: Callable[[], object]) -> None:
    """Wait until something is true."""
    end = time.monotonic() + _WAIT
    while not true():
        assert time.monotonic() < end
        time.sleep(0.01)


@contextlib.contextmanager
def serving(log: Path, *words: str | Path) -> Iterator[Server]:
    """A server with these arguments. It is killed where the test has not stopped it."""
    command = [sys.executable, "-m", "seqtext", "serve", *map(str, words), "--port=0"]
    with log.open("w") as stream:
        process = subprocess.Popen(command, stderr=stream, text=True)
    try:
        started: list[str] = []

        def look() -> bool:
            started[:] = re.findall(r"http://127\.0\.0\.1:(\d+)/", log.read_text())
            assert started or process.poll() is None, log.read_text()
            return bool(started)

        until(look)
        yield Server(process, int(started[0]), log)
    finally:
        process.kill()
        process.wait()
