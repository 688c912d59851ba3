from __future__ import annotations

import csv
import gzip
import io
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import pyarrow
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import parquet

from seqtext import grammar as builtin
from seqtext.data.corpus import Corpus
from seqtext.errors import DataError

Rows = list[tuple[str, str]]
Put = Callable[[Path, bytes], Path]

ODD = [
    "", " ", "  a  b ", "None", "NA", "nan", "null", "#N/A", '"', '""', 'say "a, b"', "'", ",", ";",
    "\0", "\r", "a\rb", "\x0b", "\x0c", "\x1c", "\x1a", "\x85", "\u2028", "\u2029", "\u3000", "\ufeff",
    "\\n", "\\", "😀", "e\u0301",
]  # fmt: skip
ANY = st.one_of(st.sampled_from(ODD), st.text(max_size=12))
WITH_ENDS = st.one_of(st.sampled_from(["\n", "a\nb", "a\r\nb", "a\n", "\n\n", "\t"]), ANY)


def lines_of(texts: list[str], end: str = "\n", last: str | None = None) -> bytes:
    return (end.join(texts) + (end if last is None else last)).encode()


def tsv(rows: Rows, end: str = "\n", last: str | None = None, header: str = "en\tde") -> bytes:
    return lines_of([*([header] if header else []), *("\t".join(row) for row in rows)], end, last)


def csv_of(rows: Rows, end: str = "\r\n", quoting: int = csv.QUOTE_MINIMAL) -> bytes:
    file = io.StringIO()
    csv.writer(file, lineterminator=end, quoting=quoting).writerows([("en", "de"), *rows])  # type: ignore[arg-type]
    return file.getvalue().encode()


def jsonl(rows: Rows, end: str = "\n", ascii_only: bool = False) -> bytes:
    objects = [{"id": 1, "de": target, "en": source} for source, target in rows]
    return lines_of([json.dumps(row, ensure_ascii=ascii_only) for row in objects], end)


def parquet_of(rows: Rows) -> bytes:
    file = io.BytesIO()
    columns = {
        "en": [row[0] for row in rows],
        "id": range(len(rows)),
        "de": [row[1] for row in rows],
    }
    parquet.write_table(pyarrow.table(columns), file, row_group_size=3)
    return file.getvalue()


def read(path: Path, source: str = "en", target: str = "de") -> Rows:
    return list(Corpus(str(path), source, target).rows())


# --- text survives --------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("corpus")


def pairs_of(text: st.SearchStrategy[str]) -> st.SearchStrategy[Rows]:
    return st.lists(st.tuples(text, text), min_size=1, max_size=8)


PACKINGS = "", ".gz", ".zst"
EVERY_TABLE = [f"{kind}{packed}" for kind in ("csv", "jsonl", "parquet") for packed in PACKINGS]


@pytest.mark.parametrize("kind", EVERY_TABLE)
@given(rows=pairs_of(WITH_ENDS))
@settings(max_examples=40)
def test_tables_hold_any_text(kind: str, rows: Rows, folder: Path, put: Put) -> None:
    writers: dict[str, list[Callable[[Rows], bytes]]] = {
        "csv": [csv_of, lambda rows: csv_of(rows, "\n", csv.QUOTE_ALL)],
        "jsonl": [jsonl, lambda rows: jsonl(rows, "\r\n", ascii_only=True)],
        "parquet": [parquet_of],
    }
    for write in writers[kind.partition(".")[0]]:
        assert read(put(folder / f"a.{kind}", write(rows))) == rows


# what a line or a cell cannot hold: its own end, and a carriage return that would belong to it
CELL = ANY.map(lambda text: text.replace("\n", "").replace("\t", "").rstrip("\r"))
LINE = ANY.map(lambda text: text.replace("\n", "").rstrip("\r").lstrip("\ufeff"))


@pytest.mark.parametrize("kind", [f"tsv{packed}" for packed in PACKINGS])
@given(rows=pairs_of(CELL))
def test_tsv_is_read_literally(kind: str, rows: Rows, folder: Path, put: Put) -> None:
    assert read(put(folder / f"a.{kind}", tsv(rows))) == rows


@given(rows=pairs_of(CELL.map(lambda text: text.lstrip("\ufeff"))))
def test_tsv_columns_by_number_have_no_header(rows: Rows, folder: Path, put: Put) -> None:
    path = put(folder / "numbers.tsv", tsv([(a, "x\t" + b) for a, b in rows], header=""))
    assert read(path, "1", "3") == rows
    assert read(path, "3", "1") == [(b, a) for a, b in rows]


@pytest.mark.parametrize("packed", PACKINGS)
@given(rows=pairs_of(LINE))
def test_parallel_lines_hold_any_line(packed: str, rows: Rows, folder: Path, put: Put) -> None:
    prefix = folder / f"lines{packed.replace('.', '-')}"
    for side, suffix in enumerate(("en", "de")):
        put(Path(f"{prefix}.{suffix}{packed}"), lines_of([row[side] for row in rows]))
    assert read(prefix) == rows  # a packing need not be named
    assert read(prefix, f"en{packed}", f"de{packed}") == rows


# XML holds no control characters, and white space in it means nothing
SAID = WITH_ENDS.map(
    lambda text: " ".join("".join(c for c in text if c >= " " and c not in "\ufffe\uffff").split())
)


def tmx(rows: Rows, languages: tuple[str, str] = ("en-GB", "de")) -> bytes:
    body = ElementTree.Element("body")
    for row in rows:
        unit = ElementTree.SubElement(body, "tu")
        for language, text in zip(languages, row, strict=True):
            version = ElementTree.SubElement(unit, "tuv", {"xml:lang": language})
            ElementTree.SubElement(version, "seg").text = text
    return bytes(ElementTree.tostring(body, "utf-8"))


@pytest.mark.parametrize("packed", PACKINGS)
@given(rows=pairs_of(SAID))
def test_tmx_holds_any_text(packed: str, rows: Rows, folder: Path, put: Put) -> None:
    path = put(folder / f"a.tmx{packed}", tmx(rows))
    assert read(path) == rows
    assert read(path, "de", "EN-gb") == [(target, source) for source, target in rows]


def test_tmx_markup_is_no_text(tmp_path: Path, put: Put) -> None:
    unit = b"""<tmx><body><tu><prop>x</prop>
      <tuv xml:lang="EN"><seg>Press <bpt i="1">&lt;b&gt;</bpt>the <hi>red</hi>
        key<ept i="1">&lt;/b&gt;</ept> <ph/>now.</seg></tuv>
      <tuv lang="de-AT"><seg>Jetzt.</seg></tuv></tu></body></tmx>"""
    path = put(tmp_path / "a.tmx", unit)
    assert read(path) == [("Press the red key now.", "Jetzt.")]
    with pytest.raises(DataError, match=r"a\.tmx, unit 1: no column 'fr'; there are 'en', 'de-at'"):
        read(path, "en", "fr")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"<tmx><body><tu>", r"a\.tmx: not a TMX file \(no element found"),
        (b"<tmx/>", r"a\.tmx: there are no translation units"),
        (b"", r"a\.tmx: not a TMX file"),
    ],
)
def test_what_is_no_tmx(content: bytes, message: str, tmp_path: Path, put: Put) -> None:
    with pytest.raises(DataError, match=message):
        read(put(tmp_path / "a.tmx", content))


def test_dotted_names_reach_into_nested_columns(tmp_path: Path, put: Put) -> None:
    rows = [{"id": 1, "translation": {"en": source, "de": target}} for source, target in SOME]
    path = put(tmp_path / "a.jsonl", lines_of([json.dumps(row) for row in rows]))
    assert read(path, "translation.en", "translation.de") == SOME
    table = pyarrow.table({"translation": [row["translation"] for row in rows]})
    parquet.write_table(table, tmp_path / "a.parquet")
    assert read(tmp_path / "a.parquet", "translation.de", "translation.en") == [
        (target, source) for source, target in SOME
    ]
    names = "'id', 'translation.en', 'translation.de'"
    with pytest.raises(
        DataError, match=rf"a\.jsonl:1: no column 'translation.fr'; there are {names}"
    ):
        read(path, "translation.en", "translation.fr")
    with pytest.raises(DataError, match=r"column 'translation' holds dict .*, expected text"):
        read(path, "translation", "translation.de")


def test_records_go_on_behind_what_cannot_be_read(tmp_path: Path, put: Put) -> None:
    files = {
        "a.tsv": b"en\tde\na\tb\nc\nd\xff\te\n",
        "a.csv": b"en,de\na,b\nc\nd\xff,e\n",
        "a.jsonl": b'{"en": "a", "de": "b"}\n{"en": 1, "de": "x"}\n{"en": "d\xff", "de": "e"}\n',
    }
    for name, content in files.items():
        path = put(tmp_path / name, content)
        first, wrong, odd = Corpus(str(path), "en", "de").records(lenient=True)
        assert (first.row, odd.row) == (("a", "b"), ("d\ufffd", "e"))
        line = 2 if name == "a.jsonl" else 3
        assert wrong.where == f"{path}:{line}"
        assert isinstance(wrong.row, DataError)
        assert str(wrong.row).startswith(f"{path}:{line}: ")
        with pytest.raises(DataError, match=f"{name}:"):
            read(path)


SOME: Rows = [("a", "b c"), ("NA", ""), (' "x', "ß\u2028y")]


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("last", ["", None], ids=["no final newline", "final newline"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"], ids=["", "byte-order mark"])
def test_line_ends_and_mark_are_no_text(
    end: str, last: str | None, mark: bytes, tmp_path: Path, put: Put
) -> None:
    for side, suffix in enumerate(("en", "de")):
        put(tmp_path / f"a.{suffix}", mark + lines_of([row[side] for row in SOME], end, last))
    assert read(tmp_path / "a") == SOME
    assert read(put(tmp_path / "a.tsv", mark + tsv(SOME, end, last))) == SOME
    assert read(put(tmp_path / "b.tsv", mark + tsv(SOME, end, last, header="")), "1", "2") == SOME
    for name, content in (("a.csv", csv_of(SOME, end)), ("a.jsonl", jsonl(SOME, end))):
        content = content if last is None else content.removesuffix(end.encode())
        assert read(put(tmp_path / name, mark + content)) == SOME


def test_blank_lines_of_csv_and_jsonl_are_no_rows(tmp_path: Path, put: Put) -> None:
    assert read(put(tmp_path / "a.csv", b"en,de\n\na,b\n\n")) == [("a", "b")]
    assert read(put(tmp_path / "a.jsonl", b'\n{"en": "a", "de": "b"}\n \n')) == [("a", "b")]


@pytest.mark.parametrize("kind", ["csv", "tsv", "jsonl", "parquet"])
def test_one_column_can_be_both_sides(kind: str, tmp_path: Path, put: Put) -> None:
    writers: dict[str, Callable[[Rows], bytes]] = {
        "csv": csv_of,
        "tsv": tsv,
        "jsonl": jsonl,
        "parquet": parquet_of,
    }
    path = put(tmp_path / f"a.{kind}", writers[kind](SOME))
    assert read(path, "de", "de") == [(b, b) for _, b in SOME]


def test_builtin_is_named_by_split_count_and_seed() -> None:
    def rows(name: str) -> Rows:
        return list(Corpus(name, "en", "de").rows())

    assert rows("builtin:test:5") == list(builtin.pairs("test", 5))
    assert (
        rows("builtin:train:5:3") == list(builtin.pairs("train", 5, 3)) != rows("builtin:train:5")
    )
    swapped = Corpus("builtin:test:5", "de", "en").rows()
    assert [(b, a) for a, b in swapped] == rows("builtin:test:5")


# --- what a name means ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("builtin:train:10", "builtin"),
        ("a.tsv", "tsv"),
        ("x/a.b.csv.gz", "csv"),
        ("a.jsonl.gz", "jsonl"),
        ("a.parquet", "parquet"),
        ("there", "lines"),
        ("folder/new", "lines"),
        ("./new", "lines"),
        ("/new", "lines"),
        ("a/b/c", "lines"),
        ("new", "hub"),
        ("someone/pairs", "hub"),
        ("someone/pairs:de-en:train", "hub"),
        ("x" * 400, "hub"),
    ],
)
def test_kind(name: str, kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    (tmp_path / "there.en").touch()
    assert Corpus(name, "en", "de").kind == kind


def test_prefix_with_glob_characters(tmp_path: Path, put: Put) -> None:
    for suffix in ("en", "de"):
        put(tmp_path / f"a[1].{suffix}", b"x\n")
    with pytest.raises(DataError, match=r"there are \S+a\[1\].de, \S+a\[1\].en"):
        read(tmp_path / "a[1]", "en", "fr")


def test_digest_follows_content_and_not_time(tmp_path: Path, put: Put) -> None:
    path = put(tmp_path / "a.tsv", b"en\tde\na\tb\n")
    corpus = Corpus(str(path), "en", "de")
    before, times = corpus.digest(), (path.stat().st_atime_ns, path.stat().st_mtime_ns)
    path.touch()
    assert corpus.digest() == before
    put(path, b"en\tde\na\tc\n")
    os.utime(path, ns=times)
    assert corpus.digest() != before
    others = [("de", "en", "train"), ("en", "de", "validation")]
    assert len({corpus.digest(), *(Corpus(str(path), *o).digest() for o in others)}) == 3  # type: ignore[arg-type]


def test_digest_follows_the_grammar(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    corpus = Corpus("builtin:train:10", "en", "de")
    assert corpus.digest() == Corpus("builtin:train:10", "en", "de").digest()
    before = corpus.digest()
    copy = shutil.copytree(Path(builtin.__file__).parent, tmp_path / "builtin")
    (copy / "lexicon.py").write_text("")
    monkeypatch.setattr(builtin, "__file__", str(copy / "__init__.py"))
    assert corpus.digest() != before


# --- what goes wrong: where, what came, what was wanted --------------------------------------------

HALF = b'{"en": "\\ud83d", "de": "x"}\n'
PACKED = gzip.compress(b"en\tde\n" + b"a\tb\n" * 9000)


def nulls() -> bytes:
    file = io.BytesIO()
    parquet.write_table(pyarrow.table({"en": ["a", None], "de": ["b", "c"]}), file)
    return file.getvalue()


ERRORS: list[tuple[str, bytes, str | None]] = [
    ("a.tsv", b"", r"a\.tsv: there are no rows"),
    ("a.tsv", b"en\tde\n", r"a\.tsv: there are no rows"),
    ("a.csv", b"", r"a\.csv: there are no rows"),
    ("a.csv", b"en,de\n", r"a\.csv: there are no rows"),
    ("a.jsonl", b"\n", r"a\.jsonl: there are no rows"),
    ("a.parquet", parquet_of([]), r"a\.parquet: there are no rows"),
    ("a.tsv", b"x\tde\n1\t2\n", r"a\.tsv:1: no column 'en'; there are 'x', 'de'\."),
    ("a.csv", b"x,de\n1,2\n", r"a\.csv:1: no column 'en'; there are 'x', 'de'\."),
    ("a.jsonl", b'{"x": "", "de": ""}', r"a\.jsonl:1: no column 'en'; there are 'x', 'de'\."),
    ("a.parquet", parquet_of([("", "")])[:-9], r"a\.parquet: not a Parquet file"),
    ("a.parquet", b"en\tde\n", r"a\.parquet: not a Parquet file"),
    ("a.parquet.gz", b"en\tde\n", r"a\.parquet\.gz: not a Parquet file"),
    ("a.tsv", b"en\tde\na\tb\na\xff\tb\n", r"a\.tsv:3: not UTF-8 \(byte 0xff at position 2\)"),
    ("a.csv", b"en,de\na,b\n\xe4,b\n", r"a\.csv:3: not UTF-8 \(byte 0xe4 at position 1\)"),
    ("a.jsonl", b'{"en": "", "de": "\xff"}', r"a\.jsonl:1: not UTF-8"),
    ("a.tsv", b"\xff\xfee\0n\0", r"a\.tsv: is UTF-16; convert it with: iconv -f UTF-16 -t UTF-8"),
    ("a.tsv", b"en\tde\na\tb\tc\n", r"a\.tsv:2: 3 columns, expected 2 as in the header"),
    ("a.tsv", b"en\tde\na\tb\n\n", r"a\.tsv:3: 1 columns, expected 2 as in the header"),
    ("a.csv", b"en,de\na,b\na,b,c\n", r"a\.csv:3: 3 columns, expected 2 as in the header"),
    ("a.csv", b'en,de\n"a\nb",c\n"d\n', r"a\.csv:4: not well-formed CSV \(unexpected end of"),
    ("a.csv", b'en,de\n"a"b,c\n', r"a\.csv:2: not well-formed CSV"),
    ("a.jsonl", b'{"en": "", "de": ""}\n{"en"', r"a\.jsonl:2: not JSON \(.*, column 6\)"),
    ("a.jsonl", b'["a", "b"]\n', r"a\.jsonl:1: expected an object with named fields, got \["),
    ("a.jsonl", b'{"en": 7, "de": ""}', r"a\.jsonl:1: column 'en' holds int 7, expected text"),
    ("a.jsonl", b'{"en": "", "de": null}', r"a\.jsonl:1: column 'de' holds nothing \(null\)"),
    ("a.jsonl", HALF, r"a\.jsonl:1: column 'en' holds \\ud83d, half of a surrogate pair"),
    ("a.parquet", nulls(), r"a\.parquet, row 2: column 'en' holds nothing \(null\)"),
    ("a.tsv.gz", b"plain", None),
    ("a.tsv.gz", PACKED[:-30], r"a\.tsv\.gz: cannot be read after line \d+ \("),
    ("a.tsv.gz", PACKED[:12] + b"\xff" * 99, r"a\.tsv\.gz: cannot be read after line 0 \("),
    ("a.csv.gz", b"", None),
]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    ERRORS,
    ids=[f"{i} {name}" for i, (name, *_) in enumerate(ERRORS)],
)
def test_error(name: str, content: bytes, message: str | None, tmp_path: Path, put: Put) -> None:
    path = tmp_path / name
    if name == "a.parquet.gz":
        put(path, content)
    else:
        path.write_bytes(content)
    corpus = Corpus(str(path), "en", "de")
    corpus.digest()  # a damaged file has one too: the error comes where it can name the line
    message = message or rf"{name}: (cannot be read after line 0|there are no rows)"
    with pytest.raises(DataError, match=message):
        list(corpus.rows())


def test_truncated_parquet_gz(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet.gz"
    path.write_bytes(gzip.compress(parquet_of([("a", "b")]))[:-30])
    with pytest.raises(DataError, match=r"a\.parquet\.gz: not a Parquet file"):
        read(path)


def test_parquet_names_its_columns(tmp_path: Path, put: Put) -> None:
    path = put(tmp_path / "a.parquet", parquet_of([("a", "b")]))
    with pytest.raises(
        DataError, match=r"a\.parquet: no column 'fr'; there are 'en', 'id', 'de'\."
    ):
        read(path, "en", "fr")
    with pytest.raises(DataError, match=r"row 1: column 'id' holds int 0, expected text"):
        read(path, "en", "id")


def test_tsv_column_number_out_of_range(tmp_path: Path, put: Put) -> None:
    path = put(tmp_path / "a.tsv", b"a\tb\nc\n")
    with pytest.raises(DataError, match=r"a\.tsv:2: no column '2'; there are '1'\."):
        read(path, "1", "2")


@pytest.mark.parametrize("counts", [(3, 5), (5, 3), (0, 2)])
def test_unequal_lines_name_both_files(counts: tuple[int, int], tmp_path: Path, put: Put) -> None:
    for count, suffix in zip(counts, ("en", "de"), strict=True):
        put(tmp_path / f"a.{suffix}", b"x\n" * count)
    message = rf"{tmp_path}/a\.en has {counts[0]} lines and {tmp_path}/a\.de has {counts[1]};"
    with pytest.raises(DataError, match=message):
        read(tmp_path / "a")


def test_empty_parallel_files(tmp_path: Path, put: Put) -> None:
    for suffix in ("en", "de"):
        put(tmp_path / f"a.{suffix}", b"")
    with pytest.raises(DataError, match=r"/a: there are no rows"):
        read(tmp_path / "a")


def test_unknown_suffix_lists_those_there(tmp_path: Path, put: Put) -> None:
    for suffix in ("en", "de", "cs"):
        put(tmp_path / f"a.{suffix}", b"x\n")
    message = r"a\.fr: no such file; with the prefix \S+/a there are \S+a\.cs, \S+a\.de, \S+a\.en\."
    with pytest.raises(DataError, match=message):
        read(tmp_path / "a", "en", "fr")


@pytest.mark.parametrize("name", ["a.tsv", "a.jsonl.gz", "a.parquet", "./a", "b/c/d"])
def test_missing_file(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    message = (
        r"no such file \(expected csv, tsv, jsonl, .*, or the PREFIX of PREFIX\.en and"
        r" PREFIX\.de\)"
    )
    for act in (Corpus.digest, lambda corpus: list(corpus.rows())):
        with pytest.raises(DataError, match=message):
            act(Corpus(name, "en", "de"))


def test_folder_instead_of_file(tmp_path: Path) -> None:
    (tmp_path / "a.tsv").mkdir()
    with pytest.raises(DataError, match=r"a\.tsv: is a folder, expected csv"):
        read(tmp_path / "a.tsv")


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read it all")
@pytest.mark.parametrize("closed", ["a.tsv", "."])
def test_unreadable_file(closed: str, tmp_path: Path, put: Put) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    path = put(folder / "a.tsv", tsv(SOME))
    (folder / closed).chmod(0)
    try:
        for act in (Corpus.digest, lambda corpus: list(corpus.rows())):
            with pytest.raises(DataError, match=r"a\.tsv: cannot be read \(Permission denied\)"):
                act(Corpus(str(path), "en", "de"))
    finally:
        (folder / closed).chmod(0o700)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("builtin:train", r"builtin:train: expected builtin:SPLIT:COUNT\[:SEED\], for example"),
        ("builtin:train:1:2:3", r"expected builtin:SPLIT:COUNT\[:SEED\]"),
        ("builtin:train:many", r"expected builtin:SPLIT:COUNT\[:SEED\]"),
        ("builtin:train:-3", r"expected builtin:SPLIT:COUNT\[:SEED\]"),
        ("builtin:dev:10", r"no split 'dev'; there are train, validation, test"),
        ("builtin:train:0", r"builtin:train:0: there are no rows"),
        ("a:b", r"a:b: expected a hub name NAME or NAME:CONFIG:SPLIT"),
    ],
)
def test_malformed_name(name: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        list(Corpus(name, "en", "de").rows())


def test_builtin_names_its_columns() -> None:
    with pytest.raises(
        DataError,
        match=r"builtin:test:1: no column 'fr'; there are 'en', 'de', 'source', 'target',"
        r" 'summary'\.",
    ):
        list(Corpus("builtin:test:1", "en", "fr").rows())
    [(_, summary)] = Corpus("builtin:test:1", "en", "summary").rows()
    assert summary == "The engineer wonders whether a baker lives."


def test_a_list_of_targets_is_so_many_references(tmp_path: Path, put: Put) -> None:
    rows = [{"s": "one", "t": ["a", "b"]}, {"s": "one", "t": "c"}, {"s": "two", "t": ["d"]}]
    put(tmp_path / "c.jsonl", "".join(json.dumps(row) + "\n" for row in rows).encode())
    corpus = Corpus(str(tmp_path / "c.jsonl"), "s", "t")
    assert list(corpus.rows()) == [("one", "a"), ("one", "b"), ("one", "c"), ("two", "d")]
    assert list(corpus.examples()) == [("one", ["a", "b"]), ("one", ["c"]), ("two", ["d"])]
    for wrong in ([], [1], ["a", None]):
        put(tmp_path / "c.jsonl", json.dumps({"s": "one", "t": wrong}).encode())
        for read in (corpus.rows, corpus.examples):
            with pytest.raises(DataError, match=r"c.jsonl:1: column 't' holds .*, expected text"):
                list(read())
    put(tmp_path / "c.jsonl", json.dumps({"s": ["one"], "t": "a"}).encode())
    with pytest.raises(DataError, match="column 's' holds list"):
        list(corpus.rows())


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("", "the name is empty, expected csv"),
        ("http://host", "http://host: is an address"),
        ("https://host/a/c.tsv", "https://host/a/c.tsv: is an address"),
        ("builtin:dev:50", "builtin:dev:50: no split 'dev'; there are train, validation, test"),
        ("builtin:train:many", "expected builtin:SPLIT:COUNT"),
    ],
)
def test_what_cannot_name_a_corpus_is_refused_before_anything_is_read(name: str, told: str) -> None:
    with pytest.raises(DataError) as refused:
        _ = Corpus(name, "source", "target").files
    assert told in str(refused.value)


@pytest.mark.parametrize(("name", "mark"), [("c.csv", ";"), ("c.csv", "\t"), ("c.tsv", ",")])
def test_a_table_with_another_separator(name: str, mark: str) -> None:
    Path(name).write_text(f"source{mark}target\na{mark}b\n")
    for labelled in (False, True):
        assert list(Corpus(name, "source", "target", labelled=labelled).rows()) == [("a", "b")]


@pytest.mark.parametrize(("name", "mark"), [("c.csv", "|"), ("c.tsv", "|"), ("c.tsv", ";")])
def test_a_table_with_a_separator_of_no_format(name: str, mark: str) -> None:
    Path(name).write_text(f"source{mark}target\na{mark}b\n")
    for labelled in (False, True):
        with pytest.raises(DataError, match="Commas separate the columns of a"):
            list(Corpus(name, "source", "target", labelled=labelled).rows())
