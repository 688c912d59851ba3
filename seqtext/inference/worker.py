"""The main program of a process that ``seqtext.inference.processes`` starts."""

from __future__ import annotations

import contextlib
import os

import torch

from seqtext.errors import LostProcessError
from seqtext.inference.channels import PipeChannel
from seqtext.inference.loading import load
from seqtext.inference.processes import Settings, serve


def work() -> None:
    """Work for the process that has started this one, until it ends."""
    channel = PipeChannel(0, os.dup(1))
    os.dup2(2, 1)  # what is printed here must not mix with the results
    with contextlib.suppress(LostProcessError):
        settings: Settings = channel.receive()
        torch.set_num_threads(settings.threads)
        torch.set_flush_denormal(True)  # as commands do, and no output can show it
        serve(channel, lambda: load(*settings[:-1]))
