"""Android's strings and Java's properties, whose translation is another file."""

from __future__ import annotations

import pytest
from translate.storage import aresource, properties

from seqtext.data.readers.strings.android import parse_android
from seqtext.data.readers.strings.properties import parse_properties
from tests.support import changed_lines, texts_of_strings

ANDROID = """<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE resources [ <!ENTITY app "My App"> ]>
<resources xmlns:xliff="urn:oasis:names:tc:xliff:document:1.2">
    <!-- a comment -->
    <string name="a">
        Don\\'t   stop\\n
       &app; now
    </string>
    <string name="b" translatable="false">no</string>
    <string name="c">@string/a</string>
    <string name="d">Hello <b>you</b>, <xliff:g id="n" example="3">%1$d</xliff:g></string>
    <string name="e">" quoted "</string><string name="f"><![CDATA[<b>x</b>]]></string>
    <plurals name="p"><item quantity="one">%d day</item><item quantity="other">%d days</item></plurals>
    <string-array name="g"><item>One</item><item>\\@two \\u00e9\\ud83d\\ude00\\ud83d</item></string-array>
    <color name="x">#fff</color><string name="empty"/>
</resources>
"""
PROPERTIES = r"""# a comment
! another = one
key = value
long=first \
    second
uni = \u00dcber {0}
empty =
= without key
colon: x\ny \ud83d\ude00
sp ace
 a\=b\ c = c\tz
last=end"""


def test_android() -> None:
    strings = parse_android(ANDROID.encode(), "strings.xml")
    hello = 'Hello <b>you</b>, <xliff:g id="n" example="3">%1$d</xliff:g>'
    texts = {
        context: [text for text, _ in forms] for _, context, forms in texts_of_strings(strings)
    }
    assert texts == {
        "a": ["Don't stop\n &app; now"],
        "d": [hello],
        "e": [" quoted "],
        "p": ["%d day", "%d days"],
        "g": ["One", "@two é😀\ufffd"],
    }
    targets = ["Nicht\n'&app;' & <", f'"{hello}"', "zitiert", "%d Tag", "%d Tage", "Eins", "@zwei"]
    filled = strings.fill(targets)
    assert (filled.filled, filled.unwritable) == (5, 0)
    lines = changed_lines(ANDROID, filled.content.decode())
    assert [line.strip("+ \n") for line in lines if line[0] == "+"] == [
        "Nicht\\n\\'&app;\\' &amp; &lt;",
        f'<string name="d">\\"{hello}\\"</string>',
        '<string name="e">\\u0020zitiert\\u0020</string><string name="f"><![CDATA[<b>x</b>]]></string>',
        '<plurals name="p"><item quantity="one">%d Tag</item><item quantity="other">%d Tage</item></plurals>',
        '<string-array name="g"><item>Eins</item><item>\\@zwei</item></string-array>',
    ]
    assert len([line for line in lines if line[0] == "-"]) == 6
    theirs = aresource.AndroidResourceFile.parsestring(filled.content).units
    assert {unit.getid(): str(unit.target) for unit in theirs if unit.getid() in "dep"} == {
        "d": f'"{hello}"', "e": " zitiert ", "p": "%d Tag",
    }  # fmt: skip


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_properties(end: str) -> None:
    content = PROPERTIES.replace("\n", end).encode()
    strings = parse_properties(content, "a.properties")
    assert {context: forms[0][0] for _, context, forms in texts_of_strings(strings)} == {
        "key": "value",
        "long": "first second",
        "uni": "Über {0}",
        "": "without key",
        "colon": "x\ny 😀",
        "sp": "ace",
        "a=b c": "c\tz",
        "last": "end",
    }
    filled = strings.fill(["é", "a\\b", "über {0}", "ohne", "u\nv", "😀", "t\tz", "Ende"]).content
    expected = PROPERTIES
    for old, new in [
        ("= value", r"= \u00E9"),
        ("first \\\n    second", r"a\\b"),
        (r"\u00dcber", r"\u00FCber"),
        ("without key", "ohne"),
        (r"x\ny \ud83d\ude00", r"u\nv"),
        ("ace", r"\uD83D\uDE00"),
        (r"c\tz", r"t\tz"),
        ("=end", "=Ende"),
    ]:
        assert expected.count(old) == 1
        expected = expected.replace(old, new)
    assert filled.decode() == expected.replace("\n", end)


def test_translate_toolkit_reads_the_same_properties() -> None:
    content = parse_properties(PROPERTIES.encode(), "a.properties").fill(8 * ["é {0}"]).content
    theirs = properties.javafile.parsestring(content).units
    assert [unit.source for unit in theirs if unit.source] == 8 * ["é {0}"]


@pytest.mark.parametrize("encoding", ["utf-8", "iso-8859-1"])
def test_properties_beyond_ascii_keep_their_encoding(encoding: str) -> None:
    content = "# é\na=b\n".encode(encoding)
    filled = parse_properties(content, "a.properties").fill(["ü"]).content
    assert filled == "# é\na=ü\n".encode(encoding)
