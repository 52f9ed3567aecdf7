"""How a command reaches the data folder: through the socket of the server that owns it, else by opening it here. With
HUIYIN_URL it speaks to a server elsewhere, with an access key.

Either way it speaks to the same local HTTP app, so a command does the same beside a running server and without one.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import httpx
import typer

from deploy.folder import Folder, FolderBusy, FolderProblem
from shared.cli import showing
from shared.cli.showing import DONE, REFUSED, WRONG_USE, Problemed

if TYPE_CHECKING:
    from shared.settings import Settings

Work = Callable[[httpx.AsyncClient], Awaitable[int]]
AS_HEADER = "x-huiyin-as"
_BASE = "http://huiyin"
_TRIES = 50
_LONG = httpx.Timeout(10, read=3600)
"""A rebuild or an export of years takes its time."""
_PAUSE = 0.2
"""Another command may own the folder for a moment; after 10 s it is somebody else's."""


def run(
    work: Work,
    data: Path | None,
    *,
    as_: str | None = None,
    create: bool = False,
    feed: bool = True,
    connect: bool = True,
) -> NoReturn:
    """Carry `work` out with a client of the folder, and end the process with its exit code. Never a traceback.

    `create`: the folder may be new. `feed`: consumers run meanwhile. `connect=False`: the work needs no folder."""
    if not connect:
        raise typer.Exit(asyncio.run(_alone(work)))
    raise typer.Exit(asyncio.run(_guarded(work, data, as_, create=create, feed=feed)))


async def _alone(work: Work) -> int:
    async with httpx.AsyncClient(base_url=_BASE) as nowhere:
        return await work(nowhere)


async def _guarded(work: Work, data: Path | None, as_: str | None, *, create: bool, feed: bool) -> int:
    try:
        async with client(data, as_, create=create, feed=feed) as connected:
            return await work(connected)
    except Problemed as error:
        showing.problem(error.content)
        return WRONG_USE if error.content.get("status") in (400, 415, 422) else REFUSED
    except FolderBusy as error:
        showing.complain(str(error), "该数据文件夹正被另一进程使用。")
        return REFUSED
    except FolderProblem as error:
        showing.complain(str(error))
        return WRONG_USE
    except httpx.TransportError:
        showing.complain(
            "The server went away while it worked. Look whether it runs, and give the command again.", "服务器已断开。"
        )
        return REFUSED


@asynccontextmanager
async def client(
    data: Path | None, as_: str | None = None, *, create: bool = False, feed: bool = True
) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the folder's local app. Raises FolderProblem, also for a wrong setting.

    Beside a running server only the folder's name is needed; the settings are not read, since that takes longer than most
    commands."""
    if os.environ.get("HUIYIN_URL") is not None:
        settings = _settings(data)
        assert settings.url is not None
        key = settings.access_key.get_secret_value() if settings.access_key else None
        shown = {"authorization": f"Bearer {key}"} if key else {}
        async with httpx.AsyncClient(base_url=settings.url, headers=shown, timeout=_LONG) as connected:
            yield connected
        return
    headers = {AS_HEADER: as_} if as_ else {}
    folder = Folder(data or Path(os.environ.get("HUIYIN_DATA", "data")))
    for attempt in range(_TRIES):
        if folder.socket_path.exists():
            transport = httpx.AsyncHTTPTransport(uds=str(folder.socket_path))
            async with httpx.AsyncClient(
                transport=transport, base_url=_BASE, headers=headers, timeout=_LONG
            ) as connected:
                if await _answers(connected):
                    yield connected
                    return
        try:
            async with _inside(_settings(data), headers, create=create, feed=feed) as connected:
                yield connected
                return
        except FolderBusy:
            if attempt == _TRIES - 1:
                raise
        await asyncio.sleep(_PAUSE)


def _settings(data: Path | None) -> Settings:
    from shared.settings import load

    try:
        return load(data=data)
    except ValueError as error:
        raise FolderProblem(str(error)) from None


@asynccontextmanager
async def _inside(
    settings: Settings, headers: dict[str, str], *, create: bool, feed: bool
) -> AsyncIterator[httpx.AsyncClient]:
    """The folder's local app in this process. What a command causes has happened before it ends."""
    from deploy.embedded import opened
    from shared.http.app import build_app
    from shared.logs import configure

    configure("error")
    async with opened(settings.data, settings, create=create, feed=feed, tasks=False) as runtime:
        transport = httpx.ASGITransport(build_app(runtime, local=True))
        async with httpx.AsyncClient(transport=transport, base_url=_BASE, headers=headers, timeout=_LONG) as connected:
            if feed:
                await runtime.drain()
            yield connected
            if feed:
                await runtime.drain()


async def _answers(connected: httpx.AsyncClient) -> bool:
    try:
        await connected.get("/livez", timeout=10)
    except httpx.TransportError:
        return False
    return True


async def call(client: httpx.AsyncClient, method: str, path: str, **more: Any) -> dict[str, object]:
    """One request; its answer as JSON. Raises Problemed for a refusal."""
    answer = await client.request(method, path, **more)
    check(answer)
    content = answer.json()
    return content if isinstance(content, dict) else {"value": content}


def check(answer: httpx.Response) -> None:
    """Raises Problemed for anything but success."""
    if answer.is_success:
        return
    try:
        content = answer.json()
    except ValueError:
        content = {}
    if not isinstance(content, dict) or "code" not in content:
        content = {
            "status": answer.status_code,
            "code": "server",
            "detail": f"The server answered {answer.status_code}.",
        }
    raise Problemed(content)


__all__ = ["DONE", "REFUSED", "WRONG_USE", "call", "check", "client", "run"]
