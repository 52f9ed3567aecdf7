"""`huiyin submit | receipt | inbox | status`: filing a complaint, the inbox of an organisation, and the status that a
petitioner sees."""

from __future__ import annotations

import os
import secrets
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, NoReturn

import httpx
import orjson
import typer

from deploy.cli import output as terminal
from deploy.cli.client import ask, ask_page, call, check, quoted, run
from deploy.cli.local_words import Wording, at, due, wording
from deploy.cli.options import DESK, After, As, AsJson, CaseId, Data, Most, Organisation, Wait, given
from deploy.cli.text_files import bytes_of, stopping_for_file, text_of, write_private
from shared.policy.near_codes import near_codes


def submit(
    channel: Annotated[str, typer.Option(help="Code of the channel")] = "web",
    item: Annotated[str | None, typer.Option(help="The channel's own id of the filing. Default: a new one")] = None,
    text: Annotated[str | None, typer.Option(help="Text of the complaint; - reads standard input")] = None,
    title: Annotated[str | None, typer.Option(help="Title")] = None,
    place: Annotated[str | None, typer.Option(help="Code of the place of the problem")] = None,
    subject: Annotated[str | None, typer.Option(help="Code of the subject")] = None,
    class_: Annotated[str | None, typer.Option("--class", help="claim, accusation, suggestion, …")] = None,
    name: Annotated[str | None, typer.Option(help="Name of the petitioner; encrypted")] = None,
    phone: Annotated[str | None, typer.Option(help="Telephone number of the petitioner; encrypted")] = None,
    received_at: Annotated[str | None, typer.Option(help="Date, or instant with offset. Default: now")] = None,
    anonymous: Annotated[bool, typer.Option("--anonymous", help="Filed without a name")] = False,
    confidential: Annotated[bool, typer.Option("--confidential", help="Hide the petitioner's identity")] = False,
    received_by: Annotated[str | None, typer.Option(help="Organisation that received it itself (Art. 23)")] = None,
    file: Annotated[Path | None, typer.Option(help="JSON file with the submission; - reads standard input")] = None,
    attach: Annotated[list[Path] | None, typer.Option(help="A file to attach; may be given several times")] = None,
    jurisdiction: Annotated[str | None, typer.Option(help="Jurisdiction, if the channel does not define it")] = None,
    data: Data = None,
    as_: As = None,
    json: AsJson = False,
) -> None:
    """File a complaint and print the receipt. The same item gives the same receipt."""
    fields = {
        **given(item=item, text=text, title=title, place=place, subject=subject),
        **given(received_at=received_at, received_by=received_by, **{"class": class_}),
    }
    petitioner = given(name=name, phone=phone)
    if file is not None:
        if fields or petitioner or anonymous or confidential:
            why = "--file holds the whole submission; leave the other options out."
            terminal.stop(why, "--file 已包含全部内容，请去掉其他选项。")
        try:
            content: Any = orjson.loads(bytes_of(file))
        except ValueError:
            terminal.stop(f"{file} is not JSON.", f"文件 {file} 不是 JSON 格式。")
    elif text is None:
        terminal.stop('Give the text: --text "…" (or --text - to read it, or --file).', "请用 --text 填写内容。")
    else:
        content = {"channel": channel, **fields, "anonymous": anonymous, "confidential": confidential}
        content.setdefault("item", f"cli-{secrets.token_hex(6)}")
        content["text"] = sys.stdin.read() if text == "-" else text
        if petitioner:
            content["petitioner"] = petitioner
    where = given(jurisdiction=jurisdiction or None)
    if attach:
        _with_files(content, attach, where, data, as_ or DESK)

    async def work(client: httpx.AsyncClient) -> None:
        receipt = await call(client, "POST", "/v1/submissions", json=content, params=where)
        terminal.answer(receipt, _show_receipt)
        await _say_unclear(client, content, receipt.get("unclear") or ())

    run(work, data, as_=as_ or DESK)


async def _say_unclear(client: httpx.AsyncClient, content: Any, unclear: Iterable[str]) -> None:
    """Say which place or subject the policy does not have, and what has a similar code or name."""
    wrong = [
        name for name in unclear if name in ("place", "subject") and isinstance(content, Mapping) and content.get(name)
    ]
    if not wrong:
        return
    known = {code: name for names in (await wording(client)).names.values() for code, name in names.items()}
    for field in wrong:
        given_ = str(content[field])
        near = near_codes(given_, known)
        listed = ", ".join(f"{code} {known[code]}" for code in near)
        terminal.note(
            terminal.told(
                f"注意：规则中没有这一{'属地' if field == 'place' else '事项'}“{given_}”，已登记，由工作人员核对。"
                + (f"相近的有：{listed}。" if near else ""),
                f"note: the policy has no {field} {given_!r}. It was filed; a person looks at it."
                + (f" Near ones: {listed}." if near else ""),
                "\n",
            )
        )


def _with_files(content: Any, attach: list[Path], where: dict[str, Any], data: Path | None, role: str) -> NoReturn:
    """Upload the files, then file. A file that is refused leaves nothing filed."""

    async def work(client: httpx.AsyncClient) -> None:
        from deploy.cli.files import uploaded

        content["files"] = [*content.get("files", ()), *await uploaded(client, attach)]
        receipt = await call(client, "POST", "/v1/submissions", json=content, params=where)
        terminal.answer(receipt, _show_receipt)
        await _say_unclear(client, content, receipt.get("unclear") or ())

    run(work, data, as_=role)


def _show_receipt(receipt: dict[str, Any]) -> None:
    terminal.fields(
        {
            "number 编号": receipt["number"],
            "query code 查询码": receipt["code"],
            "case id 标识": receipt["case"],
            "state 状态": terminal.coded(receipt["state"]),
        }
    )
    if receipt["repeated"]:
        terminal.line("This item was filed before; this is its receipt again. 该件此前已登记。")


def receipt(
    id: CaseId,
    output: Annotated[Path, typer.Option(help="HTML file to write, for printing")] = Path("receipt.html"),
    renew: Annotated[
        str | None, typer.Option(help="Reason: renew the query code first; the present one opens nothing from then on")
    ] = None,
    data: Data = None,
    as_: As = None,
) -> None:
    """Write the receipt of a case again, for printing. The access is recorded."""

    async def work(client: httpx.AsyncClient) -> None:
        if renew is not None:
            body = {"command": "renew_query_code", "command_id": f"cli-{secrets.token_hex(8)}", "reason": renew}
            await call(client, "POST", f"/v1/cases/{quoted(id)}/commands", json=body)
        answer = await client.get(f"/v1/cases/{quoted(id)}/receipt")
        check(answer)
        with stopping_for_file(output, "written"):
            write_private(output, answer.content)
        terminal.line(f"Written to {output}. 已写入 {output}。")

    run(work, data, as_=as_ or DESK)


def inbox(
    org: Organisation,
    after: After = "0",
    limit: Most = 50,
    wait: Wait = 0,
    data: Data = None,
    as_: As = None,
    json: AsJson = False,
) -> None:
    """List the inbox of an organisation after a cursor."""
    path = f"/v1/organisations/{quoted(org)}/assignments"
    columns = ("#", "number 编号", "at, kind 时间、事由", "due, subject, place 期限、事项、属地")
    role, more = as_ or f"organisation:{org}", f"huiyin inbox {org} "
    params = {"after": after, "limit": limit, "wait": wait}
    ask_page(
        path,
        "entries",
        columns,
        _inbox_row,
        data,
        as_=role,
        params=params,
        whole=2,
        following=more,
        width=terminal.list_width(),
    )


def _inbox_row(one: dict[str, Any], words: Wording) -> tuple[Any, ...]:
    dues = [f"{clock['clock']} {due(clock['due'], words.zone())}" for clock in one["due"]]
    what = ", ".join(filter(None, (*dues, words.name(one["subject"]), words.name(one["place"]))))
    return one["id"], one["number"], f"{at(one['at'], words.zone())[:16]} {_kind(one['kind'])}", what


_KINDS = {
    "assigned": "派件", "withdrawn": "收回", "returned": "同意退回", "return_refused": "不同意退回", "ruled": "指定管辖",
    "material_added": "补充材料", "nudged": "催问", "deadline_changed": "期限变动", "at_risk": "临期", "reminded": "提醒",
    "urged": "催办", "extension_granted": "批准延期", "extension_refused": "不批准延期", "redo_ordered": "责令重办",
    "corrected": "更正", "joined": "并案", "evaluated": "评价", "closed": "办结", "outcome": "处理结果", "forwarded": "下转",
    "handed_back": "下级退回", "review_requested": "申请复查复核", "opinion_issued": "复查复核意见",
    "extension_questioned": "延期有异议",
    "guidance_void": "引导失效", "webhook_disabled": "推送停用",
}  # fmt: skip
"""Kind of an inbox entry -> its Chinese word."""


def _kind(kind: str) -> str:
    """The kind of an inbox entry in the chosen language, or in both."""
    return terminal.told(_KINDS[kind], kind) if kind in _KINDS else kind


def status(
    number: Annotated[str, typer.Argument(help="Number of the case")],
    code: Annotated[str | None, typer.Option(help="Query code. Default: HUIYIN_CODE, or asks for it")] = None,
    code_file: Annotated[Path | None, typer.Option(help="File that holds the query code")] = None,
    before: Annotated[int | None, typer.Option(help="The events before this version, at most 100", min=1)] = None,
    data: Data = None,
    json: AsJson = False,
) -> None:
    """Show the status of a case as its petitioner sees it."""
    if code is None:
        code = _code(code_file)
    else:
        terminal.note("note: a code on the command line stays in the history of the shell 查询码会留在命令历史中")
    ask("POST", "/v1/status", _show_status, data, json={"number": number, "code": code, **given(before=before)})


def _show_status(found: dict[str, Any]) -> None:
    terminal.line(terminal.told(found["zh"], found["en"], "\n"))
    terminal.table(("day 日期", ""), [(one["day"], terminal.told(one["zh"], one["en"])) for one in found["events"]])
    if found.get("events_before"):
        terminal.note(f"Earlier events 更早的经过: huiyin status {found['number']} --before {found['events_before']}")


def _code(file: Path | None) -> str:
    if file is not None:
        return text_of(file).strip()
    known = os.environ.get("HUIYIN_CODE")
    if known:
        return known.strip()
    if not sys.stdin.isatty():
        terminal.stop(
            "The query code is needed: --code-file, or HUIYIN_CODE.",
            "需要查询码，请使用 --code-file，或设置 HUIYIN_CODE。",
        )
    return str(typer.prompt("query code 查询码", hide_input=True))
