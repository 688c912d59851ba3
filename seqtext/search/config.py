"""How to decode: the options of a search. Importing this loads no torch, so a command line can read it."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Annotated, Literal

from seqtext.errors import ConfigError
from seqtext.renames import SEARCH, accept_old_names
from seqtext.search.output import OutputConfig, Utility  # noqa: F401 (the signature names it)
from seqtext.values import Count, Positive, Range, Share, check_fields

if TYPE_CHECKING:
    from torch import Tensor

LengthFormula = Literal["power", "wu"]
LengthStrength = Annotated[float, Range(-10, 10)]
CoverageFormula = Literal["wu", "repetition"]
CoverageStrength = Annotated[float, Range(0, 100)]

# A user who asks for more has mistyped: it would take all memory, or decode for hours
_ManyPieces = Annotated[int, Range(0, 10_000)]
_LONGEST = 1 << 30
# Most pieces of an output by default: so many times those of the source, and so many more
TIMES_SOURCE, MORE_PIECES = 2, 20

_NEEDED = {  # options -> what they have no use without
    **dict.fromkeys(("temperature", "top_k", "top_p", "min_p", "seed"), "samples"),
    "diversity_penalty": "beam_groups",
}
_OF_BEAM_SEARCH = ("beam_size", "n_best", "beam_groups", "coverage_penalty", "coverage_formula")


@accept_old_names(SEARCH)
@dataclass(frozen=True, kw_only=True)
class SearchConfig(OutputConfig):
    """How to decode. The command line's flags, ranges and help come from these fields.

    Two limits can contradict each other, as ``min_length`` and ``max_words`` do. Then the limit that rules
    out more wins.

    Args:
        beam_size: Hypotheses kept at every step. 1 is greedy search.
        n_best: Hypotheses returned for a source, at most the beam size. Of two with the same text, only the
            better one is returned, so there may be fewer.
        beam_groups: Groups of the beam, which divide its size. With more than 1, each group avoids the
            pieces that those before it choose at the same step (Vijayakumar et al. 2018).
        diversity_penalty: What a group loses for such a piece, in nats. It changes no reported score.
        samples: Outputs drawn at random for a source, instead of a search. 0 searches.
        temperature: Divides the log-probabilities before a piece is drawn. Less than 1 draws probable
            pieces more often.
        top_k: Draws from so many of the most probable pieces. 0 draws from all.
        top_p: Draws from the fewest pieces that have this share of the probability (Holtzman et al. 2020).
        min_p: Draws from pieces with at least this share of the best piece's probability
            (Nguyen et al. 2024).
        seed: Other numbers draw other samples.
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
    beam_groups: Positive = 1
    diversity_penalty: Annotated[float, Range(0, 100)] = 0.5
    samples: Annotated[int, Range(0, 1_000)] = 0
    temperature: Annotated[float, Range(most=100, above=0)] = 1.0
    top_k: Count = 0
    top_p: Annotated[float, Range(most=1, above=0)] = 1.0
    min_p: Share = 0.0
    seed: Count = 1
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
        self._refuse_unused()
        if self.n_best > self.width:
            limit = "samples" if self.samples else "beam_size"
            raise ConfigError(
                f"n_best: {self.n_best}, expected at most {limit}, which is {self.width}"
            )
        if self.beam_size % self.beam_groups:
            raise ConfigError(
                f"beam_groups: {self.beam_groups}, expected a divisor of beam_size, which is {self.beam_size}"
            )
        if self.mbr is not None and self.width == 1:
            raise ConfigError("mbr: chooses among several hypotheses. Raise beam_size, or samples")

    def _refuse_unused(self) -> None:
        """Refuse options that have no use beside the others."""
        defaults = {field.name: field.default for field in fields(self)}
        changed = [name for name in defaults if getattr(self, name) != defaults[name]]
        for name in changed:
            option = f"{name}: {getattr(self, name)}"
            if _NEEDED.get(name, name) not in changed:
                raise ConfigError(f"{option}, has no use without {_NEEDED[name]}")
            if not self.samples or name not in _OF_BEAM_SEARCH or option == "beam_size: 1":
                continue
            if name != "n_best" or self.mbr is None:
                raise ConfigError(f"{option}, has no use with samples, which are drawn")

    @property
    def width(self) -> int:
        """Hypotheses of a source that the search keeps at every step."""
        return self.samples or self.beam_size

    @property
    def outputs(self) -> int:
        """Most hypotheses returned for a source."""
        return self.samples if self.samples and self.mbr is None else self.n_best

    def describe(self) -> str:
        """The kind of search in a few words, for messages."""
        if self.samples:
            kind = f"samples with seed {self.seed}"
        elif self.beam_groups > 1:
            kind = f"diverse beam {self.beam_size} in {self.beam_groups} groups"
        else:
            kind = "greedy search" if self.beam_size == 1 else f"beam {self.beam_size}"
        return kind if self.mbr is None else f"{kind}, chosen by expected {self.mbr}"

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
            most = (TIMES_SOURCE * lengths + MORE_PIECES).maximum(fewest)
        return fewest.minimum(most), most


def _times(lengths: Tensor, ratio: float) -> Tensor:
    """Lengths times a ratio of any size, rounded up."""
    return (ratio * lengths).ceil().clamp(max=_LONGEST).long()
