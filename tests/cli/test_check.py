"""``seqtext check``: its report, its exit status, the corpus it writes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from seqtext.cli import main
from seqtext.cli.check import HARMFUL
from seqtext.data.corpus import Corpus

HEADER = "en\tde"
GOOD = [f"This is house number {i}.\tDas ist Haus Nummer {i}." for i in range(30)]
BAD = ["Left alone.\t", GOOD[4], "Yes\tDas ist keine Übersetzung, sondern etwas ganz anderes."]
CHECK = ["check", "--data.source", "en", "--data.target", "de"]


@pytest.fixture
def corpus() -> str:
    Path("a.tsv").write_text("\n".join([HEADER, *GOOD, *BAD, ""]), encoding="utf-8")
    return "a.tsv"


@pytest.fixture
def held_out() -> str:
    Path("test.tsv").write_text("\n".join([HEADER, GOOD[2], ""]), encoding="utf-8")
    return "test.tsv"


def test_report(corpus: str, held_out: str, capsys: pytest.CaptureFixture[str]) -> None:
    status = main([*CHECK, "--data.train", corpus, "--data.test", held_out, "--examples", "1"])
    assert status == HARMFUL
    told = capsys.readouterr().out
    assert "train: a.tsv, 33 pairs\n" in told
    assert "test: test.tsv, 1 pairs\n" in told
    for name, line in (("empty", 32), ("duplicate", 33), ("ratio", 34), ("overlap", 4)):
        assert f"* {name}: 1 of the pairs (3.03%)" in told
        assert f"\n    a.tsv:{line}: " in told
    assert "nothing odd found" in told.partition("test: test.tsv")[2]


def test_json_and_status(corpus: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*CHECK, "--data.train", corpus, "--format", "json"]) == HARMFUL
    [line] = capsys.readouterr().out.splitlines()
    figures = json.loads(line)["train"]
    assert figures["pairs"] == 33
    assert figures["findings"] == {"empty": 1, "duplicate": 1, "ratio": 1}
    Path("good.tsv").write_text("\n".join([HEADER, *GOOD]), encoding="utf-8")
    assert main([*CHECK, "--data.train", "good.tsv"]) == 0


def test_write(corpus: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*CHECK, "--data.train", corpus, "--write", "clean.jsonl"]) == 0
    assert "clean.jsonl: 30 of 33 pairs; left out: 1 empty, 1 duplicate, 1 ratio" in (
        capsys.readouterr().err
    )
    assert list(Corpus("clean.jsonl", "en", "de").rows()) == [
        tuple(line.split("\t")) for line in GOOD
    ]
    assert main([*CHECK, "--data.train", "clean.jsonl"]) == 0
    options = ["--write", "some.jsonl", "--drop", "ratio,empty"]
    assert (
        main([*CHECK, "--data.train", corpus, *options]) == HARMFUL
    )  # the duplicate is still there
    assert len(list(Corpus("some.jsonl", "en", "de").rows())) == 31


def test_what_cannot_be_read_is_not_written(
    corpus: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with Path(corpus).open("a", encoding="utf-8") as file:
        file.write("no tab\n")
    assert (
        main([*CHECK, "--data.train", corpus, "--write", "c.jsonl", "--drop", "empty"]) == HARMFUL
    )
    assert "c.jsonl: 32 of 34 pairs; left out: 1 unreadable, 1 empty" in capsys.readouterr().err
    assert len(list(Corpus("c.jsonl", "en", "de").rows())) == 32
    assert main([*CHECK, "--data.train", corpus, "--examples", "0"]) == HARMFUL
    told = capsys.readouterr().out
    assert "unreadable: 1 of the pairs" in told and "nothing odd" not in told


def test_lists_are_not_checked_as_one(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*CHECK, "--data.train", "[a.tsv, b.tsv]"]) == 2
    assert "--data.train [a.tsv, b.tsv]: is a list" in capsys.readouterr().err


def test_plot_and_tokenizer(corpus: str, trained: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--plot", "a.png", "--tokenizer", str(trained)]
    assert main([*CHECK, "--data.train", corpus, *options]) == HARMFUL
    assert Path("a.png").read_bytes().startswith(b"\x89PNG")
    assert " pieces a word, " in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--drop", "nothing"], "--drop nothing: no such finding. There are unreadable"),
        (["--write", "clean.tsv"], "--write clean.tsv: expected a name that ends with .jsonl"),
        (["--write", "old.jsonl"], "--write old.jsonl: exists already"),
        (["--plot", "old.jsonl"], "--plot old.jsonl: expected a name that ends with .png"),
        (["--plot", "no/a.png"], "--plot no/a.png: no folder"),
        (["--tokenizer", "none.model"], "none.model: cannot be read (No such file or directory)"),
        (["--data.source", "fr"], "a.tsv:1: no column 'fr'; there are 'en', 'de'"),
        (["--data.test", "none.tsv"], "none.tsv: no such file"),
    ],
)
def test_mistakes(
    options: list[str], message: str, corpus: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("old.jsonl").write_text("old\n")
    assert main([*CHECK, "--data.train", corpus, *options]) == 2
    assert message in capsys.readouterr().err
    assert Path("old.jsonl").read_text() == "old\n"


LABELLED = ["check", "--data.text", "premise+hypothesis", "--data.label", "label"]


@pytest.fixture
def labelled() -> str:
    rows = [
        {
            "premise": f"It is {i}.",
            "hypothesis": f"It is not {i + i % 2}.",
            "label": ["no", "yes"][i % 2],
        }
        for i in range(12)
    ]
    rows += [rows[5], {"premise": "A.", "hypothesis": "B.", "label": ""}]
    Path("a.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    return "a.jsonl"


def test_texts_with_labels(labelled: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*LABELLED, "--data.train", labelled, "--plot", "a.png"]) == HARMFUL
    told = capsys.readouterr().out
    assert "train: a.jsonl, 14 texts\n" in told
    assert "3 labels: 'yes' 7 (50.0%), 'no' 6 (42.9%), '' 1 (7.1%)" in told
    assert told.endswith(
        "* --write CLEAN.jsonl leaves these training rows out, --drop NAMES some of them\n\n"
    )
    assert "* unlabelled: 1 of the texts (7.14%); no label" in told
    assert "a.jsonl:14: 'A. <sep> B.' | ''" in told
    assert Path("a.png").exists()
    assert main([*LABELLED, "--data.train", labelled, "--format", "json"]) == HARMFUL
    figures = json.loads(capsys.readouterr().out)["train"]
    assert figures["labels"] == {"yes": 7, "no": 6, "": 1}
    assert figures["findings"] == {"unlabelled": 1, "duplicate": 1}


def test_a_table_of_labels_is_recognized(capsys: pytest.CaptureFixture[str]) -> None:
    rows = [{"text": f"It is {i}.", "label": "ab"[i % 2]} for i in range(12)]
    Path("a.jsonl").write_text("\n".join(map(json.dumps, rows)))
    assert main(["check", "--data.train", "a.jsonl", "--format", "json"]) == 0
    out, told = capsys.readouterr()
    assert json.loads(out)["train"]["labels"] == {"a": 6, "b": 6}
    assert "texts with labels" in told
    # pairs stay pairs, whatever other columns they have
    pairs = [{**row, "source": row["text"], "target": f"No {i}."} for i, row in enumerate(rows)]
    Path("b.jsonl").write_text("\n".join(map(json.dumps, pairs)))
    assert main(["check", "--data.train", "b.jsonl", "--format", "json"]) == 0
    assert "labels" not in json.loads(capsys.readouterr().out)["train"]


def test_held_out_labels(capsys: pytest.CaptureFixture[str]) -> None:
    """Only --data.test is odd: nothing that --write would mend."""
    for name, labels in (("train", "ab" * 6), ("test", "abc")):
        rows = [{"text": f"{name} {i}", "label": label} for i, label in enumerate(labels)]
        Path(f"{name}.jsonl").write_text("\n".join(map(json.dumps, rows)))
    options = [
        "check",
        "--data.train",
        "train.jsonl",
        "--data.label",
        "label",
        "--data.test",
        "test.jsonl",
    ]
    assert main(options) == HARMFUL
    told = capsys.readouterr().out
    assert "* unknown: 1 of the texts (33.33%)" in told
    assert "--write" not in told
    assert main([*options, "--data.out_of_scope", "c"]) == HARMFUL
    told = capsys.readouterr().out
    assert "unknown" not in told
    assert told.endswith(
        "* no text of the training or validation set is labelled 'c' (out_of_scope)\n\n"
    )
    rows = [
        {"text": "train 0", "label": "c"},
        *({"text": f"t {i}", "label": "ab"[i % 2]} for i in range(9)),
    ]
    Path("train.jsonl").write_text("\n".join(map(json.dumps, rows)))
    rows = [{"text": "train 0", "label": "a"}]
    Path("test.jsonl").write_text("\n".join(map(json.dumps, rows)))
    assert main([*options, "--write", "clean.jsonl"]) == 0
    assert "clean.jsonl: no text with the label 'c' is left" in capsys.readouterr().err


@pytest.mark.parametrize("text", ["premise+hypothesis", "premise", "a+b"])
def test_what_is_written_is_read_as_before(text: str) -> None:
    texts = {"premise": "One <sep> two.", "hypothesis": "", "a+b": "Three."}
    labels: list[object] = ["x", 3, True, [], ["x"], ["x", "y"]]
    rows = [{**texts, "label": label} for label in labels]
    Path("a.jsonl").write_text("\n".join(map(json.dumps, rows)))
    options = ["--data.text", text, "--data.several_labels", "--drop", "", "--write", "b.jsonl"]
    assert main(["check", "--data.train", "a.jsonl", *options]) == HARMFUL
    before, after = (
        list(Corpus(name, text, "label", labelled=True).rows()) for name in ("a.jsonl", "b.jsonl")
    )
    assert before == after
    assert len(before) == len(labels)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--data.source", "en"], "--data.source and --data.target: name columns of pairs"),
        (["--data.label_separator", ","], "data.label_separator: of what?"),
        (
            ["--data.several_labels", "True", "--data.label_separator", ""],
            "label_separator: is empty",
        ),
        (["--data.text", "[a: words]"], "the column 'a' is cut as 'words'"),
        (["--data.validation", "split:4"], "--data.validation split:4: names training rows"),
        (["--data.validation", "folds:5"], "--data.validation folds:5: names training rows"),
        (["--drop", "ratio"], "--drop ratio: no such finding. There are unreadable"),
    ],
)
def test_mistakes_about_labels(
    options: list[str], message: str, labelled: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*LABELLED, "--data.train", labelled, *options]) == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--drop", "empty"], "--drop empty: says what --write leaves out"),
        (["--examples", "-1"], "--examples -1: expected at least 0"),
    ],
)
def test_options_that_nothing_would_come_of(
    options: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["check", "--data.train=builtin:train:20", *options]) == 2
    assert told in capsys.readouterr().err


def test_labels_that_white_space_tells_apart_are_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "c.tsv"
    path.write_text("text\tlabel\na b\tcard\nc d\tcard \ne f\tcash\n")
    main(["check", "--data.train", str(path), "--data.label=label", "--format=json"])
    assert json.loads(capsys.readouterr().out)["train"]["labels"] == {"card": 2, "cash": 1}
