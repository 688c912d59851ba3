"""What search asks of a model, and what it gives back. Nothing here knows a network."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, TypeVar

import torch
from torch import Tensor

State = TypeVar("State")


class StepModel(Protocol[State]):
    """A model that can be searched: N sentences with K hypotheses each."""

    def step(self, ids: Tensor, state: State) -> tuple[Tensor, State]:
        """Read the last piece of every hypothesis.

        Args:
            ids: (N, K) int64.
            state: Of N sentences with K hypotheses.

        Returns:
            Log-probabilities (N, K, V) of the next piece, and the state after reading.
        """
        ...

    def select(self, state: State, sentences: Tensor, beams: Tensor) -> State:
        """Keep ``sentences`` (N',) int64 and of each the hypotheses ``beams`` (N', K') int64.

        Sentences ascend, each at most once: as many as there are means all of them.
        """
        ...


@dataclass(frozen=True, kw_only=True)
class Pieces:
    """The ids that search has to know.

    Args:
        bos: Begins every hypothesis, and is never produced.
        eos: Ends a hypothesis.
        banned: Further ids that are never produced.
    """

    bos: int
    eos: int
    banned: tuple[int, ...] = ()


@dataclass(frozen=True)
class Found:
    """One finished hypothesis.

    Args:
        ids: Pieces without bos and eos.
        log_prob: Sum of the log-probabilities of all pieces and of eos, in nats.
        score: What the search ranked by: ``log_prob`` under the length penalty.
    """

    ids: tuple[int, ...]
    log_prob: float
    score: float


def constrain(log_probs: Tensor, at_end: Tensor, pieces: Pieces) -> Tensor:
    """Rule out what is never produced, and all but eos for sentences ``at_end``.

    Args:
        log_probs: (N, K, V).
        at_end: (N,) bool, True where a hypothesis has its maximum length.
        pieces: Special ids.
    """
    ids = torch.arange(log_probs.size(-1), device=log_probs.device)
    never = torch.isin(ids, torch.tensor([pieces.bos, *pieces.banned], device=ids.device))
    ruled_out = never | (at_end.view(-1, 1, 1) & (ids != pieces.eos))
    return log_probs.masked_fill(ruled_out, -torch.inf)


def look_now(step: int, device: torch.device) -> bool:
    """Whether to ask which sentences are finished: the answer makes a GPU wait, so seldom there."""
    return device.type == "cpu" or step % 8 == 0
