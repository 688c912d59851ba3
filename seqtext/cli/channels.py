"""Connections between the processes of one command."""

from __future__ import annotations

import os
import pickle
from abc import ABC, abstractmethod
from datetime import timedelta
from typing import Any

from seqtext.cli.outputs import write_all
from seqtext.errors import LostProcessError

_FOREVER = timedelta(days=365)  # a pipe may wait as long for its next line


class Channel(ABC):
    """A connection with another process of ours. What one end sends, the other receives in order."""

    @abstractmethod
    def send(self, value: object) -> None:
        """Send a value that can be pickled.

        Raises:
            LostProcessError: The other process has ended.
        """

    @abstractmethod
    def receive(self) -> Any:
        """Wait for the next value.

        Raises:
            LostProcessError: The other process has ended.
        """


class PipeChannel(Channel):
    """Two pipes between a process and one that it has started.

    Args:
        reader: Descriptor of the pipe to read from.
        writer: Descriptor of the pipe to write to.
    """

    def __init__(self, reader: int, writer: int) -> None:
        self._reader = os.fdopen(reader, "rb", closefd=False)
        # a buffer would be written again when its file is closed, although the other process has ended
        self._writer = os.fdopen(writer, "wb", buffering=0, closefd=False)

    def send(self, value: object) -> None:
        """See ``Channel``."""
        try:
            write_all(self._writer, pickle.dumps(value))
        except BrokenPipeError as error:
            raise LostProcessError from error

    def receive(self) -> Any:
        """See ``Channel``."""
        try:
            return pickle.load(self._reader)
        except (EOFError, pickle.UnpicklingError) as error:  # cut off in the middle
            raise LostProcessError from error


class GroupChannel(Channel):
    """Messages between two processes of PyTorch's default process group.

    Args:
        rank: Of the other process.
    """

    def __init__(self, rank: int) -> None:
        self._rank = rank

    def send(self, value: object) -> None:
        """See ``Channel``. An ended process shows as an error of PyTorch."""
        from torch import distributed

        distributed.send_object_list([value], self._rank)

    def receive(self) -> Any:
        """See ``Channel``. An ended process shows as an error of PyTorch."""
        from torch import distributed

        values: list[Any] = [None]
        distributed.recv_object_list(values, self._rank)
        return values[0]


def join_group() -> None:
    """Join the processes that ``torchrun`` has started. The objects that they send are on the CPU."""
    from torch import distributed

    distributed.init_process_group("gloo", timeout=_FOREVER)
