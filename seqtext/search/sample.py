"""Sampling: every next piece is drawn from the model's probabilities."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from seqtext.search.largest import largest
from seqtext.search.length_penalty import LengthPenalty
from seqtext.search.protocol import FinishedHypothesis, Pieces, State, StepModel, Watch
from seqtext.search.rules import Rule
from seqtext.search.stepwise import search_stepwise

_STEPS = 32  # random numbers are made for so many steps at once
_DRAWS = 3  # random pairs of a step, see Filters.draw
_BLOCK = 64  # pieces of a block, see draw


@dataclass(frozen=True)
class Filters:
    """What is drawn from: the model's probabilities, made sharper and cut.

    The filters apply in this order. Each sees what the ones before it left. Pieces that are as probable as
    the last one kept stay too.

    Args:
        temperature: Divides the log-probabilities, more than 0.
        top_k: Keeps so many of the most probable pieces (Fan et al. 2018). 0 keeps all.
        top_p: Keeps the fewest pieces with at least this share of the probability (Holtzman et al. 2020).
        min_p: Keeps pieces with at least this share of the best piece's probability (Nguyen et al. 2024).
    """

    temperature: float = 1.0
    top_k: int = 0
    top_p: float = 1.0
    min_p: float = 0.0

    def draw(self, log_probs: Tensor, uniform: Tensor) -> Tensor:
        """Draw a piece for each hypothesis.

        Args:
            log_probs: (N, K, V), -inf where a piece is ruled out.
            uniform: (N, K, ``_DRAWS``, 2) random numbers in [0, 1).

        Returns:
            Ids (N, K) int64.
        """
        if self.temperature != 1:
            log_probs = log_probs / self.temperature
        weights = log_probs.softmax(2).flatten(0, 1)
        if 0 < self.top_k < weights.size(1):
            weights = _cut(weights, largest(weights, self.top_k)[0][:, -1:])
        share = self.top_p * weights.sum(1, keepdim=True)
        if self.min_p > 0:
            weights = _cut(weights, self.min_p * weights.amax(1, keepdim=True))
        uniform = uniform.flatten(0, 1)
        every = self.top_p == 1
        ids = draw(weights, uniform[:, 0]) if every else _draw_of_share(weights, share, uniform)
        return ids.view(log_probs.shape[:2])


def sample(
    model: StepModel[State],
    state: State,
    max_lengths: Tensor,
    pieces: Pieces,
    keys: Sequence[bytes],
    count: int = 1,
    filters: Filters | None = None,
    length_penalty: LengthPenalty | None = None,
    rules: Sequence[Rule] = (),
    watch: Watch | None = None,
) -> list[list[FinishedHypothesis]]:
    """Draw ``count`` hypotheses of each sentence. For the other arguments, see ``run_search``.

    Args:
        keys: For each sentence, what its random numbers depend on. The number of the sample and the step
            are added.
        count: Hypotheses of a sentence.
        filters: What is drawn from. Default: the model's probabilities.
        length_penalty: Changes only the reported score.

    Returns:
        The hypotheses of each sentence, in the order of their numbers. Hypothesis i does not depend on
        ``count``. Its log-probability is the model's, without filters.
    """
    choose = _Draw(keys, count, filters or Filters(), max_lengths.device)
    return search_stepwise(
        model, state, max_lengths, pieces, choose, count, length_penalty, rules, watch
    )


class _Draw:
    """Chooses pieces at random, see ``Choose``. It is called once a step."""

    def __init__(
        self, keys: Sequence[bytes], count: int, filters: Filters, device: torch.device
    ) -> None:
        self._keys, self._count, self._filters, self._device = keys, count, filters, device
        self._step = 0
        self._uniform = torch.empty(0)

    def __call__(self, log_probs: Tensor, origin: Tensor) -> Tensor:
        part, step = divmod(self._step, _STEPS)
        if not step:
            self._uniform = uniform(self._keys, self._count, part).to(self._device, log_probs.dtype)
        self._step += 1
        return self._filters.draw(log_probs, self._uniform[origin, :, step])


def uniform(keys: Sequence[bytes], count: int, part: int) -> Tensor:
    """Random numbers in [0, 1), which depend on key, sample and step alone.

    A hash of these makes them. So they are the same on every machine, and with every version of a library.

    Args:
        keys: N.
        count: K, samples of each key.
        part: Which ``_STEPS`` steps.

    Returns:
        (N, K, ``_STEPS``, ``_DRAWS``, 2) float32, in steps of 2^-24.
    """
    shape = len(keys), count, _STEPS, _DRAWS, 2
    size = 4 * _STEPS * _DRAWS * 2
    drawn = b"".join(
        hashlib.shake_128(b"%d %d %b" % (number, part, key)).digest(size)
        for key in keys
        for number in range(count)
    )
    bits = torch.frombuffer(bytearray(drawn), dtype=torch.int32).view(shape)
    return (bits & 0xFFFFFF).float() * 2**-24  # exact in float32, and less than 1


def draw(weights: Tensor, uniform: Tensor) -> Tensor:
    """Draw a piece for each row, with probabilities in proportion to the weights.

    The first number draws a block of pieces, the second a piece of that block. Both invert a cumulative sum.
    A batch of another size changes such a sum in its last digits. A single sum over all pieces would have so
    many steps that this changes an output now and then. Two short sums have few.

    Args:
        weights: (N, V), at least 0.
        uniform: (N, 2) in [0, 1).

    Returns:
        Ids (N,) int64.
    """
    if missing := -weights.size(1) % _BLOCK:
        weights = F.pad(weights, (0, missing))
    blocks = weights.view(len(weights), -1, _BLOCK)
    block = _invert(blocks.sum(2), uniform[:, :1])
    chosen = blocks.gather(1, block.unsqueeze(2).expand(-1, -1, _BLOCK))[:, 0]
    return (block * _BLOCK + _invert(chosen, uniform[:, 1:]))[:, 0]


def _invert(weights: Tensor, uniform: Tensor) -> Tensor:
    """The first place (N, 1) where the cumulative sum of weights (N, M) exceeds its share."""
    sums = weights.cumsum(1)
    place = (sums <= uniform * sums[:, -1:]).sum(1, keepdim=True)
    return place.clamp(max=weights.size(1) - 1)  # where all weights are 0


def _cut(weights: Tensor, least: Tensor) -> Tensor:
    """Weights (N, V), overwritten with 0 where they are below ``least`` (N, 1).

    It multiplies by 0 and 1. On a CPU that takes a tenth of the time of a boolean mask.
    """
    return weights.mul_(torch.ge(weights, least, out=torch.empty_like(weights)))


def _draw_of_share(weights: Tensor, wanted: Tensor, uniform: Tensor) -> Tensor:
    """``draw`` among the fewest largest weights whose sum is at least ``wanted`` (N, 1).

    Sorting takes longer than the network does. So a piece is drawn of all, and drawn again if it is none of
    the largest. The weights of a row are sorted only for its last draw.

    Args:
        weights: (N, V), at least 0.
        wanted: At most their sum.
        uniform: (N, draws, 2), with at least 2 draws.

    Returns:
        Ids (N,) int64.
    """
    ids = draw(weights, uniform[:, 0])
    drawn = weights.gather(1, ids.unsqueeze(1))
    larger = torch.gt(weights, drawn, out=torch.empty_like(weights)).mul_(weights)
    outside = (larger.sum(1, keepdim=True) >= wanted).nonzero()[:, 0]
    if len(outside):
        weights, wanted, uniform = weights[outside], wanted[outside], uniform[outside, 1:]
        if uniform.size(1) > 1:
            ids[outside] = _draw_of_share(weights, wanted, uniform)
        else:
            ids[outside] = draw(_cut_to_sum(weights, wanted), uniform[:, 0])
    return ids


def _cut_to_sum(weights: Tensor, wanted: Tensor) -> Tensor:
    """Keep the fewest largest weights whose sum is at least ``wanted``."""
    largest = weights.sort(1, descending=True).values
    last = (largest.cumsum(1) < wanted).sum(1, keepdim=True).clamp(max=weights.size(1) - 1)
    return _cut(weights, largest.gather(1, last))
