"""Callback that shows what fine-tuning has gained, and what it has forgotten."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from lightning.pytorch import Callback, LightningModule, Trainer

from seqtext.console import say
from seqtext.errors import ConfigError
from seqtext.inference.generator import Generator
from seqtext.inference.hypothesis import texts
from seqtext.inference.loading import load_generator
from seqtext.metrics import score_translations
from seqtext.training.data import data_of
from seqtext.training.decoding import GREEDY
from seqtext.training.encoder_decoder import EncoderDecoderModule
from seqtext.training.run import folder

Scores = dict[str, dict[str, float]]  # by corpus, then by metric


class Comparison(Callback):
    """BLEU and chrF2 of several corpora, by the model that training starts from and by the one it ends with.

    Decoded greedily, as ``val_bleu`` is. Does nothing in a run that starts from random weights.

    Args:
        folder: Asked for the run's folder once training starts.
    """

    def __init__(self, folder: Callable[[], Path]) -> None:
        self._folder = folder

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Score the weights that training starts from."""
        first = trainer.is_global_zero and trainer.ckpt_path is None
        if first and isinstance(pl_module, EncoderDecoderModule) and pl_module.fine_tunes:
            self._write({"before": _scores(pl_module.generator(), pl_module)})

    def finish(self, trainer: Trainer, module: LightningModule, model: Path) -> None:
        """Score the finished ``model``, and say what has changed."""
        path = self._folder() / folder.COMPARISON
        if not isinstance(module, EncoderDecoderModule):
            return
        if not trainer.is_global_zero or not path.exists():
            return
        try:
            before: Scores = json.loads(path.read_text(encoding="utf-8"))["before"]
            before = {
                name: {metric: float(scores[metric]) for metric in ("bleu", "chrf")}
                for name, scores in before.items()
            }
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ConfigError(
                f"compare: {path}: not the scores that a run writes ({type(error).__name__}:"
                f" {error!s:.100}); move it away"
            ) from error
        generator = load_generator(model, trust=[module.config.cell])
        after = _scores(generator, module)
        self._write({"before": before, "after": after})
        for name, score in after.items():
            if name in before:
                old = before[name]
                say(
                    f"compare: {name}  BLEU {old['bleu']:.2f} before, {score['bleu']:.2f} after; chrF2"
                    f" {old['chrf']:.2f} before, {score['chrf']:.2f} after"
                )

    def _write(self, content: dict[str, Scores]) -> None:
        text = json.dumps(content, indent=2, ensure_ascii=False) + "\n"
        folder.write(self._folder() / folder.COMPARISON, text)


def _scores(generator: Generator, module: EncoderDecoderModule) -> Scores:
    scores: Scores = {}
    data = data_of(module.trainer)
    assert data is not None
    compared = data.compared_examples(module.decode_sentences)
    for name, examples in compared.items():
        if examples:
            sources, references = zip(*examples, strict=True)
            hypotheses = texts(generator.search(sources, GREEDY))
            measured = score_translations(hypotheses, references, module.bleu_tokenize)
            scores[name] = {"bleu": measured.bleu, "chrf": measured.chrf}
    return scores
