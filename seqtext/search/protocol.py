"""The interface between search and model, and the result of a search. No network is imported here."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

import torch
from torch import Tensor

from seqtext.search.rules import Allocation, Rule, StrictRule

State = TypeVar("State")

# Sees outputs grow: takes which sentence each row is (N,), and the ids (N, t) of its best live hypothesis. A
# row may have eos at its end, several times.
Watch = Callable[[Tensor, Tensor], None]


class StepModel(Protocol[State]):
    """A model that can be searched: N sentences with K hypotheses each."""

    def step(self, ids: Tensor, state: State) -> tuple[Tensor, State]:
        """Read the last piece of every hypothesis.

        Args:
            ids: (N, K) int64.
            state: Of N sentences with K hypotheses.

        Returns:
            Log-probabilities (N, K, V) of the next piece, and the state after reading. The search may
            overwrite the log-probabilities.
        """
        ...

    def select(self, state: State, sentences: Tensor, beams: Tensor) -> State:
        """Keep some sentences, and some hypotheses of each.

        Args:
            state: Of N sentences with K hypotheses.
            sentences: (N',) int64 in ascending order, none twice. So N' = N means all of them.
            beams: (N', K') int64, hypotheses of these sentences, where one may stand twice.
        """
        ...

    def attention(self, state: State) -> Tensor:
        """Attention of the last step, (N, K, S). Only coverage penalties need it."""
        ...


@dataclass(frozen=True, kw_only=True)
class Pieces:
    """Ids of special pieces.

    Args:
        bos: Begins every hypothesis. It is never produced.
        eos: Ends a hypothesis.
        banned: Further ids that are never produced.
    """

    bos: int
    eos: int
    banned: tuple[int, ...] = ()


@dataclass(frozen=True)
class FinishedHypothesis:
    """One finished hypothesis.

    Args:
        ids: Pieces without bos and eos.
        log_prob: Sum of the log-probabilities of all pieces and of eos, in nats.
        score: ``log_prob`` / length penalty + coverage penalty. The search ranks by it.
    """

    ids: tuple[int, ...]
    log_prob: float
    score: float


class Constraint:
    """Rules out pieces that are never produced, and all but eos at the maximum length.

    A hypothesis at its maximum length ends, even if a rule forbids eos. So does one that the rules leave no
    continuation. ``is_whole`` tells whether it may end so.

    Args:
        pieces: Special ids.
        max_lengths: (sentences,) int64, most pieces of a hypothesis, without eos.
        rules: What else is ruled out.
    """

    def __init__(self, pieces: Pieces, max_lengths: Tensor, rules: Sequence[Rule] = ()) -> None:
        self._max_lengths, self._rules = max_lengths, rules
        self.has_rules = bool(rules)
        self.allocation = next((rule for rule in rules if isinstance(rule, Allocation)), None)
        self._eos = pieces.eos
        never = [pieces.bos, *pieces.banned]
        self._never = torch.tensor(never, device=max_lengths.device)
        self._first_end = int(max_lengths.min()) if len(max_lengths) else 0

    def at_end(self, history: Tensor, origin: Tensor) -> Tensor | None:
        """Whether hypotheses (see ``Rule``) have their maximum length, (N,) bool. None where none can."""
        if history.size(-1) < self._first_end:
            return None
        return self._max_lengths[origin] <= history.size(-1)

    def is_whole(self, history: Tensor, origin: Tensor) -> Tensor:
        """Whether no strict rule forbids hypotheses (see ``Rule``) to end, (N, K) bool."""
        whole = torch.ones(history.shape[:2], dtype=torch.bool, device=history.device)
        for rule in self._rules:
            if isinstance(rule, StrictRule):
                whole &= rule.may_end(history, origin)
        return whole

    def __call__(
        self, log_probs: Tensor, history: Tensor, origin: Tensor, at_end: Tensor | None
    ) -> Tensor:
        """Write -inf into ``log_probs`` where a piece is ruled out, and return it.

        Args:
            log_probs: (N, K, V), overwritten.
            history: See ``Rule``.
            origin: See ``Rule``.
            at_end: (N,) bool, whether only eos may follow. None where it is the case for none.
        """
        log_probs.index_fill_(2, self._never, -torch.inf)
        # Most steps return here and cost nothing: no sentence is at its maximum length yet.
        if at_end is None and not self._rules:
            return log_probs
        of_eos = log_probs[:, :, self._eos].clone()
        for rule in self._rules:
            rule(log_probs, history, origin)
        if at_end is not None:
            log_probs.masked_fill_(at_end.view(-1, 1, 1), -torch.inf)
        stuck = log_probs.amax(2) == -torch.inf
        log_probs[:, :, self._eos] = of_eos.where(stuck, log_probs[:, :, self._eos])
        return log_probs


def look_now(step: int, device: torch.device) -> bool:
    """Whether to ask which sentences are finished.

    The answer makes the CPU wait for the GPU. So it is asked in every 8th step there.
    """
    return device.type == "cpu" or step % 8 == 0
