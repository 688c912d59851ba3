"""Lines with ``__label__``, and a folder for each label."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from seqtext.data.corpus import Corpus
from seqtext.errors import DataError

Rows = list[tuple[str, str]]


@pytest.fixture(autouse=True)
def _in_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def corpus(
    name: str, text: str = "text", label: str = "label", format: str | None = None
) -> Corpus:
    return Corpus(name, text, label, labelled=True, format=format)


def written(*files: str, text: str = "a text") -> None:
    for file in files:
        Path(file).parent.mkdir(parents=True, exist_ok=True)
        Path(file).write_text(text, encoding="utf-8")


# --- lines with labels ------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["cooking.train", "a.txt", "a.csv", "a", "a.ft.gz"])
def test_every_word_with_the_mark_is_a_label(name: str) -> None:
    lines = (
        b"__label__sauce __label__cheese  How much  salt?\r\n"
        b"\n"
        b"__label__x,y\ttabs and\tcommas, too\n"
        b"Labels may follow __label__end\n"
        b"no label at all, but a__label__b in a word\n"
    )
    Path(name).write_bytes(gzip.compress(lines) if name.endswith("gz") else lines)
    found = [(record.where, record.row) for record in corpus(name).records()]
    assert found == [
        (f"{name}:1", ("How much  salt?", "sauce\ncheese")),
        (f"{name}:3", ("tabs and\tcommas, too", "x,y")),
        (f"{name}:4", ("Labels may follow", "end")),
        (f"{name}:5", ("no label at all, but a__label__b in a word", "")),
    ]
    assert corpus(name).estimated_rows() == 5


def test_a_named_format_reads_lines_that_begin_otherwise() -> None:
    Path("a.txt").write_text("a text __label__x\n", encoding="utf-8")
    with pytest.raises(DataError, match="neither its ending nor its content"):
        list(corpus("a.txt").rows())
    assert list(corpus("a.txt", format="fasttext").rows()) == [("a text", "x")]


def test_lines_with_labels_have_two_columns() -> None:
    Path("a.txt").write_text("__label__x a text\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"a\.txt: .*no column 'body'; there are 'text', 'label'"):
        list(corpus("a.txt", "body").rows())
    with pytest.raises(DataError, match=r"^a\.txt: has lines with __label__; only a classifier"):
        list(Corpus("a.txt", "source", "target").rows())


def test_bytes_that_are_not_utf8_are_told_by_line() -> None:
    Path("a.txt").write_bytes(b"__label__x a\n__label__x \xff\n")
    with pytest.raises(DataError, match=r"^a\.txt:2: not UTF-8"):
        list(corpus("a.txt").rows())
    assert list(corpus("a.txt").records(lenient=True))[1].row == ("\ufffd", "x")


# --- folders of labels ------------------------------------------------------------------------------------


def test_the_folder_of_a_text_is_its_label() -> None:
    written(
        "c/pos/1_9.txt", "c/neg/0_1.txt", "c/neg/.hidden", "c/.git/x", "c/README", "c/neg/no_ending"
    )
    written("c/neg/2.txt", text="\ufefftwo\nlines\r\n")
    Path("c/neg/3.gz").write_bytes(gzip.compress(b"packed\n"))
    found = corpus("c")
    assert found.kind == "folders"
    assert [record.where for record in found.records()] == [
        "c/neg/0_1.txt", "c/neg/2.txt", "c/neg/3.gz", "c/neg/no_ending", "c/pos/1_9.txt",
    ]  # fmt: skip
    assert list(found.rows()) == [
        ("a text", "neg"), ("two\nlines", "neg"), ("packed", "neg"), ("a text", "neg"), ("a text", "pos"),
    ]  # fmt: skip
    assert found.estimated_rows() == 5
    assert list(corpus("./c/").rows()) == list(corpus("c", format="folders").rows())


def test_the_digest_follows_names_and_content() -> None:
    written("c/pos/1", "c/neg/1")
    before = corpus("c").digest()
    assert corpus("c").digest() == before
    written("c/neg/1", text="another")
    other = corpus("c").digest()
    Path("c/pos/1").rename("c/neg/2")  # the same contents, in the same order
    assert len({before, other, corpus("c").digest()}) == 3


def test_a_text_that_cannot_be_read_is_one_record() -> None:
    written("c/neg/1", "c/pos/3")
    Path("c/neg/2").write_bytes(b"caf\xe9")
    one, two, three = corpus("c").records()
    assert (one.row, three.row) == (("a text", "neg"), ("a text", "pos"))
    assert isinstance(two.row, DataError) and str(two.row).startswith("c/neg/2:1: not UTF-8")
    assert [record.row for record in corpus("c").records(lenient=True)][1] == ("caf\ufffd", "neg")


def test_folders_that_are_no_corpus() -> None:
    written("deep/neg/more/1.txt", "flat/1.txt")
    Path("empty").mkdir()
    with pytest.raises(DataError, match=r"^deep/neg/more: is a folder in that of a label"):
        list(corpus("deep").rows())
    for name in ("flat", "empty"):
        with pytest.raises(DataError, match=rf"^{name}: is a folder, expected files FOLDER/LABEL/"):
            list(corpus(name).rows())
        with pytest.raises(DataError, match=rf"^{name}: has no files in folders"):
            list(corpus(name, format="folders").rows())
    written("c/neg/1")
    with pytest.raises(DataError, match=r"^c: has a folder for each label: no column 'body'"):
        list(corpus("c", "body").rows())
    with pytest.raises(DataError, match=r"^c: is a folder, expected csv"):
        list(Corpus("c", "source", "target").rows())
    with pytest.raises(DataError, match=r"^c: has a folder for each label; only a classifier"):
        list(Corpus("c", "source", "target", format="folders").rows())


def test_parallel_files_beside_a_folder_of_their_name() -> None:
    written("c/neg/1", "c.text", "c.label")
    assert list(corpus("c").rows()) == [("a text", "a text")]
