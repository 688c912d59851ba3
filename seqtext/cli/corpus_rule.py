"""``seqtext fit``: options that follow from the training corpus, where nobody names them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import yaml

from seqtext import tasks
from seqtext.cli import yaml_reader
from seqtext.cli.fit_options import LABELS, PAIRS, flatten
from seqtext.cli.options import sources_of
from seqtext.data.corpus import Corpus
from seqtext.data.held_out import Fold, count_folds, read_held_out
from seqtext.data.labelled import LabelsDataModule
from seqtext.data.options import read_options
from seqtext.data.readers.columns import read_source_option
from seqtext.data.survey import Survey, survey
from seqtext.errors import ConfigError, DataError
from seqtext.training import rule
from seqtext.training.recognition import recognize

_UNKNOWN = 500  # rows of a validation set that nothing tells the size of
_UNREADABLE = (ConfigError, DataError, yaml.YAMLError)  # told later, by whom it concerns
_TOLD = (
    "hallucinated_pairs", "vocab_size", "batch_size", "batch_tokens", "hidden_size", "encoder_layers",
    "dropout",
)  # fmt: skip


class Given(NamedTuple):
    """Options that somebody has named, by dotted name.

    Args:
        typed: Those on the command line.
        filed: Those of configurations, recipes and presets.
    """

    typed: dict[str, object]
    filed: dict[str, object]

    @property
    def all(self) -> dict[str, object]:
        """All of them. What is typed wins."""
        return {**self.filed, **self.typed}


def options_given(arguments: Sequence[str], preset: Mapping[str, object]) -> Given:
    """The options of a command line, of its configurations and of a preset."""
    *files, typed = sources_of(arguments)
    filed = flatten(preset)
    for options in files:
        filed |= options
    return Given(typed, filed)


class Followed(NamedTuple):
    """What follows from a training corpus.

    Args:
        task: What it is for.
        options: Options by dotted name.
        classes: Paths of the classes of ``model`` and ``data``.
        lines: What to say of it.
    """

    task: str | None
    options: dict[str, object]
    classes: dict[str, str]
    lines: Sequence[str] = ()

    @property
    def config(self) -> str:
        """The options as YAML of ``seqtext fit``."""
        tree: dict[str, dict[str, Any]] = {
            section: {"class_path": path, "init_args": {}} for section, path in self.classes.items()
        }
        for name, value in self.options.items():
            section, *groups, option = name.split(".")
            place = tree.setdefault(section, {})
            for group in ["init_args", *groups] if section in self.classes else groups:
                place = place.setdefault(group, {})
            place[option] = value
        return yaml.safe_dump(tree, default_flow_style=True, width=math.inf)


def follow_corpus(given: Given, classes: dict[str, str], task: str | None) -> Followed:
    """What follows from the training corpus, where nobody has named it.

    Args:
        given: Options that somebody has named.
        classes: Paths of the classes of ``model`` and ``data``.
        task: What is trained. None recognizes it.

    Returns:
        Options, which others override. There are none for a user's own classes, and for a model to start
        from, which has sizes and a task. Neither are there where the corpus cannot be read: preparing it
        says why.

    Raises:
        ConfigError: The targets are labels, and the options are those of a translator.
    """
    options = given.all
    if classes not in (PAIRS, LABELS) or "model.init_from" in options:
        return Followed(task, {}, classes)
    labelled = classes == LABELS or "data.text" in options or "data.label" in options
    rows = _look_at(options, labelled)
    if rows is None and not labelled and task is None and "data.source" not in options:
        labelled = (rows := _look_at(options, labelled=True)) is not None
    named, why = options.get("model.task"), ""
    unknown = named is not None and named not in tasks.TEXT_TASKS  # the parser says that
    if rows is None or unknown:
        return Followed(task, {}, LABELS if labelled else classes)
    if labelled:
        task, why = tasks.CLASSIFICATION.name, "with labels"
    elif named is not None:
        task = str(named)
    elif task is None:
        task, why = recognize(rows)
    count = f"{'' if rows.whole else 'at least '}{rows.rows:,} rows"
    if task == tasks.CLASSIFICATION.name and why and not labelled:
        source, target = (options.get(f"data.{side}", side) for side in ("source", "target"))
        raise ConfigError(
            f"data.train: {count} {why}, so they look like texts with labels; to train a classifier, give"
            f" --data.text {source} --data.label {target} instead of --data.source and --data.target. Or name"
            f" another task, as in --model.task {tasks.TRANSLATION.name}"
        )
    validated = _validated(options, labelled, rows.rows)
    chosen = rule.choose(rows, task, validated, given.typed, given.filed)
    lines = [f"data: {count}{f', {why}: taken for {task}' if why else ''}", *_described(chosen)]
    lines += _doubts(rows, options, labelled)
    if not labelled and named is None:
        chosen["model.task"] = task
    return Followed(task, chosen, LABELS if labelled else PAIRS, lines)


def _look_at(options: Mapping[str, object], labelled: bool) -> Survey | None:
    try:
        return survey(_corpora(options, "train", labelled))
    except _UNREADABLE:
        return None


def _corpora(options: Mapping[str, object], option: str, labelled: bool) -> list[Corpus]:
    named = _value(options, f"data.{option}")
    aliases = LabelsDataModule.aliases if labelled else {}
    _, configs = read_options({"train": named}, aliases)
    sides = ("text", "label") if labelled else ("source", "target")
    source, target = (_value(options, f"data.{side}", side) for side in sides)
    columns = read_source_option(f"data.{sides[0]}", source), str(target)
    form = options.get("data.format")
    streamed = str(options.get("data.streaming", False)).lower() == "true"
    return [
        config.corpus(option, columns, None if form is None else str(form), labelled, streamed)
        for config in configs["train"]
    ]


def _value(options: Mapping[str, object], name: str, default: object = None) -> object:
    """The value of an option. On the command line a list is text."""
    value = options.get(name, default)
    listed = isinstance(value, str) and value.startswith(("[", "{"))
    return yaml_reader.load(str(value)) if listed else value


def _validated(options: Mapping[str, object], labelled: bool, trained: int) -> int | None:
    """About how many rows the validation set has. None without one.

    Args:
        options: By dotted name.
        labelled: Whether targets are labels.
        trained: Rows of the training corpus.
    """
    named = options.get("data.validation")
    if named is None or named == "null":
        return None
    try:
        folds = count_folds(named)
        part = Fold(1, folds) if folds else read_held_out(named)
        if part is not None:
            return part.count_of(trained)
        corpora = _corpora(options, "validation", labelled)
        rows = [corpus.estimated_rows() for corpus in corpora]
    except _UNREADABLE:
        return _UNKNOWN
    return sum(_UNKNOWN if count is None else count for count in rows)


def _doubts(rows: Survey, options: Mapping[str, object], labelled: bool) -> list[str]:
    """What is probably not meant."""
    doubts = []
    if labelled and rows.sampled >= 20 and rows.target.distinct > rows.sampled / 2:
        doubts.append(
            f"data: {rows.target.distinct:,} labels of {rows.sampled:,} texts; see whether data.text and"
            " data.label are each other's column"
        )
    if not labelled and options.get("data.source") == options.get("data.target", "target"):
        doubts.append(
            "data: data.source and data.target are the same column, so outputs are copies"
        )
    if options.get("data.validation") == options.get("data.train"):
        doubts.append(
            "data.validation: is the training corpus, so scores tell nothing of other texts"
        )
    return doubts


def _described(chosen: Mapping[str, object]) -> list[str]:
    """What follows from the corpus, in a line."""
    names = {name.rpartition(".")[2]: value for name, value in chosen.items()}
    told = [f"{name} {names[name]:,}" for name in _TOLD if name in names]
    if "max_steps" in names:
        ends = " or until validation stops improving" if "patience" in names else ""
        told.append(f"at most {names['max_steps']:,} updates{ends}")
    if not told:
        return []
    return [f"fit: chosen for these rows: {', '.join(told)}; any option overrides its choice"]
