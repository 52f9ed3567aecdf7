"""`huiyin serve`: services in this process, in the foreground."""

from __future__ import annotations

import asyncio
import shlex
import shutil
import socket
import sys
from pathlib import Path
from typing import Annotated
from urllib.parse import quote

import typer
from rich.progress import BarColumn, Progress, TextColumn

from deploy.cli import output as terminal
from deploy.cli.client import stopping_for_folder
from deploy.cli.options import Data
from deploy.cli.output import REFUSED, WRONG_USE
from deploy.demo.county import Prepared
from deploy.modes.composition import SERVICES
from deploy.modes.distributed import CannotStart
from deploy.server.server import Ended, serve_folder
from deploy.server.sockets import CannotListen
from shared.hosting.log_format import configure
from shared.kernel.settings import Settings, load

STEPS = (
    "submit --item {item} --place dh-yl --subject 0102 --text '楼道漏水两个月无人处理'",
    "act web:{item} sign_off --as organisation:zj",
    "act web:{item} accept path=6 --as organisation:zj",
    "act web:{item} serve_notice kind=acceptance mode=in_person --as organisation:zj",
    "act web:{item} decide result=explained basis=物业管理条例 text=已责成维修 --as organisation:zj",
    "act web:{item} deliver_reply mode=in_person --as organisation:zj",
    "act web:{item} evaluate object=organisation grade=satisfied evidence=signed_form reference=2026-001 --as registrar:xfj",
    "act web:{item} close kind=explained --as registrar:xfj",
)
"""The life of a new complaint in the demo county, from filing to closing."""


def first_steps(item: str) -> list[str]:
    """The eight commands for another terminal in which the line of prepare_shell() was executed."""
    return [f"huiyin {step.format(item=item)}" for step in STEPS]


def prepare_shell(data: Path) -> str:
    """One line with which another terminal finds this program and this data folder."""
    program = Path(sys.argv[0]).absolute()
    found = shutil.which("huiyin")
    missing = program.name == "huiyin" and (found is None or Path(found).resolve() != program.resolve())
    path = f"PATH={shlex.quote(str(program.parent))}:$PATH " if missing else ""
    return f"export {path}HUIYIN_DATA={shlex.quote(str(data.resolve()))}"


def serve(
    service: Annotated[
        str | None, typer.Argument(help="Full mode: intake, routing, supervision, analytics or all. Default: embedded")
    ] = None,
    host: Annotated[str | None, typer.Option(help="Address; any but 127.0.0.1 opens it to the network")] = None,
    port: Annotated[int | None, typer.Option(help="TCP port; 0 takes a free one", min=0, max=65535)] = None,
    sample: Annotated[str, typer.Option(help="yes: load the demo county and its sample cases once; no")] = "no",
    data: Data = None,
) -> None:
    """Start Huiyin. Ctrl-C stops it gracefully."""
    with terminal.stopping(ValueError, exit_code=WRONG_USE):
        settings = load(strict=True, data=data, host=host, port=port)
    if sample not in ("yes", "no"):
        terminal.stop("--sample is yes or no.", "--sample 只能是 yes 或 no。")
    if service is not None and service not in (*SERVICES, "all"):
        terminal.stop(f"Choose one of: {', '.join(SERVICES)}, all.", f"请选择：{'、'.join(SERVICES)}、all。")
    services = SERVICES if service == "all" else tuple(one for one in SERVICES if one == service)
    configure(settings.log_level, service=service or "all", instance=settings.instance or socket.gethostname())
    try:
        with (
            stopping_for_folder(),
            terminal.stopping(CannotStart, exit_code=WRONG_USE),
            terminal.stopping(CannotListen, why_zh="端口无法使用，请更换端口（--port 或 HUIYIN_OPS_PORT）。"),
            terminal.stopping(Ended, why_zh="服务已停止，已受理的数据均已保存。"),
            Progress(
                TextColumn("loading the sample 载入示例"), BarColumn(), console=terminal.err, transient=True
            ) as bar,
        ):
            task = bar.add_task("", total=None, visible=False)

            def progress(done: int, all_: int) -> None:
                bar.update(task, completed=done, total=all_, visible=done < all_)

            def ready(used: Settings, port_: int, ops_port: int | None, prepared: Prepared) -> None:
                bar.stop()
                _welcome(used, port_, ops_port, prepared)

            asyncio.run(
                serve_folder(settings, services=services, sample=sample == "yes", progress=progress, ready=ready)
            )
    except KeyboardInterrupt:
        raise typer.Exit(REFUSED) from None


def _welcome(settings: Settings, port: int, ops_port: int | None, prepared: Prepared) -> None:
    """Print the addresses, the demo keys and the first steps."""
    say = terminal.line
    here = settings.host in ("127.0.0.1", "::1", "localhost")
    site = f"http://{'localhost' if here else settings.host}:{port}"
    say(f"Huiyin 回音   {site}   (API: /openapi.json)", style="bold")
    if ops_port is not None:
        say(f"operations 运维   http://{settings.ops_host}:{ops_port}   (/readyz, /metrics)")
    say(f"data folder 数据文件夹: {settings.data.resolve()}")
    if not here:
        say(
            "The server accepts connections from the network: put a TLS proxy in front of it. 正在监听外部网络，请在前端启用 TLS。",
            style="yellow",
        )
    if prepared.invitations:
        say("\nto sign in, one link for each person, to be used once 登录链接，每人一个，限用一次:")
        for name, invitation in prepared.invitations:
            say(f"  {name:<22} {site}/join#{quote(invitation, safe='~')}")
    if prepared.keys:
        say("\ndemo keys 演示密钥 (Authorization: Bearer …):")
        for name, key in prepared.keys:
            say(f"  {name:<22} {key}")
    if prepared.demo:
        say("\nFrom a new complaint to closed, in another terminal 在另一终端逐行执行，一件诉求从登记到办结:")
        say(f"  {prepare_shell(settings.data)}")
        for step in first_steps(prepared.item):
            say(f"  {step}")
        say(f"\nThen 之后: huiyin case show web:{prepared.item}    huiyin case list    huiyin stats")
    say("\nCtrl-C stops it 停止。")
