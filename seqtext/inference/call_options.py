"""The options of a call -> its search and its constraints."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from seqtext.errors import ConfigError
from seqtext.inference.constraints.options import Constraints
from seqtext.renames import SEARCH, rename_arguments
from seqtext.search.config import SearchConfig
from seqtext.search.stored import override
from seqtext.suggestion import suggest


def read_options(
    options: Mapping[str, Any], stored: SearchConfig
) -> tuple[SearchConfig, Constraints]:
    """The search and the constraints of a call.

    Args:
        options: Fields of ``SearchConfig`` and ``Constraints`` by name.
        stored: What the checkpoint searches with.

    Raises:
        ConfigError: There is no such option, or see ``SearchConfig`` and ``Constraints``.
    """
    renamed = rename_arguments(options, SEARCH)
    searching, constraining = (
        [field.name for field in dataclasses.fields(kind)] for kind in (SearchConfig, Constraints)
    )
    known = [*searching, *constraining]
    if unknown := [name for name in renamed if name not in known]:
        near = suggest(unknown[0], known)
        raise ConfigError(f"no option {unknown[0]!r}; there are {', '.join(known)}{near}")
    given = {name: renamed.pop(name) for name in constraining if name in renamed}
    return override(stored, renamed), Constraints(**given)
