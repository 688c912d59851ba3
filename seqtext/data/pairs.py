"""DataModule for pairs of source and target text."""

from __future__ import annotations

from collections import Counter

from seqtext.data.augmentation import augmentation_of
from seqtext.data.bucketing import Lengths
from seqtext.data.corpus import Example
from seqtext.data.left_out import Reasons
from seqtext.data.module import TextDataModule
from seqtext.data.options import (
    CORPORA,
    LONGEST_OF_PAIR,
    CorporaOption,
    CorpusOption,
    PreprocessingWorkers,
    SamplingTemperature,
    Workers,
)
from seqtext.data.readers.columns import SourceOption, read_source_option
from seqtext.data.tokenizer import TokenizerConfig, Tokenizers
from seqtext.data.tokenizer.building import TokenizerBuilder
from seqtext.data.validation_set import spread
from seqtext.renames import DATA, accept_old_names
from seqtext.values import Count, Positive, check_arguments


@accept_old_names(DATA)
class PairsDataModule(TextDataModule[Tokenizers]):
    """Pairs of source and target text.

    A corpus is named by ``file.{csv,tsv,jsonl,json,parquet,tmx,xlsx,po,xliff,ts}``, or by the PREFIX of
    two parallel files ``PREFIX.en`` and ``PREFIX.de``. These may be packed (``.gz``, ``.zst``). A file of
    another name says by its content what it is. Other names are ``builtin:SPLIT:COUNT[:SEED]`` and hub
    names (``NAME`` or ``NAME:CONFIG:SPLIT``). Several corpora make a list, each with the options of
    ``CorpusConfig``.

    In Python a corpus can also be in memory. Give a list of pairs or of dicts with the columns, a Hugging
    Face ``Dataset`` or a table of pandas.

    Args:
        train: Corpus, or corpora, to train on.
        validation: Likewise, to choose the best checkpoint by. Or ``split:COUNT``: that many pairs of the
            training corpora, chosen by a hash of their source and not trained on. Or ``fold:2/5``: the
            second of five equal parts of them. With ``folds:5`` the command ``seqtext fit`` trains a model
            for each of the five.
        test: Corpus for ``seqtext test`` and ``Trainer.test``. Training does not read it.
        compare: Corpora to score before and after fine-tuning (``model.init_from``), beside the
            validation set. They show what the model forgets. ``fit`` refuses them without such a model.
        source: Column (``a.b`` for a nested one), file suffix or language of the source text. A number,
            counted from 1, where a table has no header. Or a list of columns, as ``[lemma, features]``.
            The first one is text. Further ones are cut between spaces and ``;`` into symbols, each a
            piece of its own. ``[title, body: text]`` reads ``body`` as text, too.
        target: Likewise of the target text.
        format: Format of all files. One of csv, tsv, jsonl, json, parquet, tmx, xlsx, po, xliff, ts and
            lines (parallel files). A part of a file has a name: ``json:KEY``, ``xlsx:SHEET``. By default a
            file's name and content say it.
        sampling_temperature: Weights for corpora of unlike size (Arivazhagan et al. 2019, section 4.1).
            With T each has a share ~ size ** (1 / T). An epoch reads the largest once. With 1, shares
            stay as they are.
        tokenizer: How text becomes pieces.
        batch_tokens: Most pieces in one update, padding counted, on its longer side. An update spans all
            ranks and accumulation steps, so more devices make training faster, not different.
        batch_size: Instead of ``batch_tokens``: sentence pairs in one update.
        max_source_length: Training pairs with more source pieces are left out, and counted.
        truncate_sources: Read the first ``max_source_length`` pieces of longer sources instead, here and
            whenever the model is used.
        max_target_length: Likewise for the target.
        streaming: Read the training corpora anew in every epoch instead of keeping them prepared on disk.
            For data larger than the disk, or from the hub. Shuffles within ``shuffle_buffer``.
            Tokenizers are trained on the first 250,000 pairs.
        shuffle_buffer: Pairs that are shuffled together when streaming.
        hallucinated_pairs: Further training pairs with random letters inside of their stems, for few
            inflected forms: ``zorluk, zorluğun`` becomes ``zkşpuk, zkşpuğun``. Use 1,000 with up to
            300 rows. Anastasopoulos and Neubig 2019.
        copied_targets: So many targets are also trained on as their own source, with the tag ``<copy>``.
            For few pairs. Currey et al. 2017.
        num_workers: Processes that prepare batches ahead.
        preprocessing_workers: Processes that tokenize.
        seed: Seed of the batch plan, and of pairs that are made.
        cache_dir: Folder of prepared corpora. Default: ``$SEQTEXT_CACHE``, or ``~/.cache/seqtext``.
    """

    reads, rows_are = Tokenizers, "pairs"
    labelled = False

    def __init__(
        self,
        train: CorporaOption,
        validation: CorporaOption | None = None,
        test: CorpusOption | None = None,
        *,
        compare: CorporaOption | None = None,
        source: SourceOption = "source",
        target: str = "target",
        format: str | None = None,
        sampling_temperature: SamplingTemperature | None = None,
        tokenizer: TokenizerConfig = TokenizerConfig(),  # noqa: B008 (frozen)
        batch_tokens: Positive | None = 1500,
        batch_size: Positive | None = None,
        max_source_length: Positive = LONGEST_OF_PAIR,
        max_target_length: Positive = LONGEST_OF_PAIR,
        truncate_sources: bool = False,
        streaming: bool = False,
        shuffle_buffer: Positive = 100_000,
        hallucinated_pairs: Count = 0,
        copied_targets: Count = 0,
        num_workers: Workers = 0,
        preprocessing_workers: PreprocessingWorkers = 1,
        seed: Count = 1,
        cache_dir: str | None = None,
    ) -> None:
        check_arguments(PairsDataModule.__init__, locals(), "data.", but=(*CORPORA, "source"))
        self.max_source_length, self.max_target_length = max_source_length, max_target_length
        super().__init__(
            {"train": train, "validation": validation, "test": test, "compare": compare},
            columns=(read_source_option("data.source", source), target),
            format=format,
            sampling_temperature=sampling_temperature,
            tokenizer=tokenizer,
            batch_tokens=None if batch_size is not None else batch_tokens,
            batch_size=batch_size,
            source_limit=max_source_length if truncate_sources else None,
            shuffle_buffer=shuffle_buffer if streaming else None,
            num_workers=num_workers,
            preprocessing_workers=preprocessing_workers,
            seed=seed,
            cache_dir=cache_dir,
            augmentation=augmentation_of(hallucinated_pairs, copied_targets, seed, streaming),
        )

    def build_tokenizers(self, builder: TokenizerBuilder) -> Tokenizers:
        """Tokenizers of both sides."""
        return builder.pair()

    def reasons_to_leave_out(self, source: Lengths, target: Lengths) -> Reasons:
        """Pairs with an empty or a long side."""
        return {
            "empty": (source == 0) | (target == 0),
            f"longer than max_source_length {self.max_source_length}": source
            > self.max_source_length,
            f"longer than max_target_length {self.max_target_length}": target
            > self.max_target_length,
        }

    @property
    def compares(self) -> bool:
        """Whether other corpora are scored before and after training."""
        return "compare" in self.corpora

    def compared_examples(self, limit: int) -> dict[str, list[Example]]:
        """Examples of the validation set and of every corpus to compare, by name.

        Args:
            limit: The largest number of examples of each.
        """
        examples = {"validation": self.validation_examples(limit)}
        compared = self.corpora.get("compare", [])
        names = Counter(corpus.name for corpus in compared)
        for corpus in compared:
            more = (corpus.tag, *corpus.columns) if names[corpus.name] > 1 else ()
            name = " ".join([corpus.name, *filter(None, more)])
            examples[name] = spread(list(corpus.examples()), limit)
        return examples
