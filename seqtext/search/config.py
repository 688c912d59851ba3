"""How to decode: the options of a search. Importing this loads no torch, so a command line can read it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Literal

from seqtext.errors import ConfigError
from seqtext.renames import SEARCH, accept_old_names
from seqtext.search.output import OutputConfig
from seqtext.values import Count, Positive, Range, check_fields

if TYPE_CHECKING:
    from torch import Tensor

LengthFormula = Literal["power", "wu"]
LengthStrength = Annotated[float, Range(-10, 10)]
CoverageFormula = Literal["wu", "repetition"]
CoverageStrength = Annotated[float, Range(0, 100)]

# A user who asks for more has mistyped: it would take all memory, or decode for hours
_ManyPieces = Annotated[int, Range(0, 10_000)]
_LONGEST = 1 << 30


@accept_old_names(SEARCH)
@dataclass(frozen=True, kw_only=True)
class SearchConfig(OutputConfig):
    """How to decode. The command line's flags, ranges and help come from these fields.

    Two limits can contradict each other, as ``min_length`` and ``max_words`` do. Then the limit that rules
    out more wins.

    Args:
        beam_size: Hypotheses kept at every step. 1 is greedy search.
        n_best: Hypotheses returned for a source, at most the beam size.
        length_penalty: Strength of the length penalty, alpha. More favours longer output, 0 is none.
        length_formula: ``power`` divides the log-probability by length^alpha, ``wu`` by
            ((5 + length) / 6)^alpha (Wu et al. 2016).
        coverage_penalty: Strength of the coverage penalty, beta.
        coverage_formula: ``wu`` is against source left out (Wu et al. 2016),
            ``repetition`` against reading the same again (Gehrmann et al. 2018).
        min_length: Fewest pieces of an output.
        max_length: Most pieces of an output. Default: twice the source's, and 20 more.
        min_length_ratio: Fewest pieces of an output for each of the source's.
        max_length_ratio: Most pieces of an output for each of the source's.
        min_words: Fewest words of an output, where spaces separate words.
        max_words: Most words of an output.
        no_repeat_ngram_size: Pieces in a row that an output may have only once. 0 allows all repetition.
        batch_size: Most sentences decoded together, fewer where they are long. Changes the speed, not the
            result.

    Raises:
        ConfigError: A value is of another type or out of range, or two contradict each other.
    """

    beam_size: Annotated[int, Range(1, 1_000)] = 5
    n_best: Positive = 1
    length_penalty: LengthStrength = 1.0
    length_formula: LengthFormula = "power"
    coverage_penalty: CoverageStrength = 0.0
    coverage_formula: CoverageFormula = "wu"
    min_length: _ManyPieces = 0
    max_length: Positive | None = None
    min_length_ratio: Annotated[float, Range(0, 100)] = 0.0
    max_length_ratio: Annotated[float, Range(above=0)] | None = None
    min_words: _ManyPieces = 0
    max_words: Positive | None = None
    no_repeat_ngram_size: Count = 0
    batch_size: Annotated[int, Range(1, 1_000_000)] = 64

    def __post_init__(self) -> None:
        check_fields(self)
        for what in ("length", "length_ratio", "words"):
            low, high = getattr(self, f"min_{what}"), getattr(self, f"max_{what}")
            if high is not None and high < low:
                raise ConfigError(
                    f"max_{what}: {high}, expected at least min_{what}, which is {low}"
                )
        if self.n_best > self.beam_size:
            raise ConfigError(
                f"n_best: {self.n_best}, expected at most beam_size, which is {self.beam_size}"
            )
        if self.mbr is not None and self.beam_size == 1:
            raise ConfigError("mbr: chooses among several hypotheses. Raise beam_size, which is 1")

    def limits(self, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Fewest and most pieces of outputs.

        Args:
            lengths: Pieces of each source, eos not counted, (N,) int64.

        Returns:
            Both (N,) int64.
        """
        fewest = _times(lengths, self.min_length_ratio).clamp(min=self.min_length)
        most = lengths.new_full(lengths.shape, min(self.max_length or _LONGEST, _LONGEST))
        if self.max_length_ratio is not None:
            most = most.minimum(_times(lengths, self.max_length_ratio))
        elif self.max_length is None:
            most = (2 * lengths + 20).maximum(fewest)
        return fewest.minimum(most), most


def _times(lengths: Tensor, ratio: float) -> Tensor:
    """Lengths times a ratio of any size, rounded up."""
    return (ratio * lengths).ceil().clamp(max=_LONGEST).long()
