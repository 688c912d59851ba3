"""How to decode: the options of a search, checked."""

from __future__ import annotations

import math
from dataclasses import dataclass

from torch import Tensor

from seqtext.errors import ConfigError
from seqtext.search.coverage_penalty import CoverageFormula, CoveragePenalty
from seqtext.search.length_penalty import Formula, LengthPenalty
from seqtext.values import check_fields

_LONGEST = 1 << 30


# More takes all memory, or decodes for hours: a slip of the hand rather than a wish
_MOST = {
    "beam_size": 1_000,
    "batch_size": 1_000_000,
    "min_length": 10_000,
    "min_ratio": 100,
    "min_words": 10_000,
}


@dataclass(frozen=True, kw_only=True)
class SearchConfig:
    """How to decode.

    Args:
        beam_size: Hypotheses kept at every step; 1 is greedy search.
        n_best: Hypotheses returned for a source, at most ``beam_size``.
        length_penalty: Strength (alpha) of the length penalty; more favours longer output.
        length_formula: ``power``: log-probability / length ** alpha; ``wu``: / ((5 + length) / 6) **
            alpha (Wu et al. 2016).
        coverage_penalty: Strength (beta) of the coverage penalty.
        coverage_formula: ``wu``: against source left out (Wu et al. 2016); ``repetition``: against reading
            the same again (Gehrmann et al. 2018).
        min_length: Fewest pieces of an output.
        max_length: Most pieces of an output. Default: twice the source's, and 20 more. Where two limits
            contradict each other, as with ``min_length`` and ``max_words``, the one that rules out more wins.
        min_ratio: Fewest pieces of an output for each of the source's.
        max_ratio: Most pieces of an output for each of the source's.
        min_words: Fewest words of an output, where spaces separate words.
        max_words: Most words of an output.
        no_repeat_ngram: No sequence of so many pieces twice in an output; 0 allows it.
        batch_size: Most sentences decoded together, fewer where they are long. Changes the speed, not the
            result.

    Raises:
        ConfigError: A value is of another type or out of range, or two contradict each other.
    """

    beam_size: int = 5
    n_best: int = 1
    length_penalty: float = 1.0
    length_formula: Formula = "power"
    coverage_penalty: float = 0.0
    coverage_formula: CoverageFormula = "wu"
    min_length: int = 0
    max_length: int | None = None
    min_ratio: float = 0.0
    max_ratio: float | None = None
    min_words: int = 0
    max_words: int | None = None
    no_repeat_ngram: int = 0
    batch_size: int = 64

    def __post_init__(self) -> None:
        check_fields(self)
        for name in ("beam_size", "n_best", "batch_size", "max_length", "max_words"):
            if (value := getattr(self, name)) is not None and value < 1:
                raise ConfigError(f"{name}: {value}, expected at least 1")
        for name, most in _MOST.items():
            if getattr(self, name) > most:
                raise ConfigError(f"{name}: {getattr(self, name)}, expected at most {most:,}")
        for name in ("min_length", "min_ratio", "min_words", "no_repeat_ngram"):
            if not 0 <= (value := getattr(self, name)) < math.inf:
                raise ConfigError(f"{name}: {value}, expected at least 0")
        for what in ("length", "ratio", "words"):
            low, high = getattr(self, f"min_{what}"), getattr(self, f"max_{what}")
            if high is not None and not (low <= high < math.inf and high > 0):
                raise ConfigError(
                    f"max_{what}: {high}, expected more than 0, and at least min_{what}, which is {low}"
                )
        if self.n_best > self.beam_size:
            raise ConfigError(
                f"n_best: {self.n_best}, expected at most beam_size, which is {self.beam_size}"
            )
        LengthPenalty(self.length_penalty, self.length_formula)
        CoveragePenalty(self.coverage_penalty, self.coverage_formula)

    def limits(self, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Fewest and most pieces of outputs for sources of so many pieces (N,) int64, eos not counted."""
        fewest = _times(lengths, self.min_ratio).clamp(min=min(self.min_length, _LONGEST))
        most = lengths.new_full(lengths.shape, min(self.max_length or _LONGEST, _LONGEST))
        if self.max_ratio is not None:
            most = most.minimum(_times(lengths, self.max_ratio))
        elif self.max_length is None:
            most = (2 * lengths + 20).maximum(fewest)
        return fewest.minimum(most), most


def _times(lengths: Tensor, ratio: float) -> Tensor:
    """Lengths times a ratio of any size, rounded up."""
    return (ratio * lengths).ceil().clamp(max=_LONGEST).long()
