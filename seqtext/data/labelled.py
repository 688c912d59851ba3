"""DataModule for texts with labels."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar, TypeAlias

import numpy as np

from seqtext.data.bucketing import Lengths
from seqtext.data.encoding import lengths_of
from seqtext.data.labels import Labels, TextAndLabels
from seqtext.data.left_out import OUT_OF_SCOPE, Reasons
from seqtext.data.module import TextDataModule
from seqtext.data.options import (
    CORPORA,
    LONGEST_LABELLED,
    CorpusOption,
    CorpusOptions,
    PreprocessingWorkers,
    SamplingTemperature,
    Workers,
)
from seqtext.data.readers.columns import SourceOption, read_source_option
from seqtext.data.tokenizer import TokenizerConfig
from seqtext.data.tokenizer.building import TokenizerBuilder
from seqtext.data.training_set import PreparedTrainingSet
from seqtext.errors import ConfigError, DataError
from seqtext.renames import DATA, accept_old_names
from seqtext.values import Count, Positive, check_arguments

if TYPE_CHECKING:
    from seqtext.data.in_memory import InMemory

_OF_TARGETS = ("target_type", "target_model", "new_pieces")  # options of tokenizers


class LabelledCorpusOptions(CorpusOptions, total=False):
    """A corpus in a configuration, whose columns have names of their own."""

    text: SourceOption | None
    label: str | None


if TYPE_CHECKING:
    LabelledOption: TypeAlias = str | Sequence[str | LabelledCorpusOptions | InMemory] | InMemory
else:
    LabelledOption = str | Sequence[str | LabelledCorpusOptions]


@accept_old_names(DATA)
class LabelsDataModule(TextDataModule[TextAndLabels]):
    """Texts and their labels.

    A corpus is named as in ``PairsDataModule``: a table, a hub name, or a list of several. Lines that
    begin with ``__label__`` are a corpus too, and so is a folder with a folder of texts for each label.
    Or it is in memory: pairs of a text and a label, for example.

    Args:
        train: Corpus, or corpora, to train on.
        validation: Likewise, to choose the best checkpoint, the temperature and the threshold by. Or
            ``split:COUNT``: that many rows of the training corpora, chosen by a hash of their text. Or
            ``fold:2/5``, or ``folds:5``, as in ``PairsDataModule``.
        test: Corpus for ``seqtext test`` and ``Trainer.test``. Training does not read it.
        text: Column of the text, or a list of columns. Further columns are texts, joined by ``<sep>``.
            With ``[text, language: symbols]`` each symbol of ``language`` is a piece of its own.
            ``premise+hypothesis`` is the same as ``[premise, hypothesis]``. Where a table has no header,
            columns have numbers, counted from 1.
        label: Column of the label: a name, a number (of the hub's data its name), or a list of them.
        format: Format of all files. One of csv, tsv, jsonl, json, parquet, xlsx, fasttext (label lines)
            and folders (of labels). A part of a file has a name: ``json:KEY``, ``xlsx:SHEET``. By default a
            file's name and content say it.
        several_labels: Whether a text can have several labels, or none.
        label_separator: Separator between several labels in one field of a table.
        out_of_scope: Label of the rows that belong to no label. They are not trained on. With some in the
            validation set, training chooses a threshold. Texts below it are out of scope.
        sampling_temperature: Weights for corpora of unlike size, as in ``PairsDataModule``.
        tokenizer: How text becomes pieces.
        batch_tokens: Most pieces in one update, padding counted, over all ranks and accumulation steps.
        batch_size: Instead of ``batch_tokens``: texts in one update.
        max_length: Pieces of a text that are read, here and whenever the model is used. Of two texts the
            longer one is cut first.
        num_workers: Processes that prepare batches ahead.
        preprocessing_workers: Processes that tokenize.
        seed: Seed of the batch plan.
        cache_dir: Folder of prepared corpora. Default: ``$SEQTEXT_CACHE``, or ``~/.cache/seqtext``.
    """

    reads, rows_are = TextAndLabels, "texts"
    labelled = True
    aliases: ClassVar = {"text": "source", "label": "target"}

    def __init__(
        self,
        train: LabelledOption,
        validation: LabelledOption | None = None,
        test: CorpusOption | None = None,
        *,
        text: SourceOption = "text",
        label: str = "label",
        format: str | None = None,
        several_labels: bool = False,
        label_separator: str | None = None,
        out_of_scope: str | None = None,
        sampling_temperature: SamplingTemperature | None = None,
        tokenizer: TokenizerConfig = TokenizerConfig(),  # noqa: B008 (frozen)
        batch_tokens: Positive | None = None,
        batch_size: Positive | None = 64,
        max_length: Positive = LONGEST_LABELLED,
        num_workers: Workers = 0,
        preprocessing_workers: PreprocessingWorkers = 1,
        seed: Count = 1,
        cache_dir: str | None = None,
    ) -> None:
        check_arguments(LabelsDataModule.__init__, locals(), "data.", but=(*CORPORA, "text"))
        _check_tokenizer(tokenizer)
        self._reading = Labels(
            several=several_labels,
            separator=label_separator,
            out_of_scope=None if out_of_scope is None else out_of_scope.strip(),
        )
        super().__init__(
            {"train": train, "validation": validation, "test": test},
            columns=(read_source_option("data.text", text), label),
            format=format,
            sampling_temperature=sampling_temperature,
            tokenizer=tokenizer,
            batch_tokens=batch_tokens,
            batch_size=None if batch_tokens is not None else batch_size,
            source_limit=max_length,
            shuffle_buffer=None,
            num_workers=num_workers,
            preprocessing_workers=preprocessing_workers,
            seed=seed,
            cache_dir=cache_dir,
        )

    def build_tokenizers(self, builder: TokenizerBuilder) -> TextAndLabels:
        """A tokenizer of texts, and the labels of the training corpora."""
        labels = self._labels  # wrong ones are refused before a tokenizer is trained
        return TextAndLabels(builder.source(), labels)

    @functools.cached_property
    def _labels(self) -> Labels:
        return self._reading.learn(label for _, label in self.training_set.rows())

    @property
    def _prepared(self) -> PreparedTrainingSet:
        assert isinstance(self.training_set, PreparedTrainingSet)  # labels are not streamed
        return self.training_set

    def reasons_to_leave_out(self, source: Lengths, target: Lengths) -> Reasons:
        """Empty texts, and texts without a label where each has one."""
        reasons = {"empty": source == 0}
        if not self._reading.several:
            reasons[OUT_OF_SCOPE] = (target == 0) & (source > 0)
        return reasons

    def check_sets(self) -> None:
        """Check where texts are out of scope.

        Raises:
            ConfigError: No row has the label ``out_of_scope``.
            DataError: The validation set has no other rows.
        """
        if self._reading.several:
            return
        outside = lengths_of(self._prepared.table)[1] == 0  # rows without label
        if self.validation_set is not None:
            validated = lengths_of(self.validation_set.table)[1] == 0
            if validated.all():
                raise DataError(
                    "data.validation: every text is out of scope; there is nothing to compare by"
                )
            outside = np.concatenate([outside, validated])
        if self._reading.out_of_scope is not None and not outside.any():
            raise ConfigError(
                f"data.out_of_scope: no text of the training or validation set is labelled"
                f" {self._reading.out_of_scope!r}; leave the option out, or name another label"
            )

    def label_counts(self) -> tuple[list[int], int]:
        """How many training texts have each label, and how many texts there are."""
        assert self.tokenizers is not None
        rows = self._prepared.table.select(self._prepared.kept)["target_ids"]
        ids = [i for row in rows for i in row]
        counts: list[int] = np.bincount(ids, minlength=self.tokenizers.target.vocab_size).tolist()
        return counts, len(rows)


def _check_tokenizer(tokenizer: TokenizerConfig) -> None:
    """Check that no option concerns the target's tokenizer.

    Raises:
        ConfigError: One does.
    """
    default = TokenizerConfig()
    for name in _OF_TARGETS:
        if getattr(tokenizer, name) != getattr(default, name):
            raise ConfigError(
                f"data.tokenizer.{name}: there is no text on the target side of a classifier, and"
                " pieces are learned with it; leave the option out"
            )
