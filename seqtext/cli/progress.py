"""Show the progress of a long command, on a terminal only."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

T = TypeVar("T")
_KNOWN = " {percentage:3.0f}%|{bar:20}| {elapsed} spent, {remaining} left"
_UNKNOWN = " {elapsed} spent"
_DELAY = 2.0  # seconds without a bar
_EVERY = 0.1  # seconds between two updates of the bar


def watched(
    steps: Iterable[T],
    what: str,
    position: Callable[[], int],
    total: int | None = None,
    *,
    count: Callable[[], int] | None = None,
) -> Iterator[T]:
    """``steps``, with a progress bar on standard error.

    Args:
        steps: The iterations of a loop.
        what: Name of the things that are counted.
        position: Returns how far the loop is, in the unit of ``total``.
        total: The position at the end, if it is known.
        count: Returns how many of ``what`` are done. Default: ``position``.
    """
    if not _on_terminal():
        yield from steps
        return
    with _bar("{desc}", total) as bar:
        for step in steps:
            yield step
            bar.set_description_str(f"{(count or position)():,} {what}", refresh=False)
            bar.update(position() - bar.n)


def watched_rows(rows: Iterable[T], estimate: Callable[[], int | None]) -> Iterator[T]:
    """``rows`` of a corpus, with a progress bar on standard error.

    Args:
        rows: The iterations of a loop.
        estimate: Returns about how many rows the corpus has. It may read a file, so only a bar calls it.
    """
    if not _on_terminal():
        yield from rows
        return
    with _bar("{n:,} rows", estimate()) as bar:
        for row in rows:
            yield row
            bar.update()


def _on_terminal() -> bool:
    return sys.stderr is not None and sys.stderr.isatty()


def _bar(count: str, total: int | None) -> Any:
    from tqdm import tqdm

    form = count + (_UNKNOWN if total is None else _KNOWN)
    return tqdm(
        total=total, delay=_DELAY, mininterval=_EVERY, leave=False, bar_format=form, file=sys.stderr
    )
