"""The portal as a process of its own: pages over the interface of another process. It holds no data."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable
from contextlib import AsyncExitStack

import httpx
import structlog
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from deploy.server.connections import Connections, affordable
from deploy.server.server import OPERATIONS_CONNECTIONS, listening, serving
from services.portal import application as portal
from services.portal.api import Api
from shared.hosting.metrics import Metrics
from shared.http.access_log import AccessLog, SafeAnswers
from shared.kernel.settings import Settings

LOOK = 3.0
"""Seconds in which the interface has to answer for this process to be ready."""
log = structlog.get_logger("portal")


def operations_app(client: httpx.AsyncClient, metrics: Metrics) -> Starlette:
    """Health and metrics. The process is ready while the interface answers."""

    async def livez(_request: Request) -> Response:
        return JSONResponse({"alive": True})

    async def readyz(_request: Request) -> Response:
        try:
            there = (await client.get("/livez", timeout=LOOK)).is_success
        except httpx.HTTPError:
            there = False
        reasons = [] if there else ["interface_away"]
        return JSONResponse({"ready": there, "reasons": reasons, "groups": {}, "notes": []}, 200 if there else 503)

    async def figures(_request: Request) -> Response:
        return Response(generate_latest(metrics.registry), media_type=CONTENT_TYPE_LATEST)

    return Starlette(routes=[Route("/livez", livez), Route("/readyz", readyz), Route("/metrics", figures)])


async def serve_portal(
    settings: Settings, pages: portal.Pages, ready: Callable[[int, int | None], None] = lambda _port, _ops: None
) -> None:
    """Serve until SIGTERM or SIGINT. Raises CannotListen."""
    assert settings.url is not None
    async with AsyncExitStack() as stack:
        public, operations = listening(stack, settings)
        client = await stack.enter_async_context(httpx.AsyncClient(base_url=settings.url.rstrip("/")))
        key = settings.access_key.get_secret_value() if settings.access_key else None
        metrics = Metrics()
        app = portal.build(Api(client, key), pages=pages, telephone=settings.telephone, public_url=settings.public_url)
        most = affordable(settings.connection_limit + OPERATIONS_CONNECTIONS) - OPERATIONS_CONNECTIONS
        connections = Connections(max(10, most), metrics.dropped)
        servers = [(serving(AccessLog(app, metrics), connections, settings.proxies), public)]
        if operations is not None:
            own = Connections(OPERATIONS_CONNECTIONS, metrics.dropped)
            servers.append((serving(SafeAnswers(operations_app(client, metrics)), own), operations))
        ended = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, ended.set)
        running = [asyncio.create_task(server.serve([listener])) for server, listener in servers]
        port = int(public.getsockname()[1])
        ops_port = int(operations.getsockname()[1]) if operations is not None else None
        log.info("started", port=port, ops_port=ops_port, pages=pages)
        ready(port, ops_port)
        await ended.wait()
        for server, _listener in servers:
            server.should_exit = True
        await asyncio.gather(*running)
        log.info("stopped")
