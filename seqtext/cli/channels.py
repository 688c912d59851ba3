"""Connections between the processes that ``torchrun`` has started."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from seqtext.inference.channels import Channel

_FOREVER = timedelta(days=365)  # a pipe may wait as long for its next line


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
