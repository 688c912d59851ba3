"""The loader of one epoch: planned batches, in order, from any position on."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch.utils.data import DataLoader, Dataset

from seqtext.data.batch import Batch
from seqtext.data.bucketing import Rows


class _Batches(Dataset[Batch]):
    def __init__(self, plan: list[Rows], read: Callable[[Rows], Batch]) -> None:
        self.plan, self.read = plan, read

    def __len__(self) -> int:
        return len(self.plan)

    def __getitem__(self, index: int) -> Batch:
        return self.read(self.plan[index])


class PlannedLoader:
    """Iterates over one epoch's batches; its state is the number of batches handed out.

    Batches that worker processes have prepared ahead do not count, so a loader that is given this
    state goes on with the very batch that comes next.

    Args:
        plan: Rows of each batch.
        read: Makes a batch of rows; runs in the workers.
        epoch: What the state belongs to.
        num_workers: Processes that prepare batches ahead; 0 prepares them in this one.
    """

    def __init__(
        self,
        plan: list[Rows],
        read: Callable[[Rows], Batch],
        *,
        epoch: int = 0,
        num_workers: int = 0,
    ) -> None:
        self._plan, self._read = plan, read
        self._epoch, self._num_workers = epoch, num_workers
        self._start = self._position = 0

    def __len__(self) -> int:
        return len(self._plan)

    def __iter__(self) -> Iterator[Batch]:
        loader: DataLoader[Batch] = DataLoader(
            _Batches(self._plan[self._start :], self._read),
            batch_size=None,
            num_workers=self._num_workers,
            pin_memory=torch.cuda.is_available(),
        )
        for position, batch in enumerate(loader, self._start + 1):
            self._position = position
            yield batch

    def state_dict(self) -> dict[str, int]:
        """Epoch, and batches handed out."""
        return {"epoch": self._epoch, "position": self._position}

    def load_state_dict(self, state: dict[str, int]) -> None:
        """Go on where the loader with this state was; a state of another epoch is none of ours."""
        if state["epoch"] == self._epoch:
            self._start = self._position = state["position"]
