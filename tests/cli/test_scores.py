"""What decides a score travels in the checkpoint."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from seqtext.cli import main
from seqtext.training.encoder_decoder import EncoderDecoderModule


@pytest.fixture
def scored(trained: Path) -> Callable[[dict[str, str] | None], str]:
    """Write a copy of the trained checkpoint that says how it was scored. None: as older ones."""

    def write(scoring: dict[str, str] | None) -> str:
        content = torch.load(trained / "best.ckpt", weights_only=True)
        del content["seqtext"]["digest"]
        assert content["seqtext"].pop("scoring") == {"bleu_tokenize": "13a", "symbols": "words"}
        if scoring is not None:
            content["seqtext"]["scoring"] = scoring
        torch.save(content, "copy.ckpt")
        return "copy.ckpt"

    return write


def test_scores_are_measured_as_in_training(
    scored: Callable[[dict[str, str] | None], str], capsys: pytest.CaptureFixture[str]
) -> None:
    def run(*options: str) -> tuple[dict[str, Any], str]:
        assert main(["test", model, "--data.test=builtin:test:3", "--beam_size=1", *options]) == 0
        told = capsys.readouterr()
        return json.loads(told.out.splitlines()[-1]), told.err

    model = scored({"bleu_tokenize": "char", "symbols": "characters"})
    scores, told = run()
    assert "|tok:char|" in scores["signature"]
    assert f"test: BLEU ({scores['signature']}), chrF2 (" in told
    assert "greedy search; 3 sentences" in told
    assert "|tok:intl|" in run("--bleu_tokenize=intl")[0]["signature"]
    assert "|tok:none|" in run("--task=code")[0]["signature"]  # it was not trained for code
    by_character = run("--task=transduction")[0]
    by_word, told = run("--task=transduction", "--symbol_unit=words")
    assert (by_character["symbols"], by_word["symbols"]) == ("characters", "words")
    assert by_character["ser"] != by_word["ser"] and "error rate (words)" in told
    model = scored(None)
    assert "|tok:13a|" in run()[0]["signature"]
    assert run("--task=transduction")[0]["ser"] == by_word["ser"]
    assert main(["test", model, "--data.test=builtin:test:3", "--symbol_unit=words"]) == 2
    assert "--symbol_unit: is of --task transduction" in capsys.readouterr().err


def test_fine_tuning_goes_on_with_the_scores_of_its_model(
    scored: Callable[[dict[str, str] | None], str],
) -> None:
    model = scored({"bleu_tokenize": "char", "symbols": "words"})
    assert EncoderDecoderModule(init_from=model).bleu_tokenize == "char"
    assert EncoderDecoderModule(init_from=model, bleu_tokenize="13a").bleu_tokenize == "13a"
    assert EncoderDecoderModule(init_from=scored(None)).bleu_tokenize == "13a"
    assert EncoderDecoderModule(task="code").bleu_tokenize == "none"


def test_a_validation_says_what_it_measures(
    tiny: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--model.task=code", "--model.bleu_tokenize=char", "--run=r"]
    assert main(["fit", *tiny, *options]) == 0
    told = [line for line in capsys.readouterr().err.splitlines() if "validation: " in line]
    assert len(told) == 1  # of two validations
    for fact in ("BLEU (", "|tok:char|", "version:", "exact match", "greedy search", "8 sentences"):
        assert fact in told[0]


# --- the corpus of the run ------------------------------------------------------------------------------


@pytest.fixture
def run_with(trained: Path) -> Callable[[str | None], Path]:
    """Copy a run whose configuration names this test corpus."""

    def copy(corpus: str | None) -> Path:
        shutil.copytree(trained, "r", dirs_exist_ok=True)
        file = Path("r/config.yaml")
        content = yaml.safe_load(file.read_text(encoding="utf-8"))
        content["data"]["init_args"]["test"] = corpus
        file.write_text(yaml.safe_dump(content), encoding="utf-8")
        return Path("r")

    return copy


@pytest.mark.parametrize("name", ["r", "r/last.ckpt"])
def test_the_runs_own_test_corpus_is_the_default(
    name: str, run_with: Callable[[str | None], Path], capsys: pytest.CaptureFixture[str]
) -> None:
    run_with("builtin:test:3")
    assert main(["test", name]) == 0
    told = capsys.readouterr().err
    assert "builtin:test:3" in told and "data.test" in told and "r/config.yaml" in told
    assert "3 sentences" in told
    assert main(["test", name, "--data.test=builtin:test:2"]) == 0
    told = capsys.readouterr().err
    assert "2 sentences" in told and "config.yaml" not in told


def test_without_a_test_corpus(
    run_with: Callable[[str | None], Path], capsys: pytest.CaptureFixture[str]
) -> None:
    run = run_with(None)
    assert main(["test", "r"]) == 2
    told = capsys.readouterr().err
    assert "--data.test" in told and "r/config.yaml has no data.test" in told
    (run / "config.yaml").unlink()
    assert main(["test", "r/best.ckpt"]) == 2
    told = capsys.readouterr().err
    assert "--data.test" in told and "r/best.ckpt belongs to no run" in told
    assert main(["test", "nowhere"]) == 2
    assert "nowhere: no such file" in capsys.readouterr().err
