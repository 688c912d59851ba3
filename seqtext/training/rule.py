"""The rule by which sizes, batches, regularization and updates follow the training corpus.

docs/rule.md has the table in words, and the experiments behind it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import NamedTuple

from seqtext import tasks
from seqtext.data.survey import Side, Survey

Options = dict[str, object]  # by dotted name


class Size(NamedTuple):
    """What a corpus of at most so many rows is trained with.

    Args:
        rows: The largest corpus.
        batch: Pieces of an update, or rows of words and labels.
        vocabulary: Pieces of a tokenizer.
        hidden: Width of the encoder's output.
        dropout: As in ``EncoderConfig``.
        updates: The most updates.
    """

    rows: float
    batch: int
    vocabulary: int
    hidden: int
    dropout: float
    updates: int


SENTENCES = (
    Size(1_000, 400, 500, 512, 0.5, 6_000),
    Size(5_000, 600, 1_000, 512, 0.5, 12_000),
    Size(20_000, 1_200, 2_000, 512, 0.4, 20_000),
    Size(float("inf"), 1_200, 4_000, 512, 0.3, 30_000),
)
WORDS = (
    Size(300, 10, 1_000, 256, 0.3, 4_000),
    Size(2_000, 16, 1_000, 256, 0.3, 10_000),
    Size(20_000, 64, 1_000, 512, 0.3, 15_000),
    Size(float("inf"), 256, 1_000, 512, 0.2, 30_000),
)
_VALIDATED_AFTER = 100  # updates, at least
_VALIDATED_ROWS = 4  # trained rows for each decoded one, at least
_PATIENCE = 6  # validations
_PIECES_OF_WORD = 1.4
_WARMUP = 200  # updates, at most


# --- the task ---------------------------------------------------------------------------------------------


def recognize(rows: Survey) -> tuple[str, str]:
    """The task that pairs are probably for, and why."""
    source, target = rows.source, rows.target
    if _is_label(rows):
        return tasks.CLASSIFICATION.name, f"its {target.distinct:,} targets repeat"
    if _is_spelled(source) and (_is_spelled(target) or target.word_length <= _SYMBOL):
        what = "single words" if target.single > _MOST else "symbols between spaces"
        return tasks.TRANSDUCTION.name, f"words as sources, {what} as targets"
    if rows.copied > 0.5 and source.words > 1.5 * target.words:
        share = f"{rows.copied:.0%} of their words stand in the source"
        return tasks.SUMMARIZATION.name, f"targets are shorter than sources, and {share}"
    return tasks.TRANSLATION.name, "sentences as sources and targets"


_MOST = 0.8  # share that counts as nearly all
_SYMBOL = 2.5  # characters of a symbol between spaces, in the mean
_WORD = 25  # characters of a word, in the mean. A sentence without spaces is longer


def _is_label(rows: Survey) -> bool:
    few = rows.target.distinct * 5 <= min(rows.sampled, rows.source.distinct)
    return few and rows.target.words <= 4 and rows.sampled >= 20


def _is_spelled(side: Side) -> bool:
    """Whether texts are single words, or symbols between spaces."""
    return (side.single > _MOST and side.word_length < _WORD) or side.word_length <= _SYMBOL


# --- the options ------------------------------------------------------------------------------------------

# names that go together: a file that has one of a group decides on all of it
GROUPS = {
    "network": ("model.network",),
    "tokenizer": ("data.tokenizer",),
    "batch": ("data.batch_tokens", "data.batch_size"),
    "optimizer": ("model.optimizer",),
    "updates": (
        "trainer.max_epochs", "trainer.max_steps", "trainer.max_time", "trainer.min_epochs",
        "trainer.min_steps", "trainer.fast_dev_run", "trainer.overfit_batches",
    ),
    "validation": ("trainer.val_check_interval", "trainer.check_val_every_n_epoch"),
}  # fmt: skip
_WHOLE = ("batch", "updates", "validation")  # groups that one typed option decides on, too

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

    Returns:
        Options by dotted name. None for a model to start from, which has sizes and has learned before.
    """
    given = {**filed, **typed}
    if "model.init_from" in given:
        return {}
    words = task == tasks.TRANSDUCTION.name
    size = next(size for size in (WORDS if words else SENTENCES) if rows.rows <= size.rows)
    per_epoch = _updates_of_epoch(rows, size, words)
    groups: dict[str, Options] = {
        "network": _network(rows, size, task),
        "tokenizer": _tokenizer(rows, size, words),
        "batch": {"data.batch_size" if words else "data.batch_tokens": size.batch},
        "optimizer": _optimizer(given, _limit(given, per_epoch) or size.updates),
        "updates": _updates(size, bool(validated)),
        "validation": _validation(rows, per_epoch, validated) if validated else {},
    }
    kinds = [f"data.tokenizer.{name}" for name in _KINDS]
    if _any(typed, kinds):  # they depend on each other
        for name in kinds:
            groups["tokenizer"].pop(name, None)
        groups["network"].pop("model.network.copying", None)
    decided = {
        group
        for group, names in GROUPS.items()
        if _any(filed, names) or (group in _WHOLE and _any(typed, names))
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


def _copies(rows: Survey) -> bool:
    """Whether targets are made of the letters, or of the symbols, of sources."""
    return _unit(rows.source) == _unit(rows.target) and rows.shared > 0.9


def _network(rows: Survey, size: Size, task: str) -> Options:
    words = task == tasks.TRANSDUCTION.name
    sizes: Options = {
        "embedding_size": 128 if words else 256,
        "hidden_size": size.hidden,
        "dropout": size.dropout,
        "word_dropout": 0.0 if words else 0.1,
    }
    if words:
        sizes |= {"encoder_layers": 1, "decoder_layers": 2}
    if task == tasks.SUMMARIZATION.name or (words and _copies(rows)):
        sizes["copying"] = True
    return {f"model.network.{name}": value for name, value in sizes.items()}


def _tokenizer(rows: Survey, size: Size, words: bool) -> Options:
    options: Options = {"vocab_size": size.vocabulary}
    if words:
        # letter case is kept where targets have it
        normalization = "nfc" if rows.target.capitals else "nfc_lower"
        options |= {"model_type": _unit(rows.source), "normalization": normalization}
        if not _copies(rows):
            options |= {
                "target_type": _unit(rows.target),
                "joint": False,
                "target_normalization": "identity",
            }
    return {f"data.tokenizer.{name}": value for name, value in options.items()}


def _unit(side: Side) -> str:
    return "char" if side.single > _MOST else "word"


def _optimizer(given: Mapping[str, object], updates: float) -> Options:
    options: Options = {"learning_rate": 0.002}
    if "model.optimizer.schedule" not in given:
        warmup = min(_WARMUP, max(1, int(updates / 10)))
        options |= {"schedule": "adaptive", "warmup_steps": warmup}
    return {f"model.optimizer.{name}": value for name, value in options.items()}


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


def _updates(size: Size, validated: bool) -> Options:
    options: Options = {"trainer.max_steps": size.updates, "trainer.max_epochs": -1}
    if validated:
        options["selection.patience"] = _PATIENCE
    return options


def _updates_of_epoch(rows: Survey, size: Size, words: bool) -> float:
    pieces = 1.0 if words else _PIECES_OF_WORD * max(rows.source.words, rows.target.words)
    return max(1.0, rows.rows * pieces / size.batch)


def _validation(rows: Survey, per_epoch: float, validated: int) -> Options:
    """Validate so often that it takes little of the time, and that each one is of some updates."""
    epochs = max(_VALIDATED_AFTER / per_epoch, _VALIDATED_ROWS * validated / rows.rows)
    return {"trainer.check_val_every_n_epoch": max(1, round(epochs))}
