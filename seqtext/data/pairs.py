"""DataModule for sentence pairs: corpus -> ids, cached as Arrow -> planned batches."""

from __future__ import annotations

import dataclasses
import functools
import itertools
import random
import time
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import datasets
import numpy as np
from lightning.pytorch import LightningDataModule

from seqtext import assets
from seqtext.console import duration, say
from seqtext.data import tokenizer_cache
from seqtext.data.bucketing import (
    BatchPlan,
    Lengths,
    Rows,
    Weights,
    check_size,
    padding,
    share,
)
from seqtext.data.corpus import CorporaOption, Corpus, CorpusConfig, Example, Split, listed
from seqtext.data.encoding import (
    SIDES,
    Sides,
    encode,
    encode_rows,
    held_out,
    read_batch,
    source_hash,
)
from seqtext.data.left_out import LeftOut, Reasons, kept_rows
from seqtext.data.loader import PlannedLoader
from seqtext.data.prepared import cache_folder
from seqtext.data.readers import Row
from seqtext.data.streaming import Pool, Pools, Stream, StreamedLoader
from seqtext.data.tokenizer import Tokenizer, TokenizerConfig, Tokenizers
from seqtext.errors import ConfigError, DataError
from seqtext.values import check_arguments

_TOKENIZER_PAIRS = 250_000  # read for training tokenizers when streaming
CORPORA = ("train", "validation", "test", "compare")  # options that are corpora
_MOST_PROCESSES = 512  # each holds Python and PyTorch
_MOST_ROWS = 500_000_000  # of an epoch, whose order is kept in memory


class PairsDataModule(LightningDataModule):
    """Pairs of source and target text.

    A corpus is named by ``file.{csv,tsv,jsonl,json,parquet,tmx}``, by the PREFIX of two parallel files
    ``PREFIX.en`` and ``PREFIX.de``, all packed (``.gz``, ``.zst``) or not, by
    ``builtin:SPLIT:COUNT[:SEED]``, or by a hub name (``NAME`` or ``NAME:CONFIG:SPLIT``). Several make a
    list, with the options of ``CorpusConfig`` each.

    Args:
        train: Corpus, or corpora, to train on.
        validation: Likewise, to choose the best checkpoint by; or ``split:COUNT``, that many pairs of
            the training corpora, chosen by a hash of their source and not trained on.
        test: Corpus for ``seqtext test``; not read in training.
        compare: Corpora scored, beside the validation set, before and after a training that starts
            from another model (``model.init_from``), so that forgetting is seen. ``fit`` refuses it
            without such a model.
        source: Column (``a.b`` for a nested one), file suffix or language of the source text.
        target: Likewise of the target text.
        temperature: Weights for corpora of unlike size: with T each has a share ~ size ** (1 / T), the
            largest read once an epoch (Arivazhagan et al. 2019, section 4.1). 1 leaves shares as they
            are.
        tokenizer: How text becomes pieces.
        batch_tokens: Most pieces (padding counted, the longer side) in one update, over all ranks
            and accumulation steps together: more devices make training faster, not different.
        batch_size: Instead of ``batch_tokens``: sentence pairs in one update.
        max_source_length: Training pairs with more source pieces are left out, and counted.
        truncate_sources: Read the first ``max_source_length`` pieces of longer sources instead, here and
            whenever the model is used.
        max_target_length: Likewise for the target.
        streaming: Read the training corpora anew in every epoch instead of keeping them prepared on disk.
            For what is larger than the disk or comes from the hub; shuffles within ``shuffle_buffer``.
            Tokenizers are trained on the first 250,000 pairs.
        shuffle_buffer: Pairs that are shuffled together when streaming.
        num_workers: Processes that prepare batches ahead.
        processes: Processes that tokenize.
        seed: Of the batch plan.
        cache_dir: Where prepared corpora lie. Default: ``$SEQTEXT_CACHE``, or ``~/.cache/seqtext``.
    """

    rows_are = "pairs"
    labelled = False  # see Corpus

    def __init__(
        self,
        train: CorporaOption,
        validation: CorporaOption | None = None,
        test: str | None = None,
        *,
        compare: CorporaOption | None = None,
        source: str = "source",
        target: str = "target",
        temperature: float | None = None,
        tokenizer: TokenizerConfig = TokenizerConfig(),  # noqa: B008 (frozen)
        batch_tokens: int | None = 1500,
        batch_size: int | None = None,
        max_source_length: int = 250,
        max_target_length: int = 250,
        truncate_sources: bool = False,
        streaming: bool = False,
        shuffle_buffer: int = 100_000,
        num_workers: int = 0,
        processes: int = 1,
        seed: int = 1,
        cache_dir: str | None = None,
    ) -> None:
        check_arguments(PairsDataModule.__init__, locals(), "data.", but=CORPORA)
        super().__init__()
        for name, value in (("num_workers", num_workers), ("seed", seed)):
            if value < 0:
                raise ConfigError(f"data.{name}: {value}, expected at least 0")
        for name, value in (
            ("max_source_length", max_source_length),
            ("max_target_length", max_target_length),
            ("shuffle_buffer", shuffle_buffer),
            ("processes", processes),
        ):
            if value < 1:
                raise ConfigError(f"data.{name}: {value}, expected at least 1")
        for name, value in (("num_workers", num_workers), ("processes", processes)):
            if value > _MOST_PROCESSES:
                raise ConfigError(f"data.{name}: {value}, expected at most {_MOST_PROCESSES}")
        self.columns = (source, target)
        self.streaming, self.shuffle_buffer = streaming, shuffle_buffer
        self.held_out = 0  # training pairs that are the validation set
        if isinstance(validation, str) and validation.startswith("split:"):
            self.held_out = _count(validation)
            validation = None
        self.weights: list[float] = []  # of the training corpora
        self.corpora: dict[Split, list[Corpus]] = {}
        places: dict[Split, Any] = {"train": train, "validation": validation, "test": test}
        for split, given in places.items():
            if (corpora := self._named(given, split, f"data.{split}")) is not None:
                self.corpora[split] = corpora
        self._compared = self._named(compare, "validation", "data.compare") or []
        if "train" not in self.corpora:
            raise ConfigError("data.train: no corpus in the list")
        if temperature is not None and not 1 <= temperature < float("inf"):
            raise ConfigError(f"data.temperature: {temperature}, expected at least 1")
        if temperature is not None and any(weight != 1 for weight in self.weights):
            raise ConfigError("data.temperature: gives the weights; leave those of the corpora out")
        self.temperature = temperature
        self.tokenizer = tokenizer
        self.batch_tokens = None if batch_size is not None else batch_tokens
        self.batch_size = batch_size
        self.max_source_length, self.max_target_length = max_source_length, max_target_length
        self.source_limit = max_source_length if truncate_sources else None
        self.num_workers, self.processes, self.seed = num_workers, processes, seed
        self.cache_dir = cache_folder(cache_dir)
        self.tokenizers: Any = None  # Tokenizers
        self._encoded: dict[Split, datasets.Dataset] = {}
        self._digests: dict[Split, list[str]] = {}
        self._sizes: list[int] = []  # rows of the training corpora
        self._pools: Pools | None = None  # the training corpora, when streaming
        self._left_out = LeftOut(self.rows_are, self.source_limit)
        self._kept: Rows | None = None
        self._row_weights: Weights | None = None  # of the kept rows
        check_size(self.batch_tokens, self.batch_size)

    @classmethod
    def load_from_checkpoint(cls, *arguments: Any, **options: Any) -> Any:
        """Not here: a checkpoint holds no corpora.

        Raises:
            ConfigError: Always.
        """
        raise ConfigError(
            f"{cls.__name__}.load_from_checkpoint: a checkpoint holds no corpora; make the data module of its"
            f" options, as in seqtext.{cls.__name__}(train=…)"
        )

    def _named(self, given: Any, split: Split, where: str) -> list[Corpus] | None:
        """The corpora that an option names; None if there are none."""
        configs = [CorpusConfig.of(one, where) for one in listed(given)]
        if split == "train":
            self.weights = [one.weight for one in configs]
        elif any(one.weight != 1 for one in configs):
            raise ConfigError(f"{where}: every pair counts once here; leave weights out")
        source, target = self.columns
        return [
            Corpus(
                one.path,
                one.source or source,
                one.target or target,
                split,
                one.tag,
                streamed=self.streaming and split == "train",
                labelled=self.labelled,
            )
            for one in configs
        ] or None

    @property
    def validates(self) -> bool:
        """Whether there is a validation set."""
        return bool(self.held_out) or "validation" in self.corpora

    @property
    def longest_source(self) -> int:
        """Pieces of the longest training source so far, as much of it as is read."""
        return self._left_out.longest

    def validation_key(self) -> list[str]:
        """Tells validation sets apart, since scores on two of them do not compare."""
        if self.held_out:
            return [f"split:{self.held_out}", *self._digests_of("train")]
        return self._digests_of("validation") if self.validates else []

    def state_dict(self) -> dict[str, list[str]]:
        """What the training corpora were."""
        return {"train": self._digests_of("train")}

    def load_state_dict(self, state_dict: dict[str, list[str]]) -> None:
        """Say if they are no longer what they were in the run that is gone on with."""
        if state_dict["train"] != self._digests_of("train"):
            say(
                f"data: {self._names('train')} changed since the checkpoint was written; the epoch goes on"
                " with batches of what is there now"
            )

    # --- reading and tokenizing, once on each node --------------------------------------------------

    def prepare_data(self) -> None:
        """Read, train tokenizers where none is given, tokenize; all of it cached on disk."""
        if self._is_set_up():  # Lightning asks again before the last validation
            return
        start = time.perf_counter()
        self._check_corpora()
        given = self._given_tokenizers()
        origin = "the checkpoint's" if given else self.tokenizer.source_model
        tokenizers = given or self._tokenizers()
        say(f"tokenizer: {origin or 'trained on data.train'}, {self._sizes_told(tokenizers)}")
        if self.tokenizer.sampling_nbest > 1:
            for side in tokenizers:  # one that cannot draw says so now, not in the first batch
                if isinstance(side, Tokenizer):
                    side.sample("", 1, 0.0, random.Random())
        counts = []
        if self.streaming:
            counts.append(f"train streamed from {self._names('train')}")
        for split in self._splits():
            encoded = self._encode(split, tokenizers)
            counts.append(f"{len(encoded):,} {split} {self.rows_are} from {self._names(split)}")
        say(f"data: {', '.join(counts)}; {duration(time.perf_counter() - start)}")

    def _check_corpora(self) -> None:
        """Look for the files of every corpus named, before the first is prepared.

        Raises:
            DataError: One is not there; names the option.
        """
        for option, corpora in (*self.corpora.items(), ("compare", self._compared)):
            for corpus in corpora:
                try:
                    _ = corpus.files
                except DataError as error:
                    more = (
                        f"; --data.{option} null trains without it"
                        if option in ("test", "compare")
                        else ""
                    )
                    raise DataError(f"data.{option}: {error}{more}") from error

    def setup(self, stage: str) -> None:
        """Open what ``prepare_data`` has prepared, then have the network built."""
        self._open()
        # Lightning builds it after the `setup` of callbacks, and weight averaging copies it in there
        if (module := getattr(self.trainer, "lightning_module", None)) is not None:
            module.configure_model()

    def _open(self) -> None:
        # batch counts differ from epoch to epoch, so every epoch has a loader of its own
        if self.trainer is not None:
            self.trainer.reload_dataloaders_every_n_epochs = 1  # type: ignore[attr-defined]
        if self._is_set_up():
            return
        every = getattr(self.trainer, "val_check_interval", None)
        if self.streaming and isinstance(every, float) and every < 1:
            raise ConfigError(
                f"trainer.val_check_interval: {every} of an epoch, whose length is not known with"
                " data.streaming; give a number of batches, or 1.0"
            )
        self.tokenizers = self._given_tokenizers() or self._tokenizers()
        for split in self._splits():
            self._encoded[split] = self._encode(split, self.tokenizers)
        if self.streaming:
            self._open_stream(self.tokenizers)
            return
        kept = self._within_limits(*self._lengths("train"))
        self._tell_left_out()
        if self.held_out:
            usable = self._can_validate(kept)
            chosen = self._hold_out(self._encoded["train"], usable, f"{len(usable):,}")
            kept = np.setdiff1d(kept, chosen)
        self._kept, self._row_weights = kept, self._weights_of(kept)

    def _is_set_up(self) -> bool:
        return bool(self._encoded) or self._pools is not None

    def _splits(self) -> list[Split]:
        """Those that are kept prepared on disk."""
        used: tuple[Split, ...] = ("validation",) if self.streaming else ("train", "validation")
        return [split for split in used if split in self.corpora]

    def _names(self, split: Split) -> str:
        return " and ".join(corpus.name for corpus in self.corpora[split])

    def _sizes_told(self, tokenizers: Any) -> str:
        source, target = (f"{side.vocab_size:,} pieces" for side in tokenizers)
        same = tokenizers.source is tokenizers.target
        return f"{source} for both sides" if same else f"{source} and {target}"

    def _given_tokenizers(self) -> Any:
        """Those that a checkpoint has brought: of this run, or of the model that it starts from."""
        if self.tokenizers is not None:
            return self.tokenizers
        module = getattr(self.trainer, "lightning_module", None)
        pretrained: Tokenizers | None = getattr(module, "tokenizers", None)
        if pretrained is None:
            return None
        default = vars(TokenizerConfig())
        for name, value in vars(self.tokenizer).items():
            if value != default[name] and not name.startswith(
                ("sampling", "symbols", "new_pieces")
            ):
                raise ConfigError(
                    f"data.tokenizer.{name}: {value!r}, but model.init_from brings its tokenizers; leave the"
                    " option out, or choose parts of the model with model.init_parts"
                )
        return self._with_symbols(*pretrained)

    def _with_symbols(self, source: Tokenizer, target: Tokenizer) -> Tokenizers:
        """Given ones, and what they lack of symbols, tags and new pieces."""
        if source.fingerprint == target.fingerprint:
            both = self._train_tokenizer((0, 1), source)
            return Tokenizers(both, both)
        return Tokenizers(self._train_tokenizer((0,), source), self._train_tokenizer((1,), target))

    def _tokenizers(self) -> Any:
        config = self.tokenizer
        if config.new_pieces:
            raise ConfigError(
                f"data.tokenizer.new_pieces: {config.new_pieces}, but no checkpoint brings the pieces"
                " that these are added to; name one with model.init_from, without model.init_parts"
            )
        if config.source_model is not None:
            source = Tokenizer.load(assets.find(config.source_model))
            target = source
            if config.target_model is not None:
                target = Tokenizer.load(assets.find(config.target_model))
            return self._with_symbols(source, target)
        if config.joint:
            both = self._train_tokenizer((0, 1))
            return Tokenizers(both, both)
        return Tokenizers(self._train_tokenizer((0,)), self._train_tokenizer((1,)))

    def _train_tokenizer(self, sides: tuple[int, ...], base: Tokenizer | None = None) -> Tokenizer:
        """Train one on some sides of the training corpora, or add to ``base`` what it is to learn."""
        tags = [corpus.tag for corpus in self.corpora["train"] if corpus.tag is not None]
        symbols = tuple(dict.fromkeys((*self.tokenizer.symbols, *tags)))
        config = dataclasses.replace(self.tokenizer, symbols=symbols)
        if sides == (1,):
            config = config.of_target()
        decisive = [*self._digests_of("train"), repr(sides), *(["streamed"] * self.streaming)]

        def texts() -> Iterator[str]:
            rows: Iterator[Row] = (
                itertools.islice(self._unweighted(), _TOKENIZER_PAIRS)
                if self.streaming
                else itertools.chain.from_iterable(
                    corpus.rows() for corpus in self.corpora["train"]
                )
            )
            return (row[side] for row in rows for side in sides)

        return tokenizer_cache.trained(texts, config, base, decisive, self.cache_dir)

    def _encode(self, split: Split, tokenizers: Sides) -> datasets.Dataset:
        encoded = [
            encode(corpus, digest, tokenizers, self.cache_dir, self.processes)
            for corpus, digest in zip(self.corpora[split], self._digests_of(split), strict=True)
        ]
        if split == "train":
            self._sizes = [len(one) for one in encoded]
        return encoded[0] if len(encoded) == 1 else datasets.concatenate_datasets(encoded)

    def _digests_of(self, split: Split) -> list[str]:
        if split not in self._digests:
            self._digests[split] = [corpus.digest() for corpus in self.corpora[split]]
        return self._digests[split]

    # --- streaming ----------------------------------------------------------------------------------

    def _stream(self) -> Stream:
        corpora = self.corpora["train"]
        if len(corpora) > 1 and not self._sizes:  # by which they are dealt into each other
            self._sizes = [sum(1 for _ in corpus.rows()) for corpus in corpora]
        return Stream(corpora, self._corpus_weights().tolist(), self._sizes, self.seed)

    def _unweighted(self) -> Iterator[Row]:
        """Every pair of the stream once."""
        weights = [1.0] * len(self.weights)
        return dataclasses.replace(self._stream(), weights=weights).rows(0)

    def _open_stream(self, tokenizers: Tokenizers) -> None:
        stream = self._stream()
        if self.held_out:
            rows = list(itertools.islice(self._unweighted(), self.shuffle_buffer))
            first = encode_rows(rows, tokenizers)
            usable = kept_rows(self._limits(*_lengths_of(first)))
            chosen = self._hold_out(first, usable, f"the first {len(rows):,}")
            hashes = frozenset(source_hash(rows[i][0]) for i in chosen)
            stream = dataclasses.replace(stream, held_out=hashes)
        sampling = self.tokenizer if self.tokenizer.sampling_nbest > 1 else None
        self._pools = Pools(stream, self.shuffle_buffer, tokenizers, sampling, self.seed)

    def _can_validate(self, kept: Rows) -> Rows:
        """The training rows that can be held out, of which ``kept`` are trained on."""
        return kept

    def _corpus_weights(self) -> Weights:
        """How often an epoch has each training corpus."""
        if self.temperature is None or len(self.weights) == 1:
            return np.array(self.weights)
        sizes = np.array(self._sizes)
        weights: Weights = (sizes / sizes.max()) ** (1 / self.temperature - 1)
        return weights

    def _weights_of(self, kept: Rows) -> Weights | None:
        """How often an epoch has each kept row; None for once."""
        weights = self._corpus_weights()
        if (weights == 1).all():
            return None
        told = (
            f"{one.name} {w:.3g}" for one, w in zip(self.corpora["train"], weights, strict=True)
        )
        say(f"data: weights {', '.join(told)}")
        drawn: Weights = np.repeat(weights, self._sizes)[kept]
        if drawn.sum() > _MOST_ROWS:
            raise ConfigError(
                f"data.train: by its weights an epoch has {drawn.sum():,.0f} {self.rows_are}, and"
                f" {_MOST_ROWS:,} are the most; give smaller weights"
            )
        return drawn

    def _hold_out(self, train: datasets.Dataset, usable: Rows, of: str) -> Rows:
        """Make some of the usable rows the validation set; those rows. ``of`` says how many there are."""
        chosen = held_out(train["source"], usable, self.held_out)
        if len(chosen) >= len(usable):
            more = "; hold out fewer, or raise data.shuffle_buffer" if self.streaming else ""
            raise DataError(
                f"data.validation: split:{self.held_out} of {of} training {self.rows_are} leaves none to"
                f" train on{more}"
            )
        self._encoded["validation"] = train.select(chosen).flatten_indices(keep_in_memory=True)
        say(
            f"data: {len(chosen):,} of {of} training {self.rows_are} are the validation set, by a hash of"
            " their source"
        )
        return chosen

    def _within_limits(self, source: Lengths, target: Lengths) -> Rows:
        """The training pairs that are neither empty nor too long, others being counted."""
        return self._left_out.count(self._limits(source, target), source)

    def _limits(self, source: Lengths, target: Lengths) -> Reasons:
        """Which pairs are not trained on, by reason."""
        source = self._as_read(source)
        return {
            "empty": (source == 0) | (target == 0),
            f"longer than max_source_length {self.max_source_length}": source
            > self.max_source_length,
            f"longer than max_target_length {self.max_target_length}": target
            > self.max_target_length,
        }

    def _as_read(self, source: Lengths) -> Lengths:
        """How much of sources is read."""
        return source if self.source_limit is None else np.minimum(source, self.source_limit)

    def _tell_left_out(self) -> None:
        self._left_out.tell(self._names("train"))

    def _lengths(self, split: Split) -> tuple[Lengths, Lengths]:
        return _lengths_of(self._encoded[split])

    # --- batches ----------------------------------------------------------------------------------------

    def updates_per_epoch(self) -> int | None:
        """Updates in the first epoch; later ones have nearly as many. None if streaming: nobody knows."""
        if self.streaming:
            return None
        return len(self._plan(*self._kept_lengths(), self._row_weights).updates(0))

    def train_dataloader(self) -> PlannedLoader | StreamedLoader:
        """This rank's batches of the trainer's current epoch."""
        epoch, rank, ranks, accumulation = self._position()
        # to overfit, every epoch has the same batches
        read_epoch = 0 if getattr(self.trainer, "overfit_batches", 0) else epoch
        if self._pools is not None:
            limit = getattr(self.trainer, "limit_train_batches", 1.0)
            return StreamedLoader(
                self._pools,
                self._batches_of,
                epoch=epoch,
                read_epoch=read_epoch,
                asked_ahead=isinstance(limit, float),
                source_limit=self.source_limit,
                num_workers=self.num_workers,
                on_end=self._tell_left_out if epoch == 0 else lambda: None,
            )
        assert self._kept is not None
        source, target = self._kept_lengths()
        updates = self._plan(source, target, self._row_weights).updates(read_epoch)
        if epoch == 0:
            self._tell(updates, source, target, "an epoch")
        updates = [self._kept[rows] for rows in updates]
        batches = share(updates, rank=rank, ranks=ranks, accumulation=accumulation)
        read = self._reader(self._encoded["train"], read_epoch, self.tokenizer.sampling_nbest > 1)
        return PlannedLoader(batches, read, epoch=epoch, num_workers=self.num_workers)

    def _batches_of(self, pool: Pool, epoch: int, number: int) -> list[Rows]:
        """This rank's batches of a pool of the stream."""
        _, rank, ranks, accumulation = self._position()
        source, target = pool.source.lengths, pool.target.lengths
        kept = self._within_limits(source, target)
        if 0 < len(kept) < ranks * accumulation and number:  # of the last pool; each rank needs one
            self._left_out.drop(len(kept), "too few for the last update")
            return []
        if not len(kept):
            return []
        source, target = self._as_read(source[kept]) + 1, target[kept] + 1
        updates = self._plan(source, target, None).updates(epoch, number)
        if epoch == number == 0:
            self._tell(updates, source, target, f"in the first {len(pool.source.lengths):,} pairs")
        updates = [kept[rows] for rows in updates]
        return share(updates, rank=rank, ranks=ranks, accumulation=accumulation)

    def _kept_lengths(self) -> tuple[Lengths, Lengths]:
        """Of the training pairs that are used, eos counted."""
        source, target = self._lengths("train")
        return self._as_read(source[self._kept]) + 1, target[self._kept] + 1

    def _val_lengths(self) -> tuple[Lengths, Lengths]:
        """Likewise of all validation pairs."""
        source, target = self._lengths("validation")
        return self._as_read(source) + 1, target + 1

    def _plan(self, source: Lengths, target: Lengths, weights: Weights | None) -> BatchPlan:
        _, _, ranks, accumulation = self._position()
        return BatchPlan(
            source,
            target,
            batch_tokens=self.batch_tokens,
            batch_size=self.batch_size,
            shares=ranks * accumulation,
            seed=self.seed,
            weights=weights,
        )

    def val_dataloader(self) -> PlannedLoader | list[Any]:
        """This rank's batches of the validation corpus, nothing left out; empty if there is none."""
        if "validation" not in self._encoded:
            return []
        source, target = self._val_lengths()
        _, rank, ranks, accumulation = self._position()
        if len(source) < ranks:
            raise DataError(
                f"data.validation: {len(source)} validation {self.rows_are} for {ranks} processes;"
                " each needs one"
            )
        # batches no larger than those of training
        tokens, size = (
            None if limit is None else max(1, limit // accumulation)
            for limit in (self.batch_tokens, self.batch_size)
        )
        plan = BatchPlan(source, target, batch_tokens=tokens, batch_size=size, shares=ranks)
        batches = share(plan.updates(0), rank=rank, ranks=ranks, accumulation=1)
        read = self._reader(self._encoded["validation"], 0, False)
        return PlannedLoader(batches, read, num_workers=self.num_workers)

    def validation_examples(self, limit: int, *, merged: bool = False) -> list[Example]:
        """At most ``limit`` validation sources with their references, spread evenly over the corpus.

        With ``merged`` rows of one source are one, as in a dictionary.
        """
        if "validation" not in self._encoded:
            return []
        if merged:
            examples = Corpus.merged(self.validation_examples(len(self._encoded["validation"])))
            return [examples[i] for i in _spread(len(examples), limit)]
        rows = self._encoded["validation"].select_columns(["source", "target", "row"])
        numbers: list[int] = rows["row"][:]
        starts = [i for i in range(len(numbers)) if not i or numbers[i] != numbers[i - 1]]
        ends = dict(zip(starts, [*starts[1:], len(numbers)], strict=True))
        chosen = [starts[i] for i in _spread(len(starts), limit)]
        return [(rows[i]["source"], rows["target"][i : ends[i]]) for i in chosen]

    @property
    def compares(self) -> bool:
        """Whether scores of other corpora are wanted, before and after."""
        return bool(self._compared)

    def compared_examples(self, limit: int) -> dict[str, list[Example]]:
        """Likewise of the validation set and of every corpus that is compared, by name."""
        found = {"validation": self.validation_examples(limit)}
        names = Counter(corpus.name for corpus in self._compared)
        for corpus in self._compared:
            examples = list(corpus.examples())
            more = (corpus.tag, *corpus.columns) if names[corpus.name] > 1 else ()
            name = " ".join([corpus.name, *filter(None, more)])
            found[name] = [examples[i] for i in _spread(len(examples), limit)]
        return found

    def _tell(self, updates: list[Rows], source: Lengths, target: Lengths, of_what: str) -> None:
        rows = sum(map(len, updates)) / len(updates)
        told = self._told_of_batches(updates, source, target)
        say(f"data: {len(updates):,} updates {of_what} of {rows:.0f} {self.rows_are}{told}")

    def _told_of_batches(self, updates: list[Rows], source: Lengths, target: Lengths) -> str:
        pieces = sum(int(target[rows].sum()) for rows in updates) / len(updates)
        return (
            f", {pieces:.0f} target pieces; padding {padding(updates, target):.1%} of the target,"
            f" {padding(updates, source):.1%} of the source"
        )

    def _position(self) -> tuple[int, int, int, int]:
        trainer = self.trainer
        if trainer is None:
            return 0, 0, 1, 1
        accumulation = trainer.accumulate_grad_batches
        return trainer.current_epoch, trainer.global_rank, trainer.world_size, accumulation

    def _reader(self, encoded: datasets.Dataset, epoch: int, sample: bool) -> Callable[[Rows], Any]:
        """Makes a batch of rows; with ``sample``, of segmentations drawn for this epoch."""
        columns = ["source_ids", "target_ids"] + (["source", "target"] if sample else [])
        return functools.partial(
            read_batch,
            encoded.select_columns(columns),
            self.tokenizers,
            self.tokenizer if sample else None,
            (self.seed, epoch),
            self.source_limit,
        )


def _lengths_of(encoded: datasets.Dataset) -> tuple[Lengths, Lengths]:
    source, target = (encoded.data.column(f"{side}_length").to_numpy() for side in SIDES)
    return source, target


def _count(validation: str) -> int:
    count = validation.partition(":")[2]
    if not count.isdecimal() or not int(count):
        raise ConfigError(f"data.validation: {validation}, expected split:COUNT, as split:1000")
    return int(count)


def _spread(count: int, limit: int) -> list[int]:
    """At most ``limit`` of ``count`` rows, evenly."""
    chosen: list[int] = np.linspace(0, count - 1, min(limit, count)).round().astype(int).tolist()
    return chosen
