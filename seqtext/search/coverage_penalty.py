"""Penalties on what a hypothesis has attended to, c_s = sum_t a_ts, named by formula."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from seqtext.search.config import CoverageFormula, CoverageStrength
from seqtext.values import check_fields


@dataclass(frozen=True)
class CoveragePenalty:
    """What is added to the score of a finished hypothesis. eos counts as a step.

    ``wu`` is beta sum_s log(min(c_s, 1)), against source left out (Wu et al. 2016, eq. 14).

    ``repetition`` is -beta sum_s max(c_s - 1, 0), against reading the same again (Gehrmann et al. 2018,
    section 5.2).

    Args:
        beta: Strength. 0 changes nothing.
        formula: See above.

    Raises:
        ConfigError: A value is unknown, of another type or out of range.

    Example:
        >>> CoveragePenalty(0.5, "repetition")(torch.tensor([[1.0, 3.0, 0.2]]))
        tensor([-1.])
    """

    beta: CoverageStrength = 0.0
    formula: CoverageFormula = "wu"

    def __post_init__(self) -> None:
        check_fields(self)

    def start(self, lengths: Tensor) -> Tensor:
        """c before the first step, (N, 1, S), for sources of ``lengths`` (N,).

        0, and 1 where padded, which neither formula minds.
        """
        positions = torch.arange(int(lengths.max()), device=lengths.device)
        return (positions >= lengths.unsqueeze(1)).float().unsqueeze(1)

    def __call__(self, covered: Tensor) -> Tensor:
        """c (..., S) -> what is added (...)."""
        if self.formula == "wu":
            least = torch.finfo(covered.dtype).tiny
            return self.beta * covered.clamp(least, 1).log().sum(-1)
        return -self.beta * (covered - 1).clamp(min=0).sum(-1)
