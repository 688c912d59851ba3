"""Texts that a user gives to a model: taken once and checked, and what is remarkable about them."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from seqtext.data.readers.columns import SourceColumns
from seqtext.data.tokenizer import SPACE
from seqtext.errors import ConfigError

# A text, the values of several columns, or a dict of columns
SourceRow: TypeAlias = str | Sequence[str] | Mapping[str, object]
_EXAMPLES = 5  # of unknown parts


def rows_of(texts: Iterable[object], name: str) -> list[object]:
    """The rows of any iterable, in its order, read once. See ``iterate_rows``."""
    return list(iterate_rows(texts, name))


def iterate_rows(texts: Iterable[object], name: str) -> Iterator[object]:
    """The rows of any iterable, in its order, read as they are asked for.

    Args:
        texts: A list, generator, set, pandas Series, NumPy array, column of pyarrow or datasets, …
        name: What the argument is called.

    Raises:
        ConfigError: It is a single text, a table, a dict, or no iterable.
    """
    kind = type(texts).__name__
    if isinstance(texts, str):
        raise ConfigError(f"{name}: a single string, expected a list of strings")
    if isinstance(texts, bytes | bytearray | Mapping):  # which iterate over numbers, and over keys
        raise ConfigError(f"{name}: a value of type {kind}, expected a list of strings")
    # pandas and polars iterate over the names of a table's columns, or over the columns
    if any(base.__name__ == "DataFrame" for base in type(texts).__mro__):
        raise ConfigError(f"{name}: a {kind}, expected a list of strings. Give one column of it")
    if hasattr(texts, "to_pylist"):  # pyarrow iterates over objects of its own
        return iter(texts.to_pylist())
    try:
        return iter(texts)
    except TypeError:
        raise ConfigError(f"{name}: {texts!r:.60} ({kind}), expected a list of strings") from None


def texts_of(
    rows: Iterable[object], name: str, columns: SourceColumns, first: int = 0
) -> list[str]:
    """The source texts of rows, as a corpus with these columns has them.

    Args:
        rows: Texts. Where the columns are several, each row has their values in order. A row can also be
            a dict of columns, or the text that was made of several columns.
        name: What the argument is called.
        columns: Of the source.
        first: Number of the first row in messages.

    Raises:
        ConfigError: A row is something else, or see ``rows_of`` and ``check_text``.
    """
    numbered = enumerate(rows_of(rows, name), first)
    return [_text_of(row, f"{name}[{i}]", columns) for i, row in numbered]


def _text_of(row: object, where: str, columns: SourceColumns) -> str:
    names = columns.names
    if isinstance(row, Mapping) and row.keys() >= set(names):
        row = row[names[0]] if columns.plain else [row[name] for name in names]
    if columns.plain or (isinstance(row, str) and columns.split(row) is not None):
        return check_text(row, where)
    values = row.tolist() if hasattr(row, "tolist") else row  # a row of a NumPy array
    if not isinstance(values, tuple | list) or len(values) != len(names):
        raise ConfigError(
            f"{where}: {row!r:.60} ({type(row).__name__}), expected {len(names)} texts, in the order"
            f" {', '.join(names)}, or a dict of these columns"
        )
    return columns.join([check_text(value, f"{where}[{i}]") for i, value in enumerate(values)])


def check_text(value: object, where: str) -> str:
    """A text as a plain ``str``.

    Raises:
        ConfigError: It is something else, or no valid Unicode.
    """
    if not isinstance(value, str):
        raise ConfigError(
            f"{where}: {value!r:.60} ({type(value).__name__}), expected a string. Leave such rows out, or"
            " make strings of them"
        )
    text = str.__str__(value)  # NumPy's strings are a subclass
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise ConfigError(
            f"{where}: character {error.start} is {text[error.start]!a}, half a character (a surrogate)."
            " Read the text with its right encoding"
        ) from None
    return text


@dataclass(kw_only=True)
class TextCounts:
    """What was remarkable about the texts that a model has read so far.

    Args:
        texts: Texts read.
        cut: Texts that have more pieces than the model reads.
        longer: Texts that are longer, as they are read, than any text in training.
        longest: Pieces read of the longest text.
        unknown: Texts with parts that the tokenizer has no piece for. Not counted where the model copies
            such parts.
        unknown_parts: The first few of these parts.
        at_limit: Outputs that reached their length limit, so that they may be cut off.
        divided: Sentences of documents that were divided, because they are too long for the model.
        lacking: Outputs without a required phrase.
    """

    texts: int = 0
    cut: int = 0
    longer: int = 0
    longest: int = 0
    unknown: int = 0
    unknown_parts: list[str] = field(default_factory=list)
    at_limit: int = 0
    divided: int = 0
    lacking: int = 0

    def add(
        self,
        lengths: Sequence[int],
        unknown: Sequence[Sequence[str]],
        source_limit: int | None,
        longest_source: int | None,
    ) -> None:
        """Count texts.

        Args:
            lengths: Pieces of each text.
            unknown: Parts of each text that the tokenizer has no piece for.
            source_limit: Pieces of a text that are read.
            longest_source: Pieces of the longest text in training. None if nobody knows.
        """
        limit = max([*lengths, 0]) if source_limit is None else source_limit
        self.texts += len(lengths)
        self.cut += sum(length > limit for length in lengths)
        read = [min(length, limit) for length in lengths]
        if longest_source is not None:
            self.longer += sum(length > longest_source for length in read)
        self.longest = max([*read, self.longest])
        self.unknown += sum(map(bool, unknown))
        parts = (part.replace(SPACE, " ").strip() or " " for parts in unknown for part in parts)
        for part in parts:
            if len(self.unknown_parts) == _EXAMPLES:
                break
            if part not in self.unknown_parts:
                self.unknown_parts.append(part)

    def messages(self, source_limit: int | None, longest_source: int | None) -> list[str]:
        """A line for each thing that a user should know. For the arguments see ``add``."""
        of, lines = f"of {self.texts:,} texts", []
        if self.cut:
            lines.append(f"{self.cut:,} {of} cut behind {source_limit:,} pieces, as in training")
        if self.divided:
            lines.append(
                f"{self.divided:,} sentences are too long for the model, and were divided at punctuation or"
                f" spaces: {self.texts:,} parts in all"
            )
        if self.longer:
            lines.append(
                f"{self.longer:,} {of} are longer than any in training: up to {self.longest:,} pieces, in"
                f" training {longest_source:,}. The model may leave out most of such a text, so split it"
            )
        if self.unknown:
            parts = ", ".join(map(_shown, self.unknown_parts))
            lines.append(
                f"{self.unknown:,} {of} have parts that the model does not know, such as {parts}. Letter"
                " case or the Unicode form (NFC) may be the cause"
            )
        if self.at_limit:
            lines.append(
                f"{self.at_limit:,} of {self.texts:,} outputs reached their length limit and may be cut off."
                " --max_length and --max_length_ratio change the limit"
            )
        if self.lacking:
            lines.append(
                f"{self.lacking:,} of {self.texts:,} outputs lack a required phrase. Their length limit, or"
                " another constraint, left no room for it"
            )
        return lines


def _shown(part: str) -> str:
    """An unknown part as it is read on a terminal: a mark without its letter as a code point."""
    part = part[:20]
    return ascii(part) if unicodedata.combining(part[0]) else repr(part)
