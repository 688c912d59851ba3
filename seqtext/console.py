"""Messages of a run to its user, printed once for all processes."""

from __future__ import annotations

import contextlib
import sys

from lightning.pytorch.utilities import rank_zero_only
from tqdm import tqdm


@rank_zero_only
def say(message: str) -> None:
    """Print a line on stderr, on the first rank only. A failure to print does not stop training."""
    with contextlib.suppress(OSError):  # the terminal may be closed, or a log's disk full
        tqdm.write(message, file=sys.stderr)  # above a progress bar, not in its line
        sys.stderr.flush()


def duration(seconds: float) -> str:
    """A duration in words.

    >>> duration(8.04), duration(75), duration(7300)
    ('8.0 s', '1 min 15 s', '2 h 1 min')
    """
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"
