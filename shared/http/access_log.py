"""One line per request: its id, which the answer repeats (`X-Request-Id`), route, method, status, milliseconds, role; for a command
also case number and command id. No address, query, body, name or value.

It also handles unexpected errors: each becomes a problem answer and a log line with its place in the code, not its text. And it
adds the headers that every answer has."""

from __future__ import annotations

import asyncio
import time
import traceback

import structlog
import uuid_utils
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from structlog.contextvars import bind_contextvars, clear_contextvars

from shared.application.problem import problem
from shared.hosting.metrics import Metrics
from shared.http.problem_details import response

log = structlog.get_logger("http")
_METHODS = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"})
REQUEST_HEADER = b"x-request-id"
EXPIRES_HEADER = b"x-huiyin-key-expires"
"""When the access key of the request expires, if that is soon."""
CLIENT_LEFT = 499
"""Status in log and metrics of a request whose client left before it was complete. Nobody got an answer, and nothing failed."""
SAFE_HEADERS = ((b"cache-control", b"no-store"), (b"x-content-type-options", b"nosniff"))
"""Headers of every answer that does not set them otherwise: any answer may hold personal data."""


def safe(message: Message) -> None:
    """Add the headers that every answer has to the start of an answer."""
    headers = message.setdefault("headers", [])
    known = {name.lower() for name, _value in headers}
    message["headers"] = [*headers, *(header for header in SAFE_HEADERS if header[0] not in known)]


class SafeAnswers:
    """An app whose answers all have the safe headers and a request id, without a line for each in the log."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = uuid_utils.uuid7().hex
        clear_contextvars()
        bind_contextvars(request=request)

        async def watch(message: Message) -> None:
            if message["type"] == "http.response.start":
                safe(message)
                message["headers"].append((REQUEST_HEADER, request.encode()))
            await send(message)

        await self._app(scope, receive, watch)


OWN_HEAD = "/v1/uploads/"
"""Paths whose HEAD has a route of its own: it tells where an upload goes on, and begins nothing."""


class WithoutBody:
    """Sends the head of an answer to HEAD, and ends the answer there, however long the body would be."""

    def __init__(self, receive: Receive, send: Send) -> None:
        self._receive = receive
        self._send = send
        self._begun = asyncio.Event()

    async def receive(self) -> Message:
        """What the client sends; once the head has gone, that it has left: a stream without an end stops then."""
        if self._begun.is_set():
            return {"type": "http.disconnect"}
        asked = asyncio.ensure_future(self._receive())
        begun = asyncio.ensure_future(self._begun.wait())
        done, _pending = await asyncio.wait({asked, begun}, return_when=asyncio.FIRST_COMPLETED)
        begun.cancel()
        if asked in done:
            return asked.result()
        asked.cancel()
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        """The head with an empty body; nothing of the body."""
        if message["type"] == "http.response.start":
            await self._send(message)
            await self._send({"type": "http.response.body", "body": b"", "more_body": False})
            self._begun.set()


def ambiguous(scope: Scope) -> bool:
    """True for a request that states the length of its body twice, or in a way that its version of HTTP does not define: a
    proxy may see another end than this server, and the rest would be taken for a request of somebody else (RFC 9112, 6.1)."""
    names = {name for name, _value in scope["headers"]}
    return b"transfer-encoding" in names and (b"content-length" in names or scope["http_version"] == "1.0")


def _two_ends() -> Response:
    content = problem(
        400,
        "ambiguous_length",
        "The request states the length of its body twice or in an unknown encoding. Send either Content-Length"
        " or Transfer-Encoding.",
        "请求对内容长度的说明有歧义，请只发送 Content-Length 或 Transfer-Encoding 之一。",
    )
    return response(content, {"connection": "close"})


class AccessLog:
    """The outermost layer of the app."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        status = 0
        request = uuid_utils.uuid7().hex
        clear_contextvars()
        bind_contextvars(request=request)  # for every line that this request causes
        method = scope["method"] if scope["method"] in _METHODS else "(other)"
        if method == "HEAD" and not scope["path"].startswith(OWN_HEAD):  # answered as GET, without its body
            scope["method"] = "GET"
            bare = WithoutBody(receive, send)
            receive, send = bare.receive, bare.send

        async def watch(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                safe(message)
                message["headers"].append((REQUEST_HEADER, request.encode()))
                expires = scope.get("state", {}).get("key_expires")
                if expires is not None:
                    message["headers"].append((EXPIRES_HEADER, expires.encode()))
            await send(message)

        try:
            if ambiguous(scope):
                await _two_ends()(scope, receive, watch)
                return
            await self._app(scope, receive, watch)
        except asyncio.CancelledError:
            raise
        except ClientDisconnect:
            status = status or CLIENT_LEFT
        except Exception as error:
            frame = traceback.extract_tb(error.__traceback__)[-1]
            log.error(
                "unexpected", error=type(error).__name__, where=f"{frame.filename.rsplit('/', 1)[-1]}:{frame.lineno}"
            )
            if status == 0:
                content = problem(
                    500,
                    "internal_error",
                    "An unexpected error occurred and was logged. No data was lost.",
                    "系统出错，已记录，数据没有丢失。",
                )
                await response(content, scope=scope)(scope, receive, watch)
        finally:
            seconds = time.perf_counter() - started
            route = scope.get("route")
            path = getattr(route, "path_format", "(none)")
            self._metrics.answered(path, method, status, seconds)
            role = scope.get("state", {}).get("role", "-")
            log.info("request", route=path, method=method, status=status, ms=round(seconds * 1000, 1), role=role)
