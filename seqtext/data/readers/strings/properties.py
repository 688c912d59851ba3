"""Java's .properties files."""

from __future__ import annotations

import functools
import re

from seqtext.data.readers.strings.entries import (
    Edit,
    Entry,
    Form,
    Lines,
    StringsFile,
    decode,
    join_surrogates,
)

# A comment, or a key and its value. A backslash at the end of a line continues the value
_LINE = re.compile(
    r"[ \t\f]*(?:[#!][^\r\n]*|"
    r"(?P<key>(?:\\(?:\r\n|.)|[^\\\s=:])*)[ \t\f]*[=:]?[ \t\f]*(?P<value>(?:\\(?:\r\n|.)|[^\\\r\n])*)"
    r")(?:\r\n|\r|\n|\\?\Z)",
    re.DOTALL,
)
_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|(?:\r\n|\r|\n)[ \t\f]*|(.))", re.DOTALL)
_NAMED = {"n": "\n", "t": "\t", "r": "\r", "f": "\f"}
_ESCAPED = {ord(value): f"\\{name}" for name, value in _NAMED.items()} | {92: r"\\"}


def parse_properties(content: bytes, name: str, *, lenient: bool = False) -> StringsFile:
    """Keys with texts. No text has a translation: a translated file is another one.

    The bytes are UTF-8 if they can be, else ISO-8859-1. A file of ASCII stays one: it gets ``\\uXXXX`` for
    other characters.

    Raises:
        DataError: No text.
    """
    try:
        content.decode()
        encoding = "utf-8"
    except UnicodeDecodeError:
        encoding = "iso-8859-1"
    text, encoding = decode(content, encoding, name, lenient=lenient)
    lines, place, entries = Lines(text), 0, list[Entry]()
    while place < len(text) and (match := _LINE.match(text, place)):
        place = match.end()
        if match["value"]:
            write = functools.partial(_write, match.span("value"), content.isascii())
            form = Form(_unescape(match["value"]), "", write)
            if form.source:
                key = _unescape(match["key"])
                entries.append(Entry(lines.number(match.start("key")), [form], context=key))
    return StringsFile(name, text, encoding, entries)


def _write(place: tuple[int, int], ascii_only: bool, text: str) -> list[Edit]:
    raw = text.translate(_ESCAPED)
    if raw[0] == " ":
        raw = f"\\{raw}"
    if ascii_only:
        raw = re.sub(r"[^\x00-\x7f]", lambda match: _escape(match[0]), raw)
    return [Edit(*place, raw)]


def _escape(character: str) -> str:
    r"""A character as the ``\uXXXX`` of Java, two of them beyond U+FFFF."""
    units = character.encode("utf-16-be").hex()
    return "".join(f"\\u{units[i : i + 4].upper()}" for i in range(0, len(units), 4))


def _unescape(raw: str) -> str:
    return join_surrogates(_ESCAPE.sub(_character, raw))


def _character(match: re.Match[str]) -> str:
    if match[1]:
        return chr(int(match[1], 16))
    return _NAMED.get(match[2], match[2]) if match[2] else ""
