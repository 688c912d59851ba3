"""Length penalties, named by formula: score = log-probability / penalty(length)."""

from __future__ import annotations

from dataclasses import dataclass

from seqtext.search.config import LengthFormula, LengthStrength
from seqtext.values import check_fields


@dataclass(frozen=True)
class LengthPenalty:
    """The divisor of a hypothesis' log-probability. The length counts eos.

    ``power`` is length ** alpha. With alpha 1 the score is the mean log-probability.

    ``wu`` is ((5 + length) / 6) ** alpha (Wu et al. 2016, eq. 14).

    Args:
        alpha: Strength, -10 to 10. More favours longer output. With 0 the divisor is 1.
        formula: ``power`` or ``wu``.

    Raises:
        ConfigError: A value is unknown, of another type or out of range.

    Example:
        >>> LengthPenalty(1.0)(4)
        4.0
        >>> LengthPenalty(1.0, "wu")(7)
        2.0
    """

    alpha: LengthStrength = 1.0
    formula: LengthFormula = "power"

    def __post_init__(self) -> None:
        check_fields(self)

    def __call__(self, length: int) -> float:
        """The penalty of a hypothesis of ``length`` pieces, eos included."""
        base = length if self.formula == "power" else (5 + length) / 6
        return float(base**self.alpha)
