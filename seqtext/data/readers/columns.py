"""The columns that a source is made of, and how their values become one text."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, TypeAlias

from seqtext.errors import ConfigError

Cut = Literal["text", "symbols"]
# A column, or a list of columns. {NAME: CUT} says how a column is cut. YAML reads 1 as a number
SourceOption: TypeAlias = str | list[str | int | dict[str | int, str]]
SEPARATOR = "<sep>"  # a word of its own between two texts
# Around a symbol, so that the feature V is no letter V. No rule of Unicode or SentencePiece makes them
SYMBOL = re.compile("(⟦[^⟦⟧]*⟧)")
_MARKS = str.maketrans("⟦⟧", "[]")
_BETWEEN_SYMBOLS = re.compile(r"[\s;\0]+")
_JOIN, _CUT = "+", ":"  # lemma+features:symbols
_CUTS: dict[str, Cut] = {"text": "text", "symbols": "symbols"}
# Names of the source and of the target. The source may be several columns: lemma+features:symbols
Columns = tuple[str, str]


class LabelColumns(NamedTuple):
    """``Columns`` of rows whose target is a label, or a list of labels, instead of a text."""

    text: str  # or several, which make one text: premise+hypothesis
    label: str


class Column(NamedTuple):
    """A column of a source."""

    name: str
    cut: Cut  # by the tokenizer, or into symbols between spaces and semicolons
    by_default: bool = False  # whether no option says how it is cut


@dataclass(frozen=True)
class SourceColumns:
    """The columns of a source, in the order of their values in its text.

    Texts are joined by ``<sep>``. Each symbol gets marks. So ``kuzu`` and ``N;SG`` make ``kuzu⟦N⟧⟦SG⟧``.
    A column without symbols makes ``⟦⟧``.
    """

    columns: tuple[Column, ...]

    def __str__(self) -> str:
        return ", ".join(f"{name} as {cut}" for name, cut, _ in self.columns)

    @property
    def names(self) -> list[str]:
        """Names of the columns."""
        return [column.name for column in self.columns]

    @property
    def texts(self) -> int:
        """Number of columns that are texts."""
        return sum(column.cut == "text" for column in self.columns)

    @property
    def symbols(self) -> int:
        """Number of columns that are symbols."""
        return len(self.columns) - self.texts

    @property
    def symbols_by_default(self) -> list[str]:
        """Names of the columns that are symbols because no option says how they are cut."""
        return [name for name, cut, by_default in self.columns if by_default and cut == "symbols"]

    @property
    def plain(self) -> bool:
        """Whether a source is the text of one column, as it stands there."""
        return len(self.columns) == self.texts == 1

    def join(self, values: Sequence[str]) -> str:
        """The source text of the values of all columns."""
        if self.plain:
            return values[0]
        parts = zip(self._starts, self.columns, values, strict=True)
        return "".join(start + _write(value, column.cut) for start, column, value in parts)

    def split(self, source: str) -> list[str] | None:
        """Values that ``join`` makes this text of. None if it makes no such text."""
        if self.plain:
            return [source]
        match = self._pattern.fullmatch(source)
        if match is None:
            return None
        return [
            value if column.cut == "text" else value[1:-1].replace("⟧⟦", ";")
            for column, value in zip(self.columns, match.groups(), strict=True)
        ]

    @property
    def _starts(self) -> list[str]:
        """What stands before the value of each column. Symbols follow their word without a space."""
        starts: list[str] = []
        for place, column in enumerate(self.columns):
            before = {other.cut for other in self.columns[:place]}
            if column.cut == "symbols" or not before:
                starts.append("")
            else:
                starts.append(f" {SEPARATOR} " if "text" in before else " ")
        return starts

    @functools.cached_property
    def _pattern(self) -> re.Pattern[str]:
        values = {"text": "(.*?)", "symbols": "((?:⟦[^⟦⟧]*⟧)+)"}
        parts = zip(self._starts, self.columns, strict=True)
        pattern = "".join(start + values[column.cut] for start, column in parts)
        return re.compile(pattern, re.DOTALL)


def _write(value: str, cut: Cut) -> str:
    """A value as it stands in a source of several columns."""
    value = value.translate(_MARKS)
    if cut == "text":
        return value
    symbols = [symbol for symbol in _BETWEEN_SYMBOLS.split(value) if symbol]
    return "".join(f"⟦{symbol}⟧" for symbol in symbols or [""])


def source_columns(columns: Columns, known: Iterable[str] = ()) -> SourceColumns:
    """The columns of a source.

    The first one is text. Further ones are text beside a label, and symbols beside another text, unless
    ``columns`` says how they are cut.

    Args:
        columns: Names of the source and of the target.
        known: Columns of the rows. One of them may have a ``+`` in its name.
    """
    source = columns[0]
    if source in known:
        return SourceColumns((Column(source, "text"),))
    return _parse(source, "text" if isinstance(columns, LabelColumns) else "symbols")


@functools.lru_cache
def _parse(source: str, further: Cut) -> SourceColumns:
    columns: list[Column] = []
    for part in source.split(_JOIN):
        name, _, cut = part.rpartition(_CUT)
        if name and cut in _CUTS:
            columns.append(Column(name, _CUTS[cut]))
        else:
            columns.append(Column(part, further if columns else "text", by_default=True))
    return SourceColumns(tuple(columns))


def read_source_option(option: str, given: object) -> str:
    """The source of ``Columns``, as an option names it.

    Args:
        option: Name of the option.
        given: A name, or a list as ``[lemma, {features: symbols}]``.

    Raises:
        ConfigError: It is something else, or names no way of cutting.
    """
    if isinstance(given, str):
        return given
    if not isinstance(given, list | tuple) or not given:
        raise _odd_source(option, given)
    return _JOIN.join(_read_column(option, column) for column in given)


def _read_column(option: str, given: object) -> str:
    name, cut = given, None
    if isinstance(given, Mapping) and len(given) == 1:
        [(name, cut)] = given.items()
    if not isinstance(name, str | int) or isinstance(name, bool) or name == "":
        raise _odd_source(option, given)
    if _JOIN in str(name):
        raise ConfigError(
            f"{option}: the column {name!r} has a {_JOIN} in its name, which joins columns. Rename it"
        )
    if cut is None and not isinstance(given, Mapping):
        return str(name)
    if not isinstance(cut, str) or cut not in _CUTS:
        raise ConfigError(
            f"{option}: the column {name!r} is cut as {cut!r}, expected text or symbols"
        )
    return f"{name}{_CUT}{cut}"


def _odd_source(option: str, given: object) -> ConfigError:
    return ConfigError(
        f"{option}: {given!r:.80} ({type(given).__name__}), expected a column, or a list of columns, as"
        " [lemma, features: symbols]"
    )
