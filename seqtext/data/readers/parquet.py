"""Parquet files."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from seqtext.data.files import UNREADABLE, open_file
from seqtext.data.readers.rows import Columns, Record, check_columns, fields, records, top_level
from seqtext.errors import DataError


def read_parquet(paths: list[Path], columns: Columns, *, lenient: bool = False) -> Iterator[Record]:
    """A Parquet file, batch by batch.

    Raises:
        DataError: No Parquet file, or no such column.
    """
    import pyarrow
    from pyarrow import parquet

    [path] = paths
    try:
        with open_file(path) as file:
            # a Parquet file is read from its end
            table = parquet.ParquetFile(file if file.seekable() else io.BytesIO(file.read()))
            names = table.schema_arrow.names
            check_columns(names, columns, str(path))
            number = 0
            # of a nested column in its own spelling, only the part that is named
            parts = [
                field if field.partition(".")[0] in names else top_level(field, names)
                for field in fields(columns, names)
            ]
            for batch in table.iter_batches(columns=parts):
                for row in _rows_of(batch):
                    number += 1
                    where = f"{path}, row {number}"
                    if row is None:
                        yield Record(where, DataError(f"{where}: not UTF-8"))
                    else:
                        yield from records(row, columns, where)
    except (pyarrow.ArrowException, *UNREADABLE) as error:
        raise DataError(f"{path}: not a Parquet file ({error})") from error
    except ValueError as error:  # an object in it has a field twice
        raise DataError(f"{path}: cannot be read ({error})") from error


def count_parquet_rows(paths: list[Path]) -> int:
    """Number of rows, as the file's own description says."""
    import pyarrow.parquet

    return int(pyarrow.parquet.read_metadata(paths[0]).num_rows)


def _rows_of(batch: Any) -> Iterator[dict[str, object] | None]:
    """The rows of an Arrow batch. None stands for a row whose bytes are not UTF-8."""
    try:
        yield from batch.to_pylist()
    except UnicodeDecodeError:
        for i in range(len(batch)):
            try:
                yield from batch.slice(i, 1).to_pylist()
            except UnicodeDecodeError:
                yield None
