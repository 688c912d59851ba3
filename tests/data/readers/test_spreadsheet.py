"""Spreadsheets."""

from __future__ import annotations

import gzip
import sys
from pathlib import Path

import pytest

from seqtext.data.corpus import Corpus
from seqtext.errors import ConfigError, DataError
from tests.support import workbook

SHEETS: dict[str, list[list[str | float | bool | None]]] = {
    "_lists": [["source", "target"], ["hidden", "hidden"]],
    "Notes": [],
    "Pairs": [
        ["n", "source", "target", None],
        [1.0, "one", "eins", None],
        [None, None, None, None],
        [2.0, 2024.0, "2,5 < 3 & x", None],
        [3.5, True, None, "a remark"],
    ],
    "More": [["three", "drei"]],
}


@pytest.fixture(autouse=True)
def _in_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a.xlsx").write_bytes(workbook(SHEETS))


def test_the_first_visible_sheet_with_rows_is_read_as_text() -> None:
    found = [
        (record.where, record.row) for record in Corpus("a.xlsx", "source", "target").records()
    ]
    assert found == [
        ("a.xlsx, Pairs, row 2", ("one", "eins")),
        ("a.xlsx, Pairs, row 4", ("2024", "2,5 < 3 & x")),
        ("a.xlsx, Pairs, row 5", ("TRUE", "")),
    ]
    labels = [label for _, label in Corpus("a.xlsx", "target", "n", labelled=True).rows()]
    assert labels == ["1", "2", "3.5"]


def test_a_sheet_by_name_and_columns_by_number() -> None:
    assert list(Corpus("a.xlsx", "1", "2", format="xlsx:More").rows()) == [("three", "drei")]
    for sheet in ("Mor", "_lists"):
        with pytest.raises(
            DataError, match=rf"^a\.xlsx: no sheet '{sheet}'; there are 'Notes', 'Pairs'"
        ):
            list(Corpus("a.xlsx", "1", "2", format=f"xlsx:{sheet}").rows())


def test_a_packed_spreadsheet() -> None:
    Path("a.xlsx.gz").write_bytes(gzip.compress(Path("a.xlsx").read_bytes()))
    assert len(list(Corpus("a.xlsx.gz", "source", "target").rows())) == 3


def test_what_is_wrong_is_told() -> None:
    with pytest.raises(
        DataError, match=r"^a\.xlsx, Pairs, row 1: no column 'fr'; there are 'n', 'source'"
    ):
        list(Corpus("a.xlsx", "source", "fr").rows())
    Path("b.xlsx").write_bytes(Path("a.xlsx").read_bytes()[:-40])
    Path("c.xlsx").write_bytes(b"PK\x03\x04 nothing")
    for name in ("b.xlsx", "c.xlsx"):
        with pytest.raises(DataError, match=rf"^{name}: not a spreadsheet"):
            list(Corpus(name, "source", "target", format="xlsx").rows())
    Path("d.xlsx").write_bytes(workbook({"_hidden": [["source", "target"], ["a", "b"]]}))
    with pytest.raises(DataError, match=r"^d\.xlsx: "):
        list(Corpus("d.xlsx", "source", "target").rows())


def test_without_the_package_that_reads_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "python_calamine", None)
    with pytest.raises(ConfigError, match=r"^a\.xlsx: .*pip install python-calamine"):
        list(Corpus("a.xlsx", "source", "target").rows())
