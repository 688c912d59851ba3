"""Sources that are decoded together, by one process."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from seqtext.inference.constraints.options import SourceConstraints
from seqtext.inference.growing import GrowingTexts
from seqtext.search.config import SearchConfig


class SourceBatch(NamedTuple):
    """Sources that are decoded together.

    Args:
        ids: Pieces of each source.
        words: Of each source, its words that the vocabulary lacks.
        config: How to search.
        constraints: What each output must be.
        lists: Of each source, the ids of the pieces that its output is made of. None is the vocabulary.
        growing: Tells of outputs while they grow. It cannot be sent to another process.
    """

    ids: list[list[int]]
    words: list[tuple[str, ...]]
    config: SearchConfig
    constraints: SourceConstraints
    lists: list[npt.NDArray[np.int32]] | None = None
    growing: GrowingTexts | None = None

    def keys(self) -> list[bytes]:
        """What the random numbers of each source depend on: the seed and the source."""
        return [
            "\n".join([str(self.config.seed), " ".join(map(str, ids)), *words]).encode()
            for ids, words in zip(self.ids, self.words, strict=True)
        ]
