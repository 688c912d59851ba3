"""How far a long command is, on a terminal alone."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

T = TypeVar("T")
_KNOWN = "{desc} {percentage:3.0f}%|{bar:20}| {elapsed} spent, {remaining} left"
_UNKNOWN = "{desc} {elapsed} spent"
_DELAY = 2.0  # seconds without a bar


def watched(
    steps: Iterable[T],
    what: str,
    position: Callable[[], int],
    total: int | None = None,
    *,
    count: Callable[[], int] | None = None,
) -> Iterator[T]:
    """``steps``, with a bar on standard error while they are worked on.

    Args:
        steps: What a loop goes through.
        what: What is counted.
        position: How far the loop is, in the unit of ``total``.
        total: Where it ends, if that is known.
        count: How much of ``what`` is done. Default: ``position``.
    """
    if sys.stderr is None or not sys.stderr.isatty():
        yield from steps
        return
    from tqdm import tqdm

    form = _UNKNOWN if total is None else _KNOWN
    with tqdm(total=total, delay=_DELAY, leave=False, bar_format=form, file=sys.stderr) as bar:
        for step in steps:
            yield step
            bar.set_description_str(f"{(count or position)():,} {what}", refresh=False)
            bar.update(position() - bar.n)
