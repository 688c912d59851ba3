"""A server from start to stop."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import signal
import socket
import sys
from collections.abc import Callable
from types import FrameType

import uvicorn

from seqtext import signals
from seqtext.errors import ConfigError
from seqtext.serving.app import App
from seqtext.serving.config import ServingConfig, is_local
from seqtext.serving.connections import protocol_for
from seqtext.serving.messages import Description, ModelPlace
from seqtext.serving.metrics import Metrics
from seqtext.serving.queue import Queue
from seqtext.serving.requests import DescribeUnknown, RequestReader
from seqtext.serving.workers import Worker, start_workers

_OTHER_FILES = 64  # beside connections
_ANSWER = 5  # seconds to send an answer that has been computed


def serve(
    place: ModelPlace,
    host: str,
    config: ServingConfig,
    describe_unknown: DescribeUnknown,
    started: Callable[[str, Description], None],
) -> None:
    """Serve a model until a signal asks to stop. What has been accepted by then is answered.

    Args:
        place: The model.
        host: Address to listen on.
        config: Port, workers, limits.
        describe_unknown: Makes the message about an unknown option.
        started: Called with the address of the server and its model, when both are ready.

    Raises:
        ConfigError: The address is not free, or is none.
        SeqtextError: The model cannot be loaded.
        LostProcessError: A worker has ended while it loaded the model.
        Stopped: A signal has come before the model was loaded, or Ctrl-C for the second time.
    """
    server: uvicorn.Server | None = None

    def stop(number: int, frame: FrameType | None) -> None:
        if server is None:
            raise signals.Stopped(number)
        server.should_exit = True

    handlers = signals.listen(stop)
    try:
        with contextlib.closing(_bind(host, config.port)) as listener:
            most = _allow_files(config.max_connections)
            config = dataclasses.replace(config, max_connections=most)
            workers, model = start_workers(place, config.workers)
            server = _build(workers, model, host, config, describe_unknown)
            listener.listen(_backlog(config))
            port = listener.getsockname()[1]
            started(f"http://{f'[{host}]' if ':' in host else host}:{port}/", model)
            asyncio.run(_run(server, listener))
    finally:
        signals.restore(handlers)
    if server.force_exit:
        raise signals.Stopped(signal.SIGINT)


async def _run(server: uvicorn.Server, listener: socket.socket) -> None:
    await server.serve([listener])
    if server.force_exit:  # a second Ctrl-C: uvicorn leaves all as it is
        waiting = server.server_state.tasks
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
        await server.lifespan.shutdown()


def _build(
    workers: list[Worker],
    model: Description,
    host: str,
    config: ServingConfig,
    describe_unknown: DescribeUnknown,
) -> uvicorn.Server:
    metrics = Metrics()
    queue = Queue(workers, model, config, metrics)
    reader = RequestReader(model, config, describe_unknown)
    app = App(queue, reader, model, config, metrics, local=is_local(host))
    options = uvicorn.Config(
        app.build(),
        http=protocol_for(config),
        ws="none",
        lifespan="on",
        log_level="error",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        backlog=_backlog(config),
        timeout_graceful_shutdown=int(config.client_timeout + config.timeout) + _ANSWER,
    )
    server = uvicorn.Server(options)
    metrics.watch("connections", lambda: len(server.server_state.connections))
    return server


def _backlog(config: ServingConfig) -> int:
    """Connections that may wait to be accepted."""
    return min(config.max_connections, 4_096)


def _bind(host: str, port: int) -> socket.socket:
    """A socket at the address, on which nothing is accepted yet.

    Raises:
        ConfigError: The address is not free, or is none.
    """
    try:
        [(family, kind, protocol, _, address), *_] = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
        listener = socket.socket(family, kind, protocol)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(address)
        except OSError:
            listener.close()
            raise
    except OSError as error:
        reason = error.strerror or str(error)
        raise ConfigError(
            f"--port {port}: cannot listen on {host} ({reason}). Choose another --port or --host"
        ) from error
    return listener


def _allow_files(connections: int) -> int:
    """Raise the limit of open files, if it is too low for the connections. Not on Windows.

    Returns:
        The connections that the system allows.
    """
    if sys.platform == "win32":
        return connections
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted, endless = connections + _OTHER_FILES, resource.RLIM_INFINITY
    if soft == endless or soft >= wanted:
        return connections
    allowed = wanted if hard == endless else min(hard, wanted)
    resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
    return max(1, allowed - _OTHER_FILES)
