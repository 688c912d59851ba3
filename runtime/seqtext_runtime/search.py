"""Greedy and beam search over a decoder's steps.

Shapes: N sentences, K hypotheses of each, V pieces, S positions of a source, t steps so far.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import NamedTuple, Protocol

import numpy as np

from seqtext_runtime.options import Array, Lengths, Search
from seqtext_runtime.rules import Pieces, Rules

State = dict[str, Array]
_BLOCK = 16
# Sentences leave a batch together, once they are 1 in 8 of it: the others are copied each time
_SHARE_TO_LEAVE = 8
_TINY = float(np.finfo(np.float32).tiny)


class Finished(NamedTuple):
    """A finished hypothesis: its pieces without eos, log-probability and score."""

    ids: tuple[int, ...]
    log_prob: float
    score: float


class Decoder(Protocol):
    """What a search needs of a model."""

    def step(self, ids: Array, memory: State, state: State) -> tuple[Array, State, Array | None]:
        """Read the last pieces (N, K). Give log-probabilities (N, K, V), the state and the attention."""
        ...


def greedy(
    decoder: Decoder, memory: State, state: State, rules: Rules, pieces: Pieces, search: Search
) -> list[list[Finished]]:
    """The most probable piece at every step, until eos."""
    count = len(next(iter(memory.values())))
    origin = np.arange(count)
    ids = np.full((count, 1), pieces.bos)
    history = np.zeros((count, 1, 0), np.int64)
    total: Array = np.zeros(count, np.float32)
    results: list[list[Finished]] = [[] for _ in range(count)]
    while len(origin):
        log_probs, state, _ = decoder.step(ids, memory, state)
        at_end = rules.at_end(origin, history.shape[2])
        rules.apply(log_probs, history, origin, at_end)
        best = log_probs[:, 0].argmax(1)
        best[at_end] = pieces.eos
        total = total + log_probs[np.arange(len(best)), 0, best]
        done = best == pieces.eos
        for row in done.nonzero()[0]:
            own = float(total[row])
            score = own / search.penalty(history.shape[2] + 1)
            results[origin[row]] = [Finished(tuple(history[row, 0].tolist()), own, score)]
        ids = best[:, None]
        history = np.concatenate([history, ids[:, :, None]], 2)
        if done.any():
            live = ~done
            origin, ids, history, total = origin[live], ids[live], history[live], total[live]
            memory, state = _rows(memory, live), _rows(state, live)
    return results


class _Beam(NamedTuple):
    """N sentences with their live hypotheses, and the best K finished ones."""

    origin: Array  # (N,) which sentence of the input a row is
    scores: Array  # (N, K) log-probabilities of the live hypotheses
    history: Array  # (N, K, t)
    finished: Array  # (N, K) scores, best first, -inf where none
    log_prob: Array  # (N, K) of the finished ones
    lengths: Array  # (N, K) pieces of the finished ones
    ids: Array  # (N, K, at most t) their pieces
    covered: Array  # (N, K, S) attention so far, (N, K, 0) without a coverage penalty

    def keep(self, rows: Array) -> _Beam:
        """Some of the sentences."""
        return _Beam(*(part[rows] for part in self))


def beam(
    decoder: Decoder,
    memory: State,
    state: State,
    rules: Rules,
    pieces: Pieces,
    search: Search,
    source_lengths: Lengths,
) -> list[list[Finished]]:
    """Keep the most probable hypotheses at every step.

    Args:
        decoder: See ``Decoder``.
        memory: Of each sentence.
        state: With one hypothesis a sentence.
        rules: What may not follow.
        pieces: Special ids.
        search: The options.
        source_lengths: (N,), eos counted.

    Returns:
        Finished hypotheses of each sentence, best first.
    """
    count = len(source_lengths)
    results: list[list[Finished]] = [[] for _ in range(count)]
    ids, own = np.full((count, 1), pieces.bos), _start(source_lengths, search)
    while len(own.origin):
        log_probs, state, attention = decoder.step(ids, memory, state)
        if own.covered.shape[2] and attention is not None:
            own = own._replace(covered=own.covered + attention)
        at_end = rules.at_end(own.origin, own.history.shape[2])
        rules.apply(log_probs, own.history, own.origin, at_end)
        own, parents, some_end = _advance(own, log_probs, pieces.eos, search)
        rows = np.arange(len(own.origin))
        if some_end or at_end.any():
            over = (own.scores == -math.inf).all(1)
            done = (own.finished > -math.inf).all(1) | over | at_end
            if _SHARE_TO_LEAVE * done.sum() >= len(done):
                _write(own.keep(done), results)
                rows = (~done).nonzero()[0]
                own, parents, memory = own.keep(rows), parents[rows], _rows(memory, rows)
        ids = own.history[:, :, -1]
        state = {name: part[rows[:, None], parents] for name, part in state.items()}
    return results


def _start(source_lengths: Lengths, search: Search) -> _Beam:
    count, size = len(source_lengths), search.beam_size
    width = int(source_lengths.max()) if search.coverage_penalty else 0
    # padding counts as covered, where both formulas add nothing
    covered = np.arange(width) >= source_lengths[:, None]
    none = np.full((count, size), -math.inf, np.float32)
    return _Beam(
        origin=np.arange(count),
        scores=np.zeros((count, 1), np.float32),
        history=np.zeros((count, 1, 0), np.int64),
        finished=none,
        log_prob=none,
        lengths=np.zeros((count, size), np.int64),
        ids=np.zeros((count, size, 0), np.int64),
        covered=covered[:, None].astype(np.float32),
    )


def _advance(own: _Beam, log_probs: Array, eos: int, search: Search) -> tuple[_Beam, Array, bool]:
    """Continue each hypothesis by one piece.

    Returns:
        The beam, parents (N, K) of its live hypotheses, and whether some hypotheses ended.
    """
    _, live, vocabulary = log_probs.shape
    # Each hypothesis ends once at most. So 2K continuations hold at most K that end, and K others.
    count = min(2 * search.beam_size, live * vocabulary)
    values, index = largest(log_probs, own.scores, count)
    parents, ids = index // vocabulary, index % vocabulary
    is_eos, size = ids == eos, min(search.beam_size, live * (vocabulary - 1))
    some_end, rows = bool(is_eos.any()), np.arange(len(parents))[:, None]
    if some_end:
        own = _finish(own, values, parents, is_eos, search)
        chosen = is_eos.argsort(1, kind="stable")[:, :size]  # the others first, in their order
        parents, ids, values, is_eos = (
            part[rows, chosen] for part in (parents, ids, values, is_eos)
        )
        values = np.where(is_eos, np.float32(-math.inf), values)
    else:
        parents, ids, values = parents[:, :size], ids[:, :size], values[:, :size]
    own = own._replace(
        scores=values,
        history=np.concatenate([own.history[rows, parents], ids[:, :, None]], 2),
        covered=own.covered[rows, parents],
    )
    return own, parents, some_end


def _finish(own: _Beam, values: Array, parents: Array, is_eos: Array, search: Search) -> _Beam:
    """Merge continuations that end into the best finished hypotheses of each sentence."""
    size, length = search.beam_size, own.history.shape[2]
    values, parents = values[:, :size], parents[:, :size]
    # a sentence that waits in the batch for others takes no more
    full = (own.finished > -math.inf).all(1, keepdims=True)
    log_prob = np.where(is_eos[:, :size] & ~full, values, np.float32(-math.inf))
    scores = log_prob / np.float32(search.penalty(length + 1))
    rows = np.arange(len(parents))[:, None]
    if search.coverage_penalty:
        scores = scores + _coverage(own.covered, search)[rows, parents]
    merged = np.concatenate([own.finished, scores], 1)
    best = (-merged).argsort(1, kind="stable")[:, :size]
    older = np.pad(own.ids, ((0, 0), (0, 0), (0, length - own.ids.shape[2])))
    ids = np.concatenate([older, own.history[rows, parents]], 1)
    lengths = np.concatenate([own.lengths, np.full_like(parents, length)], 1)
    return own._replace(
        finished=merged[rows, best],
        log_prob=np.concatenate([own.log_prob, log_prob], 1)[rows, best],
        lengths=lengths[rows, best],
        ids=ids[rows, best],
    )


def _coverage(covered: Array, search: Search) -> Array:
    """The coverage penalty (N, K) of the attention (N, K, S) to each position."""
    strength = np.float32(search.coverage_penalty)
    if search.coverage_formula == "wu":
        own: Array = strength * np.log(covered.clip(_TINY, 1)).sum(2)
    else:
        own = -strength * (covered - 1).clip(0).sum(2)
    return own


def largest(log_probs: Array, scores: Array, count: int) -> tuple[Array, Array]:
    """The largest of ``log_probs`` (N, K, V) + ``scores`` (N, K), and their places in K * V.

    A maximum is computed many times faster than values are sorted. So the maxima of blocks say which
    blocks hold the largest values.

    Returns:
        Both (N, count), the largest first.
    """
    rows, live, size = log_probs.shape
    blocks = size // _BLOCK
    if live * blocks < 2 * count:
        totals = (log_probs + scores[:, :, None]).reshape(rows, -1)
        return _sorted(totals, np.broadcast_to(np.arange(live * size), totals.shape), count)
    # Block i holds every piece whose id is i more than a multiple of their number.
    table = log_probs[:, :, : blocks * _BLOCK].reshape(rows, live, _BLOCK, blocks)
    maxima = (table.max(2) + scores[:, :, None]).reshape(rows, -1)
    best = np.argpartition(maxima, maxima.shape[1] - count, 1)[:, -count:]
    beams, first = best // blocks, best % blocks
    ids = (first[:, :, None] + np.arange(0, blocks * _BLOCK, blocks)).reshape(rows, -1)
    beams = beams.repeat(_BLOCK, 1)
    if rest := size - blocks * _BLOCK:
        more = np.broadcast_to(np.tile(np.arange(size - rest, size), live), (rows, live * rest))
        ids = np.concatenate([ids, more], 1)
        owners = np.broadcast_to(np.arange(live).repeat(rest), (rows, live * rest))
        beams = np.concatenate([beams, owners], 1)
    at = np.arange(rows)[:, None]
    totals = log_probs[at, beams, ids] + scores[at, beams]
    return _sorted(totals, beams * size + ids, count)


def _sorted(totals: Array, places: Array, count: int) -> tuple[Array, Array]:
    """The largest totals (N, M), the largest first, and their places."""
    order = (-totals).argsort(1, kind="stable")[:, :count]
    rows = np.arange(len(order))[:, None]
    return totals[rows, order], places[rows, order]


def _write(own: _Beam, results: list[list[Finished]]) -> None:
    """Hypotheses of sentences that are finished."""
    parts = (
        part.tolist() for part in (own.origin, own.finished, own.log_prob, own.lengths, own.ids)
    )
    for origin, scores, log_probs, lengths, ids in zip(*parts, strict=True):
        results[origin] = [
            Finished(tuple(row[:length]), log_prob, score)
            for score, log_prob, length, row in zip(scores, log_probs, lengths, ids, strict=True)
            if score > -math.inf
        ]


def _rows(parts: Mapping[str, Array], rows: Array) -> State:
    """The rows of some sentences."""
    return {name: part[rows] for name, part in parts.items()}
