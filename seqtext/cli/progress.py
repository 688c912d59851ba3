"""How far a long command is, on a terminal alone."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

T = TypeVar("T")
_KNOWN = " {percentage:3.0f}%|{bar:20}| {elapsed} spent, {remaining} left"
_UNKNOWN = " {elapsed} spent"
_DELAY = 2.0  # seconds without a bar
_EVERY = 0.1  # seconds between two states of it


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
    if not _on_terminal():
        yield from steps
        return
    with _bar("{desc}", total) as bar:
        for step in steps:
            yield step
            bar.set_description_str(f"{(count or position)():,} {what}", refresh=False)
            bar.update(position() - bar.n)


def watched_rows(rows: Iterable[T], estimate: Callable[[], int | None]) -> Iterator[T]:
    """``rows`` of a corpus, likewise.

    Args:
        rows: What a loop goes through.
        estimate: About how many there are. Called for a bar alone, since it may read a file.
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
