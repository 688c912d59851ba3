"""PO files of gettext."""

from __future__ import annotations

import functools
import gettext
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from seqtext.data.readers.strings.entries import Edit, Entry, Form, StringsFile, decode
from seqtext.errors import DataError

_CHARSET = re.compile(rb'^"Content-Type:[^"\n]*charset=([\w.:-]+)', re.MULTILINE | re.IGNORECASE)
_LINE = re.compile(r"[^\n]*\n|[^\n]+")
_STRING = re.compile(
    r'\s*(?:(?P<keyword>msgctxt|msgid_plural|msgid|msgstr(?:\[\d+\])?|domain)\s*)?"(?P<raw>(?:[^"\\]|\\.)*)"\s*'
)
_ESCAPE = re.compile(r"\\(?:x([0-9a-fA-F]{1,2})|([0-7]{1,3})|(.))", re.DOTALL)
_NAMED = {"n": "\n", "t": "\t", "r": "\r", "a": "\a", "b": "\b", "f": "\f", "v": "\v"}
_ESCAPED = {ord(value): f"\\{name}" for name, value in _NAMED.items()} | {34: r"\"", 92: r"\\"}


@dataclass
class _Text:
    """The string of one keyword, and where its quotes stand."""

    start: int
    end: int
    value: str


@dataclass
class _Lines:
    """The lines of one entry, as far as they are read."""

    line: int = 0  # of its first string
    mark: int | None = None  # where a line of flags stands, or goes
    flags: str | None = None  # after "#,"
    texts: dict[str, _Text] = field(default_factory=dict)

    @property
    def whole(self) -> bool:
        return any(keyword.startswith("msgstr") for keyword in self.texts)


def parse_po(content: bytes, name: str, *, lenient: bool = False) -> StringsFile:
    """A PO or POT file. Obsolete entries are left out.

    Of two plural forms the one for 1 translates the singular. The others, or a single one, translate the
    plural.

    Raises:
        DataError: No PO file, or in another encoding than its header says.
    """
    charset = _CHARSET.search(content)
    encoding = charset[1].decode() if charset and charset[1] != b"CHARSET" else "utf-8"
    text, encoding = decode(content, encoding, name, lenient=lenient)
    end = "\r\n" if "\r\n" in text else "\n"
    header, entries = "", list[Entry]()
    for lines in _entries(text, name):
        if "msgid" not in lines.texts:
            raise DataError(f"{name}:{lines.line}: not PO: an entry without msgid")
        if lines.texts["msgid"].value or "msgctxt" in lines.texts:
            entries.append(_entry(lines, _form_of_one(header), end))
        else:
            header = lines.texts["msgstr"].value if "msgstr" in lines.texts else ""
    language = re.search(r"^Language:[ \t]*(\S+)", header, re.MULTILINE)
    return StringsFile(name, text, encoding, entries, {"target": language[1]} if language else {})


def _entries(text: str, name: str) -> Iterator[_Lines]:
    """The entries of a file, the header among them.

    Raises:
        DataError: A line is no PO.
    """
    entry, last = _Lines(), None
    for number, match in enumerate(_LINE.finditer(text), 1):
        line, place = match[0], match.start()
        comment = line.lstrip().startswith("#")
        string = None if comment else _STRING.fullmatch(line)
        keyword = string["keyword"] if string else None
        if entry.whole and (comment or keyword in ("msgctxt", "msgid", "domain")):
            yield entry
            entry, last = _Lines(), None
        if comment:
            _read_comment(entry, line, place)
        elif string and keyword != "domain":
            if keyword:
                last = entry.texts[keyword] = _Text(string.start("raw") - 1, 0, "")
                last.start += place
                entry.line = entry.line or number
                entry.mark = place if entry.mark is None else entry.mark
            if last is None:
                raise DataError(f"{name}:{number}: not PO: a string without a keyword before it")
            last.value += _unescape(string["raw"])
            last.end = place + string.end("raw") + 1
        elif line.strip() and not string:
            raise DataError(f"{name}:{number}: not PO: {line.strip()!r:.60}")
    if entry.whole:
        yield entry
    elif entry.texts:
        raise DataError(f"{name}:{entry.line}: not PO: the entry has no msgstr")


def _read_comment(entry: _Lines, line: str, place: int) -> None:
    kind = line.lstrip()[:2]
    if kind == "#~":  # flags above belong to the obsolete entry
        entry.flags = entry.mark = None
    elif kind == "#," and entry.flags is None:
        entry.flags, entry.mark = line.strip()[2:], place + line.index("#,") + 2
    elif kind == "#|" and entry.mark is None:
        entry.mark = place


def _entry(lines: _Lines, form_of_one: int, end: str) -> Entry:
    texts = lines.texts
    translations = [each for keyword, each in texts.items() if keyword.startswith("msgstr")]
    forms = []
    for number, text in enumerate(translations):
        singular = len(translations) > 1 and number == form_of_one
        keyword = "msgid" if singular or "msgid_plural" not in texts else "msgid_plural"
        forms.append(Form(texts[keyword].value, text.value, functools.partial(_write, text, end)))
    flags = [flag.strip() for flag in (lines.flags or "").split(",")]
    fuzzy, place = "fuzzy" in flags, lines.mark or 0
    mark = " fuzzy," if lines.flags is not None else f"#, fuzzy{end}"
    context = texts["msgctxt"].value if "msgctxt" in texts else ""
    marks = [] if fuzzy else [Edit(place, place, mark)]
    return Entry(lines.line, forms, fuzzy, context, marks)


@functools.lru_cache
def _form_of_one(header: str) -> int:
    """Which plural form is that of the number 1, by the rule in the header."""
    rule = re.search(r"plural\s*=([^;\n]+)", header.partition("nplurals")[2])
    try:
        return int(gettext.c2py(rule[1])(1)) if rule else 0
    except (ValueError, ZeroDivisionError):  # a template has EXPRESSION for it
        return 0


def _write(place: _Text, end: str, text: str) -> list[Edit]:
    """Write a string. A line of it that ends with a line feed gets a line of the file, as gettext does."""
    lines = [f'"{line.translate(_ESCAPED)}"' for line in _LINE.findall(text)]
    return [Edit(place.start, place.end, end.join(['""', *lines] if len(lines) > 1 else lines))]


def _unescape(raw: str) -> str:
    def character(match: re.Match[str]) -> str:
        if match[1] or match[2]:
            return chr(int(match[1], 16) if match[1] else int(match[2], 8) & 0xFF)
        return _NAMED.get(match[3], match[3])

    return _ESCAPE.sub(character, raw)
