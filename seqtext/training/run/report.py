"""Callback that tells how a run is going: console, metrics.csv, learning_curve.png, samples.md."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Mapping
from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.trainer.states import TrainerFn

from seqtext.console import duration, say
from seqtext.tasks import LOSS, Task
from seqtext.training.module import TextModule
from seqtext.training.run import folder
from seqtext.training.run.checkpoints import Checkpoints
from seqtext.training.run.folder_callback import RunFolder
from seqtext.training.run.limits import tell_limits
from seqtext.training.run.loggers import Loggers, Sample, list_samples
from seqtext.training.run.metrics_table import MetricsTable, draw_curves

_SAMPLES = 5
_ESTIMATE_AFTER = 20  # updates. The first ones are slower
# Seconds between two pictures of the curves. A picture takes 0.15 s, which an epoch of few rows may take too.
_DRAW_AFTER = 10


class Report(Callback):
    """Measures and reports. It changes nothing.

    Args:
        run: Where the files go.
        checkpoints: Knows the best result.
        loggers: Get what the table gets.
    """

    def __init__(self, run: RunFolder, checkpoints: Checkpoints, loggers: Loggers) -> None:
        self._run, self._checkpoints, self._loggers = run, checkpoints, loggers
        self._earlier_seconds = 0.0  # of the run that this one resumes
        self._started = self._since = self._drawn = time.perf_counter()
        self._validating = 0.0  # seconds
        self._first_step, self._written_epoch = 0, -1
        self._warned = False

    # --- training -----------------------------------------------------------------------------------

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Say how large the task is, and set the clocks."""
        parameters = sum(p.numel() for p in pl_module.parameters())
        say(
            f"fit: {parameters / 1e6:.1f} M parameters, {trainer.world_size} process(es) on"
            f" {pl_module.device.type}, precision {trainer.precision}"
        )
        self._first_step = trainer.global_step
        if trainer.is_global_zero:
            self._table.forget_after(trainer.global_step)
        self._started = self._since = self._drawn = time.perf_counter()

    def on_train_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: object,
        batch: object,
        batch_idx: int,
    ) -> None:
        """Estimate the time once it can be told."""
        if trainer.global_step - self._first_step == _ESTIMATE_AFTER and (
            (batch_idx + 1) % trainer.accumulate_grad_batches == 0
        ):
            self._estimate(trainer)

    def _estimate(self, trainer: Trainer) -> None:
        left = self._updates_left(trainer)
        if left:
            rate = (time.perf_counter() - self._started) / _ESTIMATE_AFTER
            most = "at most " * self._checkpoints.may_end_early
            say(f"fit: {most}{left:,} updates to go, about {duration(left * rate)}")

    @staticmethod
    def _updates_left(trainer: Trainer) -> int | None:
        limits: list[float] = []
        if trainer.max_steps > 0:
            limits.append(trainer.max_steps)
        if trainer.max_epochs and trainer.max_epochs > 0:
            batches = float(trainer.num_training_batches)
            limits.append(trainer.max_epochs * batches / trainer.accumulate_grad_batches)
        if not limits or math.isinf(min(limits)):  # an epoch of a stream, say
            return None
        return max(0, int(min(limits)) - trainer.global_step)

    # --- validation ---------------------------------------------------------------------------------

    def on_validation_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Start the validation's clock."""
        self._validation_started = time.perf_counter()

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Write a row and samples, and now and then the curves."""
        if trainer.state.fn != TrainerFn.FITTING or trainer.sanity_checking:
            return
        validating = time.perf_counter() - self._validation_started
        self._validating += validating
        self._write(trainer, pl_module, validating, trainer.callback_metrics)
        share = self._validating / (time.perf_counter() - self._started)
        if share > 0.1 and not self._warned and trainer.current_epoch:
            self._warned = True
            decodes = hasattr(pl_module, "decode_sentences")
            say(
                f"validation takes {share:.0%} of the time; validate less often with"
                " --trainer.val_check_interval"
                f"{', or decode fewer sentences with --model.decode_sentences' if decodes else ''}"
            )

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """There is a row for an epoch without validation, too."""
        # nothing was trained where a run is gone on with at an epoch's end
        trained = trainer.global_step > self._first_step
        if trained and self._written_epoch != trainer.current_epoch:
            self._write(trainer, pl_module, 0.0, {})
            every = trainer.val_check_batch
            if math.isinf(trainer.num_training_batches) and trainer.enable_validation:
                say(
                    f"no validation in this epoch: --trainer.val_check_interval is {every}, and it had fewer"
                    " batches"
                )

    def _write(
        self,
        trainer: Trainer,
        module: LightningModule,
        validating: float,
        measured: Mapping[str, Any],
    ) -> None:
        """Add a row to the table, and print it."""
        assert isinstance(module, TextModule)
        now = time.perf_counter()
        elapsed, training = now - self._started, now - self._since - validating
        loss, count = module.train_totals()
        rate = round(count / training)
        self._since, self._written_epoch = now, trainer.current_epoch
        if not trainer.is_global_zero:
            return
        metrics = {name: float(value) for name, value in measured.items()}
        decimals = {LOSS.key: 4, **dict.fromkeys(module.task.keys, 2)}
        share = self._validating / elapsed
        trained = {
            "epoch": trainer.current_epoch + 1,
            "learning_rate": trainer.optimizers[0].param_groups[0]["lr"],
            "gradient_norm": round(module.gradient_norm(), 4),
            "train_loss": round(loss, 4),
            f"{'target_' if module.counted == 'pieces' else ''}{module.counted}_per_second": rate,
        }
        row = {
            "step": trainer.global_step,
            "epoch": trained["epoch"],
            "minutes": round((elapsed + self._earlier_seconds) / 60, 3),
            **trained,
            **{
                key: round(metrics[key], places) if key in metrics else ""
                for key, places in decimals.items()
            },
            "validation_share": round(share, 4),
        }
        self._table.append(row)
        if now - self._drawn > _DRAW_AFTER:
            self._draw()
        samples = module.samples[:: max(1, len(module.samples) // _SAMPLES)][:_SAMPLES]
        self._write_samples(trainer, samples)
        self._loggers.write(trainer, trained, samples if measured else ())
        reached = self._checkpoints.describe(trainer.global_step)
        say(
            f"epoch {row['epoch']:3d}  step {row['step']:6,d}  {duration(elapsed):>13s}"
            f"  train loss {loss:.3f}{_show_scores(module.task, metrics)}"
            f"  {rate:,} {module.counted}/s, validation {share:.0%}"
            f"{reached and f'  {reached}'}"
        )

    def _draw(self) -> None:
        with folder.replacing(self._run.path / folder.CURVE) as part:
            draw_curves(self._table.rows).savefig(part, dpi=120, format="png")
        self._drawn = time.perf_counter()

    def _write_samples(self, trainer: Trainer, samples: list[Sample]) -> None:
        if not samples:
            return
        heading = f"# Validation sentences after step {trainer.global_step:,}\n\n"
        folder.write(self._run.path / folder.SAMPLES, f"{heading}{list_samples(samples)}\n")

    # --- the end ------------------------------------------------------------------------------------

    def on_fit_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Draw the curves of all rows."""
        if trainer.is_global_zero and self._table.rows:
            self._draw()

    def on_exception(
        self, trainer: Trainer, pl_module: LightningModule, exception: BaseException
    ) -> None:
        """Draw them also if a signal stops the run."""
        if isinstance(exception, KeyboardInterrupt):
            self.on_fit_end(trainer, pl_module)

    def finish(self, trainer: Trainer) -> None:
        """Write ``result.json``, which marks the run as finished."""
        if not trainer.is_global_zero:
            return
        tell_limits(
            trainer,
            self._run.whole,
            trained=self._checkpoints.trained(trainer),
            improving=self._checkpoints.improving(trainer),
        )
        best = self._checkpoints.best
        seconds = time.perf_counter() - self._started + self._earlier_seconds
        result = {
            "steps": trainer.global_step,
            "minutes": round(seconds / 60, 2),
            "monitor": self._checkpoints.monitor,
            "best_score": best[0] if best else None,
            "best_step": best[1] if best and best[1] >= 0 else None,
        }
        text = json.dumps(result, indent=2) + "\n"
        folder.write(self._run.path / folder.RESULT, text)
        say(f"fit: done in {duration(seconds)}; the model is {self._run.path / folder.BEST}")

    def state_dict(self) -> dict[str, object]:
        """The time spent so far."""
        return {"seconds": time.perf_counter() - self._started + self._earlier_seconds}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Count on from there."""
        self._earlier_seconds = state_dict["seconds"]

    @property
    def _table(self) -> MetricsTable:
        return MetricsTable(self._run.path / folder.METRICS)


def _show_scores(task: Task, metrics: Mapping[str, float]) -> str:
    """The scores of a validation, for the console."""
    shown = f"  val loss {metrics[LOSS.key]:.3f}" if LOSS.key in metrics else ""
    for metric in task.validation:
        if metric.key in metrics:
            shown += f"  val {metric.title} {metrics[metric.key]:5.2f}"
    return shown
