"""Exported models as workers have them. The package ``seqtext_runtime`` decodes them, without torch."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import seqtext_runtime
from seqtext_runtime.options import Search

from seqtext.data.readers.columns import source_columns
from seqtext.errors import ConfigError
from seqtext.inference.records import Fields, hypothesis_fields, labelled_fields
from seqtext.search.config import SearchConfig
from seqtext.serving.messages import Description, ModelPlace, Task
from seqtext.serving.served import DECIDING, ServedModel, of_clients, states_of


class ServedExport(ServedModel):
    """A folder that ``seqtext export`` wrote, decoded by the package ``seqtext_runtime``."""

    def __init__(self, place: ModelPlace) -> None:
        [folder], self._batch_size = place.paths, place.batch_size
        try:
            self._model = seqtext_runtime.load(folder)
        except seqtext_runtime.RuntimeModelError as error:
            raise ConfigError(str(error)) from error
        config, search, labels = self._model.config, SearchConfig(), []
        options: dict[Task, Sequence[str]] = {"classify": DECIDING}
        if isinstance(self._model, seqtext_runtime.Generator):
            names = [field.name for field in dataclasses.fields(Search)]
            options = {"generate": of_clients(names)}
            search = SearchConfig(**config["search"])
        else:
            labels = self._model.labels
        columns = config["columns"][0], config["columns"][1]
        self.description = Description(
            kind="classifier" if "classify" in options else "generator",
            task=config["task"],
            columns=columns,
            source_columns=source_columns(columns, [columns[0]]),
            precision=config.get("precision", "fp32"),
            int8_speed=None,
            search=search,
            options=options,
            labels=labels,
            state=states_of(self._model.files),
        )

    def compute(self, task: Task, rows: Sequence[Any], options: Mapping[str, Any]) -> list[Fields]:
        """See ``ServedModel``."""
        given = {**options, "batch_size": self._batch_size}
        try:
            if isinstance(self._model, seqtext_runtime.Generator):
                decoded = self._model.generate(rows, **given)
                return [{"hypotheses": list(map(hypothesis_fields, each))} for each in decoded]
            return [labelled_fields(each) for each in self._model.classify(rows, **given)]
        except seqtext_runtime.RuntimeModelError as error:
            raise ConfigError(str(error)) from error
