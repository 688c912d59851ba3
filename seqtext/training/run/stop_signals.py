"""A signal as a wish to stop in good order."""

from __future__ import annotations

import signal
from types import FrameType

from seqtext import signals
from seqtext.console import say


class StopSignals:
    """Notes the first signal that asks to stop. The second one ends the process at once."""

    def __init__(self) -> None:
        self.came = 0  # the signal's number
        self._handlers: signals.Handlers = {}

    def listen(self) -> None:
        """Note signals from now on."""
        self._handlers = signals.listen(self._note)

    def _note(self, number: int, frame: FrameType | None) -> None:
        self.came = number
        self.leave()
        name = signals.name_of(number)
        say(f"\n{name}: stopping after this batch. A second {name} stops at once and saves nothing")

    def leave(self) -> None:
        """Leave signals as they were. Ctrl-C then interrupts, also where a shell had it ignored."""
        if signal.SIGINT in self._handlers:
            self._handlers[signal.SIGINT] = signal.default_int_handler
        signals.restore(self._handlers)
        self._handlers = {}
