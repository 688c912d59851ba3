"""Requests that wait for workers, and the batches that form of them."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections import deque
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from seqtext.errors import LostProcessError, SeqtextError
from seqtext.inference.records import Fields
from seqtext.serving.config import ServingConfig
from seqtext.serving.messages import Answer, Batch, Description
from seqtext.serving.metrics import Metrics
from seqtext.serving.refusals import RefusedError, refuse_busy
from seqtext.serving.requests import Request
from seqtext.serving.workers import Worker

_TRIES = 2  # workers that may end while they compute a request
_LOOK = 0.5  # seconds after which an idle worker is looked at
_GRACE = 2.0  # seconds to compute what nobody waits for, as a new worker takes no less
_PAUSES = (0.0, 1.0, 2.0, 5.0, 10.0, 30.0)  # seconds before a worker is started again


class _Job:
    """A request that waits, or is computed."""

    def __init__(self, request: Request) -> None:
        self.request = request
        self.answer: asyncio.Future[list[Fields]] = asyncio.get_running_loop().create_future()
        self.lost = 0  # workers that ended while they computed it

    def refuse(self, error: Exception) -> None:
        if not self.answer.done():
            self.answer.set_exception(error)


class Queue:
    """Gives requests to workers.

    There is no delay: while all workers compute, the requests that arrive wait. Then those with the same
    options as the oldest one are computed together. An answer that a worker owes when it ends is computed
    by another.

    Args:
        workers: They have their model.
        model: What they say of it.
        config: Sizes and times.
        metrics: Counts batches and restarts.
    """

    def __init__(
        self, workers: Sequence[Worker], model: Description, config: ServingConfig, metrics: Metrics
    ) -> None:
        self._workers, self._model, self._config = workers, model, config
        self._metrics = metrics
        self._waiting = deque[_Job]()
        self._arrived = asyncio.Condition()
        self._ready = set(workers)
        self._broken = False  # whether a worker could not start again
        self._ends = False
        self._threads = ThreadPoolExecutor(len(workers))
        metrics.watch("queue_length", lambda: len(self._waiting))
        metrics.watch("workers", lambda: self.ready)

    @property
    def ready(self) -> int:
        """Workers that have the model."""
        return sum(worker.alive for worker in self._ready)

    async def answer(self, request: Request) -> list[Fields]:
        """The answer to a request. If the caller is cancelled, the request no longer waits.

        Raises:
            RefusedError: The queue is full, there is no worker, or it takes too long.
            SeqtextError: A text or an option cannot work.
        """
        if len(self._waiting) >= self._config.max_queue:
            raise refuse_busy(
                f"{len(self._waiting):,} requests wait already. Send this again later"
            )
        if self._broken and not self._ready:
            raise refuse_busy("no worker has the model at the moment. Send this again later")
        job = _Job(request)
        await self._add([job])
        try:
            async with asyncio.timeout(self._config.timeout):
                return await job.answer
        except TimeoutError:
            raise refuse_busy(f"no answer within {self._config.timeout:g} s") from None
        finally:
            job.answer.cancel()
            with contextlib.suppress(ValueError):  # a worker has it
                self._waiting.remove(job)

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Workers compute within this context. They end with it."""
        tasks = [asyncio.create_task(self._work(worker)) for worker in self._workers]
        try:
            yield
        finally:
            self._ends = True
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            ended = asyncio.get_running_loop().run_in_executor(None, self._threads.shutdown)
            while not ended.done():  # one may be starting again
                for worker in self._workers:
                    worker.kill()
                await asyncio.sleep(0.02)
            for worker in self._workers:
                worker.end()

    async def _add(self, jobs: Sequence[_Job], *, first: bool = False) -> None:
        async with self._arrived:
            if first:
                self._waiting.extendleft(reversed(jobs))
            else:
                self._waiting.extend(jobs)
            self._arrived.notify(len(jobs))

    async def _take(self) -> list[_Job]:
        """The oldest job, and those that can be computed with it. Empty if none arrives for a while."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_LOOK), self._arrived:
                await self._arrived.wait_for(lambda: self._waiting)
        jobs, kept, texts = list[_Job](), list[_Job](), 0
        for job in self._waiting:
            if job.answer.done():
                continue  # nobody waits for it
            size = texts + len(job.request.rows)
            if not jobs or (_together(jobs[0], job) and size <= self._config.batch_size):
                jobs.append(job)
                texts = size
            else:
                kept.append(job)
        self._waiting = deque(kept)
        return jobs

    async def _work(self, worker: Worker) -> None:
        """Have a worker compute, and start it again when it has ended."""
        loop, failures = asyncio.get_running_loop(), 0
        while True:
            if not worker.alive:
                self._ready.discard(worker)
                await asyncio.sleep(_PAUSES[min(failures, len(_PAUSES) - 1)])
                failures += 1
                self._broken = not await loop.run_in_executor(self._threads, self._restart, worker)
                if self._broken:
                    continue
                self._ready.add(worker)
                self._metrics.count_restart()
            if jobs := await self._take():
                failures = 0 if await self._compute(worker, jobs) else failures

    async def _compute(self, worker: Worker, jobs: Sequence[_Job]) -> bool:
        """Answer jobs. Return whether the worker has done so."""
        first = jobs[0].request
        batch = Batch(first.task, first.options, [job.request.rows for job in jobs])
        self._metrics.count_batch(sum(map(len, batch.requests)))
        loop = asyncio.get_running_loop()
        computed = loop.run_in_executor(self._threads, worker.compute, batch)
        # asyncio would print an error that nobody awaits, as the server ends
        computed.add_done_callback(lambda done: done.cancelled() or done.exception())
        told = asyncio.gather(*(job.answer for job in jobs), return_exceptions=True)
        ends: list[asyncio.Future[Any]] = [computed, told]
        await asyncio.wait(ends, timeout=self._config.timeout, return_when=asyncio.FIRST_COMPLETED)
        if not computed.done():  # all clients have gone, or have been refused
            _, slow = await asyncio.wait([computed], timeout=min(_GRACE, self._config.timeout))
            if slow:
                worker.kill()
        try:
            answers = await computed
        except LostProcessError:
            await self._take_back(jobs)
            return False
        for job, answer in zip(jobs, answers, strict=True):
            _settle(job, answer)
        return True

    async def _take_back(self, jobs: Sequence[_Job]) -> None:
        """Have jobs computed again, each alone, as one of them may be what ended the worker."""
        again = list[_Job]()
        for job in jobs:
            job.lost += 1
            if job.lost < _TRIES:
                again.append(job)
            else:
                job.refuse(refuse_busy(f"{_TRIES} workers have ended while they computed this"))
        await self._add(again, first=True)

    def _restart(self, worker: Worker) -> bool:
        """Start a worker, and wait for it. Return whether it has the model."""
        print("seqtext serve: a worker has ended, and starts again", file=sys.stderr, flush=True)
        try:
            worker.start()
            worker.load(self._model)
        except Exception as error:  # whatever it is, the other workers go on
            if not self._ends:  # else it has been killed here
                print(f"seqtext serve: a worker cannot start: {error}", file=sys.stderr, flush=True)
            worker.kill()
            return False
        return True


def _together(one: _Job, other: _Job) -> bool:
    """Whether two jobs can be computed together."""
    alone = one.lost or other.lost or one.request.key is None
    same = (one.request.task, one.request.key) == (other.request.task, other.request.key)
    return same and not alone


def _settle(job: _Job, answer: Answer) -> None:
    if isinstance(answer, SeqtextError):
        job.refuse(answer)
    elif isinstance(answer, Exception):
        job.refuse(RefusedError(500, f"the model has failed ({answer})"))
    elif not job.answer.done():
        job.answer.set_result(answer)
