"""Which hypothesis is chosen, and what comes with it. Importing this loads no torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Utility = Literal["chrf", "bleu"]


@dataclass(frozen=True, kw_only=True)
class OutputConfig:
    """What is made of the hypotheses that a search gives.

    Args:
        mbr: Choose the hypothesis with the highest mean chrF or BLEU against all others. This is minimum
            Bayes risk (Eikema and Aziz 2020).
        replace_unknown: Replace unknown words of an output by the source words that they attend to most.
        details: Add log-probabilities of pieces and words, and the alignment of words.
        attention: Add the attention too, a row for each piece.
    """

    mbr: Utility | None = None
    replace_unknown: bool = False
    details: bool = False
    attention: bool = False
