"""What a user can do wrong. The command line prints these as one message and exits with status 2."""

from __future__ import annotations


class SeqtextError(Exception):
    """A mistake in what the user gave: where it is, what was found, what was expected."""


class ConfigError(SeqtextError, ValueError):
    """An option, or a combination of options, that cannot work."""


class DataError(SeqtextError, ValueError):
    """A corpus, file, row or line that cannot be read as what it should be."""


class CheckpointError(SeqtextError, ValueError):
    """A file that is no checkpoint of this project, is damaged, or is of another format."""


class TrainingError(SeqtextError):
    """Training cannot go on: the loss or a gradient is no number."""
