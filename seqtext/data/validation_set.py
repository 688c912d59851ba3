"""The rows to validate or to test on: none left out, the same ones in every epoch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import datasets
import numpy as np

from seqtext.data.bucketing import Place, Planner, share
from seqtext.data.corpus import Corpus, Example
from seqtext.data.encoding import BatchReader, lengths_of
from seqtext.data.loader import PlannedLoader
from seqtext.errors import DataError

T = TypeVar("T")


@dataclass(frozen=True)
class ValidationSet:
    """Tokenized rows.

    Args:
        table: See ``encode``.
        planner: Plans the batches of training.
        reader: Makes batches. It draws no segmentations.
        num_workers: Processes that prepare batches ahead.
        option: The option that names the rows.
    """

    table: datasets.Dataset
    planner: Planner
    reader: BatchReader
    num_workers: int
    option: str = "validation"

    def loader(self, place: Place) -> PlannedLoader:
        """The batches of a rank, no larger than those of training.

        Raises:
            DataError: There are fewer rows than ranks.
        """
        if len(self.table) < place.ranks:
            raise DataError(
                f"data.{self.option}: {len(self.table)} {self.option} {self.planner.rows_are} for"
                f" {place.ranks} processes; each needs one"
            )
        planner = self.planner.for_validation(place.accumulation)
        updates = planner.plan(*lengths_of(self.table), place.ranks).updates(0)
        batches = share(updates, Place(rank=place.rank, ranks=place.ranks))
        return PlannedLoader(batches, self.reader.over(self.table, 0), num_workers=self.num_workers)

    def examples(self, limit: int, *, merged: bool = False) -> list[Example]:
        """At most ``limit`` sources with their references, spread evenly over the rows.

        Args:
            limit: Number of examples.
            merged: Put rows with the same source together, as in a dictionary.
        """
        if merged:
            return spread(Corpus.merged(self.examples(len(self.table))), limit)
        rows = self.table.select_columns(["source", "target", "row"])
        numbers: list[int] = rows["row"][:]
        starts = [i for i in range(len(numbers)) if not i or numbers[i] != numbers[i - 1]]
        ends = [*starts[1:], len(numbers)]
        chosen = spread(list(zip(starts, ends, strict=True)), limit)
        return [(rows[start]["source"], rows["target"][start:end]) for start, end in chosen]


def spread(items: Sequence[T], limit: int) -> list[T]:
    """At most ``limit`` of the items, evenly."""
    count = len(items)
    chosen: list[int] = np.linspace(0, count - 1, min(limit, count)).round().astype(int).tolist()
    return [items[i] for i in chosen]
