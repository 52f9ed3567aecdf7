"""`huiyin submit | inbox | status`: what is filed, what an organisation was told, what the petitioner is told."""

from __future__ import annotations

import os
import secrets
import sys
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

import httpx
import orjson
import typer

from shared.cli import showing
from shared.cli.connecting import DONE, WRONG_USE, call, check, run
from shared.cli.options import After, As, AsJson, Data, Most, Wait, turning
from shared.cli.wording import at, due, wording
from shared.telling import STATE_WORDS

DESK = "registrar:local"
ONLOOKER = "supervisor:local"


def submit(
    channel: Annotated[str, typer.Option(help="Code of the channel")] = "web",
    item: Annotated[
        str | None, typer.Option(help="The channel's own id; default: a new one", show_default=False)
    ] = None,
    text: Annotated[str | None, typer.Option(help="What is complained of; - reads it from standard input")] = None,
    title: Annotated[str | None, typer.Option(help="Title")] = None,
    place: Annotated[str | None, typer.Option(help="Code of the place of the problem")] = None,
    subject: Annotated[str | None, typer.Option(help="Code of the subject")] = None,
    class_: Annotated[str | None, typer.Option("--class", help="claim, accusation, suggestion, …")] = None,
    name: Annotated[str | None, typer.Option(help="Who files; sealed")] = None,
    phone: Annotated[str | None, typer.Option(help="Telephone number; sealed")] = None,
    received_at: Annotated[str | None, typer.Option(help="Date, or instant with offset. Default: now")] = None,
    anonymous: Annotated[bool, typer.Option("--anonymous", help="Filed without a name")] = False,
    confidential: Annotated[
        bool, typer.Option("--confidential", help="The organisation does not see who files")
    ] = False,
    received_by: Annotated[
        str | None, typer.Option(help="Code of the organisation that received it itself (Art. 23)")
    ] = None,
    file: Annotated[Path | None, typer.Option(help="A JSON file with the whole submission instead; - reads it")] = None,
    jurisdiction: Annotated[str | None, typer.Option(help="Jurisdiction, where the channel does not say it")] = None,
    data: Data = None,
    as_: As = None,
    json: AsJson = False,
) -> None:
    """File a complaint; prints the receipt. The same item again gives the same receipt."""
    if file is not None:
        beside = (item, text, title, place, subject, class_, name, phone, received_at, received_by)
        if any(one is not None for one in beside) or anonymous or confidential:
            showing.complain(
                "--file holds the whole submission; leave the other options out.",
                "--file 已包含全部内容，请去掉其他选项。",
            )
            raise typer.Exit(WRONG_USE)
        content: Any = _from_file(file)
    else:
        if text is None:
            showing.complain(
                'Say what it is about: --text "…" (or --text - to read it, or --file).', "请用 --text 填写内容。"
            )
            raise typer.Exit(WRONG_USE)
        petitioner = {key: value for key, value in (("name", name), ("phone", phone)) if value is not None}
        given = {
            "channel": channel,
            "item": f"cli-{secrets.token_hex(6)}" if item is None else item,
            "text": sys.stdin.read() if text == "-" else text,
            "title": title,
            "place": place,
            "subject": subject,
            "class": class_,
            "received_at": received_at,
            "received_by": received_by,
            "petitioner": petitioner or None,
        }
        content = {key: value for key, value in given.items() if value is not None}
        content.update({"anonymous": anonymous, "confidential": confidential})

    async def work(client: httpx.AsyncClient) -> int:
        parameters = {"jurisdiction": jurisdiction} if jurisdiction else {}
        receipt: Any = await call(client, "POST", "/v1/submissions", json=content, params=parameters)
        if json:
            showing.as_json(receipt)
        else:
            words = STATE_WORDS.get(receipt["state"])
            showing.fields(
                (
                    ("number 编号", receipt["number"]),
                    ("query code 查询码", receipt["code"]),
                    ("case id", receipt["case"]),
                    ("state 状态", f"{words.zh} ({receipt['state']})" if words else receipt["state"]),
                )
            )
            if receipt["repeated"]:
                showing.line("This item was filed before; this is its receipt again. 该件此前已登记。")
        return DONE

    run(work, data, as_=as_ or DESK)


def _from_file(file: Path) -> Any:
    try:
        return orjson.loads(sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes())
    except OSError as error:
        showing.complain(f"{file} cannot be read: {error.strerror}.")
    except ValueError:
        showing.complain(f"{file} is not JSON.")
    raise typer.Exit(WRONG_USE)


def receipt(
    id: Annotated[str, typer.Argument(help="Case id, number, or CHANNEL:ITEM", metavar="ID")],
    output: Annotated[Path, typer.Option(help="File to write: a page to open in a browser and print")] = Path(
        "receipt.html"
    ),
    data: Data = None,
    as_: As = None,
) -> None:
    """The receipt of a case again, to print. That it was issued is recorded."""

    async def work(client: httpx.AsyncClient) -> int:
        answer = await client.get(f"/v1/cases/{quoted(id)}/receipt")
        check(answer)
        style = (await client.get("/assets/page.css")).text
        page = answer.text.replace(
            '<link rel="stylesheet" href="/assets/page.css">', f"<style>\n{style}</style>"
        ).replace('<script src="/assets/status.js" defer></script>\n', "")
        try:
            output.touch(mode=0o600)
            output.write_text(page, "utf-8")
        except OSError as error:
            showing.complain(f"{output} cannot be written: {error.strerror}.")
            return WRONG_USE
        showing.line(f"Written to {output}. 已写入 {output}。")
        return DONE

    run(work, data, as_=as_ or DESK)


def quoted(reference: str) -> str:
    return quote(reference, safe="")


def inbox(
    org: Annotated[str, typer.Argument(help="Code of the organisation")],
    after: After = 0,
    limit: Most = 50,
    wait: Wait = 0,
    data: Data = None,
    as_: As = None,
    json: AsJson = False,
) -> None:
    """What an organisation was told, from a cursor on."""

    async def work(client: httpx.AsyncClient) -> int:
        page = await call(
            client, "GET", f"/v1/organisations/{quoted(org)}/assignments", params=turning(after, limit, wait)
        )
        if json:
            showing.as_json(page)
            return DONE
        entries: Any = page["entries"]
        words = await wording(client)
        rows = []
        for one in entries:
            dues = [f"{clock['clock']} {due(clock['due'], words.zone())}" for clock in one["due"]]
            what = [*dues, words.named(one["subject"]), words.named(one["place"])]
            rows.append(
                (one["id"], at(one["at"], words.zone()), one["number"], one["kind"], ", ".join(filter(None, what)))
            )
        heads = ("#", "at 时间", "number 编号", "kind 事由", "due, what, where 期限、事项、属地")
        showing.table("", heads, rows, whole=4)
        if page["more"]:
            showing.line(f"more: huiyin inbox {org} --after {page['after']}")
        return DONE

    run(work, data, as_=as_ or f"organisation:{org}")


def status(
    number: Annotated[str, typer.Argument(help="Number of the case")],
    code: Annotated[
        str | None, typer.Option(help="Query code; better left out: it is asked for, or read from HUIYIN_CODE")
    ] = None,
    code_file: Annotated[Path | None, typer.Option(help="File that holds the query code")] = None,
    data: Data = None,
    json: AsJson = False,
) -> None:
    """How a case stands, as its petitioner sees it."""
    if code is not None:
        showing.err.print("note: a code on the command line stays in the shell's history 查询码会留在命令历史中")
    else:
        code = _code(code_file)

    async def work(client: httpx.AsyncClient) -> int:
        found = await call(client, "POST", "/v1/status", json={"number": number, "code": code})
        if json:
            showing.as_json(found)
            return DONE
        showing.line(str(found["zh"]))
        showing.line(str(found["en"]))
        events: Any = found["events"]
        showing.table("", ("day 日期", "", ""), [(one["day"], one["zh"], one["en"]) for one in events])
        return DONE

    run(work, data)


def _code(file: Path | None) -> str:
    if file is not None:
        try:
            return file.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError):
            showing.complain(f"{file} cannot be read.")
            raise typer.Exit(WRONG_USE) from None
    known = os.environ.get("HUIYIN_CODE")
    if known:
        return known.strip()
    if not sys.stdin.isatty():
        showing.complain("The query code is needed: --code-file, or HUIYIN_CODE.", "需要查询码。")
        raise typer.Exit(WRONG_USE)
    return str(typer.prompt("query code 查询码", hide_input=True))
