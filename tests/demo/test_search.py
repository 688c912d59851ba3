"""The page's translator gives what the runtime gives."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import seqtext_runtime

from seqtext.data.corpus import Corpus
from tests.demo.conftest import Node

Make = Callable[..., Path]
OPTIONS: list[dict[str, Any]] = [
    {"beam_size": 1, "max_length": 25},
    {"beam_size": 5, "max_length": 25},
    {"beam_size": 3, "length_penalty": 0.3, "length_formula": "wu", "coverage_penalty": 0.4},
    {"beam_size": 2, "coverage_penalty": 0.4, "coverage_formula": "repetition", "min_length": 4},
    {"beam_size": 4, "no_repeat_ngram_size": 2, "max_length": 9},
    {"beam_size": 4, "min_length_ratio": 0.7, "max_length_ratio": 1.3},
    {"beam_size": 30, "max_length": 2},
]


def sources(count: int) -> list[str]:
    return [str(row[0]) for row in Corpus(f"builtin:test:{count}", "en", "de").rows()]


def compare(
    node: Node, page: Path, folder: Path, texts: list[str], options: list[dict[str, Any]]
) -> None:
    calls = [(text, own) for own in options for text in texts]
    results = iter(node("translate.mjs", folder=str(page), model=str(folder), calls=calls))
    model = seqtext_runtime.load(folder)
    assert isinstance(model, seqtext_runtime.Generator)
    for own in options:
        expected = model.generate(texts, **own, n_best=own["beam_size"])
        for text, hypotheses in zip(texts, expected, strict=True):
            compare_outputs(next(results), hypotheses, f"{own} {text}")


def compare_outputs(
    result: dict[str, Any], expected: Sequence[seqtext_runtime.Hypothesis], where: str
) -> None:
    ours = result["hypotheses"]
    assert [(each["text"], each["ids"], each["pieces"], each["atLimit"]) for each in ours] == [
        (each.text, [*each.ids], [*each.pieces], each.at_limit) for each in expected
    ], where
    for name, other in (("score", "score"), ("logProb", "log_prob")):
        values = [getattr(each, other) for each in expected]
        np.testing.assert_allclose([each[name] for each in ours], values, rtol=1e-4, atol=1e-4)
    for each in ours:
        widths, sums = zip(*each["attention"], strict=True)
        assert [*widths] == [len(result["pieces"])] * (len(each["ids"]) + 1)
        np.testing.assert_allclose(sums, 1, rtol=1e-4)


def test_a_trained_model_gives_the_same(node: Node, page: Path, deployed: Path) -> None:
    texts = sources(60)
    compare(node, page, deployed, texts, OPTIONS[:2])
    compare(node, page, deployed, texts[:6], OPTIONS[2:])


def test_words_are_copied(node: Node, page: Path, generator: Make, export: Make) -> None:
    folder = export(generator(copying=True, input_feeding=True))
    texts = ["Ω≠ ☃☃", "Ω≠ sees the ☃☃ cat.", "No."]
    compare(node, page, folder, texts, [{"beam_size": 4, "max_length": 9}])
    model = seqtext_runtime.load(folder)
    assert isinstance(model, seqtext_runtime.Generator)
    ids = [
        i for own in model.generate(texts, beam_size=4, n_best=4) for each in own for i in each.ids
    ]
    assert max(ids) >= model.target.size


def test_mistakes_are_told(node: Node, page: Path, deployed: Path) -> None:
    calls = [(" ", {}), ("a", {"beam_size": 0}), ("a", {"beam_size": 1.5})]
    results = node("translate.mjs", folder=str(page), model=str(deployed), calls=calls)
    size = "The beam size is a whole number from 1 to 100."
    assert [each["error"] for each in results] == ["There is no text. Type some first.", size, size]


def test_other_models_are_refused(node: Node, page: Path, deployed: Path, tmp_path: Path) -> None:
    config = json.loads((deployed / "config.json").read_text(encoding="utf-8"))
    for change, message in (({"format": 2}, "has the format 2"), ({"graphs": {}}, "gives labels")):
        (tmp_path / "config.json").write_text(json.dumps(config | change), encoding="utf-8")
        result = node("translate.mjs", folder=str(page), model=str(tmp_path), calls=[])
        assert message in result["error"]
