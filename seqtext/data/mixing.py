"""How often an epoch has the rows of each of several corpora."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from seqtext.console import say
from seqtext.data.bucketing import Rows, Weights
from seqtext.errors import ConfigError

_MOST_ROWS = 500_000_000  # of an epoch, whose order is kept in memory


@dataclass(frozen=True)
class Mixture:
    """Weights of training corpora.

    Args:
        names: Names of the corpora.
        weights: How often an epoch has each, without a temperature.
        temperature: T of shares ~ size ** (1 / T) instead (Arivazhagan et al. 2019, section 4.1).

    Raises:
        ConfigError: Both say how often.
    """

    names: Sequence[str]
    weights: Sequence[float]
    temperature: float | None

    def __post_init__(self) -> None:
        if self.temperature is not None and any(weight != 1 for weight in self.weights):
            raise ConfigError("data.temperature: gives the weights; leave those of the corpora out")

    def of_corpora(self, sizes: Sequence[int]) -> Weights:
        """How often an epoch has each corpus, given the number of its rows."""
        if self.temperature is None or len(self.weights) == 1:
            return np.array(self.weights)
        rows = np.array(sizes)
        weights: Weights = (rows / rows.max()) ** (1 / self.temperature - 1)
        return weights

    def of_rows(self, sizes: Sequence[int], kept: Rows, rows_are: str) -> Weights | None:
        """How often an epoch has each kept row; None for once.

        Args:
            sizes: Rows of each corpus.
            kept: Indices of the kept rows among all.
            rows_are: What a row is called.

        Raises:
            ConfigError: An epoch would have too many rows.
        """
        weights = self.of_corpora(sizes)
        if (weights == 1).all():
            return None
        parts = (f"{name} {w:.3g}" for name, w in zip(self.names, weights, strict=True))
        say(f"data: weights {', '.join(parts)}")
        of_rows: Weights = np.repeat(weights, sizes)[kept]
        if of_rows.sum() > _MOST_ROWS:
            raise ConfigError(
                f"data.train: by its weights an epoch has {of_rows.sum():,.0f} {rows_are}, and"
                f" {_MOST_ROWS:,} are the most; give smaller weights"
            )
        return of_rows
