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
    if _UNSPACED.match(char):
        return False
    return char == "_" or unicodedata.category(char)[0] in "LMN"


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
