"""Rules for outputs. Each rule is a small object that rules out pieces, and the search combines them."""

from __future__ import annotations

from enum import IntEnum
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor
from torch.nn import functional as F


class Rule(Protocol):
    """Rules out continuations."""

    def __call__(self, log_probs: Tensor, history: Tensor, origin: Tensor) -> None:
        """Write -inf where a piece is ruled out.

        Args:
            log_probs: (N, K, V), overwritten.
            history: (N, K, t) int64, pieces of the hypotheses so far.
            origin: (N,) int64, which sentence of the batch a row is.
        """
        ...


@runtime_checkable
class StrictRule(Rule, Protocol):
    """A rule that outputs break only if no other output is left."""

    def may_end(self, history: Tensor, origin: Tensor) -> Tensor:
        """Whether hypotheses may end as they are, (N, K) bool. For the arguments see ``Rule``."""
        ...


@runtime_checkable
class Allocation(Protocol):
    """Chooses the continuations that a beam takes, where not simply the best are wanted."""

    def choose(
        self, totals: Tensor, history: Tensor, origin: Tensor, count: int
    ) -> tuple[Tensor, Tensor]:
        """The continuations of each sentence, those to keep first.

        Args:
            totals: (N, K, V) log-probabilities of hypotheses with another piece.
            history: See ``Rule``.
            origin: See ``Rule``.
            count: How many to take.

        Returns:
            Log-probabilities, and places in the last two dimensions of ``totals``, (N, at most count).
        """
        ...


class MinLength:
    """A hypothesis has at least so many pieces.

    Args:
        lengths: (sentences,) int64.
        eos: Id of the piece that ends a hypothesis.
    """

    def __init__(self, lengths: Tensor, eos: int) -> None:
        self._lengths, self._eos = lengths, eos
        self._longest = int(lengths.max())

    def __call__(self, log_probs: Tensor, history: Tensor, origin: Tensor) -> None:
        """See ``Rule``."""
        if history.size(2) < self._longest:
            short = self._lengths[origin] > history.size(2)
            log_probs[:, :, self._eos].masked_fill_(short.unsqueeze(1), -torch.inf)


class WordPart(IntEnum):
    """Where a piece stands in a word. Spaces separate words."""

    INNER = 0  # continues a word, or begins one after a space
    FIRST = 1  # begins a word
    SPACE = 2


class WordLimits:
    """A hypothesis has at least, and at most, so many words.

    Args:
        parts: (sentences, at least V) ``WordPart`` of each piece.
        fewest: Fewest words.
        most: Most words, or None. The last word may be continued, as long as a piece of it is the most
            probable piece. Where another word would be, the hypothesis ends.
        eos: Id of the piece that ends a hypothesis.
    """

    def __init__(self, parts: Tensor, fewest: int, most: int | None, eos: int) -> None:
        self._parts, self._fewest, self._most, self._eos = parts, fewest, most, eos

    def __call__(self, log_probs: Tensor, history: Tensor, origin: Tensor) -> None:
        """See ``Rule``."""
        parts = self._parts[origin, : log_probs.size(2)]
        said = parts.gather(1, history.flatten(1)).view(history.shape)
        behind_space = F.pad(said, (1, 0), value=WordPart.SPACE)[:, :, :-1] == WordPart.SPACE
        begun = (said == WordPart.FIRST) | (said == WordPart.INNER) & behind_space
        words = begun.sum(2)
        log_probs[:, :, self._eos].masked_fill_(words < self._fewest, -torch.inf)
        if self._most is not None:
            # The last word is not cut in the middle. It is over when the model would begin another.
            full = words >= self._most
            further = parts != WordPart.INNER
            over = full & further.gather(1, log_probs.argmax(2))
            ruled_out = full.unsqueeze(2) & further.unsqueeze(1) | over.unsqueeze(2)
            ruled_out[:, :, self._eos] = False
            log_probs.masked_fill_(ruled_out, -torch.inf)


class NoRepeatedNgram:
    """No sequence of n pieces stands twice in a hypothesis (Paulus et al. 2018, section 2.5).

    Args:
        size: n, at least 1.
    """

    def __init__(self, size: int) -> None:
        self._size = size

    def __call__(self, log_probs: Tensor, history: Tensor, origin: Tensor) -> None:
        """See ``Rule``."""
        before = self._size - 1
        if history.size(2) < self._size:
            return
        following = history[:, :, before:]
        if before:
            starts = history[:, :, :-1].unfold(2, before, 1)  # (N, K, t - n + 1, n - 1)
            repeated = (starts == history[:, :, None, -before:]).all(3)
        else:
            repeated = torch.ones_like(following, dtype=torch.bool)
        # added, not written: of a piece that stands here twice, scatter_ may keep the 0
        minus = torch.zeros_like(following, dtype=log_probs.dtype)
        log_probs.scatter_add_(2, following, minus.masked_fill_(repeated, -torch.inf))
