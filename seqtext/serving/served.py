"""A model as a worker has it: rows of a task -> objects of JSON. Importing this loads no torch."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from seqtext.inference.records import Fields
from seqtext.serving.messages import Description, Task

# A client cannot set the server's batch size, and cannot name its files or functions
_NOT_OF_CLIENTS = ("batch_size", "rules", "shortlist")
DECIDING = ("top_k", "threshold")


class ServedModel(ABC):
    """A model that answers requests."""

    description: Description  # what clients and the server should know

    @abstractmethod
    def compute(self, task: Task, rows: Sequence[Any], options: Mapping[str, Any]) -> list[Fields]:
        """An object of JSON for each row.

        Args:
            task: One of ``description.options``.
            rows: Texts, or pairs of source and target.
            options: Of the task, by name.

        Raises:
            SeqtextError: A row or an option cannot work.
        """


def of_clients(names: Iterable[str]) -> list[str]:
    """The options that a request can have."""
    return [name for name in names if name not in _NOT_OF_CLIENTS]


def states_of(files: Iterable[Path]) -> list[tuple[str, int, int]]:
    """Name, time and size of files, by which a change is noticed."""
    states = [(file.name, file.stat()) for file in files]
    return [(name, state.st_mtime_ns, state.st_size) for name, state in states]
