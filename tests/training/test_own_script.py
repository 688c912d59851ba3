"""The modules in a script of one's own, as Lightning's documentation uses modules."""

from __future__ import annotations

import dataclasses
import json
import math
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning.pytorch import Callback, Trainer
from lightning.pytorch.callbacks import (
    EarlyStopping,
    EMAWeightAveraging,
    LearningRateFinder,
    ModelCheckpoint,
    StochasticWeightAveraging,
)
from lightning.pytorch.loggers import CSVLogger
from lightning.pytorch.tuner.tuning import Tuner
from torchmetrics import MeanMetric

import seqtext
from seqtext import (
    ClassifierModule,
    EncoderDecoderModule,
    LabelsDataModule,
    PairsDataModule,
    checkpoint,
)
from seqtext.cli import main
from seqtext.data.batch import Batch
from seqtext.data.corpus import Corpus
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
    given: dict[str, Any] = {"train": path, "validation": path, "test": path, "batch_size": 8}
    return LabelsDataModule(**{**given, "tokenizer": tokenizer, **options})


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


def test_ngrams_travel_with_a_classifier() -> None:
    """Their buckets follow from the tokenizer in the checkpoint."""
    network = dataclasses.replace(SMALL, character_ngrams=4, ngram_buckets=128)
    module = ClassifierModule(network=network)
    run = trainer(max_epochs=3)
    run.fit(module, datamodule=(data := labels()))
    run.save_checkpoint("m.ckpt")
    texts = ["open it", "LOCK IT", "", "unseen words"]
    loaded = seqtext.load_classifier("m.ckpt")
    alone = loaded.probabilities(texts, batch_size=1)
    assert torch.allclose(loaded.probabilities(texts), alone, atol=1e-6)
    [before] = run.validate(module, datamodule=data, verbose=False)
    restored = ClassifierModule.load_from_checkpoint("m.ckpt", map_location="cpu")
    assert trainer().validate(restored, datamodule=labels(), verbose=False) == [before]
    expected = [own["top"] for own in module.predict_step(texts, 0)]
    assert [own.top for own in loaded.classify(texts)] == expected
    assert module.network is not None and module.network.ngrams is not None
    learned = module.network.ngrams.embedding.weight.detach().clone()
    torch.nn.init.zeros_(loaded.networks[0].ngrams.embedding.weight)  # type: ignore[union-attr]
    assert learned.any()
    assert [own.top for own in loaded.classify(texts)] != expected


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


# --- test, predict, forward -------------------------------------------------------------------------------


def test_a_translator_is_tested_and_predicts(capsys: pytest.CaptureFixture[str]) -> None:
    module, data = translator(), pairs()
    run = trainer(max_epochs=2)
    run.fit(module, datamodule=data)
    run.save_checkpoint("m.ckpt")
    [scores] = run.test(module, datamodule=data, verbose=False)
    restored = EncoderDecoderModule.load_from_checkpoint("m.ckpt")
    # a data module that has read nothing else
    assert trainer().test(restored, datamodule=pairs(train="none.tsv"), verbose=False) == [scores]
    corpus = ["--data.test=builtin:test:10", "--data.source=en", "--data.target=de"]
    capsys.readouterr()
    assert main(["test", "m.ckpt", *corpus]) == 0
    told = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert {name: round(value, 2) for name, value in scores.items() if name != "test_loss"} == {
        "test_bleu": told["bleu"], "test_chrf": told["chrf"],
    }  # fmt: skip
    predicted = trainer().predict(restored, datamodule=pairs(train="none.tsv"))
    sources = [source for source, _ in Corpus("builtin:test:10", "en", "de", "test").rows()]
    generator = seqtext.load_generator("m.ckpt")
    expected = [best.text for best, *_ in generator.generate(sources)]
    assert predicted == [expected]
    loader: Any = torch.utils.data.DataLoader(sources, batch_size=5)  # type: ignore[arg-type]
    batches: Any = trainer().predict(restored, dataloaders=loader)
    assert [text for batch in batches for text in batch] == expected
    batch: Any = next(iter(data.val_dataloader()))
    assert restored(batch).shape == (*batch.target_input.shape, 420)
    with pytest.raises(ConfigError, match=r"data\.test: no corpus to test on"):
        trainer().test(restored, datamodule=pairs(test=None))


def test_a_classifier_is_tested_and_predicts() -> None:
    module, data = ClassifierModule(network=SMALL), labels(validation=LABELLED, batch_size=2)
    run = trainer(max_epochs=5)
    run.fit(module, datamodule=data)
    run.save_checkpoint("m.ckpt")
    [scores] = run.test(module, datamodule=data, verbose=False)
    restored = ClassifierModule.load_from_checkpoint("m.ckpt")
    again = labels(batch_size=2)
    assert trainer().test(restored, datamodule=again, verbose=False) == [scores]
    assert {"test_loss", "test_accuracy", "test_macro_f1"} <= scores.keys()
    classified = seqtext.load_classifier("m.ckpt").classify([text for text, _ in LABELLED])
    right = [own.labels == (label,) for own, (_, label) in zip(classified, LABELLED, strict=True)]
    assert scores["test_accuracy"] == pytest.approx(100 * sum(right) / len(right), abs=0.01)
    [predicted] = trainer().predict(restored, datamodule=labels())  # type: ignore[misc]
    assert predicted == [vars(own) for own in classified]
    batch: Any = next(iter(data.val_dataloader()))
    assert restored(batch).shape == (len(batch.source), 3)
    assert restored.predict_step(batch, 0)


# --- loaders without a data module ------------------------------------------------------------------------


def test_loaders_alone() -> None:
    data = pairs()
    data.prepare_data()
    data.setup("fit")
    loaders: Any = data.train_dataloader(), data.val_dataloader()
    module, unknown = translator(), translator()
    run = trainer()
    run.fit(module, *loaders)  # which bring the tokenizers
    plain: Any = torch.utils.data.DataLoader(list(loaders[0]), batch_size=None)  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match=r"call module\.build\(tokenizers\) before"):
        trainer().fit(unknown, plain)
    unknown.build(data.tokenizers)  # type: ignore[arg-type]
    trainer().fit(unknown, plain)
    assert_equal_bits(module.state_dict(), unknown.state_dict())
    with_data = translator()
    other = trainer()
    other.fit(with_data, datamodule=pairs())
    assert_equal_bits(module.state_dict(), with_data.state_dict())
    assert run.callback_metrics["val_loss"] == other.callback_metrics["val_loss"]
    assert "val_bleu" in run.callback_metrics
    assert len(module.samples) == 4
    run.save_checkpoint("m.ckpt")
    assert seqtext.load_generator("m.ckpt").generate(["The dog sleeps."])
    [scores] = run.test(module, dataloaders=loaders[1], verbose=False)
    assert {"test_loss", "test_bleu", "test_chrf"} <= scores.keys()


def test_a_classifier_with_loaders_alone() -> None:
    data = labels()
    data.prepare_data()
    data.setup("fit")
    loaders: Any = data.train_dataloader(), data.val_dataloader()
    module = ClassifierModule(network=SMALL, class_weights="balanced")
    module.build(data.tokenizers)  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match=r"class_weights: count the labels"):
        trainer().fit(module, *loaders)
    module = ClassifierModule(network=SMALL)
    run = trainer()
    run.fit(module, *loaders)
    assert "val_accuracy" in run.callback_metrics


# --- an optimizer of one's own ----------------------------------------------------------------------------


class Descent(EncoderDecoderModule):
    """Trains with an optimizer of its own, with a schedule or without."""

    scheduled = False

    def configure_optimizers(self) -> Any:
        optimizer = torch.optim.SGD(self.parameters(), lr=0.1, momentum=0.9)
        if not self.scheduled:
            return optimizer
        return [optimizer], [torch.optim.lr_scheduler.StepLR(optimizer, 1, 0.5)]


class ScheduledDescent(Descent):
    scheduled = True


@pytest.mark.parametrize("kind", [Descent, ScheduledDescent])
def test_an_own_optimizer_trains_and_resumes(kind: type[Descent]) -> None:
    whole, half = kind(network=NETWORK), kind(network=NETWORK)
    run = trainer(max_epochs=2)
    run.fit(whole, datamodule=pairs())
    first = trainer()
    first.fit(half, datamodule=pairs())
    first.save_checkpoint("m.ckpt")
    resumed = kind(network=NETWORK)
    run_on = trainer(max_epochs=2)
    run_on.fit(resumed, datamodule=pairs(), ckpt_path="m.ckpt", weights_only=True)
    assert_equal_bits(whole.state_dict(), resumed.state_dict())
    rate = 0.025 if kind.scheduled else 0.1
    assert run_on.optimizers[0].param_groups[0]["lr"] == pytest.approx(rate)


# --- callbacks --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("monitor", "mode"), [("train_loss", "min"), ("val_loss", "min"), ("val_bleu", "max")]
)
def test_checkpoints_of_the_best_and_early_stopping(monitor: str, mode: str) -> None:
    best = ModelCheckpoint("kept", monitor=monitor, mode=mode, save_weights_only=True)
    stopping = EarlyStopping(monitor, mode=mode, patience=5)
    run = trainer([best, stopping], max_epochs=2, enable_checkpointing=True)
    run.fit(translator(optimizer=OptimizerConfig(learning_rate=0.01)), datamodule=pairs())
    assert best.best_model_score is not None
    assert seqtext.load_generator(best.best_model_path).generate(["The dog sleeps."])
    assert stopping.best_score == best.best_model_score


def test_train_loss_is_the_mean_over_pieces() -> None:
    totals: list[float] = []

    class Adding(EncoderDecoderModule):
        def on_train_epoch_start(self) -> None:
            super().on_train_epoch_start()
            self.sums, self.pieces = 0.0, 0

        def loss_of(self, batch: Batch) -> tuple[torch.Tensor, torch.Tensor]:
            loss, divisor = super().loss_of(batch)
            if self.training:
                self.sums, self.pieces = (
                    self.sums + float(loss.detach()),
                    self.pieces + int(divisor),
                )
            return loss, divisor

        def on_train_epoch_end(self) -> None:
            super().on_train_epoch_end()
            totals.append(self.sums / self.pieces)

    run = trainer()
    run.fit(Adding(network=NETWORK), datamodule=pairs(batch_size=None, batch_tokens=200))
    assert float(run.callback_metrics["train_loss"]) == pytest.approx(totals[0], rel=1e-5)


def test_moving_averages_keep_ids_whole() -> None:
    network = NetworkConfig(embedding_size=16, hidden_size=24, dropout=0.0, copying=True)
    plain, averaged = translator(network=network), translator(network=network)
    trainer().fit(plain, datamodule=pairs())
    run = trainer([EMAWeightAveraging(decay=0.9)])
    run.fit(averaged, datamodule=pairs())
    ids, same = (module.state_dict()["network.copy_ids"] for module in (plain, averaged))
    assert torch.equal(ids, same)
    name = "network.decoder.embedding.weight"
    assert not torch.equal(plain.state_dict()[name], averaged.state_dict()[name])
    [scores] = run.validate(averaged, datamodule=pairs(), verbose=False)
    run.save_checkpoint("m.ckpt")
    restored = EncoderDecoderModule.load_from_checkpoint("m.ckpt")
    assert trainer().validate(restored, datamodule=pairs(), verbose=False) == [scores]


def test_stochastic_averages() -> None:
    averaging = StochasticWeightAveraging(swa_lrs=0.01, swa_epoch_start=1, annealing_epochs=1)
    module = translator()
    run = trainer([averaging], max_epochs=3)
    run.fit(module, datamodule=pairs())
    assert averaging.n_averaged is not None and int(averaging.n_averaged) > 1
    average = averaging._average_model
    assert average is not None
    assert_equal_bits(module.state_dict(), average.state_dict())


# --- tuners -----------------------------------------------------------------------------------------------


def test_a_learning_rate_is_found_and_used() -> None:
    rates: list[float] = []

    class Noting(Callback):
        def on_train_batch_start(self, trainer: Trainer, *_: Any) -> None:
            rates.append(trainer.optimizers[0].param_groups[0]["lr"])

    warm = OptimizerConfig(schedule="inverse_sqrt", warmup_steps=4)
    module, data = translator(optimizer=warm), pairs()
    found = Tuner(trainer(max_epochs=100, limit_val_batches=0)).lr_find(module, datamodule=data)
    assert found is not None
    suggestion = found.suggestion()
    assert suggestion is not None and 3e-4 < suggestion < 0.3
    # the mean over pieces is ln 420 at first, and Lightning smooths it to about half of that
    assert found.results["loss"][0] == pytest.approx(math.log(420) / 2, abs=0.5)
    assert module.learning_rate == module.optimizer_config.learning_rate == suggestion
    assert module.hparams["optimizer"]["learning_rate"] == suggestion
    run = trainer([Noting()])
    run.fit(module, datamodule=data)
    assert rates == pytest.approx([suggestion * share for share in (0.25, 0.5, 0.75, 1, 0.894427)])


def test_a_learning_rate_is_found_in_the_run_itself() -> None:
    rates: list[float] = []

    class Noting(Callback):
        def on_train_batch_start(self, trainer: Trainer, *_: Any) -> None:
            rates.append(trainer.optimizers[0].param_groups[0]["lr"])

    warm = OptimizerConfig(schedule="inverse_sqrt", warmup_steps=4)
    module = translator(optimizer=warm)
    run = trainer([LearningRateFinder(num_training_steps=30), Noting()], max_epochs=7)
    run.fit(module, datamodule=pairs())
    assert module.learning_rate != 1e-3
    assert rates[:2] == pytest.approx([module.learning_rate * share for share in (0.25, 0.5)])
    assert len(rates) == 35


@pytest.mark.parametrize("name", ["batch_tokens", "batch_size"])
def test_a_size_of_updates_is_found_and_used(name: str) -> None:
    data, module = pairs(**{"batch_size": None, name: 16}), translator()
    run = trainer(limit_val_batches=0)
    size = Tuner(run).scale_batch_size(
        module, datamodule=data, batch_arg_name=name, init_val=10, max_trials=4, steps_per_trial=1
    )
    assert size == getattr(data, name) == data.hparams[name] == 80
    batch = next(iter(data.train_dataloader()))
    used = (
        max(batch.source.numel(), batch.labels.numel())
        if name == "batch_tokens"
        else len(batch.source)
    )
    assert 40 < used <= 80
    other = "batch_size" if name == "batch_tokens" else "batch_tokens"
    with pytest.raises(Exception, match=f"{other}.*not found"):
        Tuner(trainer()).scale_batch_size(module, datamodule=data, batch_arg_name=other)


# --- an extra metric --------------------------------------------------------------------------------------


class WithLength(EncoderDecoderModule):
    """Logs the mean number of characters of the outputs, and the perplexity of every batch."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.perplexity = MeanMetric()

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        super().validation_step(batch, batch_idx)
        loss, pieces = self.loss_of(batch)
        self.perplexity.update((loss / pieces).exp(), weight=pieces)
        self.log("val_perplexity", self.perplexity, on_epoch=True)

    def on_validation_epoch_end(self) -> None:
        super().on_validation_epoch_end()
        lengths = [len(output) for _, _, output in self.samples]
        self.log("val_length", sum(lengths) / len(lengths))


def test_a_metric_of_ones_own() -> None:
    best = ModelCheckpoint("kept", monitor="val_length", save_weights_only=True)
    module = WithLength(network=NETWORK, decode_sentences=4)
    run = trainer([best], enable_checkpointing=True)
    run.fit(module, datamodule=pairs())
    metrics = run.callback_metrics
    assert {"val_loss", "val_bleu", "val_perplexity", "val_length"} <= metrics.keys()
    assert float(metrics["val_perplexity"]) == pytest.approx(
        math.exp(float(metrics["val_loss"])), rel=0.05
    )
    assert best.best_model_score == metrics["val_length"]
    assert seqtext.load_generator(best.best_model_path).generate(["The dog sleeps."])


# --- the page, and a class of one's own in the command ----------------------------------------------------


def test_the_page_runs_as_it_stands(repository: Path) -> None:
    page = (repository / "docs" / "lightning.md").read_text(encoding="utf-8")
    names: dict[str, Any] = {}
    for cell in re.findall(r"```python\n(.*?)```", page, re.DOTALL):
        exec(cell, names)
    assert {"test_loss", "test_bleu", "test_chrf"} <= names["scores"].keys()
    assert len(names["texts"]) == 2
    assert names["best_output"].text == names["texts"][0]
    run = trainer()
    run.fit(names["WithLength"](network=NETWORK), datamodule=pairs())
    assert run.callback_metrics["val_length"] > 0


def test_a_typed_class_of_the_current_folder_trains(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("ownmodule.py").write_text(
        "from typing import Any\n\nfrom seqtext import EncoderDecoderModule\n\n\n"
        "class Mine(EncoderDecoderModule):\n"
        "    def __init__(self, *, colour: str = 'red', **options: Any) -> None:\n"
        "        super().__init__(**options)\n"
        "        print('colour', colour)\n"
    )
    monkeypatch.setattr(sys, "path", [path for path in sys.path if path])
    options = ["--data.train=builtin:train:100", "--data.source=en", "--data.target=de"]
    options += ["--data.tokenizer.vocab_size=420", "--trainer.max_steps=1", "--run=r"]
    options += ["--model.network.embedding_size=16", "--model.network.hidden_size=24"]
    try:
        assert main(["fit", "--model=ownmodule.Mine", "--model.colour=blue", *options]) == 0
    finally:
        sys.modules.pop("ownmodule", None)
    assert checkpoint.read("r/last.ckpt")["hyper_parameters"]["colour"] == "blue"
