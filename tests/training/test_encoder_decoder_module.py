"""Gradients, precision and schedules of the LightningModule."""

from __future__ import annotations

import csv
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from lightning.pytorch import Callback, LightningModule, Trainer
from torch import Tensor

from seqtext import EncoderDecoderModule, PairsDataModule
from seqtext.cli import main
from seqtext.data.batch import Batch, LabelledBatch
from seqtext.data.bucketing import Place
from seqtext.data.tokenizer import TokenizerConfig
from seqtext.errors import ConfigError
from seqtext.metrics import BleuTokenize, score_translations
from seqtext.nn.config import NetworkConfig
from seqtext.nn.encoder_decoder import EncoderDecoder
from seqtext.nn.precision import has_bfloat16
from seqtext.training import decoding
from seqtext.training.config import OptimizerConfig
from seqtext.training.optimizer import learning_rate_share
from tests.support import run_here


def gradients(out: Path, devices: int, accumulation: int, limit: int = 0) -> torch.Tensor:
    program = Path(__file__).parent / "gradients.py"
    command = [str(part) for part in (program, out, devices, accumulation, limit)]
    if devices == 1:
        run_here(*command)
    else:
        subprocess.run([sys.executable, *command], check=True, timeout=300)
    saved: torch.Tensor = torch.load(out, weights_only=True)
    return saved


def data_module(validation: str | None = None) -> PairsDataModule:
    return PairsDataModule(
        train="builtin:train:100",
        validation=validation,
        source="en",
        target="de",
        tokenizer=TokenizerConfig(vocab_size=420),
        batch_size=20,
    )


@pytest.fixture(scope="module")
def one_process(tmp_path_factory: pytest.TempPathFactory) -> torch.Tensor:
    return gradients(tmp_path_factory.mktemp("gradients") / "one.pt", 1, 1)


def token_mean_gradient(batches: Iterable[Batch | LabelledBatch]) -> torch.Tensor:
    """Of the mean over all pieces of ``batches``, computed in one plain backward pass."""
    data = data_module()
    data.prepare_data()
    data.setup("fit")
    assert data.tokenizers is not None
    module = EncoderDecoderModule(
        network=NetworkConfig(embedding_size=16, hidden_size=24, dropout=0.0)
    )
    module.build(data.tokenizers)
    network = module.network
    assert isinstance(network, EncoderDecoder)
    total, pieces = torch.zeros(()), 0
    for batch in batches:
        assert isinstance(batch, Batch)
        logits = network(batch.source, batch.source_lengths, batch.target_input)
        total = total + F.cross_entropy(
            logits.flatten(0, 1), batch.labels.flatten(), label_smoothing=0.1, reduction="sum"
        )
        pieces += int((batch.labels >= 0).sum())
    (total / pieces).backward()
    gradients = [p.grad for p in network.parameters() if p.grad is not None]
    return torch.cat([gradient.flatten() for gradient in gradients])


def test_gradient_is_that_of_the_mean_over_pieces(one_process: torch.Tensor) -> None:
    data = data_module()
    data.prepare_data()
    data.setup("fit")
    for batch, gradient in zip(data.train_dataloader(), one_process, strict=True):
        torch.testing.assert_close(gradient, token_mean_gradient([batch]), rtol=1e-4, atol=1e-6)


def test_accumulation_does_not_change_the_gradient(
    one_process: torch.Tensor, tmp_path: Path
) -> None:
    torch.testing.assert_close(gradients(tmp_path / "g.pt", 1, 4), one_process, rtol=0, atol=1e-6)


@pytest.mark.slow
def test_two_processes_do_not_change_the_gradient(
    one_process: torch.Tensor, tmp_path: Path
) -> None:
    torch.testing.assert_close(gradients(tmp_path / "g.pt", 2, 2), one_process, rtol=0, atol=1e-6)


@pytest.mark.parametrize("devices", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_short_last_window_counts_its_own_pieces(tmp_path: Path, devices: int) -> None:
    """Six batches in windows of four: the second update stands on two batches of each rank."""
    found = gradients(tmp_path / "g.pt", devices, 4, limit=6)
    data = data_module()
    data.prepare_data()
    data.setup("fit")
    batches = []
    for rank in range(devices):
        place = Place(rank=rank, ranks=devices, accumulation=4)
        batches += list(data.training_set.loader(place, 0, asked_ahead=True))[4:6]
    assert len(found) == 2
    torch.testing.assert_close(found[1], token_mean_gradient(batches), rtol=0, atol=1e-6)


def test_bfloat16_with_fused_adam_and_clipping() -> None:
    if not has_bfloat16():
        pytest.skip("this processor has no bfloat16")
    module = EncoderDecoderModule(
        network=NetworkConfig(embedding_size=16, hidden_size=24, dropout=0.1),
        optimizer=OptimizerConfig(learning_rate=0.01),
        decode_sentences=0,
    )
    trainer = Trainer(
        accelerator="cpu",
        precision="bf16-mixed",
        gradient_clip_val=0.5,
        max_epochs=4,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    norms, losses = [], []

    def after(module_: EncoderDecoderModule, *_: object) -> None:
        parts = [p.grad.norm() for p in module_.parameters() if p.grad is not None]
        norms.append(float(torch.stack(parts).norm()))
        losses.append(module_.train_totals()[0])

    module.on_train_batch_end = lambda *args: after(module, *args)  # type: ignore[method-assign]
    trainer.fit(module, datamodule=data_module())
    assert trainer.optimizers[0].defaults["fused"]
    assert max(norms) <= 0.5 * 1.001
    assert losses[-1] < losses[0] - 0.5


@pytest.mark.parametrize("tokenize", ["13a", "char", "none"])
def test_val_bleu_is_by_bleu_tokenize(
    tokenize: BleuTokenize, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = EncoderDecoderModule(
        network=NetworkConfig(embedding_size=16, hidden_size=24), bleu_tokenize=tokenize
    )
    data = data_module(validation="builtin:validation:20")
    data.prepare_data()
    data.setup("validate")
    references = [reference for _, [reference] in data.validation_examples(20)]
    hypotheses = [reference.replace("e", "", 1) for reference in references]
    monkeypatch.setattr(decoding, "texts", lambda _: hypotheses)
    trainer = Trainer(
        accelerator="cpu", logger=False, enable_checkpointing=False, enable_progress_bar=False
    )
    trainer.validate(module, datamodule=data, verbose=False)
    expected = score_translations(hypotheses, references, tokenize).bleu
    assert float(trainer.callback_metrics["val_bleu"]) == pytest.approx(expected, abs=0.01)
    others = {
        score_translations(hypotheses, references, name).bleu for name in ("13a", "char", "none")
    }
    assert len(others) == 3 and min(others) > 1


def test_learning_rate_falls_as_its_schedule_says() -> None:
    cosine = OptimizerConfig(schedule="cosine", warmup_steps=10, min_learning_rate_share=0.1)
    shares = [learning_rate_share(cosine, step, 100) for step in range(100)]
    assert shares[:10] == pytest.approx([(step + 1) / 10 for step in range(10)])
    assert shares[54] == pytest.approx(0.55)  # half-way between 1 and 0.1
    assert shares[99] == pytest.approx(0.1)
    assert learning_rate_share(cosine, 500, 100) == pytest.approx(0.1)
    constant = OptimizerConfig(warmup_steps=2)
    assert [learning_rate_share(constant, step, 9) for step in range(3)] == [0.5, 1, 1]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"schedule": "inverse_sqrt"}, "inverse_sqrt needs optimizer.warmup_steps"),
        ({"schedule": "plateau", "warmup_steps": 3}, "plateau has no warm-up"),
        ({"learning_rate": 0.0}, "learning_rate: 0.0, expected more than 0"),
        ({"beta2": 1.0}, "beta2: 1.0, expected at least 0 and less than 1"),
        ({"schedule": "linear"}, "'linear', expected one of constant"),
    ],
)
def test_wrong_optimizer_options_are_named(options: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        OptimizerConfig(**options)  # type: ignore[arg-type]


# --- when training diverges -----------------------------------------------------------------------------


@pytest.mark.parametrize("where", ["loss", "gradient"])
def test_a_run_that_diverges_stops_and_keeps_what_was_good(
    where: str, tiny: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It names the batch and the sentence; no weight of the checkpoints is nan."""
    loss_of, calls = EncoderDecoder.loss, []

    def loss(self: EncoderDecoder, source: Tensor, *rest: Any) -> Tensor:
        found = loss_of(self, source, *rest)
        calls.append(len(source))
        sick = source.size(1) > 18  # such a sentence does it, from the third epoch on
        if len(calls) < 25 or not sick:
            return found
        weight = self.encoder.embedding.weight.sum()
        if where == "loss":
            return found + weight * torch.nan
        return found + (weight - weight.detach()).sqrt()  # 0, its slope infinite

    monkeypatch.setattr(EncoderDecoder, "loss", loss)
    assert main(["fit", *tiny, "--trainer.max_epochs=9", "--run=r"]) == 2
    message = capsys.readouterr().err.splitlines()[-1]
    assert f"seqtext fit: the {where} is no number (nan or infinite) in epoch" in message
    assert "sentences do it alone, the first: " in message
    assert "go on from them (--resume)" in message
    saved = torch.load("r/last.ckpt", weights_only=True)["state_dict"]
    assert all(torch.isfinite(weight).all() for weight in saved.values())


def test_metrics_have_the_norm_of_the_gradients(trained: Path) -> None:
    with (trained / "metrics.csv").open(encoding="utf-8") as file:
        norms = [float(row["gradient_norm"]) for row in csv.DictReader(file)]
    assert len(norms) == 2 and all(0.1 < norm < 100 for norm in norms)


def test_a_resumed_run_goes_on_with_its_plateau(tmp_path: Path) -> None:
    states: list[dict[str, Any]] = []

    class Watch(Callback):
        def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
            assert isinstance(pl_module, EncoderDecoderModule)
            assert pl_module._plateau is not None
            states.append(pl_module._plateau.state_dict())

    def train(epochs: int, saved: Path | None) -> Trainer:
        trainer = Trainer(
            accelerator="cpu", max_epochs=epochs, callbacks=[Watch()], logger=False,
            enable_checkpointing=False, enable_progress_bar=False, enable_model_summary=False,
            num_sanity_val_steps=0,
        )  # fmt: skip
        module = EncoderDecoderModule(
            network=NetworkConfig(embedding_size=16, hidden_size=24),
            optimizer=OptimizerConfig(schedule="plateau"),
            decode_sentences=0,
        )
        data = data_module(validation="builtin:validation:20")
        trainer.fit(module, datamodule=data, ckpt_path=saved, weights_only=True)
        return trainer

    train(1, None).save_checkpoint(tmp_path / "a.ckpt")
    train(2, tmp_path / "a.ckpt")
    first, resumed = states
    assert first["best"] == float("inf") and resumed["best"] < 10
    assert resumed["last_epoch"] == 1
