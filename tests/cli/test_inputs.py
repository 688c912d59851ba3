"""Lines of an input become texts, or values of columns."""

from __future__ import annotations

import io
from typing import Any

import pytest

from seqtext.cli.inputs import RowReader
from seqtext.cli.streams import Input
from seqtext.data.readers.columns import source_columns
from seqtext.errors import DataError


def read(source: str, name: str, content: str, given: Any = None) -> list[Any]:
    lines = Input(io.BytesIO(content.encode()), name)
    rows = RowReader(lines, given, source_columns((source, "target")))
    return [row for chunk in lines.chunks() for row in rows.read(chunk, 1)]


@pytest.mark.parametrize(
    ("source", "name", "content", "rows"),
    [
        ("en", "in.txt", "one\tuno\ntwo\n", ["one\tuno", "two"]),
        ("en", "in.csv", "one,uno\n", ["one,uno"]),
        ("en", "in.tsv", "es\ten\nuno\tone\n", ["one"]),
        ("en", "in.tsv.gz", "en\none\n", ["one"]),
        ("en", "in.tsv", "one\ntwo\n", ["one", "two"]),  # lines of text
        ("en", "in.tsv", "", []),
        ("2", "in.jsonl", '["a", "one"]\n', ["one"]),
        ("t.en", "in.jsonl", '{"t": {"en": "one"}, "id": 1}\n', ["one"]),
        ("en", "IN.JSONL.zst", '{"en": "one"}\n', ["one"]),
        ("1", "in.tsv", "one\tuno\ntwo\tdos\n", ["one", "two"]),
        ("2", "in.tsv", "uno\tone\ntwo\n", ["one", "two"]),  # with the target, and without
        ("1+3", "in.tsv", "a\tb\tc\nd\te\n", [("a", "c"), ("d", "e")]),
        ("3+1", "in.tsv", "a\tb\tc\nd\te\n", [("c", "a"), ("d", "e")]),
        ("1+3", "standard input", "a\tc\n", [("a", "c")]),
        ("b:symbols+a:text", "in.tsv", "a\tb\nx\ty\n", [("y", "x")]),
    ],
)
def test_rows(source: str, name: str, content: str, rows: list[Any]) -> None:
    assert read(source, name, content) == rows


def test_the_format_that_is_given_counts() -> None:
    assert read("en", "in.jsonl", '{"en": 1}\n', "text") == ['{"en": 1}']
    assert read("en", "in.txt", "en\none\n", "tsv") == ["one"]


def test_rows_in_order_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert read("en", "in.tsv", "one\n") == ["one"]
    assert "in.tsv: line 1 does not name the column(s) en" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("source", "name", "content", "told"),
    [
        (
            "en",
            "in.tsv",
            "es\tfr\n",
            "in.tsv:1: 2 columns, 'es', 'fr', expected a header with 'en'",
        ),
        ("en", "in.tsv", "en\tfr\none\n", "in.tsv:2: 1 columns, expected 2 as in the header"),
        ("en", "in.tsv", "en\ten\na\tb\n", "in.tsv:1: column 'en' is there 2 times"),
        ("2", "in.tsv", "a\tb\nc\td\te\n\t\n", None),
        ("1+4", "in.tsv", "a\tb\tc\n", "in.tsv:1: 3 column(s) separated by tabs, expected 2: 1, 4"),
        ("en", "in.jsonl", "\n", "in.jsonl:1: not JSON"),
        ("en", "in.jsonl", '{"en": "a"}\n{"fr": "b"}\n', "in.jsonl:2: no column 'en'"),
    ],
)
def test_mistakes(source: str, name: str, content: str, told: str | None) -> None:
    if told is None:
        assert read(source, name, content) == ["b", "d", ""]
        return
    with pytest.raises(DataError) as refused:
        read(source, name, content)
    assert told in str(refused.value)
