"""What every LightningModule here does alike: optimizer, gradients of a sum over all ranks, checkpoint."""

from __future__ import annotations

import hashlib
from abc import abstractmethod
from typing import Any

import torch
from lightning.pytorch import LightningModule
from lightning.pytorch.callbacks import WeightAveraging
from lightning.pytorch.trainer.states import TrainerFn
from lightning.pytorch.utilities.types import OptimizerLRScheduler
from torch import Tensor
from torch.optim import Optimizer

from seqtext import checkpoint
from seqtext.checkpoint.consent import trusting
from seqtext.errors import ConfigError, TrainingError
from seqtext.training import optimizer
from seqtext.training.optimizer import OptimizerConfig
from seqtext.training.position import begin
from seqtext.training.pretrained import refuse_other_network


class TextModule(LightningModule):
    """Trains a network on batches of text.

    ``configure_model`` builds the network, and it lives in ``network``. The data module calls it at the
    end of its own ``setup``. By then the tokenizers are known, and no callback has looked yet.

    Args:
        optimizer: How weights are updated.
        seed: Of the first weights and of dropout.
    """

    counted = "pieces"  # what speed is told in
    reads: type  # of the data module's tokenizers
    data_module: str  # that has these

    def __init__(self, optimizer: OptimizerConfig, seed: int) -> None:
        super().__init__()
        if abs(seed) >= 2**63:  # what PyTorch takes
            raise ConfigError(f"seed: {seed}, expected less than 2**63")
        self.optimizer_config = optimizer
        self.seed = seed
        self.network: Any = None
        self.tokenizers: Any = None
        self.config: Any = None
        self.columns = ("source", "target")
        self.source_limit: int | None = None  # pieces of a source that are read
        self._longest_before = 0  # see longest_source
        self.samples: list[tuple[str, str, str]] = []  # source, reference, output
        self._window_count: Tensor | int = 0  # of this rank, since the last update
        self._train_totals: Tensor | float = (
            0.0  # (loss, count, units) of this rank, see train_totals
        )
        self._norms: Tensor | float = (
            0.0  # (sum of the gradients' norms, updates), see gradient_norm
        )
        self._batch: Any = None  # at hand
        self._place = 0, 0  # its epoch and number
        self._val_totals: Tensor | float = 0.0  # likewise, of the validation at hand
        self._earlier_metrics: dict[str, float] = {}  # of the epoch that a resumed run stands in
        self._plateau: torch.optim.lr_scheduler.ReduceLROnPlateau | None = None

    @property
    @abstractmethod
    def scores(self) -> list[str]:
        """Names of what validation logs besides the loss, the task's own score the last."""

    @abstractmethod
    def build(self, tokenizers: Any) -> None:
        """Build the network, the same on every rank."""

    @abstractmethod
    def _loss(self, batch: Any) -> tuple[Tensor, Tensor]:
        """Sum of the loss, and of what it is divided by in the end; plain where not training."""

    @abstractmethod
    def _described(self) -> dict[str, Any]:
        """The part of a checkpoint that makes it a whole model."""

    @classmethod
    def load_from_checkpoint(cls, *arguments: Any, **options: Any) -> Any:
        """Not here: a checkpoint describes the whole model, which ``seqtext.load`` reads.

        Raises:
            ConfigError: Always.
        """
        raise ConfigError(
            f"{cls.__name__}.load_from_checkpoint: use a checkpoint with seqtext.load(PATH); go on with its"
            " training by Trainer.fit(module, datamodule=…, ckpt_path=PATH)"
        )

    def configure_model(self) -> None:
        """Build the network for the data module's tokenizers, once.

        Raises:
            ConfigError: The data module has other data than this module trains on.
        """
        data: Any = self.trainer.datamodule  # type: ignore[attr-defined]
        if data is None:
            raise ConfigError(
                f"{type(self).__name__}: trains on batches of a data module of seqtext; give one, as in"
                f" Trainer.fit(module, datamodule=seqtext.{self.data_module}(…))"
            )
        if not isinstance(getattr(data, "tokenizers", None), self.reads):
            raise ConfigError(
                f"--data: {type(data).__name__} has other data than {type(self).__name__} trains on; choose"
                " both with a recipe of the task, or with --model and --data"
            )
        if self.network is None:
            with torch.device("cpu"):  # Lightning would draw the weights on the device, other ones
                self.build(data.tokenizers)
            self.columns = data.columns
        self.source_limit = getattr(data, "source_limit", None)

    @property
    def longest_source(self) -> int | None:
        """Pieces of the longest source trained on, in earlier parts of a resumed run as well."""
        data: Any = self.trainer.datamodule  # type: ignore[attr-defined]
        return max(self._longest_before, getattr(data, "longest_source", 0)) or None

    def configure_optimizers(self) -> OptimizerLRScheduler:
        """Optimizer and schedule."""
        built, schedule = optimizer.build(self.optimizer_config, self, self._total_steps())
        if isinstance(schedule, torch.optim.lr_scheduler.LambdaLR):
            return {"optimizer": built, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}
        self._plateau = schedule
        return built

    def _total_steps(self) -> int:
        # Lightning's own estimate would build the training loader before a checkpoint's position in
        # it is restored
        if self.optimizer_config.schedule != "cosine":
            return 0
        if self.optimizer_config.total_steps:
            return self.optimizer_config.total_steps
        trainer, limits = self.trainer, []
        if trainer.max_steps > 0:
            limits.append(trainer.max_steps)
        updates = trainer.datamodule.updates_per_epoch()  # type: ignore[attr-defined]
        if updates and trainer.max_epochs and trainer.max_epochs > 0:
            limits.append(trainer.max_epochs * updates)
        if not limits:
            unknown = "" if updates else " (those of an epoch are not known with data.streaming)"
            raise ConfigError(
                "optimizer.schedule: cosine needs to know the number of updates; set trainer.max_steps or"
                f" optimizer.total_steps{unknown or ', or trainer.max_epochs'}"
            )
        return min(limits)

    # --- training -----------------------------------------------------------------------------------

    def on_train_start(self) -> None:
        """Where a run is gone on with, the options given now win over those saved."""
        built, schedule = self.trainer.optimizers[0], self._schedule()
        optimizer.adopt_groups(self.optimizer_config, built, schedule)
        optimizer.apply(self.optimizer_config, built, schedule)
        if self.trainer.ckpt_path is not None:
            # a callback that thaws weights freezes them again in its setup
            for group in built.param_groups:
                for weight in group["params"]:
                    weight.requires_grad_(True)

    def _schedule(self) -> Any:
        return self._plateau or self.lr_schedulers()

    def on_train_epoch_start(self) -> None:
        """Take in what a callback has added to the optimizer."""
        built = self.trainer.optimizers[0]
        optimizer.adopt_groups(self.optimizer_config, built, self._schedule())

    def on_train_batch_start(self, batch: Any, batch_idx: int) -> None:
        """Seed dropout by position, so that a resumed run draws what it would have drawn."""
        key = f"{self.seed}/{self.global_rank}/{self.current_epoch}/{batch_idx}"
        torch.manual_seed(int.from_bytes(hashlib.sha256(key.encode()).digest()[:8]))

    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        """The loss summed over this batch; see ``on_before_optimizer_step``."""
        loss, count = self._loss(batch)
        self._batch, self._place = batch, (self.current_epoch, batch_idx)
        if not torch.isfinite(loss):
            raise self._diverged("the loss")
        self._window_count = self._window_count + count
        self._train_totals = self._train_totals + _totals(loss, count, self._units(batch, count))
        return loss

    def on_before_optimizer_step(self, optimizer: Optimizer) -> None:
        """Turn gradients of sums into those of the mean over all pieces of the update.

        Backward passes have summed over pieces; Lightning has divided by its number of accumulation
        steps, and DDP by the number of ranks. What is wanted is the sum over all ranks and steps
        divided by the pieces of all of them, whatever their number, a short last window included.
        """
        count = torch.as_tensor(self._window_count, dtype=torch.float32, device=self.device)
        count = self.trainer.strategy.reduce(count, reduce_op="sum")
        self._window_count = 0
        scale = self.trainer.accumulate_grad_batches * self.trainer.world_size / count
        gradients = [p.grad for p in self.parameters() if p.grad is not None]
        torch._foreach_mul_(gradients, scale)

    def configure_gradient_clipping(
        self,
        optimizer: Optimizer,
        gradient_clip_val: int | float | None = None,
        gradient_clip_algorithm: str | None = None,
    ) -> None:
        """Clip by norm, or by value; note the norm before.

        Raises:
            TrainingError: The norm is no number; no weight has changed yet.

        Done here because Lightning refuses to clip for a fused optimizer under mixed precision, on
        account of a loss scaling that bfloat16 does not need.
        """
        by_value = gradient_clip_algorithm == "value"
        largest = gradient_clip_val if gradient_clip_val and not by_value else torch.inf
        norm = torch.nn.utils.clip_grad_norm_(self.parameters(), largest)
        if not torch.isfinite(norm):
            raise self._diverged("the gradient")
        if gradient_clip_val and by_value:
            torch.nn.utils.clip_grad_value_(self.parameters(), gradient_clip_val)
        self._norms = self._norms + torch.stack([norm, torch.ones_like(norm)])

    def _diverged(self, what: str) -> TrainingError:
        """What to say, with the sentences that do it, as far as that can be told."""
        batch, (epoch, number) = self._batch, self._place
        rows = [type(batch)(*(p[i : i + 1] for p in batch)) for i in range(len(batch.source))]
        with self.trainer.precision_plugin.train_step_context():
            bad = [one for one in rows if not self._is_finite(one)]
        source, known = self.tokenizers.source, self.tokenizers.source.vocab_size
        texts = [
            source.decode([i for i in one.source[0, : one.source_lengths[0]].tolist() if i < known])
            for one in (bad or rows)[:3]
        ]
        which = (
            f"{len(bad)} of its {len(rows)} sentences do it alone"
            if bad
            else "no sentence of it does it alone"
        )
        return TrainingError(
            f"{what} is no number (nan or infinite) in epoch {epoch + 1}, batch {number + 1}; {which}, the"
            f" first: {' | '.join(texts)}. Checkpoints written before are good: go on from them (--resume)"
            " with a lower optimizer.learning_rate, or with trainer.precision 32-true"
        )

    def _is_finite(self, batch: Any) -> bool:
        """Whether the loss is, and all its gradients."""
        with torch.enable_grad():
            loss, _ = self._loss(batch)
            weights = [weight for weight in self.parameters() if weight.requires_grad]
            gradients = torch.autograd.grad(loss, weights, allow_unused=True)
        return all(found.isfinite().all() for found in (loss, *gradients) if found is not None)

    def gradient_norm(self) -> float:
        """Mean norm of the gradients before clipping since the last call, of this rank's updates."""
        if not isinstance(self._norms, Tensor):
            return 0.0
        total, updates = self._norms.tolist()
        self._norms = 0.0
        return float(total / updates)

    def train_totals(self) -> tuple[float, int]:
        """Mean loss, and number of what is ``counted``, since the last call, over all ranks."""
        loss, count, units = self._over_all_ranks(self._train_totals)
        self._train_totals = 0.0
        return loss / count, int(units)

    def _units(self, batch: Any, count: Tensor) -> Tensor:
        """How many of what is ``counted`` a batch has, whose loss is divided by ``count``."""
        return count

    def _over_all_ranks(self, totals: Tensor | float) -> list[float]:
        totals = torch.as_tensor(totals, device=self.device)
        summed: list[float] = self.trainer.strategy.reduce(totals, reduce_op="sum").tolist()
        return summed

    def on_train_epoch_end(self) -> None:
        """Where a run resumes behind a validation, log what it measured: callbacks compare by it."""
        for name, value in self._earlier_metrics.items():
            if name not in self.trainer.callback_metrics:
                self.log(name, value, logger=False)
        self._earlier_metrics = {}

    # --- validation ---------------------------------------------------------------------------------

    def validation_step(self, batch: Any, batch_idx: int) -> None:
        """Collect the loss, without smoothing."""
        self._add_validated(*self._loss(batch))

    def _add_validated(self, loss: Tensor, count: Tensor) -> None:
        self._val_totals = self._val_totals + _totals(loss, count)

    def on_validation_epoch_end(self) -> None:
        """Log ``val_loss``."""
        loss, count = self._over_all_ranks(self._val_totals)
        self._val_totals = 0.0
        self.log("val_loss", loss / count)
        if self._plateau is not None and not self.trainer.sanity_checking:
            self._plateau.step(loss / count)

    # --- checkpoint ---------------------------------------------------------------------------------

    def on_save_checkpoint(self, content: dict[str, Any]) -> None:
        """Add what makes the checkpoint a whole model."""
        content["seqtext"] = self._described()
        content["seqtext_accumulation"] = self.trainer.accumulate_grad_batches
        if "optimizer_states" in content:
            metrics = self.trainer.callback_metrics
            content["seqtext_metrics"] = {name: float(value) for name, value in metrics.items()}
        else:  # weights alone: Lightning has asked no callback
            self._put_averaged_weights(content)
        if self._plateau is not None:
            content["seqtext_plateau"] = self._plateau.state_dict()
        # last: callbacks that put other weights there, such as averages, have done so by now
        checkpoint.add_digest(content)

    def _put_averaged_weights(self, content: dict[str, Any]) -> None:
        # validation has scored the averaged weights, so these are the ones to keep
        for callback in self.trainer.callbacks:  # type: ignore[attr-defined]
            if isinstance(callback, WeightAveraging):
                callback.on_save_checkpoint(self.trainer, self, content)
                del content["current_model_state"], content["averaging_state"]

    def on_load_checkpoint(self, content: dict[str, Any]) -> None:
        """Build the checkpoint's network, or refuse weights of another network than the present."""
        with trusting([self.config.cell]):
            model = checkpoint.unpack(content, "checkpoint")
        if self.network is None:
            self.config, self.columns = model.config, model.columns
            self.build(model.tokenizers)
        refuse_other_network(model.config, self.config)
        self._longest_before = model.longest_source or 0
        if self._plateau is not None and "seqtext_plateau" in content:
            self._plateau.load_state_dict(content["seqtext_plateau"])
        self._earlier_metrics = content.get("seqtext_metrics", {})
        if self._trainer is not None and self._trainer.state.fn == TrainerFn.FITTING:
            begin(content, self.trainer)


def _totals(loss: Tensor, *counts: Tensor) -> Tensor:
    return torch.stack([loss.detach().float(), *(count.float() for count in counts)])
