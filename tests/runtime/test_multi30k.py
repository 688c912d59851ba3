"""The runtime on a real corpus. Slow: it trains a small model first."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import seqtext_runtime

import seqtext
from seqtext.metrics.translation import bleu

pytestmark = pytest.mark.slow


def lines(path: Path, count: int) -> list[str]:
    return path.read_text(encoding="utf-8").split("\n")[:count]


def test_a_thousand_sentences_are_equal(
    corpora: Path, finished: Callable[..., Path], export: Callable[..., Path]
) -> None:
    folder = corpora / "translation/multi30k"
    run = finished(
        f"--data.train={folder / 'val'}", f"--data.validation={folder / 'val'}",
        "--data.source=en", "--data.target=de", "--data.tokenizer.vocab_size=2000",
        "--model.network.embedding_size=64", "--model.network.hidden_size=128",
        "--model.optimizer.schedule=constant", "--model.optimizer.learning_rate=0.004",
        "--model.decode_sentences=8", "--trainer.accelerator=cpu", "--trainer.max_epochs=12",
    )  # fmt: skip
    sources, references = (lines(folder / f"val.{side}", 1_000) for side in ("en", "de"))
    own = seqtext.load_generator(run)

    def decode(path: Path, **options: Any) -> list[str]:
        model = seqtext_runtime.load(path)
        assert isinstance(model, seqtext_runtime.Generator)
        return [best.text for best, *_ in model.generate(sources, **options)]

    exact, small = export(run), export(run, "--precision=int8")
    for size in (1, 5):
        expected = [best.text for best, *_ in own.generate(sources, beam_size=size)]
        assert len(set(expected)) > 100
        assert decode(exact, beam_size=size) == expected
        scores = [
            bleu(outputs, references, "13a")
            for outputs in (expected, decode(small, beam_size=size))
        ]
        assert scores[0] - scores[1] < 0.3
