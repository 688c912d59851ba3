"""How likely a target is, given its source: piece by piece and word by word."""

from __future__ import annotations

import math
from dataclasses import dataclass

Alignment = tuple[tuple[int, int], ...]


@dataclass(frozen=True, kw_only=True)
class ScoredWord:
    """A word of a target.

    Args:
        text: The word.
        log_prob: Sum of the log-probabilities of its pieces, in nats.
    """

    text: str
    log_prob: float

    @property
    def probability(self) -> float:
        """Probability of the word, after the words before it."""
        return math.exp(self.log_prob)


@dataclass(frozen=True, kw_only=True)
class Score:
    """What the network says of a source and a target.

    Args:
        pieces: The pieces of the target.
        log_probs: Log-probability of each piece, and of eos, in nats.
        words: The words of the target.
        source_pieces: The pieces of the source.
        source_words: The words of the source.
        alignment: A pair (source word, target word) for each word of the target, counted from 0. It attends
            to this source word most. None if the network is a Transformer.
        attention: Attention of each piece to each source piece, if it was asked for. The rest to 1 went to
            the source's end.
        copied: Share of each piece's probability that was copied, with ``attention``.
    """

    pieces: tuple[str, ...]
    log_probs: tuple[float, ...]
    words: tuple[ScoredWord, ...]
    source_pieces: tuple[str, ...] = ()
    source_words: tuple[str, ...] = ()
    alignment: Alignment | None = None
    attention: tuple[tuple[float, ...], ...] | None = None
    copied: tuple[float, ...] | None = None

    @property
    def log_prob(self) -> float:
        """Log-probability of the target, eos included."""
        return math.fsum(self.log_probs)

    @property
    def perplexity(self) -> float:
        """exp(-log-probability / pieces), where eos counts as a piece."""
        return math.exp(-self.log_prob / len(self.log_probs)) if self.log_probs else 1.0

    @property
    def pharaoh(self) -> str:
        """The alignment in the format of Pharaoh: ``0-0 1-2``."""
        return " ".join(f"{source}-{target}" for source, target in self.alignment or ())


def empty_score(*, attention: bool = False) -> Score:
    """The score of a source without text, which is not decoded. It has the fields of other scores."""
    shown = () if attention else None
    return Score(pieces=(), log_probs=(), words=(), alignment=(), attention=shown, copied=shown)
