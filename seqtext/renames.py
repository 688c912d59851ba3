"""Old names of options. They work until version 0.3, and a message tells the new name."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from seqtext.errors import ConfigError

T = TypeVar("T")
Renames = Mapping[str, str]  # old names -> new names
Tell = Callable[[str, str], None]  # called with the old and the new name of an option

SEARCH: Renames = {
    "max_ratio": "max_length_ratio",
    "min_ratio": "min_length_ratio",
    "no_repeat_ngram": "no_repeat_ngram_size",
}
DATA: Renames = {"processes": "preprocessing_workers", "temperature": "sampling_temperature"}
OPTIMIZER: Renames = {
    "final_share": "min_learning_rate_share",
    "part_rates": "learning_rate_factors",
}
SELECTION: Renames = {"average": "average_best"}
FIT: Renames = {  # sections of a configuration
    f"{section}.{old}": f"{section}.{new}"
    for section, renames in (
        ("data", DATA),
        ("model.optimizer", OPTIMIZER),
        ("selection", SELECTION),
    )
    for old, new in renames.items()
}
FLAGS: Mapping[str, Renames] = {  # of the other commands
    "explain": {**SEARCH, "limit": "examples"},
    "generate": SEARCH,
    "test": {
        **SEARCH,
        "classes": "per_label",
        "confusion": "confusion_plot",
        "metrics": "task",
        "show": "examples",
        "symbols": "symbol_unit",
    },
}


def describe_rename(old: str, new: str) -> str:
    """The message for an old name."""
    return f"{old} is now {new}; the old name works until version 0.3"


def teller(say: Callable[[str], None], start: str = "") -> Tell:
    """A function that says each rename once, after ``start``."""
    return functools.cache(lambda old, new: say(f"{start}{describe_rename(old, new)}"))


def rename_keys(
    options: Mapping[str, object], renames: Renames, tell: Tell, prefix: str = ""
) -> dict[str, Any]:
    """Options by their new names.

    Args:
        options: Options by name, with the options inside them. ``init_args`` counts as no name.
        renames: Dotted old names -> dotted new names.
        tell: Called for each renamed option.
        prefix: Stands before the names of ``options``.

    Raises:
        ConfigError: An option is given by both of its names.
    """
    renamed: dict[str, object] = {}
    for name, value in options.items():
        option = f"{prefix}{name}"
        if (new := renames.get(option)) is not None:
            name = new.removeprefix(prefix)
            if name in options:
                raise ConfigError(f"{option}: is given as {new}, too; leave {option} out")
            tell(option, new)
        if isinstance(value, dict):
            inner = prefix if name == "init_args" else f"{option}."
            value = rename_keys(value, renames, tell, inner)
        renamed[name] = value
    return renamed


def rename_flags(words: Sequence[str], renames: Renames, tell: Tell) -> list[str]:
    """The words of a command line, with flags by their new names. What follows ``--`` stays."""
    end = words.index("--") if "--" in words else len(words)
    renamed = list(words)
    for i, word in enumerate(words[:end]):
        name, equals, value = word.partition("=")
        option = name.removeprefix("--").replace(".init_args.", ".")
        # --model.optimizer.part_rates.encoder sets one entry of a mapping
        old = next((old for old in renames if f"{option}.".startswith(f"{old}.")), None)
        if name.startswith("--") and old is not None:
            tell(f"--{old}", f"--{renames[old]}")
            renamed[i] = f"--{renames[old]}{option.removeprefix(old)}{equals}{value}"
    return renamed


def rename_arguments(arguments: Mapping[str, object], renames: Renames) -> dict[str, Any]:
    """Keyword arguments by their new names. An old name gives a DeprecationWarning.

    The warning names the line that calls the function that calls this one.

    Raises:
        ConfigError: An argument is given by both of its names.
    """
    old: list[tuple[str, str]] = []
    renamed = rename_keys(arguments, renames, lambda *names: old.append(names))
    for names in old:
        warnings.warn(describe_rename(*names), DeprecationWarning, stacklevel=3)
    return renamed


def accept_old_names(renames: Renames) -> Callable[[type[T]], type[T]]:
    """Let a class accept old names of its arguments. Its signature keeps the new ones alone."""

    def decorate(cls: type[T]) -> type[T]:
        init: Callable[..., None] = cls.__init__

        @functools.wraps(init)
        def renamed(self: object, *values: object, **arguments: object) -> None:
            init(self, *values, **rename_arguments(arguments, renames))

        cls.__init__ = renamed  # type: ignore[method-assign]
        return cls

    return decorate
