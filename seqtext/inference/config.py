"""Options: how a classifier decides, hypotheses are reranked, a shortlist is made, processes share work.

Importing this loads no torch, so a command line can read it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from seqtext.search.config import LengthFormula, LengthStrength
from seqtext.values import Count, Positive, Range, Share, check_fields


@dataclass(frozen=True, kw_only=True)
class DecisionConfig:
    """How probabilities become labels. The command line's flags, ranges and help come from these fields.

    Args:
        top_k: Likeliest labels listed for a text, at most all of them.
        threshold: Probability below which a text is out of scope. Where a text can have several labels, it
            has those at least as likely as this. Default: what training chose, or 0.5.
        batch_size: Most texts together, fewer where they are long. Changes the speed, not the result.

    Raises:
        ConfigError: A value is of another type or out of range.
    """

    top_k: Positive = 1
    threshold: Share | None = None
    batch_size: Annotated[int, Range(1, 1_000_000)] = 64

    def __post_init__(self) -> None:
        check_fields(self)


@dataclass(frozen=True, kw_only=True)
class RerankConfig:
    """How hypotheses are ranked with another model. The command line takes its flags from these fields.

    The new score is (1 - weight) own score + weight log-probability / length penalty. The model at hand
    gives the log-probability.

    Args:
        weight: Share of the model's score in the new score. 0 keeps the order of the hypotheses, 1 follows
            the model alone.
        reverse: Read hypotheses and score their sources, with a model for the other direction.
        length_penalty: Strength of the length penalty on the model's log-probability, alpha.
        length_formula: ``power`` divides the log-probability by length^alpha, ``wu`` by
            ((5 + length) / 6)^alpha (Wu et al. 2016).
        n_best: Most hypotheses returned for a source.
        batch_size: Most pairs read together, fewer where they are long. Changes the speed, not the result.

    Raises:
        ConfigError: A value is of another type or out of range.
    """

    weight: Share = 0.5
    reverse: bool = False
    length_penalty: LengthStrength = 1.0
    length_formula: LengthFormula = "power"
    n_best: Positive = 1
    batch_size: Annotated[int, Range(1, 1_000_000)] = 64

    def __post_init__(self) -> None:
        check_fields(self)


@dataclass(frozen=True, kw_only=True)
class ShortlistConfig:
    """What a shortlist has. The command line takes its flags from these fields.

    Args:
        pieces: For each source piece, the number of its most probable target pieces. More lose less of the
            quality, and save less time.
        frequent: Number of frequent target pieces, which all outputs may have.
        pairs: Most training pairs that it is made of, drawn at random. Of a streamed training set, only the
            first 250,000 pairs are read.

    Raises:
        ConfigError: A value is of another type or out of range.
    """

    pieces: Positive = 50
    frequent: Count = 400
    pairs: Positive = 200_000

    def __post_init__(self) -> None:
        check_fields(self)


@dataclass(frozen=True, kw_only=True)
class ProcessConfig:
    """How many processes share the work of a model.

    Args:
        devices: Number of processes. Each computes on its own GPU, or on its share of the CPU's threads.

    Raises:
        ConfigError: A value is of another type or out of range.
    """

    devices: Annotated[int, Range(1, 1000)] = 1

    def __post_init__(self) -> None:
        check_fields(self)
