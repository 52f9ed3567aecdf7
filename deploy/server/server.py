"""Serves a folder: the public app and that of operations on TCP, the owner's app on a socket in the folder, in one event loop."""

from __future__ import annotations

import asyncio
import signal
import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import AsyncExitStack, closing, contextmanager

import structlog
import uvicorn
from starlette.types import ASGIApp
from structlog.contextvars import clear_contextvars

from deploy.api.app import build_app, build_operations_app, build_owner_app
from deploy.api.site import build_site
from deploy.demo.county import Prepared, Progress, prepare
from deploy.modes import distributed as full
from deploy.modes.embedded import opened
from deploy.server.connections import HEAD_BYTES, IDLE_SECONDS, Connections, affordable
from deploy.server.sockets import WAITING, PortInUse, listen
from deploy.server.startup import patiently
from deploy.storage.data_folder import Folder
from shared.events.fields import Service
from shared.eventstore.errors import StoreBroken, StoreFull
from shared.hosting.garbage_collector import settle
from shared.hosting.process import Process
from shared.kernel.refusals import Unavailable
from shared.kernel.settings import Settings

Ready = Callable[[Settings, int, int | None, Prepared], None]
"""Called with the settings, the port of the public app, and that of operations if there is one."""
GRACE = 10
"""Time limit in seconds for running requests when the process stops."""
ACCEPTED_AT_ONCE = 32
"""Connections that are accepted before other work goes on; more would exceed the limit of open files for a moment."""
OPERATIONS_CONNECTIONS = 100
log = structlog.get_logger("server")


class Ended(Exception):
    """The process has to end without a request to do so; the message gives the reason."""


class _Server(uvicorn.Server):
    """A server without signal handlers: they are installed once for all servers."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        for listener in sockets or ():
            listener.listen(WAITING)  # uvicorn lets no more wait than it accepts at once


def serving(app: ASGIApp, connections: Connections | None = None, proxies: Sequence[str] = ()) -> _Server:
    """Args:
    connections: The limits of the connections; None for the socket of the owner.
    proxies: The trusted ones, whose X-Forwarded-For names the client.
    """
    config = uvicorn.Config(
        app,
        http="h11" if connections is None else connections.protocol(),  # type: ignore[arg-type]
        ws="none",
        backlog=ACCEPTED_AT_ONCE,
        h11_max_incomplete_event_size=HEAD_BYTES,
        log_config=None,
        access_log=False,
        lifespan="off",
        server_header=False,
        proxy_headers=bool(proxies),
        forwarded_allow_ips=list(proxies),
        timeout_graceful_shutdown=GRACE,
        timeout_keep_alive=IDLE_SECONDS,
    )
    return _Server(config)


async def serve_folder(
    settings: Settings,
    *,
    services: Sequence[Service] = (),
    sample: bool = False,
    progress: Progress | None = None,
    ready: Ready | None = None,
) -> None:
    """Serve until SIGTERM or SIGINT: everything from the folder, or these `services` of the full mode.

    Raises FolderProblem, CannotListen, CannotStart, and Ended when the log broke or the process cannot continue."""
    folder = Folder(settings.data)
    async with AsyncExitStack() as stack:
        if services:  # its store may not answer: then the ports report that
            public, operations = listening(stack, settings)
            found = await patiently(stack, lambda: full.opened(settings, services), public, operations, _limited)
            if found is None:
                return
            runtime = found
        else:
            runtime = await stack.enter_async_context(opened(settings.data, settings))
            public, operations = listening(stack, settings)
        private = stack.enter_context(closing(await asyncio.to_thread(folder.listen)))
        stack.callback(folder.socket_path.unlink, missing_ok=True)
        try:
            prepared = await prepare(runtime, folder, wanted=sample, progress=progress)
        except StoreFull:
            raise Ended("There is no space for the first data. Free some space, then start again.") from None
        except StoreBroken as error:
            raise Ended(f"The log cannot be written ({error}). Check the disk, then start again.") from None
        except Unavailable as error:
            raise Ended(f"The first data cannot be loaded: {error.detail}") from None
        await _serve(runtime, public, operations, private, prepared, ready, pages=not services)
    if runtime.unable is not None:
        raise Ended(
            f"{runtime.unable} The process ends; everything accepted is stored. Correct this, then start again."
        )
    if runtime.broken is not None:
        raise Ended(
            f"The log cannot be written safely any more ({runtime.broken}); the process ends. Everything accepted is stored."
            " Check the disk, then start again."
        )


def listening(stack: AsyncExitStack, settings: Settings) -> tuple[socket.socket, socket.socket | None]:
    """The sockets of the public app and of operations. Raises CannotListen.

    Where no port of operations was chosen and the usual one is in use, a free one is taken: several processes on one machine
    need no setting."""
    public = stack.enter_context(closing(listen(settings.host, settings.port, "--port N (0 takes a free one)")))
    port = settings.operations_port
    if port is None:
        return public, None
    option = "HUIYIN_OPS_PORT=N (0 takes a free one, off none)"
    try:
        operations = listen(settings.ops_host, port, option)
    except PortInUse:
        if "ops_port" in settings.model_fields_set:
            raise
        operations = listen(settings.ops_host, 0, option)
        log.warning("ops_port_in_use", port=port)
    return public, stack.enter_context(closing(operations))


def _limited(app: ASGIApp) -> _Server:
    """A server before the process runs."""
    return serving(app, Connections(affordable(OPERATIONS_CONNECTIONS)))


async def _serve(
    runtime: Process,
    public: socket.socket,
    operations: socket.socket | None,
    private: socket.socket,
    prepared: Prepared,
    ready: Ready | None,
    *,
    pages: bool,
) -> None:
    """Serve all sockets until the process has to end. `pages`: also those for people, on the public port."""
    settings, dropped = runtime.settings, runtime.metrics.dropped
    most = affordable(settings.connection_limit + OPERATIONS_CONNECTIONS) - OPERATIONS_CONNECTIONS
    port = int(public.getsockname()[1])
    runtime.pages_port = port if pages else None
    interface = build_app(runtime)
    app = build_site(runtime, interface) if pages else interface
    servers = [
        (serving(app, Connections(max(10, most), dropped), settings.proxies), public),
        (serving(build_owner_app(runtime, interface)), private),
    ]
    ops_port = None
    if operations is not None:
        ops_port = int(operations.getsockname()[1])
        own = Connections(OPERATIONS_CONNECTIONS, dropped)
        servers.append((serving(build_operations_app(runtime), own), operations))
    _on_signals(runtime)
    settle()
    running = [asyncio.create_task(server.serve([listener])) for server, listener in servers]
    clear_contextvars()  # the sample was loaded in this task, and its last case is not about the start
    log.info("started", port=port, ops_port=ops_port)
    if ready is not None:
        ready(settings, port, ops_port, prepared)
    await runtime.ended.wait()
    runtime.stopping = True
    runtime.tell()
    for server, _listener in servers:
        server.should_exit = True
    await asyncio.gather(*running)
    log.info("stopped")


def _on_signals(runtime: Process) -> None:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, runtime.ended.set)
