"""``seqtext score`` and ``rerank``, and what ``generate`` says of its outputs."""

from __future__ import annotations

import gzip
import io
import json
import math
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import seqtext
from seqtext.cli import answers, generate, main, streams
from seqtext.inference.scorer import Scorer

SOURCES = ["The dog is sleeping.", "", "My sister has bought a very expensive red car.", "Нет"]
TARGETS = ["Der Hund schläft.", "", "Meine Schwester hat ein Auto gekauft.", "Nein"]
PAIRS = "".join(f"{source}\t{target}\n" for source, target in zip(SOURCES, TARGETS, strict=True))
Run = Callable[..., list[str]]


@pytest.fixture
def run(trained: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run a command from standard input to standard output."""

    def run(command: str, *options: str, text: str = PAIRS, status: int = 0) -> list[str]:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.encode())))
        capsys.readouterr()
        assert main([command, str(trained), *options]) == status
        told = capsys.readouterr()
        print(told.err)
        return (told.out if status == 0 else told.err).split("\n")[:-1]

    return run


# --- score ----------------------------------------------------------------------------------------------


def test_a_pair_a_line(run: Run, trained: Path, capsys: pytest.CaptureFixture[str]) -> None:
    expected = seqtext.load_generator(trained).score(SOURCES, TARGETS)
    lines = run("score")
    assert lines == [f"{each.log_prob:.4f}\t{len(each.log_probs)}" for each in expected]
    total = sum(score.log_prob for score in expected)
    pieces = sum(len(score.log_probs) for score in expected)
    told = capsys.readouterr().out
    words = sum(len(target.split()) + 1 for target in TARGETS)
    assert f"perplexity {math.exp(-total / pieces):.4g} of {pieces:,} pieces" in told
    assert f"{math.exp(-total / words):.4g} of {words:,} words" in told and "4 pairs" in told
    columns = [line.split("\t") for line in run("score", "--alignments")]
    assert [line[2] for line in columns] == [each.pharaoh for each in expected]
    assert run("score", "--devices", "2", "--batch_size", "1") == lines


def test_pairs_as_tables_objects_and_packed(run: Run) -> None:
    expected = run("score")
    rows = [{"de": target, "en": source} for source, target in zip(SOURCES, TARGETS, strict=True)]
    lines = "".join(f"{json.dumps(row)}\n" for row in rows)
    assert run("score", "--input_format", "jsonl", text=lines) == expected
    Path("p.tsv").write_text("de\ten\n" + "".join(f"{r['de']}\t{r['en']}\n" for r in rows))
    assert run("score", "--input", "p.tsv") == expected
    Path("p.gz").write_bytes(gzip.compress(PAIRS.encode()))
    assert run("score", "--input", "p.gz") == expected


def test_scores_as_json(run: Run) -> None:
    records = [json.loads(line) for line in run("score", "--format", "jsonl", "--attention")]
    assert [record["target"] for record in records] == TARGETS
    for record in records:
        assert record["log_prob"] == pytest.approx(sum(record["log_probs"]), abs=1e-4)
        assert len(record["log_probs"]) == len(record["pieces"]) + 1
        assert len(record["attention"]) == len(record["pieces"])
        assert len(record["alignment"]) == (len(record["words"]) if record["source"] else 0)
        for word in record["words"]:
            assert word["probability"] == pytest.approx(math.exp(word["log_prob"]), abs=1e-5)


def test_an_interrupted_score_is_continued(
    run: Run, trained: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(streams, "CHUNK", 2)
    Path("in.tsv").write_text("en\tde\n" + PAIRS)
    expected = run("score", "--input", "in.tsv")
    scored = Scorer.score
    calls: list[int] = []

    def stopping(*arguments: Any, **options: Any) -> Any:
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return scored(*arguments, **options)

    command = ["score", str(trained), "--input", "in.tsv", "--output", "out.txt"]
    with monkeypatch.context() as patched:
        patched.setattr(Scorer, "score", stopping)
        assert main(command) == 130
    capsys.readouterr()
    assert main([*command, "--resume"]) == 0
    assert "2 pairs, without the 2 before --resume" in capsys.readouterr().err
    assert Path("out.txt").read_text().split("\n")[:-1] == expected


@pytest.mark.parametrize(
    ("options", "text", "facts"),
    [
        ([], "no target\n", ["standard input:1", "1 column", "expected 2: en, de"]),
        (["--attention"], PAIRS, ["--attention", "--format jsonl"]),
        (["--alignments", "--format=jsonl"], PAIRS, ["--alignments", "jsonl"]),
    ],
)
def test_mistakes_of_score(run: Run, options: list[str], text: str, facts: list[str]) -> None:
    [message] = run("score", *options, text=text, status=2)
    assert all(fact in message for fact in facts)


# --- rerank ---------------------------------------------------------------------------------------------

TEXT = "".join(f"{source}\n" for source in SOURCES)


@pytest.fixture
def nbest(run: Run) -> str:
    lines = run("generate", "--n_best", "4", "--beam_size", "4", "--format", "jsonl", text=TEXT)
    return "".join(f"{line}\n" for line in lines)


def test_the_same_model_gives_the_same_scores(run: Run, nbest: str, trained: Path) -> None:
    """The score of every output is that of its text, read again."""
    tokenizer, checked = seqtext.load_generator(trained).tokenizers.target, 0
    again = run("rerank", "--weight=1", "--n_best=4", "--format=jsonl", text=nbest)
    for before, after in zip(nbest.split("\n")[:-1], again, strict=True):
        scores = {each["text"]: each["score"] for each in json.loads(before)["hypotheses"]}
        found = json.loads(after)["hypotheses"]
        assert [each["score"] for each in found] == sorted(
            (each["score"] for each in found), reverse=True
        )
        for each in found:
            # the search may have cut a text into other pieces, which have another score
            [ids] = tokenizer.encode([each["text"]])
            if ids and tokenizer.pieces(ids) == each["pieces"]:
                assert each["score"] == pytest.approx(scores[each["text"]], abs=1e-4)
                checked += 1
    assert checked >= 3


def test_without_weight_nothing_changes(run: Run, nbest: str) -> None:
    expected = run("generate", "--beam_size=4", "--n_best=4", text=TEXT)
    assert run("rerank", "--weight=0", "--n_best=4", text=nbest) == expected
    for options in ([], ["--scores"]):
        expected = run("generate", "--beam_size=4", *options, text=TEXT)
        assert run("rerank", "--weight=0", *options, text=nbest) == expected


def test_another_model_chooses(nbest: str, trained: Path, other: Path) -> None:
    records = [json.loads(line) for line in nbest.split("\n")[:-1]]
    texts = [[each["text"] for each in record["hypotheses"]] for record in records]
    scorer = seqtext.load_generator(other)
    Path("nbest").write_text(nbest)
    for options, reverse in (([], False), (["--reverse"], True)):
        assert (
            main(["rerank", str(other), "--weight=1", "--input=nbest", "--output=out", *options])
            == 0
        )
        chosen = Path("out").read_text().split("\n")[:-1]
        for source, several, best in zip(SOURCES, texts, chosen, strict=True):
            pairs = [several, [source] * len(several)]
            scores = scorer.score(*(pairs if reverse else pairs[::-1]))
            means = [score.log_prob / len(score.log_probs) for score in scores]
            assert best == several[means.index(max(means))]
        Path("out").unlink()
    found = seqtext.load_generator(trained).generate(SOURCES, beam_size=4, n_best=4)
    python = scorer.rerank(SOURCES, found, weight=1.0)
    assert main(["rerank", str(other), "--weight=1", "--input=nbest", "--output=out"]) == 0
    assert [best.text for [best] in python] == Path("out").read_text().split("\n")[:-1]


@pytest.mark.parametrize(
    ("line", "fact"),
    [
        ("x", "Expecting value"),
        ("[]", "no object"),
        ('{"index": 0, "source": "a", "hypotheses": []}', "none"),
        ('{"index": 0, "source": "a", "hypotheses": [{"text": "a"}]}', "score: None"),
        ('{"index": 0, "source": 3, "hypotheses": [{"text": "a", "score": 1}]}', "source: 3"),
    ],
)
def test_other_lines_are_refused(run: Run, line: str, fact: str) -> None:
    [message] = run("rerank", text=f"{line}\n", status=2)
    assert "standard input:1" in message and fact in message and "--format jsonl" in message


# --- generate -------------------------------------------------------------------------------------------


def test_outputs_with_alignments(run: Run, trained: Path) -> None:
    found = seqtext.load_generator(trained).generate(SOURCES, n_best=2, details=True)
    expected = [f"{best.text}\t{best.details.pharaoh}" for best, *_ in found if best.details]
    assert run("generate", "--alignments", text=TEXT) == expected
    lines = run("generate", "--alignments", "--n_best=2", text=TEXT)
    for line, each in zip(lines, [each for own in found for each in own], strict=True):
        assert each.details and line.split("\t")[1:] == [
            f"{each.score:.4f}",
            each.text,
            each.details.pharaoh,
        ]
    assert run("generate", "--alignments", "--devices=2", "--batch_size=1", text=TEXT) == expected


def test_outputs_with_details(run: Run) -> None:
    options = ["--format=jsonl", "--n_best=2"]
    plain = [json.loads(line) for line in run("generate", *options, text=TEXT)]
    detailed = [json.loads(line) for line in run("generate", *options, "--attention", text=TEXT)]
    for before, after in zip(plain, detailed, strict=True):
        for one, other in zip(before["hypotheses"], after["hypotheses"], strict=True):
            assert one.items() <= other.items()
            assert sum(other["log_probs"]) == pytest.approx(other["log_prob"], abs=1e-3)
            shape = len(other["attention"]), {len(row) for row in other["attention"]}
            pieces = len(after["source_pieces"])
            assert shape == (len(other["pieces"]), {pieces} if other["pieces"] else set())


def test_mbr_is_a_choice_among_the_hypotheses(run: Run) -> None:
    among = run("generate", "--n_best=5", text=TEXT)
    texts: dict[str, list[str]] = {}
    for line in among:
        index, _, text = line.split("\t")
        texts.setdefault(index, []).append(text)
    for utility in ("chrf", "bleu"):
        chosen = run("generate", f"--mbr={utility}", "--scores", text=TEXT)
        for place, line in enumerate(chosen):
            score, text = line.split("\t")
            assert text in texts[str(place)] and 0 <= float(score) <= 100.0001
    assert run("generate", "--mbr=chrf", "--devices=2", "--batch_size=1", text=TEXT) == run(
        "generate", "--mbr=chrf", text=TEXT
    )


@pytest.mark.parametrize(
    ("options", "facts"),
    [
        (["--details"], ["--details", "--format jsonl"]),
        (["--attention"], ["--attention", "--format jsonl"]),
        (["--alignments", "--format=jsonl"], ["--alignments", "--details"]),
        (["--dictionary=words"], ["--dictionary", "--replace_unknown"]),
        (["--dictionary=words", "--replace_unknown"], ["words:2", "word<TAB>translation"]),
        (["--mbr=chrf", "--beam_size=1"], ["--mbr", "beam_size"]),
        (["--input=app.po", "--alignments"], ["--alignments", "po"]),
    ],
)
def test_mistakes_of_generate(run: Run, options: list[str], facts: list[str]) -> None:
    Path("words").write_text("a\tb\nc\n")
    Path("app.po").write_text('msgid "a"\nmsgstr ""\n')
    [message] = run("generate", *options, text=TEXT, status=2)
    assert all(fact in message for fact in facts)


def test_another_dictionary_is_another_command(run: Run, trained: Path) -> None:
    Path("in.txt").write_text(TEXT)
    Path("words").write_text("a\tb\n")

    def key() -> str:
        words = [str(trained), "--output=out", "--replace_unknown", "--dictionary=words"]
        options = generate.parser().parse(words)
        generate._read_dictionary(options)
        return answers._unfinished_name(options).name

    first = key()
    assert key() == first
    Path("words").write_text("a\tc, and more\n")
    assert key() != first
