"""What outputs may not continue with.

Shapes: N sentences, K hypotheses of each, V pieces, t steps so far.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from seqtext_runtime.options import Array, Lengths, Search


class Pieces(NamedTuple):
    """Special ids."""

    bos: int
    eos: int
    never: tuple[int, ...]  # never produced


class Rules:
    """What may not follow.

    Args:
        pieces: Special ids.
        search: The options.
        fewest: Fewest pieces of each output, (sentences,).
        most: Most pieces of each output, (sentences,).
    """

    def __init__(self, pieces: Pieces, search: Search, fewest: Lengths, most: Lengths) -> None:
        self._pieces, self._ngram = pieces, search.no_repeat_ngram_size
        self._fewest, self._most = fewest, most
        self._never = pieces.bos, *pieces.never
        self._acts = bool(self._ngram) or bool((fewest > 0).any())

    def at_end(self, origin: Array, length: int) -> Array:
        """Whether only eos may follow, (N,)."""
        ended: Array = self._most[origin] <= length
        return ended

    def apply(self, log_probs: Array, history: Array, origin: Array, at_end: Array) -> None:
        """Write -inf into ``log_probs`` (N, K, V) where a piece is ruled out.

        Eos stays where nothing else could follow.
        """
        for piece in self._never:
            log_probs[:, :, piece] = -math.inf
        ends = bool(at_end.any())
        if not (self._acts or ends):
            return
        eos, length = self._pieces.eos, history.shape[2]
        of_eos = log_probs[:, :, eos].copy()
        short = self._fewest[origin] > length
        log_probs[short, :, eos] = -math.inf
        if self._ngram and length >= self._ngram:
            self._forbid_ngrams(log_probs, history)
        if ends:
            log_probs[at_end] = -math.inf
        stuck = log_probs.max(2) == -math.inf
        log_probs[:, :, eos] = np.where(stuck, of_eos, log_probs[:, :, eos])

    def _forbid_ngrams(self, log_probs: Array, history: Array) -> None:
        """No sequence of n pieces stands twice (Paulus et al. 2018, section 2.5)."""
        before = self._ngram - 1
        following = history[:, :, before:]
        repeated = np.ones(following.shape, bool)
        for place in range(before):
            earlier = history[:, :, place : place + following.shape[2]]
            repeated &= earlier == history[:, :, history.shape[2] - before + place, None]
        rows, beams, places = repeated.nonzero()
        log_probs[rows, beams, following[rows, beams, places]] = -math.inf
