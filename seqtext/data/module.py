"""What both data modules do: corpora -> tokenizers, ids cached as Arrow -> planned batches."""

from __future__ import annotations

import dataclasses
import functools
import inspect
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, ClassVar, Generic, Self, TypeVar

import datasets
import torch
from lightning.fabric.utilities.data import AttributeDict
from lightning.pytorch import LightningDataModule

from seqtext.console import duration, say
from seqtext.data.bucketing import Lengths, Place, Planner, check_size
from seqtext.data.corpus import Example
from seqtext.data.encoding import BatchReader, Sides, encode, join
from seqtext.data.hyperparameters import construct, keep_options
from seqtext.data.left_out import LeftOut, Reasons
from seqtext.data.loader import PlannedLoader
from seqtext.data.options import Mixture, read_options
from seqtext.data.prepared import cache_folder
from seqtext.data.streaming import StreamedLoader
from seqtext.data.tokenizer import Tokenizer, TokenizerConfig, Tokenizers
from seqtext.data.tokenizer.building import TokenizerBuilder
from seqtext.data.training_set import PreparedTrainingSet, StreamedTrainingSet, TrainingSet
from seqtext.data.validation_set import ValidationSet
from seqtext.errors import CheckpointError, ConfigError, DataError

SidesT = TypeVar("SidesT", bound=Sides)


class TextDataModule(LightningDataModule, ABC, Generic[SidesT]):
    """Rows of text, prepared once on each node and handed out in planned batches.

    A child declares the options, and says by its abstract methods what its rows are made of.

    Args:
        corpora: Values of the options that name corpora, by their names.
        columns: Names of the columns of source and target.
        source_limit: Sources are cut behind so many pieces. None cuts none.
        shuffle_buffer: Rows of a stream that are shuffled together. None keeps rows prepared on disk.

    The other arguments are options of both children.

    Raises:
        ConfigError: A corpus or its options are wrong, or options contradict each other.
    """

    reads: type[SidesT]  # what its rows are encoded with
    rows_are: ClassVar[str]  # what a row is called
    labelled: ClassVar[bool]  # whether targets are labels
    aliases: ClassVar[Mapping[str, str]] = {}  # other names of the options of a corpus

    def __init__(
        self,
        corpora: Mapping[str, Any],
        *,
        columns: tuple[str, str],
        temperature: float | None,
        tokenizer: TokenizerConfig,
        batch_tokens: int | None,
        batch_size: int | None,
        source_limit: int | None,
        shuffle_buffer: int | None,
        num_workers: int,
        processes: int,
        seed: int,
        cache_dir: str | None,
    ) -> None:
        super().__init__()
        check_size(batch_tokens, batch_size)
        self.columns, self.tokenizer, self.source_limit = columns, tokenizer, source_limit
        self.num_workers, self.processes = num_workers, processes
        self.cache_dir = cache_folder(cache_dir)
        held_out, configs = read_options(corpora, self.aliases)
        streamed = shuffle_buffer is not None
        self.corpora = {
            option: [config.corpus(option, columns, self.labelled, streamed) for config in named]
            for option, named in configs.items()
        }
        in_memory = [
            option
            for option, named in self.corpora.items()
            if any(corpus.table is not None for corpus in named)
        ]
        keep_options(self, inspect.currentframe(), but=in_memory)
        self.tokenizers: SidesT | None = None  # a checkpoint's, or those of ``setup``
        self.validation_set: ValidationSet | None = None
        self._digests: dict[str, list[str]] = {}
        self._planner = Planner(
            batch_tokens, batch_size, seed, source_limit, not self.labelled, self.rows_are
        )
        mixture = Mixture(configs["train"], temperature)
        self.training_set = self._training_set(mixture, held_out, shuffle_buffer)

    @abstractmethod
    def build_tokenizers(self, builder: TokenizerBuilder) -> SidesT:
        """Build what text is encoded with."""

    @abstractmethod
    def reasons_to_leave_out(self, source: Lengths, target: Lengths) -> Reasons:
        """Which rows are not trained on, by reason.

        Args:
            source: (N,) pieces that are read of each source.
            target: (N,) pieces, or labels, of each target.
        """

    def check_sets(self) -> None:
        """Check the rows as a whole once they are open."""

    @classmethod
    def load_from_checkpoint(  # type: ignore[override]  # no open files, no file of options
        cls,
        checkpoint_path: str | Path,
        map_location: str | torch.device | None = None,
        **options: object,
    ) -> Self:
        """Make the data module of a checkpoint's run again. Its corpora are read where they were.

        Args:
            checkpoint_path: A checkpoint file. Nothing but plain values and tensors is read, as with
                ``weights_only=True``.
            map_location: Not used. A data module has no tensors.
            options: Arguments of the constructor that override the saved ones.

        Raises:
            CheckpointError: The file cannot be read, or holds no options of a data module.
            ConfigError: There is no such option. Or the corpora were in memory, and ``options`` lack them.
        """
        try:
            content = torch.load(checkpoint_path, map_location="cpu", weights_only=True)
        except Exception as error:  # PyTorch's reader raises any type for a foreign file
            reason = str(error).split("\n")[0] or type(error).__name__
            raise CheckpointError(f"{checkpoint_path}: cannot be read ({reason:.200})") from error
        saved = content.get(cls.CHECKPOINT_HYPER_PARAMS_KEY) if isinstance(content, dict) else None
        if not isinstance(saved, dict):
            raise CheckpointError(
                f"{checkpoint_path}: holds no options of a data module, as older versions saved none; make"
                f" it of its options, as in seqtext.{cls.__name__}(train=…)"
            )
        options.pop("weights_only", None)
        if "train" not in saved and "train" not in options:
            raise ConfigError(
                f"{checkpoint_path}: data.train was in memory, and no checkpoint keeps it; give it, as in"
                f" {cls.__name__}.load_from_checkpoint(PATH, train=…)"
            )
        return construct(cls, {"tokenizer": TokenizerConfig}, saved, options)

    @property
    def hparams_initial(self) -> AttributeDict:
        """The options for loggers, below ``data``: a module has options of the same names."""
        return AttributeDict(data=dict(super().hparams_initial))

    def _training_set(
        self, mixture: Mixture, held_out: int, shuffle_buffer: int | None
    ) -> TrainingSet:
        kind: Callable[..., TrainingSet] = (
            functools.partial(PreparedTrainingSet, encode=functools.partial(self._encode, "train"))
            if shuffle_buffer is None
            else functools.partial(StreamedTrainingSet, shuffle_buffer=shuffle_buffer)
        )
        return kind(
            corpora=self.corpora["train"],
            mixture=mixture,
            planner=self._planner,
            left_out=LeftOut(self._names("train"), self._planner, self.reasons_to_leave_out),
            validation_rows=held_out,
            num_workers=self.num_workers,
        )

    # --- what training asks ---------------------------------------------------------------------------

    @property
    def validates(self) -> bool:
        """Whether there is a validation set."""
        return bool(self.training_set.validation_rows) or "validation" in self.corpora

    @property
    def longest_source(self) -> int:
        """Pieces of the longest training source so far, as much of it as is read."""
        return self.training_set.left_out.longest

    def validation_key(self) -> list[str]:
        """Tells validation sets apart, since scores on two of them do not compare."""
        if count := self.training_set.validation_rows:
            return [f"split:{count}", *self._digests_of("train")]
        return self._digests_of("validation") if self.validates else []

    def state_dict(self) -> dict[str, list[str]]:
        """Digests of the training corpora."""
        return {"train": self._digests_of("train")}

    def load_state_dict(self, state_dict: dict[str, list[str]]) -> None:
        """Say if the training corpora differ from those of the run that is resumed."""
        if state_dict["train"] != self._digests_of("train"):
            say(
                f"data: {self._names('train')} changed since the checkpoint was written; the epoch goes on"
                " with batches of what is there now"
            )

    def updates_per_epoch(self) -> int | None:
        """Updates in the first epoch. Later epochs have nearly as many. None when streaming."""
        return self.training_set.updates_per_epoch(self._place().shares)

    def validation_examples(self, limit: int, *, merged: bool = False) -> list[Example]:
        """Examples of the validation set, see ``ValidationSet.examples``. Empty if there is none."""
        return self.validation_set.examples(limit, merged=merged) if self.validation_set else []

    # --- reading and tokenizing, once on each node ------------------------------------------------------

    def prepare_data(self) -> None:
        """Read, build tokenizers, tokenize. The results are kept on disk."""
        if self.training_set.is_open:  # Lightning asks again before the last validation
            return
        start = time.perf_counter()
        self._check_files()
        tokenizers, origin = self._build_tokenizers()
        say(f"tokenizer: {origin}, {tokenizers.described}")
        if self.tokenizer.sampling_nbest > 1:
            for side in (tokenizers.source, tokenizers.target):
                if isinstance(side, Tokenizer):
                    side.check_sampling()  # refused here, not in the first batch
        counts = [self.training_set.prepare(tokenizers)]
        if "validation" in self.corpora:
            rows = sum(map(len, self._encode("validation", tokenizers)))
            counts.append(f"{rows:,} validation {self.rows_are} from {self._names('validation')}")
        say(f"data: {', '.join(counts)}; {duration(time.perf_counter() - start)}")

    def _check_files(self) -> None:
        """Look for the files of every corpus, before the first is prepared.

        Raises:
            DataError: A file is missing. The message names the option.
        """
        for option, corpora in self.corpora.items():
            for corpus in corpora:
                try:
                    _ = corpus.files
                except DataError as error:
                    optional = option in ("test", "compare")
                    hint = f"; --data.{option} null trains without it" if optional else ""
                    raise DataError(f"data.{option}: {error}{hint}") from error

    def _build_tokenizers(self) -> tuple[SidesT, str]:
        """What text is encoded with, and where it comes from."""
        module = getattr(self.trainer, "lightning_module", None)
        pretrained = getattr(module, "tokenizers", None)
        if getattr(module, "network", None) is not None and isinstance(pretrained, self.reads):
            return pretrained, "the model's"  # its network has their ids
        if self.tokenizers is not None:
            return self.tokenizers, "the checkpoint's"
        builder = TokenizerBuilder(
            config=self.tokenizer,
            pretrained=pretrained if isinstance(pretrained, Tokenizers) else None,
            tags=[corpus.tag for corpus in self.corpora["train"] if corpus.tag is not None],
            rows=self.training_set.rows,
            digests=self._digests_of("train"),
            streamed=self.training_set.streamed,
            cache_dir=self.cache_dir,
        )
        return self.build_tokenizers(builder), builder.origin

    def _encode(self, option: str, tokenizers: Sides) -> list[datasets.Dataset]:
        return [
            encode(corpus, digest, tokenizers, self.cache_dir, self.processes)
            for corpus, digest in zip(self.corpora[option], self._digests_of(option), strict=True)
        ]

    def _digests_of(self, option: str) -> list[str]:
        if option not in self._digests:
            self._digests[option] = [corpus.digest() for corpus in self.corpora[option]]
        return self._digests[option]

    def _names(self, option: str) -> str:
        return " and ".join(corpus.name for corpus in self.corpora[option])

    # --- batches, on every rank -------------------------------------------------------------------------

    def setup(self, stage: str) -> None:
        """Open what ``prepare_data`` has prepared, then have the network built."""
        # batch counts differ from epoch to epoch, so every epoch has a loader of its own
        if self.trainer is not None:
            self.trainer.reload_dataloaders_every_n_epochs = 1  # type: ignore[attr-defined]
        if not self.training_set.is_open:
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
        self.tokenizers, _ = self._build_tokenizers()
        plain = BatchReader(self.tokenizers, self.source_limit, None, self._planner.seed)
        sampling = self.tokenizer if self.tokenizer.sampling_nbest > 1 else None
        self.training_set.open(dataclasses.replace(plain, sampling=sampling))
        table = self.training_set.held_out
        if "validation" in self.corpora:
            table = join(self._encode("validation", self.tokenizers))
        if table is not None:
            self.validation_set = ValidationSet(table, self._planner, plain, self.num_workers)
        self.check_sets()

    def train_dataloader(self) -> PlannedLoader | StreamedLoader:
        """This rank's batches of the trainer's current epoch."""
        place = self._place()
        # to overfit, every epoch has the same batches
        read_epoch = 0 if getattr(self.trainer, "overfit_batches", 0) else place.epoch
        # with a number of batches as the limit, Lightning knows the last one
        limit = getattr(self.trainer, "limit_train_batches", 1.0)
        return self.training_set.loader(place, read_epoch, asked_ahead=isinstance(limit, float))

    def val_dataloader(self) -> PlannedLoader | list[Any]:
        """This rank's batches of the validation set, nothing left out. Empty if there is none."""
        return [] if self.validation_set is None else self.validation_set.loader(self._place())

    def _place(self) -> Place:
        if (trainer := self.trainer) is None:
            return Place()
        return Place(
            trainer.current_epoch,
            trainer.global_rank,
            trainer.world_size,
            trainer.accumulate_grad_batches,
        )
