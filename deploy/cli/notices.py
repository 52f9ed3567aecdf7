"""`huiyin notice render | issue | list | print | dossier`: notices as documents, for printing and for the file of a case."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import Annotated, Any

import httpx
import typer

from deploy.cli import output as terminal
from deploy.cli.client import AS_HEADER, call, check, quoted, run
from deploy.cli.local_words import Wording, at, wording
from deploy.cli.options import DESK, SUPERVISOR, As, AsJson, CaseId, Cursor, Data, Most, given
from deploy.cli.text_files import stopping_for_file, write_private

group = typer.Typer(help="Notices as documents: drafts, numbers, printing, the file of a case", no_args_is_help=True)
Kind = Annotated[str, typer.Argument(help="receipt, transfer, acceptance, non_acceptance, extension, decision, …")]
Language = Annotated[str, typer.Option(help="zh or en")]
Format = Annotated[str | None, typer.Option("--format", help="html or pdf. Default: by the name of the file")]
Out = Annotated[Path, typer.Option("--output", "-o", help="File to write")]


@group.command("render")
def render_notice(
    id: CaseId,
    kind: Kind,
    output: Out = Path("notice.html"),
    form: Format = None,
    language: Language = "zh",
    data: Data = None,
    as_: As = None,
) -> None:
    """Write a notice as it would be issued now, without a number, to check it. The access is recorded."""
    asked = {"kind": kind, "language": language, "format": form or _format(output)}

    async def work(client: httpx.AsyncClient) -> None:
        headers = {AS_HEADER: as_ or await _issuer(client, id, kind)}
        await _write(client, f"/v1/notice-drafts/{quoted(id)}", output, params=asked, headers=headers)

    run(work, data, as_=as_)


@group.command("issue")
def issue_notice(
    id: CaseId,
    kind: Kind,
    language: Language = "zh",
    command_id: Annotated[str | None, typer.Option(help="Your id of this command. Default: a new one")] = None,
    data: Data = None,
    as_: As = None,
    json: AsJson = False,
) -> None:
    """Issue a notice: it gets the next number of its office, kind and year, and its document is made."""
    body = {"case": id, "kind": kind, "language": language, "command_id": command_id or f"cli-{secrets.token_hex(8)}"}

    async def work(client: httpx.AsyncClient) -> None:
        headers = {AS_HEADER: as_ or await _issuer(client, id, kind)}
        answer = await call(client, "POST", "/v1/notices", json=body, headers=headers)
        terminal.answer(answer, lambda one: terminal.line(f"{one['document_number']}  {one['id']}"))

    run(work, data, as_=as_)


@group.command("list")
def list_notices(
    office: Annotated[str | None, typer.Argument(help="Organisation that issued. Default: the petition office")] = None,
    day: Annotated[str | None, typer.Option(help="Only those of this date")] = None,
    kind: Annotated[str | None, typer.Option(help="Only this kind")] = None,
    year: Annotated[int | None, typer.Option(help="Only this year")] = None,
    after: Cursor = None,
    limit: Most = 50,
    data: Data = None,
    as_: As = None,
    json: AsJson = False,
) -> None:
    """List the numbers of an office (发文登记簿), void ones included."""
    asked = given(day=day, kind=kind, year=year, after=after)

    async def work(client: httpx.AsyncClient) -> None:
        params = {**asked, "office": office or "-", "limit": limit}
        page = await call(client, "GET", "/v1/notices", params=params)
        if terminal.wants_json():
            terminal.as_json(page)
            return
        words = await wording(client, None)
        columns = ("number 文号", "id", "status 状态", "case 登记编号", "issued 编号时间")
        terminal.table(columns, [_row(one, words) for one in page["notices"]], whole=2)
        if page["after"]:
            terminal.line(f"more: --after {page['after']}")

    run(work, data, as_=as_ or DESK)


def _row(one: dict[str, Any], words: Wording) -> tuple[str, ...]:
    status = {"pending": "生成中 pending", "issued": "已出具 issued", "void": "作废 void"}[one["status"]]
    code = f" {one['code']}" if one["code"] else ""
    return (
        one["document_number"],
        one["id"],
        status + code,
        one["case_number"] or "",
        at(one["numbered_at"], words.zone()),
    )


@group.command("print")
def print_notices(
    ids: Annotated[list[str] | None, typer.Argument(help="OFFICE/KIND/YEAR/NUMBER, one notice")] = None,
    day: Annotated[str | None, typer.Option(help="All notices of an office on this date, as one PDF")] = None,
    office: Annotated[str | None, typer.Option(help="With --day. Default: the petition office")] = None,
    kind: Annotated[str | None, typer.Option(help="With --day: only this kind")] = None,
    output: Out = Path("notices.pdf"),
    form: Format = None,
    data: Data = None,
    as_: As = None,
) -> None:
    """Write the document of a notice, or all notices of a day as one PDF. The access is recorded."""
    if (ids is None or len(ids) != 1) == (day is None):
        terminal.stop(
            "Name one notice, OFFICE/KIND/YEAR/NUMBER, or give --day.",
            "请注明一份文书（单位/类型/年份/序号），或者 --day。",
        )
    name = ids[0].split("/") if ids else []
    if ids and len(name) < 4:
        terminal.stop("Write the notice as OFFICE/KIND/YEAR/NUMBER.", "文书请写作 单位/类型/年份/序号。")

    async def work(client: httpx.AsyncClient) -> None:
        if day is not None:
            path = f"/v1/notices/{quoted(office or '-')}/days/{quoted(day)}"
            await _write(client, path, output, params=given(kind=kind))
            return
        path = "/v1/notices/" + "/".join(map(quoted, ("/".join(name[:-3]), *name[-3:]))) + "/document"
        await _write(client, path, output, params={"format": form or _format(output)})

    run(work, data, as_=as_ or DESK)


@group.command("dossier")
def write_dossier(
    id: CaseId, output: Out = Path("case.pdf"), language: Language = "zh", data: Data = None, as_: As = None
) -> None:
    """Write the whole case as one PDF with an index (一案一档、卷宗目录). The access is recorded."""

    async def work(client: httpx.AsyncClient) -> None:
        await _write(client, f"/v1/dossiers/{quoted(id)}", output, params={"language": language})

    run(work, data, as_=as_ or DESK)


def _format(output: Path) -> str:
    return "html" if output.suffix in (".html", ".htm") else "pdf"


async def _write(client: httpx.AsyncClient, path: str, output: Path, **request: Any) -> None:
    answer = await client.get(path, **request)
    check(answer)
    with stopping_for_file(output, "written"):
        write_private(output, answer.content)
    terminal.line(f"Written to {output}. 已写入 {output}。")


async def _issuer(client: httpx.AsyncClient, reference: str, kind: str) -> str:
    """The role that issues this kind on the case: the responsible organisation, or a registrar."""
    from shared.policy.templates import kinds

    known = kinds().get(kind)
    if known is not None and known.issuers[0] == "handler":
        params = {"content": "false"}
        shown = await client.get(f"/v1/cases/{quoted(reference)}", params=params, headers={AS_HEADER: SUPERVISOR})
        org = (shown.json().get("org") or {}).get("code") if shown.is_success else None
        if org:
            return f"organisation:{org}"
    return DESK
