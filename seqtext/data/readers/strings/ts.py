"""TS files of Qt Linguist."""

from __future__ import annotations

import functools

from seqtext.data.readers.strings.entries import Edit, Entry, Form, StringsFile
from seqtext.data.readers.strings.xml_elements import (
    Element,
    InlineText,
    add_element,
    escape,
    parse_xml,
    set_attribute,
    set_content,
    text_of,
)

_GONE = ("vanished", "obsolete")


def parse_ts(content: bytes, name: str, *, lenient: bool = False) -> StringsFile:
    """A TS file. Messages that the program no longer has are left out.

    Raises:
        DataError: No TS file.
    """
    root, text, encoding = parse_xml(content, name, "TS", lenient=lenient)
    entries = list[Entry]()
    for context in root.walk():
        if context.name != "context":
            continue
        class_name = text_of(text, context.child("name"))
        messages = (child for child in context.children if child.name == "message")
        entries += filter(None, (_message(text, message, class_name) for message in messages))
    keys = {"source": "sourcelanguage", "target": "language"}
    languages = {side: root.attributes[key] for side, key in keys.items() if key in root.attributes}
    return StringsFile(name, text, encoding, entries, languages)


def _message(text: str, message: Element, context: str) -> Entry | None:
    """None where there is nothing to translate."""
    source, translation = message.child("source"), message.child("translation")
    if source is None:
        return None
    kind = translation.attributes.get("type") if translation else None
    inline = InlineText(text[source.inner : source.inner_end], escape=_escape)
    if kind in _GONE or not inline.has_words:
        return None
    plural = message.attributes.get("numerus") == "yes"
    places: list[Element | None] = [translation]
    if plural and translation:  # Without any, nobody knows their number
        places = [child for child in translation.children if child.name == "numerusform"]
    forms = [
        Form(inline.text, text_of(text, place), functools.partial(_write, text, place, source, inline))
        for place in places
    ]  # fmt: skip
    unfinished = kind == "unfinished"
    marks = []
    if translation is not None and not unfinished:
        marks = [set_attribute(text, translation, "type", "unfinished")]
    return Entry(message.line, forms, unfinished, context, marks) if forms else None


def _write(
    text: str, place: Element | None, source: Element, inline: InlineText, new: str
) -> list[Edit]:
    raw = inline.raw(new)
    if place is None:
        return [add_element(text, source, "translation", ' type="unfinished"', raw)]
    return [set_content(text, place, raw)]


def _escape(text: str) -> str:
    """As Qt Linguist writes text."""
    return escape(text).replace('"', "&quot;").replace("'", "&apos;")
