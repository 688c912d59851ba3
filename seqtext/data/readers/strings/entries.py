"""The texts of a program in one file: which lack a translation, and how one is written into the file."""

from __future__ import annotations

import bisect
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from seqtext.data.files import check_text
from seqtext.errors import DataError

State = Literal["translated", "untranslated", "fuzzy"]
# A model that spells characters as bytes may write these. XML and editors do not take them
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ufffe\uffff]")
_MARK = b"\xef\xbb\xbf"  # byte-order mark of UTF-8


class Edit(NamedTuple):
    """Replaces the characters from ``start`` up to ``end`` of a file."""

    start: int
    end: int
    text: str


class Unwritable(Exception):  # noqa: N818 (no mistake of the user)
    """A translation that cannot stand in the file."""


@dataclass(frozen=True)
class Form:
    """A text and its translation. An entry with plural forms has several.

    Args:
        text: As the program shows it.
        translation: Empty if there is none yet.
        write: The edits that write a translation of ``text``. Raises ``Unwritable``.
    """

    text: str
    translation: str
    write: Callable[[str], list[Edit]]

    @property
    def source(self) -> str:
        """What a model reads: ``text`` without the space around it."""
        return self.text.strip()

    @property
    def target(self) -> str:
        """The translation without the space around it."""
        return self.translation.strip()

    def fill(self, target: str) -> list[Edit]:
        """The edits that write ``target`` with the space that is around ``text``.

        A space stands for each control character, and for line ends that ``text`` has not.

        Raises:
            Unwritable: ``target`` has no text, or cannot stand in the file.
        """
        target = _CONTROL.sub(
            " ", target if "\n" in self.text else target.replace("\n", " ")
        ).strip()
        if not target:
            raise Unwritable
        start = self.text[: len(self.text) - len(self.text.lstrip())]
        return self.write(start + target + self.text[len(self.text.rstrip()) :])


@dataclass(frozen=True, eq=False)
class Entry:
    """A text of a program with all its plural forms.

    Args:
        line: Where it begins, counted from 1.
        forms: At least one.
        fuzzy: Whether its translation waits for a review.
        context: Tells it from an entry with the same text. Often empty.
        marks: The edits that mark it as fuzzy.
    """

    line: int
    forms: Sequence[Form]
    fuzzy: bool = False
    context: str = ""
    marks: Sequence[Edit] = ()

    @property
    def state(self) -> State:
        """``untranslated`` if one of the forms is."""
        if not all(form.target for form in self.forms):
            return "untranslated"
        return "fuzzy" if self.fuzzy else "translated"


class Filled(NamedTuple):
    """A file with more translations.

    Args:
        content: Its bytes.
        filled: Entries that got a translation.
        unwritable: Entries whose translation could not be written.
    """

    content: bytes
    filled: int
    unwritable: int


@dataclass(frozen=True)
class StringsFile:
    """A file with the texts of a program.

    Args:
        name: What messages call it.
        text: All of it.
        encoding: Of its bytes.
        entries: In the order of the file. Those that nobody may translate are not among them.
        languages: Of ``source`` and ``target``, where the file names them.
    """

    name: str
    text: str
    encoding: str
    entries: Sequence[Entry]
    languages: dict[str, str] = field(default_factory=dict)

    @property
    def untranslated(self) -> list[tuple[Entry, Form]]:
        """The forms without a translation, and their entries."""
        forms = ((entry, form) for entry in self.entries for form in entry.forms)
        return [(entry, form) for entry, form in forms if form.source and not form.target]

    def fill(self, targets: Sequence[str]) -> Filled:
        """Write translations, and mark their entries as fuzzy. All else stays as it is.

        Args:
            targets: One for each of ``untranslated``.

        Raises:
            DataError: The encoding of the file lacks a character.
        """
        edits, marks, unwritable = list[Edit](), dict[Entry, Sequence[Edit]](), set[Entry]()
        for (entry, form), target in zip(self.untranslated, targets, strict=True):
            try:
                edits += form.fill(target)
                marks[entry] = entry.marks
            except Unwritable:
                unwritable.add(entry)
        edits += [mark for several in marks.values() for mark in several]
        parts, end = list[str](), 0
        for edit in sorted(edits):
            parts += self.text[end : edit.start], edit.text
            end = edit.end
        content = self._encode("".join([*parts, self.text[end:]]))
        return Filled(content, len(marks), len(unwritable - marks.keys()))

    def _encode(self, text: str) -> bytes:
        try:
            return text.encode(self.encoding)
        except UnicodeEncodeError as error:
            raise DataError(
                f"{self.name}: is written in {self.encoding}, which lacks {text[error.start]!r} of a"
                " translation. Convert the file to UTF-8"
            ) from error


def decode(content: bytes, encoding: str, name: str, *, lenient: bool = False) -> tuple[str, str]:
    """The text of a file, and the encoding that gives its bytes again.

    Args:
        content: All of the file.
        encoding: That the file names. A byte-order mark stands for UTF-8.
        name: What messages call the file.
        lenient: Put U+FFFD where bytes are wrong.

    Raises:
        DataError: No text in this encoding.
    """
    check_text(content, name)
    encoding = "utf-8-sig" if content.startswith(_MARK) else encoding
    try:
        return content.decode(encoding, "replace" if lenient else "strict"), encoding
    except LookupError as error:
        raise DataError(f"{name}: names the encoding {encoding!r}, which is unknown") from error
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise DataError(
            f"{name}:{line}: not {encoding} (byte 0x{content[error.start]:02x}), as the file says that it"
            " is. Convert it to UTF-8"
        ) from error


def join_surrogates(text: str) -> str:
    """The characters whose halves two escapes have given. U+FFFD stands for a single half."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


class Lines:
    """Numbers of lines in a text, counted from 1."""

    def __init__(self, text: str) -> None:
        self._ends = [place for place, character in enumerate(text) if character == "\n"]

    def number(self, place: int) -> int:
        """The line of a character."""
        return bisect.bisect_left(self._ends, place) + 1
