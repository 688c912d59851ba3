"""Flags of a command. Those of a configuration come from its fields, so that each option stands once."""

from __future__ import annotations

import argparse
import dataclasses
import types
from collections.abc import Callable, Collection, Sequence
from typing import Any, Literal, NoReturn, TypeVar, get_args, get_origin, get_type_hints

from seqtext.cli.foreign_names import OPTIONS
from seqtext.cli.unknown_options import (
    UnknownOptionError,
    describe_unknown,
    explain_unrecognized,
)
from seqtext.cli.words import pair_options
from seqtext.docstrings import field_texts
from seqtext.errors import ConfigError

T = TypeVar("T")
_METAVARS = {int: "N", float: "X"}
_NOTHING = ("none", "null")


class Parser(argparse.ArgumentParser):
    """A parser that knows its flags by the names of their values.

    Args:
        command: What follows ``seqtext``.
        usage: What follows the command.
        description: What the command does.
    """

    def __init__(self, command: str, usage: str, description: str) -> None:
        self._flags: dict[str, str] = {}
        self._names = ["help"]
        self._command = command
        super().__init__(
            prog=f"seqtext {command}",
            usage=f"%(prog)s {usage}",
            description=description,
            allow_abbrev=False,
        )

    def parse(self, words: Sequence[str]) -> argparse.Namespace:
        """Parse a command line.

        Raises:
            UnknownOptionError: An option does not exist.
            ConfigError: One has a wrong value, or is missing. Or it has another name here.
        """
        for name, _ in pair_options(words):
            if name == "--":
                break
            if not self.knows(option := name.removeprefix("--")):
                foreign = OPTIONS[self._command]
                message = describe_unknown(option, self._names, foreign)
                if option in foreign:
                    raise ConfigError(message)
                raise UnknownOptionError(message, option)
        return self.parse_args(words)

    def knows(self, name: str) -> bool:
        """Whether there is an option of this name, without dashes."""
        return name in self._names

    def error(self, message: str) -> NoReturn:
        """Raise a ``ConfigError``, where ``argparse`` prints its usage."""
        raise ConfigError(explain_unrecognized(message.removeprefix("argument ")))

    def add_argument(self, *names: str, **options: Any) -> argparse.Action:
        """See ``argparse``."""
        action = super().add_argument(*names, **options)
        flag = names[0] if action.option_strings else str(action.metavar)
        self._flags.setdefault(action.dest, flag)
        self._names.append(flag.removeprefix("--"))
        return action

    def add_fields(
        self, config: type[Any], names: Sequence[str] = (), stored: Collection[str] = ()
    ) -> None:
        """Add a flag for each field of a dataclass, or for those of these names.

        A field is an ``int``, a ``float``, a ``bool`` or a ``Literal``. A ``bool`` that is true by default
        gets the flag ``--no_NAME``. Where a field may be None, ``none`` and ``null`` stand for it. The help
        is the text of the field in the docstring.

        Args:
            config: The dataclass.
            names: Of fields. None stands for all.
            stored: Names of the fields that a checkpoint has defaults of. What was parsed has these only
                where they were given. A ``bool`` gets both flags.
        """
        types_of, texts = get_type_hints(config), field_texts(config)
        for field in dataclasses.fields(config):
            if names and field.name not in names:
                continue
            kind, text = _plain_type(types_of[field.name]), _as_help(texts[field.name])
            is_stored = field.name in stored
            default = argparse.SUPPRESS if is_stored else field.default
            if kind is bool:
                self._add_switch(field.name, text, default)
                continue
            options = {"type": kind, "metavar": _METAVARS.get(kind)}
            if get_origin(kind) is Literal:
                choices = get_args(kind)
                options = {"type": str, "choices": choices, "metavar": f"{{{','.join(choices)}}}"}
            if kind is not types_of[field.name]:
                options["type"] = _or_none(options["type"])
                if "choices" in options:
                    options["choices"] = (*options["choices"], None)
                text += " (none: the default, whatever the checkpoint has)" if is_stored else ""
            if field.default is not None:
                of_checkpoint = "of the checkpoint, else " if is_stored else ""
                text += f" (default: {of_checkpoint}{_shown(field.default)})"
            self.add_argument(f"--{field.name}", default=default, help=text, **options)

    def _add_switch(self, name: str, text: str, default: object) -> None:
        """Add the flags of a ``bool``: the one that changes the default, or both if that is suppressed."""
        if default is not True:
            self.add_argument(f"--{name}", action="store_true", default=default, help=text)
        if default is not False:
            self.add_argument(
                f"--no_{name}",
                dest=name,
                action="store_false",
                default=default,
                help=f"turn this off: {text}",
            )

    def refuse(
        self, options: argparse.Namespace, names: Sequence[str], user: str, model: str
    ) -> None:
        """Refuse options that the checkpoint at hand does not use.

        Args:
            options: What was parsed.
            names: Of the options.
            user: What kind of model uses them.
            model: What kind of model the checkpoint holds.

        Raises:
            ConfigError: An option differs from its default.
        """
        for name in names:
            default = self.get_default(name)  # SUPPRESS where the value is not there
            if getattr(options, name, default) != default:
                raise ConfigError(
                    f"{self._flags[name]}: is of a {user}; {options.checkpoints[0]} is {model}"
                )


def names_of(config: type[Any]) -> list[str]:
    """Names of the fields of a dataclass."""
    return [field.name for field in dataclasses.fields(config)]


def config_of(
    config: type[T], options: argparse.Namespace, prefix: str = "", names: Sequence[str] = ()
) -> T:
    """A dataclass from the options of its fields. A field without an option keeps its default.

    Args:
        config: The dataclass.
        options: What was parsed.
        prefix: What the dataclass writes before the names of its fields in messages.
        names: Fields that have options. Default: those of the options' names.

    Raises:
        ConfigError: A value is out of range, or two contradict each other.
    """
    known = names or names_of(config)
    try:
        return config(**{name: value for name, value in vars(options).items() if name in known})
    except ConfigError as error:
        raise ConfigError(f"--{str(error).removeprefix(prefix)}") from error


def _as_help(text: str) -> str:
    """A text as help: no capital, no full stop."""
    first, space, rest = text.replace("``", "").replace("%", "%%").removesuffix(".").partition(" ")
    is_name = first[1:] != first[1:].lower()
    return f"{first if is_name else first.lower()}{space}{rest}"


def _plain_type(declared: object) -> Any:
    """The type of a value, without None."""
    kinds = [kind for kind in get_args(declared) if kind is not types.NoneType]
    return kinds[0] if type(None) in get_args(declared) else declared


def _or_none(kind: Callable[[str], Any]) -> Callable[[str], Any]:
    """The same type, with words for None."""

    def read(word: str) -> Any:
        return None if word.lower() in _NOTHING else kind(word)

    read.__name__ = kind.__name__  # in messages of argparse
    return read


def _shown(default: object) -> str:
    return f"{default:g}" if isinstance(default, float) else str(default)
