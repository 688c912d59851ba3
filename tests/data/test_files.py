"""Files as people have them: packed, of old machines, with endings of all kinds, with a column twice."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pyarrow
import pytest
from pyarrow import parquet

from seqtext.cli import main
from seqtext.data.corpus import Corpus
from seqtext.data.files import open_file, text_lines, unpacked
from seqtext.data.labels import Labels
from seqtext.errors import DataError

Rows = list[tuple[str, str]]
ROWS: Rows = [("one", "eins"), ("two", "zwei")]
TSV = b"source\ttarget\none\teins\ntwo\tzwei\n"


def read(name: str | Path, source: str = "source", target: str = "target") -> Rows:
    return list(Corpus(str(name), source, target).rows())


def zstd(content: bytes) -> bytes:
    packed: bytes = pyarrow.compress(content, "zstd", asbytes=True)
    return packed


def zipped(content: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("a.tsv", content)
    return file.getvalue()


# --- names ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["PAIRS.TSV", "Pairs.Tsv", "PAIRS.TSV.GZ"])
def test_large_letters_in_an_ending(name: str) -> None:
    Path(name).write_bytes(gzip.compress(TSV) if name.endswith("GZ") else TSV)
    assert read(name) == ROWS


@pytest.mark.parametrize("name", ["a.ndjson", "a.NDJSON", "a.json", "a.jsonl"])
def test_an_object_a_line_by_any_name(name: str) -> None:
    rows = [{"source": source, "target": target} for source, target in ROWS]
    Path(name).write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    assert read(name) == ROWS


def test_a_list_of_objects() -> None:
    rows = [{"source": source, "target": target} for source, target in ROWS]
    Path("a.json").write_text(json.dumps([*rows, 5], indent=2), encoding="utf-8")
    records = list(Corpus("a.json", "source", "target").records())
    assert [one.row for one in records[:2]] == ROWS
    assert str(records[2].row) == ("a.json, record 3: expected an object with named fields, got 5")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"source": "a"}', "expected a list of objects, alone or below a key of an object"),
        ('{"source": ["a"], "n": 5}', "expected a list of objects, alone or below a key"),
        ("5", "expected a list of objects"),
        ("[", r"not JSON \(Expecting value, column 2\)"),
        ('[\n{"source": "a"}\n', r"not JSON \(Expecting ',' delimiter, line 3, column 1\)"),
        ("", r"not JSON \(Expecting value, column 1\)"),
        ("[]", "there are no rows in it"),
    ],
)  # fmt: skip
def test_json_of_another_shape(content: str, message: str) -> None:
    Path("a.json").write_text(content, encoding="utf-8")
    with pytest.raises(DataError, match=rf"^a\.json: {message}"):
        read("a.json")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("pairs.txt", "neither its ending nor its content says what it is .*with --data.format"),
        ("pairs.tsv.bz2", "is packed in a way that is not read here; unpack it"),
        ("pairs.tar.gz", "is packed in a way that is not read here; unpack it"),
        ("pairs.target", "is one side of parallel files; give their prefix, pairs$"),
        ("pairs", "neither its ending nor its content says what it is"),
        ("folder", "is a folder, expected csv, tsv,"),
        ("folder/", "is a folder, expected csv, tsv,"),
    ],
)
def test_other_endings_get_a_reason(name: str, message: str) -> None:
    Path("folder").mkdir()
    if not name.startswith("folder"):
        Path(name).write_bytes(b"Lines of text, and no table.\n")
    with pytest.raises(DataError, match=rf"^{name.rstrip('/')}: {message}"):
        read(name)


def test_one_side_of_parallel_files_with_suffixes_not_told() -> None:
    for name in ("train.en", "train.de", "train.csv"):
        Path(name).write_bytes(b"a\n")
    with pytest.raises(
        DataError, match=r"one side of parallel files, beside train\.de, give their prefix, train,"
    ):
        read("train.en")


# --- packed -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("pack", [gzip.compress, zstd], ids=["gzip", "zstd"])
@pytest.mark.parametrize("name", ["a.tsv", "a.tsv.gz", "a.tsv.zst"])
def test_content_says_how_it_is_packed(name: str, pack: Callable[[bytes], bytes]) -> None:
    Path(name).write_bytes(pack(TSV))
    assert read(name) == ROWS
    Path(name).write_bytes(TSV)
    assert read(name) == ROWS


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (bz2.compress(TSV), "is packed by bzip2; unpack it with bunzip2"),
        (lzma.compress(TSV), "is packed by xz; unpack it with unxz"),
        (zipped(TSV), "is a ZIP archive or an office document"),
        (b"PAR1\x15\x04\n", "not a Parquet file"),
        (TSV.decode().encode("utf-16"), "is UTF-16; convert it with: iconv -f UTF-16"),
        (TSV.decode().encode("utf-16-be").join([b"\xfe\xff", b""]), "is UTF-16; convert"),
        (TSV.decode().encode("utf-32"), "is UTF-32; convert it with: iconv -f UTF-32"),
    ],
)  # fmt: skip
def test_what_is_no_text_is_named(content: bytes, message: str) -> None:
    for name, wrapped in (("a.tsv", content), ("a.csv.gz", gzip.compress(content))):
        Path(name).write_bytes(wrapped)
        for lenient in (False, True):
            with pytest.raises(DataError, match=rf"^{name}: {message}"):
                list(Corpus(name, "source", "target").records(lenient=lenient))


@pytest.mark.parametrize("start", ["BZh", "PAR1", "ARROW1", "7z", "PK", "BZh9"])
def test_text_that_begins_as_other_files_do(start: str) -> None:
    Path("a.source").write_text(f"{start} is a word\n", encoding="utf-8")
    Path("a.target").write_text("x\n", encoding="utf-8")
    assert read("a") == [(f"{start} is a word", "x")]


def test_a_stream_that_cannot_be_read_twice() -> None:
    """As standard input is one."""
    program = (
        "import sys; from seqtext.data.files import text_lines, unpacked;"
        "print(list(text_lines(unpacked(sys.stdin.buffer, 'input'), 'input')))"
    )
    for content in (b"a\nb\n", gzip.compress(b"a\nb\n"), zstd(b"a\nb\n")):
        done = subprocess.run(
            [sys.executable, "-c", program], input=content, capture_output=True, timeout=60
        )
        assert done.stdout.split() == [b"['a',", b"'b']"], done.stderr
    empty = io.BufferedReader(io.BytesIO(b""))
    assert list(text_lines(unpacked(empty, "x"), "x")) == []


# --- ends of lines ----------------------------------------------------------------------------------------


def test_lines_that_end_with_cr_alone() -> None:
    Path("a.tsv").write_bytes(TSV.replace(b"\n", b"\r"))
    Path("a.csv").write_bytes(b'source,target\rone,eins\r"tw\ro",zwei')
    Path("a.jsonl").write_bytes(b'{"source": "one", "target": "eins"}\r')
    for side, suffix in enumerate(("source", "target")):
        Path(f"a.{suffix}").write_bytes(b"\r".join(row[side].encode() for row in ROWS))
    assert read("a.tsv") == ROWS
    assert read("a.csv") == [ROWS[0], ("tw\ro", "zwei")]
    assert read("a.jsonl") == ROWS[:1]
    assert read("a") == ROWS
    Path("a.tsv").write_bytes(b"source\ttarget\ra\tb\rc\r")
    with pytest.raises(DataError, match=r"a\.tsv:3: 1 columns, expected 2"):
        read("a.tsv")
    Path("a.txt").write_bytes(b"\xef\xbb\xbfa\r\rb\r")
    with open_file(Path("a.txt")) as file:
        assert list(text_lines(file, "a.txt")) == ["a", "", "b"]


# --- a column twice ---------------------------------------------------------------------------------------


def of_twice(kind: str, path: Path) -> None:
    text = {
        "tsv": "source\tid\ttarget\tsource\na\t1\tb\tc\n",
        "csv": "source,id,target,source\na,1,b,c\n",
        "jsonl": '{"source": "a", "id": 1, "target": "b", "source": "c"}\n',
        "json": '[{"source": "a", "id": 1, "target": "b", "source": "c"}]',
    }
    if kind == "parquet":
        arrays = [pyarrow.array([value]) for value in ("a", "1", "b", "c")]
        table = pyarrow.Table.from_arrays(arrays, names=["source", "id", "target", "source"])
        parquet.write_table(table, path)
    else:
        path.write_text(text[kind], encoding="utf-8")


@pytest.mark.parametrize("kind", ["tsv", "csv", "jsonl", "json", "parquet"])
def test_a_column_twice_is_refused(kind: str, capsys: pytest.CaptureFixture[str]) -> None:
    path = Path(f"a.{kind}")
    of_twice(kind, path)
    where = {"jsonl": ":1", "json": ", record 1", "parquet": ""}.get(kind, ":1")
    message = f"a.{kind}{where}: column 'source' is there 2 times, at places 1 and 4"
    with pytest.raises(DataError, match=message):
        read(path)
    assert main(["check", f"--data.train={path}"]) in (2, 3)
    told = capsys.readouterr()
    assert message in told.out + told.err
    assert read(path, "target", "target") == [("b", "b")]  # others do not matter


def test_a_nested_field_twice() -> None:
    Path("a.jsonl").write_text('{"t": {"en": "a", "de": "b", "en": "c"}}\n', encoding="utf-8")
    with pytest.raises(
        DataError, match=r"a\.jsonl:1: column 'en' is there 2 times, at places 1 and 3"
    ):
        read("a.jsonl", "t.en", "t.de")
    struct = pyarrow.StructArray.from_arrays(
        [pyarrow.array(["a"]), pyarrow.array(["b"]), pyarrow.array(["c"])], names=["en", "de", "en"]
    )
    parquet.write_table(pyarrow.table({"t": struct}), "a.parquet")
    with pytest.raises(DataError, match=r"^a\.parquet: cannot be read \(.*duplicate field names"):
        read("a.parquet", "t.en", "t.de")


# --- several labels where a text has one ------------------------------------------------------------------


def test_rows_with_two_labels_name_the_options_for_them() -> None:
    labels = Labels(("news", "sport", "x,y"))
    assert labels.encode(["x,y"]) == [[2]]
    for text, message in (
        (
            "sport; news",
            "parts between ';' are; .* set data.several_labels and data.label_separator",
        ),
        ("sport\nnews", "data.several_labels allows several"),
        ("sprt", r"'sprt' is none of the training corpus.*\(did you mean sport\?\)"),
        ("sport;", "'sport;' is none of the training corpus"),
    ):
        with pytest.raises(DataError, match=message):
            labels.encode([text])
    for name, content in (
        ("a.tsv", "text\tlabel\na\tnews\tsport\n"),
        ("a.csv", "text,label\na,b,c\n"),
    ):
        Path(name).write_text(content, encoding="utf-8")
        with pytest.raises(DataError, match=f"{name}:2: 3 columns, .*data.label_separator"):
            list(Corpus(name, "text", "label", labelled=True).rows())
