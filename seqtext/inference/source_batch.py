"""Sources that are decoded together, by one process."""

from __future__ import annotations

from typing import NamedTuple

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
        growing: Tells of outputs while they grow. It cannot be sent to another process.
    """

    ids: list[list[int]]
    words: list[tuple[str, ...]]
    config: SearchConfig
    constraints: SourceConstraints
    growing: GrowingTexts | None = None

    def keys(self) -> list[bytes]:
        """What the random numbers of each source depend on: the seed and the source."""
        return [
            "\n".join([str(self.config.seed), " ".join(map(str, ids)), *words]).encode()
            for ids, words in zip(self.ids, self.words, strict=True)
        ]
