"""What is odd about the characters of one text, and which script it is in."""

from __future__ import annotations

import functools
import re
import unicodedata

import numpy as np
import numpy.typing as npt

from seqtext.check.findings import bit

Mask = npt.NDArray[np.bool_]

_MOST = 0.7  # share of a side's rows that have its script
_FEWEST_LETTERS = 4  # distinct ones that make a script
# the characters that Windows-1252 has for the bytes 80 to 9F, where Latin-1 has control characters
_BYTES = {
    ord(bytes([byte]).decode("cp1252")): byte
    for byte in range(0x80, 0xA0)
    if byte not in (0x81, 0x8D, 0x8F, 0x90, 0x9D)
}
_CONTINUED = "".join(map(chr, _BYTES)) + "\u0080-\u00bf"
_MOJIBAKE = re.compile(f"[ÂÃÐÑ][{_CONTINUED}]|â€[{_CONTINUED}]|ï»¿")
_SCRIPTS: list[str] = [""]  # by number, 0 is none
# scripts of one writing system
_ALIKE = {"HIRAGANA": "CJK", "KATAKANA": "CJK", "FULLWIDTH": "LATIN", "HALFWIDTH": "CJK"}


def look(text: str) -> tuple[int, int]:
    """The number of the script that most distinct letters of a text have, and findings."""
    if text.isascii() and text.isprintable():
        latin = sum(map(str.isalpha, set(text))) >= _FEWEST_LETTERS
        return _script_number("LATIN") if latin else 0, 0
    findings = 0
    scripts: dict[int, int] = {}
    for character in sorted(set(text)):  # as many of two scripts: the same one each time
        script, flags = _of_character(character)
        findings |= flags
        if script:
            scripts[script] = scripts.get(script, 0) + 1
    if _was_misread(text):
        findings |= bit("mojibake")
    if not unicodedata.is_normalized("NFC", text):
        findings |= bit("normalization")
    main = max(scripts, key=scripts.__getitem__, default=0)
    return main if scripts.get(main, 0) >= _FEWEST_LETTERS else 0, findings


def _was_misread(text: str) -> bool:
    """Whether UTF-8 was read as Latin-1 or Windows-1252: all of the text, or some sure signs in it."""
    try:
        text.translate(_BYTES).encode("latin-1").decode("utf-8")
    except UnicodeError:
        return _MOJIBAKE.search(text) is not None
    return not text.isascii()


@functools.cache
def _of_character(character: str) -> tuple[int, int]:
    """Number of a letter's script, and what is odd about a character."""
    category = unicodedata.category(character)
    if character == "\ufffd":
        return 0, bit("undecodable")
    bidirectional = "\u200e" <= character <= "\u200f" or "\u202a" <= character <= "\u202e"
    isolating = "\u2066" <= character <= "\u2069"
    odd = category in ("Cc", "Cn", "Co", "Cs") and character not in "\t\n\r"
    if odd or bidirectional or isolating or character in "\ufeff\u061c":
        return 0, bit("control")
    if not category.startswith("L"):
        return 0, 0
    script = unicodedata.name(character, "").partition(" ")[0]
    return _script_number(_ALIKE.get(script, script)), 0


@functools.cache
def _script_number(name: str) -> int:
    if not name:
        return 0
    _SCRIPTS.append(name)
    return len(_SCRIPTS) - 1


def main_script(numbers: npt.NDArray[np.int64]) -> tuple[str, Mask]:
    """The script of most rows, or "", and which rows have another script."""
    counts = np.bincount(numbers, minlength=len(_SCRIPTS))
    counts[0] = 0
    main = int(counts.argmax())
    if counts[main] < _MOST * max(1, counts.sum()):
        return "", np.zeros(len(numbers), dtype=bool)
    return _SCRIPTS[main].capitalize(), (numbers != 0) & (numbers != main)
