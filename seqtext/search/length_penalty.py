"""Length penalties, named by formula: score = log-probability / penalty(length)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from seqtext.errors import ConfigError

Formula = Literal["power", "wu"]


@dataclass(frozen=True)
class LengthPenalty:
    """The divisor of a hypothesis' log-probability. The length counts eos.

    ``power`` is length ** alpha. With alpha 1 the score is the mean log-probability.

    ``wu`` is ((5 + length) / 6) ** alpha (Wu et al. 2016, eq. 14).

    Args:
        alpha: Strength, -10 to 10. More favours longer output. With 0 the divisor is 1.
        formula: ``power`` or ``wu``.

    Raises:
        ConfigError: Unknown formula, or ``alpha`` out of range.

    Example:
        >>> LengthPenalty(1.0)(4)
        4.0
        >>> LengthPenalty(1.0, "wu")(7)
        2.0
    """

    alpha: float = 1.0
    formula: Formula = "power"

    def __post_init__(self) -> None:
        if not -10 <= self.alpha <= 10:
            raise ConfigError(f"length_penalty: {self.alpha}, expected -10 to 10")
        if self.formula not in get_args(Formula):
            raise ConfigError(
                f"length_formula: {self.formula!r}, expected one of {', '.join(get_args(Formula))}"
            )

    def __call__(self, length: int) -> float:
        """The penalty of a hypothesis of ``length`` pieces, eos included."""
        base = length if self.formula == "power" else (5 + length) / 6
        return float(base**self.alpha)
