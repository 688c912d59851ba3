"""Android's resources of strings."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator

from seqtext.data.readers.strings import xml_elements
from seqtext.data.readers.strings.entries import Edit, Entry, Form, StringsFile, join_surrogates
from seqtext.data.readers.strings.xml_elements import Element, InlineText, parse_xml

_PART = re.compile(r"\\(?:u([0-9a-fA-F]{4})|(.))|(\")|(\s+)", re.DOTALL)
_NAMED = {"n": "\n", "t": "\t"}
_ESCAPED = str.maketrans({"\\": r"\\", "'": r"\'", '"': r"\"", "\n": r"\n", "\t": r"\t"})
_SPACE_AROUND = re.compile(r"\A | (?=\Z)")
_REFERENCE = re.compile(r"[@?](?:\+?[\w.]+:)?\w+/[\w.]+")


def parse_android(content: bytes, name: str, *, lenient: bool = False) -> StringsFile:
    """Strings, plurals and arrays. No text has a translation: a translated file is another one.

    Strings that say ``translatable="false"`` and references such as ``@string/ok`` are left out.

    Raises:
        DataError: No such file.
    """
    root, text, encoding = parse_xml(content, name, "resources", lenient=lenient)
    entries = list[Entry]()
    for resource in root.children:
        forms = list(_forms(text, resource))
        if forms and resource.attributes.get("translatable") != "false":
            context = resource.attributes.get("name", "")
            entries.append(Entry(resource.line, forms, context=context))
    return StringsFile(name, text, encoding, entries)


def _forms(text: str, resource: Element) -> Iterator[Form]:
    if resource.name == "string":
        elements = [resource]
    elif resource.name in ("plurals", "string-array"):
        elements = [child for child in resource.children if child.name == "item"]
    else:
        return
    for element in elements:
        content = text[element.inner : element.inner_end]
        raw = content.strip()  # Android does not show the space around it
        inline = InlineText(raw, _unescape, _escape)
        if inline.has_words and not _REFERENCE.fullmatch(raw):
            start = element.inner + content.index(raw)
            yield Form(inline.text, "", functools.partial(_write, start, start + len(raw), inline))


def _write(start: int, end: int, inline: InlineText, new: str) -> list[Edit]:
    raw = inline.raw(new)
    if raw[0] in "@?":  # would be a reference
        raw = f"\\{raw}"
    return [Edit(start, end, _SPACE_AROUND.sub(r"\\u0020", raw))]


def _unescape(raw: str) -> str:
    """The text that Android shows: space becomes one, except within quotes."""
    quoted = False

    def replace(match: re.Match[str]) -> str:
        nonlocal quoted
        if match[1]:
            return chr(int(match[1], 16))
        if match[2]:
            return _NAMED.get(match[2], match[2])
        if match[3]:
            quoted = not quoted
            return ""
        return match[4] if quoted else " "

    return join_surrogates(_PART.sub(replace, xml_elements.unescape(raw)))


def _escape(text: str) -> str:
    return xml_elements.escape(text).translate(_ESCAPED)
