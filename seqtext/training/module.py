"""What both LightningModules do alike: network, losses over all ranks, checkpoint."""

from __future__ import annotations

import hashlib
from abc import abstractmethod
from typing import Any, Generic, NoReturn, TypeVar

import torch
from lightning.pytorch.callbacks import WeightAveraging
from lightning.pytorch.trainer.states import TrainerFn
from torch import Tensor, nn

from seqtext import checkpoint, internals
from seqtext.checkpoint.consent import trusting
from seqtext.data.labels import TextAndLabels
from seqtext.data.tokenizer import Tokenizers
from seqtext.errors import ConfigError, TrainingError
from seqtext.nn.config import EncoderConfig
from seqtext.tasks import LOSS, Task
from seqtext.training import position
from seqtext.training.config import OptimizerConfig
from seqtext.training.data import data_of
from seqtext.training.divergence import BatchT, describe_divergence
from seqtext.training.optimized import OptimizedModule
from seqtext.training.pretrained import refuse_other_network

SidesT = TypeVar("SidesT", Tokenizers, TextAndLabels)
T = TypeVar("T")


class TextModule(OptimizedModule, Generic[BatchT, SidesT]):
    """Trains a network on batches of text.

    ``configure_model`` builds the network, and it lives in ``network``. The data module calls it at the
    end of its own ``setup``. By then the tokenizers are known, and no callback has looked yet.

    Args:
        config: Sizes and kinds of the network.
        optimizer: How weights are updated.
        seed: Of the first weights and of dropout, less than 2**63.
    """

    task: Task
    counted = "pieces"  # the unit of speed
    reads: type[SidesT]  # what the data module's tokenizers are
    data_module: str  # the data module that has these
    network: nn.Module | None
    tokenizers: SidesT | None

    def __init__(self, config: EncoderConfig, optimizer: OptimizerConfig, seed: int) -> None:
        super().__init__(optimizer)
        if abs(seed) >= 2**63:  # what PyTorch takes
            raise ConfigError(f"seed: {seed}, expected less than 2**63")
        self.config = config
        self.seed = seed
        self.network = self.tokenizers = None
        self.columns = ("source", "target")
        self.source_limit: int | None = None  # pieces of a source that are read
        self.samples: list[tuple[str, str, str]] = []  # source, reference, output
        # sums on this rank since they were last asked for
        self._train_totals: Tensor | float = 0.0  # (loss, its divisor, units)
        self._validation_totals: Tensor | float = 0.0  # (loss, its divisor)
        self._batch: tuple[BatchT, int, int] | None = None  # at hand, its epoch and number
        # of the run that is resumed
        self._longest_before = 0  # see longest_source
        self._earlier_metrics: dict[str, float] = {}  # of its last epoch

    @abstractmethod
    def build(self, tokenizers: SidesT) -> None:
        """Build the network, the same on every rank."""

    @abstractmethod
    def loss_of(self, batch: BatchT) -> tuple[Tensor, Tensor]:
        """Summed loss and its divisor, scalars. Without smoothing outside training."""

    @abstractmethod
    def describe(self) -> dict[str, object]:
        """The part of a checkpoint that makes it a whole model."""

    def diverged(self, what: str) -> TrainingError:
        """What to say of the batch at hand."""
        assert self._batch is not None
        return describe_divergence(self, what, *self._batch)

    def count_units(self, batch: BatchT, divisor: Tensor) -> Tensor:
        """The texts or pieces of a batch, see ``counted``. ``divisor`` is that of its loss."""
        return divisor

    @classmethod
    def load_from_checkpoint(cls, *arguments: object, **options: object) -> NoReturn:
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
        data = data_of(self.trainer)
        if self.trainer.datamodule is None:  # type: ignore[attr-defined]
            raise ConfigError(
                f"{type(self).__name__}: trains on batches of a data module of seqtext; give one, as in"
                f" Trainer.fit(module, datamodule=seqtext.{self.data_module}(…))"
            )
        tokenizers = getattr(data, "tokenizers", None)
        if not isinstance(tokenizers, self.reads):
            raise ConfigError(
                f"--data: {type(data).__name__} has other data than {type(self).__name__} trains on; choose"
                " both with a recipe of the task, or with --model and --data"
            )
        if self.network is None:
            with torch.device("cpu"):  # Lightning would draw other weights, on the device
                self.build(tokenizers)
            self.columns = data.columns
        self.source_limit = data.source_limit

    @property
    def longest_source(self) -> int | None:
        """Pieces of the longest source trained on, in earlier parts of a resumed run as well."""
        return max(self._longest_before, data_of(self.trainer).longest_source) or None

    # --- training -----------------------------------------------------------------------------------

    def on_train_batch_start(self, batch: BatchT, batch_idx: int) -> None:
        """Seed dropout by position, so that a resumed run draws what it would have drawn."""
        key = f"{self.seed}/{self.global_rank}/{self.current_epoch}/{batch_idx}"
        torch.manual_seed(int.from_bytes(hashlib.sha256(key.encode()).digest()[:8]))

    def training_step(self, batch: BatchT, batch_idx: int) -> Tensor:
        """The loss summed over this batch, see ``on_before_optimizer_step``."""
        loss, divisor = self.loss_of(batch)
        self._batch = batch, self.current_epoch, batch_idx
        if not torch.isfinite(loss):
            raise self.diverged("the loss")
        self.count_in_update(divisor)
        units = self.count_units(batch, divisor)
        self._train_totals = self._train_totals + _totals(loss, divisor, units)
        return loss

    def train_totals(self) -> tuple[float, int]:
        """Mean loss, and number of what is ``counted``, since the last call, over all ranks."""
        loss, count, units = self._over_all_ranks(self._train_totals)
        self._train_totals = 0.0
        return loss / count, int(units)

    def running_loss(self) -> float | None:
        """Mean loss since the last ``train_totals``, on this rank. None before the first batch."""
        if not isinstance(self._train_totals, Tensor):
            return None
        loss, count, _ = self._train_totals.tolist()
        return float(loss / count)

    def _over_all_ranks(self, totals: Tensor | float) -> list[float]:
        totals = torch.as_tensor(totals, device=self.device)
        summed: list[float] = self.trainer.strategy.reduce(totals, reduce_op="sum").tolist()
        return summed

    def gather(self, mine: T) -> list[T]:
        """What every rank has, in the order of ranks."""
        ranks = self.trainer.world_size
        if ranks == 1:
            return [mine]
        everything: list[Any] = [None] * ranks
        torch.distributed.all_gather_object(everything, mine)
        return everything

    def on_train_epoch_end(self) -> None:
        """Where a run resumes behind a validation, log what it measured: callbacks compare by it."""
        for name, value in self._earlier_metrics.items():
            if name not in self.trainer.callback_metrics:
                self.log(name, value, logger=False)
        self._earlier_metrics = {}

    # --- validation ---------------------------------------------------------------------------------

    def validation_step(self, batch: BatchT, batch_idx: int) -> None:
        """Add up the loss, without smoothing."""
        self.add_validation_loss(*self.loss_of(batch))

    def add_validation_loss(self, loss: Tensor, divisor: Tensor) -> None:
        """Add a batch to ``val_loss``."""
        self._validation_totals = self._validation_totals + _totals(loss, divisor)

    def on_validation_epoch_end(self) -> None:
        """Log ``val_loss``."""
        loss, divisor = self._over_all_ranks(self._validation_totals)
        self._validation_totals = 0.0
        self.log(LOSS.key, loss / divisor)
        if not self.trainer.sanity_checking:
            self.step_plateau(loss / divisor)

    # --- checkpoint ---------------------------------------------------------------------------------

    def on_save_checkpoint(self, content: dict[str, object]) -> None:
        """Add what makes the checkpoint a whole model."""
        super().on_save_checkpoint(content)
        content["seqtext"] = self.describe()
        content["seqtext_accumulation"] = self.trainer.accumulate_grad_batches
        if "optimizer_states" in content:
            metrics = self.trainer.callback_metrics
            content["seqtext_metrics"] = {name: float(value) for name, value in metrics.items()}
        else:  # weights alone: Lightning has asked no callback
            self._put_averaged_weights(content)
        # last: callbacks that put other weights there, such as averages, have done so by now
        checkpoint.add_digest(content)

    def _put_averaged_weights(self, content: dict[str, object]) -> None:
        # validation has scored the averaged weights, so these are the ones to keep
        for callback in internals.callbacks_of(self.trainer):
            if isinstance(callback, WeightAveraging):
                callback.on_save_checkpoint(self.trainer, self, content)
                del content["current_model_state"], content["averaging_state"]

    def on_load_checkpoint(self, content: dict[str, Any]) -> None:
        """Build the checkpoint's network. Where a network is built already, refuse another one."""
        with trusting([self.config.cell]):
            model = checkpoint.unpack(content, "checkpoint")
        if self.network is None and isinstance(model.tokenizers, self.reads):
            self.config, self.columns = model.config, model.columns
            self.build(model.tokenizers)
        refuse_other_network(model.config, self.config)
        self._longest_before = model.longest_source or 0
        self._earlier_metrics = content.get("seqtext_metrics", {})
        trainer = internals.trainer_of(self)
        if trainer is not None and trainer.state.fn == TrainerFn.FITTING:
            position.begin(content, trainer)
            super().on_load_checkpoint(content)


def _totals(loss: Tensor, *counts: Tensor) -> Tensor:
    return torch.stack([loss.detach().float(), *(count.float() for count in counts)])
