"""The help of ``fit``: it names options that exist, and is that of the class at hand."""

from __future__ import annotations

import dataclasses
import re
import runpy
import sys
from pathlib import Path

import pytest

from seqtext.cli import main, trainer_options
from seqtext.cli.fit import PRESET
from seqtext.cli.fit_help import help_for
from seqtext.cli.fit_options import flatten
from seqtext.cli.options import own_options, parse
from seqtext.tasks import CLASSIFICATION, LOSS, TEXT_TASKS
from seqtext.training.config import SelectionConfig

CLASSIFIER = ["--model=seqtext.ClassifierModule", "--data=seqtext.LabelsDataModule"]
KINDS = pytest.mark.parametrize("words", [[], CLASSIFIER], ids=["pairs", "labels"])


def kind(text: str) -> str:
    """The kind of model that a help is of."""
    kinds = {"labels": "--data.label ", "pairs": "--data.target "}
    [kind] = [name for name, option in kinds.items() if option in text]
    return kind


@KINDS
def test_help_names_options_that_exist(words: list[str]) -> None:
    own, arguments = own_options(["--data.train=x", *words], PRESET)
    known = flatten(parse(arguments, PRESET, own.trusted).config.as_dict())
    named = re.findall(r"--((?:data|model|selection|trainer)(?:\.\w+)+)", help_for(words, PRESET))
    assert len(named) > 20
    for name in named:
        assert name in known or name.endswith(".help"), name


@KINDS
def test_every_line_of_several_options_names_options_that_exist(words: list[str]) -> None:
    own, arguments = own_options(["--data.train=x", *words], PRESET)
    known = flatten(parse(arguments, PRESET, own.trusted).config.as_dict())
    for option, also in re.findall(r"--([\w.]+) \S+ +also ([\w, ]+)", help_for(words, PRESET)):
        for name in re.findall(r"\w+", also):
            assert f"{option.rpartition('.')[0]}.{name}" in known, name


def test_help_names_the_scores_of_the_class() -> None:
    pairs, labels = help_for([], PRESET), help_for(CLASSIFIER, PRESET)
    for key in [key for task in TEXT_TASKS.values() for key in task.keys]:
        assert key in pairs and (key in CLASSIFICATION.keys or key not in labels)
    assert all(key in labels for key in (*CLASSIFICATION.keys, LOSS.key))


def test_the_first_lines_lead_to_the_other_help() -> None:
    classes = ["EncoderDecoderModule", "ClassifierModule"]
    for words, other in zip(([], CLASSIFIER), reversed(classes), strict=True):
        head = help_for(words, PRESET).partition("\n\n  --")[0]
        assert f"seqtext fit --model seqtext.{other} --help" in head


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ([], "pairs"),
        (["--model", "seqtext.ClassifierModule"], "labels"),
        (["--model=mine.Mine"], "pairs"),
        (["--data.text", "title", "--data.train=a.tsv"], "labels"),
        (["--recipe", "classification/banking77"], "labels"),
        (["--recipe=classification/banking77", "--model=seqtext.EncoderDecoderModule"], "pairs"),
        (["--config=recipes/classification/trec.yaml"], "labels"),
        (["--config", "mine.yaml"], "labels"),
        (["--config=nowhere.yaml"], "pairs"),
        (["--config={model: seqtext.ClassifierModule}"], "labels"),
    ],
)
def test_help_is_of_the_class_at_hand(
    words: list[str], expected: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("mine.yaml").write_text("model:\n  class_path: seqtext.ClassifierModule\n")
    assert main(["fit", *words, "--help"]) == 0
    assert kind(capsys.readouterr().out) == expected


def test_help_of_a_script_with_a_class_of_its_own() -> None:
    preset = {"model": {"class_path": "mine.Mine"}}
    assert kind(help_for([], preset)) == "pairs"
    assert kind(help_for(["--recipe=classification/trec"], preset)) == "labels"


def test_help_of_a_recipe_that_is_not_there(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["fit", "--recipe=classification/banking7", "--help"]) == 2
    assert "did you mean classification/banking77?" in capsys.readouterr().err


@pytest.mark.parametrize(("task", "expected"), [("classification", "labels"), ("code", "pairs")])
def test_help_of_a_script(
    task: str,
    expected: str,
    repository: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(sys, "argv", ["train.py", "fit", "--help"])
    with pytest.raises(SystemExit) as stopped:
        runpy.run_path(str(repository / f"recipes/{task}/train.py"), run_name="__main__")
    assert stopped.value.code == 0
    assert kind(capsys.readouterr().out) == expected


@pytest.mark.parametrize(
    ("words", "options"),
    [([], ("model.copying", "data.target")), (CLASSIFIER, ("network.pooling", "data.label"))],
    ids=["pairs", "labels"],
)
def test_all_options_of_the_class(
    words: list[str], options: tuple[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert all(main(["fit", *words, f"--{section}.help"]) == 0 for section in ("model", "data"))
    shown = capsys.readouterr().out
    assert "label_smoothing" in shown and "batch_tokens" in shown
    assert all(option.rpartition(".")[2] in shown for option in options)


def test_all_options_of_the_selection(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["fit", "--selection.help"]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    for field in dataclasses.fields(SelectionConfig):
        assert f"--selection.{field.name} " in shown
    assert "default: 4)" in shown  # of average_best


def test_all_options_of_the_trainer(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["fit", "--recipe=translation/builtin", "--trainer.help"]) == 0
    shown = capsys.readouterr().out
    assert all(f"--trainer.{name} " in shown for name in trainer_options.WORKS)
    assert not any(f"--trainer.{name} " in shown for name in trainer_options.REFUSED)
    clip = shown.partition("--trainer.gradient_clip_val ")[2].partition("--trainer.")[0]
    assert "default: 1.0" in clip  # ours, not Lightning's
