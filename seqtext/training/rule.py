"""The rule by which sizes, batches, regularization and updates follow the training corpus.

docs/rule.md has the table in words, and the experiments behind it.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Collection, Mapping
from typing import NamedTuple

from seqtext import tasks
from seqtext.data.survey import Survey
from seqtext.training.recognition import unit_of

Options = dict[str, object]  # by dotted name


class Size(NamedTuple):
    """What a corpus of at most so many rows is trained with.

    Args:
        rows: Of the largest corpus.
        batch: Pieces of an update, or rows of words and of labels.
        vocabulary: Pieces of a tokenizer.
        hidden: Width of the encoder's output.
        dropout: As in ``EncoderConfig``.
        updates: The most updates.
        patience: Validations without a better score that end training. None makes all updates.
    """

    rows: float
    batch: int
    vocabulary: int
    hidden: int
    dropout: float
    updates: int
    patience: int | None = 5


SENTENCES = (
    Size(1_000, 1_200, 1_000, 256, 0.5, 6_000),
    Size(5_000, 1_200, 2_000, 256, 0.4, 12_000),
    Size(20_000, 1_200, 2_000, 512, 0.4, 20_000),
    Size(math.inf, 1_200, 4_000, 512, 0.3, 30_000),
)
WORDS = (
    Size(300, 10, 1_000, 256, 0.3, 6_000),
    Size(2_000, 20, 1_000, 256, 0.4, 8_000),
    Size(20_000, 64, 1_000, 512, 0.3, 12_000),
    Size(math.inf, 256, 1_000, 512, 0.2, 30_000),
)
LABELLED = (
    Size(500, 64, 2_000, 256, 0.5, 300, None),
    Size(1_000, 64, 2_000, 256, 0.5, 600, None),
    Size(2_000, 64, 2_000, 256, 0.5, 750, None),
    Size(6_000, 64, 2_000, 256, 0.5, 1_000, None),
    Size(30_000, 64, 2_000, 512, 0.4, 8_000),
    Size(math.inf, 128, 8_000, 512, 0.4, 20_000),
)
_FEW_WORDS = 300  # from which copying is not learned
_HALLUCINATED = 1_000  # pairs with made-up stems, for so few inflected words
_FEW_LABELLED = 30_000  # rows that n-grams of characters help
_LABEL_SMOOTHING = 0.1  # of classifiers. Models that generate text have it by default
_VALIDATED_AFTER = 100  # updates, at least
_TRAINED_ROWS = 4  # for each decoded one, at least
_DECODED = 500  # rows of a validation, at most: the default of ``decode_sentences``
_PIECES_OF_WORD = 1.4
_WARMUP = 200  # updates, at most


# --- the options ------------------------------------------------------------------------------------------

# names that go together: a file that has one of a group decides on all of it
GROUPS = {
    "network": ("model.network", "model.label_smoothing"),
    "tokenizer": ("data.tokenizer",),
    "batch": ("data.batch_tokens", "data.batch_size"),
    "optimizer": ("model.optimizer",),
    "updates": (
        "trainer.max_epochs", "trainer.max_steps", "trainer.min_epochs", "trainer.min_steps",
        "trainer.fast_dev_run", "trainer.overfit_batches",
    ),
    "validation": ("trainer.val_check_interval", "trainer.check_val_every_n_epoch"),
}  # fmt: skip
_WHOLE = ("batch", "updates", "validation")  # groups that one typed option decides on, too
_ALONE = "trainer.max_steps"  # unless it is this one

_KINDS = (  # of tokenizers
    "model_type", "target_type", "joint", "source_model", "target_model", "target_normalization"
)  # fmt: skip


def choose(
    rows: Survey,
    task: str,
    validated: int | None,
    typed: Mapping[str, object],
    filed: Mapping[str, object],
) -> Options:
    """Options that follow from the training rows, but for those that somebody has named.

    Args:
        rows: What they are like.
        task: What is trained.
        validated: Rows of the validation set, or None without one.
        typed: Options on the command line, by dotted name.
        filed: Likewise in files.
    """
    given = {**filed, **typed}
    family = _FAMILIES.get(task, _SENTENCES)
    size = next(size for size in family.sizes if rows.rows <= size.rows)
    made = _augmentation(rows, task, given)
    epoch = dataclasses.replace(rows, rows=rows.rows + _made_rows({**made, **given}, rows.rows))
    per_epoch = _updates_of_epoch(epoch, size, family)
    groups: dict[str, Options] = {
        "network": _below("model.network", family.network(rows, size)),
        "tokenizer": _below(
            "data.tokenizer", {"vocab_size": size.vocabulary, **family.tokenizer(rows)}
        ),
        "batch": {family.batch: size.batch},
        "optimizer": _optimizer(
            family,
            given,
            _limit(given, per_epoch) or size.updates,
            ends_early=bool(validated and size.patience) or "trainer.max_time" in given,
        ),
        "updates": _updates(size, bool(validated), timed="trainer.max_time" in given),
        "validation": _validation(epoch, per_epoch, validated) if validated else {},
        "augmentation": made,
    }
    if task == tasks.SUMMARIZATION.name:
        groups["network"]["model.network.copying"] = True
    if task == tasks.CLASSIFICATION.name:
        groups["network"]["model.label_smoothing"] = _LABEL_SMOOTHING
    kinds = [f"data.tokenizer.{name}" for name in _KINDS]
    if _any(typed, kinds):  # they depend on each other
        for name in kinds:
            groups["tokenizer"].pop(name, None)
        groups["network"].pop("model.network.copying", None)
    decided = {
        group
        for group, names in GROUPS.items()
        if _any(filed, names) or (group in _WHOLE and _any(typed.keys() - {_ALONE}, names))
    }
    if "updates" in decided:  # whoever names a number of epochs counts on as many validations
        decided.add("validation")
    options: Options = {}
    for group, values in groups.items():
        if group not in decided:
            options |= values
    return {name: value for name, value in options.items() if name not in given}


def _any(given: Collection[str], names: Collection[str]) -> bool:
    return any(
        option == name or option.startswith(f"{name}.") for option in given for name in names
    )


def _below(section: str, options: Options) -> Options:
    return {f"{section}.{name}": value for name, value in options.items()}


# --- families of tasks ------------------------------------------------------------------------------------


class Family(NamedTuple):
    """Tasks with the same table of sizes.

    Args:
        sizes: From small to large.
        batch: The option that limits a batch.
        learning_rate: The highest one.
        network: Options of the network.
        tokenizer: Options of the tokenizer, but for its size.
    """

    sizes: tuple[Size, ...]
    batch: str
    learning_rate: float
    network: Callable[[Survey, Size], Options]
    tokenizer: Callable[[Survey], Options]


def _network_of_sentences(rows: Survey, size: Size) -> Options:
    return {
        "embedding_size": 256,
        "hidden_size": size.hidden,
        "dropout": size.dropout,
        "word_dropout": 0.1,
    }


def _network_of_words(rows: Survey, size: Size) -> Options:
    return {
        "embedding_size": 128,
        "hidden_size": size.hidden,
        "encoder_layers": 1,
        "decoder_layers": 2,  # a single one loses its place in long words
        "copying": _copies(rows) and rows.rows > _FEW_WORDS,
        "dropout": size.dropout,
    }


def _network_of_labels(rows: Survey, size: Size) -> Options:
    few = rows.rows <= _FEW_LABELLED
    return _network_of_sentences(rows, size) | {"character_ngrams": 5 if few else 0}


def _tokenizer_of_words(rows: Survey) -> Options:
    # letter case is kept where targets have it
    options: Options = {
        "model_type": unit_of(rows.source),
        "normalization": "nfc" if rows.target.capitals else "nfc_lower",
    }
    if not _copies(rows):
        options |= {
            "target_type": unit_of(rows.target),
            "joint": False,
            "target_normalization": "identity",
        }
    return options


def _copies(rows: Survey) -> bool:
    """Whether targets are made of the letters, or of the symbols, of sources."""
    return unit_of(rows.source) == unit_of(rows.target) and rows.shared > 0.9


_SENTENCES = Family(SENTENCES, "data.batch_tokens", 0.002, _network_of_sentences, lambda rows: {})
_FAMILIES = {
    tasks.TRANSDUCTION.name: Family(
        WORDS, "data.batch_size", 0.002, _network_of_words, _tokenizer_of_words
    ),
    tasks.CLASSIFICATION.name: Family(
        LABELLED, "data.batch_size", 0.003, _network_of_labels, lambda rows: {}
    ),
}


# --- updates ----------------------------------------------------------------------------------------------


def _optimizer(
    family: Family, given: Mapping[str, object], updates: float, *, ends_early: bool
) -> Options:
    options: Options = {"learning_rate": family.learning_rate}
    if "model.optimizer.schedule" not in given:
        warmup = min(_WARMUP, max(1, int(updates / 10)))
        # only a run whose length nobody knows needs a learning rate that waits for its end
        options |= {"schedule": "adaptive" if ends_early else "cosine", "warmup_steps": warmup}
    return _below("model.optimizer", options)


def _limit(given: Mapping[str, object], per_epoch: float) -> float | None:
    """The number of updates that somebody has named, about."""
    limits = []
    for name, updates in (("trainer.max_steps", 1.0), ("trainer.max_epochs", per_epoch)):
        try:
            number = int(str(given[name]))
        except (KeyError, ValueError):  # the parser refuses what is no number
            continue
        if number > 0:
            limits.append(number * updates)
    return min(limits, default=None)


def _augmentation(rows: Survey, task: str, given: Mapping[str, object]) -> Options:
    """Pairs with made-up stems, for few inflected forms."""
    cut = [f"data.tokenizer.{name}" for name in _KINDS]  # which may not leave letters
    few = task == tasks.TRANSDUCTION.name and rows.rows <= _FEW_WORDS and rows.inflected > 0.5
    if not few or _any(given, [*cut, "data.streaming"]):
        return {}
    return {"data.hallucinated_pairs": _HALLUCINATED}


def _made_rows(given: Mapping[str, object], rows: int) -> int:
    """Rows that somebody has made of the training rows: epochs have them, sizes do not follow them."""
    counts = []
    for name, most in (("data.hallucinated_pairs", math.inf), ("data.copied_targets", rows)):
        try:
            counts.append(min(int(str(given.get(name, 0))), most))
        except ValueError:  # the parser refuses what is no number
            continue
    return int(sum(counts))


def _updates(size: Size, validated: bool, *, timed: bool) -> Options:
    options: Options = {"trainer.max_epochs": -1}
    if not timed:
        options["trainer.max_steps"] = size.updates
    if validated and size.patience is not None:
        options["selection.patience"] = size.patience
    return options


def _updates_of_epoch(rows: Survey, size: Size, family: Family) -> float:
    by_pieces = family.batch.endswith("tokens")
    words = max(rows.source.words, rows.target.words)
    return max(1.0, rows.rows * (_PIECES_OF_WORD * words if by_pieces else 1.0) / size.batch)


def _validation(rows: Survey, per_epoch: float, validated: int) -> Options:
    """Validate so seldom that it takes little of the time, and that some updates lie between."""
    # a loss costs about half of what decoding does
    cost = min(_DECODED, validated) + validated / 2
    epochs = max(_VALIDATED_AFTER / per_epoch, _TRAINED_ROWS * cost / rows.rows)
    return {"trainer.check_val_every_n_epoch": max(1, round(epochs))}
