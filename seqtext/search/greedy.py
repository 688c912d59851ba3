"""Greedy search: the most probable piece at every step."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from seqtext.search.length_penalty import LengthPenalty
from seqtext.search.protocol import (
    Constraint,
    FinishedHypothesis,
    Pieces,
    State,
    StepModel,
    look_now,
)
from seqtext.search.rules import Rule


@torch.inference_mode()
def greedy_search(
    model: StepModel[State],
    state: State,
    max_lengths: Tensor,
    pieces: Pieces,
    length_penalty: LengthPenalty | None = None,
    rules: Sequence[Rule] = (),
) -> list[FinishedHypothesis]:
    """Take the best piece until eos. At its maximum length, eos ends a hypothesis.

    Args:
        model: See ``StepModel``.
        state: Of N sentences with one hypothesis each.
        max_lengths: (N,) int64, most pieces of a hypothesis, without eos.
        pieces: Special ids.
        length_penalty: Changes only the reported score. Default: mean log-probability.
        rules: What hypotheses may not continue with.

    Returns:
        One hypothesis for each sentence, in order.
    """
    penalty = length_penalty or LengthPenalty()
    device = max_lengths.device
    # finished sentences leave the batch, and origin says which sentence a row is
    origin = torch.arange(len(max_lengths), device=device)
    ids = torch.full((len(origin), 1), pieces.bos, device=device)
    history = ids[:, :0]
    log_prob: Tensor | float = 0.0
    results: dict[int, FinishedHypothesis] = {}
    constraint = Constraint(pieces, max_lengths, rules)
    while len(origin):
        log_probs, state = model.step(ids, state)
        ended = ids[:, 0] == pieces.eos
        at_end = ended | constraint.at_end(history, origin)
        allowed = constraint(log_probs, history.unsqueeze(1), origin, at_end)
        best, ids = allowed[:, 0].max(-1, keepdim=True)
        ids = ids.masked_fill(at_end.unsqueeze(1), pieces.eos)  # also where eos is impossible
        log_prob = log_prob + best[:, 0].masked_fill(ended, 0.0)
        history = torch.cat([history, ids], 1)
        ended = ids[:, 0] == pieces.eos
        if look_now(history.size(1), device) and bool(ended.any()):
            finished = ended.nonzero()[:, 0]
            results |= _finished(
                origin[finished], history[finished], log_prob[finished], penalty, pieces.eos
            )
            live = (~ended).nonzero()[:, 0]
            origin, ids, history, log_prob = origin[live], ids[live], history[live], log_prob[live]
            state = model.select(state, live, torch.zeros_like(ids))
    return [results[row] for row in range(len(max_lengths))]


def _finished(
    origin: Tensor, history: Tensor, log_prob: Tensor, penalty: LengthPenalty, eos: int
) -> dict[int, FinishedHypothesis]:
    """The finished hypotheses by their sentence."""
    hypotheses = {}
    rows = zip(origin.tolist(), history.tolist(), log_prob.tolist(), strict=True)
    for sentence, ids, total in rows:
        length = ids.index(eos)
        score = total / penalty(length + 1)
        hypotheses[sentence] = FinishedHypothesis(tuple(ids[:length]), total, score)
    return hypotheses
