"""The loader of one epoch: planned batches, in order, from any position on."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

import torch
from torch.utils.data import DataLoader, Dataset

from seqtext import signals
from seqtext.console import say
from seqtext.data.batch import Batch, LabelledBatch
from seqtext.data.bucketing import Rows
from seqtext.internals import raised_by

T = TypeVar("T")


def read_ahead(
    items: Callable[[int], Dataset[T]],
    num_workers: int,
    *,
    each: int | None = None,
    **options: Any,
) -> Iterator[T]:
    """Items that worker processes prepare, in order. If one dies, this process prepares the rest.

    Args:
        items: Given a number, the data set without that many first items.
        num_workers: Processes. 0 prepares items in this one.
        each: Items that a process prepares ahead.
        options: More arguments of ``DataLoader``.
    """
    done = 0
    if num_workers:
        loader: DataLoader[T] = DataLoader(
            items(0),
            num_workers=num_workers,
            prefetch_factor=each,
            worker_init_fn=_leave_signals,
            **options,
        )
        try:
            for item in _begin(loader):
                done += 1
                yield item
            return
        except RuntimeError as error:
            if not raised_by(error, "torch.utils.data"):
                raise
            say(
                "data: a process that prepares batches was killed, perhaps for lack of memory; this"
                " epoch goes on without such processes. Nothing is lost, --data.num_workers 0 avoids them"
            )
    yield from DataLoader(items(done), **options)


def _begin(loader: DataLoader[T]) -> Iterator[T]:
    """Start the workers. PyTorch would raise at once where one dies, in the middle of an update.

    Without its handler it raises when the next item is waited for.
    """
    handler = signal.getsignal(signal.SIGCHLD) if hasattr(signal, "SIGCHLD") else None
    started = iter(loader)
    if handler is not None and signal.getsignal(signal.SIGCHLD) != handler:
        signal.signal(signal.SIGCHLD, handler)
    return started


def _leave_signals(worker: int) -> None:
    """Ignore what is sent to all processes. The first one still needs batches to stop in good order.

    Only the parent's own SIGTERM ends a worker, since the parent waits for that at its exit.
    """
    for number in {*signals.NUMBERS} - {signal.SIGTERM}:
        signal.signal(number, signal.SIG_IGN)
    if hasattr(signal, "sigwaitinfo"):  # elsewhere nobody knows the sender of a signal.
        # Threads that start later inherit the mask. So the signal waits for the thread that asks for it
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
        threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    while signal.sigwaitinfo({signal.SIGTERM}).si_pid != os.getppid():
        pass
    os._exit(0)


class _Batches(Dataset[Batch | LabelledBatch]):
    def __init__(self, plan: list[Rows], read: Callable[[Rows], Batch | LabelledBatch]) -> None:
        self.plan, self.read = plan, read

    def __len__(self) -> int:
        return len(self.plan)

    def __getitem__(self, index: int) -> Batch | LabelledBatch:
        return self.read(self.plan[index])


class PlannedLoader:
    """Iterates over one epoch's batches. Its state is the number of batches handed out.

    Batches that worker processes have prepared ahead do not count. So a loader with this state resumes
    at the batch that comes next.

    Args:
        plan: Rows of each batch.
        read: Makes a batch of rows. It runs in the workers.
        epoch: What the state belongs to.
        num_workers: Processes that prepare batches ahead. 0 prepares them in this one.
    """

    made_by: object = None  # the data module

    def __init__(
        self,
        plan: list[Rows],
        read: Callable[[Rows], Batch | LabelledBatch],
        *,
        epoch: int = 0,
        num_workers: int = 0,
    ) -> None:
        self._plan, self._read = plan, read
        self._epoch, self._num_workers = epoch, num_workers
        self._start = self._position = 0

    def __len__(self) -> int:
        return len(self._plan)

    def __iter__(self) -> Iterator[Batch | LabelledBatch]:
        plan = self._plan[self._start :]
        batches = read_ahead(
            lambda done: _Batches(plan[done:], self._read),
            self._num_workers,
            batch_size=None,
            pin_memory=torch.cuda.is_available(),
        )
        for position, batch in enumerate(batches, self._start + 1):
            self._position = position
            yield batch

    def state_dict(self) -> dict[str, int]:
        """Epoch, and batches handed out."""
        return {"epoch": self._epoch, "position": self._position}

    def load_state_dict(self, state: dict[str, int]) -> None:
        """Resume behind the position of a state. A state of another epoch is ignored."""
        if state["epoch"] == self._epoch:
            self._start = self._position = state["position"]


class TextLoader:
    """Iterates over texts, some at a time. Lightning would take a list of lists for many loaders.

    Args:
        texts: A rank's texts.
        batch_size: Most texts of a batch.
    """

    def __init__(self, texts: Sequence[str], batch_size: int) -> None:
        self._texts, self._size = texts, batch_size

    def __len__(self) -> int:
        return -(-len(self._texts) // self._size)

    def __iter__(self) -> Iterator[list[str]]:
        for start in range(0, len(self._texts), self._size):
            yield list(self._texts[start : start + self._size])
