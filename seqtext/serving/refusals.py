"""Why the server refuses a request: the HTTP status and a message."""

from __future__ import annotations

from collections.abc import Mapping


class RefusedError(Exception):
    """A request that is not answered as its client asks.

    Args:
        status: HTTP status.
        message: What is wrong, and what to do.
        headers: Further headers of the answer.
    """

    def __init__(self, status: int, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.status, self.headers = status, dict(headers or {})


def refuse_busy(message: str) -> RefusedError:
    """A refusal of what may be sent again."""
    return RefusedError(503, message, {"Retry-After": "1"})
