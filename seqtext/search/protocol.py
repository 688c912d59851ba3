"""What search asks of a model, and what it gives back. Nothing here knows a network."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

import torch
from torch import Tensor

from seqtext.search.rules import Rule

State = TypeVar("State")


class StepModel(Protocol[State]):
    """A model that can be searched: N sentences with K hypotheses each."""

    def step(self, ids: Tensor, state: State) -> tuple[Tensor, State]:
        """Read the last piece of every hypothesis.

        Args:
            ids: (N, K) int64.
            state: Of N sentences with K hypotheses.

        Returns:
            Log-probabilities (N, K, V) of the next piece, which the search may write over, and the
            state after reading.
        """
        ...

    def select(self, state: State, sentences: Tensor, beams: Tensor) -> State:
        """Keep ``sentences`` (N',) int64 and of each the hypotheses ``beams`` (N', K') int64.

        Sentences ascend, each at most once: as many as there are means all of them.
        """
        ...

    def attention(self, state: State) -> Tensor:
        """What the last step of each hypothesis attended to, (N, K, S); asked only by coverage penalties."""
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
        max_lengths: (sentences,) int64, most pieces of a hypothesis, eos not counted.
        rules: What else is ruled out. A hypothesis at its full length ends all the same, and so does one
            that they leave no continuation.
    """

    def __init__(self, pieces: Pieces, max_lengths: Tensor, rules: Sequence[Rule] = ()) -> None:
        self._max_lengths, self._rules = max_lengths, rules
        self._eos = pieces.eos
        never = [pieces.bos, *pieces.banned]
        self._never = torch.tensor(never, device=max_lengths.device)
        self._first_end = int(max_lengths.min()) if len(max_lengths) else 0

    def at_end(self, history: Tensor, origin: Tensor) -> Tensor:
        """Whether hypotheses, see ``Rule``, have their full length: (N,) bool."""
        return self._max_lengths[origin] <= history.size(-1)

    def __call__(
        self, log_probs: Tensor, history: Tensor, origin: Tensor, at_end: Tensor
    ) -> Tensor:
        """Log-probabilities (N, K, V), -inf written where ruled out.

        Args:
            log_probs: Written over.
            history: See ``Rule``; so for ``origin``.
            origin: (N,).
            at_end: (N,) bool, may produce nothing but eos.
        """
        log_probs.index_fill_(2, self._never, -torch.inf)
        ends = history.size(-1) >= self._first_end  # before that nothing is at its end
        if not ends and not self._rules:
            return log_probs
        of_eos = log_probs[:, :, self._eos].clone()
        for rule in self._rules:
            rule(log_probs, history, origin)
        log_probs.masked_fill_(at_end.view(-1, 1, 1), -torch.inf)
        stuck = log_probs.amax(2) == -torch.inf
        log_probs[:, :, self._eos] = of_eos.where(stuck, log_probs[:, :, self._eos])
        return log_probs


def look_now(step: int, device: torch.device) -> bool:
    """Whether to ask which sentences are finished: the answer makes a GPU wait, so seldom there."""
    return device.type == "cpu" or step % 8 == 0
