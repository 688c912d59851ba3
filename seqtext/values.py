"""Values of options: whether they have the type that an option declares."""

from __future__ import annotations

import types
from numbers import Integral, Real
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from seqtext.errors import ConfigError

_NAMES: dict[Any, str] = {int: "an integer", float: "a number", str: "a string", type(None): "None"}


def check_value(name: str, value: Any, expected: Any) -> Any:
    """Refuse a value of another type.

    Args:
        name: What the option is called.
        value: What was given. NumPy's integers and floats count as numbers. A bool does not.
        expected: ``int``, ``float``, ``str``, a ``Literal``, or a union of these and None.

    Returns:
        The value as a plain Python object.

    Raises:
        ConfigError: It is of another type.
    """
    union = get_origin(expected) in (Union, types.UnionType)
    choices = get_args(expected) if union else (expected,)
    number = not isinstance(value, bool)  # which Python counts as an integer
    for one in choices:
        if get_origin(one) is Literal:
            if isinstance(value, str) and value in get_args(one):
                return str.__str__(value)
        elif one in (int, float) and isinstance(value, Integral) and number:
            return int(value)
        elif one is float and isinstance(value, Real) and number:
            return float(value)
        elif one not in (int, float) and isinstance(value, one):
            return value
    wanted = " or ".join(_named(one) for one in choices)
    raise ConfigError(f"{name}: {value!r:.80} ({type(value).__name__}), expected {wanted}")


def check_fields(config: Any) -> None:
    """``check_value`` for all fields of a dataclass, whose values become plain Python objects.

    Raises:
        ConfigError: A value is of another type.
    """
    for name, expected in get_type_hints(type(config)).items():
        value = check_value(name, getattr(config, name), expected)
        object.__setattr__(config, name, value)  # the dataclass may be frozen


def _named(expected: Any) -> str:
    if get_origin(expected) is Literal:
        return f"one of {', '.join(get_args(expected))}"
    return _NAMES[expected]
