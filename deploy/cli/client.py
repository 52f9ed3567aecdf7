"""How a command reaches the API: through the socket of the server that owns the data folder, or by opening the folder in
this process. With HUIYIN_URL it uses a server elsewhere, with an access key.

All three offer the same HTTP API, so a command does the same with and without a running server.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager, nullcontext, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn
from urllib.parse import quote

import httpx
import typer

from deploy.cli import output as terminal
from deploy.cli.local_words import Wording, wording
from deploy.cli.output import DONE, REFUSED, WRONG_USE
from deploy.storage.data_folder import Folder, FolderBusy, FolderProblem

if TYPE_CHECKING:
    from shared.kernel.settings import Settings

Work = Callable[[httpx.AsyncClient], Awaitable[int | None]]
"""A function that uses a client and returns the exit code; None: DONE."""
Row = Callable[[dict[str, Any], Wording], Sequence[Any]]
AS_HEADER = "x-huiyin-as"
_BASE = "http://huiyin"
_TRIES = 50
_LONG = httpx.Timeout(10, read=3600)
"""Seconds. A rebuild or an export of several years takes long."""
_LOOK = 0.25
"""Seconds between two looks at the progress of an operation."""
_PAUSE = 0.2
"""Seconds. Another command may own the folder for a moment; after 10 s the folder counts as owned by another process."""


class ProblemAnswer(Exception):
    """The server refused; `content` is its problem document (RFC 9457)."""

    def __init__(self, content: Mapping[str, Any]) -> None:
        super().__init__(str(content.get("code")))
        self.content = content


def run(work: Work, data: Path | None, *, as_: str | None = None, create: bool = False, feed: bool = True) -> NoReturn:
    """Carry out `work` with a client and end the process with its exit code.

    Args:
        create: the data folder may be new.
        feed: consumers run as well if the folder is opened in this process.
    """
    raise typer.Exit(asyncio.run(_guarded(work, data, as_, create=create, feed=feed)))


def ask(
    method: str,
    path: str,
    show: Callable[[Any], object],
    data: Path | None,
    *,
    as_: str | None = None,
    create: bool = False,
    feed: bool = True,
    failed: Callable[[Any], object] = lambda _found: False,
    working: tuple[str, str, str] | None = None,
    **request: Any,
) -> NoReturn:
    """Send one request, print the answer and end the process.

    Args:
        show: prints the answer for people; with `--json` it is printed as it is.
        failed: whether the answer ends the command with exit code 1.
        working: name of a long operation of `/local/progress`, and what it does in English and Chinese, shown on a terminal.
        request: `params`, `json` and the like, as httpx takes them.
    """

    async def work(client: httpx.AsyncClient) -> int:
        async with showing(client, *working) if working is not None else nullcontext():
            found = await call(client, method, path, **request)
        terminal.answer(found, show)
        return REFUSED if failed(found) else DONE

    run(work, data, as_=as_, create=create, feed=feed)


def ask_page(
    path: str,
    entries: str,
    columns: Sequence[str],
    row: Row,
    data: Path | None,
    *,
    as_: str,
    params: Mapping[str, Any] | None = None,
    whole: int = 3,
    following: str = "",
    empty: str = "",
    width: int | None = None,
) -> NoReturn:
    """Get one page of a list, print it and end the process.

    Args:
        entries: the field of the answer that holds the list.
        row: the cells of one entry.
        whole: the first columns, which are never wrapped.
        following: the command that gets the next page.
        empty: a line to print instead of an empty table.
        width: columns of the table; None: as wide as the terminal.
    """

    async def work(client: httpx.AsyncClient) -> None:
        page = await call(client, "GET", path, params=params)
        if terminal.wants_json():
            terminal.as_json(page)
            return
        for wrong in page.get("unknown") or ():
            terminal.note(terminal.told(wrong["detail_zh"], wrong["detail"], "\n"))
        if empty and not page[entries]:
            terminal.line(empty)
            return
        codes = {one.get("jurisdiction") for one in page[entries]}
        words = await wording(client, None if None in codes else codes)
        terminal.table(columns, [row(one, words) for one in page[entries]], whole=whole, width=width)
        if page.get("total") is not None:
            terminal.line(_counted(len(page[entries]), page["total"], minimum=page.get("total_is_minimum", False)))
        if page.get("more", page.get("after")):
            terminal.line(f"{terminal.heading('more 下一页')}: {following}--after {page['after']}")

    run(work, data, as_=as_)


def _counted(shown: int, total: int, *, minimum: bool) -> str:
    """How many of all entries are on this page."""
    zh, en = ("至少", "at least ") if minimum else ("", "")
    return terminal.told(f"{zh}共 {total:,} 件，本页 {shown:,} 件", f"{shown:,} of {en}{total:,}", "  ")


async def _guarded(work: Work, data: Path | None, as_: str | None, *, create: bool, feed: bool) -> int:
    try:
        with stopping_for_folder():
            async with client(data, as_, create=create, feed=feed) as connected:
                try:
                    return await work(connected) or DONE
                except typer.Exit as ended:  # consumers finish and the folder is closed as after success
                    return ended.exit_code
    except ProblemAnswer as error:
        return refused(error)
    except httpx.TransportError:
        terminal.stop(
            "The connection to the server was lost. Check that it is running, then repeat the command.",
            "与服务器的连接已断开。请确认服务正在运行，然后重新执行命令。",
            REFUSED,
        )


@contextmanager
def stopping_for_folder() -> Iterator[None]:
    """End the command if its data folder cannot be used or another process uses it."""
    with (
        terminal.stopping(FolderProblem, exit_code=WRONG_USE),
        terminal.stopping(FolderBusy, why_zh="该数据文件夹正被另一进程使用。"),
    ):
        yield


def refused(error: ProblemAnswer) -> int:
    """Print a refusal of the API. The exit code: WRONG_USE if the request itself is wrong."""
    terminal.problem(error.content)
    return WRONG_USE if error.content.get("status") in (400, 415, 422) else REFUSED


@asynccontextmanager
async def client(
    data: Path | None, as_: str | None = None, *, create: bool = False, feed: bool = True
) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the API. Raises FolderProblem, and typer.Exit for a wrong setting.

    With a running server only the name of the folder is needed. The settings are not read then, because reading them takes
    longer than most commands."""
    if os.environ.get("HUIYIN_URL"):
        settings = _settings(data)
        assert settings.url is not None
        key = settings.access_key.get_secret_value() if settings.access_key else None
        async with _client({"authorization": f"Bearer {key}"} if key else {}, settings.url) as connected:
            yield connected
        return
    headers = {AS_HEADER: as_} if as_ else {}
    folder = Folder(data or Path(os.environ.get("HUIYIN_DATA") or "data"))
    for attempt in range(_TRIES):
        if folder.socket_path.exists():
            async with _client(headers, transport=httpx.AsyncHTTPTransport(uds=str(folder.socket_path))) as connected:
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


def _client(
    headers: dict[str, str], url: str = _BASE, transport: httpx.AsyncBaseTransport | None = None
) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=transport, base_url=url, headers=headers, timeout=_LONG)


def _settings(data: Path | None) -> Settings:
    from shared.kernel.settings import load

    with terminal.stopping(ValueError, exit_code=WRONG_USE):
        return load(data=data)


@asynccontextmanager
async def _inside(
    settings: Settings, headers: dict[str, str], *, create: bool, feed: bool
) -> AsyncIterator[httpx.AsyncClient]:
    """The API of the folder in this process. Its consumers have handled every new event before the command ends."""
    from deploy.api.app import build_owner_app
    from deploy.modes.embedded import opened
    from shared.eventstore.errors import StoreFull
    from shared.hosting.log_format import configure

    configure("error")
    try:
        async with (
            opened(settings.data, settings, create=create, feed=feed, tasks=False) as runtime,
            _client(headers, transport=httpx.ASGITransport(build_owner_app(runtime))) as connected,
        ):
            if feed:
                await runtime.drain()
            yield connected
            if feed:
                await runtime.drain()
    except StoreFull as error:  # the space ended while the folder was in use, or while it was closed
        raise FolderProblem(
            f"The disk of {settings.data} is full. What was acknowledged is kept; free some space, then repeat the command.",
            f"{settings.data} 所在磁盘空间已满。已受理的内容均已保存，请腾出空间后重新执行。",
        ) from error


async def _answers(connected: httpx.AsyncClient) -> bool:
    try:
        await connected.get("/livez", timeout=10)
    except httpx.TransportError:
        return False
    return True


async def call(client: httpx.AsyncClient, method: str, path: str, **more: Any) -> Any:
    """Send one request; its answer as JSON. Raises Problemed for a refusal."""
    answer = await client.request(method, path, **more)
    check(answer)
    return answer.json()


@asynccontextmanager
async def showing(client: httpx.AsyncClient, name: str, english: str, chinese: str) -> AsyncIterator[None]:
    """Show how far the operation `name` of the server is while what is inside runs; nothing where no terminal shows it."""
    with terminal.working(english, chinese) as told:
        if not terminal.shows_progress():
            yield
            return

        async def look() -> None:
            while True:
                await asyncio.sleep(_LOOK)
                with suppress(ProblemAnswer, httpx.HTTPError):  # a server of an earlier release has no such route
                    running = (await call(client, "GET", "/local/progress"))["running"]
                    if name in running:
                        told(running[name])

        looking = asyncio.create_task(look())
        try:
            yield
        finally:
            looking.cancel()
            with suppress(asyncio.CancelledError):
                await looking


@asynccontextmanager
async def streamed(client: httpx.AsyncClient, method: str, path: str, **more: Any) -> AsyncIterator[httpx.Response]:
    """Send one request; its answer, which is read piece by piece. Raises Problemed for a refusal."""
    async with client.stream(method, path, **more) as answer:
        if not answer.is_success:
            await answer.aread()
        check(answer)
        yield answer


def check(answer: httpx.Response) -> None:
    """Raises Problemed for anything but success."""
    if not answer.is_success:
        raise ProblemAnswer(problem_of(answer))


def problem_of(answer: httpx.Response) -> dict[str, Any]:
    """The problem document of a refusal; one with the code `server` if the answer is something else."""
    try:
        content = answer.json()
    except ValueError:
        content = None
    if isinstance(content, dict) and "code" in content:
        content.setdefault("status", answer.status_code)
    else:
        content = {
            "status": answer.status_code,
            "code": "server",
            "detail": f"The server answered {answer.status_code}.",
            "detail_zh": f"服务器返回了 {answer.status_code}。",
        }
    if answer.headers.get("x-request-id"):
        content["request"] = answer.headers["x-request-id"]
    return content


async def only_jurisdiction(client: httpx.AsyncClient) -> str | None:
    """The code of the only jurisdiction with a policy in force; None if there are several or none."""
    found = await call(client, "GET", "/v1/policies")
    codes = [one["jurisdiction"] for one in found["policies"]]
    return codes[0] if len(codes) == 1 else None


def quoted(reference: str) -> str:
    """A value as one segment of a path."""
    return quote(reference, safe="")
