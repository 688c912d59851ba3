"""Callback that tells how a run is going: console, metrics.csv, learning_curve.png, samples.md."""

from __future__ import annotations

import csv
import json
import math
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.trainer.states import TrainerFn

from seqtext.console import duration, say
from seqtext.errors import ConfigError
from seqtext.training.run import folder
from seqtext.training.run.checkpoints import Checkpoints
from seqtext.training.run.limits import tell_limits
from seqtext.training.run.run_folder import RunFolder

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_SCORES = {
    "val_bleu": "BLEU", "val_rouge2": "ROUGE-2", "val_exact_match": "exact", "val_wer": "WER",
    "val_accuracy": "accuracy", "val_macro_f1": "macro F1",
}  # fmt: skip
_SAMPLES = 5
_ESTIMATE_AFTER = 20  # updates; the first ones are slower


class Report(Callback):
    """Measures and reports; changes nothing.

    Args:
        run: Where the files go.
        checkpoints: Knows the best result.
    """

    def __init__(self, run: RunFolder, checkpoints: Checkpoints) -> None:
        self._run, self._checkpoints = run, checkpoints
        self._earlier_seconds = 0.0  # of the run that is gone on with
        self._started = self._since = time.perf_counter()
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
            _forget_after(self._metrics_file, trainer.global_step)
        self._started = self._since = time.perf_counter()

    def on_train_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: Any,
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
            say(f"fit: {left:,} updates to go, about {duration(left * rate)}")

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
        """Write a row, samples and the curve."""
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
        now = time.perf_counter()
        elapsed, training = now - self._started, now - self._since - validating
        loss, count = module.train_totals()  # type: ignore[operator]
        counted: Any = module.counted
        rate = round(count / training)
        self._since, self._written_epoch = now, trainer.current_epoch
        if not trainer.is_global_zero:
            return
        metrics = {name: float(value) for name, value in measured.items()}
        scores: Any = module.scores
        row = {
            "step": trainer.global_step,
            "epoch": trainer.current_epoch + 1,
            "minutes": round((elapsed + self._earlier_seconds) / 60, 3),
            "learning_rate": trainer.optimizers[0].param_groups[0]["lr"],
            "gradient_norm": round(module.gradient_norm(), 4),  # type: ignore[operator]
            "train_loss": round(loss, 4),
            f"{'target_' if counted == 'pieces' else ''}{counted}_per_second": rate,
            "val_loss": round(metrics["val_loss"], 4) if "val_loss" in metrics else "",
            **{name: round(metrics[name], 2) if name in metrics else "" for name in scores},
            "validation_share": round(self._validating / elapsed, 4),
        }
        _append(self._metrics_file, row)
        picture = self._run.path / folder.CURVE
        with folder.replacing(picture) as part:
            draw_curves(_rows(self._metrics_file)).savefig(part, dpi=120, format="png")
        self._write_samples(trainer, module)
        validated = f"  val loss {metrics['val_loss']:.3f}" if "val_loss" in metrics else ""
        for name, title in _SCORES.items():
            if name in metrics:
                validated += f"  val {title} {metrics[name]:5.2f}"
        best = self._checkpoints.best
        mark = "  best so far" if best and best[1] == trainer.global_step else ""
        say(
            f"epoch {row['epoch']:3d}  step {row['step']:6,d}  {duration(elapsed):>13s}"
            f"  train loss {loss:.3f}{validated}"
            f"  {rate:,} {counted}/s, validation"
            f" {row['validation_share']:.0%}{mark}"
        )

    def _write_samples(self, trainer: Trainer, module: LightningModule) -> None:
        decoded: Any = module.samples
        if not decoded:
            return
        samples = decoded[:: max(1, len(decoded) // _SAMPLES)]
        lines = [f"# Validation sentences after step {trainer.global_step:,}", ""]
        for source, reference, hypothesis in samples[:_SAMPLES]:
            lines += [
                f"- source: {source}",
                f"  reference: {reference}",
                f"  hypothesis: {hypothesis}",
            ]
        text = "\n".join(lines) + "\n"
        folder.write(self._run.path / folder.SAMPLES, text)

    # --- the end ------------------------------------------------------------------------------------

    def finish(self, trainer: Trainer) -> None:
        """Write ``result.json``, which marks the run as finished."""
        if not trainer.is_global_zero:
            return
        tell_limits(trainer, trained=self._checkpoints.trained(trainer))
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

    def state_dict(self) -> dict[str, Any]:
        """The time spent so far."""
        return {"seconds": time.perf_counter() - self._started + self._earlier_seconds}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Count on from there."""
        self._earlier_seconds = state_dict["seconds"]

    @property
    def _metrics_file(self) -> Path:
        return self._run.path / folder.METRICS


def _append(path: Path, row: dict[str, Any]) -> None:
    _write_rows(path, [*_rows(path), row], _header(path) or list(row))


def _write_rows(path: Path, rows: list[dict[str, Any]], header: list[str]) -> None:
    with folder.replacing(path) as part, part.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, header, extrasaction="ignore")
        writer.writeheader()
        writer.writerows(rows)


def _header(path: Path) -> list[str]:
    """The columns that a file has; none if there is no file."""
    if not path.exists():
        return []
    with path.open(newline="", encoding="utf-8") as file:
        return next(csv.reader(file), [])


def _rows(path: Path) -> list[dict[str, str]]:
    if not path.exists():
        return []
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def _forget_after(path: Path, step: int) -> None:
    """Drop rows that a run wrote after the checkpoint from which it is gone on with."""
    try:
        rows = [row for row in _rows(path) if int(row["step"]) <= step]
        _curves(rows)  # which are drawn after the next epoch
    except (KeyError, TypeError, ValueError, csv.Error) as error:
        raise ConfigError(
            f"run: {path}: not the table that a run writes ({type(error).__name__}: {error!s:.100}); move it"
            " away, then resume"
        ) from error
    if rows:
        _write_rows(path, rows, _header(path))
    else:
        path.unlink(missing_ok=True)


def _curves(rows: list[dict[str, str]]) -> dict[str, tuple[list[int], list[float]]]:
    """Steps and values of each curve."""
    return {
        name: ([int(row["step"]) for row in having], [float(row[name]) for row in having])
        for name in ("train_loss", "val_loss", *_SCORES)
        if (having := [row for row in rows if row.get(name)])
    }


def draw_curves(rows: list[dict[str, str]]) -> Figure:
    """Losses and scores over steps, each from the rows of ``metrics.csv`` that have it."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    curves = _curves(rows)
    figure = Figure(figsize=(7, 4), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot(xlabel="updates", ylabel="loss (nats)")
    axes.xaxis.set_major_locator(MaxNLocator("auto", steps=[1, 2, 5, 10], integer=True))
    axes.grid(alpha=0.3)
    for name in ("train_loss", "val_loss"):
        if name in curves:
            axes.plot(*curves[name], marker=".", label=name)
    if scores := [name for name in _SCORES if name in curves]:
        right = axes.twinx()
        right.set_ylabel("validation score")
        for name, style in zip(scores, ("k.--", "k.:"), strict=False):
            right.plot(*curves[name], style, label=name)
        right.set_ylim(bottom=0)
    figure.legend(loc="outside upper center", ncols=4)  # above the axes, where no curve is
    return figure
