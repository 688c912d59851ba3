"""Several models searched as one."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Generic

import torch
from torch import Tensor

from seqtext.search.protocol import State, StepModel


class Ensemble(Generic[State]):
    """A ``StepModel`` that predicts the mean of its models' probabilities.

    The models share the pieces of their target. Each has its own state.

    Args:
        models: At least one.
    """

    def __init__(self, models: Sequence[StepModel[State]]) -> None:
        self._models = models

    def step(self, ids: Tensor, state: list[State]) -> tuple[Tensor, list[State]]:
        """See ``StepModel``. The state is a list with that of each model."""
        steps = [model.step(ids, own) for model, own in zip(self._models, state, strict=True)]
        widest = max(log_probs.size(2) for log_probs, _ in steps)
        # Models that copy have more columns: the source's own words behind the vocabulary.
        padded = [
            torch.nn.functional.pad(log_probs, (0, widest - log_probs.size(2)), value=-torch.inf)
            for log_probs, _ in steps
        ]
        log_probs = torch.stack(padded).logsumexp(0)
        return log_probs - math.log(len(steps)), [own for _, own in steps]

    def select(self, state: list[State], sentences: Tensor, beams: Tensor) -> list[State]:
        """See ``StepModel``."""
        pairs = zip(self._models, state, strict=True)
        return [model.select(own, sentences, beams) for model, own in pairs]

    def attention(self, state: list[State]) -> Tensor:
        """See ``StepModel``. The mean of the models' attention."""
        pairs = zip(self._models, state, strict=True)
        return torch.stack([model.attention(own) for model, own in pairs]).mean(0)
