"""What both data modules do: corpora -> tokenizers, ids cached as Arrow -> planned batches."""

from __future__ import annotations

import dataclasses
import functools
import inspect
from abc import abstractmethod
from collections.abc import Callable, Mapping
from typing import ClassVar

from seqtext.console import say
from seqtext.data.augmentation import Augmentation
from seqtext.data.batch import Batch, LabelledBatch
from seqtext.data.bucketing import Lengths, Place, Planner, check_size
from seqtext.data.corpus import Example
from seqtext.data.encoding import BatchReader, join
from seqtext.data.held_out import HeldOut
from seqtext.data.hyperparameters import keep_options
from seqtext.data.left_out import LeftOut, Reasons
from seqtext.data.loader import PlannedLoader, TextLoader
from seqtext.data.options import Mixture, read_options
from seqtext.data.prepared import cache_folder
from seqtext.data.preparing import PreparingDataModule, SidesT
from seqtext.data.streaming import StreamedLoader
from seqtext.data.tokenizer import TokenizerConfig
from seqtext.data.training_set import PreparedTrainingSet, StreamedTrainingSet, TrainingSet
from seqtext.data.validation_set import ValidationSet
from seqtext.errors import ConfigError

_PREDICTED = 64  # texts that are predicted together


class TextDataModule(PreparingDataModule[SidesT]):
    """Rows of text, prepared once on each node and handed out in planned batches.

    A child declares the options, and says by its abstract methods what its rows are made of.

    Args:
        corpora: Values of the options that name corpora, by their names.
        columns: Names of the columns of source and target.
        format: Format of the files, see ``Corpus``.
        source_limit: Sources are cut behind so many pieces. None cuts none.
        shuffle_buffer: Rows of a stream that are shuffled together. None keeps rows prepared on disk.
        augmentation: Makes further rows to train on, but none of a stream. None makes none.

    The other arguments are options of both children.

    Raises:
        ConfigError: A corpus or its options are wrong, or options contradict each other.
    """

    labelled: ClassVar[bool]  # whether targets are labels
    aliases: ClassVar[Mapping[str, str]] = {}  # other names of the options of a corpus

    def __init__(
        self,
        corpora: Mapping[str, object],
        *,
        columns: tuple[str, str],
        format: str | None = None,
        sampling_temperature: float | None,
        tokenizer: TokenizerConfig,
        batch_tokens: int | None,
        batch_size: int | None,
        source_limit: int | None,
        shuffle_buffer: int | None,
        num_workers: int,
        preprocessing_workers: int,
        seed: int,
        cache_dir: str | None,
        augmentation: Augmentation | None = None,
    ) -> None:
        check_size(batch_tokens, batch_size)
        streamed = shuffle_buffer is not None
        held_out, configs = read_options(corpora, self.aliases, streamed=streamed)
        named = {
            option: [
                config.corpus(option, columns, format, self.labelled, streamed)
                for config in several
            ]
            for option, several in configs.items()
        }
        super().__init__(named, tokenizer, preprocessing_workers, cache_folder(cache_dir))
        self.columns, self.source_limit, self.num_workers = columns, source_limit, num_workers
        in_memory = [
            option for option, several in named.items() if any(c.table is not None for c in several)
        ]
        unused = "batch_size" if batch_size is None else "batch_tokens"
        keep_options(self, inspect.currentframe(), but=[*in_memory, unused])
        self.validation_set: ValidationSet | None = None
        self.test_set: ValidationSet | None = None
        self._planner = Planner(
            batch_tokens, batch_size, seed, source_limit, not self.labelled, self.rows_are
        )
        mixture = Mixture(configs["train"], sampling_temperature)
        self.training_set = self._training_set(mixture, held_out, shuffle_buffer, augmentation)

    @abstractmethod
    def reasons_to_leave_out(self, source: Lengths, target: Lengths) -> Reasons:
        """Which rows are not trained on, by reason.

        Args:
            source: (N,) pieces that are read of each source.
            target: (N,) pieces, or labels, of each target.
        """

    def check_sets(self) -> None:
        """Check the rows as a whole once they are open."""

    def _training_set(
        self,
        mixture: Mixture,
        held_out: HeldOut | None,
        shuffle_buffer: int | None,
        augmentation: Augmentation | None,
    ) -> TrainingSet:
        kind: Callable[..., TrainingSet]
        if shuffle_buffer is None:
            encode = functools.partial(self.encode, "train")
            kind = functools.partial(PreparedTrainingSet, encode=encode, augmentation=augmentation)
        else:
            kind = functools.partial(StreamedTrainingSet, shuffle_buffer=shuffle_buffer)
        return kind(
            corpora=self.corpora["train"],
            mixture=mixture,
            planner=self._planner,
            left_out=LeftOut(self.names_of("train"), self._planner, self.reasons_to_leave_out),
            validation_part=held_out,
            num_workers=self.num_workers,
        )

    # --- the size of an update, as Lightning's tuner reads and sets it ----------------------------------

    @property
    def batch_tokens(self) -> int:
        """Most pieces of an update. There is no such attribute where ``batch_size`` limits it."""
        return self._size_of_update("batch_tokens")

    @batch_tokens.setter
    def batch_tokens(self, value: int) -> None:
        self._plan_anew(value, None)

    @property
    def batch_size(self) -> int:
        """Rows of an update. There is no such attribute where ``batch_tokens`` limits it."""
        return self._size_of_update("batch_size")

    @batch_size.setter
    def batch_size(self, value: int) -> None:
        self._plan_anew(None, value)

    def _size_of_update(self, name: str) -> int:
        size: int | None = getattr(self._planner, name)
        if size is None:
            raise AttributeError(
                f"{name}: the other of batch_tokens and batch_size limits an update"
            )
        return size

    def _plan_anew(self, batch_tokens: int | None, batch_size: int | None) -> None:
        """Plan the next loaders with another size of updates."""
        self._planner = dataclasses.replace(
            self._planner, batch_tokens=batch_tokens, batch_size=batch_size
        )
        self.training_set.planner = self._planner
        if self.validation_set is not None:
            self.validation_set = dataclasses.replace(self.validation_set, planner=self._planner)
        for name, size in (("batch_tokens", batch_tokens), ("batch_size", batch_size)):
            self.hparams.pop(name, None)
            if size is not None:
                self.hparams[name] = size

    # --- what training asks ---------------------------------------------------------------------------

    @property
    def validates(self) -> bool:
        """Whether there is a validation set."""
        return self.training_set.validation_part is not None or "validation" in self.corpora

    @property
    def longest_source(self) -> int:
        """Pieces of the longest training source so far, as much of it as is read."""
        return self.training_set.left_out.longest

    def validation_key(self) -> list[str]:
        """Tells validation sets apart, since scores on two of them do not compare."""
        if (part := self.training_set.validation_part) is not None:
            return [str(part), *self.digests_of("train")]
        return self.digests_of("validation") if self.validates else []

    def state_dict(self) -> dict[str, list[str]]:
        """Digests of the training corpora."""
        return {"train": self.digests_of("train")}

    def load_state_dict(self, state_dict: dict[str, list[str]]) -> None:
        """Say if the training corpora differ from those of the run that is resumed."""
        if state_dict["train"] != self.digests_of("train"):
            say(
                f"data: {self.names_of('train')} changed since the checkpoint was written; the epoch goes on"
                " with batches of what is there now"
            )

    def updates_per_epoch(self) -> int | None:
        """Updates in the first epoch. Later epochs have nearly as many. None when streaming."""
        return self.training_set.updates_per_epoch(self._place().shares)

    def validation_examples(self, limit: int, *, merged: bool = False) -> list[Example]:
        """Examples of the validation set, see ``ValidationSet.examples``. Empty if there is none."""
        return self.validation_set.examples(limit, merged=merged) if self.validation_set else []

    def test_examples(self, *, merged: bool = False) -> list[Example]:
        """All examples of the test set, see ``ValidationSet.examples``. Empty if there is none."""
        if self.test_set is None:
            return []
        return self.test_set.examples(len(self.test_set.table), merged=merged)

    # --- batches, on every rank -------------------------------------------------------------------------

    def setup(self, stage: str) -> None:
        """Open what ``prepare_data`` has prepared, then have the network built."""
        # batch counts differ from epoch to epoch, so every epoch has a loader of its own
        if self.trainer is not None:
            self.trainer.reload_dataloaders_every_n_epochs = 1  # type: ignore[attr-defined]
        if self.tests():
            self._open_test()
        elif not self.training_set.is_open:
            self._open()
        # Lightning builds the network after the setup of callbacks, and weight averaging copies it there
        if (module := getattr(self.trainer, "lightning_module", None)) is not None:
            module.configure_model()

    def _open(self) -> None:
        every = getattr(self.trainer, "val_check_interval", None)
        if self.training_set.streamed and isinstance(every, float) and every < 1:
            raise ConfigError(
                f"trainer.val_check_interval: {every} of an epoch, whose length is not known with"
                " data.streaming; give a number of batches, or 1.0"
            )
        self.tokenizers, _ = self.find_tokenizers()
        plain = self._reader(self.tokenizers)
        sampling = self.tokenizer if self.tokenizer.sampling_nbest > 1 else None
        self.training_set.open(dataclasses.replace(plain, sampling=sampling))
        table = self.training_set.held_out
        if "validation" in self.corpora:
            table = join(self.encode("validation", self.tokenizers))
        if table is not None:
            self.validation_set = ValidationSet(table, self._planner, plain, self.num_workers)
        self.check_sets()

    def _open_test(self) -> None:
        self.tokenizers, _ = self.find_tokenizers()
        table = join(self.encode("test", self.tokenizers))
        reader = self._reader(self.tokenizers)
        self.test_set = ValidationSet(table, self._planner, reader, self.num_workers, "test")

    def _reader(self, tokenizers: SidesT) -> BatchReader:
        return BatchReader(tokenizers, self.source_limit, None, self._planner.seed)

    def train_dataloader(self) -> PlannedLoader | StreamedLoader:
        """This rank's batches of the trainer's current epoch."""
        place = self._place()
        # to overfit, every epoch has the same batches
        read_epoch = 0 if getattr(self.trainer, "overfit_batches", 0) else place.epoch
        # with a number of batches as the limit, Lightning knows the last one
        limit = getattr(self.trainer, "limit_train_batches", 1.0)
        loader = self.training_set.loader(place, read_epoch, asked_ahead=isinstance(limit, float))
        loader.made_by = self
        return loader

    def val_dataloader(self) -> PlannedLoader | list[Batch | LabelledBatch]:
        """This rank's batches of the validation set, nothing left out. Empty if there is none."""
        return [] if self.validation_set is None else self._evaluation_loader(self.validation_set)

    def test_dataloader(self) -> PlannedLoader:
        """This rank's batches of the test set, nothing left out."""
        assert self.test_set is not None
        return self._evaluation_loader(self.test_set)

    def _evaluation_loader(self, rows: ValidationSet) -> PlannedLoader:
        loader = rows.loader(self._place())
        loader.made_by = self
        return loader

    def predict_dataloader(self) -> TextLoader:
        """This rank's source texts of the test set, in order."""
        texts = [text for corpus in self.corpora["test"] for text, _ in corpus.examples()]
        place = self._place()
        first, end = (len(texts) * rank // place.ranks for rank in (place.rank, place.rank + 1))
        return TextLoader(texts[first:end], _PREDICTED)

    def _place(self) -> Place:
        if (trainer := self.trainer) is None:
            return Place()
        return Place(
            trainer.current_epoch,
            trainer.global_rank,
            trainer.world_size,
            trainer.accumulate_grad_batches,
        )
