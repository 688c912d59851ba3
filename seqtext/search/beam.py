"""Beam search over the step protocol, for a batch of sentences."""

from __future__ import annotations

import math
from collections.abc import Sequence
from operator import attrgetter
from typing import NamedTuple

import torch
from torch import Tensor

from seqtext.errors import ConfigError
from seqtext.search.coverage_penalty import CoveragePenalty
from seqtext.search.diversity import Diversity
from seqtext.search.largest import largest
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

# Finished sentences leave the batch together, once they are 1 in 8 of it. A new batch size is expensive:
# PyTorch's matrix products prepare and keep a kernel for every size.
_SHARE_TO_LEAVE = 8


_NONE = Diversity(groups=1, penalty=0.0)


class _Beam(NamedTuple):
    """N sentences at step t. Each has K live hypotheses, and its best F finished ones.

    In diverse beam search, a row is a group of a sentence.

    Finished hypotheses lie apart from the live ones. So all F stay comparable until the sentence ends, and
    the model never steps a finished one.
    """

    origin: Tensor  # (N,) int64, which sentence of the input a row is
    scores: Tensor  # (N, K) log-probabilities of the live hypotheses
    history: Tensor  # (N, K, t) int64, their pieces
    finished: Tensor  # (N, F) ranks of the finished hypotheses, best first, -inf where none
    finished_log_prob: Tensor  # (N, F)
    finished_ids: Tensor  # (N, F, at most t) int64, their pieces, filled up with eos
    finished_whole: Tensor  # (N, F) bool, whether no strict rule is broken. These come first
    parents: Tensor  # (N, K) int64, which hypothesis of the step before each live one continues
    covered: Tensor | None  # (N, K, S) attention so far, for a coverage penalty

    def keep(self, rows: Tensor) -> _Beam:
        return _Beam(*(None if part is None else part[rows] for part in self))  # type: ignore[arg-type]


class _Ranking(NamedTuple):
    """The score of finished hypotheses: log-probability / length penalty + coverage penalty."""

    length: LengthPenalty
    coverage: CoveragePenalty | None

    def score(self, beam: _Beam, log_prob: Tensor, parents: Tensor) -> Tensor:
        """Scores (N, F) of ``log_prob`` (N, F), where eos follows the live hypotheses ``parents``."""
        scores = log_prob / self.length(beam.history.size(2) + 1)
        if self.coverage is not None and beam.covered is not None:
            scores = scores + self.coverage(beam.covered).gather(1, parents)
        return scores


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
    diversity: Diversity = _NONE,
    watch: Watch | None = None,
) -> list[list[FinishedHypothesis]]:
    """Keep the ``beam_size`` most probable hypotheses at every step.

    A hypothesis is finished when eos is among the best ``beam_size`` continuations. A sentence is finished
    when it has ``beam_size`` finished hypotheses. At its maximum length, eos ends the live ones. For the
    other arguments, see ``run_search``.

    Args:
        beam_size: At least 1. With 1 this is greedy search.
        length_penalty: Ranks finished hypotheses. Default: mean log-probability.
        rules: An ``Allocation`` among them chooses continuations.
        coverage: A penalty that ranks them too, and the lengths of the sources (N,).
        diversity: Groups of the beam. More than 1 make this a diverse beam search.

    Returns:
        Finished hypotheses of each sentence, best first. An empty list if eos has no probability.

    Raises:
        ConfigError: See ``Diversity.group_size``. Or an ``Allocation`` would share out several groups.
    """
    groups, size = diversity.groups, diversity.group_size(beam_size)
    ranking = _Ranking(length_penalty or LengthPenalty(), coverage and coverage[0])
    constraint = Constraint(pieces, max_lengths, rules)
    if groups > 1 and constraint.allocation is not None:
        raise ConfigError(
            "beam_groups: required phrases and terms share out a whole beam. Leave beam_groups out"
        )
    results = [list[FinishedHypothesis]() for _ in range(len(max_lengths))]
    ids = torch.full((len(max_lengths), 1), pieces.bos, device=max_lengths.device)
    beam: _Beam | None = None
    while beam is None or len(beam.origin):
        log_probs, state = model.step(ids, state)
        log_probs = _split(log_probs, groups)
        beam = beam or _start(log_probs, size, groups, coverage)
        beam = _cover(beam, model, state, groups)
        at_end = constraint.at_end(beam.history, beam.origin)
        log_probs = constraint(log_probs, beam.history, beam.origin, at_end)
        beam, some_end = _advance(beam, log_probs, pieces.eos, ranking, constraint, diversity)
        _show(beam, groups, watch)
        if some_end or at_end is not None or constraint.has_rules:
            beam, rows = _move_finished(beam, at_end, pieces.eos, groups, results)
        else:
            rows = _everyone(beam, groups)
        if len(rows):
            state = model.select(state, rows, _join(beam.parents, groups, ids.size(1)))
            ids = beam.history[..., -1].reshape(len(rows), -1)
    return [sorted(each, key=attrgetter("score"), reverse=True) for each in results]


def _cover(beam: _Beam, model: StepModel[State], state: State, groups: int) -> _Beam:
    """Add the attention of the last step, where a coverage penalty needs it."""
    if beam.covered is None:
        return beam
    return beam._replace(covered=beam.covered + _split(model.attention(state), groups))


def _show(beam: _Beam, groups: int, watch: Watch | None) -> None:
    """Show the best live hypothesis of each sentence whose first group still searches."""
    if watch is not None:
        searching = (~beam.finished_whole[::groups]).any(1)
        watch(beam.origin[::groups][searching], beam.history[::groups, 0][searching])


def _split(part: Tensor, groups: int) -> Tensor:
    """(N, K, X) -> (N * G, K / G, X). The first step has a single hypothesis, which starts all groups."""
    count, live, size = part.shape
    whole = part.repeat(1, groups, 1) if live < groups else part
    return whole.reshape(count * groups, -1, size)


def _join(parents: Tensor, groups: int, live: int) -> Tensor:
    """Parents in their groups (N * G, K / G) -> among the ``live`` ones of their sentences (N, K)."""
    group = torch.arange(len(parents), device=parents.device) % groups
    return (parents + (group * (live // groups)).unsqueeze(1)).view(len(parents) // groups, -1)


def _start(
    log_probs: Tensor,
    beam_size: int,
    groups: int,
    coverage: tuple[CoveragePenalty, Tensor] | None,
) -> _Beam:
    """The beam before the first step, with one live hypothesis a row."""
    count, device = len(log_probs), log_probs.device
    # Scores have the dtype of the log-probabilities, which is float32 even if the network runs in bfloat16.
    # Sums in bfloat16 would tie hypotheses: around -20 it has steps of 0.125.
    none = log_probs.new_full((count, beam_size), -torch.inf)
    empty = torch.empty((count, beam_size, 0), dtype=torch.long, device=device)
    return _Beam(
        origin=torch.arange(count, device=device) // groups,
        scores=log_probs.new_zeros(count, 1),
        history=empty[:, :1],
        finished=none,
        finished_log_prob=none,
        finished_ids=empty,
        finished_whole=none > 0,
        parents=torch.zeros((count, 1), dtype=torch.long, device=device),
        covered=coverage and coverage[0].start(coverage[1].repeat_interleave(groups)),
    )


def _advance(
    beam: _Beam,
    log_probs: Tensor,
    eos: int,
    ranking: _Ranking,
    constraint: Constraint,
    diversity: Diversity,
) -> tuple[_Beam, bool]:
    """Continue each hypothesis by one piece, with ``log_probs`` (N, K, V), which are overwritten.

    Returns:
        The beam, and whether a hypothesis may have ended.
    """
    (rows, live, vocab_size), beam_size = log_probs.shape, beam.finished.size(1)
    totals = log_probs.add_(beam.scores.unsqueeze(2))
    # Each hypothesis ends once at most. So 2K continuations hold at most K that end, and K others.
    count = min(2 * beam_size, live * vocab_size)
    if constraint.allocation is not None:
        values, index = constraint.allocation.choose(totals, beam.history, beam.origin, count)
    elif diversity.groups == 1:
        values, index = largest(totals.view(rows, -1), count)
    else:
        searching = (~beam.finished_whole).any(1).view(-1, diversity.groups)
        by_group = totals.view(*searching.shape, live, vocab_size)
        index = diversity.best(by_group, beam_size, eos, searching).flatten(0, 1)
        values = totals.view(rows, -1).gather(1, index)
    parents, ids = index // vocab_size, index % vocab_size
    is_eos, size = ids == eos, min(beam_size, live * (vocab_size - 1))
    # Without a probability left, a sentence ends too. The CPU would have to wait for the answer of a GPU.
    some_end = is_eos.device.type != "cpu" or bool((is_eos | (values == -torch.inf)).any())
    if some_end:
        whole = constraint.is_whole(beam.history, beam.origin)
        beam = _finish(beam, values, parents, is_eos, eos, ranking, whole)
        # A stable sort puts the others first and keeps their order. Its shape does not depend on the data.
        chosen = is_eos.byte().argsort(dim=1, stable=True)[:, :size]
        parents, ids = parents.gather(1, chosen), ids.gather(1, chosen)
        scores = values.gather(1, chosen).masked_fill(is_eos.gather(1, chosen), -torch.inf)
    else:
        parents, ids, scores = (part[:, :size] for part in (parents, ids, values))
    beam = beam._replace(
        scores=scores,
        history=torch.cat([_rows(beam.history, parents), ids.unsqueeze(2)], 2),
        parents=parents,
        covered=None if beam.covered is None else _rows(beam.covered, parents),
    )
    return beam, some_end


def _finish(
    beam: _Beam,
    values: Tensor,
    parents: Tensor,
    is_eos: Tensor,
    eos: int,
    ranking: _Ranking,
    whole: Tensor,
) -> _Beam:
    """Merge continuations that end into the best finished hypotheses of each sentence."""
    size = beam.finished.size(1)
    values, parents = values[:, :size], parents[:, :size]
    # A sentence with F finished hypotheses may wait in the batch for others. It takes no more.
    full = beam.finished_whole.all(1, keepdim=True)
    log_prob = values.masked_fill(~(is_eos[:, :size] & ~full), -torch.inf)
    merged = torch.cat([beam.finished, ranking.score(beam, log_prob, parents)], 1)
    whole = whole.gather(1, parents) & (log_prob > -torch.inf)
    merged_whole = torch.cat([beam.finished_whole, whole], 1)
    best = merged.argsort(dim=1, descending=True, stable=True)
    first = (~merged_whole).gather(1, best).byte().argsort(dim=1, stable=True)[:, :size]
    best = best.gather(1, first)
    longer = beam.history.size(2) + 1
    ids = torch.cat(
        [_fill_up(part, longer, eos) for part in (beam.finished_ids, _rows(beam.history, parents))],
        1,
    )
    return beam._replace(
        finished=merged.gather(1, best),
        finished_log_prob=torch.cat([beam.finished_log_prob, log_prob], 1).gather(1, best),
        finished_ids=_rows(ids, best),
        finished_whole=merged_whole.gather(1, best),
    )


def _fill_up(ids: Tensor, length: int, eos: int) -> Tensor:
    """(N, K, t) -> (N, K, length)."""
    return torch.nn.functional.pad(ids, (0, length - ids.size(2)), value=eos)


def _rows(history: Tensor, index: Tensor) -> Tensor:
    """(N, K, t), (N, K') -> (N, K', t)."""
    return history.gather(1, index.unsqueeze(2).expand(-1, -1, history.size(2)))


def _everyone(beam: _Beam, groups: int) -> Tensor:
    """Indices of all sentences."""
    return torch.arange(len(beam.origin) // groups, device=beam.origin.device)


def _move_finished(
    beam: _Beam,
    at_end: Tensor | None,
    eos: int,
    groups: int,
    results: list[list[FinishedHypothesis]],
) -> tuple[_Beam, Tensor]:
    """Write finished sentences to ``results``. Return the other sentences, and which they were."""
    count = len(beam.origin) // groups
    if not look_now(beam.history.size(2), beam.origin.device):
        return beam, _everyone(beam, groups)
    stuck = (beam.scores == -torch.inf).all(1)
    done = beam.finished_whole.all(1) | stuck
    if at_end is not None:
        done |= at_end
    done = done.view(count, groups).all(1)
    if _SHARE_TO_LEAVE * int(done.sum()) < count:
        return beam, _everyone(beam, groups)
    rows = done.repeat_interleave(groups)
    leaving = beam.keep(rows.nonzero()[:, 0])
    # outputs that break a strict rule are returned only if their sentence has no others
    whole = leaving.finished_whole.view(int(done.sum()), -1).any(1).repeat_interleave(groups)
    broken = whole.unsqueeze(1) & ~leaving.finished_whole
    for origin, scores, log_probs, hypotheses in zip(
        leaving.origin.tolist(),
        leaving.finished.masked_fill(broken, -torch.inf).tolist(),
        leaving.finished_log_prob.tolist(),
        leaving.finished_ids.tolist(),
        strict=True,
    ):
        results[origin] += [
            FinishedHypothesis(tuple(ids[: ids.index(eos)]), log_prob, score)
            for score, log_prob, ids in zip(scores, log_probs, hypotheses, strict=True)
            if score > -math.inf
        ]
    return beam.keep((~rows).nonzero()[:, 0]), (~done).nonzero()[:, 0]
