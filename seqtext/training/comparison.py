"""Callback that shows what fine-tuning has gained, and what it has forgotten."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from lightning.pytorch import Callback, LightningDataModule, LightningModule, Trainer

from seqtext.console import say
from seqtext.errors import ConfigError
from seqtext.inference.generator import Generator, texts
from seqtext.inference.loading import load_generator
from seqtext.metrics import BleuTokenize, score_translations
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
        if not getattr(pl_module, "fine_tunes", False) or trainer.ckpt_path is not None:
            return
        if trainer.is_global_zero:
            generator = Generator(
                [pl_module.network],  # type: ignore[list-item]
                pl_module.tokenizers,  # type: ignore[arg-type]
                source_limit=pl_module.source_limit,  # type: ignore[arg-type]
            )
            scores = _scores(generator, pl_module, trainer.datamodule)  # type: ignore[attr-defined]
            self._write({"before": scores})

    def finish(self, trainer: Trainer, module: LightningModule, model: Path) -> None:
        """Score the finished ``model``, and tell."""
        path = self._folder() / folder.COMPARISON
        if not trainer.is_global_zero or not path.exists():
            return
        try:
            before: Scores = json.loads(path.read_text(encoding="utf-8"))["before"]
            before = {
                name: {kind: float(one[kind]) for kind in ("bleu", "chrf")}
                for name, one in before.items()
            }
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ConfigError(
                f"compare: {path}: not the scores that a run writes ({type(error).__name__}:"
                f" {error!s:.100}); move it away"
            ) from error
        generator = load_generator(model, trust=[module.config.cell])  # type: ignore[union-attr,list-item]
        after = _scores(generator, module, trainer.datamodule)  # type: ignore[attr-defined]
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


def _scores(generator: Generator, module: LightningModule, data: LightningDataModule) -> Scores:
    tokenize: BleuTokenize = module.bleu_tokenize  # type: ignore[assignment]
    scores: Scores = {}
    for name, pairs in data.compared_examples(module.decode_sentences).items():  # type: ignore[attr-defined]
        if pairs:
            found = texts(generator.generate([source for source, _ in pairs], beam_size=1))
            references = [targets for _, targets in pairs]
            found_scores = score_translations(found, references, tokenize)
            scores[name] = {"bleu": found_scores.bleu, "chrf": found_scores.chrf}
    return scores
