"""The processes that a launcher starts for one command: which this is, and which of them tells an error."""

from __future__ import annotations

import os
import sys
import time

from seqtext.errors import SeqtextError

_GRACE = 5.0  # seconds in which the first process of a node ends the others


def by_torchrun() -> bool:
    """Whether ``torchrun`` has started this process."""
    return "TORCHELASTIC_RUN_ID" in os.environ


def rank() -> int:
    """Number of this process among all that ``torchrun`` has started. 0 without it."""
    return int(os.environ["RANK"]) if by_torchrun() else 0


def local_rank() -> int:
    """Number of this process among those that ``torchrun`` or Lightning has started on this node."""
    return int(os.environ.get("LOCAL_RANK", "0"))


def tell_error(message: str) -> None:
    """Print a user's mistake, once for all processes of a node.

    Mostly all processes meet it. Then the first one tells it, and its end ends the others. A process that met
    it alone tells it a little later.
    """
    if place := local_rank():
        time.sleep(_GRACE)
        message = f"{message} (in process {place} of this node)"
    print(message, file=sys.stderr, flush=True)
    if by_torchrun():
        _record(message)


def _record(message: str) -> None:
    """Let the report of ``torchrun`` show the message, and no traceback of ours."""
    from torch.distributed.elastic.multiprocessing.errors import get_error_handler

    try:
        raise SeqtextError(message)
    except SeqtextError as error:
        error.__traceback__ = error.__context__ = None
        get_error_handler().record_exception(error)
