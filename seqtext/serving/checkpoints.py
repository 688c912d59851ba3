"""Checkpoints as workers have them."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import torch

from seqtext.checkpoint.location import find, models_in
from seqtext.errors import ConfigError
from seqtext.inference.call_options import read_options
from seqtext.inference.classifier import Classifier
from seqtext.inference.constraints.options import Constraints
from seqtext.inference.explain import explain
from seqtext.inference.explain_labels import explain_labels
from seqtext.inference.generator import Generator
from seqtext.inference.loading import load
from seqtext.inference.records import (
    Fields,
    decoded_fields,
    explained_fields,
    labelled_fields,
    scored_fields,
    weighed_fields,
)
from seqtext.inference.shortlist import file_of
from seqtext.nn.precision import PrecisionChoice
from seqtext.search.config import SearchConfig
from seqtext.serving.messages import Description, ModelPlace, Task
from seqtext.serving.served import DECIDING, ServedModel, of_clients, states_of

_GENERATING = of_clients(
    field.name for config in (SearchConfig, Constraints) for field in dataclasses.fields(config)
)
_OF_OUTPUTS = ("n_best", "details", "attention", "replace_unknown")
_EXPLAINING = [name for name in _GENERATING if name not in _OF_OUTPUTS]  # the best output alone


class ServedGenerator(ServedModel):
    """A checkpoint, or several as an ensemble, that generates text."""

    def __init__(self, generator: Generator, place: ModelPlace) -> None:
        self._generator, self._batch_size = generator, place.batch_size
        self._shortlist = place.shortlist
        generator.constrain([], Constraints(shortlist=place.shortlist))  # before anybody asks
        options: dict[Task, Sequence[str]] = {"generate": _GENERATING, "score": ["attention"]}
        with contextlib.suppress(ConfigError):
            explain(generator, [], SearchConfig())
            options["explain"] = _EXPLAINING
        self.description = _describe(generator, place, options, search=generator.searches[0])

    def compute(self, task: Task, rows: Sequence[Any], options: Mapping[str, Any]) -> list[Fields]:
        """See ``ServedModel``."""
        generator, size = self._generator, self._batch_size
        if task == "score":
            sources, targets = ([row[side] for row in rows] for side in (0, 1))
            scores = generator.score(sources, targets, **options, batch_size=size)
            return [scored_fields(score) for score in scores]
        given = {**options, "shortlist": self._shortlist}
        config, constraints = read_options(given, generator.searches[0])
        config = dataclasses.replace(config, batch_size=size)
        if task == "explain":
            explained = explain(generator, rows, config, constraints)
            return list(map(explained_fields, explained))
        return [decoded_fields(each) for each in generator.search(rows, config, constraints)]


class ServedClassifier(ServedModel):
    """A checkpoint, or several as an ensemble, that labels text."""

    def __init__(self, classifier: Classifier, place: ModelPlace) -> None:
        self._classifier, self._batch_size = classifier, place.batch_size
        options: dict[Task, Sequence[str]] = {"classify": DECIDING}
        with contextlib.suppress(ConfigError):
            explain_labels(classifier, [])
            options["explain"] = []
        self.description = _describe(classifier, place, options, labels=classifier.labels.names)

    def compute(self, task: Task, rows: Sequence[Any], options: Mapping[str, Any]) -> list[Fields]:
        """See ``ServedModel``."""
        if task == "explain":
            return list(map(weighed_fields, explain_labels(self._classifier, rows)))
        labelled = self._classifier.classify(rows, **options, batch_size=self._batch_size)
        return [labelled_fields(each) for each in labelled]


def load_checkpoints(place: ModelPlace) -> ServedGenerator | ServedClassifier:
    """Load checkpoints for a worker.

    Raises:
        SeqtextError: See ``seqtext.load``. Or the shortlist cannot be used.
    """
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)  # as commands do, and no output can show it
    precision = cast(PrecisionChoice, place.precision)
    model = load(place.paths, place.device, precision, place.trust)
    if isinstance(model, Classifier):
        if place.shortlist is not None:
            raise ConfigError("shortlist: is of models that generate text, and this one labels it")
        return ServedClassifier(model, place)
    return ServedGenerator(model, place)


def _describe(
    model: Generator | Classifier,
    place: ModelPlace,
    options: Mapping[Task, Sequence[str]],
    search: SearchConfig | None = None,
    labels: Sequence[str] = (),
) -> Description:
    files = [find(each) for path in place.paths for each in models_in(path)]
    if place.shortlist is not None:
        files.append(Path(file_of(place.shortlist)))
    return Description(
        kind="generator" if isinstance(model, Generator) else "classifier",
        task=model.task,
        columns=model.columns,
        source_columns=model.source_columns,
        precision=model.precision,
        int8_speed=model.int8_speed,
        search=search or SearchConfig(),
        options=options,
        labels=labels,
        state=states_of(files),
    )
