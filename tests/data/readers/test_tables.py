"""Tables without a header, rows of JSON, and column names in another letter case."""

from __future__ import annotations

import gzip
import json
import re
from pathlib import Path

import pyarrow
import pytest
from pyarrow import parquet

from seqtext.data.corpus import Corpus
from seqtext.data.options import read_options
from seqtext.data.readers import rows
from seqtext.errors import DataError

Rows = list[tuple[str, str]]


@pytest.fixture(autouse=True)
def _in_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def read(name: str, *columns: str, format: str | None = None, labelled: bool = False) -> Rows:
    source, target = columns or (("text", "label") if labelled else ("source", "target"))
    return list(Corpus(name, source, target, labelled=labelled, format=format).rows())


def write(name: str, text: str) -> None:
    content = text.encode()
    Path(name).write_bytes(gzip.compress(content) if name.endswith(".gz") else content)


# --- no header ------------------------------------------------------------------------------------------

NEWS = '"3","A title","Two\nlines, ""quoted""."\n"1","Another",""\n'


@pytest.mark.parametrize("name", ["news.csv", "news.csv.gz"])
def test_numbers_name_columns_of_csv(name: str) -> None:
    write(name, NEWS)
    assert read(name, "3", "1", labelled=True) == [('Two\nlines, "quoted".', "3"), ("", "1")]
    assert read(name, "2+3", "1", labelled=True)[0] == (
        'A title <sep> Two\nlines, "quoted".', "3",
    )  # fmt: skip
    assert [record.where for record in Corpus(name, "3", "1").records()] == [
        f"{name}:2",
        f"{name}:3",
    ]
    with pytest.raises(DataError, match=rf"^{name}:2: no column '4'; there are '1', '2', '3'"):
        read(name, "4", "1")
    with pytest.raises(DataError, match=rf"^{name}:2: no column 'text'; .*Numbers name columns"):
        read(name, labelled=True)


def test_a_later_row_that_is_too_short() -> None:
    write("a.csv", "a,b\n\nc\n")
    good, short = Corpus("a.csv", "1", "2").records()
    assert good.row == ("a", "b")
    assert isinstance(short.row, DataError) and str(short.row).startswith("a.csv:3: no column '2'")


@pytest.mark.parametrize("header", ["0,1", ",0,1", "1,0"])
def test_a_header_of_numbers_is_a_header(header: str) -> None:
    row = ["x"] * len(header.split(","))
    places = header.split(",")
    row[places.index("0")], row[places.index("1")] = "a", "b"
    write("a.csv", f"{header}\n{','.join(row)}\n")
    assert read("a.csv", "0", "1") == [("a", "b")]


def test_numbers_that_may_be_names_or_places_are_refused() -> None:
    write("a.csv", '1,3,"A text"\n2,5,"Another"\n')
    with pytest.raises(DataError, match=r"^a\.csv:1: holds '3' and '1'"):
        read("a.csv", "3", "1")
    assert read("a.csv", "3", "2") == [("A text", "3"), ("Another", "5")]


def test_semicolons_as_excel_writes_them() -> None:
    write("a.csv", 'source;note, remark;target\n"a;b, c";;d\n')
    assert read("a.csv") == [("a;b, c", "d")]
    write("a.csv", "source,target\na;b,c\n")
    assert read("a.csv") == [("a;b", "c")]
    write("a.csv", "a;b\nc, d;e\n")
    assert read("a.csv", "1", "2") == [("a", "b"), ("c, d", "e")]


# --- JSON -----------------------------------------------------------------------------------------------


def test_the_only_list_of_records_is_read() -> None:
    pairs = [{"source": "a", "target": ["b", "c"]}]
    for value in (
        pairs,
        {"version": 1, "authors": ["x", "y"], "empty": [], "data": pairs},
        {"result": {"count": 1, "rows": pairs}},
    ):
        write("a.json", json.dumps(value))
        assert read("a.json") == [("a", "b"), ("a", "c")]


def test_several_lists_are_named() -> None:
    value = {
        "train": [{"source": "a", "target": "b"}],
        "more": {"dev": [{"source": "c", "target": "d"}]},
    }
    write("a.json", json.dumps(value))
    with pytest.raises(DataError, match=r"^a\.json: .*'train', 'more\.dev'; .*json:train$"):
        read("a.json")
    assert read("a.json", format="json:train") == [("a", "b")]
    assert read("a.json", format="json:more.dev") == [("c", "d")]
    with pytest.raises(
        DataError, match=r"^a\.json: .*'trian'; .*'more\.dev' \(did you mean train\?\)"
    ):
        read("a.json", format="json:trian")
    [config] = read_options({"train": [{"path": "a.json", "format": "json:train"}]}, {})[1]["train"]
    corpus = config.corpus("train", ("source", "target"), "json:more.dev", False, False)
    assert list(corpus.rows()) == [("a", "b")]


@pytest.mark.parametrize("name", ["a.json", "a.jsonl", "a.txt"])
def test_lists_as_rows_have_columns_by_number(name: str) -> None:
    items = [["what is love", "oos"], ["ring me", "call"]]
    lines = json.dumps(items, indent=1) if name == "a.json" else "\n".join(map(json.dumps, items))
    write(name, lines)
    assert read(name, "1", "2", labelled=True) == [("what is love", "oos"), ("ring me", "call")]
    with pytest.raises(
        DataError, match=r"expected an object with named fields, .*Numbers as columns"
    ):
        read(name)


# --- letter case ------------------------------------------------------------------------------------------


@pytest.fixture
def told(capsys: pytest.CaptureFixture[str]) -> pytest.CaptureFixture[str]:
    """What is said, as a process that has said nothing yet."""
    rows.tell_once.cache_clear()
    return capsys


def of_kind(kind: str, names: list[str], values: list[str], count: int = 3) -> Corpus:
    """A corpus whose rows hold ``values``."""
    path = f"a.{kind}"
    table = [dict(zip(names, values, strict=True))] * count
    mark = "\t" if kind == "tsv" else ","
    if kind == "parquet":
        parquet.write_table(pyarrow.Table.from_pylist(table), path)
    elif kind == "jsonl":
        write(path, "".join(json.dumps(row) + "\n" for row in table))
    elif kind != "memory":
        write(path, "\n".join([mark.join(names), *[mark.join(values)] * count]))
    else:
        [config] = read_options({"train": pyarrow_dataset(table)}, {})[1]["train"]
        return config.corpus("train", ("source", "target"), None, False, False)
    return Corpus(path, "source", "target")


def pyarrow_dataset(table: list[dict[str, str]]) -> object:
    import datasets

    return datasets.Dataset.from_list(table)


KINDS = ["csv", "tsv", "jsonl", "parquet", "memory"]


@pytest.mark.parametrize("kind", KINDS)
def test_names_in_another_letter_case_are_taken_and_said_once(
    kind: str, told: pytest.CaptureFixture[str]
) -> None:
    corpus = of_kind(kind, ["id", "Source", "TARGET"], ["1", "a", "b"])
    assert list(corpus.rows()) == [("a", "b")] * 3
    assert list(corpus.rows()) == [("a", "b")] * 3
    lines = told.readouterr().err.splitlines()
    assert len(lines) == 2
    assert "'source'" in lines[0] and "'Source'" in lines[0]
    assert "'target'" in lines[1] and "'TARGET'" in lines[1]


@pytest.mark.parametrize("kind", KINDS)
def test_an_exact_name_comes_first_and_two_others_are_none(
    kind: str, told: pytest.CaptureFixture[str]
) -> None:
    names = ["Source", "source", "target"]
    assert list(of_kind(kind, names, ["x", "a", "b"]).rows()) == [("a", "b")] * 3
    assert told.readouterr().err == ""
    names = ["Source", "SOURCE", "target"]
    with pytest.raises(
        DataError, match="no column 'source'; there are 'Source', 'SOURCE', 'target'"
    ):
        list(of_kind(kind, names, ["x", "a", "b"]).rows())


def test_numbers_in_a_column_of_another_letter_case_have_their_names() -> None:
    import datasets

    features = {"Text": datasets.Value("string"), "Label": datasets.ClassLabel(names=["no", "yes"])}
    table = datasets.Dataset.from_dict(
        {"Text": ["a", "b"], "Label": [1, 0]}, features=datasets.Features(features)
    )
    [config] = read_options({"train": table}, {})[1]["train"]
    corpus = config.corpus("train", ("text", "label"), None, True, False)
    assert list(corpus.rows()) == [("a", "yes"), ("b", "no")]


def test_nested_and_joined_names_in_another_letter_case(told: pytest.CaptureFixture[str]) -> None:
    nested = [{"Translation": {"EN": "a", "de": "b"}, "Label": 3}]
    write("a.jsonl", json.dumps(nested[0]))
    parquet.write_table(pyarrow.Table.from_pylist(nested), "a.parquet")
    for name in ("a.jsonl", "a.parquet"):
        assert read(name, "translation.en", "translation.de") == [("a", "b")]
        assert read(name, "translation.en+translation.de", "label", labelled=True) == [
            ("a <sep> b", "3")
        ]
    lines = told.readouterr().err.splitlines()
    assert [re.findall("'(.*?)'", line) for line in lines] == [
        ["translation", "Translation"], ["en", "EN"], ["label", "Label"],
    ]  # fmt: skip
