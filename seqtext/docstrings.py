"""What the docstring of a dataclass says of its fields: the help of options."""

from __future__ import annotations

import inspect
import re

_FIELD = re.compile(r"    (\w+): (.*)")  # in a docstring's Args


def field_texts(config: type[object]) -> dict[str, str]:
    """What the ``Args`` of a dataclass's docstring say of each field.

    The docstring of a parent says it of the parent's fields.
    """
    texts: dict[str, str] = {}
    for kind in reversed(config.__mro__):
        texts |= _texts_in(inspect.cleandoc(kind.__doc__ or ""))
    return texts


def _texts_in(docstring: str) -> dict[str, str]:
    texts: dict[str, str] = {}
    name = ""
    for line in docstring.partition("\nArgs:\n")[2].split("\n"):
        if line and not line.startswith(" "):
            break  # the next section
        if field := _FIELD.fullmatch(line):
            name, texts[field[1]] = field[1], field[2]
        elif line:
            texts[name] += f" {line.strip()}"
    return texts
