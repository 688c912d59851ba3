"""What each piece of a vocabulary writes into the text of an output."""

from __future__ import annotations

import bisect
import functools
from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Generic, TypeVar

from seqtext.data.tokenizer import SPACE, Tokenizer

TextT = TypeVar("TextT", str, bytes)
_UNKNOWN = " \N{DOUBLE QUESTION MARK} "  # what SentencePiece writes for unk


class Spelling(Generic[TextT]):
    """Ids by what they write.

    Args:
        pairs: What an id writes, and the id. A text may have several ids, and an id several texts.
    """

    def __init__(self, pairs: Iterable[tuple[TextT, int]]) -> None:
        self._ids: dict[TextT, list[int]] = defaultdict(list)
        for text, number in pairs:
            self._ids[text].append(number)
        self._texts: list[TextT] = sorted(self._ids)
        self.longest = max(map(len, self._texts), default=0)
        # a search for long texts stops where no piece goes on
        self.beginnings: set[TextT] = {
            text[:size] for text in self._texts for size in range(len(text))
        }

    def ids(self, text: TextT) -> list[int]:
        """Ids that write exactly this text."""
        return self._ids.get(text, [])

    def within(self, text: TextT) -> Iterator[int]:
        """Ids that write the beginning of a text, or all of it."""
        for size in range(1, min(len(text), self.longest) + 1):
            yield from self.ids(text[:size])

    def beyond(self, text: TextT) -> Iterator[int]:
        """Ids that write a text and perhaps more behind it."""
        for place in range(bisect.bisect_left(self._texts, text), len(self._texts)):
            if not self._texts[place].startswith(text):
                return
            yield from self._ids[self._texts[place]]


class PieceTexts:
    """What the pieces of a tokenizer write.

    Args:
        tokenizer: Of the outputs.
    """

    def __init__(self, tokenizer: Tokenizer) -> None:
        self.size, self.eos = tokenizer.vocab_size, tokenizer.eos
        pieces = tokenizer.pieces(range(self.size))
        self.bytes: dict[int, bytes] = {}  # ids of single bytes that are no character
        self.texts: list[str | None] = [
            None
        ] * self.size  # of other ids, None where they write nothing
        silent = {*tokenizer.control_ids, tokenizer.bos, tokenizer.eos}
        for number, piece in enumerate(pieces):
            if number in silent:
                continue
            if (byte := tokenizer.byte_of(number)) is not None and byte >= 0x80:
                self.bytes[number] = bytes([byte])
            elif number == tokenizer.unk:
                self.texts[number] = _UNKNOWN
            else:
                self.texts[number] = piece.replace(SPACE, " ") if byte is None else chr(byte)
        self.unk = tokenizer.unk
        self.drops_space = tokenizer.drops_first_space
        self._pieces = pieces

    @functools.cached_property
    def spellings(self) -> tuple[Spelling[bytes], Spelling[bytes]]:
        """Ids by their UTF-8 bytes: inside a text, and at its start, where a space may not be written."""
        inside = [(text.encode(), i) for i, text in enumerate(self.texts) if text and i != self.unk]
        inside += [(byte, number) for number, byte in self.bytes.items()]
        start = [(text, i) for text, i in inside if not self._pieces[i].startswith(SPACE)]
        if self.drops_space:
            start += [(text[1:], i) for text, i in inside if self._pieces[i].startswith(SPACE)]
        return Spelling(inside), Spelling(start)
