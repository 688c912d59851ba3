"""Networks read sources with targets that are given, and say how likely each piece is."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from seqtext.data.batch import Batch
from seqtext.data.tokenizer import Tokenizers
from seqtext.inference.predictor import diverged
from seqtext.inference.score import Alignment, Score, ScoredWord
from seqtext.inference.words import PlacedWord, words_of
from seqtext.nn.encoder_decoder import EncoderDecoder

# Attention of so many positions is computed at a time. Additive attention holds a vector for each of them
_MOST_POSITIONS = 1 << 17


class PairBatch(NamedTuple):
    """Pairs that are read together, as ids without special pieces."""

    sources: list[list[int]]
    targets: list[list[int]]
    attention: bool  # whether the readings have attention and copied shares


class Reading(NamedTuple):
    """What the networks say of a target of T pieces and its source of S pieces. All are float64."""

    log_probs: Tensor  # (T + 1,) of each piece, and of eos
    attention: Tensor  # (T, S), the rest to 1 went to the source's eos. Or (T, 0)
    copied: Tensor  # (T,), share of each piece's probability that was copied. Or (0,)


def read_batch(
    networks: Sequence[EncoderDecoder],
    tokenizers: Tokenizers,
    batch: PairBatch,
    device: torch.device,
) -> list[Reading]:
    """The reading of each pair. Several networks give the mean of their probabilities and attention.

    Args:
        networks: In evaluation mode.
        tokenizers: Of both sides.
        batch: The pairs.
        device: Where the networks are.

    Raises:
        CheckpointError: The network's outputs are no numbers.
    """
    readings: list[Reading] = []
    for sources, targets in _parts(batch):
        tensors = tokenizers.collate(sources, targets, None)
        log_probs, attention, copied = _look(
            networks, Batch(*(each.to(device) for each in tensors))
        )
        for row, (source, target) in enumerate(zip(sources, targets, strict=True)):
            length = len(target)
            reading = Reading(
                log_probs[row, : length + 1],
                attention[row, :length, : len(source)] if batch.attention else attention[:0, 0],
                copied[row, :length] if batch.attention else copied[:0, 0],
            )
            if not math.isfinite(float(reading.log_probs.sum())):
                raise diverged()
            # copies: a part of a larger tensor would be sent to another process as a whole
            readings.append(Reading(*(part.clone() for part in reading)))
    return readings


def _parts(batch: PairBatch) -> Iterator[tuple[list[list[int]], list[list[int]]]]:
    """Sources and targets of the parts of a batch, so that memory stays bounded."""
    longest = [1 + max(map(len, side)) for side in (batch.sources, batch.targets)]
    size = max(1, _MOST_POSITIONS // math.prod(longest))
    for start in range(0, len(batch.sources), size):
        rows = slice(start, start + size)
        yield batch.sources[rows], batch.targets[rows]


def _look(networks: Sequence[EncoderDecoder], batch: Batch) -> tuple[Tensor, Tensor, Tensor]:
    """The parts of ``Look`` for all networks together, float64."""
    looks = [network.look(*batch) for network in networks]
    log_probs = torch.stack([look.log_probs.double() for look in looks]).logsumexp(0)
    copied = torch.stack([look.copied.double() for look in looks]).mean(0)
    width = min(look.attention.size(2) for look in looks)  # 0 if any network is a Transformer
    attention = torch.stack([look.attention[:, :, :width].double() for look in looks]).mean(0)
    parts = log_probs - math.log(len(looks)), attention, copied
    return parts[0].cpu(), parts[1].cpu(), parts[2].cpu()


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
