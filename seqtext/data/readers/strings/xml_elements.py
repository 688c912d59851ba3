"""XML elements with the places where they stand, so that all else of a file can stay as it is."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from xml.parsers import expat

from seqtext.data.readers.strings.entries import Edit, Unwritable, decode
from seqtext.errors import DataError

_DECLARED = re.compile(rb"""\s*<\?xml[^>]*?\bencoding\s*=\s*["']([\w.:-]+)""")
_TAG = re.compile(r"""<(?:[^<>"']|"[^"]*"|'[^']*')*>""")
# These stay as they are within a text. In order: elements with code of the program, CDATA, comments, other
# tags, entities that the file defines
_INLINE = re.compile(
    r"<(?P<name>xliff:g|ph|bpt|ept|it|ut)\b[^>]*(?<!/)>.*?</(?P=name)\s*>|<!\[CDATA\[.*?\]\]>|<!--.*?-->|"
    + _TAG.pattern
    + r"|&(?!(?:lt|gt|amp|quot|apos);)[A-Za-z_:][\w.:-]*;",
    re.DOTALL,
)
_DEEPEST = 100  # levels of elements. Real files have about ten, and Python's stack about a thousand
_REFERENCE = re.compile(r"&(?:#(\d+)|#x([0-9a-fA-F]+)|(lt|gt|amp|quot|apos));")
_REFERRED = {"lt": "<", "gt": ">", "amp": "&", "quot": '"', "apos": "'"}


@dataclass(eq=False)
class Element:
    """An element of a file, with places in characters.

    Args:
        tag: As written, with its prefix.
        attributes: By name, as written.
        line: Where it begins.
        start: Where its start tag begins.
        inner: Where its content begins.
        inner_end: Where its content ends.
        end: Where its end tag ends.
    """

    tag: str
    attributes: dict[str, str]
    line: int
    start: int
    inner: int
    inner_end: int = 0
    end: int = 0
    children: list[Element] = field(default_factory=list)

    @property
    def name(self) -> str:
        """The tag without its prefix."""
        return self.tag.rpartition(":")[2]

    def child(self, name: str) -> Element | None:
        """The first child of this name."""
        return next((child for child in self.children if child.name == name), None)

    def walk(self) -> Iterator[Element]:
        """This element and all below it, in order."""
        yield self
        for child in self.children:
            yield from child.walk()


def parse_xml(content: bytes, name: str, root: str, *, lenient: bool) -> tuple[Element, str, str]:
    """Parse a file.

    Args:
        content: All of it.
        name: What messages call it.
        root: Name of its root element.
        lenient: See ``decode``.

    Returns:
        The root, the text of the file and its encoding.

    Raises:
        DataError: Not XML, or with another root.
    """
    declared = _DECLARED.match(content)
    encoding = declared[1].decode() if declared else "utf-8"
    text, encoding = decode(content, encoding, name, lenient=lenient)
    element = _Parser(text, name).parse()
    if element.name != root:
        raise DataError(f"{name}: its root is <{element.tag}>, expected <{root}>")
    return element, text, encoding


class _Parser:
    """Makes elements of a text. The places of expat are those of bytes."""

    def __init__(self, text: str, name: str) -> None:
        self._text, self._bytes, self._name = text, text.encode(), name
        self._byte = self._place = 0
        self._open: list[Element] = []
        self._root: Element | None = None
        self._expat = expat.ParserCreate("utf-8")  # whatever encoding the file declares
        self._expat.StartElementHandler = self._begin
        self._expat.EndElementHandler = self._end

    def parse(self) -> Element:
        try:
            self._expat.Parse(self._bytes, True)
        except expat.ExpatError as error:
            raise DataError(f"{self._name}:{error.lineno}: not XML ({error})") from error
        assert self._root is not None
        return self._root

    def _now(self) -> int:
        """The place of the tag that expat reads, in characters."""
        byte = self._expat.CurrentByteIndex
        self._place += len(self._bytes[self._byte : byte].decode())
        self._byte = byte
        return self._place

    def _begin(self, tag: str, attributes: dict[str, str]) -> None:
        start, line = self._now(), self._expat.CurrentLineNumber
        if len(self._open) == _DEEPEST:
            raise DataError(f"{self._name}:{line}: more than {_DEEPEST} elements within each other")
        match = _TAG.match(self._text, start)
        assert match is not None
        element = Element(tag, attributes, line, start, match.end())
        if self._open:
            self._open[-1].children.append(element)
        else:
            self._root = element
        self._open.append(element)

    def _end(self, tag: str) -> None:
        element = self._open.pop()
        if self._text[element.inner - 2] == "/":
            element.inner_end = element.end = element.inner
        else:
            element.inner_end = self._now()
            element.end = self._text.index(">", element.inner_end) + 1


# --- the text in an element -----------------------------------------------------------------------------


def unescape(raw: str) -> str:
    """Characters for the references of XML."""

    def character(match: re.Match[str]) -> str:
        if match[3]:
            return _REFERRED[match[3]]
        return chr(int(match[1]) if match[1] else int(match[2], 16))

    return _REFERENCE.sub(character, raw)


def escape(text: str) -> str:
    """References for what is no text in XML."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


class InlineText:
    """The content of an element. What stands inline there is kept as it is written.

    Args:
        raw: As it stands in the file.
        unescape: Gives the text of a part without anything inline.
        escape: Is its inverse.
    """

    def __init__(
        self,
        raw: str,
        unescape: Callable[[str], str] = unescape,
        escape: Callable[[str], str] = escape,
    ) -> None:
        self._escape = escape
        self.items = [match[0] for match in _INLINE.finditer(raw)]
        parts, end = list[str](), 0
        for match in _INLINE.finditer(raw):
            parts += unescape(raw[end : match.start()]), match[0]
            end = match.end()
        parts.append(unescape(raw[end:]))
        self.text = "".join(parts)
        self.has_words = any(part.strip() for part in parts[::2])

    def raw(self, text: str) -> str:
        """A translation as it has to stand in the file.

        Raises:
            Unwritable: It has other inline elements than the source, or these do not nest.
        """
        if not self.items:
            return self._escape(text)
        pattern = "|".join(map(re.escape, sorted(set(self.items), key=len, reverse=True)))
        parts = re.split(f"({pattern})", text)
        if Counter(parts[1::2]) != Counter(self.items):
            raise Unwritable
        tags = "".join(item for item in parts[1::2] if not item.startswith("&"))
        try:
            expat.ParserCreate("utf-8").Parse(f"<x>{tags}</x>", True)
        except expat.ExpatError as error:
            raise Unwritable from error
        parts[::2] = map(self._escape, parts[::2])
        return "".join(parts)


def text_of(text: str, element: Element | None) -> str:
    """What is written in an element of a file. Empty where there is none."""
    return InlineText(text[element.inner : element.inner_end]).text if element else ""


# --- edits ----------------------------------------------------------------------------------------------


def set_attribute(text: str, element: Element, name: str, value: str) -> Edit:
    """The edit that gives an element an attribute, or another value of it."""
    tag = text[element.start : element.inner]
    known = re.search(rf"""(?<=\s){re.escape(name)}\s*=\s*("[^"]*"|'[^']*')""", tag)
    if known:
        return Edit(element.start + known.start(1), element.start + known.end(1), f'"{value}"')
    place = element.start + 1 + len(element.tag)
    return Edit(place, place, f' {name}="{value}"')


def set_content(text: str, element: Element, raw: str) -> Edit:
    """The edit that gives an element a content, ``raw`` as it has to stand in the file."""
    if element.inner < element.end:
        return Edit(element.inner, element.inner_end, raw)
    slash = text.rindex("/", element.start, element.inner)
    return Edit(slash, element.end, f">{raw}</{element.tag}>")


def add_element(text: str, before: Element, tag: str, attributes: str, raw: str) -> Edit:
    """The edit that makes an element behind another one, in a line of its own if that one has one.

    Args:
        text: Of the file.
        before: The other element. The new one gets its prefix.
        tag: Of the new element, without a prefix.
        attributes: Of the new element, as they stand in the file, each behind a space.
        raw: Its content as it has to stand in the file.
    """
    tag = before.tag.removesuffix(before.name) + tag
    line = text.rfind("\n", 0, before.start)
    start = line - (text[line - 1 : line] == "\r")
    space = "" if line < 0 or text[line : before.start].strip() else text[start : before.start]
    return Edit(before.end, before.end, f"{space}<{tag}{attributes}>{raw}</{tag}>")
