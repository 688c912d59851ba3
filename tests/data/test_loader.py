from __future__ import annotations

import itertools
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable

import numpy as np
import pytest
from torch.utils.data import Dataset, get_worker_info

from seqtext import signals
from seqtext.data.batch import Batch, LabelledBatch, collate
from seqtext.data.bucketing import Rows
from seqtext.data.loader import PlannedLoader, read_ahead

PLAN: list[Rows] = [np.array(rows) for rows in ([3, 1], [4], [0, 5, 2], [6], [8, 7], [9])]
WORKERS = pytest.mark.parametrize("workers", [0, 2])


def read(rows: Rows) -> Batch:
    ids = [[row] for row in rows.tolist()]
    return collate(ids, ids, source_eos=99, target_bos=98, target_eos=99)


def loader(workers: int = 0, epoch: int = 0) -> PlannedLoader:
    return PlannedLoader(PLAN, read, epoch=epoch, num_workers=workers)


def rows_of(batches: Iterable[Batch | LabelledBatch]) -> list[list[int]]:
    return [batch.source[:, 0].tolist() for batch in batches]


EXPECTED = [rows.tolist() for rows in PLAN]


@WORKERS
def test_batches_come_as_planned(workers: int) -> None:
    assert len(loader(workers)) == len(PLAN)
    assert rows_of(iter(loader(workers))) == EXPECTED


@WORKERS
@pytest.mark.parametrize("position", [0, 1, 4, 6])
def test_goes_on_where_it_was(workers: int, position: int) -> None:
    before = loader(workers)
    taken = rows_of(itertools.islice(before, position))
    state = before.state_dict()
    assert state == {"epoch": 0, "position": position}  # not those made ahead
    after = loader(workers)
    after.load_state_dict(state)
    assert after.state_dict() == state
    assert taken + rows_of(iter(after)) == EXPECTED
    assert after.state_dict() == {"epoch": 0, "position": len(PLAN)}
    assert len(after) == len(PLAN)


def test_state_after_going_on_counts_from_the_start() -> None:
    after = loader()
    after.load_state_dict({"epoch": 0, "position": 2})
    iterator = iter(after)
    next(iterator)
    assert after.state_dict() == {"epoch": 0, "position": 3}
    again = loader()
    again.load_state_dict(after.state_dict())
    assert rows_of(iter(again)) == EXPECTED[3:]


def test_state_of_another_epoch_is_ignored() -> None:
    after = loader(epoch=1)
    after.load_state_dict({"epoch": 0, "position": 4})
    assert after.state_dict() == {"epoch": 1, "position": 0}
    assert rows_of(iter(after)) == EXPECTED


@WORKERS
def test_an_iterator_nobody_uses_is_harmless(workers: int) -> None:
    after = loader(workers)
    after.load_state_dict({"epoch": 0, "position": 2})
    iter(after)
    assert rows_of(iter(after)) == EXPECTED[2:]


def test_batches_are_made_when_asked_for() -> None:
    made: list[list[int]] = []

    def noting(rows: Rows) -> Batch:
        made.append(rows.tolist())
        return read(rows)

    iterator = iter(PlannedLoader(PLAN, noting))
    assert made == []
    next(iterator)
    assert made == EXPECTED[:1]


def test_the_same_batches_twice() -> None:
    # validation iterates over one loader again and again
    twice = loader()
    assert rows_of(iter(twice)) == rows_of(iter(twice)) == EXPECTED


class Dying(Dataset[int]):
    """Numbers; a worker that is to give ``at`` gets a signal first."""

    def __init__(self, start: int, at: int, number: int) -> None:
        self.start, self.at, self.number = start, at, number

    def __len__(self) -> int:
        return 6 - self.start

    def __getitem__(self, index: int) -> int:
        if index + self.start == self.at and get_worker_info() is not None:
            os.kill(os.getpid(), self.number)
            time.sleep(0.1)
        return index + self.start


def dying(number: int) -> list[int]:
    return [*read_ahead(lambda done: Dying(done, 3, number), 2, batch_size=None)]


def test_an_epoch_goes_on_without_a_killed_worker(capfd: pytest.CaptureFixture[str]) -> None:
    assert dying(signal.SIGKILL) == list(range(6))
    assert capfd.readouterr().err.count("goes on without such processes") == 1


@pytest.mark.parametrize("number", signals.NUMBERS)
def test_workers_leave_signals_to_the_first_process(
    number: int, capfd: pytest.CaptureFixture[str]
) -> None:
    """A group's signal reaches them, too, and the first process still needs batches."""
    assert dying(number) == list(range(6))
    assert not capfd.readouterr().err


def test_a_process_ends_although_workers_are_at_work() -> None:
    """An error keeps the loader alive until the exit, which terminates workers and waits for them."""
    script = """
from seqtext.data.loader import read_ahead
kept = read_ahead(lambda done: range(9), 1, batch_size=None)
print(next(kept))
"""
    done = subprocess.run(
        [sys.executable, "-c", script], timeout=60, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, "0\n"), done.stderr
