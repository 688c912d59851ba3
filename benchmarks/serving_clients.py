"""A server in a process, and clients that behave badly."""

from __future__ import annotations

import contextlib
import http.client
import random
import re
import signal
import socket
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import psutil

_KILL = 15.0  # seconds
_CONNECTIONS, _SLOW = 1_000, 20
_LARGE = 10_000_000  # bytes


class Server(NamedTuple):
    """A running ``seqtext serve``."""

    process: subprocess.Popen[str]
    port: int

    def cpu_seconds(self) -> float:
        """CPU time of the server and its workers."""
        own = psutil.Process(self.process.pid)
        return sum(sum(each.cpu_times()[:2]) for each in (own, *own.children()))

    def connect(self) -> http.client.HTTPConnection:
        """A connection that stays open between requests."""
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)


@contextlib.contextmanager
def serving(words: Sequence[str]) -> Iterator[Server]:
    """A server with these arguments, on a free port."""
    command = [sys.executable, "-m", "seqtext", "serve", *words, "--port=0"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    for line in process.stderr:
        if found := re.search(r"http://127\.0\.0\.1:(\d+)/", line):
            break
    else:
        sys.exit("the server has not started")
    # what it says later must not fill the pipe
    threading.Thread(target=process.stderr.read, daemon=True).start()
    try:
        yield Server(process, int(found[1]))
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait()


def post(connection: http.client.HTTPConnection, body: bytes) -> tuple[int, bytes]:
    """Status and body of an answer of ``/generate``."""
    connection.request("POST", "/generate", body)
    response = connection.getresponse()
    return response.status, response.read()


class Disturbance:
    """Clients that behave badly, and a killer of workers, until ``stop``."""

    def __init__(self, server: Server) -> None:
        self._server, self._end, self.counts = server, threading.Event(), Counter[str]()
        works = (self._kill, self._hold, self._dawdle, self._garble, self._flood)
        self._threads = [threading.Thread(target=work) for work in works]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """End all of it."""
        self._end.set()
        for thread in self._threads:
            thread.join()

    def _kill(self) -> None:
        while not self._end.wait(_KILL):
            children = psutil.Process(self._server.process.pid).children()
            if children:
                random.choice(children).kill()
                self.counts["workers killed"] += 1

    def _hold(self) -> None:
        """1,000 open connections. The server closes them when they are idle, and new ones follow."""
        while not self._end.is_set():
            with contextlib.ExitStack() as stack:
                for _ in range(_CONNECTIONS):
                    with contextlib.suppress(OSError):
                        stack.enter_context(self._connect())
                        self.counts["idle connections"] += 1
                self._end.wait(8)

    def _dawdle(self) -> None:
        while not self._end.wait(0.5):
            with contextlib.suppress(OSError), contextlib.ExitStack() as stack:
                clients = [stack.enter_context(self._connect()) for _ in range(_SLOW)]
                for client in clients:
                    client.sendall(
                        b"POST /generate HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99\r\n\r\n{"
                    )
                    self.counts["slow bodies"] += 1
                for client in clients:
                    refused = client.recv(100).startswith(b"HTTP/1.1 408")
                    self.counts["slow bodies refused"] += refused

    def _garble(self) -> None:
        self._post_until_end(b'{"texts": ["A man', 400, "malformed", 0.05)

    def _flood(self) -> None:
        self._post_until_end(b" " * _LARGE, 413, "large", 1.0)

    def _post_until_end(self, body: bytes, expected: int, name: str, pause: float) -> None:
        while not self._end.wait(pause):
            self.counts[f"{name} bodies"] += 1
            with contextlib.suppress(OSError, http.client.HTTPException):
                with contextlib.closing(self._server.connect()) as connection:
                    status, _ = post(connection, body)
                self.counts[f"{name} bodies refused"] += status == expected

    def _connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self._server.port), 60)
