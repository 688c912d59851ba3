"""DataModule for texts with labels: what it does is what ``PairsDataModule`` does, with labels as targets."""

from __future__ import annotations

import dataclasses
import functools
import random
from collections.abc import Callable, Sequence
from typing import Any

import datasets
import numpy as np

from seqtext import assets
from seqtext.data.batch import LabelledBatch, collate_labels
from seqtext.data.bucketing import Lengths, Rows, padding
from seqtext.data.corpus import Corpus, CorpusOptions, Split, listed
from seqtext.data.encoding import Sides
from seqtext.data.labels import Labels, TextAndLabels, check_text_column
from seqtext.data.left_out import Reasons
from seqtext.data.pairs import CORPORA, PairsDataModule
from seqtext.data.readers import SEPARATOR
from seqtext.data.tokenizer import Tokenizer, TokenizerConfig
from seqtext.errors import ConfigError, DataError
from seqtext.values import check_arguments

_OF_TARGETS = ("target_type", "target_model", "new_pieces")


class LabelledCorpusOptions(CorpusOptions, total=False):
    """A corpus in a configuration, whose columns have names of their own."""

    text: str | None
    label: str | None


LabelledOption = str | Sequence[str | LabelledCorpusOptions]


class LabelsDataModule(PairsDataModule):
    """Texts and their labels.

    A corpus is named as in ``PairsDataModule``: a table, a hub name, or a list of several.

    Args:
        train: Corpus, or corpora, to train on.
        validation: Likewise, to choose the best checkpoint, the temperature and the threshold by; or
            ``split:COUNT``, that many rows of the training corpora, chosen by a hash of their text.
        test: Corpus for ``seqtext test``; not read in training.
        text: Column of the text; of two texts ``premise+hypothesis``, which are read as one with
            ``<sep>`` between them.
        label: Column of the label: a name or a number (of the hub's data its name), or a list of them.
        several_labels: Whether a text can have several labels, or none.
        label_separator: What stands between several labels in one field of a table.
        out_of_scope: What rows are labelled that belong to no label. They are not trained on; with some
            in the validation set, the threshold is chosen below which a text is out of scope.
        temperature: Weights for corpora of unlike size, as in ``PairsDataModule``.
        tokenizer: How text becomes pieces.
        batch_tokens: Most pieces (padding counted) in one update, over all ranks and accumulation steps
            together.
        batch_size: Instead of ``batch_tokens``: texts in one update.
        max_length: Pieces of a text that are read, here and whenever the model is used; of two texts
            together, the longer one is cut first.
        num_workers: Processes that prepare batches ahead.
        processes: Processes that tokenize.
        seed: Of the batch plan.
        cache_dir: Where prepared corpora lie. Default: ``$SEQTEXT_CACHE``, or ``~/.cache/seqtext``.
    """

    rows_are = "texts"
    labelled = True

    def __init__(
        self,
        train: LabelledOption,
        validation: LabelledOption | None = None,
        test: str | None = None,
        *,
        text: str = "text",
        label: str = "label",
        several_labels: bool = False,
        label_separator: str | None = None,
        out_of_scope: str | None = None,
        temperature: float | None = None,
        tokenizer: TokenizerConfig = TokenizerConfig(),  # noqa: B008 (frozen)
        batch_tokens: int | None = None,
        batch_size: int | None = 64,
        max_length: int = 400,
        num_workers: int = 0,
        processes: int = 1,
        seed: int = 1,
        cache_dir: str | None = None,
    ) -> None:
        check_arguments(LabelsDataModule.__init__, locals(), "data.", but=CORPORA)
        if max_length < 1:
            raise ConfigError(f"data.max_length: {max_length}, expected at least 1")
        reading = Labels(
            several=several_labels,
            separator=label_separator,
            out_of_scope=None if out_of_scope is None else out_of_scope.strip(),
        )
        check_text_column(text)
        default = TokenizerConfig()
        for name in _OF_TARGETS:
            if getattr(tokenizer, name) != getattr(default, name):
                raise ConfigError(
                    f"data.tokenizer.{name}: there is no text on the target side of a classifier, and"
                    " pieces are learned with it; leave the option out"
                )
        if "+" in text:
            symbols = dict.fromkeys((*tokenizer.symbols, SEPARATOR))
            tokenizer = dataclasses.replace(tokenizer, symbols=tuple(symbols))
        super().__init__(
            train,
            validation,
            test,
            source=text,
            target=label,
            temperature=temperature,
            tokenizer=tokenizer,
            batch_tokens=batch_tokens,
            batch_size=None if batch_tokens is not None else batch_size,
            max_source_length=max_length,
            truncate_sources=True,
            num_workers=num_workers,
            processes=processes,
            seed=seed,
            cache_dir=cache_dir,
        )
        self._reading = reading
        self._checked: set[Split] = set()

    def label_counts(self) -> tuple[list[int], int]:
        """How many training texts have each label, and how many there are."""
        assert self._kept is not None
        labels: Labels = self.tokenizers.target
        of_rows = self._encoded["train"].select(self._kept)["target_ids"]
        ids = [i for row in of_rows for i in row]
        counts: list[int] = np.bincount(ids, minlength=labels.vocab_size).tolist()
        return counts, len(self._kept)

    def _open(self) -> None:
        """Open what ``prepare_data`` has prepared.

        Raises:
            ConfigError: No row is labelled as ``out_of_scope`` says.
            DataError: The validation set has nothing else.
        """
        new = not self._is_set_up()
        super()._open()
        if not new or self._reading.several:
            return
        outside = {
            split: self._lengths(split)[1] == 0 for split in self._encoded
        }  # rows without label
        if "validation" in outside and outside["validation"].all():
            raise DataError(
                "data.validation: every text is out of scope; there is nothing to compare by"
            )
        if self._reading.out_of_scope is not None and not any(
            rows.any() for rows in outside.values()
        ):
            raise ConfigError(
                f"data.out_of_scope: no text of the training or validation set is labelled"
                f" {self._reading.out_of_scope!r}; leave the option out, or name another label"
            )

    def _named(self, given: Any, split: Split, where: str) -> list[Corpus] | None:
        names = {"text": "source", "label": "target"}
        known = [
            {names.get(name, name): value for name, value in one.items()}
            if isinstance(one, dict)
            else one
            for one in listed(given)
        ]
        return super()._named(known, split, where)

    # --- labels in place of a target text -----------------------------------------------------------

    def _given_tokenizers(self) -> TextAndLabels | None:
        given: TextAndLabels | None = self.tokenizers
        return given

    def _tokenizers(self) -> TextAndLabels:
        labels, path = self._labels, self.tokenizer.source_model
        if path is not None:
            return TextAndLabels(
                self._train_tokenizer((0,), Tokenizer.load(assets.find(path))), labels
            )
        return TextAndLabels(self._train_tokenizer((0,)), labels)

    @functools.cached_property
    def _labels(self) -> Labels:
        return self._reading.learn(
            row[1] for corpus in self.corpora["train"] for row in corpus.rows()
        )

    def _encode(self, split: Split, tokenizers: Sides) -> datasets.Dataset:
        assert isinstance(tokenizers, TextAndLabels)
        if split not in self._checked:
            for corpus in self.corpora[split]:
                for _ in tokenizers.target.read(corpus.records()):
                    pass  # a mistake is told with its line
            self._checked.add(split)
        return super()._encode(split, tokenizers)

    def _sizes_told(self, tokenizers: TextAndLabels) -> str:
        pieces, labels = tokenizers.sizes
        return f"{pieces:,} pieces; {labels:,} labels"

    def _limits(self, source: Lengths, target: Lengths) -> Reasons:
        reasons = {"empty": source == 0}
        if not self._reading.several:
            reasons["out of scope"] = (target == 0) & (source > 0)
        return reasons

    def _can_validate(self, kept: Rows) -> Rows:
        outside = np.flatnonzero(self._limits(*self._lengths("train")).get("out of scope", []))
        return np.union1d(kept, outside)

    # the number of labels says nothing about what a text costs

    def _kept_lengths(self) -> tuple[Lengths, Lengths]:
        source, target = super()._kept_lengths()
        return source, np.ones_like(target)

    def _val_lengths(self) -> tuple[Lengths, Lengths]:
        source, target = super()._val_lengths()
        return source, np.ones_like(target)

    def _reader(
        self, encoded: datasets.Dataset, epoch: int, sample: bool
    ) -> Callable[[Rows], LabelledBatch]:
        sampling = self.tokenizer if sample else None
        columns = ["source_ids", "target_ids", *(["source"] if sample else [])]
        return functools.partial(
            _read_batch,
            encoded.select_columns(columns),
            self.tokenizers,
            sampling,
            (self.seed, epoch),
            self.source_limit,
        )

    def _told_of_batches(self, updates: list[Rows], source: Lengths, target: Lengths) -> str:
        return f"; padding {padding(updates, source):.1%}"


def _read_batch(
    encoded: datasets.Dataset,
    sides: TextAndLabels,
    sampling: TokenizerConfig | None,
    key: tuple[int, int],
    limit: int | None,
    rows: Rows,
) -> LabelledBatch:
    """The batch of ``rows``; see ``encoding.read_batch``."""
    found = encoded[rows.tolist()]
    texts = found["source_ids"]
    if sampling is not None:
        nbest, alpha = sampling.sampling_nbest, sampling.sampling_alpha
        texts = [
            sides.source.sample(text, nbest, alpha, random.Random(f"{key}-{row}"))
            for text, row in zip(found["source"], rows.tolist(), strict=True)
        ]
    return collate_labels(
        [sides.cut(row, limit) for row in texts],
        found["target_ids"],
        source_eos=sides.source.eos,
        count=sides.target.count,
    )
