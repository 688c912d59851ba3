"""XLIFF 1.2 and 2."""

from __future__ import annotations

import functools
from collections.abc import Iterator

from seqtext.data.readers.strings.entries import Edit, Entry, Form, StringsFile
from seqtext.data.readers.strings.xml_elements import (
    Element,
    InlineText,
    add_element,
    parse_xml,
    set_attribute,
    set_content,
    text_of,
)

_UNTRANSLATED = ("new", "needs-translation")  # a target in this state is a copy of its source
_TO_REVIEW = "needs-review-translation"


def parse_xliff(content: bytes, name: str, *, lenient: bool = False) -> StringsFile:
    """An XLIFF file. A unit is an entry in version 1.2, a segment in version 2.

    Units that say ``translate="no"`` are left out.

    Raises:
        DataError: No XLIFF.
    """
    root, text, encoding = parse_xml(content, name, "xliff", lenient=lenient)
    second = root.attributes.get("version", "").startswith("2")
    entries = list[Entry]()
    for unit, context in _units(root, ""):
        source = unit.child("source")
        inline = source and InlineText(text[source.inner : source.inner_end])
        if source and inline and inline.has_words:
            make = _segment if second else _unit
            entries.append(make(text, unit, source, inline, context))
    keys = ("srcLang", "trgLang") if second else ("source-language", "target-language")
    # the languages of version 1.2 stand at each file
    holder = root if second else root.child("file") or root
    sides = zip(("source", "target"), keys, strict=True)
    languages = {side: holder.attributes[key] for side, key in sides if key in holder.attributes}
    return StringsFile(name, text, encoding, entries, languages)


def _units(element: Element, context: str) -> Iterator[tuple[Element, str]]:
    """The elements that have a source and a target, and their names."""
    if element.attributes.get("translate") == "no":
        return
    context = element.attributes.get("resname") or element.attributes.get("id") or context
    if element.name in ("trans-unit", "segment"):
        yield element, context
        return
    for child in element.children:
        yield from _units(child, context)


def _unit(text: str, unit: Element, source: Element, inline: InlineText, context: str) -> Entry:
    """A unit of version 1.2. The state is an attribute of the target."""
    target = unit.child("target")
    state = target.attributes.get("state", "") if target else ""
    approved = unit.attributes.get("approved") == "yes"
    translation = text_of(text, target)
    if state in _UNTRANSLATED and not approved:
        translation = ""
    marks = [set_attribute(text, unit, "approved", "no")] if approved else []
    before = unit.child("seg-source") or source
    write = functools.partial(_write_unit, text, target, before, inline)
    fuzzy = state.startswith("needs-") and not approved
    return Entry(unit.line, [Form(inline.text, translation, write)], fuzzy, context, marks)


def _write_unit(
    text: str, target: Element | None, before: Element, inline: InlineText, new: str
) -> list[Edit]:
    raw = inline.raw(new)
    if target is None:
        return [add_element(text, before, "target", f' state="{_TO_REVIEW}"', raw)]
    return [set_content(text, target, raw), set_attribute(text, target, "state", _TO_REVIEW)]


def _segment(
    text: str, segment: Element, source: Element, inline: InlineText, context: str
) -> Entry:
    """A segment of version 2, with its own state. A translation to review is ``initial``."""
    target = segment.child("target")
    fuzzy = segment.attributes.get("state") == "initial"
    write = functools.partial(_write_segment, text, target, source, inline)
    form = Form(inline.text, text_of(text, target), write)
    mark = set_attribute(text, segment, "state", "initial")
    return Entry(segment.line, [form], fuzzy, context, [] if fuzzy else [mark])


def _write_segment(
    text: str, target: Element | None, before: Element, inline: InlineText, new: str
) -> list[Edit]:
    raw = inline.raw(new)
    if target is None:
        return [add_element(text, before, "target", "", raw)]
    return [set_content(text, target, raw)]
