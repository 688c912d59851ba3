"""Names that no file can have, wherever a command takes a name: one line that tells the name."""

from __future__ import annotations

from pathlib import Path

import pytest

from seqtext.cli import main
from seqtext.data.pairs import PairsDataModule
from seqtext.data.tokenizer import Tokenizer
from seqtext.errors import ConfigError, DataError

LONG = "x" * 300
ODD = [LONG, f"{LONG}/y", "loop", "loop/y", "file/y", "a\0b"]
CORPUS = "--data.train=c.tsv"
LABELS = ("--model=seqtext.ClassifierModule", "--data=seqtext.LabelsDataModule")


@pytest.fixture(autouse=True)
def _files() -> None:
    Path("file").write_text("text\n")
    Path("c.tsv").write_text("source\ttarget\na b\tc d\n")
    for suffix in ("", ".jsonl", ".png"):
        Path(f"loop{suffix}").symlink_to(f"loop{suffix}")


@pytest.mark.parametrize("name", ODD)
@pytest.mark.parametrize(
    "words",
    [
        "fit c.tsv --run NAME",
        "fit c.tsv --run NAME --resume auto",
        "fit c.tsv --run r --resume NAME",
        "fit c.tsv --run r --config NAME",
        "fit c.tsv --run r --model.init_from NAME",
        "fit c.tsv --run r --model.source_vectors NAME",
        "fit LABELS --run r --model.vectors NAME",
        "fit c.tsv --run r --data.cache_dir NAME",
        "check c.tsv --write NAME.jsonl",
        "check c.tsv --plot NAME.png",
        "check c.tsv --tokenizer NAME",
        "check c.tsv --tokenizer NAME.ckpt",
        "tokenizer c.tsv --output NAME",
        "generate run --input NAME",
        "generate run --output NAME",
        "generate run --output NAME --resume",
        "generate NAME --input file",
        "classify NAME --input file",
        "explain run --html NAME",
        "test NAME --data.test c.tsv",
        "test run --data.test c.tsv --output NAME",
    ],
)
def test_a_name_that_no_file_can_have(
    words: str, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = [word.replace("NAME", name) for word in words.split()]
    places = {"c.tsv": [CORPUS], "LABELS": [CORPUS, *LABELS]}
    if arguments[0] in ("fit", "check", "tokenizer"):
        arguments[1:2] = places[arguments[1]]
    assert main(arguments) == 2
    told = capsys.readouterr().err
    assert told.splitlines()[-1].startswith(f"seqtext {arguments[0]}: ")
    assert repr(name)[1:-1][:80] in told and "Traceback" not in told and "Errno" not in told
    assert sorted(path.name for path in Path().iterdir()) == [
        "c.tsv", "file", "loop", "loop.jsonl", "loop.png"
    ]  # fmt: skip


def test_a_name_that_is_too_long_for_the_unfinished_file(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["tokenizer", CORPUS, "--output", "x" * 250]) == 2
    assert "cannot be written (File name too long)" in capsys.readouterr().err


def test_nul_in_a_configuration(capsys: pytest.CaptureFixture[str]) -> None:
    Path("c.yaml").write_text('trainer:\n  default_root_dir: "a\\0b"\n')
    assert main(["fit", CORPUS, "--run=r", "--config=c.yaml"]) == 2
    assert "--config c.yaml:2: there is a NUL character in it" in capsys.readouterr().err


@pytest.mark.parametrize("name", ODD)
def test_names_in_python(name: str) -> None:
    with pytest.raises(DataError, match="cannot be read"):
        Tokenizer.load(name)
    with pytest.raises(ConfigError, match=r"data\.cache_dir: .* no folder can have this name"):
        PairsDataModule("c.tsv", cache_dir=name)
