"""Check that values have their declared types, for options and for entries of files."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import math
import os
import types
from collections.abc import Callable, Collection
from numbers import Integral, Real
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from seqtext.errors import ConfigError

T = TypeVar("T")
_NAMES: dict[object, str] = {
    int: "a whole number", float: "a number", bool: "true or false", str: "text",
    types.NoneType: "nothing",
}  # fmt: skip
_LISTED: dict[object, str] = {int: "whole numbers", float: "numbers", str: "texts"}
_LONGEST = 60  # characters of a value in a message


# --- options, from Python or a command line --------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class Range:
    """The range of a number, written beside its type: ``Annotated[int, Range(1)]``.

    Args:
        least: Smallest value.
        most: Largest value.
        above: Every value is larger.
        below: Every value is smaller.
    """

    least: float | None = None
    most: float | None = None
    _: dataclasses.KW_ONLY
    above: float | None = None
    below: float | None = None

    def __str__(self) -> str:
        limits = (
            ("at least", self.least), ("more than", self.above), ("at most", self.most),
            ("less than", self.below),
        )  # fmt: skip
        return " and ".join(f"{name} {limit:,}" for name, limit in limits if limit is not None)

    def __contains__(self, value: float) -> bool:
        return (
            (isinstance(value, int) or math.isfinite(value))  # no float holds a huge integer
            and (self.least is None or value >= self.least)
            and (self.above is None or value > self.above)
            and (self.most is None or value <= self.most)
            and (self.below is None or value < self.below)
        )


Positive = Annotated[int, Range(1)]
Count = Annotated[int, Range(0)]
Share = Annotated[float, Range(0, 1)]


def range_of(declared: object) -> Range | None:
    """The range in a type. In a union it is that of the first type that has one."""
    ranges = (
        limit
        for choice in _choices(declared)
        if get_origin(choice) is Annotated
        for limit in get_args(choice)[1:]
        if isinstance(limit, Range)
    )
    return next(ranges, None)


def check_value(name: str, value: object, expected: object) -> Any:
    """Refuse a value of another type.

    Args:
        name: Name of the option.
        value: Value of the option. NumPy's integers and floats count as numbers. A bool does not. A path
            counts as text.
        expected: ``int``, ``float``, ``str``, a ``Literal`` or another class. Or a list, a tuple of any
            length or a dict of these, or a union. A number may have a ``Range``.

    Returns:
        The value as a plain Python object.

    Raises:
        ConfigError: It is of another type or out of range.
    """
    choices = _choices(expected)
    for choice in choices:
        with contextlib.suppress(_OtherTypeError):
            plain = _plain(value, choice)
            limits = range_of(choice)
            if limits is not None and plain not in limits:
                raise ConfigError(f"{name}: {plain}, expected {limits}")
            return plain
    wanted = " or ".join(map(_name, choices))
    is_choice = isinstance(value, str) and any(get_origin(choice) is Literal for choice in choices)
    kind = "" if is_choice else f" ({type(value).__name__})"
    raise ConfigError(f"{name}: {value!r:.80}{kind}, expected {wanted}")


class _OtherTypeError(Exception):
    pass


def _plain(value: object, kind: Any) -> Any:
    """Turn ``value`` into a plain object of the type.

    Raises:
        _OtherTypeError: It has another type.
    """
    kind = _without_range(kind)
    origin, number = get_origin(kind), not isinstance(value, bool)  # bool is an int for Python
    if origin is Literal:
        if isinstance(value, str) and value in get_args(kind):
            return str.__str__(value)  # an Enum of strings becomes plain text
    elif origin in (list, tuple) and isinstance(value, list | tuple):
        return origin(_plain(item, get_args(kind)[0]) for item in value)
    elif origin is dict and isinstance(value, dict):
        of_key, of_item = get_args(kind)
        return {_plain(key, of_key): _plain(item, of_item) for key, item in value.items()}
    elif kind in (int, float) and isinstance(value, Integral) and number:
        return int(value)
    elif kind is float and isinstance(value, Real) and number:
        return float(value)
    elif kind is str and isinstance(value, os.PathLike):
        return os.fspath(value)
    elif origin is None and kind not in (int, float) and isinstance(value, kind):
        return value
    raise _OtherTypeError


def check_fields(config: object, prefix: str = "") -> None:
    """``check_value`` for all fields of a dataclass, whose values become plain Python objects.

    Args:
        config: The dataclass.
        prefix: Stands before the names of its options.

    Raises:
        ConfigError: A value is of another type.
    """
    declared = _declared(type(config))  # type: ignore[arg-type] # takes the hash of instances
    for name, expected in declared.items():
        value = check_value(f"{prefix}{name}", getattr(config, name), expected)
        object.__setattr__(config, name, value)  # the dataclass may be frozen


@functools.cache  # a checkpoint alone has dozens of such dataclasses
def _declared(cls: type) -> dict[str, object]:
    return get_type_hints(cls, include_extras=True)


def check_arguments(
    function: Callable[..., object],
    values: dict[str, object],
    prefix: str,
    *,
    but: Collection[str] = (),
) -> None:
    """``check_value`` for the arguments of a function.

    Args:
        function: Declares the types.
        values: The arguments by name. Other names are ignored.
        prefix: Stands before the names of its options.
        but: Names of arguments that are checked elsewhere.

    Raises:
        ConfigError: A value is of another type.
    """
    for name, expected in get_type_hints(function, include_extras=True).items():
        if name in values and name not in but:
            check_value(f"{prefix}{name}", values[name], expected)


# --- fields of a dataclass, from a file that a stranger may have written ----------------------------------


def read_fields(cls: type[T], values: object, where: str) -> T:
    """Make a ``cls`` of values that a stranger may have written.

    Args:
        cls: A dataclass. Its fields are ``int``, ``float``, ``bool``, ``str``, ``bytes``, ``Literal``, or
            other such dataclasses. Tuples of these will do, and ``| None``.
        values: A dict of its fields.
        where: Name of the dict in messages.

    Raises:
        ValueError: ``values`` is no dict. Or a field is missing, unknown, or has another type. Or ``cls``
            refuses a value.
    """
    if not isinstance(values, dict):
        raise ValueError(f"{where}: found {shown(values)}, expected a dict of fields")
    types_of = get_type_hints(cls)
    fields: dict[str, object] = {}
    for field in dataclasses.fields(cls):  # type: ignore[arg-type]
        name = field.name
        if name in values:
            fields[name] = _typed(values[name], types_of[name], f"{where}.{name}")
        elif field.default is dataclasses.MISSING:
            raise ValueError(f"{where}.{name}: is missing")
    if unknown := [name for name in values if name not in types_of]:
        raise ValueError(
            f"{where}: unknown field {shown(unknown[0])}; a newer version of seqtext may have written it"
        )
    return cls(**fields)


def shown(value: object) -> str:
    """Write a value for a message, always short."""
    if isinstance(value, str | bytes):
        return repr(value[:_LONGEST]) + ("…" if len(value) > _LONGEST else "")
    if isinstance(value, int) and value.bit_length() > 63:
        return f"a number of {value.bit_length():,} bits"
    if value is None or isinstance(value, bool | int | float):
        return repr(value)
    return f"a value of type {type(value).__name__}"  # its own text may be endless


def _typed(value: object, wanted: object, where: str) -> object:
    """Return ``value`` if it has the type, a list as a tuple."""
    kinds = _choices(wanted)
    for kind in kinds:
        if dataclasses.is_dataclass(kind):
            return read_fields(kind, value, where)  # type: ignore[arg-type]
        if get_origin(kind) is tuple and isinstance(value, list | tuple):
            return _tuple(value, get_args(kind), where)
        if _has_type(value, kind):
            return value
    expected = " or ".join(map(_name, kinds))
    raise ValueError(f"{where}: found {shown(value)}, expected {expected}")


def _tuple(
    values: list[object] | tuple[object, ...], kinds: tuple[object, ...], where: str
) -> object:
    if kinds[-1] is Ellipsis:
        kinds = kinds[:1] * len(values)
    if len(values) != len(kinds):
        raise ValueError(f"{where}: found {len(values):,} values, expected {len(kinds)}")
    pairs = enumerate(zip(values, kinds, strict=True))
    return tuple(_typed(value, kind, f"{where}[{i}]") for i, (value, kind) in pairs)


def _has_type(value: object, kind: object) -> bool:
    if get_origin(kind) is Literal:
        return isinstance(value, str) and value in get_args(kind)
    if type(value) is int and value.bit_length() > 63:
        return False
    # no isinstance: True would count as a whole number
    return type(value) in ((int, float) if kind is float else (kind,))


# --- types ------------------------------------------------------------------------------------------------


def _choices(declared: object) -> tuple[object, ...]:
    """The types of a union, or the type itself."""
    # Python makes Literal[…] | None a typing.Union, and int | None a types.UnionType
    union = get_origin(declared) in (Union, types.UnionType)
    return get_args(declared) if union else (declared,)


def _without_range(kind: object) -> object:
    return get_args(kind)[0] if get_origin(kind) is Annotated else kind


def _name(kind: Any) -> str:
    kind = _without_range(kind)
    if get_origin(kind) is Literal:
        return "one of " + ", ".join(get_args(kind))
    if get_origin(kind) in (list, tuple):
        return f"a list of {_LISTED.get(get_args(kind)[0], 'values')}"
    if get_origin(kind) is dict:
        return f"{_LISTED.get(get_args(kind)[1], 'values')} by name"
    return _NAMES.get(kind) or str(kind.__name__)
