"""What training needs of a data module."""

from __future__ import annotations

from typing import Protocol

from lightning.pytorch import Trainer

from seqtext.data.corpus import Example
from seqtext.data.labels import TextAndLabels
from seqtext.data.tokenizer import Tokenizers
from seqtext.errors import ConfigError


class TrainingData(Protocol):
    """The data modules of seqtext."""

    @property
    def tokenizers(self) -> Tokenizers | TextAndLabels | None:
        """Of both sides, once ``setup`` has run."""

    @property
    def columns(self) -> tuple[str, str]:
        """Names of the source and of the target in the corpus."""

    @property
    def source_limit(self) -> int | None:
        """Pieces of a source that are read. None reads all."""

    @property
    def longest_source(self) -> int:
        """Pieces of the longest training source so far, as much of it as is read."""

    @property
    def validates(self) -> bool:
        """Whether there is a validation set."""

    def updates_per_epoch(self) -> int | None:
        """Updates of an epoch. None where nobody knows, as when streaming."""

    def validation_key(self) -> list[str]:
        """Tells validation sets apart: scores on two of them do not compare."""

    def validation_examples(self, limit: int, *, merged: bool = False) -> list[Example]:
        """At most ``limit`` validation sources with their references. ``merged`` makes one of equals."""

    def test_examples(self, *, merged: bool = False) -> list[Example]:
        """All test sources with their references. ``merged`` makes one of equals."""

    def compared_examples(self, limit: int) -> dict[str, list[Example]]:
        """Likewise of the validation set and of every corpus in ``data.compare``, by name."""


class LabelledData(TrainingData, Protocol):
    """A data module of texts with labels."""

    def label_counts(self) -> tuple[list[int], int]:
        """How many training texts have each label, and how many training texts there are."""


def data_of(trainer: Trainer) -> TrainingData | None:
    """The data module that a trainer has while it runs. None where it has loaders alone."""
    data: TrainingData | None = trainer.datamodule  # type: ignore[attr-defined]
    return data


def maker_of_loaders(trainer: Trainer) -> TrainingData | None:
    """The data module of seqtext that has made a loader, where a trainer has loaders alone.

    Raises:
        ConfigError: It made the batches of one process, and there are several.
    """
    loops = trainer.fit_loop, trainer.validate_loop, trainer.test_loop
    loaders = (loop._data_source.instance for loop in loops)
    makers = (getattr(loader, "made_by", None) for loader in loaders)
    maker: TrainingData | None = next(filter(None, makers), None)
    if maker is not None and trainer.world_size > 1:
        raise ConfigError(
            f"{trainer.world_size} processes share batches by the data module; give it in place of its"
            " loaders, as in Trainer.fit(module, datamodule=…)"
        )
    return maker
