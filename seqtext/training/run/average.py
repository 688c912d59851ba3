"""The mean of the weights in several checkpoints."""

from __future__ import annotations

from pathlib import Path

import torch
from lightning.pytorch import LightningModule
from torch import Tensor

from seqtext import checkpoint
from seqtext.console import say
from seqtext.errors import CheckpointError


def intact(files: list[Path]) -> list[dict[str, Tensor]]:
    """The weights in ``files``. A damaged file is left out, and said so: the run has its best.ckpt."""
    intact = []
    for file in files:
        try:
            intact.append(checkpoint.read(file)["state_dict"])
        except CheckpointError as error:
            say(f"average: left out {error}")
    return intact


def load_average(module: LightningModule, candidates: list[dict[str, Tensor]]) -> None:
    """Give a module the mean of some weights."""
    average = {
        name: torch.stack([weights[name].double() for weights in candidates])
        .mean(0)
        .to(value.dtype)
        for name, value in candidates[0].items()
    }
    module.load_state_dict(average)
