"""How likely a target is, given its source: piece by piece and word by word."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from seqtext.data.tokenizer import Tokenizers
from seqtext.inference.reading import Reading
from seqtext.inference.words import PlacedWord, words_of

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
        alignment: For each word of the target, the word of the source that it attends to most: pairs
            (source word, target word), counted from 0. None if no attention was asked for, or if the
            network is a Transformer.
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


EMPTY = Score(pieces=(), log_probs=(), words=(), alignment=(), attention=(), copied=())


class WordReading:
    """A reading with the words of both sides.

    Args:
        tokenizers: Of both sides.
        source: Ids of the source, as they were read.
        target: Ids of the target.
        unknown: Words of the source that the vocabulary lacks.
        reading: Of this pair.
    """

    def __init__(
        self,
        tokenizers: Tokenizers,
        source: Sequence[int],
        target: Sequence[int],
        unknown: Sequence[str],
        reading: Reading,
    ) -> None:
        self._sides = tokenizers, (source, target), unknown
        self.reading = reading
        self.source = words_of(tokenizers.source, source, unknown)
        self.target = words_of(tokenizers.target, target, unknown)

    def attention(self) -> list[list[float]]:
        """Attention of each word of the target to each word of the source.

        It is the sum over the source word's pieces, and the mean over the target word's.
        """
        length, width = self.reading.attention.shape
        columns, rows = _membership(self.source, width), _membership(self.target, length)
        matrix = rows / rows.sum(1, keepdim=True) @ self.reading.attention @ columns.t()
        values: list[list[float]] = matrix.tolist()
        return values

    def alignment(self) -> Alignment | None:
        """See ``Score``."""
        if not self.source or not self.target:
            return ()
        if not self.reading.attention.numel():
            return None
        return tuple(
            (max(range(len(row)), key=row.__getitem__), place)
            for place, row in enumerate(self.attention())
        )

    def score(self, *, attention: bool = False) -> Score:
        """What a user sees. With ``attention`` it has the matrix of all pieces."""
        tokenizers, (source, target), unknown = self._sides
        log_probs, matrix, copied = (part.tolist() for part in self.reading)
        words, start = list[ScoredWord](), 0
        for text, places in self.target:  # a space before a word is part of it
            inside = log_probs[start : places[-1] + 1]
            words.append(ScoredWord(text=text, log_prob=math.fsum(inside)))
            start = places[-1] + 1
        return Score(
            pieces=tuple(tokenizers.target.pieces(target, unknown)),
            log_probs=tuple(log_probs),
            words=tuple(words),
            source_pieces=tuple(tokenizers.source.pieces(source, unknown)),
            source_words=tuple(word.text for word in self.source),
            alignment=self.alignment(),
            attention=tuple(map(tuple, matrix)) if attention else None,
            copied=tuple(copied) if attention else None,
        )


def _membership(words: Sequence[PlacedWord], length: int) -> Tensor:
    """(words, length) float64, 1 where a piece belongs to a word."""
    matrix = torch.zeros(len(words), length, dtype=torch.float64)
    for row, word in zip(matrix, words, strict=True):
        row[word.places] = 1
    return matrix
