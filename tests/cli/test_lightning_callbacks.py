"""Callbacks of Lightning in ``fit``: each works, or is refused before training."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from lightning.pytorch import Callback
from lightning.pytorch.callbacks import BaseFinetuning

import seqtext
from seqtext import checkpoint
from seqtext.cli import main
from seqtext.training.run import callbacks
from tests.support import NO_DECODING, assert_equal_bits, metrics, weights

LIGHTNING = "lightning.pytorch.callbacks."


class Thaw(BaseFinetuning):
    """Keeps the encoder as it is for an epoch."""

    def freeze_before_training(self, pl_module: Any) -> None:
        self.freeze(pl_module.network.encoder)

    def finetune_function(self, pl_module: Any, epoch: int, optimizer: Any) -> None:
        if epoch == 1:
            self.unfreeze_and_add_param_group(pl_module.network.encoder, optimizer)


def options_of(name: str, **init_args: Any) -> list[str]:
    """Options that add a callback."""
    callback = {"class_path": LIGHTNING + name, "init_args": init_args}
    path = Path(f"{name}.yaml")
    path.write_text(yaml.safe_dump({"trainer": {"callbacks": [callback]}}))
    return ["--config", str(path)]


def add(kind: type[Callback], monkeypatch: pytest.MonkeyPatch) -> None:
    """Have a callback of our own in the next runs, which no module is imported for."""
    original = callbacks.refuse

    def with_callback(module: Any, given: list[Callback], **options: Any) -> None:
        given.append(kind())
        original(module, given, **options)

    monkeypatch.setattr(callbacks, "refuse", with_callback)


def test_moving_average_is_scored_kept_and_resumed(
    tiny: list[str], finished: Callable[..., Path]
) -> None:
    options = [*tiny, *NO_DECODING, "--selection.average_best=1"]
    ema = options_of("EMAWeightAveraging", decay=0.8)
    plain = finished(*options)
    assert main(["fit", *options, *ema, "--trainer.max_epochs=3", "--run=whole"]) == 0
    assert main(["fit", *options, *ema, "--run=stopped"]) == 0
    kept = checkpoint.read("stopped/last.ckpt")
    raw = kept["current_model_state"]
    for name, weight in weights(plain).items():  # training itself is the same
        assert torch.equal(raw[f"network.{name}"], weight)
    assert_equal_bits(weights("stopped"), weights("stopped", "best.ckpt"))
    assert not torch.equal(
        raw["network.decoder.embedding.weight"], weights("stopped")["decoder.embedding.weight"]
    )
    assert main(["fit", "--resume=stopped", "--trainer.max_epochs=3"]) == 0
    for name in ("last.ckpt", "best.ckpt"):
        assert_equal_bits(weights("whole", name), weights("stopped", name))
    assert [row["val_loss"] for row in metrics("whole")] == [
        row["val_loss"] for row in metrics("stopped")
    ]
    assert seqtext.load_generator("stopped").generate(["The dog sleeps."])


def test_validation_decodes_with_the_averaged_weights(tiny: list[str]) -> None:
    """With an average that keeps the first weights every epoch's output is the same."""
    ema = options_of("EMAWeightAveraging", decay=1.0)
    samples = []
    for epochs in (1, 2):
        run = f"r{epochs}"
        fast = ["--model.optimizer.learning_rate=0.01", f"--trainer.max_epochs={epochs}"]
        assert main(["fit", *tiny, *ema, *fast, "--run", run]) == 0
        samples.append(Path(run, "samples.md").read_text().split("\n", 1)[1])
    assert samples[0] == samples[1]
    assert len({row["val_loss"] for row in metrics("r2")}) == 1


def test_ids_are_not_averaged(tiny: list[str]) -> None:
    """0.9 * 7 + 0.1 * 7 may be 6 as a whole number, so ids to copy would become other ones."""
    options = [*tiny, *NO_DECODING, "--model.network.copying=true", "--trainer.max_epochs=1"]
    ema = options_of("EMAWeightAveraging", decay=0.9)
    assert main(["fit", *options, "--run=plain"]) == 0
    assert main(["fit", *options, *ema, "--run=averaged"]) == 0
    ids, averaged = (weights(run)["copy_ids"] for run in ("plain", "averaged"))
    assert torch.equal(ids, averaged)


@pytest.mark.slow
def test_stochastic_average_is_tried_at_the_end(
    tiny: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    swa = options_of(
        "StochasticWeightAveraging", swa_lrs=0.01, swa_epoch_start=1, annealing_epochs=1
    )
    options = [*tiny, *swa, *NO_DECODING, "--selection.average_best=1"]
    assert main(["fit", *options, "--trainer.max_epochs=3", "--run=whole"]) == 0
    assert "average by StochasticWeightAveraging" in capsys.readouterr().err
    assert main(["fit", *options, "--run=stopped"]) == 0
    average = checkpoint.read("stopped/last.ckpt")["callbacks"]["StochasticWeightAveraging"]
    assert average["n_averaged"] == 2
    assert main(["fit", "--resume=stopped", "--trainer.max_epochs=3"]) == 0
    assert_equal_bits(weights("whole"), weights("stopped"))


def test_stochastic_average_is_the_model_where_nothing_validates(tiny: list[str]) -> None:
    swa = options_of("StochasticWeightAveraging", swa_lrs=0.001, swa_epoch_start=1)
    options = [*tiny, *swa, "--data.validation=null", "--run=r"]
    assert main(["fit", *options]) == 0
    content = checkpoint.read("r/last.ckpt")["callbacks"]["StochasticWeightAveraging"]
    for name, weight in weights("r", "best.ckpt").items():
        assert torch.equal(content["average_model_state"][f"network.{name}"], weight)


@pytest.mark.slow
def test_thawed_weights_train_also_after_a_resume(
    tiny: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    add(Thaw, monkeypatch)
    options = [*tiny, *NO_DECODING, "--model.optimizer.schedule=inverse_sqrt"]
    options += ["--model.optimizer.warmup_steps=4"]
    runs = {}
    for epochs in (1, 2, 3):
        runs[epochs] = f"r{epochs}"
        assert main(["fit", *options, f"--trainer.max_epochs={epochs}", "--run", runs[epochs]]) == 0
    first, second, third = (weights(run)["encoder.embedding.weight"] for run in runs.values())
    assert not torch.equal(first, second)
    assert not torch.equal(second, third)
    assert main(["fit", "--resume=r2", "--trainer.max_epochs=3"]) == 0
    assert_equal_bits(weights("r3"), weights("r2"))


@pytest.mark.slow
def test_early_stopping_resumes(tiny: list[str]) -> None:
    stopping = options_of("EarlyStopping", monitor="val_loss", patience=2)
    options = [*tiny, *NO_DECODING, *stopping]
    assert main(["fit", *options, "--trainer.max_epochs=3", "--run=whole"]) == 0
    assert main(["fit", *options, "--run=stopped"]) == 0
    assert main(["fit", "--resume=stopped", "--trainer.max_epochs=3"]) == 0
    assert_equal_bits(weights("whole"), weights("stopped"))
    state = [checkpoint.read(f"{run}/last.ckpt")["callbacks"] for run in ("whole", "stopped")]
    [name] = [key for key in state[0] if key.startswith("EarlyStopping")]
    assert state[0][name] == state[1][name]


def test_early_stopping_by_an_unknown_metric(
    tiny: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    stopping = options_of("EarlyStopping", monitor="dev_loss")
    assert main(["fit", *tiny, *stopping, "--run=r", "--trainer.max_epochs=1"]) == 2
    assert "`val_loss`" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "init_args", "extra"),
    [
        ("Timer", {"duration": "00:00:10:00"}, []),
        (
            "LearningRateMonitor",
            {},
            ["--trainer.logger=csv"],
        ),
        (
            "DeviceStatsMonitor",
            {},
            ["--trainer.logger=CSVLogger", "--trainer.logger.save_dir=logs"],
        ),
        ("ModelCheckpoint", {"monitor": "val_loss"}, ["--trainer.enable_checkpointing=true"]),
        ("OnExceptionCheckpoint", {"dirpath": "e"}, ["--trainer.enable_checkpointing=true"]),
        ("TQDMProgressBar", {}, ["--trainer.enable_progress_bar=true"]),
    ],
)
def test_other_callbacks_train_the_same_model(
    tiny: list[str], trained: Path, name: str, init_args: dict[str, Any], extra: list[str]
) -> None:
    options = [*tiny, *NO_DECODING, *options_of(name, **init_args), *extra]
    if name == "DeviceStatsMonitor":
        pytest.importorskip("psutil")
    assert main(["fit", *options, "--run=r"]) == 0
    assert_equal_bits(weights(trained), weights("r"))


@pytest.mark.parametrize(
    ("name", "init_args", "reason"),
    [
        ("ModelPruning", {"pruning_fn": "l1_unstructured"}, "it renames the weights"),
        ("LearningRateFinder", {}, "--model.optimizer.learning_rate"),
        ("BatchSizeFinder", {}, "--data.batch_tokens"),
        ("GradientAccumulationScheduler", {"scheduling": {0: 2}}, "accumulate_grad_batches"),
        ("BackboneFinetuning", {}, "--model.freeze"),
        ("LearningRateMonitor", {}, "--trainer.logger csv"),
    ],
)
def test_callbacks_that_cannot_work_are_refused(
    tiny: list[str],
    name: str,
    init_args: dict[str, Any],
    reason: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["fit", *tiny, *options_of(name, **init_args), "--run=r"]) == 2
    message = capsys.readouterr().err
    assert f"trainer.callbacks: {name}: " in message
    assert reason in message
    assert not Path("r").exists()


def test_stochastic_average_and_plateau_contradict(
    tiny: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    swa = options_of("StochasticWeightAveraging", swa_lrs=0.001)
    assert main(["fit", *tiny, *swa, "--model.optimizer.schedule=plateau", "--run=r"]) == 2
    assert "schedule plateau" in capsys.readouterr().err
