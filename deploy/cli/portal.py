"""`huiyin portal`: the pages as a process of their own."""

from __future__ import annotations

import asyncio
import socket
from typing import Annotated, get_args

import typer

from deploy.cli import output as terminal
from deploy.cli.output import WRONG_USE
from deploy.server.portal import serve_portal
from deploy.server.sockets import CannotListen
from services.portal.application import Pages
from shared.hosting.log_format import configure
from shared.kernel.settings import load

PAGES: tuple[Pages, ...] = get_args(Pages)


def portal(
    pages: Annotated[str, typer.Option(help="citizen, staff or all")] = "all",
    url: Annotated[str | None, typer.Option(help="The interface, such as http://intake:8080 (or HUIYIN_URL)")] = None,
    host: Annotated[str | None, typer.Option(help="Address; any but 127.0.0.1 opens it to the network")] = None,
    port: Annotated[int | None, typer.Option(help="TCP port; 0 takes a free one", min=0, max=65535)] = None,
) -> None:
    """Full mode: the pages for citizens and staff, in a separate process. HUIYIN_ACCESS_KEY is a key of the role portal."""
    with terminal.stopping(ValueError, exit_code=WRONG_USE):
        settings = load(strict=True, url=url, host=host, port=port)
    wanted = next((one for one in PAGES if one == pages), None)
    if wanted is None:
        terminal.stop(f"--pages is one of: {', '.join(PAGES)}.", f"--pages 只能是：{'、'.join(PAGES)}。")
    if settings.url is None:
        terminal.stop(
            "Say which interface the pages ask: --url http://HOST:PORT or HUIYIN_URL.",
            "请用 --url 或 HUIYIN_URL 指明服务地址。",
        )
    configure(settings.log_level, service="portal", instance=settings.instance or socket.gethostname())

    def ready(port_: int, ops_port: int | None) -> None:
        terminal.line(f"Huiyin portal 门户   http://{settings.host}:{port_}", style="bold")
        if ops_port is not None:
            terminal.line(f"operations 运维   http://{settings.ops_host}:{ops_port}   (/readyz, /metrics)")

    with terminal.stopping(CannotListen, why_zh="端口无法使用，请更换端口（--port 或 HUIYIN_OPS_PORT）。"):
        asyncio.run(serve_portal(settings, wanted, ready))
