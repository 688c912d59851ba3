"""Checkpoints of earlier versions of seqtext still load, and decode as they did."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import seqtext

FOLDER = Path(__file__).parent / "checkpoints"  # make.py there says how they were made


@pytest.fixture(scope="module")
def expected() -> dict[str, Any]:
    """What the version that wrote the files made of its sentences."""
    content: dict[str, Any] = json.loads((FOLDER / "format1.json").read_text(encoding="utf-8"))
    return content


def test_translator_of_format_1(expected: dict[str, Any]) -> None:
    translator = seqtext.load_generator(FOLDER / "format1-translator.ckpt")
    hypotheses = translator.generate(expected["sentences"], beam_size=3, n_best=2)
    for several, known in zip(hypotheses, expected["translator"], strict=True):
        assert [best.text for best in several] == [text for text, _ in known]
        assert [best.score for best in several] == pytest.approx(
            [score for _, score in known], rel=1e-4
        )


def test_classifier_of_format_1(expected: dict[str, Any]) -> None:
    classifier = seqtext.load_classifier(FOLDER / "format1-classifier.ckpt")
    probabilities = classifier.probabilities(expected["sentences"]).tolist()
    for row, known in zip(probabilities, expected["probabilities"], strict=True):
        assert row == pytest.approx(known, rel=1e-4)
    decisions = classifier.classify(expected["sentences"])
    assert [[*decision.labels] for decision in decisions] == expected["labels"]
