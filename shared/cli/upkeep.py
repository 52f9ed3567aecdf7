"""`huiyin parked | rebuild | digest | verify | scrub | export | backup | restore`: what operations does."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Annotated, Any, Literal

import httpx
import orjson
import typer

from deploy.folder import FolderProblem
from shared.cli import showing
from shared.cli.connecting import DONE, REFUSED, WRONG_USE, call, check, run
from shared.cli.options import AsJson, Data
from shared.cli.wording import at

_WORKERS = 16
parked = typer.Typer(help="Streams that a consumer has stopped at", no_args_is_help=True)


@parked.command("list")
def parked_list(data: Data = None, json: AsJson = False) -> None:
    """Everything that is parked. Ends with 1 when there is something."""
    _parked(data, None, json)


@parked.command("show")
def parked_show(
    id: Annotated[str, typer.Argument(help="Stream, case id, number, or CHANNEL:ITEM", metavar="ID")],
    data: Data = None,
    json: AsJson = False,
) -> None:
    """One parked stream with the bytes that could not be handled (what is sealed stays sealed)."""
    _parked(data, id, json)


def _parked(data: Path | None, stream: str | None, json: bool) -> None:
    async def work(client: httpx.AsyncClient) -> int:
        found: Any = await call(client, "GET", "/local/parked", params={"stream": stream} if stream else {})
        if json:
            showing.as_json(found)
        else:
            rows = [
                (one["group"], one["stream"], one["version"], one["reason"], at(one["since"]))
                for one in found["parked"]
            ]
            showing.table("", ("group", "stream", "version", "reason 原因", "since 自"), rows)
            for one in found["parked"]:
                if one["bytes"]:
                    showing.line(one["bytes"])
        return REFUSED if found["parked"] else DONE

    run(work, data)


@parked.command("redrive")
def parked_redrive(
    id: Annotated[str | None, typer.Argument(help="Stream or case; all when left out", metavar="ID")] = None,
    group: Annotated[str | None, typer.Option(help="Only this consumer")] = None,
    data: Data = None,
    json: AsJson = False,
) -> None:
    """Try again. Ends with 1 when something is parked still."""

    async def work(client: httpx.AsyncClient) -> int:
        found: Any = await call(client, "POST", "/local/parked:redrive", json={"group": group, "stream": id})
        if json:
            showing.as_json(found)
        else:
            showing.line(f"tried again 已重试: {found['redriven']}; parked still 仍停留: {found['parked']}")
        return REFUSED if found["parked"] else DONE

    run(work, data)


def rebuild(
    workers: Annotated[
        int | None,
        typer.Option(
            help="Processes that fold cases side by side. Default: one a core, or none for a small log",
            min=1,
            max=_WORKERS,
        ),
    ] = None,
    from_: Annotated[
        Literal["log", "topic"],
        typer.Option(
            "--from",
            help="topic: full mode, its services stopped. First the log itself is made again from `case-events`",
        ),
    ] = "log",
    data: Data = None,
    json: AsJson = False,
) -> None:
    """Build every view and fact again from the log, checking its chain, while they serve."""
    if from_ == "topic":
        from shared.cli.refilling import from_topic

        from_topic(data, json=json)
        return

    async def work(client: httpx.AsyncClient) -> int:
        last: dict[str, Any] = {}
        async with client.stream("POST", "/local/rebuild", json={"workers": workers}) as answer:
            if not answer.is_success:
                await answer.aread()
                check(answer)
            async for text in answer.aiter_lines():
                if text.strip():
                    last = orjson.loads(text)
                    if sys.stderr.isatty() and not json and "cases" in last:
                        showing.err.print(f"  {last['cases']:,} cases, {last['events']:,} events", end="\r")
        if not last.get("done"):
            broken = last.get("code") == "chain_broken"
            showing.complain(
                "The rebuild did not end: the log's chain is broken. Run: huiyin verify"
                if broken
                else f"The rebuild did not end: {last.get('detail') or 'the server was interrupted'}",
                "重建未完成，请先核验日志。" if broken else last.get("detail_zh") or "重建未完成，服务器中断。",
            )
            return REFUSED
        if json:
            showing.as_json(last)
        else:
            showing.line(f"rebuilt 已重建: {last['cases']:,} cases, {last['events']:,} events, {last['seconds']:.1f} s")
        return DONE

    run(work, data, feed=False)


def digest(
    which: Annotated[Literal["log", "views", "outcome", "all"], typer.Argument(help="Which one")] = "all",
    data: Data = None,
    json: AsJson = False,
) -> None:
    """Digests of the log, of everything derived, and of the outcome."""

    async def work(client: httpx.AsyncClient) -> int:
        found = await call(client, "GET", "/local/digest", params={"which": which})
        if json:
            showing.as_json(found)
        else:
            showing.fields(found.items())
        return DONE

    run(work, data)


def verify(data: Data = None, json: AsJson = False) -> None:
    """Check every byte of the log and its hash chain. Ends with 1 when something is wrong."""

    async def work(client: httpx.AsyncClient) -> int:
        found: Any = await call(client, "POST", "/local/verify")
        if json:
            showing.as_json(found)
        elif found["findings"]:
            rows = [(one["stream"], one["version"], one["column"], one["why"]) for one in found["findings"]]
            showing.table("", ("stream", "version", "column", "what 问题"), rows)
        else:
            showing.line(f"intact 完好: {found['streams']:,} streams, {found['events']:,} events")
        return REFUSED if found["findings"] else DONE

    run(work, data, feed=False)


def scrub(
    mend: Annotated[bool, typer.Option(help="Mend what is behind")] = True, data: Data = None, json: AsJson = False
) -> None:
    """Compare every view with the log. Ends with 1 when something stays behind."""

    async def work(client: httpx.AsyncClient) -> int:
        found: Any = await call(client, "POST", "/local/scrub", params={"mend": str(mend).lower()})
        if json:
            showing.as_json(found)
        else:
            showing.fields(found.items())
        return REFUSED if found["behind"] > found["mended"] or found["ahead"] else DONE

    run(work, data)


def export(
    output: Annotated[Path | None, typer.Option("--output", "-o", help="File; default: standard output")] = None,
    prefix: Annotated[str, typer.Option(help="Only streams that begin with this, for example case/")] = "",
    commits: Annotated[
        bool, typer.Option("--commits", help="One commit a line, with its hashes and the bytes in base64")
    ] = False,
    views: Annotated[bool, typer.Option("--views", help="Not the log: every row that was derived from it")] = False,
    data: Data = None,
    json: AsJson = False,
) -> None:
    """The bytes of the log, one event a line. What is sealed stays sealed."""
    if views and (commits or prefix):
        showing.complain("--views takes everything: leave --commits and --prefix out.")
        raise typer.Exit(WRONG_USE)
    form = "views" if views else "commits" if commits else "events"

    async def work(client: httpx.AsyncClient) -> int:
        async with client.stream("GET", "/local/export", params={"prefix": prefix, "form": form}) as answer:
            if not answer.is_success:
                await answer.aread()
                check(answer)
            if output is None:
                async for block in answer.aiter_bytes():
                    sys.stdout.buffer.write(block)
                sys.stdout.buffer.flush()
                return DONE
            try:
                with output.open("xb") as file:
                    output.chmod(0o600)
                    async for block in answer.aiter_bytes():
                        file.write(block)
            except OSError as error:
                showing.complain(f"{output} cannot be written: {error.strerror}.")
                return WRONG_USE
        return DONE

    run(work, data, feed=False)


def backup(
    folder: Annotated[Path, typer.Argument(help="New folder for the backup")], data: Data = None, json: AsJson = False
) -> None:
    """Copy log and keys, also of a running system. Keep it safe: it opens every text."""

    async def work(client: httpx.AsyncClient) -> int:
        found: Any = await call(client, "POST", "/local/backup", json={"folder": str(folder.resolve())})
        _done({name: value for name, value in found.items() if value or name != "damaged"}, json=json)
        if found.get("damaged"):
            showing.complain(
                "The log is damaged, and so is this copy: it cannot be restored. Keep the backups from before, and run: "
                "huiyin verify",
                "日志已损坏，此备份同样损坏，无法用于恢复。请保留以前的备份，并运行 huiyin verify。",
            )
        return REFUSED if found.get("damaged") else DONE

    run(work, data)


def restore(
    folder: Annotated[Path, typer.Argument(help="Folder of the backup")], data: Data = None, json: AsJson = False
) -> None:
    """Check a backup (every hash, every key that the log names) and put it into a new data folder."""
    from deploy.backup import restore as restore_backup
    from shared.settings import load

    target = load(data=data).data
    if not folder.is_dir():
        showing.complain(
            f"There is no folder {folder}; name the folder that a backup was written to.", "没有该备份文件夹。"
        )
        raise typer.Exit(WRONG_USE)
    try:
        found = asyncio.run(restore_backup(folder, target))
    except FolderProblem as error:
        showing.complain(str(error))
        raise typer.Exit(REFUSED) from None
    _done(found, json=json)


def _done(found: dict[str, Any], *, json: bool) -> None:
    if json:
        showing.as_json(found)
    else:
        showing.fields(found.items())
