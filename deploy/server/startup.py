"""Serves while the store does not answer yet: every request is refused, and readiness gives the reason."""

from __future__ import annotations

import asyncio
import signal
import socket
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack

import structlog
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from deploy.modes.distributed import NotReady
from shared.adapters.timed_wait import set_within
from shared.application.problem import of_error
from shared.eventstore.errors import StoreUnavailable
from shared.hosting.process import Process
from shared.http.access_log import SafeAnswers
from shared.http.problem_details import response

PAUSE = 1.0
"""Seconds between two attempts."""
log = structlog.get_logger("server")
Opening = Callable[[], AbstractAsyncContextManager[Process]]


async def _livez(_request: Request) -> Response:
    return JSONResponse({"alive": True})


async def _readyz(request: Request) -> Response:
    return JSONResponse({"ready": False, "reasons": [request.app.state.reason], "groups": {}, "notes": []}, 503)


async def _away(request: Request) -> Response:
    content = of_error(StoreUnavailable("not open yet"))
    assert content is not None
    retry = content.pop("retry_after")
    return response(content, {"Retry-After": str(retry)}, scope=request.scope)


def app(reason: str, *, operations: bool = False) -> Starlette:
    """The app that answers meanwhile; its state holds the reason. Only that of `operations` tells it."""
    every = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"]
    routes = [Route("/livez", _livez), Route("/{any:path}", _away, methods=every)]
    if operations:
        routes.insert(1, Route("/readyz", _readyz))
    made = Starlette(routes=routes)
    made.state.reason = reason
    return made


async def patiently(
    stack: AsyncExitStack,
    opening: Opening,
    public: socket.socket,
    operations: socket.socket | None,
    serving: Callable[[ASGIApp], uvicorn.Server],
) -> Process | None:
    """The process, entered into `stack` as soon as its store answers. Until then an app on `public` refuses all requests, and one
    on `operations` also tells why. None if the process received a signal to end meanwhile. Raises CannotStart for a permanent
    problem."""
    try:
        return await stack.enter_async_context(opening())
    except NotReady as error:
        log.warning("waiting", reason=error.reason)
        meanwhile = app(error.reason, operations=True)
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    apps = [(app(meanwhile.state.reason), public), *([(meanwhile, operations)] if operations is not None else [])]
    servers = [(serving(SafeAnswers(one)), listener) for one, listener in apps]
    running = [asyncio.create_task(server.serve([listener.dup()])) for server, listener in servers]
    try:
        while not stopping.is_set():
            if await set_within(stopping, PAUSE):
                break
            try:
                return await stack.enter_async_context(opening())
            except NotReady as error:
                meanwhile.state.reason = error.reason
        return None
    finally:
        for server, _listener in servers:
            server.should_exit = True
        await asyncio.gather(*running)
