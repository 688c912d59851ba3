"""``seqtext fit`` without options: what it takes a corpus for, what follows from it, when it ends."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from seqtext.cli import main
from seqtext.training.encoder_decoder import EncoderDecoderModule
from tests.support import assert_equal_bits, metrics, result, weights

WORDS = [f"{a}{b}{c}" for a in "ptkbdg" for b in "aeiou" for c in "lrnms"]  # 150
QUICK = ["--trainer.accelerator=cpu", "--model.network.hidden_size=32", "--trainer.max_steps=4"]


def write(name: str, rows: list[tuple[str, str]]) -> str:
    Path(name).write_text("".join(f"{a}\t{b}\n" for a, b in rows), encoding="utf-8")
    return name


def config_of(run: str) -> dict[str, Any]:
    config: dict[str, Any] = yaml.safe_load(Path(run, "config.yaml").read_text("utf-8"))
    return config


@pytest.fixture
def words() -> list[str]:
    """Words to turn around, with options of the plain command."""
    train = write("train.tsv", [(word, word[::-1]) for word in WORDS[:120]])
    dev = write("dev.tsv", [(word, word[::-1]) for word in WORDS[120:]])
    files = [f"--data.train={train}", f"--data.validation={dev}"]
    return [*files, "--data.source=1", "--data.target=2"]


def test_words_become_a_transducer(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["fit", *words, *QUICK]) == 0
    said = capsys.readouterr().err
    assert "120 rows, from words to words: taken for transduction" in said
    assert "batch_size 10" in said and "hidden_size" not in said.split("any option")[0]
    options = config_of("runs/transduction/001")
    model, data = options["model"]["init_args"], options["data"]["init_args"]
    assert model["task"] == "transduction"
    assert data["tokenizer"]["model_type"] == "char" and data["tokenizer"]["joint"]
    assert data["batch_size"] == 10
    assert model["network"]["hidden_size"] == 32


def test_the_configuration_of_a_run_repeats_it(words: list[str]) -> None:
    assert main(["fit", *words, *QUICK, "--run=a"]) == 0
    assert main(["fit", "--config=a/config.yaml", "--run=b"]) == 0
    assert_equal_bits(weights("a"), weights("b"))
    assert config_of("a") == config_of("b")


def test_a_named_task_is_taken(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["fit", *words, *QUICK, "--model.task=code", "--run=r"]) == 0
    assert "taken for" not in capsys.readouterr().err
    assert config_of("r")["model"]["init_args"]["task"] == "code"


def test_texts_with_labels_become_a_classifier(capsys: pytest.CaptureFixture[str]) -> None:
    rows = [
        {"text": f"{w} {'up' if i % 2 else 'down'}", "label": i % 2} for i, w in enumerate(WORDS)
    ]
    Path("rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert main(["fit", "--data.train=rows.jsonl", "--data.validation=split:20", *QUICK]) == 0
    assert "150 rows, with labels: taken for classification" in capsys.readouterr().err
    assert config_of("runs/classification/001")["model"]["class_path"] == "seqtext.ClassifierModule"


def test_labels_as_targets_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    write("rows.tsv", [(f"a {word} text", ("yes", "no")[i % 2]) for i, word in enumerate(WORDS)])
    options = ["--data.train=rows.tsv", "--data.source=1", "--data.target=2", *QUICK]
    assert main(["fit", *options]) == 2
    said = capsys.readouterr().err
    assert "150 rows whose targets repeat" in said
    assert "--data.text 1 --data.label 2" in said and "--model.task translation" in said
    assert not Path("runs").exists()
    assert main(["fit", *options, "--model.task=translation"]) == 0


def test_a_corpus_that_cannot_be_read_is_told_as_ever(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["fit", "--data.train=nowhere.tsv"]) == 2
    assert "nowhere.tsv: no such file" in capsys.readouterr().err
    assert main(["fit", "--data.train=[nowhere.tsv"]) == 2
    assert "data.train" in capsys.readouterr().err


# --- the end of training ----------------------------------------------------------------------------------


@pytest.fixture
def ending(words: list[str]) -> list[str]:
    """Options of a run that ends by itself: the learning rate is too small to learn anything."""
    return [
        *words, "--trainer.accelerator=cpu", "--model.network.hidden_size=16",
        "--model.network.embedding_size=8", "--model.optimizer.learning_rate=1e-6",
        "--trainer.check_val_every_n_epoch=1", "--selection.patience=2", "--selection.monitor=val_wer",
    ]  # fmt: skip


def test_training_ends_behind_the_fall_of_the_learning_rate(
    ending: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["fit", *ending, "--run=r"]) == 0
    said = capsys.readouterr().err
    # the first of 12 updates an epoch is the best, two more are not better
    assert "no better val_wer in 2 validations; the last 11 updates begin" in said
    rows = metrics("r")
    assert [int(row["step"]) for row in rows] == [12, 24, 36, 47]
    assert float(rows[-1]["learning_rate"]) == 0
    assert all(row["val_wer"] for row in rows)
    assert result("r")["steps"] == 47
    assert "to go further" not in said


@pytest.mark.parametrize("step", [20, 40])
def test_a_run_stopped_before_or_in_the_fall_resumes_exactly(
    ending: list[str],
    step: int,
    finished: Callable[..., Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    whole = finished(*ending)
    original = EncoderDecoderModule.on_train_batch_start

    def stopping(self: EncoderDecoderModule, batch: Any, batch_idx: int) -> None:
        if self.trainer.global_step == step:
            os.kill(os.getpid(), signal.SIGINT)
        original(self, batch, batch_idx)

    with monkeypatch.context() as patch:
        patch.setattr(EncoderDecoderModule, "on_train_batch_start", stopping)
        assert main(["fit", *ending, "--run=stopped"]) == 130
    assert main(["fit", "--resume=stopped"]) == 0
    assert_equal_bits(weights(whole), weights("stopped"))
    assert result(whole)["steps"] == result("stopped")["steps"]


def test_a_run_that_was_cut_says_how_to_go_on(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    options = [
        *words,
        *QUICK,
        "--trainer.check_val_every_n_epoch=1",
        "--selection.monitor=val_loss",
    ]
    assert main(["fit", *options, "--trainer.max_steps=30", "--run=r"]) == 0
    said = capsys.readouterr().err
    assert "ended after 30 updates: trainer.max_steps is 30, and validation still improved" in said
    assert "give --trainer.max_steps a higher value with --resume r" in said


# --- mistakes ---------------------------------------------------------------------------------------------


def test_a_wrong_column_of_a_classifier_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    rows = [{"question": f"{word} it", "intent": word[0]} for word in WORDS]
    Path("q.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    options = ["--data.train=q.jsonl", "--data.text=questoin", "--data.label=intent"]
    assert main(["fit", *options]) == 2
    said = capsys.readouterr().err
    assert "no column 'questoin'" in said and "did you mean question?" in said


def test_a_classifier_is_no_task_of_pairs(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["fit", *words, "--model.task=classification"]) == 2
    said = capsys.readouterr().err
    assert "model.task" in said and "look like" not in said


def test_what_is_probably_not_meant_is_told(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    same = ["--data.target=1", "--data.validation=train.tsv", "--run=same"]
    assert main(["fit", *words, *QUICK, *same]) == 0
    said = capsys.readouterr().err
    assert "data.source and data.target are the same column" in said
    assert "data.validation: is the training corpus" in said
    swapped = ["--data.text=2", "--data.label=1", "--data.train=train.tsv", "--run=swapped"]
    assert main(["fit", *swapped, *QUICK]) == 0
    assert "120 labels of 120 texts" in capsys.readouterr().err
    assert main(["fit", *words, *QUICK, "--run=right"]) == 0
    assert not any(what in capsys.readouterr().err for what in ("same column", "labels of"))
