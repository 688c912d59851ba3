"""Search that continues every hypothesis by one piece a step. A function chooses the pieces."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from seqtext.search.length_penalty import LengthPenalty
from seqtext.search.protocol import (
    Constraint,
    FinishedHypothesis,
    Pieces,
    State,
    StepModel,
    Watch,
    look_now,
)
from seqtext.search.rules import Rule

# Takes log-probabilities (N, K, V), -inf where a piece is ruled out. Takes which sentence each row is (N,).
# Returns ids (N, K).
Choose = Callable[[Tensor, Tensor], Tensor]


@torch.inference_mode()
def search_stepwise(
    model: StepModel[State],
    state: State,
    max_lengths: Tensor,
    pieces: Pieces,
    choose: Choose,
    count: int = 1,
    length_penalty: LengthPenalty | None = None,
    rules: Sequence[Rule] = (),
    watch: Watch | None = None,
) -> list[list[FinishedHypothesis]]:
    """Continue ``count`` hypotheses of each sentence until eos. At its maximum length, eos ends one.

    For the other arguments, see ``run_search``.

    Args:
        choose: The next pieces, see ``Choose``.
        count: K, hypotheses of a sentence.
        length_penalty: Changes only the reported score. Default: mean log-probability.
        watch: Sees the first hypothesis of each sentence grow.

    Returns:
        The hypotheses of each sentence.
    """
    # finished sentences leave the batch, and origin says which sentence a row is
    origin = torch.arange(len(max_lengths), device=max_lengths.device)
    beams = torch.arange(count, device=max_lengths.device)
    ids = origin.new_full((len(origin), count), pieces.bos)
    history = ids.unsqueeze(2)[:, :, :0]
    log_prob: Tensor | float = 0.0
    results: dict[int, list[FinishedHypothesis]] = {}
    constraint, penalty = Constraint(pieces, max_lengths, rules), length_penalty or LengthPenalty()
    state = model.select(state, origin, torch.zeros_like(ids))
    while len(origin):
        log_probs, state = model.step(ids, state)
        ended, at_end = ids == pieces.eos, constraint.at_end(history, origin)
        allowed = constraint(log_probs, history, origin, at_end)
        # also where eos is impossible
        over = ended if at_end is None else ended | at_end.unsqueeze(1)
        ids = choose(allowed, origin).masked_fill(over, pieces.eos)
        log_prob = log_prob + allowed.gather(2, ids.unsqueeze(2))[:, :, 0].masked_fill(ended, 0.0)
        history = torch.cat([history, ids.unsqueeze(2)], 2)
        if watch is not None:
            watch(origin, history[:, 0])
        done = (ids == pieces.eos).all(1)
        if look_now(history.size(2), done.device) and bool(done.any()):
            results |= _finished(origin[done], history[done], log_prob[done], penalty, pieces.eos)
            live = (~done).nonzero()[:, 0]
            origin, ids, history, log_prob = origin[live], ids[live], history[live], log_prob[live]
            state = model.select(state, live, beams.expand_as(ids))
    return [results[row] for row in range(len(max_lengths))]


def _finished(
    origin: Tensor, history: Tensor, log_prob: Tensor, penalty: LengthPenalty, eos: int
) -> dict[int, list[FinishedHypothesis]]:
    """The hypotheses of finished sentences, by their sentence."""
    finished = {}
    rows = zip(origin.tolist(), history.tolist(), log_prob.tolist(), strict=True)
    for sentence, hypotheses, totals in rows:
        lengths = [ids.index(eos) for ids in hypotheses]
        finished[sentence] = [
            FinishedHypothesis(tuple(ids[:length]), total, total / penalty(length + 1))
            for ids, length, total in zip(hypotheses, lengths, totals, strict=True)
        ]
    return finished
