"""What happens to corpora in practice: they change, hold rubbish, fill the disk, are read by two at once."""

from __future__ import annotations

import errno
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import datasets
import pyarrow
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pyarrow import parquet

from seqtext.cli import main
from seqtext.data.corpus import Corpus
from seqtext.data.pairs import PairsDataModule
from seqtext.data.readers import Row
from seqtext.data.tokenizer import TokenizerConfig
from seqtext.errors import DataError
from tests.support import epoch_of

Write = Callable[[list[Row]], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write ``train.jsonl``."""

    def write(rows: list[Row]) -> Path:
        path = tmp_path / "train.jsonl"
        text = "".join(json.dumps({"source": s, "target": t}) + "\n" for s, t in rows)
        path.write_text(text, encoding="utf-8")
        return path

    return write


def prepared(train: Path, **options: Any) -> PairsDataModule:
    cache = str(train.parent / "cache")
    small = TokenizerConfig(vocab_size=320)
    data = PairsDataModule(str(train), tokenizer=small, batch_size=8, cache_dir=cache, **options)
    data.prepare_data()
    data.setup("fit")
    return data


def sorted_rows(data: PairsDataModule) -> list[Row]:
    return sorted(epoch_of(data))


# --- between two starts ---------------------------------------------------------------------------------


@pytest.mark.parametrize("streaming", [False, True])
def test_rows_that_vanish_or_change(streaming: bool, write: Write, pairs: list[Row]) -> None:
    assert sorted_rows(prepared(write(pairs), streaming=streaming)) == sorted(pairs)
    for rows in (pairs[:-7], pairs[7:], [*pairs[:50], ("a new one", "eine neue"), *pairs[51:]]):
        assert sorted_rows(prepared(write(rows), streaming=streaming)) == sorted(rows)


def test_a_run_that_goes_on_says_that_its_corpus_changed(
    tiny: list[str], write: Write, pairs: list[Row], capsys: pytest.CaptureFixture[str]
) -> None:
    train = write(pairs)
    options = [*tiny, f"--data.train={train}", "--data.source=source", "--data.target=target"]
    options += [f"--data.validation={train}", "--data.tokenizer.vocab_size=320"]
    assert main(["fit", *options, "--run=r", "--trainer.max_epochs=1"]) == 0
    for epochs, rows, changed in ((2, pairs, False), (3, pairs[:-9], True)):
        write(rows)
        capsys.readouterr()
        assert main(["fit", "--resume=r", f"--trainer.max_epochs={epochs}"]) == 0
        told = capsys.readouterr().err
        assert ("train.jsonl changed since the checkpoint was written" in told) == changed
        assert f"{len(rows)} train pairs" in told


# --- rubbish --------------------------------------------------------------------------------------------

RUBBISH = [
    "nul \0 within",
    "\u202egnihtemos\u202c backwards",
    "\u2066isolated\u2069 \u200fmarks\u200e",
    "\x01\x02\x1b[31m",
    "\ufffd\ufffe\uffff",
    "e\u0301\u0301\u0301\u0301",
    "\U0001f469\u200d\U0001f469\u200d\U0001f467",
]


@pytest.mark.parametrize("streaming", [False, True])
def test_rubbish_is_text_like_any_other(
    streaming: bool, write: Write, pairs: list[Row], tiny: list[str]
) -> None:
    """Nothing is lost or shifted: identity normalization brings back all but NUL, which ends no text."""
    odd = [(f"{i} {text}", f"{i} {text[::-1]}") for i, text in enumerate(RUBBISH)]
    path = write([*pairs, *odd])
    options = TokenizerConfig(vocab_size=340, normalization="identity")
    data = PairsDataModule(
        str(path), tokenizer=options, batch_size=8, cache_dir=str(path.parent), streaming=streaming
    )
    data.prepare_data()
    data.setup("fit")
    assert sorted_rows(data) == sorted([*pairs, *odd])


@pytest.mark.parametrize("streaming", [False, True])
def test_a_row_of_a_hundred_thousand_words(
    streaming: bool, write: Write, pairs: list[Row], capsys: pytest.CaptureFixture[str]
) -> None:
    data = prepared(
        write([*pairs[:60], ("very " * 100_000, "sehr " * 100_000), *pairs[60:]]),
        streaming=streaming,
    )
    assert sorted_rows(data) == sorted(pairs)
    assert "1 of 151 training pairs left out" in capsys.readouterr().err


@pytest.mark.parametrize("suffix", ["csv", "tsv"])
def test_such_a_row_in_a_table(suffix: str, tmp_path: Path) -> None:
    separator = "," if suffix == "csv" else "\t"
    row = ("very " * 100_000 + "good", "sehr " * 100_000 + "gut")
    text = f"source{separator}target\n{separator.join(row)}\n"
    (tmp_path / f"a.{suffix}").write_text(text, encoding="utf-8")
    assert list(Corpus(str(tmp_path / f"a.{suffix}"), "source", "target").rows()) == [row]


# --- bytes of any kind ----------------------------------------------------------------------------------

TMX = b'<?xml version="1.0" encoding="%s"?><tmx><body></body></tmx>'


@settings(deadline=None)
@given(st.sampled_from(["csv", "tsv", "jsonl", "parquet", "tmx", "en"]), st.binary(max_size=60))
@example("jsonl", b"[" * 100_000)
@example("jsonl", b'{"source": "a", "target": "b", "n": ' + b"1" * 5_000 + b"}")
@example("tmx", TMX % b"UTF-99")
@example("tmx", TMX % b"shift_jis")
@example("csv", b'source,target\n"a')
def test_any_bytes_are_rows_or_a_clear_error(suffix: str, content: bytes) -> None:
    """It names the file; ``records`` goes on behind a row that cannot be read."""
    name = "a" if suffix == "en" else f"a.{suffix}"
    Path(f"a.{suffix}").write_bytes(content)
    Path("a.de").write_bytes(content)
    columns = ("en", "de") if suffix == "en" else ("source", "target")
    told: list[DataError] = []
    try:
        records = list(Corpus(name, *columns).records(lenient=True))
        told += [one.row for one in records if isinstance(one.row, DataError)]
    except DataError as error:
        told.append(error)
    assert all(str(error).startswith(("a.", "a:")) for error in told), told


def test_parquet_that_is_not_utf8(tmp_path: Path) -> None:
    """A row of it cannot be read; the others can."""
    texts = pyarrow.array([b"one", b"caf\xe9", b"three"], pyarrow.binary()).view(pyarrow.string())
    table = pyarrow.table({"source": texts, "target": ["eins", "zwei", "drei"]})
    parquet.write_table(table, tmp_path / "a.parquet")
    records = list(Corpus(str(tmp_path / "a.parquet"), "source", "target").records())
    assert [records[0].row, records[2].row] == [("one", "eins"), ("three", "drei")]
    assert "a.parquet, row 2: not UTF-8" in str(records[1].row)


# --- the disk -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("step", ["reading", "tokenizing"])
def test_a_disk_that_fills_leaves_nothing_half_written(
    step: str, write: Write, pairs: list[Row], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(pairs)
    writer = datasets.arrow_writer.ArrowWriter
    method = "write" if step == "reading" else "write_batch"
    original, calls = getattr(writer, method), iter(range(10**9))

    def full(self: Any, *arguments: Any, **options: Any) -> Any:
        if next(calls) >= (40 if step == "reading" else 0):
            raise OSError(errno.ENOSPC, "No space left on device")
        return original(self, *arguments, **options)

    with monkeypatch.context() as patch:
        patch.setattr(writer, method, full)
        with pytest.raises(
            DataError, match=r"cache: prepared corpora cannot be written there \(No s"
        ):
            prepared(path)
    assert sorted_rows(prepared(path)) == sorted(pairs)


PREPARE = """
import sys
from seqtext.data.pairs import PairsDataModule
from seqtext.data.tokenizer import TokenizerConfig
data = PairsDataModule(
    sys.argv[1], tokenizer=TokenizerConfig(vocab_size=320), cache_dir=sys.argv[2], batch_size=8
)
data.prepare_data()
data.setup("fit")
print(sum(len(batch.source) for batch in data.train_dataloader()))
"""


@pytest.mark.slow
def test_two_runs_prepare_the_same_corpus_at_once(write: Write, pairs: list[Row]) -> None:
    path = write(pairs)
    command = [sys.executable, "-c", PREPARE, str(path), str(path.parent / "cache")]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    both = [subprocess.Popen(command, **pipes) for _ in range(2)]  # type: ignore[call-overload]
    for process in both:
        out, err = process.communicate(timeout=120)
        assert process.returncode == 0, err
        assert out.splitlines()[-1] == "150"
    assert sorted_rows(prepared(path)) == sorted(pairs)
    assert not list(path.parent.glob("cache/tokenizers/tmp*"))
