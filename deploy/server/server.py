"""Serves a folder: the public app on TCP, the owner's app on a socket in the folder, in one event loop."""

from __future__ import annotations

import asyncio
import errno
import signal
import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import AsyncExitStack, closing, contextmanager

import structlog
import uvicorn
from starlette.types import ASGIApp

from deploy.api.app import build_app
from deploy.demo.county import Prepared, Progress, prepare
from deploy.modes import distributed as full
from deploy.modes.embedded import opened
from deploy.server.garbage_collector import settle
from deploy.server.startup import patiently
from deploy.storage.data_folder import Folder
from shared.events.fields import Service
from shared.eventstore.errors import StoreBroken, StoreFull
from shared.hosting.process import Process
from shared.kernel.refusals import Unavailable
from shared.kernel.settings import Settings

Ready = Callable[[Settings, int, Prepared], None]
GRACE = 10
"""Time limit in seconds for running requests when the process stops."""
log = structlog.get_logger("server")


class CannotListen(Exception):
    """The port cannot be used; the message gives the reason and the remedy."""


class Ended(Exception):
    """The process has to end without a request to do so; the message gives the reason."""


class _Server(uvicorn.Server):
    """A server without signal handlers: they are installed once for both servers."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def _server(app: ASGIApp, proxies: Sequence[str] = ()) -> _Server:
    """`proxies`: the trusted ones, whose X-Forwarded-For names the client."""
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        lifespan="off",
        server_header=False,
        proxy_headers=bool(proxies),
        forwarded_allow_ips=list(proxies),
        timeout_graceful_shutdown=GRACE,
        timeout_keep_alive=30,
    )
    return _Server(config)


def listen(host: str, port: int) -> socket.socket:
    """The public socket. Raises CannotListen."""
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        listener = socket.socket(family, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(1024)
        listener.setblocking(False)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise CannotListen(
                f"Port {port} on {host} is in use by another program. Choose another one: --port N (0 takes a free one)."
            ) from None
        raise CannotListen(f"Cannot listen on {host} port {port}: {error.strerror or 'not an address here'}.") from None
    return listener


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
        if services:  # its store may not answer: then the port reports that
            public = stack.enter_context(closing(listen(settings.host, settings.port)))
            found = await patiently(stack, lambda: full.opened(settings, services), public, _server)
            if found is None:
                return
            runtime = found
        else:
            runtime = await stack.enter_async_context(opened(settings.data, settings))
            public = stack.enter_context(closing(listen(settings.host, settings.port)))
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
        await _serve(runtime, public, private, prepared, ready)
    if runtime.unable is not None:
        raise Ended(
            f"{runtime.unable} The process ends; everything accepted is stored. Correct this, then start again."
        )
    if runtime.broken is not None:
        raise Ended(
            f"The log cannot be written safely any more ({runtime.broken}); the process ends. Everything accepted is stored."
            " Check the disk, then start again."
        )


async def _serve(
    runtime: Process, public: socket.socket, private: socket.socket, prepared: Prepared, ready: Ready | None
) -> None:
    """Serve both sockets until the process has to end."""
    port = int(public.getsockname()[1])
    servers = (
        (_server(build_app(runtime), runtime.settings.proxies), public),
        (_server(build_app(runtime, local=True)), private),
    )
    _on_signals(runtime)
    settle()
    running = [asyncio.create_task(server.serve([listener])) for server, listener in servers]
    log.info("started", port=port)
    if ready is not None:
        ready(runtime.settings, port, prepared)
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
