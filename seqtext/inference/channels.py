"""Connections between the processes that predict together. Importing this loads no torch."""

from __future__ import annotations

import os
import pickle
from abc import ABC, abstractmethod
from typing import Any

from seqtext.errors import LostProcessError


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
        self._reader, self._writer = os.fdopen(reader, "rb", closefd=False), writer

    def send(self, value: object) -> None:
        """See ``Channel``."""
        left = memoryview(pickle.dumps(value))
        try:
            while left:
                left = left[os.write(self._writer, left) :]
        except BrokenPipeError as error:
            raise LostProcessError from error

    def receive(self) -> Any:
        """See ``Channel``."""
        try:
            return pickle.load(self._reader)
        except (EOFError, pickle.UnpicklingError) as error:  # cut off in the middle
            raise LostProcessError from error
