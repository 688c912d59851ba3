"""A classifier from its corpus to labels, through the command line."""

from __future__ import annotations

import io
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from seqtext import checkpoint, load_classifier
from seqtext.cli import collected, main, streams
from seqtext.errors import ConfigError
from seqtext.inference.classifier import Classifier
from seqtext.metrics.classification import choose_threshold, fit_temperature

REPOSITORY = Path(__file__).parent.parent.parent
PRESET: dict[str, Any] = {
    "model": {"class_path": "seqtext.ClassifierModule"},
    "data": {"class_path": "seqtext.LabelsDataModule"},
}
WORDS = {
    "door": ("open", "shut", "lock"),
    "mail": ("send", "write", "post"),
    "music": ("play", "sing", "hum"),
}
NOUNS = ("the song", "a letter", "my room", "the gate", "it")
ROWS = [
    {"text": f"{start}{verb} {noun}{end}", "label": label}
    for label, verbs in WORDS.items()
    for verb in verbs
    for noun in NOUNS
    for start in ("", "please ", "you should ")
    for end in ("", " now")
]
SMALL = [
    "--data.tokenizer.vocab_size=400",
    "--data.batch_size=32",
    "--model.network.embedding_size=24",
    "--model.network.hidden_size=32",
    "--model.network.dropout=0.1",
    "--model.network.word_dropout=0",
    "--model.network.character_ngrams=0",
    "--model.optimizer.learning_rate=0.01",
    "--model.optimizer.schedule=constant",
    "--trainer.accelerator=cpu",
]


def fit(*options: str, rows: list[dict[str, Any]] | None = None) -> int:
    """Train in the working folder on ``rows``, of which every fifth is validated on."""
    rows = ROWS if rows is None else rows
    for name, part in (("train", rows), ("val", rows[::5])):
        text = "".join(json.dumps(row) + "\n" for row in part)
        Path(f"{name}.jsonl").write_text(text, encoding="utf-8")
    data = ["--data.train=./train.jsonl", "--data.validation=./val.jsonl"]
    return main(["fit", *data, *SMALL, *options], task="classification", preset=PRESET)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that has learned its labels; the validation set has texts that are out of scope."""
    folder = tmp_path_factory.mktemp("classifier")
    strange = [{"text": f"what is {x}", "label": "oos"} for x in ("love", "hope", "a cat", "time")]
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        options = ["--data.out_of_scope=oos", "--model.network.pooling=attention"]
        assert fit(*options, "--trainer.max_epochs=6", "--run=run", rows=ROWS + strange * 5) == 0
    return folder / "run"


def test_a_run_explains_itself(trained: Path) -> None:
    header, *rows = (trained / "metrics.csv").read_text().splitlines()
    assert "texts_per_second" in header
    assert "val_accuracy" in header
    assert "val_bleu" not in header
    assert len(rows) == 6
    assert json.loads((trained / "result.json").read_text())["monitor"] == "val_accuracy"
    assert "hypothesis: " in (trained / "samples.md").read_text()
    assert (trained / "learning_curve.png").exists()


def test_it_has_learned(trained: Path) -> None:
    classifier = load_classifier(trained)
    found = classifier.classify(["lock my room", "please post it", "sing now"], threshold=0.0)
    assert [one.labels for one in found] == [("door",), ("mail",), ("music",)]
    assert all(one.top[0][0] == one.labels[0] for one in found)
    assert classifier.classify([]) == []


def test_check_with_its_tokenizer(trained: Path, capsys: pytest.CaptureFixture[str]) -> None:
    train = str(trained.parent / "train.jsonl")
    options = ["check", "--data.train", train, "--tokenizer", str(trained)]
    main([*options, "--data.label", "label"])
    assert "  text: " in capsys.readouterr().out
    main([*options, "--data.source", "text", "--data.target", "label"])  # of both sides
    assert "  target: " in capsys.readouterr().out


def test_temperature_and_threshold_are_those_of_the_validation_set(trained: Path) -> None:
    classifier = load_classifier(trained)
    rows = [json.loads(line) for line in (trained.parent / "val.jsonl").read_text().splitlines()]
    names = list(classifier.labels.names)
    right = torch.tensor([names.index(r["label"]) if r["label"] in names else -1 for r in rows])
    assert (right < 0).sum() == 4
    probabilities = classifier.probabilities([row["text"] for row in rows])
    assert classifier.threshold == pytest.approx(choose_threshold(probabilities, right), abs=1e-3)
    classifier.temperatures = [1.0]
    logits = classifier.probabilities([row["text"] for row in rows]).log()
    temperature = checkpoint.read(trained)["seqtext"]["temperature"]
    assert temperature == pytest.approx(fit_temperature(logits, right), rel=1e-2)


def test_what_a_classification_says(trained: Path) -> None:
    classifier = load_classifier(trained)
    [one] = classifier.classify(["lock my room"], top_k=99)
    assert {name for name, _ in one.top} == {"door", "mail", "music"}
    assert sum(p for _, p in one.top) == pytest.approx(1, abs=1e-5)
    assert [p for _, p in one.top] == sorted((p for _, p in one.top), reverse=True)
    [never] = classifier.classify(["lock my room"], threshold=1.0)
    assert never.labels == ("oos",)
    for wrong, message in (
        ({"top_k": 0}, "top_k: 0, expected at least 1"),
        ({"threshold": 2.0}, "threshold: 2.0, expected at least 0 and at most 1"),
        ({"batch_size": 0}, "batch_size: 0, expected at least 1"),
    ):
        with pytest.raises(ConfigError, match=message):
            classifier.classify(["x"], **wrong)
    with pytest.raises(ConfigError, match="texts: a single string, expected a list"):
        classifier.classify("lock my room")
    wrong_text: Any
    for wrong_text in (("a", "b"), 1):
        with pytest.raises(ConfigError, match=r"texts\[0\]: .*, expected a string"):
            classifier.classify([wrong_text])


def test_neither_batches_nor_order_change_a_label(trained: Path) -> None:
    classifier = load_classifier(trained)
    for network in classifier.networks:
        network.double()
    texts = [row["text"] for row in ROWS[::11]] + ["", "what is hope"]
    together = classifier.probabilities(texts)
    assert torch.allclose(classifier.probabilities(texts, batch_size=1), together, atol=1e-6)
    assert torch.allclose(
        classifier.probabilities(texts[::-1], batch_size=3).flip(0), together, atol=1e-6
    )


def test_an_ensemble_is_the_mean_of_its_members(trained: Path) -> None:
    texts = ["lock my room", "what is love"]
    first = load_classifier(trained)
    other = load_classifier(trained)
    for parameter in other.networks[0].parameters():
        parameter.data.mul_(0.9)
    both = load_classifier([trained, trained])
    assert both.threshold == 0  # that of the members says nothing about their mean
    both.networks = [first.networks[0], other.networks[0]]
    mean = (first.probabilities(texts) + other.probabilities(texts)) / 2
    assert torch.allclose(both.probabilities(texts), mean, atol=1e-6)


def classify(*arguments: str, text: str, monkeypatch: pytest.MonkeyPatch) -> int:
    stdin = io.TextIOWrapper(io.BytesIO(text.encode()))
    monkeypatch.setattr(sys, "stdin", stdin)
    return main(["classify", *arguments])


def test_classify_command(
    trained: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    text = "lock my room\nwhat is love\n"
    assert classify(str(trained), text=text, monkeypatch=monkeypatch) == 0
    first, second = (line.split("\t") for line in capsys.readouterr().out.splitlines())
    known = load_classifier(trained).classify(text.splitlines())
    assert [first[0], second[0]] == [one.labels[0] for one in known]
    assert float(first[1]) == pytest.approx(known[0].top[0][1], abs=1e-4)
    assert classify(str(trained), "--threshold=1", text=text, monkeypatch=monkeypatch) == 0
    assert capsys.readouterr().out.startswith("oos\t")
    both = ["--top_k=2", "--threshold=1"]
    assert classify(str(trained), *both, text=text, monkeypatch=monkeypatch) == 2
    told = capsys.readouterr().err
    assert "--top_k: " in told and "--threshold" in told and "--format jsonl" in told
    assert classify(str(trained), "--top_k=2", text=text, monkeypatch=monkeypatch) == 0
    rows = [line.split("\t") for line in capsys.readouterr().out.splitlines()]
    assert [row[0] for row in rows] == ["0", "0", "1", "1"]
    assert rows[0][2] == "door"
    Path("in.txt").write_text(text)
    options = ["--format=jsonl", "--threshold=0", "--input=in.txt", "--output=out.jsonl"]
    assert main(["classify", str(trained), *options]) == 0
    objects = [json.loads(line) for line in Path("out.jsonl").read_text().splitlines()]
    assert objects[0]["text"] == "lock my room"
    assert objects[0]["labels"] == ["door"]
    assert objects[0]["top"][0]["label"] == "door"
    assert objects[0]["probabilities"] == [objects[0]["top"][0]["probability"]]
    assert objects[1]["labels"] != ["oos"]


@pytest.mark.parametrize("event", ["classify", "test"])
def test_an_interrupted_command_goes_on(
    trained: Path, event: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(streams, "CHUNK", 3)
    monkeypatch.setattr(collected, "CHUNK", 3)
    Path("in.txt").write_text("".join(f"{row['text']}\n" for row in ROWS[:10]))
    Path("in.jsonl").write_text("".join(json.dumps(row) + "\n" for row in ROWS[:10]))
    given = ["--top_k=2", "--input=in.txt"] if event == "classify" else ["--data.test=in.jsonl"]
    command = [event, str(trained), *given]
    assert main([*command, "--output=whole.txt"]) == 0
    whole = capsys.readouterr().out
    known, calls = Classifier.probabilities, iter(range(9))

    def probabilities(*arguments: Any, **options: Any) -> Any:
        if next(calls) == 2:
            raise KeyboardInterrupt
        return known(*arguments, **options)

    with monkeypatch.context() as patch:
        patch.setattr(Classifier, "probabilities", probabilities)
        assert main([*command, "--output=out.txt"]) == 130
    assert "continues at line 7" in capsys.readouterr().err
    assert main([*command, "--output=out.txt", "--resume"]) == 0
    assert capsys.readouterr().out == whole
    assert Path("out.txt").read_text() == Path("whole.txt").read_text()


def test_labels_that_a_picture_cannot_show(
    trained: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("in.jsonl").write_text(json.dumps(ROWS[0]) + "\n")
    command = ["test", str(trained), "--data.test=in.jsonl", "--confusion_plot=a.png"]
    odd = [[("from_$10_to_$20",)], [("\U0010fffd\t\n",)]]
    monkeypatch.setattr("seqtext.cli.score_labels._names", lambda *_: odd.pop(0))
    for _ in range(2):
        assert main(command) == 0
        printed = capsys.readouterr()
        assert "accuracy" in printed.out
        assert Path("a.png").read_bytes().startswith(b"\x89PNG")
    assert re.search(r"\d+ = \U0010fffd", printed.err)


def test_test_command(trained: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [*ROWS[::7], {"text": "what is love", "label": "oos"}]
    Path("test.tsv").write_text(
        "words\tkind\n" + "".join(f"{row['text']}\t{row['label']}\n" for row in rows)
    )
    columns = ["--data.text=words", "--data.label=kind"]
    options = ["--per_label", "--confusion_plot=a.png", "--output=labels.txt", "--examples=2"]
    assert main(["test", str(trained), "--data.test=./test.tsv", *columns, *options]) == 0
    printed = capsys.readouterr().out.splitlines()
    scores = json.loads(printed[-1])
    assert scores["accuracy"] > 90
    lines = [line.split() for line in printed]
    table = {line[0]: line[1:] for line in lines if len(line) == 5 and line[-1].isdigit()}
    assert set(table) == {"door", "mail", "music", "oos"}
    assert table["oos"][3] == "1"
    assert Path("a.png").read_bytes().startswith(b"\x89PNG")
    given = Path("labels.txt").read_text().splitlines()
    hits = sum(one == row["label"] for one, row in zip(given, rows, strict=True))
    # the file has what was decided with the threshold
    inside, outside = scores["in_scope_accuracy"] / 100, scores["out_of_scope_recall"] / 100
    assert hits == round(inside * (len(rows) - 1) + outside)


@pytest.mark.parametrize("page", [False, True])
def test_explain_command(trained: Path, page: bool, capsys: pytest.CaptureFixture[str]) -> None:
    Path("in.txt").write_text("please lock my room\n<b> & it\n")
    options = ["--input=in.txt", *(["--html=a.html"] if page else [])]
    assert main(["explain", str(trained), *options]) == 0
    if page:
        text = Path("a.html").read_text()
        assert "&lt;b&gt;" in text
        assert text.count("<section>") == 2
    else:
        text = capsys.readouterr().out
        assert "door" in text.splitlines()[0]
        assert "lock(" in text


def test_each_kind_of_model_names_the_command_of_the_other(
    trained: Path, tiny: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["generate", str(trained)]) == 2
    assert "is a classifier, which generates no text; use it with `seqtext classify`" in (
        capsys.readouterr().err
    )
    assert main(["fit", *tiny, f"--model.init_from={trained}"]) == 2
    assert "is a classifier" in capsys.readouterr().err
    assert main(["fit", *tiny, "--trainer.max_epochs=1", "--run=text"]) == 0
    assert main(["classify", "text"]) == 2
    told = capsys.readouterr().err
    assert "text: was trained for translation" in told and "`seqtext generate`" in told
    assert main(["explain", "text", str(trained)]) == 2
    assert "some generate text and some classify it" in capsys.readouterr().err
    test = ["--data.test=x.jsonl"]
    assert main(["test", str(trained), *test, "--beam_size=2"]) == 2
    assert "--beam_size: is of a model that generates text" in capsys.readouterr().err
    assert main(["test", "text", *test, "--per_label"]) == 2
    assert "--per_label: is of a classifier" in capsys.readouterr().err
    shutil.copy(trained / "last.ckpt", "labels.ckpt")
    pairs = [option for option in tiny if not option.startswith("--model")]
    mixed = ["--model=seqtext.ClassifierModule", "--data=seqtext.PairsDataModule", "--run=mixed"]
    assert main(["fit", *pairs, *mixed]) == 2
    assert "PairsDataModule has other data than ClassifierModule" in capsys.readouterr().err
    assert main(["fit", *tiny, "--resume=labels.ckpt", "--run=other"]) == 2
    assert "described by ClassifierConfig" in capsys.readouterr().err


def test_a_resumed_run_equals_an_uninterrupted_one() -> None:
    options = ["--model.network.word_dropout=0.1", "--model.network.dropout=0.3"]
    assert fit(*options, "--trainer.max_epochs=2", "--run=whole") == 0
    assert fit(*options, "--trainer.max_epochs=1", "--run=parts") == 0
    resume = ["--resume=parts", "--trainer.max_epochs=2"]
    assert main(["fit", *resume], task="classification", preset=PRESET) == 0
    whole, parts = (checkpoint.read(f"{run}/last.ckpt") for run in ("whole", "parts"))
    assert whole["seqtext"] == parts["seqtext"]
    for name, weight in whole["state_dict"].items():
        assert torch.equal(weight, parts["state_dict"][name]), name


def test_one_text_is_enough_to_validate_on() -> None:
    Path("one.jsonl").write_text(json.dumps(ROWS[0]) + "\n")
    assert fit("--data.validation=./one.jsonl", "--trainer.max_epochs=1", "--run=run") == 0
    assert "val_accuracy" in Path("run/metrics.csv").read_text()


def test_a_run_without_a_recipe_is_one_of_classification() -> None:
    Path("train.jsonl").write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    config = ["--config=recipes/classification/banking77.yaml", "--data.validation=split:30"]
    assert (
        main(["fit", *config, *SMALL, "--trainer.max_steps=1", "--trainer.precision=32-true"]) == 0
    )
    assert Path("runs/classification/001/best.ckpt").exists()


def test_a_resumed_run_keeps_its_labels(trained: Path, capsys: pytest.CaptureFixture[str]) -> None:
    resume = ["--resume", str(trained), "--data.out_of_scope=door"]
    assert main(["fit", *resume], task="classification", preset=PRESET) == 2
    assert "a run keeps its labels" in capsys.readouterr().err


def test_a_resumed_run_needs_no_vectors_any_more() -> None:
    vector = " ".join(["0.5"] * 24)
    words = ("the", "it", "now", "please", "a", "song", "letter", "my", "room", "you", "should")
    Path("a.vec").write_text("".join(f"{word} {vector}\n" for word in words))
    assert fit("--model.vectors=a.vec", "--trainer.max_epochs=1", "--run=run") == 0
    Path("a.vec").unlink()
    resume = ["--resume=run", "--trainer.max_epochs=2"]
    assert main(["fit", *resume], task="classification", preset=PRESET) == 0


def test_speed_is_told_in_texts() -> None:
    assert fit("--model.class_weights={door: 50000}", "--trainer.max_epochs=1", "--run=run") == 0
    header, row = Path("run/metrics.csv").read_text().splitlines()
    found = dict(zip(header.split(","), row.split(","), strict=True))
    assert float(found["texts_per_second"]) < 100_000


def test_temperature_and_threshold_outlive_a_stop() -> None:
    """A checkpoint that is written before the next validation has those of the last one."""
    assert fit("--trainer.max_epochs=1", "--run=run") == 0
    before = checkpoint.read("run/last.ckpt")["seqtext"]["temperature"]
    assert before != 1
    resume = ["--resume=run", "--trainer.max_epochs=2", "--trainer.limit_val_batches=0"]
    assert main(["fit", *resume], task="classification", preset=PRESET) == 0
    assert checkpoint.read("run/last.ckpt")["seqtext"]["temperature"] == before


def test_two_processes_train_what_one_does() -> None:
    options = ["--trainer.max_epochs=2", "--model.network.dropout=0", "--trainer.precision=32-true"]
    several = ["--model.class_weights=balanced", "--selection.average_best=1"]
    rows = ROWS[: len(ROWS) // 3 + 41]  # unlike numbers of labels
    assert fit(*options, *several, "--run=one", rows=rows) == 0
    parallel = ["--trainer.devices=2", "--trainer.strategy=ddp"]
    recipe = REPOSITORY / "recipes/classification/train.py"
    command = [sys.executable, str(recipe), "fit", "--data.train=./train.jsonl"]
    command += ["--data.validation=./val.jsonl", *SMALL, *options, *several, *parallel, "--run=two"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    one, two = (load_classifier(run) for run in ("one", "two"))
    for (name, a), b in zip(
        one.networks[0].named_parameters(), two.networks[0].parameters(), strict=True
    ):
        assert torch.allclose(a, b, atol=1e-4), name
    assert one.temperatures == pytest.approx(two.temperatures, rel=1e-2)


def test_several_labels_from_corpus_to_text(capsys: pytest.CaptureFixture[str]) -> None:
    rows = [
        {"text": f"{a['text']} and {b['text']}", "label": sorted({a["label"], b["label"]})}
        for a, b in zip(ROWS, ROWS[97:] + ROWS[:97], strict=True)
    ]
    options = ["--data.several_labels=true", "--trainer.max_epochs=8", "--run=several"]
    assert fit(*options, rows=rows) == 0
    classifier = load_classifier("several")
    [one] = classifier.classify(["lock my room and sing it"], top_k=3)
    assert set(one.labels) == {"door", "music"}
    Path("in.txt").write_text("lock my room and sing it\n")
    options = ["--format=jsonl", "--input=in.txt", "--output=out.jsonl"]
    assert main(["classify", "several", *options]) == 0
    told = json.loads(Path("out.jsonl").read_text())
    assert told["labels"] == list(one.labels)
    assert told["probabilities"] == pytest.approx(list(one.probabilities), abs=1e-5)
    assert main(["test", "several", "--data.test=./val.jsonl", "--per_label"]) == 0
    scores = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert scores["micro_f1"] > 90
    assert main(["test", "several", "--data.test=./val.jsonl", "--confusion_plot=a.png"]) == 2
    assert (
        "--confusion_plot: is of classifiers that give each text one label"
        in capsys.readouterr().err
    )


def test_two_texts_from_corpus_to_label(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [
        {"a": first["text"], "b": second["text"], "label": str(first["label"] == second["label"])}
        for first, second in zip(ROWS, ROWS[35:] + ROWS[:35], strict=True)
    ]
    assert fit("--data.text=a+b", "--trainer.max_epochs=1", "--run=two", rows=rows) == 0
    classifier = load_classifier("two")
    pair = ("lock my room", "sing now")
    joined = classifier.probabilities([f"{pair[0]} <sep> {pair[1]}"])
    assert torch.equal(classifier.probabilities([pair]), joined)
    with pytest.raises(ConfigError, match="expected 2 texts, in the order a, b"):
        classifier.classify(["lock my room"])
    with pytest.raises(ConfigError, match=r"texts\[0\]\[1\]: None \(NoneType\), expected a string"):
        classifier.classify([("lock my room", None)])  # type: ignore[list-item]
    classifier.source_limit = 8  # of two texts both are read
    [one] = classifier.encode([("lock " * 20, "sing")])
    [second] = classifier.tokenizer.encode(["sing"])
    assert len(one) == 8 and one[-len(second) :] == second
    assert classify("two", text="lock\tsing\n", monkeypatch=monkeypatch) == 0
    assert capsys.readouterr().out.split("\t")[0] in ("True", "False")
    assert classify("two", text="lock\n", monkeypatch=monkeypatch) == 2
    assert (
        "standard input:1: 1 column(s) separated by tabs, expected 2: a, b"
        in capsys.readouterr().err
    )


def test_class_weights_of_labels_that_yaml_takes_for_truth_values(
    capsys: pytest.CaptureFixture[str],
) -> None:
    rows = [{**row, "label": "yes" if row["label"] == "door" else "No"} for row in ROWS]
    for number, weights in enumerate(("{yes: 2, no: 3}", "{'yes': 2, 'No': 3}")):
        options = [f"--model.class_weights={weights}", "--trainer.max_epochs=1"]
        assert fit(*options, f"--run=run{number}", rows=rows) == 0
    assert torch.equal(*(load_classifier(f"run{n}").networks[0].output.weight for n in range(2)))
    rows = [{**row, "label": "yes" if row["label"] == "door" else "maybe"} for row in ROWS]
    assert fit("--model.class_weights={no: 2}", "--run=other", rows=rows) == 2
    assert (
        "false/no/off (all the same to YAML, unless in quotes) is 0 of" in capsys.readouterr().err
    )


@pytest.mark.slow
def test_class_weights_move_a_decision() -> None:
    """What nothing but counts can decide."""
    rows = [{"text": "it", "label": "mail"}] * 8 + [{"text": "it", "label": "door"}] * 4
    found: list[float] = []
    for weights in ("none", "balanced", "{door: 9, mail: 1}"):
        run = f"run{len(found)}"
        options = ["--trainer.max_epochs=40", "--trainer.check_val_every_n_epoch=40"]
        options += [f"--model.class_weights={weights}", f"--run={run}", "--data.batch_size=12"]
        options += ["--model.network.dropout=0", "--model.label_smoothing=0"]
        assert fit(*options, rows=rows) == 0
        classifier = load_classifier(run)
        classifier.temperatures = [1.0]
        found.append(float(classifier.probabilities(["it"])[0, 0]))
    expected = [4 / 12, 1 / 2, 36 / 44]  # of the weights that rows with "door" have
    assert found == pytest.approx(expected, abs=0.02)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--model.class_weights={dor: 2}"], "(did you mean door?)"),
        (["--model.class_weights={oven: 2}"], "model.class_weights: there is no label 'oven'"),
        (["--model.class_weights={door: 0}"], "class_weights: door: 0.0, expected more than 0"),
        (["--model.vectors=none.vec"], "vectors: none.vec: no such file"),
        (
            ["--model.label_smoothing=1"],
            "label_smoothing: 1.0, expected at least 0 and less than 1",
        ),
        (["--data.label=kind"], "no column 'kind'; there are 'text', 'label'"),
        (["--selection.monitor=val_bleu"], "val_bleu is no score of the task classification"),
    ],
)
def test_mistakes_are_told(
    options: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert fit(*options, "--trainer.max_epochs=1") == 2
    error = capsys.readouterr().err
    assert message in error
    assert "Traceback" not in error


def test_only_telling_poolings_are_explained(capsys: pytest.CaptureFixture[str]) -> None:
    assert fit("--model.network.pooling=mean", "--trainer.max_epochs=1", "--run=mean") == 0
    Path("in.txt").write_text("lock it\n")
    assert main(["explain", "mean", "--input=in.txt"]) == 2
    assert "network.pooling: with mean no word has a weight of its own" in capsys.readouterr().err
