"""One line per request: its id, which the answer repeats (`X-Request-Id`), route, method, status, milliseconds, role; for a command
also case number and command id. No address, query, body, name or value.

It also handles unexpected errors: each becomes a problem answer and a log line with its place in the code, not its text."""

from __future__ import annotations

import asyncio
import time
import traceback

import structlog
import uuid_utils
from fastapi.routing import APIRoute
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from structlog.contextvars import bind_contextvars, clear_contextvars

from shared.application.problem import problem
from shared.hosting.metrics import Metrics
from shared.http.problem_details import response

log = structlog.get_logger("http")
_METHODS = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"})


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

        async def watch(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", ()), (b"x-request-id", request.encode())]
            await send(message)

        try:
            await self._app(scope, receive, watch)
        except asyncio.CancelledError:
            raise
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
                await response(content)(scope, receive, watch)
        finally:
            seconds = time.perf_counter() - started
            route = scope.get("route")
            path = route.path_format if isinstance(route, APIRoute) else "(none)"
            method = scope["method"] if scope["method"] in _METHODS else "(other)"
            self._metrics.answered(path, method, status, seconds)
            role = scope.get("state", {}).get("role", "-")
            log.info("request", route=path, method=method, status=status, ms=round(seconds * 1000, 1), role=role)
