"""Greedy search: the most probable piece at every step."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from seqtext.search.length_penalty import LengthPenalty
from seqtext.search.protocol import FinishedHypothesis, Pieces, State, StepModel, Watch
from seqtext.search.rules import Rule
from seqtext.search.stepwise import search_stepwise


def greedy_search(
    model: StepModel[State],
    state: State,
    max_lengths: Tensor,
    pieces: Pieces,
    length_penalty: LengthPenalty | None = None,
    rules: Sequence[Rule] = (),
    watch: Watch | None = None,
) -> list[FinishedHypothesis]:
    """Take the best piece until eos. For the arguments, see ``run_search``.

    Returns:
        One hypothesis for each sentence, in order.
    """
    found = search_stepwise(
        model, state, max_lengths, pieces, _best, 1, length_penalty, rules, watch
    )
    return [hypothesis for [hypothesis] in found]


def _best(log_probs: Tensor, origin: Tensor) -> Tensor:
    return log_probs.max(2).indices
