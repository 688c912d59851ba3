"""TS files of Qt Linguist."""

from __future__ import annotations

from translate.storage import ts2

from seqtext.data.readers.strings.ts import parse_ts
from tests.support import changed_lines, texts_of_strings

TS = """<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE TS>
<TS version="2.1" language="pl_PL" sourcelanguage="en">
<context>
    <name>Dialog</name>
    <message numerus="yes">
        <location filename="a.cpp" line="3"/>
        <source>%n file(s) &amp; &quot;x&quot;</source>
        <translation type="unfinished">
            <numerusform></numerusform>
            <numerusform></numerusform>
            <numerusform/>
        </translation>
    </message>
    <message>
        <source>Open</source>
        <comment>menu</comment>
        <translation type="unfinished"></translation>
    </message>
    <message><source>Close</source><translation>Zamknij</translation></message>
    <message><source>Gone</source><translation type="vanished">x</translation></message>
    <message><source>Old</source><translation type="obsolete"></translation></message>
    <message><source>Maybe</source><translation type="unfinished">Może</translation></message>
    <message><source>Empty</source><translation></translation></message>
    <message><source>None</source></message>
</context>
</TS>
"""


def test_messages() -> None:
    strings = parse_ts(TS.encode(), "a.ts")
    assert texts_of_strings(strings) == [
        ("untranslated", "Dialog", 3 * [('%n file(s) & "x"', "")]),
        ("untranslated", "Dialog", [("Open", "")]),
        ("translated", "Dialog", [("Close", "Zamknij")]),
        ("fuzzy", "Dialog", [("Maybe", "Może")]),
        ("untranslated", "Dialog", [("Empty", "")]),
        ("untranslated", "Dialog", [("None", "")]),
    ]
    assert strings.languages == {"source": "en", "target": "pl_PL"}


def test_only_translations_change() -> None:
    filled = parse_ts(TS.encode(), "a.ts").fill(["%n 'a'", "%n b", "%n c", "Otwórz", "E", "N"])
    assert (filled.filled, filled.unwritable) == (4, 0)
    lines = changed_lines(TS, filled.content.decode())
    assert [line.strip("+ \n") for line in lines if line[0] == "+"] == [
        "<numerusform>%n &apos;a&apos;</numerusform>",
        "<numerusform>%n b</numerusform>",
        "<numerusform>%n c</numerusform>",
        '<translation type="unfinished">Otwórz</translation>',
        '<message><source>Empty</source><translation type="unfinished">E</translation></message>',
        '<message><source>None</source><translation type="unfinished">N</translation></message>',
    ]
    assert len(lines) == 12
    theirs = ts2.tsfile.parsestring(filled.content).units
    assert [str(unit.target) for unit in theirs if unit.isfuzzy() and unit.target] == [
        "%n 'a'", "Otwórz", "Może", "E", "N",
    ]  # fmt: skip


def test_a_plural_without_forms_is_left_as_it_is() -> None:
    forms = TS[TS.index("            <numerusform>") : TS.index("        </translation>")]
    strings = parse_ts(TS.replace(forms, "").encode(), "a.ts")
    assert [entry.forms[0].text for entry in strings.entries][:2] == ["Open", "Close"]
