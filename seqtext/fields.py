"""Plain values from a file to the fields of a dataclass, each of the type that the field has."""

from __future__ import annotations

import dataclasses
import types
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

T = TypeVar("T")
_NAMES = {int: "a whole number", float: "a number", bool: "true or false", str: "text"}
_LONGEST = 60  # characters of a value in a message


def read_fields(cls: type[T], values: object, where: str) -> T:
    """Make a ``cls`` of values that a stranger may have written.

    Args:
        cls: A dataclass. Its fields are ``int``, ``float``, ``bool``, ``str``, ``bytes``, ``Literal``, or
            other such dataclasses. Tuples of these will do, and ``| None``.
        values: A dict of its fields.
        where: What to call the dict in a message.

    Raises:
        ValueError: ``values`` is no dict, lacks a field, has another one, or one has another type. Or
            ``cls`` refuses a value.
    """
    if not isinstance(values, dict):
        raise ValueError(f"{where}: found {shown(values)}, expected a dict of fields")
    types_of = get_type_hints(cls)
    fields: dict[str, Any] = {}
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
    """A value for a message, short whatever it holds."""
    if isinstance(value, str | bytes):
        return repr(value[:_LONGEST]) + ("…" if len(value) > _LONGEST else "")
    if isinstance(value, int) and value.bit_length() > 63:
        return f"a number of {value.bit_length():,} bits"
    if value is None or isinstance(value, bool | int | float):
        return repr(value)
    return f"a value of type {type(value).__name__}"  # its own text may be endless


def _typed(value: object, wanted: Any, where: str) -> Any:
    """``value``, if it has the type. A list becomes a tuple."""
    # of Literal[…] | None Python makes a Union of the older kind
    several = get_origin(wanted) in (types.UnionType, Union)
    kinds = get_args(wanted) if several else (wanted,)
    for kind in kinds:
        if dataclasses.is_dataclass(kind):
            return read_fields(kind, value, where)  # type: ignore[arg-type]
        if get_origin(kind) is tuple and isinstance(value, list | tuple):
            return _tuple(value, get_args(kind), where)
        if _has_type(value, kind):
            return value
    expected = " or ".join(map(_name, kinds))
    raise ValueError(f"{where}: found {shown(value)}, expected {expected}")


def _tuple(values: list[Any] | tuple[Any, ...], kinds: tuple[Any, ...], where: str) -> Any:
    if kinds[-1] is Ellipsis:
        kinds = kinds[:1] * len(values)
    if len(values) != len(kinds):
        raise ValueError(f"{where}: found {len(values):,} values, expected {len(kinds)}")
    pairs = enumerate(zip(values, kinds, strict=True))
    return tuple(_typed(value, kind, f"{where}[{i}]") for i, (value, kind) in pairs)


def _has_type(value: object, kind: Any) -> bool:
    if get_origin(kind) is Literal:
        return isinstance(value, str) and value in get_args(kind)
    if type(value) is int and value.bit_length() > 63:
        return False
    # a subclass is refused: True is no number of layers
    return type(value) in ((int, float) if kind is float else (kind,))


def _name(kind: Any) -> str:
    if get_origin(kind) is Literal:
        return "one of " + ", ".join(get_args(kind))
    if get_origin(kind) is tuple:
        return "a list"
    return "nothing" if kind is types.NoneType else _NAMES.get(kind, kind.__name__)
