"""Options of a server. Importing this loads no torch, so a command line can read it."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import Annotated

from seqtext.values import Positive, Range, check_fields

_Seconds = Annotated[float, Range(most=86_400, above=0)]


@dataclass(frozen=True, kw_only=True)
class ServingConfig:
    """How a server works, and what it refuses. The command line takes its flags from these fields.

    Args:
        port: TCP port to listen on. 0 takes a free one, and a message says which.
        workers: Number of processes that compute. Each has the model and one thread.
        batch_size: Most texts that a worker computes together. Changes the speed, not the result.
        max_texts: Most texts of a request.
        max_characters: Most characters of a text, also of a phrase in a constraint.
        max_hypotheses: Most hypotheses of a search, as ``beam_size`` or ``samples`` of a request.
        max_body: Most bytes of a request's body.
        max_queue: Most requests that wait for a worker. Others are refused, and may be sent again.
        max_connections: Most connections at a time, fewer where the system allows fewer open files.
        client_timeout: Seconds that a client has to send a request.
        timeout: Seconds in which a request is answered, or else refused.

    Raises:
        ConfigError: A value is of another type or out of range.
    """

    port: Annotated[int, Range(0, 65_535)] = 8000
    workers: Annotated[int, Range(1, 1_000)] = 1
    batch_size: Annotated[int, Range(1, 10_000)] = 32
    max_texts: Positive = 64
    max_characters: Positive = 5_000
    max_hypotheses: Positive = 100
    max_body: Positive = 1_000_000
    max_queue: Positive = 256
    max_connections: Annotated[int, Range(1, 100_000)] = 2_000
    client_timeout: _Seconds = 10.0
    timeout: _Seconds = 60.0

    def __post_init__(self) -> None:
        check_fields(self)


def is_local(host: str) -> bool:
    """Whether only this machine can reach a server at an address."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"
