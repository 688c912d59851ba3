"""Figures about a server, in the text format of Prometheus."""

from __future__ import annotations

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
_SIZES = (1, 2, 4, 8, 16, 32, 64, 128)


class Metrics:
    """The figures of one server."""

    content_type = CONTENT_TYPE_LATEST

    def __init__(self) -> None:
        self._registry = registry = CollectorRegistry()
        self._requests = Counter(
            "seqtext_requests", "Requests that were answered", ["path", "status"], registry=registry
        )
        self._seconds = Histogram(
            "seqtext_request_seconds",
            "Time from the head of a request to its answer",
            ["path"],
            buckets=_SECONDS,
            registry=registry,
        )
        self._texts = Histogram(
            "seqtext_batch_texts",
            "Texts that a worker computes together",
            buckets=_SIZES,
            registry=registry,
        )
        self._restarts = Counter(
            "seqtext_worker_restarts", "Workers that were started again", registry=registry
        )
        self._gauges: dict[str, Gauge] = {}
        for name, text in (
            ("queue_length", "Requests that wait for a worker"),
            ("workers", "Workers that have the model"),
            ("connections", "Open connections"),
        ):
            self._gauges[name] = Gauge(f"seqtext_{name}", text, registry=registry)

    def watch(self, name: str, value: Callable[[], float]) -> None:
        """Have a gauge show the value of a function."""
        self._gauges[name].set_function(value)

    def count_answer(self, path: str, status: int, seconds: float | None = None) -> None:
        """Count an answer. ``path`` is one of ours, so there are few. None is a time that is not told."""
        self._requests.labels(path, str(status)).inc()
        if seconds is not None:
            self._seconds.labels(path).observe(seconds)

    def count_batch(self, texts: int) -> None:
        """Count a batch."""
        self._texts.observe(texts)

    def count_restart(self) -> None:
        """Count a worker that was started again."""
        self._restarts.inc()

    def render(self) -> bytes:
        """All figures."""
        return generate_latest(self._registry)
