"""The paths of the server, and what is answered there."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
import time
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from pathlib import Path

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.requests import Request as HttpRequest
from starlette.responses import Response
from starlette.routing import Route

from seqtext.errors import CheckpointError, SeqtextError
from seqtext.inference.records import Fields
from seqtext.serving.config import ServingConfig, is_local
from seqtext.serving.messages import Description, Task
from seqtext.serving.metrics import Metrics
from seqtext.serving.openapi import describe_model, describe_paths
from seqtext.serving.queue import Queue
from seqtext.serving.refusals import RefusedError, refuse_busy
from seqtext.serving.requests import ROWS, RequestReader

_PAGE = Path(__file__).with_name("page.html")
_PAGE_HEADERS = {  # the page loads nothing from elsewhere
    "Content-Security-Policy": "default-src 'none'; connect-src 'self'; style-src 'unsafe-inline';"
    " script-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none';"
    " frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
}
Handler = Callable[[HttpRequest], Awaitable[Response]]


class App:
    """Answers requests with the help of a queue.

    Args:
        queue: Computes answers.
        reader: Reads bodies.
        model: What is served.
        config: What is refused.
        metrics: Counts answers.
        local: Whether only this machine can reach the server.
    """

    def __init__(
        self,
        queue: Queue,
        reader: RequestReader,
        model: Description,
        config: ServingConfig,
        metrics: Metrics,
        *,
        local: bool,
    ) -> None:
        self._queue, self._reader, self._config, self._metrics = queue, reader, config, metrics
        self._local = local
        self._described = describe_model(model, config)
        self._openapi = describe_paths(model, config)

    def build(self) -> Starlette:
        """The application, for an ASGI server. Workers compute while it runs."""
        shown: dict[str, Handler] = {
            "/": self._show_page,
            "/health": self._tell_health,
            "/metrics": self._tell_metrics,
            "/model": self._tell_model,
            "/openapi.json": self._tell_openapi,
        }
        routes = [
            Route(path, self._counted(path, handler), methods=["GET"])
            for path, handler in shown.items()
        ]
        routes += [
            Route(f"/{task}", self._counted(f"/{task}", self._computing(task)), methods=["POST"])
            for task in ROWS
        ]

        @contextlib.asynccontextmanager
        async def lifespan(app: Starlette) -> AsyncIterator[None]:
            async with self._queue.running():
                yield

        app = Starlette(
            routes=routes,
            lifespan=lifespan,
            exception_handlers={HTTPException: self._tell_wrong_path},
        )
        app.router.redirect_slashes = False  # to a host that the client names
        return app

    def _counted(self, path: str, handler: Handler) -> Handler:
        """A handler that turns errors into answers, and counts these."""

        async def handle(request: HttpRequest) -> Response:
            start = time.perf_counter()
            try:
                self._check_host(request)
                response = await handler(request)
            except (SeqtextError, RefusedError) as error:
                response = _error(error)
            except ClientDisconnect:
                response = Response(status_code=499)  # nobody reads it
            except asyncio.CancelledError:
                response = _error(refuse_busy("the server ends before this is answered"))
            except Exception:
                traceback.print_exc(file=sys.stderr)
                response = _json({"error": "the server has failed. Its log says why"}, 500)
            seconds = time.perf_counter() - start
            self._metrics.count_answer(path, response.status_code, seconds)
            return response

        return handle

    def _check_host(self, request: HttpRequest) -> None:
        """Refuse a web page of another server, whose name leads to this machine.

        Raises:
            RefusedError: The browser names such a server.
        """
        host = request.headers.get("host", "")
        name = host[1:].partition("]")[0] if host.startswith("[") else host.partition(":")[0]
        if self._local and name and not is_local(name):
            raise RefusedError(
                421,
                f"Host {host:.80}: this server answers this machine alone. Have a web server in front of it"
                " send Host: localhost, or start it with --host",
            )

    async def _tell_wrong_path(self, request: HttpRequest, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        self._metrics.count_answer("other", error.status_code)
        paths = ["/health", "/metrics", "/model", "/openapi.json"]
        paths += [f"/{task}" for task in self._described["tasks"]]
        message = (
            f"{request.method} {request.url.path:.80}: no such path; there are {', '.join(paths)}"
        )
        if error.status_code == 405:
            allowed = (error.headers or {}).get("Allow", "")
            message = f"{request.method} {request.url.path}: expected the method {allowed}"
        return _json({"error": message}, error.status_code, error.headers)

    # --- what is computed -----------------------------------------------------------------------------------

    def _computing(self, task: Task) -> Handler:
        async def compute(request: HttpRequest) -> Response:
            # browsers say so of other pages, which could make the model compute without end
            if request.headers.get("sec-fetch-site") in ("cross-site", "same-site"):
                raise RefusedError(403, "a web page of another server has sent this")
            asked = self._reader.read(task, await self._read_body(request))
            if not asked.rows:
                return _json({"results": []})
            computed = asyncio.ensure_future(self._queue.answer(asked))
            gone = asyncio.ensure_future(_disconnected(request))
            try:
                await asyncio.wait([computed, gone], return_when=asyncio.FIRST_COMPLETED)
                if not computed.done():
                    raise ClientDisconnect
                answers = computed.result()
            finally:
                for waiting in (computed, gone):
                    waiting.cancel()
                await asyncio.gather(computed, gone, return_exceptions=True)
            pairs = zip(asked.shown, answers, strict=True)
            return _json({"results": [{**shown, **own} for shown, own in pairs]})

        return compute

    async def _read_body(self, request: HttpRequest) -> bytes:
        """The body of a request.

        Raises:
            RefusedError: It is too large, or does not arrive in time.
        """
        most, seconds = self._config.max_body, self._config.client_timeout
        too_large = RefusedError(413, f"body: expected at most {most:,} bytes. Send fewer texts")
        length = request.headers.get("content-length", "0")
        if length.isdecimal() and int(length) > most:
            raise too_large
        body = bytearray()
        try:
            async with asyncio.timeout(seconds):
                async for part in request.stream():
                    body += part
                    if len(body) > most:
                        raise too_large
        except TimeoutError:
            message = f"body: did not arrive within {seconds:g} s"
            raise RefusedError(408, message, {"Connection": "close"}) from None
        return bytes(body)

    # --- what is shown --------------------------------------------------------------------------------------

    async def _show_page(self, request: HttpRequest) -> Response:
        text = _PAGE.read_text(encoding="utf-8")
        return Response(text, media_type="text/html", headers=_PAGE_HEADERS)

    async def _tell_health(self, request: HttpRequest) -> Response:
        if ready := self._queue.ready:
            return _json({"status": "ok", "workers": ready})
        return _json({"error": "no worker has the model"}, 503)

    async def _tell_metrics(self, request: HttpRequest) -> Response:
        return Response(self._metrics.render(), headers={"Content-Type": Metrics.content_type})

    async def _tell_model(self, request: HttpRequest) -> Response:
        return _json(self._described)

    async def _tell_openapi(self, request: HttpRequest) -> Response:
        return _json(self._openapi)


async def _disconnected(request: HttpRequest) -> None:
    """Wait until the client has gone."""
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _json(content: Fields, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    # a client may have sent half a character. JSON writes it as Python does: \\ud800
    text = json.dumps(content, ensure_ascii=False).encode(errors="backslashreplace")
    return Response(
        text, status, {"X-Content-Type-Options": "nosniff", **(headers or {})}, "application/json"
    )


def _error(error: Exception) -> Response:
    """The answer that tells an error."""
    if isinstance(error, RefusedError):
        return _json({"error": str(error)}, error.status, error.headers)
    # a network whose outputs are no numbers is no mistake of the client
    return _json({"error": str(error)}, 500 if isinstance(error, CheckpointError) else 422)
