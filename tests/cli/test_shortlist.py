"""``seqtext shortlist``, and the commands that decode with its file."""

from __future__ import annotations

from pathlib import Path

import pytest

import seqtext
from seqtext.cli import generate, main
from seqtext.cli.constraints import read_constraints
from seqtext.inference.shortlist import read_shortlist

SOURCES = ["The dog sleeps.", "I see a green tree.", "", "We have two houses."]


@pytest.fixture
def lines(trained: Path) -> Path:
    Path("in.txt").write_text("".join(f"{line}\n" for line in SOURCES), encoding="utf-8")
    return trained


def test_the_training_set_of_a_run(lines: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["shortlist", str(lines), "--pieces", "4", "--frequent", "9"]) == 0
    told = capsys.readouterr().err
    assert str(lines / "shortlist.npz") in told and "from 240 pairs" in told
    assert len(read_shortlist(lines).frequent) == 9
    assert main(["generate", str(lines), "--input", "in.txt", "--shortlist", str(lines)]) == 0
    outputs = capsys.readouterr().out.split("\n")[:-1]
    generator = seqtext.load_generator(lines)
    expected = generator.generate(SOURCES, shortlist=lines / "shortlist.npz")
    assert outputs == [best.text for best, *_ in expected]
    assert (
        main(["test", str(lines), "--data.test", "builtin:test:8", "--shortlist", str(lines)]) == 0
    )
    assert f"shortlist {lines}" in capsys.readouterr().err
    assert main(["explain", str(lines), "--input", "in.txt", "--shortlist", str(lines)]) == 0


def test_another_corpus_and_all_pieces(lines: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["shortlist", str(lines), "--data.train", "builtin:train:50", "--frequent", "9999"]
    assert main([*words, "--pairs", "20", "--output", "all.npz"]) == 0
    assert "from 20 pairs" in capsys.readouterr().err
    assert main(["generate", str(lines), "--input", "in.txt"]) == 0
    plain = capsys.readouterr().out
    assert main(["generate", str(lines), "--input", "in.txt", "--shortlist", "all.npz"]) == 0
    assert capsys.readouterr().out == plain


def test_another_shortlist_gives_other_answers(lines: Path) -> None:
    words = ["shortlist", str(lines), "--output", "s.npz", "--data.train", "builtin:train:50"]
    noted = []
    for pieces in ("1", "2", "2"):
        assert main([*words, "--pieces", pieces]) == 0
        options = generate.parser().parse([str(lines), "--shortlist", "s.npz"])
        read_constraints(options)
        noted.append({name: value for name, value in vars(options).items() if "content" in name})
    assert noted[0] != noted[1] == noted[2]  # so --resume refuses the output of another shortlist


@pytest.mark.parametrize(
    ("options", "facts"),
    [
        (["--shortlist", "nothing.npz"], ["--shortlist", "nothing.npz", "no such file"]),
        (["--shortlist", "in.txt"], ["--shortlist", "in.txt", "is no shortlist"]),
        (["--shortlist", "x", "--prefix", "Der"], ["--shortlist", "cannot be combined with prefix"]),
        (["--shortlist", "x", "--required", "in.txt"], ["--required", "--shortlist"]),
    ],
)  # fmt: skip
def test_mistakes(
    lines: Path, options: list[str], facts: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["generate", str(lines), "--input", "in.txt", *options]) == 2
    told = capsys.readouterr().err
    for fact in facts:
        assert fact in told


def test_a_training_set_that_the_checkpoint_does_not_name(
    repository: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    old = repository / "tests" / "checkpoints" / "format1-translator.ckpt"
    assert main(["shortlist", str(old), "--output", "s.npz"]) == 2
    told = capsys.readouterr().err
    assert "--data.train: is missing" in told
    classifier = old.with_name("format1-classifier.ckpt")
    assert main(["shortlist", str(classifier), "--output", "s.npz"]) == 2
    assert "generates no text" in capsys.readouterr().err
