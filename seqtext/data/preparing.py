"""Data module that reads and tokenizes its corpora, once on each node, and finds its tokenizers."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from pathlib import Path
from typing import ClassVar, Generic, TypeVar

import datasets
from lightning.pytorch.trainer.states import TrainerFn

from seqtext.console import duration, say
from seqtext.data.corpus import Corpus
from seqtext.data.encoding import Sides, encode
from seqtext.data.hyperparameters import SavedDataModule
from seqtext.data.tokenizer import Tokenizer, TokenizerConfig, Tokenizers
from seqtext.data.tokenizer.building import TokenizerBuilder
from seqtext.data.training_set import TrainingSet
from seqtext.errors import ConfigError, DataError

SidesT = TypeVar("SidesT", bound=Sides)


class PreparingDataModule(SavedDataModule, ABC, Generic[SidesT]):
    """Corpora by the options that name them, tokenized and kept on disk.

    Args:
        corpora: Of each option that names some.
        tokenizer: How text becomes pieces.
        preprocessing_workers: Processes that tokenize.
        cache_dir: Folder of everything that is kept.
    """

    reads: type[SidesT]  # what rows are encoded with
    rows_are: ClassVar[str]  # what a row is called
    training_set: TrainingSet

    def __init__(
        self,
        corpora: dict[str, list[Corpus]],
        tokenizer: TokenizerConfig,
        preprocessing_workers: int,
        cache_dir: Path,
    ) -> None:
        super().__init__()
        self.corpora, self.tokenizer = corpora, tokenizer
        self.preprocessing_workers, self.cache_dir = preprocessing_workers, cache_dir
        self.tokenizers: SidesT | None = None  # a checkpoint's, or those of ``setup``
        self._digests: dict[str, list[str]] = {}

    @abstractmethod
    def build_tokenizers(self, builder: TokenizerBuilder) -> SidesT:
        """Build what text is encoded with."""

    def prepare_data(self) -> None:
        """Read, build tokenizers, tokenize. The results are kept on disk."""
        tests = self.tests()
        # Lightning asks again before the last validation
        if self.training_set.is_open and not tests:
            return
        start = time.perf_counter()
        self._check_files("test" if tests else None)
        tokenizers, origin = self.find_tokenizers()
        say(f"tokenizer: {origin}, {tokenizers.described}")
        self._tell_columns(tokenizers)
        if self.tokenizer.sampling_nbest > 1:
            for side in (tokenizers.source, tokenizers.target):
                if isinstance(side, Tokenizer):
                    side.check_sampling()  # refused here, not in the first batch
        counts = [] if tests else [self.training_set.prepare(tokenizers)]
        option = "test" if tests else "validation"
        if option in self.corpora:
            rows = sum(map(len, self.encode(option, tokenizers)))
            counts.append(f"{rows:,} {option} {self.rows_are} from {self.names_of(option)}")
        say(f"data: {', '.join(counts)}; {duration(time.perf_counter() - start)}")

    def _tell_columns(self, tokenizers: SidesT) -> None:
        """Say how the columns of a source are cut, where it has several."""
        for columns in dict.fromkeys(corpus.source_columns for corpus in self.corpora["train"]):
            if not columns.plain:
                symbols = len(tokenizers.source.column_symbols)
                told = f" ({symbols:,} different symbols)" if columns.symbols else ""
                say(f"data: a source is {columns}{told}")

    def tests(self) -> bool:
        """Whether the trainer tests or predicts, and reads the test set alone.

        Raises:
            ConfigError: There is no test set.
        """
        testing = (TrainerFn.TESTING, TrainerFn.PREDICTING)
        if self.trainer is None or self.trainer.state.fn not in testing:
            return False
        if "test" not in self.corpora:
            raise ConfigError(
                f"data.test: no corpus to test on, or to predict; give one, as in {type(self).__name__}"
                "(…, test=…)"
            )
        return True

    def _check_files(self, option: str | None) -> None:
        """Look for the files of every corpus, or of those of an option, before the first is prepared.

        Raises:
            DataError: A file is missing. The message names the option.
        """
        chosen = self.corpora if option is None else {option: self.corpora[option]}
        for option, corpora in chosen.items():
            for corpus in corpora:
                try:
                    _ = corpus.files
                except DataError as error:
                    optional = option in ("test", "compare")
                    hint = f"; --data.{option} null trains without it" if optional else ""
                    raise DataError(f"data.{option}: {error}{hint}") from error

    def find_tokenizers(self) -> tuple[SidesT, str]:
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
            tags=self.training_set.tags,
            columns=[corpus.source_columns for corpus in self.corpora["train"]],
            rows=self.training_set.rows,
            digests=self.digests_of("train"),
            streamed=self.training_set.streamed,
            cache_dir=self.cache_dir,
        )
        return self.build_tokenizers(builder), builder.origin

    def encode(self, option: str, tokenizers: Sides) -> list[datasets.Dataset]:
        """Tokenize the corpora of an option, or open what an earlier time has kept."""
        return [
            encode(corpus, digest, tokenizers, self.cache_dir, self.preprocessing_workers)
            for corpus, digest in zip(self.corpora[option], self.digests_of(option), strict=True)
        ]

    def digests_of(self, option: str) -> list[str]:
        """Digests of the corpora of an option."""
        if option not in self._digests:
            self._digests[option] = [corpus.digest() for corpus in self.corpora[option]]
        return self._digests[option]

    def names_of(self, option: str) -> str:
        """Names of the corpora of an option."""
        return " and ".join(corpus.name for corpus in self.corpora[option])
