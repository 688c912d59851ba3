"""What a file is follows from its content where its name does not say it, and from data.format before all."""

from __future__ import annotations

import gzip
import io
import json
import os
from pathlib import Path

import pyarrow
import pytest
from pyarrow import parquet

from seqtext.data import corpus_names, files
from seqtext.data.corpus import Corpus
from seqtext.errors import ConfigError, DataError
from tests.support import workbook

Rows = list[tuple[str, str]]
ROWS: Rows = [("one, two", "eins, zwei"), ("three", "drei")]


@pytest.fixture(autouse=True)
def _in_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def read(name: str, *columns: str, format: str | None = None, labelled: bool = False) -> Rows:
    source, target = columns or (("text", "label") if labelled else ("source", "target"))
    return list(Corpus(name, source, target, labelled=labelled, format=format).rows())


def objects(names: tuple[str, str] = ("source", "target")) -> list[dict[str, str]]:
    return [dict(zip(names, row, strict=True)) for row in ROWS]


def parquet_of_rows() -> bytes:
    file = io.BytesIO()
    parquet.write_table(pyarrow.Table.from_pylist(objects()), file)
    return file.getvalue()


TMX = "".join(
    f"<tu><tuv xml:lang='source'><seg>{source}</seg></tuv>"
    f"<tuv xml:lang='target'><seg>{target}</seg></tuv></tu>"
    for source, target in ROWS
)
CONTENT = {
    "tsv": b"source\ttarget\none, two\teins, zwei\nthree\tdrei\n",
    "csv": b'source,target\n"one, two","eins, zwei"\nthree,drei\n',
    "jsonl": "".join(json.dumps(row) + "\n" for row in objects()).encode(),
    "json": json.dumps(objects()).encode(),
    "indented json": json.dumps(objects(), indent=1).encode(),
    "json below a key": json.dumps({"version": 1, "rows": objects()}).encode(),
    "indented json below a key": json.dumps({"version": 1, "rows": objects()}, indent=1).encode(),
    "tmx": f"<?xml version='1.0'?><tmx><body>{TMX}</body></tmx>".encode(),
    "parquet": parquet_of_rows(),
    "xlsx": workbook({"Pairs": [["source", "target"], *([*row] for row in ROWS)]}),
}


@pytest.mark.parametrize("name", ["pairs", "pairs.txt", "corpus.data", "pairs.txt.gz"])
@pytest.mark.parametrize("kind", CONTENT)
def test_content_says_what_a_name_does_not(name: str, kind: str) -> None:
    packed = name.endswith(".gz")
    Path(name).write_bytes(gzip.compress(CONTENT[kind]) if packed else CONTENT[kind])
    assert read(name) == ROWS


@pytest.mark.parametrize("name", ["a.csv", "a.tsv", "a.json", "a.jsonl", "a.xlsx"])
@pytest.mark.parametrize("kind", ["parquet", "xlsx"])
def test_content_that_no_text_begins_with_beats_any_ending(name: str, kind: str) -> None:
    Path(name).write_bytes(CONTENT[kind])
    assert read(name) == ROWS


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("a.csv", "tsv"), ("a.csv", "jsonl"), ("a.tsv", "csv"), ("a.tsv", "json"), ("a.tsv", "jsonl"),
        ("a.jsonl", "json"), ("a.jsonl", "indented json"), ("a.jsonl", "indented json below a key"),
        ("a.json", "jsonl"), ("a.xlsx", "tsv"), ("a.xls", "csv"),
    ],
)  # fmt: skip
def test_an_ending_that_the_first_line_contradicts(name: str, kind: str) -> None:
    Path(name).write_bytes(CONTENT[kind])
    assert read(name) == ROWS


def test_a_wrong_ending_with_numbers_as_columns() -> None:
    Path("a.csv").write_text("Go home, now.\tGeh heim, jetzt.\tCC-BY\n", encoding="utf-8")
    assert read("a.csv", "1", "2") == [("Go home, now.", "Geh heim, jetzt.")]
    Path("a.csv").write_text('"Go\thome.",Geh heim.\n', encoding="utf-8")
    assert read("a.csv", "1", "2") == [("Go\thome.", "Geh heim.")]


def test_an_ending_counts_where_nothing_contradicts_it() -> None:
    """The values of a table may look like another format."""
    Path("a.tsv").write_text("__label__x\t{1}\n", encoding="utf-8")
    assert read("a.tsv", "1", "2") == [("__label__x", "{1}")]
    Path("a.csv").write_text('source,target\n[{,"a\tb"\n', encoding="utf-8")
    assert read("a.csv") == [("[{", "a\tb")]


@pytest.mark.parametrize(
    "text",
    [
        "[Applause] Thank you, all.",
        "{laughs} No, not now.",
        "<i>Yes</i>, it is.",
        '"No", he said.',
        "",
    ],
)
def test_plain_lines_are_no_table(text: str) -> None:
    Path("a.txt").write_text(f"{text}\nAnother line, of text.\n", encoding="utf-8")
    for columns in (("source", "target"), ("1", "2")):
        with pytest.raises(DataError, match=r"^a\.txt: neither its ending nor its content says"):
            read("a.txt", *columns)


def test_parallel_files_stay_parallel_files() -> None:
    """Their names count, also where their text looks like a table and a file has the name of both."""
    for suffix, text in (("source", "a\tb"), ("target", "c\td"), ("csv", "x,y")):
        Path(f"a.{suffix}").write_text(f"{text}\n", encoding="utf-8")
    Path("a").write_text("source\ttarget\nno\tno\n", encoding="utf-8")
    assert read("a") == [("a\tb", "c\td")]
    with pytest.raises(DataError, match=r"^a\.source: is one side of parallel files"):
        read("a.source")
    assert read("a", format="tsv") == [("no", "no")]


@pytest.mark.parametrize(
    ("format", "kind"),
    [("tsv", "tsv"), ("csv", "csv"), ("jsonl", "jsonl"), ("json", "json"), ("tmx", "tmx"), ("xlsx", "xlsx"),
     ("parquet", "parquet"), ("json:rows", "json below a key"), ("xlsx:Pairs", "xlsx")],
)  # fmt: skip
def test_a_named_format_decides(format: str, kind: str) -> None:
    Path("a.source").write_bytes(CONTENT[kind])  # one side of parallel files, by its name
    assert read("a.source", format=format) == ROWS
    assert Corpus("a.source", "source", "target", format=format).estimated_rows() in (
        None,
        0,
        1,
        2,
        3,
    )


@pytest.mark.parametrize(
    ("format", "facts"),
    [
        ("cvs", ["cvs", "did you mean csv?"]),
        ("", ["''", "csv"]),
        ("csv:a", ["csv:a", "json:KEY"]),
        ("json:", ["json:", "json:KEY"]),
        ("ndjson", ["ndjson", "jsonl"]),
    ],
)
def test_a_format_that_does_not_exist(format: str, facts: list[str]) -> None:
    with pytest.raises(ConfigError, match=r"^data\.format: ") as refused:
        Corpus("a", "source", "target", format=format)
    assert all(fact in str(refused.value) for fact in facts)


def test_what_is_no_file_has_no_format() -> None:
    with pytest.raises(ConfigError, match=r"^data\.format: tsv, but builtin:train:9 is no file"):
        Corpus("builtin:train:9", "en", "de", format="tsv")
    with pytest.raises(DataError, match=r"^someone/pairs: no such file"):
        read("someone/pairs", format="tsv")


def test_a_pipe_is_refused_without_being_read() -> None:
    os.mkfifo("a.tsv")
    os.mkfifo("pipe")
    for name in ("a.tsv", "pipe"):
        with pytest.raises(
            DataError, match=f"^{name}: is a pipe or a device, .*write it to a file"
        ):
            read(name)


def test_only_the_start_of_a_file_is_read_to_detect_its_format(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    Path("a.txt").write_bytes(b"1\t2\n" * 100_000)
    read_bytes: list[int] = []

    def first_bytes(path: Path) -> bytes:
        start = files.first_bytes(path)
        read_bytes.append(len(start))
        return start

    monkeypatch.setattr(corpus_names, "first_bytes", first_bytes)
    assert Corpus("a.txt", "1", "2").kind == "tsv"
    assert read_bytes == [1 << 16]


def test_digests_of_what_was_readable_before_stay() -> None:
    """A cache of an earlier version stays in use: its name has this digest."""
    Path("a.tsv").write_bytes(CONTENT["tsv"])
    corpus = Corpus("a.tsv", "source", "target")
    assert corpus.digest() == ("d725a3940d30db3b6bc73b6868180af47744da09d04b000682efc5772a800f81")
    assert Corpus("a.tsv", "source", "target", format="tsv").digest() != corpus.digest()


def test_a_prefix_may_end_as_a_format_does() -> None:
    for suffix in ("source", "target"):
        Path(f"a.ods.{suffix}").write_text(f"{suffix}\n", encoding="utf-8")
    assert read("a.ods") == [("source", "target")]


# --- files as people have them ------------------------------------------------------------------------------

LABELS = ["weather", "music"] * 3


@pytest.mark.parametrize(
    ("name", "columns", "labels"),
    [
        ("fasttext.txt", (), LABELS),
        ("fasttext_several.txt", (),
         ["weather\nquestion", "music", "weather\nquestion", "music", "weather\nquestion",
          "music\nquestion"]),
        ("headerless.csv", ("3", "1"), ["1", "2"] * 3),
        ("headerless.csv", ("2+3", "1"), ["1", "2"] * 3),
        ("label_folders", (), ["music"] * 3 + ["weather"] * 3),
        ("list.json", (), LABELS),
        ("records_in_key.json", (), LABELS),
    ],
)  # fmt: skip
def test_cases_of_labels(
    name: str, columns: tuple[str, ...], labels: list[str], corpora: Path
) -> None:
    path = corpora.parent / "cases" / "formats" / name
    if not path.exists():
        pytest.skip(f"no {path}")
    rows = read(str(path), *columns, labelled=True)
    assert [label for _, label in rows] == labels
    assert len({text for text, _ in rows}) == 6
    assert any('Who sings this, "the blue one"?' in text for text, _ in rows)


def test_case_of_tabs(corpora: Path) -> None:
    path = corpora.parent / "cases" / "formats" / "tabs.txt"
    if not path.exists():
        pytest.skip(f"no {path}")
    assert read(str(path), "1", "2") == [
        ("Go home.", "Geh nach Hause."),
        ("I am tired.", "Ich bin müde."),
        ("She sings.", "Sie singt."),
    ]
