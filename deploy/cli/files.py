"""`huiyin file list | get`, and the upload of files that `huiyin submit --attach` names."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from email.message import Message
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

import httpx
import typer

from deploy.cli import output as terminal
from deploy.cli.client import ask, call, check, quoted, run
from deploy.cli.options import DESK, As, AsJson, CaseId, Data
from deploy.cli.text_files import bytes_of, stopping_for_file, write_private

group = typer.Typer(no_args_is_help=True, help="The files of a case")


@group.command("list")
def list_(id: CaseId, data: Data = None, as_: As = None, json: AsJson = False) -> None:
    """List the files of a case that you may read. The reading is recorded."""
    ask("GET", f"/v1/files/{quoted(id)}", _show, data, as_=as_ or DESK)


def _show(found: dict[str, Any]) -> None:
    rows = [
        (one["version"], one["name"] or "-", one["kind"], one["media_type"], one["size"], one["form"] or "")
        for one in found["files"]
    ]
    terminal.table(("file 序号", "name 名称", "kind 类别", "type 类型", "bytes 字节", "form 形式"), rows)


@group.command("get")
def get(
    id: CaseId,
    version: Annotated[int, typer.Argument(help="Number of the file, from: huiyin file list")],
    output: Annotated[Path | None, typer.Option(help="File to write. Default: its own name, here")] = None,
    data: Data = None,
    as_: As = None,
) -> None:
    """Write a file of a case. The reading is recorded."""

    async def work(client: httpx.AsyncClient) -> None:
        answer = await client.get(f"/v1/files/{quoted(id)}/{version}")
        check(answer)
        place = output or Path(_name(answer))
        if place.exists() and output is None:
            terminal.stop(
                f"{place} exists; name another file with --output.", f"{place} 已存在，请用 --output 另外指定。"
            )
        with stopping_for_file(place, "written"):
            write_private(place, answer.content)
        terminal.line(f"Written to {place}. 已写入 {place}。")

    run(work, data, as_=as_ or DESK)


def _name(answer: httpx.Response) -> str:
    """The name of a download, without any path."""
    message = Message()
    message["content-disposition"] = answer.headers.get("content-disposition", "")
    return Path(message.get_filename() or "file").name or "file"


async def uploaded(client: httpx.AsyncClient, files: Sequence[Path]) -> list[str]:
    """Upload these files; returns their references for a command."""
    references = []
    for file in files:
        headers = {
            "Upload-Id": f"cli-{secrets.token_hex(12)}",
            "Content-Disposition": f"attachment; filename*=UTF-8''{quote(file.name, safe='')}",
        }
        answer = await call(client, "POST", "/v1/files", content=bytes_of(file), headers=headers)
        if answer["latitude"] is not None:
            where = f"{answer['latitude']}, {answer['longitude']}"
            terminal.line(
                f"{file.name} was taken at {where}; the position was removed from it. 照片拍摄位置（已从照片中去除）：{where}"
            )
        references.append(answer["upload"])
    return references
