"""What both LightningModules do alike: network, losses over all ranks."""

from __future__ import annotations

import hashlib
import inspect
from abc import abstractmethod
from collections.abc import Callable
from typing import Any, Generic, TypeVar

import torch
from torch import Tensor

from seqtext import internals
from seqtext.console import say
from seqtext.data.hyperparameters import keep_options
from seqtext.errors import ConfigError, TrainingError
from seqtext.nn.config import EncoderConfig
from seqtext.tasks import LOSS, Task
from seqtext.training.config import OptimizerConfig
from seqtext.training.data import data_of, maker_of_loaders
from seqtext.training.divergence import BatchT, describe_divergence
from seqtext.training.optimized import mean_of_sum
from seqtext.training.saved import SavedModule, SidesT

T = TypeVar("T")


class TextModule(SavedModule[SidesT], Generic[BatchT, SidesT]):
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
    # A run of ``seqtext fit`` logs the loss itself, as the mean since its last line.
    train_loss_to_loggers = True
    data_module: str  # the data module that has the tokenizers

    def __init__(self, config: EncoderConfig, optimizer: OptimizerConfig, seed: int) -> None:
        super().__init__(optimizer)
        keep_options(self, inspect.currentframe())
        if abs(seed) >= 2**63:  # what PyTorch takes
            raise ConfigError(f"seed: {seed}, expected less than 2**63")
        self.config = config
        self.seed = seed
        self.network = self.tokenizers = None
        self.columns = ("source", "target")
        self.source_limit = None
        self.samples: list[tuple[str, str, str]] = []  # source, reference, output
        # sums on this rank since they were last asked for
        self._train_totals: Tensor | float = 0.0  # (loss, its divisor, units)
        self._epoch_totals: Tensor | float = 0.0  # likewise since the epoch began
        self._evaluated_totals: Tensor | float = 0.0  # (loss, its divisor)
        self._batch: tuple[BatchT, int, int] | None = None  # at hand, its epoch and number
        self._said = False  # see say_once
        self.longest_before, self.earlier_metrics = 0, {}

    @abstractmethod
    def loss_of(self, batch: BatchT) -> tuple[Tensor, Tensor]:
        """Summed loss and its divisor, scalars. Without smoothing outside training."""

    def diverged(self, what: str) -> TrainingError:
        """What to say of the batch at hand."""
        assert self._batch is not None
        return describe_divergence(self, what, *self._batch)

    def count_units(self, batch: BatchT, divisor: Tensor) -> Tensor:
        """The texts or pieces of a batch, see ``counted``. ``divisor`` is that of its loss."""
        return divisor

    def configure_model(self) -> None:
        """Build the network for the data module's tokenizers, once.

        Raises:
            ConfigError: The data module has other data than this module trains on. Or ``build`` was not
                called, although there is none, or the strategy needs it.
        """
        data = data_of(self.trainer) or maker_of_loaders(self.trainer)
        if data is None:
            if self.network is None:
                raise ConfigError(
                    f"{type(self).__name__}: knows no tokenizers yet; give a data module, as in"
                    f" Trainer.fit(module, datamodule=seqtext.{self.data_module}(…)), or call"
                    " module.build(tokenizers) before"
                )
            return
        tokenizers = getattr(data, "tokenizers", None)
        if not isinstance(tokenizers, self.reads):
            raise ConfigError(
                f"--data: {type(data).__name__} has other data than {type(self).__name__} trains on; choose"
                " both with a recipe of the task, or with --model and --data"
            )
        if self.network is None:
            self._refuse_lost_network()
            with torch.device("cpu"):  # Lightning would draw other weights, on the device
                self.build(tokenizers)
            self.columns = data.columns
        self.source_limit = data.source_limit

    def _refuse_lost_network(self) -> None:
        """Refuse to build a network in a process whose weights Lightning could not give back.

        Raises:
            ConfigError: The strategy starts processes with a copy of this module.
        """
        method = internals.start_method(self.trainer.strategy)
        if method not in (None, "popen"):
            raise ConfigError(
                f"Trainer(strategy=…): starts its processes by {method}, and this module in the first process"
                " has no network to take the trained weights; choose ddp, or call module.build(tokenizers)"
                " before"
            )

    @property
    def longest_source(self) -> int | None:
        """Pieces of the longest source trained on, in earlier parts of a resumed run as well."""
        data = data_of(self.trainer)
        return max(self.longest_before, data.longest_source if data else 0) or None

    # --- training -----------------------------------------------------------------------------------

    def on_train_batch_start(self, batch: BatchT, batch_idx: int) -> None:
        """Seed dropout by position, so that a resumed run draws what it would have drawn."""
        key = f"{self.seed}/{self.global_rank}/{self.current_epoch}/{batch_idx}"
        torch.manual_seed(int.from_bytes(hashlib.sha256(key.encode()).digest()[:8]))

    def training_step(self, batch: BatchT, batch_idx: int) -> Tensor:
        """The mean loss of this batch with the gradient of its sum.

        ``on_before_optimizer_step`` divides the gradient by the pieces of the whole update.
        """
        loss, divisor = self.loss_of(batch)
        self._batch = batch, self.current_epoch, batch_idx
        if not torch.isfinite(loss):
            raise self.diverged("the loss")
        self.count_in_update(divisor)
        units = self.count_units(batch, divisor)
        totals = _totals(loss, divisor, units)
        self._train_totals = self._train_totals + totals
        self._epoch_totals = self._epoch_totals + totals
        mean = mean_of_sum(loss, divisor)
        if self.train_loss_to_loggers:
            self.log("train_loss_step", mean.detach())
        return mean

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
        """Log ``train_loss``: over all ranks and pieces, so no update waits for other ranks.

        Where a run resumes behind a validation, also log what it measured: callbacks compare by it.
        """
        if isinstance(self._epoch_totals, Tensor):
            loss, count, _ = self._over_all_ranks(self._epoch_totals)
            self.log("train_loss", loss / count, logger=self.train_loss_to_loggers)
            self._epoch_totals = 0.0
        for name, value in self.earlier_metrics.items():
            if name not in self.trainer.callback_metrics:
                self.log(name, value, logger=False)
        self.earlier_metrics = {}

    # --- validation and test ------------------------------------------------------------------------

    def validation_step(self, batch: BatchT, batch_idx: int) -> None:
        """Add up the loss, without smoothing."""
        self.evaluate(batch)

    def on_validation_epoch_end(self) -> None:
        """Log ``val_loss``."""
        loss = self._mean_loss()
        self.log(LOSS.key, loss)
        if not self.trainer.sanity_checking:
            self.step_plateau(loss)

    def say_once(self, describe: Callable[[], str]) -> None:
        """Say at the first validation what it measures."""
        if not self._said:
            self._said = True
            say(f"validation: {describe()}")

    def test_step(self, batch: BatchT, batch_idx: int) -> None:
        """Add up the loss, without smoothing."""
        self.evaluate(batch)

    def on_test_epoch_end(self) -> None:
        """Log ``test_loss``."""
        self.log("test_loss", self._mean_loss())

    def evaluate(self, batch: BatchT) -> None:
        """Add a batch to the loss of a validation or a test."""
        self.add_evaluated_loss(*self.loss_of(batch))

    def add_evaluated_loss(self, loss: Tensor, divisor: Tensor) -> None:
        """Add the sums of a batch to the loss of a validation or a test."""
        self._evaluated_totals = self._evaluated_totals + _totals(loss, divisor)

    def _mean_loss(self) -> float:
        """The mean loss of all batches on all ranks since the last call."""
        loss, divisor = self._over_all_ranks(self._evaluated_totals)
        self._evaluated_totals = 0.0
        return loss / divisor


def _totals(loss: Tensor, *counts: Tensor) -> Tensor:
    return torch.stack([loss.detach().float(), *(count.float() for count in counts)])
