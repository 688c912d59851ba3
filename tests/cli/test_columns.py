"""Sources of several columns, in every command and in Python: one small language of inflected words."""

from __future__ import annotations

import contextlib
import io
import json
import random
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

import seqtext
from seqtext.cli import main, streams
from seqtext.data.corpus import Corpus
from seqtext.data.tokenizer import Tokenizer
from seqtext.errors import ConfigError
from seqtext.inference.generator import Generator
from tests.support import assert_equal_bits, metrics, weights

NUMBERS, CASES = {"SG": "", "PL": "la"}, {"N": "", "L": "de", "G": "in"}
NETWORK = [
    "--data.tokenizer.model_type=char",
    "--data.tokenizer.vocab_size=100",
    "--data.tokenizer.normalization=nfc",
    "--model.task=transduction",
    "--model.network.embedding_size=32",
    "--model.network.hidden_size=64",
    "--model.network.encoder_layers=1",
    "--model.network.decoder_layers=1",
    "--model.network.dropout=0.1",
    "--model.optimizer.learning_rate=0.004",
    "--model.optimizer.schedule=constant",
    "--model.decode_sentences=20",
    "--data.batch_size=80",
    "--trainer.accelerator=cpu",
]


def inflected(count: int, seed: int) -> list[tuple[str, str, str]]:
    """Lemma, form, features. A lemma is made of the letters that also name features."""
    draw = random.Random(seed)
    rows = []
    for _ in range(count):
        lemma = "".join(draw.choices("NLGSP", k=draw.randint(2, 4)))
        number, case = draw.choice([*NUMBERS]), draw.choice([*CASES])
        rows.append((lemma, lemma + NUMBERS[number] + CASES[case], f"{number};{case}"))
    return rows


def write_tables() -> None:
    """Training and validation set, with and without a header."""
    for name, count, seed in (("train", 400, 1), ("dev", 40, 2)):
        lines = "".join("\t".join(row) + "\n" for row in inflected(count, seed))
        Path(f"{name}.tsv").write_text(lines)
        Path(f"{name}-named.tsv").write_text("lemma\tform\tfeatures\n" + lines)


NAMED = [
    "--data.train=train-named.tsv",
    "--data.validation=dev-named.tsv",
    "--data.source=[lemma, features]",
    "--data.target=form",
]


@pytest.fixture(scope="module")
def learned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that has learned the language, by the plain command."""
    folder = tmp_path_factory.mktemp("inflection")
    with contextlib.chdir(folder):
        write_tables()
        longer = ["--data.batch_size=16", "--model.optimizer.learning_rate=0.006"]
        longer += ["--trainer.max_epochs=16", "--trainer.check_val_every_n_epoch=8"]
        assert main(["fit", *NETWORK, *NAMED, *longer, "--run", "run"]) == 0
    return folder / "run"


def fit_briefly(*options: str) -> int:
    return main(["fit", *NETWORK, "--trainer.max_epochs=1", "--run", "run", *options])


def outputs(capsys: pytest.CaptureFixture[str], *command: str) -> list[str]:
    assert main([*command]) == 0
    return capsys.readouterr().out.splitlines()


def outputs_of(run: Path, rows: list[Any]) -> list[str]:
    return [best.text for best, *_ in seqtext.load_generator(run).generate(rows)]


# --- what is learned --------------------------------------------------------------------------------------


def test_features_are_learned_and_never_taken_for_letters(
    learned: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = inflected(60, seed=3)
    header = "lemma\tform\tfeatures\n"
    Path("test.tsv").write_text(header + "".join("\t".join(row) + "\n" for row in rows))
    scores = json.loads(outputs(capsys, "test", str(learned), "--data.test", "test.tsv")[-1])
    assert scores["wer"] <= 10
    # equal letters, other features: other endings alone
    features = [f"{number};{case}" for number in NUMBERS for case in CASES]
    forms = outputs_of(learned, [("NGL", each) for each in features])
    assert forms == [f"NGL{number}{case}" for number in NUMBERS.values() for case in CASES.values()]


def test_a_run_says_and_keeps_how_columns_are_cut(capsys: pytest.CaptureFixture[str]) -> None:
    write_tables()
    assert fit_briefly(*NAMED) == 0
    told = "data: a source is lemma as text, features as symbols (5 different symbols)"
    assert told in capsys.readouterr().err
    saved = yaml.safe_load(Path("run/config.yaml").read_text())["data"]["init_args"]
    assert saved["source"] == ["lemma", "features"]
    generator = seqtext.load_generator("run")
    assert generator.columns == ("lemma+features", "form")
    symbols = generator.tokenizers.source.column_symbols
    assert symbols == {"⟦SG⟧", "⟦PL⟧", "⟦N⟧", "⟦L⟧", "⟦G⟧"}
    data = seqtext.PairsDataModule.load_from_checkpoint("run/last.ckpt")
    assert data.columns == ("lemma+features", "form")


def test_yaml_names_how_columns_are_cut_by_number() -> None:
    write_tables()
    Path("c.yaml").write_text("data:\n  source:\n    - 1\n    - 3: symbols\n  target: '2'\n")
    options = ["--config=c.yaml", "--data.train=train.tsv", "--data.validation=dev.tsv"]
    assert fit_briefly(*options, "--trainer.max_epochs=2") == 0
    whole = weights("run")
    assert seqtext.load_generator("run").columns == ("1+3:symbols", "2")
    # the same rows by their names give the same network, and so does a resumed run
    assert main(["fit", *NETWORK, *NAMED, "--trainer.max_epochs=2", "--run", "named"]) == 0
    assert_equal_bits(whole, weights("named"))
    assert main(["fit", "--resume", "run", "--trainer.max_epochs=3"]) == 0
    assert main(["fit", *NETWORK, *NAMED, "--trainer.max_epochs=3", "--run", "longer"]) == 0
    assert_equal_bits(weights("run"), weights("longer"))


def test_a_stream_and_separate_tokenizers() -> None:
    write_tables()
    separate = ["--data.tokenizer.joint=false", "--data.tokenizer.target_type=char"]
    assert fit_briefly(*NAMED, *separate, "--data.streaming=true", "--trainer.max_steps=5") == 0
    source, target = seqtext.load_generator("run").tokenizers
    assert len(source.column_symbols) == 5
    assert not target.column_symbols  # outputs have no features


def test_a_model_learns_further_features(learned: Path) -> None:
    Path("new.tsv").write_text("lemma\tform\tfeatures\n" + "NGL\tNGLus\tSG;ABL\n" * 8)
    options = ["--data.train=new.tsv", "--data.source=[lemma, features]", "--data.target=form"]
    command = ["fit", "--model.init_from", str(learned), *options, "--trainer.max_epochs=1"]
    assert main([*command, "--model.task=transduction", "--run", "run"]) == 0
    source = seqtext.load_generator("run").tokenizers.source
    assert "⟦ABL⟧" in source.column_symbols and len(source.column_symbols) == 6


def test_corpora_in_memory_with_columns_of_their_own() -> None:
    rows = inflected(30, seed=1)
    data = seqtext.PairsDataModule(
        train=[
            {"path": [{"l": a, "o": b, "f": c} for a, b, c in rows], "source": ["l", {"f": "symbols"}],
             "target": "o"},
            {"path": [(a, c, b) for a, b, c in rows]},
        ],
        source=["lemma", "features"],
        target="form",
    )  # fmt: skip
    first, second = (list(corpus.rows()) for corpus in data.corpora["train"])
    assert first == second
    assert first[0] == (f"{rows[0][0]}⟦{rows[0][2].replace(';', '⟧⟦')}⟧", rows[0][1])


def test_a_trained_tokenizer_has_the_symbols(capsys: pytest.CaptureFixture[str]) -> None:
    write_tables()
    options = ["--data.train=train.tsv", "--data.source=[1, 3]", "--data.target=2"]
    kind = ["--model_type=char", "--vocab_size=100"]
    assert main(["tokenizer", *options, *kind, "--output", "t.model"]) == 0
    assert Tokenizer.load("t.model").column_symbols == {"⟦SG⟧", "⟦PL⟧", "⟦N⟧", "⟦L⟧", "⟦G⟧"}


def test_a_check_looks_at_texts_and_writes_columns(capsys: pytest.CaptureFixture[str]) -> None:
    lines = [*inflected(40, seed=1), ("", "de", "SG;L")]
    Path("a.tsv").write_text("".join("\t".join(line) + "\n" for line in lines))
    options = ["--data.source", "[1, 3]", "--data.target", "2"]
    command = ["check", "--data.train", "a.tsv", *options, "--drop", "empty"]
    main([*command, "--write", "b.jsonl"])
    assert "41 pairs; left out: 1 empty" in capsys.readouterr().err
    rows = [json.loads(line) for line in Path("b.jsonl").read_text().splitlines()]
    assert rows == [{"1": lemma, "3": features, "2": form} for lemma, form, features in lines[:-1]]
    before, after = (list(Corpus(name, "1+3", "2").rows()) for name in ("a.tsv", "b.jsonl"))
    assert before[:-1] == after


def test_explanations_show_each_symbol(learned: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("in.txt").write_text("NGL\tPL;L\n")
    lines = outputs(capsys, "explain", str(learned), "--input", "in.txt")
    assert lines[0] == "N G L ⟦PL⟧ ⟦L⟧"
    assert lines[1] == "-> N G L l a d e"


def test_parallel_files_have_one_source(capsys: pytest.CaptureFixture[str]) -> None:
    for side in ("a", "b", "c"):
        Path(f"p.{side}").write_text("x\n")
    assert main(["fit", "--data.train=p", "--data.source=[a, b]", "--data.target=c"]) == 2
    assert "p: is the prefix of parallel files" in capsys.readouterr().err


def test_a_classifier_reads_symbols_beside_texts(capsys: pytest.CaptureFixture[str]) -> None:
    """The label is the language if the text asks for it."""
    draw = random.Random(1)
    rows = [
        {"text": draw.choice(["alma körte", "dió"]), "language": draw.choice(["en", "de"])}
        for _ in range(200)
    ]
    labelled = [{**row, "label": row["language"] + row["text"][0]} for row in rows]
    Path("a.jsonl").write_text("".join(json.dumps(row) + "\n" for row in labelled))
    command = [
        "fit", "--model=ClassifierModule", "--data=LabelsDataModule", "--data.train=a.jsonl",
        "--data.validation=split:20", "--data.text=[text, language: symbols]",
        "--data.tokenizer.model_type=char", "--data.tokenizer.vocab_size=60",
        "--model.network.embedding_size=16", "--model.network.hidden_size=24",
        "--model.optimizer.learning_rate=0.01", "--data.batch_size=10",
        "--trainer.max_epochs=6", "--trainer.accelerator=cpu", "--run", "run",
    ]  # fmt: skip
    assert main(command) == 0
    classifier = seqtext.load_classifier("run")
    assert classifier.columns == ("text+language:symbols", "label")
    answers = classifier.classify([("dió", "en"), {"text": "dió", "language": "de"}])
    assert [answer.labels for answer in answers] == [("end",), ("ded",)]
    capsys.readouterr()
    Path("in.jsonl").write_text('{"language": "de", "text": "dió"}\n')
    assert outputs(capsys, "classify", "run", "--input", "in.jsonl")[0].startswith("ded\t")


# --- inputs -----------------------------------------------------------------------------------------------

ROWS = [("NGL", "PL;L"), ("SSP", "SG;G")]
TABLE = "".join(f"{lemma}\t{features}\n" for lemma, features in ROWS)
HEADED = "form\tfeatures\tlemma\n" + "".join(f"x\t{b}\t{a}\n" for a, b in ROWS)
LINES = "".join(json.dumps({"features": b, "lemma": a, "id": 7}) + "\n" for a, b in ROWS)


@pytest.mark.parametrize(
    ("name", "content", "options"),
    [
        ("in.tsv", TABLE, []),
        ("in.tsv", HEADED, []),
        ("in.txt", TABLE, []),
        ("in.jsonl", LINES, []),
        ("in.ndjson", LINES, []),
        (None, TABLE, []),
        (None, HEADED, ["--input_format=tsv"]),
        (None, LINES, ["--input_format=jsonl"]),
        ("in.txt", LINES, ["--input_format=jsonl"]),
    ],
)
def test_inputs_of_generate(
    learned: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch,
    name: str | None, content: str, options: list[str],
) -> None:  # fmt: skip
    expected = outputs_of(learned, ROWS)
    if name is None:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content.encode())))
    else:
        Path(name).write_text(content)
        options = [*options, "--input", name]
    assert outputs(capsys, "generate", str(learned), *options) == expected


def test_rows_in_python(learned: Path) -> None:
    expected = outputs_of(learned, ROWS)
    assert expected == ["NGLlade", "SSPin"]
    assert outputs_of(learned, [list(row) for row in ROWS]) == expected
    assert (
        outputs_of(learned, [{"lemma": row[0], "form": "x", "features": row[1]} for row in ROWS])
        == expected
    )
    assert outputs_of(learned, ["NGL⟦PL⟧⟦L⟧", ROWS[1]]) == expected


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("in.tsv", "lemma\tfeatures\nNGL\n", "in.tsv:2: 1 columns, expected 2 as in the header"),
        ("in.tsv", "NGL\tx\tPL\n", "in.tsv:1: 3 columns, 'NGL', 'x', 'PL', expected a header"),
        ("in.txt", "A\tx\tPL\n", "in.txt:1: 3 column(s) separated by tabs, expected 2: lemma"),
        ("in.jsonl", '{"lemma": "N"}\n', "in.jsonl:1: no column 'features'"),
        ("in.jsonl", '{"lemma": "N", "features": ["PL"]}\n', "column 'features' holds list"),
        ("in.jsonl", '["N"]\n', "in.jsonl:1: expected an object with named fields"),
        ("in.jsonl", '{"1"\n', "in.jsonl:1: not JSON"),
    ],
)
def test_mistakes_in_inputs(
    learned: Path, capsys: pytest.CaptureFixture[str], name: str, content: str, told: str
) -> None:
    Path(name).write_text(content)
    assert main(["generate", str(learned), "--input", name]) == 2
    assert told in capsys.readouterr().err


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ("NGL", "sources[0]: 'NGL' (str), expected 2 texts, in the order lemma, features"),
        (("NGL",), "sources[0]: ('NGL',) (tuple), expected 2 texts"),
        (("NGL", None), "sources[0][1]: None (NoneType), expected a string"),
        ({"lemma": "NGL"}, "(dict), expected 2 texts"),
    ],
)
def test_mistakes_in_python(learned: Path, row: Any, told: str) -> None:
    with pytest.raises(ConfigError) as refused:
        seqtext.load_generator(learned).generate([row])
    assert told in str(refused.value)


def test_unknown_features_are_told_once(learned: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("in.txt").write_text("NGL\tPL;ABL\nNGL\tPL;ABL\nNGL\tPL;L\n")
    assert main(["generate", str(learned), "--input", "in.txt"]) == 0
    told = [line for line in capsys.readouterr().err.splitlines() if "does not know" in line]
    assert len(told) == 1 and "2 of 3 texts" in told[0] and "'⟦ABL⟧'" in told[0]


def test_a_run_with_made_pairs_is_repeated_exactly_and_keeps_them(
    capsys: pytest.CaptureFixture[str],
) -> None:
    write_tables()
    assert fit_briefly(*NAMED, "--data.hallucinated_pairs=48", "--data.copied_targets=32") == 0
    told = capsys.readouterr().err
    assert "48 hallucinated pairs" in told and "32 targets are also their own source" in told
    saved = yaml.safe_load(Path("run/config.yaml").read_text())["data"]["init_args"]
    assert (saved["hallucinated_pairs"], saved["copied_targets"]) == (48, 32)
    assert metrics("run")[-1]["step"] == str((400 + 48 + 32) // 80)
    assert main(["fit", "--config", "run/config.yaml", "--run", "again"]) == 0
    assert_equal_bits(weights("run"), weights("again"))
    for option in ("--data.hallucinated_pairs", "--data.copied_targets"):
        assert main(["fit", "--resume", "run", option, "9"]) == 2
        assert f"{option}: the run has" in capsys.readouterr().err


def test_an_interrupted_table_with_a_header_is_resumed(
    learned: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = inflected(7, seed=4)
    lines = [f"{features}\t{lemma}\n" for lemma, _, features in rows]
    Path("in.tsv").write_text("features\tlemma\n" + "".join(lines))
    command = ["generate", str(learned), "--input", "in.tsv", "--output", "out.txt"]
    monkeypatch.setattr(streams, "CHUNK", 2)
    with monkeypatch.context() as patch:
        search, calls = Generator.search, iter(range(9))

        def interrupted(*arguments: Any) -> Any:
            if next(calls) == 2:
                raise KeyboardInterrupt
            return search(*arguments)

        patch.setattr(Generator, "search", interrupted)
        assert main(command) == 130
    assert not Path("out.txt").exists()
    assert main([*command, "--resume"]) == 0
    expected = outputs_of(learned, [(lemma, features) for lemma, _, features in rows])
    assert Path("out.txt").read_text().splitlines() == expected
