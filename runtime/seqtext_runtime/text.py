"""Text to ids and back, as the model's SentencePiece files have it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import sentencepiece

from seqtext_runtime.errors import RuntimeModelError

_SPACE = "\N{LOWER ONE EIGHTH BLOCK}"  # what SentencePiece writes for a space
_WORDS = re.compile(f"{_SPACE}?[^{_SPACE}]+|{_SPACE}")


class Tokenizer:
    """One SentencePiece model.

    Args:
        path: Of its file.

    Raises:
        RuntimeModelError: The file is missing, or holds something else.
    """

    def __init__(self, path: Path) -> None:
        self._processor = sentencepiece.SentencePieceProcessor()
        try:
            self._processor.LoadFromSerializedProto(path.read_bytes())
        except (OSError, RuntimeError, TypeError) as error:
            raise RuntimeModelError(f"{path}: no SentencePiece model ({error})") from error
        self.size: int = self._processor.vocab_size()
        self.eos: int = self._processor.eos_id()
        self._unknown: int = self._processor.unk_id()

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        """Ids of each text, without eos."""
        # one by one: for a list, SentencePiece starts threads, which take longer than a sentence
        return [self._processor.encode(text) for text in texts]

    def encode_words(self, texts: Sequence[str]) -> tuple[list[list[int]], list[list[str]]]:
        """Ids of each text, and the words in it that have no piece. The j-th has the id size + j."""
        rows, unknown = self.encode(texts), list[list[str]]()
        for number, ids in enumerate(rows):
            words: dict[str, int] = {}
            if self._unknown in ids:
                spelled = list[int]()
                pieces = self._processor.encode(texts[number], out_type=str)
                for i, piece in zip(ids, pieces, strict=True):
                    if i != self._unknown:
                        spelled.append(i)
                        continue
                    for word in _WORDS.findall(piece):
                        spelled.append(words.setdefault(word, self.size + len(words)))
                rows[number] = spelled
            unknown.append([*words])
        return rows, unknown

    def pieces(self, ids: Sequence[int], words: Sequence[str] = ()) -> list[str]:
        """The pieces that ``ids`` name. Ids from the size on name ``words``."""
        name = self._processor.id_to_piece
        return [name(i) if i < self.size else words[i - self.size] for i in ids]

    def decode(self, ids: Sequence[int], words: Sequence[str] = ()) -> str:
        """The text that ``ids`` spell."""
        if not words:
            text: str = self._processor.decode(list(ids))
            return text
        pieces = self.pieces(ids, words)
        # SentencePiece leaves unknown words as they are
        text = self._processor.decode(pieces).replace(_SPACE, " ")
        starts = bool(ids) and ids[0] >= self.size and pieces[0].startswith(_SPACE)
        return text.removeprefix(" ") if starts else text


def check(texts: object, name: str) -> list[str]:
    """A list of texts.

    Raises:
        RuntimeModelError: It is something else, or a text is no valid Unicode.
    """
    if isinstance(texts, str | bytes | dict) or not hasattr(texts, "__iter__"):
        raise RuntimeModelError(f"{name}: {texts!r:.60}, expected a list of strings")
    rows = list(texts)
    for number, row in enumerate(rows):
        if not isinstance(row, str):
            raise RuntimeModelError(f"{name}[{number}]: {row!r:.60}, expected a string")
        try:
            row.encode()
        except UnicodeEncodeError:
            raise RuntimeModelError(
                f"{name}[{number}]: has half a character (a surrogate)"
            ) from None
    return [str.__str__(row) for row in rows]
