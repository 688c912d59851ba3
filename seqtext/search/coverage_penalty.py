"""Coverage penalties, named by formula. c_s = sum_t a_ts is the attention that source piece s had."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from seqtext.search.config import CoverageFormula, CoverageStrength
from seqtext.values import check_fields


@dataclass(frozen=True)
class CoveragePenalty:
    """A number that is added to the score of a finished hypothesis. Eos counts as a step.

    ``wu`` is beta sum_s log(min(c_s, 1)). It punishes source left out (Wu et al. 2016, eq. 14).

    ``repetition`` is -beta sum_s max(c_s - 1, 0). It punishes attending to a piece more than once (Gehrmann
    et al. 2018, section 5.2).

    Args:
        beta: Strength, 0 to 100. With 0 the score stays as it is.
        formula: ``wu`` or ``repetition``.

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

        0 for pieces and 1 for padding, where both formulas then add 0.
        """
        positions = torch.arange(int(lengths.max()), device=lengths.device)
        return (positions >= lengths.unsqueeze(1)).float().unsqueeze(1)

    def __call__(self, covered: Tensor) -> Tensor:
        """c (..., S) -> the penalty (...), which is at most 0."""
        if self.formula == "wu":
            # the logarithm of 0 is -inf, and would make all such hypotheses equal
            least = torch.finfo(covered.dtype).tiny
            return self.beta * covered.clamp(least, 1).log().sum(-1)
        return -self.beta * (covered - 1).clamp(min=0).sum(-1)
