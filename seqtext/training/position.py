"""Where in training a checkpoint stands."""

from __future__ import annotations

from typing import Any

from lightning.pytorch import Trainer

from seqtext import checkpoint
from seqtext.checkpoint import training_state


def begin(content: dict[str, Any], trainer: Trainer) -> None:
    """Prepare a checkpoint's position in training for a trainer that goes on from it.

    Raises:
        CheckpointError: It has no such position.
    """
    try:
        training_state.check(content)
        training_state.check_whole(content)
        loop = content["loops"]["fit_loop"]
        # a trainer that is at work has loaders already, and a saved loop may have none yet
        expected = {**trainer.fit_loop.state_dict(), "state_dict": {}}
        training_state.check_position(loop, expected, "loops.fit_loop")
        loaders, where = (
            loop["state_dict"].get("combined_loader", []),
            "loops.fit_loop.combined_loader",
        )
        training_state.check_position(loaders, [], where)
        for i, loader in enumerate(loaders):
            training_state.check_position(loader, {"epoch": 0, "position": 0}, f"{where}[{i}]")
    except ValueError as error:
        raise checkpoint.inconsistent("checkpoint", error) from error
    _count_in(content, trainer.accumulate_grad_batches)


def _count_in(content: dict[str, Any], accumulation: int) -> None:
    """Tell the position, which counts batches, for another accumulation of gradients."""
    before = content["seqtext_accumulation"]
    if accumulation == before:
        return
    loop = content["loops"]["fit_loop"]
    for progress in loop["epoch_loop.batch_progress"].values():
        if isinstance(progress, dict):
            for name, batches in progress.items():
                progress[name] = batches // before * accumulation
    for loader in loop["state_dict"]["combined_loader"]:
        loader["position"] = loader["position"] // before * accumulation
