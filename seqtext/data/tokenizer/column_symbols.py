"""The symbols that several columns bring into a source text, as pieces of its tokenizer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from seqtext.data.readers.columns import SEPARATOR, SYMBOL, SourceColumns
from seqtext.errors import ConfigError

if TYPE_CHECKING:
    from seqtext.data.readers import Row

_MOST_BY_DEFAULT = 200  # different symbols, where no option says that a column has symbols


def symbols_of(
    columns: Sequence[SourceColumns], rows: Callable[[], Iterable[Row]]
) -> tuple[str, ...]:
    """The symbols in the sources of a training set: first the separator of texts, then by alphabet.

    Args:
        columns: Columns of the source, of each corpus.
        rows: Reads the rows. Called only where columns have symbols.

    Raises:
        ConfigError: A column that is cut into symbols by default looks like text.
    """
    separator = (SEPARATOR,) if any(each.texts > 1 for each in columns) else ()
    if not any(each.symbols for each in columns):
        return separator
    counts = Counter(symbol for row in rows() for symbol in SYMBOL.findall(row[0]))
    rare = sum(count == 1 for count in counts.values())
    by_default = [name for each in columns for name in each.symbols_by_default]
    if by_default and len(counts) > _MOST_BY_DEFAULT and rare > len(counts) / 3:
        name = by_default[0]
        raise ConfigError(
            f"data.source: the column {name} has {len(counts):,} different symbols between spaces or ;, and"
            f" {rare:,} of them once. Words of a text are like this. Write {name}: text for a text, or"
            f" {name}: symbols, as in [lemma, features: symbols]"
        )
    return (*separator, *sorted(counts))


def without_symbols(texts: Iterable[str]) -> Iterator[str]:
    """The texts to learn other pieces from: the letters of a symbol are no text."""
    return (SYMBOL.sub(" ", text) for text in texts)
