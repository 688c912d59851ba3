"""What decides a score travels in the checkpoint."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

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
    assert "|tok:char|" in scores["signature"] and "BLEU (--bleu_tokenize char), chrF2" in told
    assert "|tok:intl|" in run("--bleu_tokenize=intl")[0]["signature"]
    assert "|tok:none|" in run("--metrics=code")[0]["signature"]  # it was not trained for code
    by_character = run("--metrics=transduction")[0]
    by_word, told = run("--metrics=transduction", "--symbols=words")
    assert (by_character["symbols"], by_word["symbols"]) == ("characters", "words")
    assert by_character["ser"] != by_word["ser"] and "(--symbols words)" in told
    model = scored(None)
    assert "|tok:13a|" in run()[0]["signature"]
    assert run("--metrics=transduction")[0]["ser"] == by_word["ser"]
    assert main(["test", model, "--data.test=builtin:test:3", "--symbols=words"]) == 2
    assert "--symbols: is of --metrics transduction" in capsys.readouterr().err


def test_fine_tuning_goes_on_with_the_scores_of_its_model(
    scored: Callable[[dict[str, str] | None], str],
) -> None:
    model = scored({"bleu_tokenize": "char", "symbols": "words"})
    assert EncoderDecoderModule(init_from=model).bleu_tokenize == "char"
    assert EncoderDecoderModule(init_from=model, bleu_tokenize="13a").bleu_tokenize == "13a"
    assert EncoderDecoderModule(init_from=scored(None)).bleu_tokenize == "13a"
    assert EncoderDecoderModule(task="code").bleu_tokenize == "none"
