"""Beam search over the step protocol, batched. Finished sentences leave the batch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from seqtext.errors import ConfigError
from seqtext.search.coverage_penalty import CoveragePenalty
from seqtext.search.length_penalty import LengthPenalty
from seqtext.search.protocol import Constraint, Found, Pieces, State, StepModel, look_now
from seqtext.search.rules import Rule

# Finished sentences leave when they are at least one in so many. PyTorch prepares its matrix products for
# each size of the batch, which costs time and memory.
_SHARE_TO_LEAVE = 8


class _Beam(NamedTuple):
    """N sentences with K live hypotheses and the best F finished ones each, at step t."""

    origin: Tensor  # (N,) which sentence of the input a row is
    scores: Tensor  # (N, K) log-probabilities of the live hypotheses
    history: Tensor  # (N, K, t) their pieces
    finished: Tensor  # (N, F) scores under the length penalty, best first, -inf where none
    finished_log_prob: Tensor  # (N, F)
    finished_ids: Tensor  # (N, F, t) pieces, filled up with eos
    # (N, K, S) attention so far, where a coverage penalty asks for it
    covered: Tensor | None = None

    def keep(self, rows: Tensor) -> _Beam:
        return _Beam(*(None if part is None else part[rows] for part in self))  # type: ignore[arg-type]


@torch.inference_mode()
def beam_search(
    model: StepModel[State],
    state: State,
    max_lengths: Tensor,
    pieces: Pieces,
    beam_size: int,
    length_penalty: LengthPenalty | None = None,
    rules: Sequence[Rule] = (),
    coverage: tuple[CoveragePenalty, Tensor] | None = None,
) -> list[list[Found]]:
    """Keep the ``beam_size`` most probable hypotheses at every step.

    A hypothesis is finished when eos is among the best ``beam_size`` continuations. A sentence is finished
    when it has ``beam_size`` finished hypotheses, or reaches its maximum length. There the live ones are
    ended with eos. With ``beam_size`` 1 this is greedy search.

    Args:
        model: See ``StepModel``.
        state: Of N sentences with one hypothesis each.
        max_lengths: (N,) int64, most pieces of a hypothesis, eos not counted.
        pieces: Special ids.
        beam_size: At least 1.
        length_penalty: Ranks finished hypotheses. Default: mean log-probability.
        rules: What hypotheses may not continue with.
        coverage: A penalty that ranks them as well, and the lengths of the sources (N,).

    Returns:
        For every sentence its finished hypotheses, at most ``beam_size``, best first. There is none where
        the model gives eos no probability.

    Raises:
        ConfigError: ``beam_size`` below 1.
    """
    if beam_size < 1:
        raise ConfigError(f"beam_size: {beam_size}, expected at least 1")
    start = torch.full((len(max_lengths), 1), pieces.bos, device=max_lengths.device)
    constraint = Constraint(pieces, max_lengths, rules)
    penalty = length_penalty or LengthPenalty()
    return _search(model, state, start, pieces.eos, beam_size, constraint, penalty, coverage)


def _search(
    model: StepModel[State],
    state: State,
    ids: Tensor,
    eos: int,
    beam_size: int,
    constraint: Constraint,
    penalty: LengthPenalty,
    coverage: tuple[CoveragePenalty, Tensor] | None,
) -> list[list[Found]]:
    """``beam_search`` of sentences that start with ``ids`` (N, 1)."""
    results: list[list[Found]] = [[] for _ in range(len(ids))]
    beam: _Beam | None = None
    step = 0
    while beam is None or len(beam.origin):
        log_probs, state = model.step(ids, state)
        if beam is None:
            covered = None if coverage is None else coverage[0].start(coverage[1])
            beam = _first(len(ids), beam_size, log_probs)._replace(covered=covered)
        at_end = constraint.at_end(beam.history, beam.origin)
        log_probs = constraint(log_probs, beam.history, beam.origin, at_end)
        bonus = None
        if coverage is not None and beam.covered is not None:
            covered = beam.covered + model.attention(state)
            beam, bonus = beam._replace(covered=covered), coverage[0](covered)
        beam, parents = _advance(beam, log_probs, eos, beam_size, penalty(step + 1), bonus)
        rows = torch.arange(len(beam.origin), device=ids.device)
        if look_now(step + 1, ids.device):
            done = (beam.finished > -torch.inf).all(1) | at_end
            if _SHARE_TO_LEAVE * int(done.sum()) >= len(rows):
                for origin, found in _collect(beam.keep(done.nonzero()[:, 0]), eos):
                    results[origin] = found
                rows = (~done).nonzero()[:, 0]
                beam, parents = beam.keep(rows), parents[rows]
        if len(rows):
            state = model.select(state, rows, parents)
            ids = beam.history[..., -1]
        step += 1
    return results


def _first(count: int, beam_size: int, log_probs: Tensor) -> _Beam:
    none = log_probs.new_full((count, beam_size), -torch.inf)
    empty = torch.empty((count, beam_size, 0), dtype=torch.long, device=log_probs.device)
    origin = torch.arange(count, device=log_probs.device)
    return _Beam(origin, log_probs.new_zeros(count, 1), empty[:, :1], none, none, empty)


def _advance(
    beam: _Beam,
    log_probs: Tensor,
    eos: int,
    beam_size: int,
    penalty: float,
    bonus: Tensor | None,
) -> tuple[_Beam, Tensor]:
    """One step: the new beam, and for each live hypothesis the one that it continues, (N, K).

    ``bonus`` (N, K) is added to the score of a hypothesis that ends.
    """
    rows, live, vocab_size = log_probs.shape
    totals = (beam.scores.unsqueeze(2) + log_probs).view(rows, -1)
    # of 2K continuations at most K are eos, so K others are among them
    values, index = totals.topk(min(2 * beam_size, live * vocab_size), dim=1)
    parents, ids = index // vocab_size, index % vocab_size
    is_eos = ids == eos
    beam = _finish(beam, values, parents, is_eos, eos, penalty, bonus)
    chosen = is_eos.byte().argsort(dim=1, stable=True)[:, : min(beam_size, live * (vocab_size - 1))]
    parents, ids = parents.gather(1, chosen), ids.gather(1, chosen)
    scores = values.gather(1, chosen).masked_fill(is_eos.gather(1, chosen), -torch.inf)
    history = torch.cat([_rows(beam.history, parents), ids.unsqueeze(2)], 2)
    covered = None if beam.covered is None else _rows(beam.covered, parents)
    return beam._replace(scores=scores, history=history, covered=covered), parents


def _finish(
    beam: _Beam,
    values: Tensor,
    parents: Tensor,
    is_eos: Tensor,
    eos: int,
    penalty: float,
    bonus: Tensor | None,
) -> _Beam:
    """Merge continuations that end into the best finished hypotheses of each sentence."""
    size = beam.finished.size(1)
    full = (beam.finished > -torch.inf).all(1, keepdim=True)
    ending = is_eos[:, :size] & ~full
    log_prob = values[:, :size].masked_fill(~ending, -torch.inf)
    ids = _rows(beam.history, parents[:, :size])
    ranked = log_prob / penalty
    if bonus is not None:
        ranked = ranked + bonus.gather(1, parents[:, :size])
    merged = torch.cat([beam.finished, ranked], 1)
    finished, best = merged.topk(size, dim=1)
    all_ids = torch.nn.functional.pad(torch.cat([beam.finished_ids, ids], 1), (0, 1), value=eos)
    return beam._replace(
        finished=finished,
        finished_log_prob=torch.cat([beam.finished_log_prob, log_prob], 1).gather(1, best),
        finished_ids=_rows(all_ids, best),
    )


def _rows(history: Tensor, index: Tensor) -> Tensor:
    """(N, K, t), (N, K') -> (N, K', t)."""
    return history.gather(1, index.unsqueeze(2).expand(-1, -1, history.size(2)))


def _collect(beam: _Beam, eos: int) -> list[tuple[int, list[Found]]]:
    collected = []
    for origin, scores, log_probs, hypotheses in zip(
        beam.origin.tolist(),
        beam.finished.tolist(),
        beam.finished_log_prob.tolist(),
        beam.finished_ids.tolist(),
        strict=True,
    ):
        found = [
            Found(tuple(ids[: ids.index(eos)]), log_prob, score)
            for score, log_prob, ids in zip(scores, log_probs, hypotheses, strict=True)
            if score > -float("inf")
        ]
        collected.append((origin, found))
    return collected
