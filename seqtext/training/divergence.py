"""What to say when a loss or a gradient is no number."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import torch
from torch import Tensor

from seqtext.data.batch import Batch, LabelledBatch
from seqtext.errors import TrainingError

if TYPE_CHECKING:
    from seqtext.training.module import TextModule
    from seqtext.training.saved import SidesT

BatchT = TypeVar("BatchT", Batch, LabelledBatch)


def describe_divergence(
    module: TextModule[BatchT, SidesT], what: str, batch: BatchT, epoch: int, number: int
) -> TrainingError:
    """The error to raise, with the sentences that cause it on their own.

    Args:
        module: What is trained.
        what: What is no number: the loss or the gradient.
        batch: The batch at hand.
        epoch: Its epoch, from 0.
        number: Its number in the epoch, from 0.
    """
    rows = [type(batch)(*(part[i : i + 1] for part in batch)) for i in range(len(batch.source))]
    with module.trainer.precision_plugin.train_step_context():
        bad = [row for row in rows if not _is_finite(module, row)]
    assert module.tokenizers is not None
    source = module.tokenizers.source
    texts = [source.text_of(row.source[0].tolist()) for row in (bad or rows)[:3]]
    which = f"{len(bad)} of its {len(rows)} sentences do it alone"
    if not bad:
        which = "no sentence of it does it alone"
    return TrainingError(
        f"{what} is no number (nan or infinite) in epoch {epoch + 1}, batch {number + 1}; {which}, the"
        f" first: {' | '.join(texts)}. Checkpoints written before are good: go on from them (--resume)"
        " with a lower optimizer.learning_rate, or with trainer.precision 32-true"
    )


def _is_finite(module: TextModule[BatchT, SidesT], batch: BatchT) -> bool:
    """Whether the loss and all its gradients are numbers."""
    with torch.enable_grad():
        loss, _ = module.loss_of(batch)
        weights = [weight for weight in module.parameters() if weight.requires_grad]
        gradients: tuple[Tensor | None, ...] = torch.autograd.grad(loss, weights, allow_unused=True)
    return all(part.isfinite().all() for part in (loss, *gradients) if part is not None)
