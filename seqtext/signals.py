"""The signals that ask a command to stop."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from types import FrameType

# SIGINT is Ctrl-C. A scheduler sends SIGTERM. A closed terminal or ssh connection sends SIGHUP, which
# Windows does not have.
NUMBERS = tuple(
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
)
Handler = Callable[[int, FrameType | None], None]
Handlers = dict[int, Callable[[int, FrameType | None], object] | int | None]  # by number


class Stopped(KeyboardInterrupt):
    """A signal has stopped this process in good order.

    The exit status is 128 + ``number``, as shells have it.

    Args:
        number: Number of the signal.
    """

    def __init__(self, number: int) -> None:
        super().__init__()
        self.status = 128 + number


def name_of(number: int) -> str:
    """The usual name of a signal.

    >>> name_of(signal.SIGINT), name_of(signal.SIGTERM)
    ('Ctrl-C', 'SIGTERM')
    """
    return "Ctrl-C" if number == signal.SIGINT else signal.Signals(number).name


def listen(handler: Handler) -> Handlers:
    """Call ``handler`` for each of the signals. Outside the main thread this does nothing.

    Returns:
        The handlers until now, for ``restore``.
    """
    if threading.current_thread() is not threading.main_thread():
        return {}
    # nohup has SIGHUP ignored, so that the command outlives its terminal. A handler would undo that.
    kept = [n for n in NUMBERS if n == signal.SIGINT or signal.getsignal(n) != signal.SIG_IGN]
    return {number: signal.signal(number, handler) for number in kept}


def restore(handlers: Handlers) -> None:
    """Set the handlers that were there before ``listen``."""
    for number, handler in handlers.items():
        signal.signal(number, handler)
