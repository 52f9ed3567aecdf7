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

from deploy.modes.distributed import NotReady
from shared.adapters.timed_wait import set_within
from shared.application.problem import of_error
from shared.eventstore.errors import StoreUnavailable
from shared.hosting.process import Process
from shared.http.problem_details import response

PAUSE = 1.0
"""Seconds between two attempts."""
log = structlog.get_logger("server")
Opening = Callable[[], AbstractAsyncContextManager[Process]]


async def _livez(_request: Request) -> Response:
    return JSONResponse({"alive": True})


async def _readyz(request: Request) -> Response:
    return JSONResponse({"ready": False, "reasons": [request.app.state.reason], "groups": {}, "notes": []}, 503)


async def _away(_request: Request) -> Response:
    content = of_error(StoreUnavailable("not open yet"))
    assert content is not None
    retry = content.pop("retry_after")
    return response(content, {"Retry-After": str(retry)})


def app(reason: str) -> Starlette:
    """The app that answers meanwhile; its state holds the reason."""
    every = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"]
    routes = [Route("/livez", _livez), Route("/readyz", _readyz), Route("/{any:path}", _away, methods=every)]
    made = Starlette(routes=routes)
    made.state.reason = reason
    return made


async def patiently(
    stack: AsyncExitStack, opening: Opening, public: socket.socket, serving: Callable[[Starlette], uvicorn.Server]
) -> Process | None:
    """The process, entered into `stack` as soon as its store answers. Until then an app on `public` refuses all requests.
    None if the process received a signal to end meanwhile. Raises CannotStart for a permanent problem."""
    try:
        return await stack.enter_async_context(opening())
    except NotReady as error:
        log.warning("waiting", reason=error.reason)
        meanwhile = app(error.reason)
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    server = serving(meanwhile)
    running = asyncio.create_task(server.serve([public.dup()]))
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
        server.should_exit = True
        await running
