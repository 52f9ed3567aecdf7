"""`huiyin parked | rebuild | digest | verify | scrub | export | backup | restore`: the commands of operations."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Coroutine, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import httpx
import orjson
import typer

from deploy.cli import output as terminal
from deploy.cli.client import ask, call, run, showing, streamed
from deploy.cli.local_words import at
from deploy.cli.options import AsJson, Data, Output, given
from deploy.cli.output import DONE, REFUSED, WRONG_USE
from deploy.cli.text_files import private_file, stopping_for_file
from deploy.storage.data_folder import FolderProblem
from shared.kernel.progress import BACKUP_PHASES, followed

_WORKERS = 16
parked = typer.Typer(help="Streams at which a consumer has stopped", no_args_is_help=True)


@parked.command("list")
def parked_list(data: Data = None, json: AsJson = False) -> None:
    """List all parked streams. Exits with 1 if there are any."""
    _parked(data, None)


@parked.command("show")
def parked_show(
    id: Annotated[str, typer.Argument(help="Stream, case id, number, or CHANNEL:ITEM", metavar="ID")],
    data: Data = None,
    json: AsJson = False,
) -> None:
    """Show one parked stream with the bytes that could not be handled. Encrypted data stay encrypted."""
    _parked(data, id)


def _parked(data: Path | None, stream: str | None) -> None:
    path = "/local/parked"
    ask("GET", path, _show_parked, data, failed=lambda found: found["parked"], params=given(stream=stream or None))


def _show_parked(found: dict[str, Any]) -> None:
    rows = [(one["group"], one["stream"], one["version"], one["reason"], at(one["since"])) for one in found["parked"]]
    terminal.table(("group", "stream", "version", "reason 原因", "since 自"), rows)
    for one in found["parked"]:
        if one["bytes"]:
            terminal.line(one["bytes"])


@parked.command("redrive")
def parked_redrive(
    id: Annotated[str | None, typer.Argument(help="Stream or case. Default: all", metavar="ID")] = None,
    group: Annotated[str | None, typer.Option(help="Only this consumer")] = None,
    data: Data = None,
    json: AsJson = False,
) -> None:
    """Try again to handle the parked streams of all services. Exits with 1 if a stream is still parked."""

    def show(found: dict[str, Any]) -> None:
        terminal.line(f"tried again 已重试: {found['redriven']}; still parked 仍搁置: {found['parked']}")
        if found["waiting"]:
            terminal.line(
                f"{found['waiting']} of them wait for a process of their service. Start it; it tries again by itself."
                f" 其中 {found['waiting']} 个等待所属服务的进程，启动后会自动重试。"
            )

    body = {"group": group, "stream": id}
    ask("POST", "/local/parked:redrive", show, data, failed=lambda found: found["parked"], json=body)


def rebuild(
    workers: Annotated[
        int | None, typer.Option(help="Parallel processes. Default: one per core, or none", min=1, max=_WORKERS)
    ] = None,
    from_: Annotated[
        Literal["log", "topic"], typer.Option("--from", help="topic: recover the log of the full mode from Kafka first")
    ] = "log",
    data: Data = None,
    json: AsJson = False,
) -> None:
    """Rebuild all read models and facts from the log, and check its hash chain."""
    if from_ == "topic":
        from deploy.cli.recovery import from_topic

        from_topic(data)
        return

    async def work(client: httpx.AsyncClient) -> int:
        last: dict[str, Any] = {}
        async with (
            showing(client, "rebuild", "rebuilding", "正在重建"),
            streamed(client, "POST", "/local/rebuild", json={"workers": workers}) as answer,
        ):
            async for text in answer.aiter_lines():
                if text.strip():
                    last = orjson.loads(text)
        if last.get("done"):
            terminal.answer(last, _show_rebuilt)
            return DONE
        if last.get("code") == "chain_broken":
            terminal.complain(
                "The rebuild stopped because the hash chain of the log is broken. Run: huiyin verify",
                "重建未完成：日志哈希链已断裂，请运行 huiyin verify 核验日志。",
            )
        else:
            terminal.complain(
                f"The rebuild did not finish: {last.get('detail') or 'the server was interrupted'}",
                last.get("detail_zh") or "重建未完成，服务器中断。",
            )
        return REFUSED

    run(work, data, feed=False)


def _show_rebuilt(last: dict[str, Any]) -> None:
    terminal.line(f"rebuilt 已重建: {last['cases']:,} cases, {last['events']:,} events, {last['seconds']:.1f} s")


def digest(
    which: Annotated[Literal["log", "views", "outcome", "blobs", "all"], typer.Argument(help="Which digest")] = "all",
    data: Data = None,
    json: AsJson = False,
) -> None:
    """Print digests of the log, of everything derived from it, of the outcome, and of the files."""
    working = ("digest", "computing digests", "正在计算摘要")
    ask("GET", "/local/digest", _show_copied, data, params={"which": which}, working=working)


def verify(data: Data = None, json: AsJson = False) -> None:
    """Check every byte of the log, its hash chain, and every key and file that it names. Exits with 1 if something is wrong."""
    ask("POST", "/local/verify", _show_verified, data, feed=False, failed=lambda found: found["findings"],
        working=("verify", "verifying", "正在核验"))  # fmt: skip


def _show_verified(found: dict[str, Any]) -> None:
    if found["findings"]:
        rows = [(one["stream"], one["version"], one["column"], one["why"]) for one in found["findings"]]
        terminal.table(("stream", "version", "column", "what 问题"), rows)
        columns = {one["column"] for one in found["findings"]}
        if columns == {"blob"}:
            terminal.complain(
                "Files are missing or damaged, the log is intact. Restore them from a backup: huiyin restore FOLDER --blobs-only",
                "附件缺失或已损坏，日志完好。请从备份恢复附件：huiyin restore 文件夹 --blobs-only",
            )
        else:
            what, zh = ("Keys", "密钥") if columns <= {"blob", "key"} else ("The log", "日志")
            terminal.complain(
                f"{what} cannot be repaired in place. Stop the server, keep a copy of the folder, and restore a backup into a new"
                " folder: huiyin restore",
                f"{zh}无法就地修复。请停止服务，保留该文件夹的副本，并从备份恢复到新文件夹：huiyin restore",
            )
    else:
        terminal.line(f"intact 完好: {found['streams']:,} streams, {found['events']:,} events")


def scrub(
    mend: Annotated[bool, typer.Option(help="Update read models that are behind the log")] = True,
    data: Data = None,
    json: AsJson = False,
) -> None:
    """Compare every read model with the log and update it. Exits with 1 if they still differ."""

    def differs(found: dict[str, Any]) -> bool:
        return bool(found["behind"] > found["mended"] or found["ahead"] or found["missing_files"])

    ask("POST", "/local/scrub", _show_copied, data, failed=differs, params={"mend": str(mend).lower()},
        working=("scrub", "comparing read models with the log", "正在比对"))  # fmt: skip


def export(
    output: Output = None,
    prefix: Annotated[str, typer.Option(help="Only streams that begin with this, for example case/")] = "",
    commits: Annotated[bool, typer.Option("--commits", help="One commit per line, with hashes, in base64")] = False,
    views: Annotated[bool, typer.Option("--views", help="The rows of all read models instead of the log")] = False,
    data: Data = None,
    json: AsJson = False,
) -> None:
    """Print the bytes of the log, one event per line. Encrypted data stay encrypted."""
    if views and (commits or prefix):
        why = "--views exports everything; leave --commits and --prefix out."
        terminal.stop(why, "--views 导出全部内容，请去掉 --commits 和 --prefix。")
    form = "views" if views else "commits" if commits else "events"

    async def work(client: httpx.AsyncClient) -> None:
        async with streamed(client, "GET", "/local/export", params={"prefix": prefix, "form": form}) as answer:
            if output is None:
                async for block in answer.aiter_bytes():
                    sys.stdout.buffer.write(block)
                sys.stdout.buffer.flush()
                return
            with (
                stopping_for_file(output, "written"),
                private_file(output) as file,
            ):
                async with showing(client, "export", "exporting", "正在导出"):
                    async for block in answer.aiter_bytes():
                        file.write(block)

    run(work, data, feed=False)


def backup(
    folder: Annotated[Path, typer.Argument(help="New folder for the backup")], data: Data = None, json: AsJson = False
) -> None:
    """Copy log, files and keys, also of a running system. Protect the copy: it can decrypt every text and file."""

    async def work(client: httpx.AsyncClient) -> int:
        async with showing(client, "backup", "copying", "正在备份"):
            found = await call(client, "POST", "/local/backup", json={"folder": str(folder.resolve())})
        damaged = found.pop("damaged", 0)
        terminal.answer(found | {"damaged": damaged} if damaged else found, _show_copied)
        if damaged and not json:
            terminal.complain(
                "The log, a key or a file is damaged, and so is this copy: it cannot be restored. Keep the earlier backups, and"
                " run: huiyin verify",
                "日志、密钥或附件已损坏，此备份同样损坏，无法用于恢复。请保留以前的备份，并运行 huiyin verify。",
            )
        return REFUSED if damaged else DONE

    run(work, data)


def restore(
    folder: Annotated[Path, typer.Argument(help="Folder of the backup")],
    blobs_only: Annotated[
        bool, typer.Option("--blobs-only", help="Only restore missing files, also in the full mode")
    ] = False,
    data: Data = None,
    json: AsJson = False,
) -> None:
    """Check a backup with its hashes and keys, and restore it into a new data folder."""
    from deploy.storage.backup import restore as restore_backup
    from deploy.storage.blob_restore import restore_blobs
    from deploy.storage.mongo_stores import StoreProblem
    from shared.kernel.settings import load

    with terminal.stopping(ValueError, exit_code=WRONG_USE):
        settings = load(data=data)
    target = settings.data
    if not folder.is_dir():
        terminal.stop(f"There is no folder {folder}; name the folder of a backup.", "没有该备份文件夹，请核对路径。")
    with terminal.stopping(FolderProblem, StoreProblem):
        if blobs_only:
            found = asyncio.run(_shown(restore_blobs(folder, settings), 1, "restoring files", "正在恢复附件"))
        else:
            work = restore_backup(folder, target)
            found = asyncio.run(_shown(work, BACKUP_PHASES, "checking and restoring", "正在核验并恢复"))
    terminal.answer(found, _show_copied)


async def _shown(work: Coroutine[Any, Any, dict[str, Any]], phases: int, english: str, chinese: str) -> dict[str, Any]:
    """The result of a long operation of this process, whose progress a terminal shows meanwhile."""
    with terminal.working(english, chinese) as told, followed(phases) as progress:
        task = asyncio.create_task(work)
        while not task.done():
            told(progress.share)
            await asyncio.wait([task], timeout=0.25)
        return await task


_NAMES = {
    "folder": "folder 文件夹", "format": "format 格式", "version": "version 版本", "made_at": "made at 备份时间",
    "streams": "streams 流", "events": "events 事件", "log": "log 日志摘要", "files": "files 附件", "blobs": "blobs 附件摘要",
    "damaged": "damaged 损坏", "copied": "copied 已复制", "there": "there 已存在", "views": "views 读模型摘要",
    "outcome": "outcome 办理结果摘要", "behind": "behind 落后", "mended": "updated 已补齐", "parked": "parked 搁置",
    "ahead": "ahead 超前", "unnamed_files": "files without a case 无主附件", "missing_files": "missing files 缺少的附件",
}  # fmt: skip
"""Name of a figure in an answer -> what a terminal shows."""


def _show_copied(found: Mapping[str, Any]) -> None:
    """Print figures of an answer with their names in both languages; a figure of 0 is printed, too."""
    terminal.fields({_NAMES.get(name, name): str(value) if value == 0 else value for name, value in found.items()})
