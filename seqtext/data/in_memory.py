"""Rows that are in memory already: lists of pairs or dicts, Hugging Face data sets, tables of pandas."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

from seqtext.data.hub import with_label_names
from seqtext.data.readers import Columns, LabelColumns, Record
from seqtext.data.readers.rows import check_columns, fields, records
from seqtext.errors import ConfigError, DataError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import datasets

    # datasets.Dataset is unknown to mypy, so it stands for a table of pandas too
    InMemory: TypeAlias = (
        Sequence[Sequence[str | Sequence[str]]] | Sequence[Mapping[str, object]] | datasets.Dataset
    )


class Table:
    """Rows in memory, read again in every pass.

    Args:
        rows: Each is a sequence of the columns' values, or a dict of them.
        count: Number of rows.
        where: Their name in messages, as ``data.train``.
        names: Names of all columns. None where rows may differ.
        features: Types of the columns, as a Hugging Face data set has them.
    """

    def __init__(
        self,
        rows: Iterable[object],
        count: int,
        where: str,
        names: list[str] | None = None,
        features: Mapping[str, object] | None = None,
    ) -> None:
        self._rows, self._count, self._where = rows, count, where
        self._names, self._features = names, features

    def __len__(self) -> int:
        return self._count

    def records(self, columns: Columns) -> Iterator[Record]:
        """All rows. A row that cannot be read comes as an error.

        Raises:
            DataError: The table lacks a column.
        """
        if self._names is not None:
            check_columns(self._names, columns, self._where)
        for number, row in enumerate(self._rows):
            where = f"{self._where}[{number}]"
            try:
                values = _by_name(row, columns, where)
                if self._features is not None and isinstance(columns, LabelColumns):
                    values = with_label_names(values, columns.label, self._features, where)
            except DataError as error:
                yield Record(where, error)
            else:
                yield from records(values, columns, where)

    def digest(self, columns: Columns) -> bytes:
        """Digest of what is read of all rows."""
        content = hashlib.sha256()
        for record in self.records(columns):
            content.update(ascii(record).encode())
        return content.digest()


def _by_name(row: object, columns: Columns, where: str) -> dict[str, Any]:
    """The values of a row by the names of their columns."""
    if isinstance(row, Mapping):
        return dict(row)
    names = fields(columns, ())
    if isinstance(row, tuple | list) and len(row) == len(names):
        return dict(zip(names, row, strict=True))
    raise DataError(
        f"{where}: {row!r:.80} ({type(row).__name__}), expected values of {' and '.join(names)}, or a dict"
        " of columns"
    )


def table_of(given: Any, where: str) -> Table | None:
    """The table that the value of an option is. None if it is a name, or a list of corpora.

    Raises:
        ConfigError: It is a Hugging Face data set with several splits, or without a length.
    """
    if isinstance(given, list | tuple):
        return Table(given, len(given), where) if given and _is_row(given[0]) else None
    if isinstance(given, Mapping) and hasattr(given, "column_names"):
        raise ConfigError(
            f"{where}: a {type(given).__name__} with the splits {', '.join(given)}; give one of them"
        )
    if hasattr(given, "column_names"):
        if not hasattr(given, "__len__"):
            raise ConfigError(
                f"{where}: a {type(given).__name__}, which has no length; give a Dataset, or a hub name with"
                " data.streaming"
            )
        return Table(given, len(given), where, given.column_names, given.features)
    if hasattr(given, "to_dict") and hasattr(given, "columns"):
        rows = given.to_dict("records")
        return Table(rows, len(rows), where, list(given.columns))
    return None


def _is_row(item: object) -> bool:
    """Whether an item of a list is a row, and not a corpus. The options of a corpus have a path."""
    if isinstance(item, dict):
        return not {"path", "weight"} & item.keys()
    return isinstance(item, list | tuple)
