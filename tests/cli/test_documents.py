"""``seqtext generate --split_sentences``: a line of any length in, a line out."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

import seqtext
from seqtext import grammar as builtin
from seqtext.cli import main, streams

pytest.importorskip("sentencex")
SENTENCES = [source for source, _ in builtin.pairs("test", 40)]
LINES = [
    " ".join(SENTENCES[:7]), "", f"  {SENTENCES[7]}  {SENTENCES[8]} ", "   ", "Нет",
    "\t".join(SENTENCES[9:30]), *SENTENCES[30:],
]  # fmt: skip


@pytest.fixture(autouse=True)
def book(monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that a command reads in several chunks."""
    monkeypatch.setattr(streams, "_FIRST", 3)
    monkeypatch.setattr(streams, "CHUNK", 5)
    Path("book.txt").write_text("".join(f"{line}\n" for line in LINES), encoding="utf-8")


def generate(run: Path, *options: str) -> int:
    return main(["generate", str(run), "--input=book.txt", "--split_sentences=en", *options])


def test_a_line_stays_a_line(trained: Path) -> None:
    short: dict[str, Any] = {"beam_size": 1, "max_length": 6}  # rounding differs between batches
    assert generate(trained, "--beam_size=1", "--max_length=6", "--output=out.txt") == 0
    translator = seqtext.load_generator(trained)
    expected = [each.text for each in translator.generate_documents(LINES, "en", **short)]
    assert Path("out.txt").read_text(encoding="utf-8").split("\n") == [*expected, ""]
    best = [hypothesis.text for [hypothesis] in translator.generate(SENTENCES, **short)]
    assert expected[0] == " ".join(best[:7])
    assert expected[1:4:2] == ["", "   "]
    assert expected[2] == f"  {best[7]}  {best[8]} "
    assert expected[5] == "\t".join(best[9:30])
    assert expected[6:] == best[30:]


def test_json_lines_have_the_sentences(trained: Path, capsys: Any) -> None:
    assert generate(trained, "--format=jsonl", "--beam_size=2") == 0
    records = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [record["source"] for record in records] == LINES
    assert [record["index"] for record in records] == [*range(len(LINES))]
    sentences = records[0]["sentences"]
    assert [sentence["source"] for sentence in sentences] == SENTENCES[:7]
    assert " ".join(sentence["text"] for sentence in sentences) == records[0]["text"]
    alone = seqtext.load_generator(trained).generate(SENTENCES[:7], beam_size=2)
    scores = [best.score for [best] in alone]
    assert [sentence["score"] for sentence in sentences] == pytest.approx(scores, abs=1e-5)
    assert records[1]["sentences"] == []


def test_two_processes_write_the_same(trained: Path) -> None:
    assert generate(trained, "--output=one.txt", "--batch_size=4") == 0
    assert generate(trained, "--output=two.txt", "--devices=2", "--batch_size=4") == 0
    assert Path("one.txt").read_bytes() == Path("two.txt").read_bytes()


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--n_best=2"], "--n_best 2: not with --split_sentences"),
        (["--n_best=2"], "joined to one output"),
        (["--samples=2"], "--samples 2: not with --split_sentences"),
        (
            ["--scores"],
            "--scores: not with --split_sentences. Each sentence of a line has its own score",
        ),
        (["--alignments"], "--alignments: not with --split_sentences. Its words are"),
        (["--format=jsonl", "--details"], "--details: not with --split_sentences. They are of one"),
        (["--format=jsonl", "--attention"], "--attention: not with --split_sentences. They are of"),
        (["--required=book.txt"], "--required: not with --split_sentences. It is of a line"),
        (["--prefix_column=x"], "--prefix_column: not with --split_sentences. It is of a line"),
        (["--prefix=Ein"], "--prefix: not with --split_sentences. The output of every sentence"),
        (["--outputs=book.txt"], "--outputs: not with --split_sentences. The output of every"),
        (
            ["--input_format=po"],
            "--input_format po: not with --split_sentences. A text of a program",
        ),
        (["--split_sentences=English"], "--split_sentences: 'English', expected a code such as en"),
    ],
)
def test_what_has_no_use_is_refused(trained: Path, options: list[str], told: str, capsys) -> None:
    assert generate(trained, *options, "--output=out.txt") == 2
    assert told in capsys.readouterr().err
    assert not Path("out.txt").exists()


def test_without_the_package(trained: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    monkeypatch.setitem(sys.modules, "sentencex", None)
    assert generate(trained) == 2
    assert "--split_sentences: sentencex" in (told := capsys.readouterr().err)
    assert "pip install sentencex" in told
