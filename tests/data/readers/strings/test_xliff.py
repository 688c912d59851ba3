"""XLIFF of both versions."""

from __future__ import annotations

import pytest
from translate.storage import xliff, xliff2

from seqtext.data.readers.strings.xliff import parse_xliff
from seqtext.errors import DataError
from tests.support import changed_lines, texts_of_strings

FIRST = """<?xml version='1.0' encoding="UTF-8" ?>
<!-- ä < comment -->
<xliff version="1.2" xmlns="urn:oasis:names:tc:xliff:document:1.2">
 <file original="app" source-language="en" target-language='de-AT' datatype="plaintext"><body>
  <trans-unit id="1" approved="yes"><source>Open</source><target state='new'>Öffnen</target></trans-unit>
  <trans-unit id="2" resname="close">
    <source>Close <x id="a"/> &amp; <g id="b">exit</g><ph id="c">%d</ph></source>
    <note>ä</note>
  </trans-unit>
  <trans-unit id="3"><source>Copy</source><target  state='needs-translation' id="d">Copy</target></trans-unit>
  <trans-unit id="4"><source>Maybe</source><target state="needs-review-translation">Kann</target></trans-unit>
  <trans-unit id="5"><source>&lt;p&gt; 'a'</source><seg-source><mrk mtype="seg" mid="1">x</mrk></seg-source
    ><alt-trans><source>q</source><target>r</target></alt-trans></trans-unit>
  <trans-unit id="6" translate="no"><source>X11</source></trans-unit>
  <group translate="no"><trans-unit id="7"><source>X12</source></trans-unit></group>
  <trans-unit id="8"><source><x id="a"/></source></trans-unit>
  <trans-unit id="9" approved="yes"><source>Nine</source><target/></trans-unit>
 </body></file>
</xliff>
"""
SECOND = """<?xml version="1.0"?>
<xlf:xliff xmlns:xlf="urn:oasis:names:tc:xliff:document:2.0" version="2.0" srcLang="en" trgLang="de">
 <xlf:file id="f"><xlf:unit id="u1">
   <xlf:segment id="s">
      <xlf:source>Open <xlf:ph id="1" disp="a>b"/></xlf:source>
   </xlf:segment>
   <xlf:segment state="translated"><xlf:source>Close</xlf:source><xlf:target>Zu</xlf:target></xlf:segment>
   <xlf:ignorable><xlf:source> </xlf:source></xlf:ignorable></xlf:unit>
  <xlf:unit id="u2" translate="no"><xlf:segment><xlf:source>X</xlf:source></xlf:segment></xlf:unit>
  <xlf:unit id="u">
   <xlf:segment state="initial"><xlf:source>E</xlf:source><xlf:target /></xlf:segment></xlf:unit>
  <xlf:unit id="u4"><xlf:segment
    state="initial"><xlf:source>A</xlf:source><xlf:target>B</xlf:target></xlf:segment></xlf:unit>
  <xlf:unit id="u5"><xlf:segment state="final"><xlf:source>C</xlf:source></xlf:segment></xlf:unit>
 </xlf:file>
</xlf:xliff>
"""


def test_units_of_version_1() -> None:
    strings = parse_xliff(FIRST.encode(), "a.xlf")
    assert texts_of_strings(strings) == [
        ("translated", "1", [("Open", "Öffnen")]),
        ("untranslated", "close", [('Close <x id="a"/> & <g id="b">exit</g><ph id="c">%d</ph>', "")]),
        ("untranslated", "3", [("Copy", "")]),
        ("fuzzy", "4", [("Maybe", "Kann")]),
        ("untranslated", "5", [("<p> 'a'", "")]),
        ("untranslated", "9", [("Nine", "")]),
    ]  # fmt: skip
    assert strings.languages == {"source": "en", "target": "de-AT"}


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_only_targets_of_version_1_change(end: str) -> None:
    text = FIRST.replace("\n", end)
    strings = parse_xliff(text.encode(), "a.xlf")
    filled = strings.fill(
        ['<g id="b">Raus</g> & <x id="a"/> zu<ph id="c">%d</ph>', "Kopie", "<p> ä", "Neun"]
    )
    assert (filled.filled, filled.unwritable) == (4, 0)
    lines = changed_lines(text, filled.content.decode())
    review = 'state="needs-review-translation"'
    assert [line.removesuffix(end).strip("+ ") for line in lines if line[0] == "+"] == [
        f'<target {review}><g id="b">Raus</g> &amp; <x id="a"/> zu<ph id="c">%d</ph></target>',
        f'<trans-unit id="3"><source>Copy</source><target  {review} id="d">Kopie</target></trans-unit>',
        f"><target {review}>&lt;p&gt; ä</target><alt-trans>"
        "<source>q</source><target>r</target></alt-trans></trans-unit>",
        f'<trans-unit id="9" approved="no"><source>Nine</source><target {review}>Neun</target></trans-unit>',
    ]
    assert len([line for line in lines if line[0] == "-"]) == 3
    again = parse_xliff(filled.content, "a.xlf")
    assert [entry.state for entry in again.entries] == ["translated"] + 5 * ["fuzzy"]
    theirs = {unit.source: unit for unit in xliff.xlifffile.parsestring(filled.content).units}
    assert theirs["Copy"].target == "Kopie"
    assert theirs["Nine"].isfuzzy()
    assert not theirs["Open"].isfuzzy()


def test_version_2() -> None:
    strings = parse_xliff(SECOND.encode(), "a.xlf")
    assert texts_of_strings(strings) == [
        ("untranslated", "s", [('Open <xlf:ph id="1" disp="a>b"/>', "")]),
        ("translated", "u1", [("Close", "Zu")]),
        ("untranslated", "u", [("E", "")]),
        ("fuzzy", "u4", [("A", "B")]),
        ("untranslated", "u5", [("C", "")]),
    ]
    filled = strings.fill(['<xlf:ph id="1" disp="a>b"/> auf', "Ende", "D"])
    lines = changed_lines(SECOND, filled.content.decode())
    assert [line.strip("+ \n") for line in lines if line[0] == "+"] == [
        '<xlf:segment state="initial" id="s">',
        '<xlf:target><xlf:ph id="1" disp="a>b"/> auf</xlf:target>',
        '<xlf:segment state="initial"><xlf:source>E</xlf:source>'
        "<xlf:target >Ende</xlf:target></xlf:segment></xlf:unit>",
        '<xlf:unit id="u5"><xlf:segment state="initial"><xlf:source>C</xlf:source>'
        "<xlf:target>D</xlf:target></xlf:segment></xlf:unit>",
    ]
    assert len([line for line in lines if line[0] == "-"]) == 3
    units = xliff2.Xliff2File.parsestring(filled.content).units
    assert [unit.target for unit in units if unit.isfuzzy()] == ["auf", "Ende", "B", "D"]


def test_control_characters_become_spaces() -> None:
    content = b"<xliff><file><trans-unit><source>A</source></trans-unit></file></xliff>"
    filled = parse_xliff(content, "a.xlf").fill(["\na\nb\0c\u2028d\x85e\x1f"]).content
    [entry] = parse_xliff(filled, "a.xlf").entries
    assert entry.forms[0].translation == "a b c d e"


@pytest.mark.parametrize(
    "target",
    [
        "zu",  # without the elements
        'zu <x id="a"/><x id="a"/><g id="b">raus</g><ph id="c">%d</ph>',
        'zu <x id="a"/></g>raus<g id="b"><ph id="c">%d</ph>',  # which do not nest
        " \n",
    ],
)
def test_a_translation_that_cannot_stand_in_the_file_is_left_out(target: str) -> None:
    strings = parse_xliff(FIRST.encode(), "a.xlf")
    filled = strings.fill([target, "", "", ""])
    assert filled == (FIRST.encode(), 0, 4)


def test_another_encoding() -> None:
    content = FIRST.replace("UTF-8", "windows-1252").encode("windows-1252")
    strings = parse_xliff(content, "a.xlf")
    assert strings.entries[0].forms[0].translation == "Öffnen"
    filled = strings.fill(["", "Käse", "", ""]).content
    assert changed_lines(content.decode("cp1252"), filled.decode("cp1252"))[1].count("Käse") == 1
    with pytest.raises(DataError, match=r"a\.xlf: is written in windows-1252, which lacks 'ł'"):
        strings.fill(["", "ł", "", ""])


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"<xliff>\n<file></xliff>", "a.xlf:2: not XML (mismatched tag"),
        (b"<tmx/>", "a.xlf: its root is <tmx>, expected <xliff>"),
        ("<xliff/>".encode("utf-16"), "a.xlf: is UTF-16"),
        (
            b"<xliff>\n" + 200 * b"<g>" + 200 * b"</g>" + b"</xliff>",
            "a.xlf:2: more than 100 elements",
        ),
        (b"", "a.xlf:1: not XML (no element found"),
    ],
)
def test_mistakes(content: bytes, told: str) -> None:
    with pytest.raises(DataError) as refused:
        parse_xliff(content, "a.xlf")
    assert str(refused.value).startswith(told)
