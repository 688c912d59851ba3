"""The modules in a script of one's own, as Lightning's documentation uses modules."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from lightning.pytorch import Callback, Trainer
from lightning.pytorch.loggers import CSVLogger

import seqtext
from seqtext import (
    ClassifierModule,
    EncoderDecoderModule,
    LabelsDataModule,
    PairsDataModule,
    checkpoint,
)
from seqtext.data.tokenizer import TokenizerConfig
from seqtext.errors import CheckpointError, ConfigError
from seqtext.nn.config import ClassifierConfig, NetworkConfig
from seqtext.training.config import OptimizerConfig
from tests.support import assert_equal_bits

NETWORK = NetworkConfig(embedding_size=16, hidden_size=24, dropout=0.0)
SMALL = ClassifierConfig(embedding_size=16, hidden_size=24, dropout=0.0)
LABELLED = [(f"{word} it", word) for word in ("open", "close", "lock") for _ in range(8)]


def pairs(**options: Any) -> PairsDataModule:
    return PairsDataModule(
        **{
            "train": "builtin:train:100", "validation": "builtin:validation:10",
            "test": "builtin:test:10", "source": "en", "target": "de",
            "tokenizer": TokenizerConfig(vocab_size=420), "batch_size": 20, **options,
        }
    )  # fmt: skip


def labels(folder: Path = Path(), **options: Any) -> LabelsDataModule:
    """Of a file in the working folder."""
    path = folder / "labels.csv"
    path.write_text("text,label\n" + "".join(f"{text},{label}\n" for text, label in LABELLED))
    tokenizer = TokenizerConfig(vocab_size=40, byte_fallback=False)
    given = dict[str, Any](
        train=path, validation=path, test=path, batch_size=8, tokenizer=tokenizer, **options
    )
    return LabelsDataModule(**given)


def translator(**options: Any) -> EncoderDecoderModule:
    return EncoderDecoderModule(**{"network": NETWORK, "decode_sentences": 4, **options})


def trainer(callbacks: Sequence[Callback] = (), **options: Any) -> Trainer:
    quiet = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False}
    return Trainer(
        **{
            "accelerator": "cpu", "max_epochs": 1, "enable_model_summary": False, **quiet,
            "callbacks": list(callbacks), **options,
        }
    )  # fmt: skip


# --- options and checkpoints ------------------------------------------------------------------------------


class Mine(EncoderDecoderModule):
    """A child with an option of its own."""

    def __init__(self, *, colour: str = "red", **options: Any) -> None:
        super().__init__(**options)
        self.colour = colour
        self.save_hyperparameters()


def test_options_and_weights_are_restored() -> None:
    module = translator(
        label_smoothing=0.0, task="code", seed=7, freeze=["encoder"],
        optimizer=OptimizerConfig(learning_rate=0.01, weight_decay=0.1),
    )  # fmt: skip
    assert module.hparams["network"]["hidden_size"] == 24
    run = trainer()
    run.fit(module, datamodule=(data := pairs(max_source_length=60, truncate_sources=True)))
    run.save_checkpoint("m.ckpt")
    restored = EncoderDecoderModule.load_from_checkpoint("m.ckpt")
    assert dict(restored.hparams) == {**module.hparams, "bleu_tokenize": "none"}
    assert restored.hparams["label_smoothing"] == restored.label_smoothing == 0.0
    assert (restored.task.name, restored.bleu_tokenize, restored.seed) == ("code", "none", 7)
    assert restored.optimizer_config == module.optimizer_config
    assert (restored.columns, restored.source_limit) == (("en", "de"), 60)
    assert_equal_bits(restored.state_dict(), module.state_dict())
    assert not any(
        p.requires_grad
        for n, p in restored.named_parameters()
        if n.startswith("network.encoder.rec")
    )
    changed = EncoderDecoderModule.load_from_checkpoint(
        "m.ckpt", optimizer={"learning_rate": 0.5}, network={"dropout": 0.3}, label_smoothing=0.2
    )
    assert (changed.optimizer_config.learning_rate, changed.label_smoothing) == (0.5, 0.2)
    assert changed.optimizer_config.weight_decay == 0.1
    assert changed.network is not None and changed.network.config.dropout == 0.3
    again = PairsDataModule.load_from_checkpoint("m.ckpt")
    assert dict(again.hparams) == dict(data.hparams)
    assert again.tokenizer == data.tokenizer
    assert PairsDataModule.load_from_checkpoint("m.ckpt", seed=3).hparams["seed"] == 3
    [before] = run.validate(module, datamodule=data, verbose=False)
    assert trainer().validate(restored, datamodule=again, verbose=False) == [before]


def test_a_classifier_is_restored() -> None:
    module = ClassifierModule(network=SMALL, label_smoothing=0.1, class_weights={"open": 2.0})
    run = trainer(max_epochs=3)
    run.fit(module, datamodule=labels())
    run.save_checkpoint("m.ckpt")
    restored = ClassifierModule.load_from_checkpoint(
        "m.ckpt", map_location="cpu", weights_only=True
    )
    assert dict(restored.hparams) == dict(module.hparams)
    assert restored.temperature == module.temperature != 1
    assert_equal_bits(restored.state_dict(), module.state_dict())
    [before] = run.validate(module, datamodule=labels(), verbose=False)
    again = LabelsDataModule.load_from_checkpoint("m.ckpt")
    assert trainer().validate(restored, datamodule=again, verbose=False) == [before]


def test_a_child_keeps_its_own_options() -> None:
    run = trainer(max_steps=1)
    run.fit(Mine(colour="blue", network=NETWORK, label_smoothing=0.3), datamodule=pairs())
    run.save_checkpoint("m.ckpt")
    mine = Mine.load_from_checkpoint("m.ckpt")
    assert (mine.colour, mine.label_smoothing, mine.config) == ("blue", 0.3, NETWORK)
    assert EncoderDecoderModule.load_from_checkpoint("m.ckpt").label_smoothing == 0.3
    assert seqtext.load("m.ckpt").generate(["The dog sleeps."])  # type: ignore[union-attr]


def test_older_checkpoints_are_described(repository: Path) -> None:
    folder = repository / "tests" / "checkpoints"
    module = EncoderDecoderModule.load_from_checkpoint(folder / "format1-translator.ckpt")
    known = checkpoint.load(folder / "format1-translator.ckpt")
    assert module.config == known.config
    assert_equal_bits(module.network.state_dict(), known.weights)  # type: ignore[union-attr]
    ClassifierModule.load_from_checkpoint(folder / "format1-classifier.ckpt")
    with pytest.raises(CheckpointError, match="classification"):
        EncoderDecoderModule.load_from_checkpoint(folder / "format1-classifier.ckpt")
    with pytest.raises(CheckpointError, match="holds no options of a data module"):
        PairsDataModule.load_from_checkpoint(folder / "format1-translator.ckpt")
    with pytest.raises(ConfigError, match="no option 'smoothing'"):
        EncoderDecoderModule.load_from_checkpoint(folder / "format1-translator.ckpt", smoothing=1)
    with pytest.raises(ConfigError, match=r"hidden_size"):
        EncoderDecoderModule.load_from_checkpoint(
            folder / "format1-translator.ckpt", network={"hidden_size": 999}
        )


def test_loggers_get_the_options_of_both() -> None:
    logged: dict[str, Any] = {}

    class Noting(CSVLogger):
        def log_hyperparams(self, params: Any = None) -> None:
            logged.update(params)

    run = trainer(max_steps=1, logger=Noting("logs"))
    run.fit(translator(seed=5), datamodule=pairs(seed=6))
    assert (logged["seed"], logged["data"]["seed"]) == (5, 6)
    assert logged["optimizer"]["learning_rate"] == 1e-3
