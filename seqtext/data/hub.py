"""Data sets of the Hugging Face hub -> records.

The hub is asked once and not for minutes. Where it does not answer, its cache on this disk does.
"""

from __future__ import annotations

import contextlib
import functools
import logging
from collections.abc import Iterator
from typing import TYPE_CHECKING

from seqtext.data.readers import ENDINGS, Columns, LabelColumns, Record
from seqtext.data.readers.rows import check_columns, fields, records, spelled, top_level
from seqtext.errors import DataError
from seqtext.internals import fingerprint_of

if TYPE_CHECKING:
    import datasets


def open_hub(
    name: str, split: str, streamed: bool
) -> tuple[datasets.Dataset | datasets.IterableDataset, str]:
    """The data set of a hub name, and its fingerprint.

    Args:
        name: ``NAME`` or ``NAME:CONFIG:SPLIT``.
        split: The split to take where the name has none.
        streamed: Keep nothing on disk.

    Raises:
        DataError: The hub cannot be reached, or there is no such data, configuration or split.
    """
    path, _, rest = name.partition(":")
    config, _, own_split = rest.partition(":")
    if name.count(":") not in (0, 2):
        raise DataError(f"{name}: expected a hub name NAME or NAME:CONFIG:SPLIT")
    try:
        return load(path, config or None, own_split or split, streamed)
    except Exception as error:  # the hub's client raises whatever its transport does
        reason = str(error).strip().split("\n")[0] or type(error).__name__
        raise DataError(
            f"{name}: is no file here, and cannot be had from the hub either ({reason})."
            f" Local data is a table ({ENDINGS}) or the prefix of two parallel files"
        ) from error


def read_hub(name: str, columns: Columns, split: str, streamed: bool) -> Iterator[Record]:
    """The rows of a data set, for the arguments see ``open_hub``.

    Raises:
        DataError: See ``open_hub``, or there is no such column.
    """
    dataset, _ = open_hub(name, split, streamed)
    known = dataset.column_names
    check_columns(known, columns, name)
    needed = dict.fromkeys(top_level(field, known) for field in fields(columns, known))
    rows = dataset.select_columns(list(needed))
    if streamed:
        # Each of PyTorch's workers needs all rows here. ``iter`` gives them, ``__iter__`` deals them out.
        rows = ({column: values[0] for column, values in row.items()} for row in rows.iter(1))
    for number, row in enumerate(rows):
        where = f"{name}, row {number}"
        try:
            if isinstance(columns, LabelColumns):
                row = with_label_names(row, columns.label, dataset.features, where)
            yield from records(row, columns, where)
        except DataError as error:
            yield Record(where, error)


def with_label_names(
    row: dict[str, object], column: str, features: datasets.Features | None, where: str
) -> dict[str, object]:
    """A row whose labels are names, where the data set has numbers and knows their names."""
    column = spelled(column, tuple(row))
    feature = (features or {}).get(column)
    names = getattr(feature, "names", None) or getattr(
        getattr(feature, "feature", None), "names", None
    )
    if names is None:
        return row
    value = row[column]
    numbers = value if isinstance(value, list) else [value]
    if not all(isinstance(number, int) and 0 <= number < len(names) for number in numbers):
        raise DataError(
            f"{where}: column {column!r} holds {value!r}, no label (test sets of the hub often"
            " hide theirs); choose another split, as NAME:CONFIG:SPLIT"
        )
    return {**row, column: [names[number] for number in numbers]}


@functools.cache  # the digest of a corpus and its rows both need it
def load(
    name: str, config: str | None, split: str, streamed: bool
) -> tuple[datasets.Dataset | datasets.IterableDataset, str]:
    """The ``datasets.Dataset`` of a split and its fingerprint. Errors are those of the hub's client.

    A streamed one is a ``datasets.IterableDataset``: nothing is kept on disk.
    """
    import datasets

    with _answering_hub() as unreachable:
        try:
            download = datasets.DownloadConfig(max_retries=1)
            if streamed:
                builder = datasets.load_dataset_builder(name, config, download_config=download)
                return builder.as_streaming_dataset(split), f"{builder.hash} {builder.config_id}"
            dataset = datasets.load_dataset(name, config, split=split, download_config=download)
            return dataset, fingerprint_of(dataset)
        except datasets.exceptions.DatasetGenerationError as error:
            raise error.__cause__ or error from None
        except ConnectionError as error:
            raise unreachable or error from None


@contextlib.contextmanager
def _answering_hub() -> Iterator[Exception | None]:
    """Ask the hub once. Where it does not answer, yield the reason and use only the cache.

    Left alone, the hub's client asks for minutes, and warns each time.
    """
    import datasets
    import huggingface_hub
    from huggingface_hub.utils import logging as hub_logging

    offline, verbosity = datasets.config.HF_HUB_OFFLINE, hub_logging.get_verbosity()
    endpoint, unreachable = datasets.config.HF_ENDPOINT, None
    if not offline:
        try:
            huggingface_hub.get_session().head(endpoint, timeout=10)
        except Exception as error:
            unreachable = ConnectionError(f"{endpoint}: {error}")
    datasets.config.HF_HUB_OFFLINE = offline or unreachable is not None
    hub_logging.set_verbosity(logging.ERROR)
    try:
        yield unreachable
    finally:
        datasets.config.HF_HUB_OFFLINE = offline
        hub_logging.set_verbosity(verbosity)
