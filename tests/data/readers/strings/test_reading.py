"""Files with the strings of a program as corpora."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from seqtext.data.corpus import Corpus
from seqtext.data.readers import FORMATS, rows
from seqtext.errors import DataError

PO = """msgid ""
msgstr "Language: de_AT\\n"

msgctxt "menu"
msgid "Open\\n"
msgstr "Öffnen\\n"

#, fuzzy
msgid "Close"
msgstr "Zu"

msgid "Exit"
msgstr ""

msgid "%d page"
msgid_plural "%d pages"
msgstr[0] "%d Seite"
msgstr[1] "%d Seiten"
"""
XLIFF = """<?xml version="1.0"?><!-- a --><xliff version="1.2">
<file source-language="en-GB" target-language="de">
<trans-unit id="1"><source>Open</source><target>Öffnen</target></trans-unit></file></xliff>"""
TS = """<!DOCTYPE TS [ <!ENTITY a "b"> ]><TS language="de"><context><name>A</name><message>
<source>Open</source><translation>Öffnen</translation></message></context></TS>"""
ANDROID = '<resources><string name="a">Open</string></resources>'
PAIRS = [("Open", "Öffnen"), ("%d page", "%d Seite"), ("%d pages", "%d Seiten")]


def read(name: str, source: str = "source", target: str = "target") -> list[tuple[str, str]]:
    return list(Corpus(name, source, target).rows())


@pytest.fixture(autouse=True)
def _nothing_is_told() -> None:
    rows.tell_once.cache_clear()


def test_translated_entries_are_pairs(capsys: pytest.CaptureFixture[str]) -> None:
    Path("a.po").write_text(PO)
    assert read("a.po") == read("a.po") == PAIRS
    told = "data: a.po: 2 of 4 entries left out (1 untranslated, 1 fuzzy)\n"
    assert capsys.readouterr().err == told  # once
    records = list(Corpus("a.po", "source", "target").records())
    assert [record.where for record in records] == ["a.po:4", "a.po:15", "a.po:15"]


def test_columns() -> None:
    Path("a.po").write_text(PO)
    assert read("a.po", "target", "source") == [(target, source) for source, target in PAIRS]
    assert read("a.po", "source", "de") == PAIRS
    [first, *_] = read("a.po", "source+context:text")
    assert first == ("Open <sep> menu", "Öffnen")
    Path("a.xlf").write_text(XLIFF)
    assert read("a.xlf", "en", "de") == PAIRS[:1]
    with pytest.raises(DataError, match=r"^a\.po:4: no column 'fr'; there are 'de_AT', 'source'"):
        read("a.po", "source", "fr")


@pytest.mark.parametrize(
    ("kind", "content"), [("po", PO), ("xliff", XLIFF), ("ts", TS), ("android", ANDROID)]
)
def test_the_content_says_the_format(kind: str, content: str) -> None:
    for name in ("a.txt", "a.tsv", "a.xlf", "a"):
        Path(name).write_text(content)
        assert Corpus(name, "source", "target").kind == kind
    Path("b.gz").write_bytes(gzip.compress(content.encode()))
    assert Corpus("b.gz", "source", "target").kind == kind
    if kind != "android":
        assert read("b.gz")[0] == PAIRS[0]
        assert FORMATS[kind].estimate([Path("a")]) is None


def test_text_about_such_files_stays_text() -> None:
    Path("a.tsv").write_text('source\ttarget\nmsgid "a"\t<TS>\n')
    assert read("a.tsv") == [('msgid "a"', "<TS>")]


@pytest.mark.parametrize(("name", "content"), [("a.xml", ANDROID), ("a.properties", "a=b\n")])
def test_files_of_one_language_are_refused(name: str, content: str) -> None:
    Path(name).write_text(content)
    with pytest.raises(DataError, match=rf"^{name}: has texts of one language, .* table"):
        read(name)


def test_refusals() -> None:
    Path("a.po").write_text('msgid "a"\nmsgstr ""\n\n#, fuzzy\nmsgid "b"\nmsgstr "c"\n')
    with pytest.raises(DataError, match=r"^a\.po: has no translated entry \(1 untranslated, 1 fu"):
        read("a.po")
    with pytest.raises(DataError, match=r"^a\.po: has texts and their translations, and no labels"):
        list(Corpus("a.po", "text", "label", labelled=True).rows())
    Path("a.ts").write_text("export const a = 1;\n")  # TypeScript
    with pytest.raises(DataError, match=r"^a\.ts:1: not XML"):
        read("a.ts")


def test_damaged_bytes_where_they_may_be() -> None:
    Path("a.po").write_bytes(PO.encode().replace("Ö".encode(), b"\xff"))
    with pytest.raises(DataError, match=r"^a\.po:6: not utf-8 \(byte 0xff\)"):
        read("a.po")
    records = Corpus("a.po", "source", "target").records(lenient=True)
    assert next(records).row == ("Open", "\ufffdffnen")
