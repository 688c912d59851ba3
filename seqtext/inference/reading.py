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
