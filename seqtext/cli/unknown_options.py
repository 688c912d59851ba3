"""Say which option a user may have meant by a name that is no option."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping

from seqtext.errors import ConfigError
from seqtext.suggestion import closest

_UNRECOGNIZED = re.compile("unrecognized arguments: (.*)")


class UnknownOptionError(ConfigError):
    """A command has no such option, by any name that we know.

    Args:
        message: What is wrong.
        name: Of the option, without dashes.
    """

    def __init__(self, message: str, name: str) -> None:
        super().__init__(message)
        self.name = name


def describe_unknown(
    name: str, known: Collection[str], foreign: Mapping[str, str], dashes: str = "--"
) -> str:
    """The message about an option that does not exist, with the options that may be meant.

    Args:
        name: The option, dotted.
        known: Names of all options, dotted.
        foreign: Names in other toolkits -> ours.
        dashes: What stands before the name of an option.
    """
    key = name.lower().replace("-", "_")
    last = _last(key)
    if ours := [each for each in foreign.get(last, "").split() if each in known]:
        hint = f"; here it is {_join(ours, dashes)}"
    elif any(each.startswith(f"{key}.") for each in known):
        hint = _list_neighbours(f"{key}.", known)
    elif near := _near(key, known):
        hint = f"; did you mean {_join(near, dashes)}?"
    else:
        hint = _list_neighbours(name, known)
    return f"{dashes}{name}: no such option{hint}"


def explain_unrecognized(message: str) -> str:
    """A parser's message, with its part about words that are no option in ours."""
    return _UNRECOGNIZED.sub(r"\1: is no option; --help lists the options", message)


def _near(key: str, known: Collection[str]) -> list[str]:
    """The options of the same last name, or else the one most like it, its neighbours first."""
    if same := [name for name in known if _last(name) == _last(key)]:
        return same
    for names in (_neighbours(key, known), known):
        by_last = {_last(name): name for name in names}
        if near := closest(_last(key), by_last):
            return [by_last[near]]
    return []


def _list_neighbours(name: str, known: Collection[str]) -> str:
    section, names = name.rpartition(".")[0], _neighbours(name, known)
    if not section or not names:
        return "; --help lists the options"
    return f"; {section} has {', '.join(sorted(map(_last, names)))}"


def _neighbours(name: str, known: Iterable[str]) -> list[str]:
    """The options and groups of options that stand beside ``name``."""
    depth, section = name.count(".") + 1, name[: name.rfind(".") + 1]
    beside = (".".join(each.split(".")[:depth]) for each in known if each.startswith(section))
    return list(dict.fromkeys(beside))


def _last(name: str) -> str:
    return name.rpartition(".")[2]


def _join(names: Iterable[str], dashes: str) -> str:
    words = (f"the word {name}" if name.isupper() else f"{dashes}{name}" for name in names)
    return " or ".join(words)
