"""Connections of clients: how many there may be, and how long they may say nothing."""

from __future__ import annotations

import asyncio
import http
import json
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from seqtext.serving.config import ServingConfig


class LimitedProtocol(H11Protocol):
    """A connection of uvicorn with limits.

    uvicorn waits for the head of a request without an end. So a client that sends it byte by byte, or
    nothing at all, would keep its connection for ever.
    """

    limits: ServingConfig
    _look: asyncio.TimerHandle | None = None
    _seen: object = None  # the last request when the connection was looked at
    _refused = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._refused = len(self.connections) > self.limits.max_connections
        self._look = self.loop.call_later(self.limits.client_timeout, self._end_if_idle)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._look is not None:
            self._look.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._refused:  # not before: a client that still sends may miss an earlier answer
            self._send_error(503, "too many connections. Send this again later")
        else:
            super().data_received(data)

    def send_400_response(self, msg: str) -> None:
        self._send_error(400, "this is no HTTP request that can be read")

    def _send_error(self, status: int, message: str) -> None:
        body = json.dumps({"error": message}).encode()
        headers = [
            (b"content-type", b"application/json"),
            (b"content-length", str(len(body)).encode()),
            (b"connection", b"close"),
        ]
        reason = http.HTTPStatus(status).phrase.encode()
        if self.conn.our_state is h11.IDLE or self.conn.our_state is h11.SEND_RESPONSE:
            events: list[Any] = [
                h11.Response(status_code=status, headers=headers, reason=reason),
                h11.Data(data=body),
                h11.EndOfMessage(),
            ]
            for event in events:
                self.transport.write(self.conn.send(event) or b"")
        self.transport.close()

    def _end_if_idle(self) -> None:
        answered = self.cycle is None or self.cycle.response_complete
        if self._refused or (answered and self.cycle is self._seen):
            self.transport.abort()  # a client that reads nothing would keep it open
            return
        self._seen = self.cycle
        self._look = self.loop.call_later(self.limits.client_timeout, self._end_if_idle)


def protocol_for(config: ServingConfig) -> type[LimitedProtocol]:
    """The protocol of connections with the limits of ``config``."""
    return type("Connection", (LimitedProtocol,), {"limits": config})
