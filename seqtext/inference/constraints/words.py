"""Where words begin and end."""

from __future__ import annotations

import functools
import re
import unicodedata
from collections.abc import Iterable

# Thai, Lao, Burmese, Khmer, Chinese and Japanese put no spaces between words
_UNSPACED = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
    "\uff66-\uff9f\U00020000-\U0003ffff]"
)


@functools.lru_cache(maxsize=100_000)
def in_word(char: str) -> bool:
    """Whether a character is a letter, mark or digit of a script with spaces between words.

    Two of them side by side are of the same word. In scripts without such spaces, a phrase stands wherever
    its characters do.

    >>> [in_word(char) for char in "aé7_-猫"]
    [True, True, True, True, False, False]
    """
    letter = char == "_" or unicodedata.category(char)[0] in "LMN"
    return letter and not _UNSPACED.match(char)


def missing_bytes(beginning: bytes) -> int:
    """How many bytes complete the beginning of a character in UTF-8.

    >>> missing_bytes("é".encode()[:1]), missing_bytes("猫".encode()[:1])
    (1, 2)
    """
    return 2 + (beginning[0] >= 0xE0) + (beginning[0] >= 0xF0) - len(beginning)


@functools.cache
def begins_letter(beginning: bytes) -> bool:
    """Whether a character that is ``in_word`` begins with these bytes of UTF-8.

    >>> begins_letter("é".encode()[:1]), begins_letter("…".encode()[:2])
    (True, False)
    """
    if beginning[0] > 0xF0:  # no script has its letters there
        return False
    missing = missing_bytes(beginning)
    code = beginning[0] & 0x7F >> missing + len(beginning)
    for byte in beginning[1:]:
        code = code << 6 | byte & 0x3F
    return any(in_word(chr(each)) for each in range(code << 6 * missing, code + 1 << 6 * missing))


def stands_in(phrase: str, text: str, *, goes_on: bool = False) -> bool:
    """Whether a phrase stands in a text as whole words.

    Args:
        phrase: One or more words.
        text: Where to look.
        goes_on: Whether the text may go on, so that its last word may be a longer one.

    >>> stands_in("cat", "a cat"), stands_in("cat", "category"), stands_in("猫", "黒猫だ")
    (True, False, True)
    """
    place = text.find(phrase)
    while place >= 0:
        end = place + len(phrase)
        begins = place == 0 or not (in_word(text[place - 1]) and in_word(phrase[0]))
        letter = in_word(phrase[-1])
        ends = not (goes_on and letter) if end == len(text) else not (letter and in_word(text[end]))
        if begins and ends:
            return True
        place = text.find(phrase, place + 1)
    return False


def missing(phrases: Iterable[str], text: str) -> list[str]:
    """The phrases that do not stand in a text."""
    return [phrase for phrase in phrases if not stands_in(phrase, text)]
