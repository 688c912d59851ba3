"""Batches that form of requests, and what becomes of requests when workers end. Workers are played here."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from seqtext.errors import ConfigError, LostProcessError
from seqtext.inference.records import Fields
from seqtext.serving.config import ServingConfig
from seqtext.serving.messages import Answer, Batch, Description, ModelPlace
from seqtext.serving.metrics import Metrics
from seqtext.serving.queue import Queue
from seqtext.serving.refusals import RefusedError
from seqtext.serving.requests import Request
from seqtext.serving.worker import answer
from seqtext.serving.workers import Worker
from tests.serving.test_requests import GENERATOR

Compute = Callable[[Batch], Sequence[Answer]]


class PlayedWorker(Worker):
    """Computes in this process. ``lose`` makes it end with its next batch."""

    def __init__(self) -> None:
        super().__init__(ModelPlace([], False, "cpu", "fp32", [], 1))
        self.free, self.batches = threading.Event(), list[Batch]()
        self.lose, self.running, self.starts = 0, True, 0

    def start(self) -> None:
        self.running, self.starts = True, self.starts + 1

    def load(self, known: Description | None = None) -> Description:
        return GENERATOR

    def compute(self, batch: Batch) -> Sequence[Answer]:
        self.batches.append(batch)
        self.free.wait(20)
        if self.lose:
            self.lose -= 1
            self.running = False
        if not self.running:
            raise LostProcessError
        return [[{"text": row} for row in rows] for rows in batch.requests]

    @property
    def alive(self) -> bool:
        return self.running

    def kill(self) -> None:
        self.running = False
        self.free.set()

    def end(self) -> None:
        self.kill()


def request(*rows: str, key: str | None = "", **options: Any) -> Request:
    return Request("generate", options, rows, [], key)


def play(worker: PlayedWorker, test: Callable[[Queue], Any], **options: Any) -> Any:
    """Run a coroutine with a queue of one worker."""

    async def run() -> Any:
        queue = Queue([worker], GENERATOR, ServingConfig(**options), Metrics())
        async with queue.running():
            async with asyncio.timeout(30):
                return await test(queue)

    return asyncio.run(run())


async def until(true: Callable[[], object]) -> None:
    while not true():
        await asyncio.sleep(0.005)


def test_batches_form_of_requests_with_equal_options(capsys: pytest.CaptureFixture[str]) -> None:
    worker = PlayedWorker()

    async def test(queue: Queue) -> list[list[Fields]]:
        first = asyncio.create_task(queue.answer(request("busy")))
        await until(lambda: worker.batches)
        asked = [
            request("a", "b", key="x"), request("c", key="y"), request("d", key="x"),
            request("e", key=None), request("f", "g", key="x"), request("h", key="x"),
        ]  # fmt: skip
        tasks = [asyncio.create_task(queue.answer(each)) for each in asked]
        await until(lambda: queue._metrics.render().count(b"seqtext_queue_length 6.0"))
        worker.free.set()
        return await asyncio.gather(first, *tasks)

    answers = play(worker, test, batch_size=4)
    assert [[row["text"] for row in own] for own in answers] == [
        ["busy"], ["a", "b"], ["c"], ["d"], ["e"], ["f", "g"], ["h"],
    ]  # fmt: skip
    # at most 4 texts, those of one request together, none that has to be alone
    assert [batch.requests for batch in worker.batches] == [
        [("busy",)], [("a", "b"), ("d",), ("h",)], [("c",)], [("e",)], [("f", "g")],
    ]  # fmt: skip


def test_a_full_queue_refuses() -> None:
    worker = PlayedWorker()

    async def test(queue: Queue) -> None:
        tasks = [asyncio.create_task(queue.answer(request("a")))]
        await until(lambda: worker.batches)
        tasks.append(asyncio.create_task(queue.answer(request("b"))))
        await asyncio.sleep(0)
        with pytest.raises(RefusedError, match="1 requests wait already") as told:
            await queue.answer(request("c"))
        assert told.value.status == 503 and told.value.headers["Retry-After"] == "1"
        worker.free.set()
        await asyncio.gather(*tasks)

    play(worker, test, max_queue=1)


def test_who_has_gone_takes_no_place_in_the_queue() -> None:
    worker = PlayedWorker()

    async def test(queue: Queue) -> None:
        computed = asyncio.create_task(queue.answer(request("computed")))
        await until(lambda: worker.batches)
        gone = asyncio.create_task(queue.answer(request("gone")))
        await asyncio.sleep(0.02)
        gone.cancel()
        await asyncio.gather(gone, return_exceptions=True)
        other = asyncio.create_task(queue.answer(request("other")))
        await asyncio.sleep(0.02)
        worker.free.set()
        assert [await computed, await other] == [[{"text": "computed"}], [{"text": "other"}]]

    play(worker, test, max_queue=1)


def test_who_has_gone_is_not_computed() -> None:
    worker = PlayedWorker()

    async def test(queue: Queue) -> None:
        first = asyncio.create_task(queue.answer(request("a")))
        await until(lambda: worker.batches)
        gone = asyncio.create_task(queue.answer(request("gone")))
        stays = asyncio.create_task(queue.answer(request("stays")))
        await asyncio.sleep(0)
        gone.cancel()
        worker.free.set()
        await asyncio.gather(first, stays)

    play(worker, test)
    assert [batch.requests for batch in worker.batches] == [[("a",)], [("stays",)]]


def test_a_worker_that_ends_loses_no_request(capsys: pytest.CaptureFixture[str]) -> None:
    worker = PlayedWorker()

    async def test(queue: Queue) -> list[list[Fields]]:
        worker.free.set()
        worker.lose = 1
        return await asyncio.gather(*(queue.answer(request(name)) for name in "abc"))

    assert play(worker, test) == [[{"text": name}] for name in "abc"]
    sizes = [len(batch.requests) for batch in worker.batches]
    assert sum(sizes) == 3 + sizes[0]
    assert "a worker has ended, and starts again" in capsys.readouterr().err


def test_a_request_that_ends_workers_is_refused() -> None:
    worker = PlayedWorker()

    async def test(queue: Queue) -> None:
        worker.free.set()
        worker.lose = 2
        with pytest.raises(RefusedError, match="2 workers have ended") as told:
            await queue.answer(request("a"))
        assert told.value.status == 503
        assert await queue.answer(request("b")) == [{"text": "b"}]

    play(worker, test)


def test_what_takes_too_long_is_refused_and_its_worker_starts_again() -> None:
    worker = PlayedWorker()

    async def test(queue: Queue) -> None:
        with pytest.raises(RefusedError, match=r"no answer within 1 s"):
            await queue.answer(request("a"))
        await until(lambda: worker.starts and queue.ready)
        assert await queue.answer(request("b")) == [{"text": "b"}]

    play(worker, test, timeout=1)


def test_a_long_computation_ends_soon_after_its_client_has_gone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("seqtext.serving.queue._GRACE", 0.1)
    worker = PlayedWorker()

    async def test(queue: Queue) -> None:
        gone = asyncio.create_task(queue.answer(request("gone")))
        await until(lambda: worker.batches)
        gone.cancel()
        assert await queue.answer(request("b")) == [{"text": "b"}]

    play(worker, test, timeout=20)
    assert [batch.requests for batch in worker.batches] == [[("gone",)], [("b",)]]
    assert worker.starts == 1


class SlowStart(PlayedWorker):
    """Loads its model until it is killed."""

    def load(self, known: Description | None = None) -> Description:
        self.free.clear()
        self.free.wait(20)
        raise LostProcessError

    def kill(self) -> None:
        if self.starts:
            super().kill()


def test_an_end_during_a_start_is_no_fault(capsys: pytest.CaptureFixture[str]) -> None:
    worker = SlowStart()

    async def test(queue: Queue) -> None:
        worker.running = False
        await until(lambda: worker.starts)

    play(worker, test)
    told = capsys.readouterr().err
    assert "a worker has ended, and starts again" in told and "cannot start" not in told


class _Picky:
    """Answers texts, but refuses ``wrong`` by its place."""

    def compute(self, task: str, rows: Sequence[str], options: Any) -> list[Fields]:
        for i, row in enumerate(rows):
            if row == "wrong":
                raise ConfigError(f"texts[{i}]: is wrong")
            if row == "bug":
                raise KeyError("bug")
        return [{"text": row} for row in rows]


def test_a_mistake_reaches_no_other_request(capsys: pytest.CaptureFixture[str]) -> None:
    model: Any = _Picky()
    first, wrong, bug, last = answer(
        model, Batch("generate", {}, [["a", "b"], ["c", "wrong"], ["bug"], ["d"]])
    )
    assert first == [{"text": "a"}, {"text": "b"}] and last == [{"text": "d"}]
    assert isinstance(wrong, ConfigError) and str(wrong) == "texts[1]: is wrong"
    assert isinstance(bug, RuntimeError) and "KeyError: 'bug'" in str(bug)
    assert "Traceback" in capsys.readouterr().err
