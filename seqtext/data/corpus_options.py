"""The corpora that an option names: paths, or paths with options of their own."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Required, TypedDict, get_type_hints

from seqtext.errors import ConfigError
from seqtext.values import Range, check_value

_WEIGHTS = Range(most=1_000_000, above=0)


class CorpusOptions(TypedDict, total=False):
    """A corpus in a configuration: ``CorpusConfig`` as options by name."""

    path: Required[str]
    weight: float
    tag: str | None
    source: str | None
    target: str | None


# An option's type. Not CorpusConfig, for which the option parser would import any text, or read it.
CorporaOption = str | Sequence[str | CorpusOptions]


@dataclass(frozen=True, kw_only=True)
class CorpusConfig:
    """Options of one corpus.

    Args:
        path: As a corpus is named.
        weight: How often an epoch reads it: 0.5 a random half, 3 three times. Every epoch draws another
            half.
        tag: Put before each source, and a piece of its own: the target language, the domain.
        source: Column of the source text, where it differs from ``data.source``.
        target: Likewise for the target text.

    Raises:
        ConfigError: A value is out of range.
    """

    path: str
    weight: float = 1.0
    tag: str | None = None
    source: str | None = None
    target: str | None = None

    def __post_init__(self) -> None:
        if self.weight not in _WEIGHTS:
            raise ConfigError(f"data: weight {self.weight} of {self.path}, expected {_WEIGHTS}")
        if self.tag is not None and (not self.tag or self.tag.split() != [self.tag]):
            raise ConfigError(f"data: tag {self.tag!r} of {self.path}, expected a word, as <en>")


def read_options(
    corpora: Mapping[str, Any], aliases: Mapping[str, str]
) -> tuple[int, dict[str, list[CorpusConfig]]]:
    """Read the options that name corpora.

    Args:
        corpora: Their values by name: paths, options by name, lists of these, or None.
        aliases: Other names of the options of a corpus.

    Returns:
        The training rows to hold out for validation, and the corpora of each option that names some.

    Raises:
        ConfigError: A value is wrong; names the option. Or there is no training corpus.
    """
    held_out, configs = 0, {}
    for option, given in corpora.items():
        if option == "validation" and isinstance(given, str) and given.startswith("split:"):
            count = given.partition(":")[2]
            if not count.isdecimal() or not int(count):
                raise ConfigError(f"data.validation: {given}, expected split:COUNT, as split:1000")
            held_out = int(count)
        elif named := _read_corpora(given, f"data.{option}", aliases):
            if option != "train" and any(config.weight != 1 for config in named):
                raise ConfigError(f"data.{option}: every pair counts once here; leave weights out")
            configs[option] = named
    if "train" not in configs:
        raise ConfigError("data.train: no corpus in the list")
    return held_out, configs


def _read_corpora(given: Any, where: str, aliases: Mapping[str, str]) -> list[CorpusConfig]:
    if given is None:
        return []
    several = given if isinstance(given, list | tuple) else [given]
    return [_read_corpus(corpus, where, aliases) for corpus in several]


def _read_corpus(given: Any, where: str, aliases: Mapping[str, str]) -> CorpusConfig:
    options = {"path": given} if isinstance(given, str | os.PathLike) else given
    if not isinstance(options, dict):
        raise ConfigError(
            f"{where}: {given!r:.80} ({type(given).__name__}), expected the name of a corpus, or its"
            " options by name"
        )
    types, checked = get_type_hints(CorpusConfig), {}
    for alias, value in options.items():
        name = aliases.get(alias, alias)
        if name not in types:
            raise ConfigError(f"{where}: no option {name!r}; there are {', '.join(types)}")
        checked[name] = check_value(f"{where}: {alias}", value, types[name])
    if "path" not in checked:
        raise ConfigError(f"{where}: {options}, expected a path as well")
    return CorpusConfig(**checked)
