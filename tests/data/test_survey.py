"""A survey of the first rows of a corpus."""

from __future__ import annotations

from pathlib import Path

import pytest

from seqtext.data import survey as module
from seqtext.data.corpus import Corpus
from seqtext.data.survey import Side, survey


def corpus(lines: list[str], name: str = "c.tsv") -> Corpus:
    Path(name).write_text("".join(f"{line}\n" for line in lines), "utf-8")
    return Corpus(name, "1", "2")


def test_both_sides_are_measured() -> None:
    told = survey([corpus(["one two\tUn deux trois", "one\tone"])])
    assert told is not None
    assert (told.rows, told.sampled, told.whole) == (2, 2, True)
    assert told.source == Side(1.5, 3.0, capitals=False, distinct=2, vocabulary=2)
    assert told.target == Side(2.0, 3.5, capitals=True, distinct=2, vocabulary=4)
    assert told.copied == 1 / 4
    assert told.shared == 7 / 14  # n, e, t, o, and once more o, n, e


def test_rows_behind_the_sample_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_SAMPLED", 10)
    long = corpus([f"a{i}\tb" for i in range(25)], "long.tsv")
    told = survey([long, corpus(["a\tb"], "short.tsv")])
    assert told is not None
    assert (told.rows, told.sampled, told.whole) == (26, 11, True)
    unknown = Path("rows.json")
    unknown.write_text("[" + ",".join(['{"source": "a", "target": "b"}'] * 25) + "]")
    for counted, rows in ((15, 25), (20, 25), (5, 15)):
        monkeypatch.setattr(module, "_COUNTED", counted)
        told = survey([Corpus(str(unknown), "source", "target")])
        assert told is not None
        assert (told.rows, told.whole) == (rows, counted == 20)


def test_rows_that_cannot_be_read_do_not_count() -> None:
    told = survey([corpus(["a\tb", "e\tf", "no second column", "c\td"])])
    assert told is not None and told.rows == 3


def test_nothing_is_told_of_what_is_not_there() -> None:
    assert survey([Corpus("missing.tsv", "1", "2")]) is None
    assert survey([corpus(["no second column"])]) is None


def test_inflected_forms_have_symbols_and_a_stem() -> None:
    rows = ["deve⟦N⟧⟦PL⟧\tdeveler", "aşk⟦N⟧⟦SG⟧\taşk", "be⟦V⟧\tis", "kitap\tkitaplar"]
    told = survey([corpus(rows)])
    assert told is not None and told.inflected == 0.5
