"""Outputs that are shown while they grow."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from torch import Tensor

from seqtext.data.tokenizer import Tokenizer
from seqtext.errors import ConfigError
from seqtext.search.config import SearchConfig

OnPiece = Callable[
    [int, str], None
]  # takes the number of a source, and the text of its output so far


def check_on_piece(on_piece: object, config: SearchConfig) -> None:
    """Refuse to show outputs that change when they are whole, or to show them to no function.

    Raises:
        ConfigError: An option changes them. Or ``on_piece`` cannot be called.
    """
    if on_piece is None:
        return
    if not callable(on_piece):
        raise ConfigError(
            f"on_piece: {on_piece!r:.60} ({type(on_piece).__name__}), expected a function of the number of a"
            " source and a text"
        )
    if config.replace_unknown or config.mbr is not None:
        raise ConfigError(
            "on_piece: shows outputs while they grow, and replace_unknown and mbr change them afterwards."
            " Leave one out"
        )


class GrowingTexts:
    """Tells of the outputs of a batch while a search makes them. It is a ``Watch`` of the search.

    Args:
        on_piece: Called with each text that differs from the one before.
        numbers: Of the sources, for ``on_piece``.
        words: Of each source, its words that the vocabulary lacks.
        target: The tokenizer of the outputs.
    """

    def __init__(
        self,
        on_piece: OnPiece,
        numbers: Sequence[int],
        words: Sequence[tuple[str, ...]],
        target: Tokenizer,
    ) -> None:
        self._on_piece, self._numbers = on_piece, numbers
        self._words, self._target = words, target
        self._told: list[str | None] = [None] * len(numbers)

    def __call__(self, origin: Tensor, history: Tensor) -> None:
        """See ``Watch``."""
        for row, ids in zip(origin.tolist(), history.tolist(), strict=True):
            end = ids.index(self._target.eos) if self._target.eos in ids else len(ids)
            self._tell(row, self._target.decode(ids[:end], self._words[row]))

    def finish(self, texts: Sequence[str]) -> None:
        """Tell of the outputs that are returned, where the last text was another."""
        for row, text in enumerate(texts):
            self._tell(row, text)

    def _tell(self, row: int, text: str) -> None:
        if text != self._told[row]:
            self._told[row] = text
            self._on_piece(self._numbers[row], text)
