"""How a classifier decides: its options. Importing this loads no torch, so a command line can read it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from seqtext.values import Positive, Range, Share, check_fields


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
