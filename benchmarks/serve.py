"""Measure a server: answers a second and their times, and whether it loses or mixes up answers.

    python -m benchmarks serve CKPT SOURCES [--clients 1 8 32] [--seconds 60] [--workers 2]
    python -m benchmarks serve CKPT SOURCES --endurance 10000

SOURCES holds a sentence a line. Each client sends a sentence, waits for the answer and sends the next one.
CKPT can be a folder of ``seqtext export``, without ``--endurance``.

With ``--endurance`` so many requests with different options are sent by 8 clients. Each answer is compared
with the one computed alone. Meanwhile a worker is killed every 15 seconds. There are also 1,000 open
connections, slow clients, malformed JSON and bodies of 10 MB.
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import itertools
import json
import random
import re
import resource
import signal
import socket
import statistics
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import psutil

import seqtext
from benchmarks.common import Row, parser_of, read, report, table, use_threads

_CLIENTS = 8  # of the endurance test
_KILL = 15.0  # seconds
_CONNECTIONS, _SLOW = 1_000, 20
_LARGE = 10_000_000  # bytes
_OPTIONS: list[dict[str, Any]] = [
    {},
    {"beam_size": 1},
    {"n_best": 3},
    {"length_penalty": 0.2},
    {"samples": 2, "seed": 3},
]


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
def serving(options: argparse.Namespace) -> Iterator[Server]:
    """A server of the model on a free port."""
    command = [
        sys.executable, "-m", "seqtext", "serve", options.checkpoint, "--port=0",
        f"--workers={options.workers}",
    ]  # fmt: skip
    if options.precision is not None:
        command.append(f"--precision={options.precision}")
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


def in_threads(count: int, work: Callable[[int], None]) -> None:
    """Run ``work`` in so many threads, each with its number, and wait for them."""
    threads = [threading.Thread(target=work, args=(i,)) for i in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


# --- speed ----------------------------------------------------------------------------------------------


def measure(server: Server, sources: Sequence[str], clients: int, seconds: float) -> Row:
    """Answers a second, and their times, of so many clients."""
    times = list[float]()
    bodies = [json.dumps({"texts": [source]}).encode() for source in sources]
    before, start = server.cpu_seconds(), time.perf_counter()

    def ask(place: int) -> None:
        connection = server.connect()
        for i in itertools.count(place * len(bodies) // clients):
            began = time.perf_counter()
            if began - start >= seconds:
                break
            status, answer = post(connection, bodies[i % len(bodies)])
            if status != 200:
                sys.exit(f"status {status}: {answer.decode()}")
            times.append(time.perf_counter() - began)
        connection.close()

    in_threads(clients, ask)
    wall, cpu = time.perf_counter() - start, server.cpu_seconds() - before
    cuts = statistics.quantiles(times, n=100)
    return {
        "clients": clients,
        "requests": len(times),
        "requests_per_second": round(len(times) / wall, 2),
        "p50_ms": round(1000 * cuts[49], 1),
        "p95_ms": round(1000 * cuts[94], 1),
        "p99_ms": round(1000 * cuts[98], 1),
        "server_cpu_ms_per_request": round(1000 * cpu / len(times), 2),
    }


def measure_speed(options: argparse.Namespace, sources: Sequence[str]) -> None:
    """A row for each number of clients."""
    rows = list[Row]()
    with serving(options) as server:
        measure(server, sources, 1, min(2.0, options.seconds))  # warm up
        for clients in options.clients:
            row = measure(server, sources, clients, options.seconds)
            first = rows[0] if rows else row
            speeds = [float(str(each["requests_per_second"])) for each in (row, first)]
            row["ratio_to_first"] = round(speeds[0] / speeds[1], 2)
            rows.append(row)
            report("serving", Path(options.checkpoint).name, workers=options.workers, **row)
    table([{"name": f"{row['clients']} clients", **row} for row in rows])


# --- endurance ------------------------------------------------------------------------------------------


def expected_texts(
    options: argparse.Namespace, asked: Sequence[Mapping[str, Any]]
) -> list[list[str]]:
    """The texts that a model gives for each request, computed alone."""
    model = seqtext.load_generator(options.checkpoint, precision=options.precision)
    known = dict[str, list[str]]()
    for body in asked:
        key = json.dumps(body)
        if key not in known:
            given = {name: value for name, value in body.items() if name != "texts"}
            [own] = model.generate(body["texts"], **given)
            known[key] = [each.text for each in own]
    return [known[json.dumps(body)] for body in asked]


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
                        b"POST /generate HTTP/1.1\r\nHost: x\r\nContent-Length: 99\r\n\r\n{"
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


def endure(options: argparse.Namespace, sources: Sequence[str]) -> None:
    """Count lost and wrong answers under disturbance."""
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
    pairs = itertools.islice(itertools.cycle(sources), options.endurance)
    asked = [{"texts": [text], **_OPTIONS[i // 7 % 5]} for i, text in enumerate(pairs)]
    options.precision = options.precision or "fp32"
    expected, counts = expected_texts(options, asked), Counter[str]()
    lock = threading.Lock()
    with serving(options) as server:
        disturbance, start = Disturbance(server), time.perf_counter()

        def ask(place: int) -> None:
            for i in range(place, len(asked), _CLIENTS):
                outcome, again = compare(server, asked[i], expected[i])
                with lock:
                    counts[outcome] += 1
                    counts["refused, sent again"] += again

        in_threads(_CLIENTS, ask)
        seconds = time.perf_counter() - start
        disturbance.stop()
    figures = {name: counts[name] for name in ("right", "wrong", "lost", "refused, sent again")}
    report(
        "endurance",
        Path(options.checkpoint).name,
        seconds=round(seconds),
        **figures,
        **disturbance.counts,
    )


def compare(server: Server, body: Mapping[str, Any], expected: list[str]) -> tuple[str, int]:
    """Whether the answer to a request is right, wrong or lost, and how often it was sent again."""
    for tries in range(100):
        try:
            with contextlib.closing(server.connect()) as connection:
                status, answer = post(connection, json.dumps(body).encode())
        except (OSError, http.client.HTTPException):
            return "lost", tries
        if status == 503:  # it says so, and asks to send it again
            time.sleep(0.2)
            continue
        if status != 200:
            return "lost", tries
        [result] = json.loads(answer)["results"]
        texts = [each["text"] for each in result["hypotheses"]]
        right = result["source"] == body["texts"][0] and texts == expected
        return "right" if right else "wrong", tries
    return "lost", 100


def main(arguments: Sequence[str]) -> None:
    parser = parser_of(__doc__)
    parser.add_argument("checkpoint")
    parser.add_argument("sources", type=Path)
    parser.add_argument("--clients", type=int, nargs="+", default=[1, 8, 32])
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--precision", choices=("fp32", "int8", "bf16"))
    parser.add_argument("--endurance", type=int, metavar="REQUESTS")
    options = parser.parse_args(arguments)
    use_threads(1)
    sources = read(options.sources)
    if options.endurance:
        endure(options, sources)
    else:
        measure_speed(options, sources)
