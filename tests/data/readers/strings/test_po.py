"""PO files."""

from __future__ import annotations

import pytest
from translate.storage import po

from seqtext.data.readers.strings.po import parse_po
from seqtext.errors import DataError
from tests.support import changed_lines, texts_of_strings

HEADER = """# Polish
msgid ""
msgstr ""
"Language: pl\\n"
"Content-Type: text/plain; charset=UTF-8\\n"
"Plural-Forms: nplurals=3; plural=(n==1 ? 0 : n%10>=2 && n%10<=4 ? 1 : 2);\\n"
"""
PO = (
    HEADER
    + """
# a remark
#. of the programmer
#: main.c:12
msgctxt "menu"
msgid "Open"
msgstr "Otwórz"

#, c-format
#| msgid "Close it"
msgid ""
"Close "
"all\\n"
msgstr ""

#, fuzzy
msgid "Maybe"
msgstr "Może"

#: a.c:1
#, c-format,  no-wrap
msgid "%d page"
msgid_plural "%d pages"
msgstr[0] "%d strona"
msgstr[1] ""
msgstr[2]   ""   

msgid "A \\"quote\\"\\tand \\\\ \\x41\\102"
msgstr ""
""

#, fuzzy
#~ msgid "Old"
#~ msgstr "Stary"

msgid "Last"
msgstr ""
"""  # noqa: W291
)


def test_entries_with_their_states() -> None:
    assert texts_of_strings(parse_po(PO.encode(), "a.po")) == [
        ("translated", "menu", [("Open", "Otwórz")]),
        ("untranslated", "", [("Close all\n", "")]),
        ("fuzzy", "", [("Maybe", "Może")]),
        ("untranslated", "", [("%d page", "%d strona"), ("%d pages", ""), ("%d pages", "")]),
        ("untranslated", "", [('A "quote"\tand \\ AB', "")]),
        ("untranslated", "", [("Last", "")]),
    ]
    assert parse_po(PO.encode(), "a.po").languages == {"target": "pl"}


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_only_the_translations_and_their_marks_change(end: str, mark: bytes) -> None:
    text = PO.replace("\n", end)
    strings = parse_po(mark + text.encode(), "a.po")
    assert [form.source for _, form in strings.untranslated] == [
        "Close all", "%d pages", "%d pages", 'A "quote"\tand \\ AB', "Last",
    ]  # fmt: skip
    filled = strings.fill(["Zamknij", "%d strony", "%d stron", 'C "\\"', " Ostatni "])
    assert (filled.filled, filled.unwritable) == (4, 0)
    assert filled.content.startswith(mark + b"# Polish")
    after = filled.content.removeprefix(mark).decode()
    assert [line.removesuffix(end) for line in changed_lines(text, after)] == [
        "-#, c-format",
        "+#, fuzzy, c-format",
        '-msgstr ""',
        '+msgstr "Zamknij\\n"',
        "-#, c-format,  no-wrap",
        "+#, fuzzy, c-format,  no-wrap",
        '-msgstr[1] ""',
        '+msgstr[1] "%d strony"',
        '-msgstr[2]   ""   ',
        '+msgstr[2]   "%d stron"   ',
        "+#, fuzzy",
        '+msgstr "C \\"\\\\\\""',
        '-msgstr ""',
        '-""',
        "+#, fuzzy",
        '-msgstr ""',
        '+msgstr "Ostatni"',
    ]


def test_the_flag_stands_before_the_previous_text() -> None:
    content = b'#: a.c\n#| msgid "Was"\nmsgid "Is"\nmsgstr ""\n'
    filled = parse_po(content, "a.po").fill(["Ist"])
    assert filled.content == b'#: a.c\n#, fuzzy\n#| msgid "Was"\nmsgid "Is"\nmsgstr "Ist"\n'


def test_translate_toolkit_reads_the_same() -> None:
    # it knows no \x and no octal number
    ours = parse_po(PO.replace(r"\x41\102", "AB").encode(), "a.po")
    filled = ours.fill([f"T{i}" for i in range(len(ours.untranslated))])
    theirs = [
        unit
        for unit in po.pofile.parsestring(filled.content).units
        if not unit.isheader() and not unit.isobsolete()
    ]
    again = parse_po(filled.content, "a.po")
    assert [unit.isfuzzy() for unit in theirs] == [False, True, True, True, True, True]
    assert [getattr(unit.target, "strings", [unit.target]) for unit in theirs] == [
        [form.translation for form in entry.forms] for entry in again.entries
    ]
    assert [str(unit.source) for unit in theirs] == [entry.forms[0].text for entry in again.entries]
    assert not again.untranslated


def test_a_text_of_several_lines() -> None:
    content = b'msgid "One.\\nTwo.\\n"\nmsgstr ""\n'
    filled = parse_po(content, "a.po").fill(["Eins.\nZwei."]).content
    assert filled.endswith(b'msgstr ""\n"Eins.\\n"\n"Zwei.\\n"\n')


@pytest.mark.parametrize(
    ("rule", "forms"),
    [
        ("nplurals=1; plural=0;", ["dogs"]),
        ("nplurals=2; plural=(n != 1);", ["dog", "dogs"]),
        ("nplurals=3; plural=(n==0 ? 0 : n==1 ? 1 : 2);", ["dogs", "dog", "dogs"]),
        ("nplurals=INTEGER; plural=EXPRESSION;", ["dog", "dogs"]),
    ],
)
def test_the_form_of_one_translates_the_singular(rule: str, forms: list[str]) -> None:
    lines = ['msgid ""', 'msgstr ""', f'"Plural-Forms: {rule}\\n"']
    lines += ["", 'msgid "dog"', 'msgid_plural "dogs"']
    lines += [f'msgstr[{i}] "x"' for i in range(len(forms))]
    [entry] = parse_po("\n".join(lines).encode(), "a.po").entries
    assert [form.text for form in entry.forms] == forms


def test_the_encoding_of_the_header() -> None:
    content = PO.replace("UTF-8", "ISO-8859-2").encode("iso-8859-2")
    strings = parse_po(content, "a.po")
    assert strings.entries[0].forms[0].translation == "Otwórz"
    count = len(strings.untranslated)
    assert "ł".encode("iso-8859-2") in strings.fill(["ł"] * count).content
    with pytest.raises(
        DataError, match=r"^a\.po: is written in ISO-8859-2, which lacks 'я' of a translation"
    ):
        strings.fill(["я"] * count)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ('msgid "a"\nnothing\n', "a.po:2: not PO: 'nothing'"),
        ('"a"\n', "a.po:1: not PO: a string without a keyword"),
        ('msgid "a"\n', "a.po:1: not PO: the entry has no msgstr"),
        ('\nmsgstr "a"\n', "a.po:2: not PO: an entry without msgid"),
        ('"Content-Type: x; charset=none\\n"', "a.po: names the encoding 'none', which is unknown"),
        ("\udcff", "a.po:1: not utf-8 (byte 0xff)"),
    ],
)
def test_mistakes(content: str, told: str) -> None:
    with pytest.raises(DataError) as refused:
        parse_po(content.encode(errors="surrogateescape"), "a.po")
    assert str(refused.value).startswith(told)
