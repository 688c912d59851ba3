"""Errors that a user can mend."""


class RuntimeModelError(ValueError):
    """A folder holds no exported model, an option cannot work, or an input is no text."""
