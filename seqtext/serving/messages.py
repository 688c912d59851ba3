"""What the server and its workers send to each other. Importing this loads no torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple

from seqtext.data.readers.columns import SourceColumns
from seqtext.inference.records import Fields
from seqtext.search.config import SearchConfig

Task = Literal["generate", "classify", "score", "explain"]


class ModelPlace(NamedTuple):
    """What a worker loads, as ``seqtext.load`` takes it, and how it computes.

    Args:
        paths: Checkpoints, or one folder of an exported model.
        exported: Whether ``paths`` is an exported folder.
        device: Where to compute.
        precision: Of a checkpoint's weights.
        trust: See ``seqtext.load``.
        batch_size: Most texts together.
        shortlist: File of the shortlist of every search, see ``Constraints``.
    """

    paths: Sequence[str]
    exported: bool
    device: str
    precision: str
    trust: Sequence[str]
    batch_size: int
    shortlist: str | None = None


class Description(NamedTuple):
    """What a worker says of its model.

    Args:
        kind: Whether it generates text or labels it.
        task: What it was trained for.
        columns: Names of source and target in the training corpus.
        source_columns: The columns of a source.
        precision: In which it computes.
        int8_speed: See ``Predictor``.
        search: The defaults of its search.
        options: The options of each task that it can do.
        labels: Of a classifier.
        state: Times and sizes of its files. A change shows in them.
    """

    kind: Literal["generator", "classifier"]
    task: str
    columns: tuple[str, str]
    source_columns: SourceColumns
    precision: str
    int8_speed: float | None
    search: SearchConfig
    options: Mapping[Task, Sequence[str]]
    labels: Sequence[str]
    state: object


class Batch(NamedTuple):
    """Requests that are computed together.

    Args:
        task: Of all.
        options: Of all, by name.
        requests: The rows of each: texts, or pairs of source and target.
    """

    task: Task
    options: Mapping[str, Any]
    requests: Sequence[Sequence[Any]]


Answer = list[Fields] | Exception  # to one request: an object for each row
