"""Measure a server: answers a second and their times, and whether it loses or mixes up answers.

    python -m benchmarks serve CKPT SOURCES [--clients 1 8 32] [--seconds 60] [--workers 2]
    python -m benchmarks serve CKPT SOURCES --endurance 10000

SOURCES holds a sentence a line. Each client sends a sentence, waits for the answer and sends the next one.
CKPT can be a folder of ``seqtext export``, without ``--endurance``.

``--endurance N`` sends N requests with different options from 8 clients. Each answer is compared with the one
computed alone. Meanwhile a worker is killed every 15 seconds. There are also 1,000 open
connections, slow clients, malformed JSON and bodies of 10 MB.
"""

from __future__ import annotations

import argparse
import contextlib
import functools
import http.client
import itertools
import json
import resource
import statistics
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import seqtext
from benchmarks.common import Row, parser_of, read, report, table, use_threads
from benchmarks.serving_clients import Disturbance, Server, post, serving

_CLIENTS = 8  # of the endurance test
_OUTCOMES = ("right", "rounded", "mixed up", "lost")
_OPTIONS: list[dict[str, Any]] = [
    {},
    {"beam_size": 1},
    {"n_best": 3},
    {"length_penalty": 0.2},
    {"samples": 2, "seed": 3},
]


def _words(options: argparse.Namespace) -> list[str]:
    """Arguments of ``seqtext serve``."""
    given = [options.checkpoint, f"--workers={options.workers}"]
    return given if options.precision is None else [*given, f"--precision={options.precision}"]


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
    times, failures = list[float](), list[str]()
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
                failures.append(f"status {status}: {answer.decode()}")
                break
            times.append(time.perf_counter() - began)
        connection.close()

    in_threads(clients, ask)
    if failures:
        sys.exit(failures[0])
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
    with serving(_words(options)) as server:
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

    @functools.cache
    def texts(body: str) -> list[str]:
        given = json.loads(body)
        [own] = model.generate(given.pop("texts"), **given)
        return [each.text for each in own]

    return [texts(json.dumps(body)) for body in asked]


def endure(options: argparse.Namespace, sources: Sequence[str]) -> None:
    """Count lost and wrong answers under disturbance."""
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
    texts = itertools.islice(itertools.cycle(sources), options.endurance)
    asked: list[dict[str, Any]] = [
        {"texts": [text], **_OPTIONS[i // 7 % len(_OPTIONS)]} for i, text in enumerate(texts)
    ]
    options.precision = options.precision or "fp32"
    expected, counts = expected_texts(options, asked), Counter[str]()
    lock = threading.Lock()
    with serving(_words(options)) as server:
        disturbance, start = Disturbance(server), time.perf_counter()

        def ask(place: int) -> None:
            for i in range(place, len(asked), _CLIENTS):
                outcome, again = compare(server, asked[i], expected[i], expected)
                with lock:
                    counts[outcome] += 1
                    counts["refused, sent again"] += again

        in_threads(_CLIENTS, ask)
        seconds = time.perf_counter() - start
        disturbance.stop()
    counts["lost"] += len(asked) - sum(
        counts[name] for name in _OUTCOMES
    )  # of a client that failed
    figures = {name: counts[name] for name in (*_OUTCOMES, "refused, sent again")}
    report(
        "endurance",
        Path(options.checkpoint).name,
        seconds=round(seconds),
        **figures,
        **disturbance.counts,
    )


def compare(
    server: Server, body: Mapping[str, Any], expected: list[str], all_expected: Sequence[list[str]]
) -> tuple[str, int]:
    """What became of a request, and how often it was sent again.

    ``mixed up`` is the answer to another request. ``rounded`` is another answer. In ``int8`` it can come
    from sums, which round differently in a batch.
    """
    for tries in range(100):
        try:
            with contextlib.closing(server.connect()) as connection:
                status, answer = post(connection, json.dumps(body).encode())
        except (OSError, http.client.HTTPException):
            break
        if status == 503:  # it asks to send it again
            time.sleep(0.2)
            continue
        if status != 200:
            break
        [result] = json.loads(answer)["results"]
        texts = [each["text"] for each in result["hypotheses"]]
        if result["source"] != body["texts"][0] or (texts != expected and texts in all_expected):
            return "mixed up", tries
        return "right" if texts == expected else "rounded", tries
    return "lost", tries


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
