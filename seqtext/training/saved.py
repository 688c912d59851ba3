"""LightningModule whose options, network and tokenizers are kept in checkpoints, and restored from them."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar, Generic, Self, TypeVar

import torch
from lightning.pytorch.callbacks import WeightAveraging
from lightning.pytorch.trainer.states import TrainerFn
from torch import nn

from seqtext import checkpoint, internals
from seqtext.checkpoint.consent import trusting
from seqtext.checkpoint.location import find
from seqtext.data.hyperparameters import construct, plain_options
from seqtext.data.labels import TextAndLabels
from seqtext.data.tokenizer import Tokenizers
from seqtext.errors import CheckpointError
from seqtext.nn.config import EncoderConfig
from seqtext.tasks import CLASSIFICATION
from seqtext.training import position
from seqtext.training.optimized import OptimizedModule
from seqtext.training.pretrained import refuse_other_network

SidesT = TypeVar("SidesT", Tokenizers, TextAndLabels)


class SavedModule(OptimizedModule, Generic[SidesT]):
    """A network with its tokenizers, as checkpoints hold them."""

    configs: ClassVar[dict[str, type]]  # options that are dataclasses
    reads: type[SidesT]  # what the data module's tokenizers are
    config: EncoderConfig
    network: nn.Module | None
    tokenizers: SidesT | None
    columns: tuple[str, str]
    source_limit: int | None  # pieces of a source that are read
    # of the run that is resumed
    longest_before: int  # pieces of its longest source
    earlier_metrics: dict[str, float]  # of its last epoch

    @abstractmethod
    def build(self, tokenizers: SidesT) -> None:
        """Build the network, the same on every rank."""

    @classmethod
    @abstractmethod
    def described_options(cls, model: Any) -> dict[str, object]:
        """Options that the model of a checkpoint decides, in place of the saved ones."""

    @abstractmethod
    def describe(self) -> dict[str, Any]:
        """The part of a checkpoint that makes it a whole model."""

    @classmethod
    def load_from_checkpoint(  # type: ignore[override]  # no open files, no file of options
        cls,
        checkpoint_path: str | Path,
        map_location: str | torch.device | None = None,
        *,
        strict: bool = True,
        trust: Sequence[str] = (),
        **options: object,
    ) -> Self:
        """Restore the module of a checkpoint: its options, tokenizers, network and weights.

        Args:
            checkpoint_path: A checkpoint file or a run folder. Nothing but plain values and tensors is
                read, as with ``weights_only=True``.
            map_location: The device of the module. Default: the CPU.
            strict: Whether the names of the weights must be equal.
            trust: Packages whose classes the checkpoint may import, such as a cell of your own.
            options: Arguments of the constructor that override the saved ones. A dict overrides single
                fields: ``optimizer={"learning_rate": 1e-4}``. Checkpoints of older versions saved the
                network and the task alone.

        Raises:
            CheckpointError: The file cannot be read, or has another kind of model.
            ConfigError: There is no such option, or it contradicts the checkpoint's network.
        """
        path = find(checkpoint_path)
        content = checkpoint.read(path)
        with trusting(trust):
            model = checkpoint.unpack(content, str(path))
            if not isinstance(model.tokenizers, cls.reads):
                raise CheckpointError(
                    f"{path}: its task is {getattr(model, 'task', CLASSIFICATION.name)}, which"
                    f" {cls.__name__} is not for"
                )
            options.pop("weights_only", None)
            saved = {**content.get("hyper_parameters", {}), **cls.described_options(model)}
            module = construct(cls, cls.configs, saved, options)
            module.columns, module.source_limit = model.columns, model.source_limit
            module.build(model.tokenizers)
            module.on_load_checkpoint(content)
        try:
            module.load_state_dict(content["state_dict"], strict=strict)
        except RuntimeError as error:
            raise checkpoint.inconsistent(path, error) from error
        return module.to(map_location or "cpu")

    def on_fit_start(self) -> None:
        """Have weight averaging copy ids: a decayed mean of 7 and 7 may end at 6."""
        super().on_fit_start()
        whole = any(not buffer.is_floating_point() for buffer in self.buffers())
        for callback in internals.callbacks_of(self.trainer):
            if whole and isinstance(callback, WeightAveraging):
                internals.copy_buffers(callback)

    def on_save_checkpoint(self, content: dict[str, Any]) -> None:
        """Add what makes the checkpoint a whole model."""
        super().on_save_checkpoint(content)
        for key in ("hyper_parameters", "datamodule_hyper_parameters"):
            if key in content:  # a child may have saved other objects, which no reader would accept
                content[key] = plain_options(content[key])
        content["seqtext"] = self.describe()
        content["seqtext_accumulation"] = self.trainer.accumulate_grad_batches
        if "optimizer_states" in content:
            metrics = self.trainer.callback_metrics
            content["seqtext_metrics"] = {name: float(value) for name, value in metrics.items()}
        else:  # weights alone: Lightning has asked no callback
            self._put_averaged_weights(content)
        # last: callbacks that put other weights there, such as averages, have done so by now
        checkpoint.add_digest(content)

    def _put_averaged_weights(self, content: dict[str, Any]) -> None:
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
        self.longest_before = model.longest_source or 0
        self.earlier_metrics = content.get("seqtext_metrics", {})
        trainer = internals.trainer_of(self)
        if trainer is not None and trainer.state.fn == TrainerFn.FITTING:
            position.begin(content, trainer)
            super().on_load_checkpoint(content)
