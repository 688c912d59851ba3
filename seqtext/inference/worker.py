"""The main program of a process that ``seqtext.inference.processes`` starts."""

from __future__ import annotations

import contextlib
import os

import torch

from seqtext.errors import CheckpointError, LostProcessError
from seqtext.inference.channels import PipeChannel
from seqtext.inference.classifier import Classifier
from seqtext.inference.generator import Generator
from seqtext.inference.loading import load
from seqtext.inference.processes import Settings, serve, states_of


def work() -> None:
    """Work for the process that has started this one, until it ends."""
    channel = PipeChannel(0, os.dup(1))
    os.dup2(2, 1)  # what is printed here must not mix with the results
    with contextlib.suppress(LostProcessError):
        settings: Settings = channel.receive()
        torch.set_num_threads(settings.threads)
        torch.set_flush_denormal(True)  # as commands do, and no output can show it
        serve(channel, lambda: _load(settings))


def _load(settings: Settings) -> Generator | Classifier:
    """The model of the first process.

    Raises:
        CheckpointError: Its file has changed. Or see ``load``.
    """
    model = load(settings.paths, settings.device, settings.precision, settings.trust)
    if states_of(settings.paths) != settings.states:
        raise CheckpointError(
            f"{', '.join(map(str, settings.paths))}: has changed since another process read it. Load it again"
        )
    return model
