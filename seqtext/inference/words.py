"""The words that pieces spell."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from seqtext.data.readers.columns import SYMBOL
from seqtext.data.tokenizer import SPACE, Tokenizer


class PlacedWord(NamedTuple):
    """A word, and where it stands in a row of pieces."""

    text: str
    places: list[int]  # of its pieces. A space that is a piece of its own is left out


def words_of(tokenizer: Tokenizer, ids: Sequence[int], unknown: Sequence[str]) -> list[PlacedWord]:
    """Words, separated by spaces, and symbols of columns.

    A single word gives its characters, where these are the pieces.

    Args:
        tokenizer: Of the pieces.
        ids: Of the pieces.
        unknown: Words that ids beyond the vocabulary stand for.
    """
    pieces = tokenizer.pieces(ids, unknown)
    words: list[list[int]] = []
    symbol = True  # whether the last piece is a symbol
    for place, piece in enumerate(pieces):
        before, symbol = symbol, SYMBOL.fullmatch(piece) is not None
        if piece.startswith(SPACE) or symbol or before or tokenizer.of_words:
            words.append([])
        words[-1].append(place)
    texts = [word for word in words if not SYMBOL.fullmatch(pieces[word[0]])]
    if len(texts) == 1 and tokenizer.of_characters:
        return [PlacedWord(piece, [i]) for i, piece in enumerate(pieces) if piece != SPACE]
    told = [(tokenizer.decode([ids[i] for i in word], unknown).strip(), word) for word in words]
    # a space that is a piece of its own says nothing about its word
    return [
        PlacedWord(text, [i for i in word if pieces[i] != SPACE]) for text, word in told if text
    ]
