"""Options of data modules: their types and defaults, the corpora they name, and the weights of these."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Required, TypeAlias, TypedDict, get_type_hints

import numpy as np

from seqtext.console import say
from seqtext.data.bucketing import Rows, Weights
from seqtext.data.corpus import Corpus, Split
from seqtext.data.held_out import Fold, HeldOut, read_held_out
from seqtext.data.in_memory import Table, table_of
from seqtext.data.readers.columns import SourceOption, read_source_option
from seqtext.errors import ConfigError
from seqtext.suggestion import suggest
from seqtext.values import Range, check_value

if TYPE_CHECKING:
    from seqtext.data.in_memory import InMemory

# options that name corpora -> the split to take of the hub's data where a name has none
CORPORA: dict[str, Split] = {
    "train": "train", "validation": "validation", "test": "test", "compare": "validation",
}  # fmt: skip
# defaults in pieces: of data.max_source_length and data.max_target_length, and of data.max_length
LONGEST_OF_PAIR, LONGEST_LABELLED = 250, 400
# types of options. Every process holds Python and PyTorch, so their number is limited
Workers = Annotated[int, Range(0, 512)]
PreprocessingWorkers = Annotated[int, Range(1, 512)]
SamplingTemperature = Annotated[float, Range(1)]
_MOST_ROWS = 500_000_000  # of an epoch, whose order is kept in memory
_WEIGHTS = Range(most=1_000_000, above=0)


class CorpusOptions(TypedDict, total=False):
    """A corpus in a configuration: ``CorpusConfig`` as options by name."""

    path: Required[str]
    weight: float
    tag: str | None
    source: SourceOption | None
    target: str | None
    format: str | None


# Types of options. Not CorpusConfig, for which the option parser would import any text, or read it.
# Rows in memory come from Python alone, so the parser does not know of them.
if TYPE_CHECKING:
    CorpusOption: TypeAlias = str | InMemory
    CorporaOption: TypeAlias = str | Sequence[str | CorpusOptions | InMemory] | InMemory
else:
    CorpusOption = str
    CorporaOption = str | Sequence[str | CorpusOptions]


@dataclass(frozen=True, kw_only=True)
class CorpusConfig:
    """Options of one corpus.

    Args:
        path: As a corpus is named.
        weight: How often an epoch reads it: 0.5 a random half, 3 three times. Every epoch draws another
            half.
        tag: Put before each source, and a piece of its own: the target language, the domain.
        source: Column of the source text, or several as in ``Columns``, where they differ from
            ``data.source``.
        target: Likewise for the target text.
        format: Format of the file, where it differs from ``data.format``.
        table: The rows, where ``path`` is no name. No option of its own.

    Raises:
        ConfigError: A value is out of range.
    """

    path: str
    weight: float = 1.0
    tag: str | None = None
    source: str | None = None
    target: str | None = None
    format: str | None = None
    table: Table | None = None

    def __post_init__(self) -> None:
        if self.weight not in _WEIGHTS:
            raise ConfigError(f"data: weight {self.weight} of {self.path}, expected {_WEIGHTS}")
        if self.tag is not None and (not self.tag or self.tag.split() != [self.tag]):
            raise ConfigError(f"data: tag {self.tag!r} of {self.path}, expected a word, as <en>")

    def corpus(
        self,
        option: str,
        columns: tuple[str, str],
        format: str | None,
        labelled: bool,
        streamed: bool,
    ) -> Corpus:
        """The corpus.

        Args:
            option: The option that names it, one of ``CORPORA``.
            columns: Its columns of source and target, where its own options name none.
            format: Its format, where its own options name none.
            labelled: Whether targets are labels.
            streamed: Whether the training corpora are streamed.
        """
        return Corpus(
            self.path,
            self.source or columns[0],
            self.target or columns[1],
            CORPORA[option],
            self.tag,
            streamed=streamed and option == "train",
            labelled=labelled,
            table=self.table,
            format=self.format or format,
        )


def read_options(
    corpora: Mapping[str, object], aliases: Mapping[str, str], *, streamed: bool = False
) -> tuple[HeldOut | None, dict[str, list[CorpusConfig]]]:
    """Read the options that name corpora.

    Args:
        corpora: Their values by name: paths, options by name, lists of these, or None.
        aliases: Other names of the options of a corpus.
        streamed: Whether the training rows are never together.

    Returns:
        The part of the training rows to hold out for validation, and the corpora of each option that names
        some.

    Raises:
        ConfigError: A value is wrong, or there is no training corpus. The message names the option.
    """
    held_out, configs = read_held_out(corpora.get("validation")), {}
    if streamed and isinstance(held_out, Fold):
        raise ConfigError(
            f"data.validation: {held_out} is a part of all rows, and data.streaming never has them together;"
            " leave data.streaming out, or give split:COUNT"
        )
    for option, given in corpora.items():
        if option == "validation" and held_out is not None:
            continue
        if named := _read_corpora(given, f"data.{option}", aliases):
            if option != "train" and any(config.weight != 1 for config in named):
                raise ConfigError(f"data.{option}: every pair counts once here; leave weights out")
            configs[option] = named
    if "train" not in configs:
        raise ConfigError("data.train: no corpus in the list")
    return held_out, configs


def _read_corpora(given: object, where: str, aliases: Mapping[str, str]) -> list[CorpusConfig]:
    if given is None:
        return []
    if isinstance(given, list | tuple) and table_of(given, where) is None:
        return [_read_corpus(corpus, where, aliases) for corpus in given]
    return [_read_corpus(given, where, aliases)]  # a list of rows is one corpus


def _read_corpus(given: object, where: str, aliases: Mapping[str, str]) -> CorpusConfig:
    table = table_of(given, where)
    options: dict[str, object] = dict(given) if isinstance(given, dict) else {"path": given}
    table = table or table_of(options.get("path"), where)
    if table is not None:
        options["path"] = where
    elif not isinstance(given, dict | str | os.PathLike):
        raise ConfigError(
            f"{where}: {given!r:.80} ({type(given).__name__}), expected the name of a corpus, its options"
            " by name, or rows in memory"
        )
    types, checked = get_type_hints(CorpusOptions), {}
    for alias, value in options.items():
        name = aliases.get(alias, alias)
        if name not in types:
            raise ConfigError(
                f"{where}: no option {name!r}; there are {', '.join(types)}{suggest(name, types)}"
            )
        if name == "source" and value is not None:
            value = read_source_option(f"{where}: {alias}", value)
        checked[name] = check_value(f"{where}: {alias}", value, types[name])
    if "path" not in checked:
        raise ConfigError(f"{where}: {options}, expected a path as well")
    return CorpusConfig(**checked, table=table)


@dataclass(frozen=True)
class Mixture:
    """Weights of training corpora.

    Args:
        corpora: Their options.
        sampling_temperature: T of shares ~ size ** (1 / T) (Arivazhagan et al. 2019, section 4.1).
            None takes the weights of the options.

    Raises:
        ConfigError: ``sampling_temperature`` and options both give weights.
    """

    corpora: Sequence[CorpusConfig]
    sampling_temperature: float | None

    def __post_init__(self) -> None:
        weighted = any(corpus.weight != 1 for corpus in self.corpora)
        if self.sampling_temperature is not None and weighted:
            raise ConfigError(
                "data.sampling_temperature: gives the weights; leave those of the corpora out"
            )

    def of_corpora(self, sizes: Sequence[int]) -> Weights:
        """How often an epoch has each corpus, given the number of its rows."""
        if self.sampling_temperature is None or len(self.corpora) == 1:
            return np.array([corpus.weight for corpus in self.corpora])
        rows = np.array(sizes)
        weights: Weights = (rows / rows.max()) ** (1 / self.sampling_temperature - 1)
        return weights

    def of_rows(self, sizes: Sequence[int], kept: Rows, rows_are: str) -> Weights | None:
        """How often an epoch has each kept row. None stands for once.

        Args:
            sizes: Rows of each corpus.
            kept: Indices of the kept rows among all.
            rows_are: What a row is called.

        Raises:
            ConfigError: An epoch would have too many rows.
        """
        weights = self.of_corpora(sizes)
        if (weights == 1).all():
            return None
        parts = (f"{c.path} {w:.3g}" for c, w in zip(self.corpora, weights, strict=True))
        say(f"data: weights {', '.join(parts)}")
        of_rows: Weights = np.repeat(weights, sizes)[kept]
        if of_rows.sum() > _MOST_ROWS:
            raise ConfigError(
                f"data.train: by its weights an epoch has {of_rows.sum():,.0f} {rows_are}, and"
                f" {_MOST_ROWS:,} are the most; give smaller weights"
            )
        return of_rows
