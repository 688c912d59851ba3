"""Corpora in the formats that people have, in every command that reads corpora."""

from __future__ import annotations

import csv
import gzip
import json
import shutil
from pathlib import Path

import pytest
import yaml

from seqtext.cli import main
from tests.support import workbook

ROWS = [
    (f"{verb} {noun}", label)
    for label, verbs in {
        "door": ("open", "shut", "lock"),
        "mail": ("send", "write", "post"),
    }.items()
    for verb in verbs
    for noun in ("the song", "a letter", "my room", "the gate", "it")
]
SMALL = [
    "--data.tokenizer.vocab_size=300",
    "--model.network.embedding_size=16",
    "--model.network.hidden_size=16",
    "--trainer.accelerator=cpu",
    "--trainer.max_epochs=1",
]
CLASSIFIER = ["--model=seqtext.ClassifierModule", "--data=seqtext.LabelsDataModule"]
Told = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def _in_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def labelled() -> None:
    """The same rows in five formats."""
    lines = "".join(f"__label__{label} {text}\n" for text, label in ROWS)
    Path("train.ft").write_text(lines, encoding="utf-8")
    for number, (text, label) in enumerate(ROWS):
        Path("folders", label).mkdir(parents=True, exist_ok=True)
        Path("folders", label, f"{number}.txt").write_text(f"{text}\n", encoding="utf-8")
    items = [list(row) for row in ROWS]
    content = dict.fromkeys(("train", "dev"), items)
    Path("both.json").write_text(json.dumps(content), encoding="utf-8")
    with Path("news.csv").open("w", encoding="utf-8", newline="") as file:
        rows = ((label, str(i), text) for i, (text, label) in enumerate(ROWS))
        csv.writer(file, quoting=csv.QUOTE_ALL).writerows(rows)
    Path("sheet.xlsx").write_bytes(workbook({"Data": [["TEXT", "Label"], *items]}))


@pytest.mark.usefixtures("labelled")
def test_a_classifier_of_all_formats(capsys: Told) -> None:
    train = [
        "train.ft", "sheet.xlsx", "folders",
        {"path": "both.json", "format": "json:train", "text": "1", "label": "2"},
        {"path": "news.csv", "text": "3", "label": "1"},
    ]  # fmt: skip
    options = [
        f"--data.train={json.dumps(train)}",
        "--data.validation=[{path: both.json, format: 'json:dev', text: '1', label: '2'}]",
        "--data.test=folders",
    ]
    assert main(["fit", *CLASSIFIER, *options, *SMALL, "--run=run"]) == 0
    told = capsys.readouterr().err
    assert f"{5 * len(ROWS)} train texts" in told and f"{len(ROWS)} validation texts" in told
    assert told.count("'TEXT'") == 1
    assert main(["test", "run"]) == 0
    first = capsys.readouterr()
    assert f"{len(ROWS)} texts classified" in first.err
    for words in (
        ["--data.test=train.ft"],
        ["--data.test=news.csv", "--data.text=3", "--data.label=1"],
        ["--data.test=both.json", "--data.format=json:dev", "--data.text=1", "--data.label=2"],
        ["--data.test=sheet.xlsx", "--data.format=xlsx:Data"],
    ):
        assert main(["test", "run", *words]) == 0
        assert json.loads(capsys.readouterr().out) == json.loads(first.out)


@pytest.mark.usefixtures("labelled")
@pytest.mark.parametrize(
    "words",
    [
        ["train.ft", "--data.label=label"],
        ["folders", "--data.label=label"],
        ["sheet.xlsx", "--data.label=label"],
        ["news.csv", "--data.text=3", "--data.label=1"],
        ["both.json", "--data.format=json:train", "--data.text=1", "--data.label=2"],
    ],
    ids=lambda words: words[0],
)
def test_check_reads_and_writes_them(words: list[str], capsys: Told) -> None:
    name, *options = words
    assert main(["check", f"--data.train={name}", *options, "--write=clean.jsonl"]) == 0
    told = capsys.readouterr()
    assert f"{name}, {len(ROWS)} texts" in told.out
    assert f"clean.jsonl: {len(ROWS)} of {len(ROWS)} texts" in told.err
    columns = [option for option in options if "format" not in option]
    assert main(["check", "--data.train=clean.jsonl", *columns]) == 0


@pytest.mark.parametrize("streaming", ["true", "false"])
def test_a_translator_of_tabs_in_text(streaming: str, capsys: Told) -> None:
    lines = "".join(f"{text}\t{text.upper()}\tCC-BY\n" for text, _ in ROWS)
    Path("pairs.txt.gz").write_bytes(gzip.compress(lines.encode()))
    sheet = [[text, text.upper()] for text, _ in ROWS]
    Path("pairs.xlsx").write_bytes(workbook({"Notes": [["x", "y"]], "Pairs": [*sheet]}))
    options = [
        "--data.train=[pairs.txt.gz, {path: pairs.xlsx, format: 'xlsx:Pairs'}]",
        "--data.validation=split:4", "--data.test=pairs.txt.gz", "--data.format=tsv",
        "--data.source=1", "--data.target=2", f"--data.streaming={streaming}",
    ]  # fmt: skip
    assert main(["fit", *options, *SMALL, "--run=run"]) == 0
    settings = yaml.safe_load(Path("run/config.yaml").read_text(encoding="utf-8"))
    assert settings["data"]["init_args"]["format"] == "tsv"
    shutil.copy(
        "pairs.txt.gz", "pairs.target"
    )  # its name says that it is one side of parallel files
    settings["data"]["init_args"]["test"] = "pairs.target"
    Path("run/config.yaml").write_text(yaml.safe_dump(settings), encoding="utf-8")
    capsys.readouterr()
    assert main(["test", "run", "--data.target=2", "--data.source=1", "--beam_size=1"]) == 0
    assert f"{len(ROWS)} sentences (1 to 2) decoded" in capsys.readouterr().err
    words = ["--data.train=pairs.target", "--data.source=1", "--data.target=2", "--vocab_size=300"]
    assert main(["tokenizer", *words, "--output=a.model", "--data.format=tsv"]) == 0
    assert main(["tokenizer", *words, "--output=b.model", "--data.format=json"]) == 2
    assert "pairs.target: not JSON" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["check", "fit", "test", "tokenizer"])
def test_a_wrong_format_is_a_mistake(
    command: str, trained: Path, tmp_path: Path, capsys: Told
) -> None:
    Path("a.tsv").write_text("source\ttarget\na\tb\n", encoding="utf-8")
    words = {
        "check": ["--data.train=a.tsv"],
        "fit": ["--data.train=a.tsv", "--data.validation=a.tsv"],
        "test": [str(trained), "--data.test=a.tsv"],
        "tokenizer": ["--data.train=a.tsv", "--output=a.model"],
    }[command]
    assert main([command, *words, "--data.format=tvs"]) == 2
    assert "data.format: 'tvs', expected one of csv, tsv" in capsys.readouterr().err
