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

    The models share the pieces of their target; each has a state of its own.

    Args:
        models: At least one.
    """

    def __init__(self, models: Sequence[StepModel[State]]) -> None:
        self._models = models

    def step(self, ids: Tensor, state: list[State]) -> tuple[Tensor, list[State]]:
        """See ``StepModel``; one state a model."""
        steps = [model.step(ids, own) for model, own in zip(self._models, state, strict=True)]
        widest = max(log_probs.size(2) for log_probs, _ in steps)
        padded = [  # a model that cannot copy knows no words beyond the vocabulary
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
        """The mean of the models' attention; see ``StepModel``."""
        pairs = zip(self._models, state, strict=True)
        return torch.stack([model.attention(own) for model, own in pairs]).mean(0)
