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


class Constraint:
    """Rules out what is never produced, and all but eos where a hypothesis has its full length.

    Args:
        pieces: Special ids.
        log_probs: Any of the search's (N, K, V); its V and device count.
    """

    def __init__(self, pieces: Pieces, log_probs: Tensor) -> None:
        ids = torch.arange(log_probs.size(-1), device=log_probs.device)
        never = torch.tensor([pieces.bos, *pieces.banned], device=log_probs.device)
        self._never = torch.isin(ids, never)
        self._not_eos = ids != pieces.eos

    def __call__(self, log_probs: Tensor, at_end: Tensor) -> Tensor:
        """Log-probabilities (N, K, V), with -inf where ruled out; ``at_end`` is (N,) bool."""
        ruled_out = self._never | (at_end.view(-1, 1, 1) & self._not_eos)
        return log_probs.masked_fill(ruled_out, -torch.inf)


def look_now(step: int, device: torch.device) -> bool:
    """Whether to ask which sentences are finished: the answer makes a GPU wait, so seldom there."""
    return device.type == "cpu" or step % 8 == 0
