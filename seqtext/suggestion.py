"""Suggest a name that exists for one that does not."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def suggest(name: str, names: Iterable[str]) -> str:
    """The end of a message about an unknown name. Empty where no other name is close.

    >>> suggest("refnd", ["refund", "other"])
    ' (did you mean refund?)'
    """
    near = closest(name, names)
    return "" if near is None else f" (did you mean {near}?)"


def closest(name: str, names: Iterable[str]) -> str | None:
    """The name that ``name`` abbreviates, or else the one most like it. Case and hyphens do not count."""
    by_key = {_key(other): other for other in names}
    key = _key(name)
    longer = sorted((other for other in by_key if len(key) > 1 and other.startswith(key)), key=len)
    near = longer or difflib.get_close_matches(key, by_key, n=1)
    return by_key[near[0]] if near else None


def _key(name: str) -> str:
    return name.lower().replace("-", "_")
