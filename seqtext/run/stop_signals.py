"""Ctrl-C and SIGTERM as a wish to stop in good order."""

from __future__ import annotations

import signal
import threading
from typing import Any

from seqtext.console import say


class StopSignals:
    """Notes the first Ctrl-C or SIGTERM. The second one ends the process at once."""

    def __init__(self) -> None:
        self.came = False
        self._handlers: dict[int, Any] = {}

    def listen(self) -> None:
        """Note signals from now on."""
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                self._handlers[number] = signal.signal(number, self._note)

    def _note(self, number: int, frame: Any) -> None:
        self.came = True
        self.leave()
        say("\nstopping after this batch; a second Ctrl-C stops at once and saves nothing")

    def leave(self) -> None:
        """Leave signals as they were."""
        for number, handler in self._handlers.items():
            signal.signal(
                number, signal.default_int_handler if number == signal.SIGINT else handler
            )
        self._handlers = {}
