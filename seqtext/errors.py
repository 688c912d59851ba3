"""Errors that a user can mend. The command line prints one as a message and exits with status 2."""

from __future__ import annotations

_LOST = (
    "another process of this command has ended before its work was done. Its own message says why. Without"
    " a message it was killed, perhaps for lack of memory"
)


class SeqtextError(Exception):
    """A user's mistake. The message says where it is, what was found and what was expected."""


class ConfigError(SeqtextError, ValueError):
    """An option or a combination of options cannot work."""


class DataError(SeqtextError, ValueError):
    """A corpus, file, row or line cannot be read."""


class CheckpointError(SeqtextError, ValueError):
    """A file is no checkpoint of seqtext, is damaged, or has another format."""


class LostProcessError(Exception):
    """Another process of this command ended before its work was done, or met an unforeseen error."""

    def __init__(self, message: str = _LOST) -> None:
        super().__init__(message)


class TrainingError(SeqtextError):
    """Training cannot continue, because the loss or a gradient is not finite."""
