"""`huiyin submit | act | inbox | status`: what citizens' desks and departments do, from a terminal."""

from __future__ import annotations

import os
import secrets
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_origin
from urllib.parse import quote

import httpx
import orjson
import typer

from shared.cli import showing
from shared.cli.connecting import DONE, WRONG_USE, call, run
from shared.cli.options import As, AsJson, Data
from shared.cli.wording import at, due, wording

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo

    from shared.commands import Rule

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
    file: Annotated[Path | None, typer.Option(help="A JSON file with the whole submission instead; - reads it")] = None,
    jurisdiction: Annotated[str | None, typer.Option(help="Jurisdiction, where the channel does not say it")] = None,
    data: Data = None,
    as_: As = None,
    json: AsJson = False,
) -> None:
    """File a complaint; prints the receipt. The same item again gives the same receipt."""
    if file is not None:
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
            "item": item or f"cli-{secrets.token_hex(6)}",
            "text": sys.stdin.read() if text == "-" else text,
            "title": title,
            "place": place,
            "subject": subject,
            "class": class_,
            "received_at": received_at,
            "petitioner": petitioner or None,
        }
        content = {key: value for key, value in given.items() if value is not None}
        content.update({"anonymous": anonymous, "confidential": confidential})

    async def work(client: httpx.AsyncClient) -> int:
        parameters = {"jurisdiction": jurisdiction} if jurisdiction else {}
        receipt = await call(client, "POST", "/v1/submissions", json=content, params=parameters)
        if json:
            showing.as_json(receipt)
        else:
            showing.fields(
                (
                    ("number 编号", receipt["number"]),
                    ("query code 查询码", receipt["code"]),
                    ("case id", receipt["case"]),
                    ("state 状态", receipt["state"]),
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


def act(
    id: Annotated[str, typer.Argument(help="Case id, number, or CHANNEL:ITEM", metavar="ID")],
    command: Annotated[str, typer.Argument(help="sign_off, accept, decide, close, … (see huiyin case show ID)")],
    fields: Annotated[list[str] | None, typer.Argument(help="field=value …; value @FILE reads a file")] = None,
    effective_at: Annotated[str | None, typer.Option(help="Date, or instant with offset. Default: now")] = None,
    command_id: Annotated[str | None, typer.Option(help="Your id of this command. Default: a new one")] = None,
    expected_version: Annotated[int | None, typer.Option(help="Refuse if the case has moved on since")] = None,
    data: Data = None,
    as_: As = None,
    json: AsJson = False,
) -> None:
    """Give a command on a case. Without --as, as whoever may give it."""
    import deploy.rules  # noqa: F401  # fills RULES
    from shared.commands import RULES

    rule = RULES.get(command)
    if rule is None or set(rule.roles) == {"service"}:
        known = ", ".join(sorted(one.name for one in RULES.values() if set(one.roles) != {"service"}))
        showing.complain(f"There is no command of that name. There are: {known}", "没有这一命令。")
        raise typer.Exit(WRONG_USE)
    body: dict[str, Any] = {"command": command, "command_id": command_id or f"cli-{secrets.token_hex(8)}"}
    body.update(_values(rule, fields or []))
    if effective_at is not None:
        body["effective_at"] = effective_at
    if expected_version is not None:
        body["expected_version"] = expected_version

    async def work(client: httpx.AsyncClient) -> int:
        headers = {} if as_ else {"x-huiyin-as": await _who_may(client, rule, id)}
        answer = await call(client, "POST", f"/v1/cases/{_quoted(id)}/commands", json=body, headers=headers)
        if json:
            showing.as_json(answer)
            return DONE
        events: Any = answer["events"]
        happened = ", ".join(event["type"] for event in events) or "nothing to do 无需办理"
        showing.line(
            f"{answer['number']}  {happened} → {answer['state_zh']} ({answer['state']}), version {answer['version']}"
        )
        return DONE

    run(work, data, as_=as_)


def _values(rule: Rule, fields: list[str]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    by_alias = {field.alias or name: field for name, field in rule.model.model_fields.items()}
    for given in fields:
        name, equals, value = given.partition("=")
        if not equals:
            showing.complain(f"Write fields as field=value. This command has: {', '.join(by_alias) or 'none'}.")
            raise typer.Exit(WRONG_USE)
        if value.startswith("@"):
            try:
                value = Path(value[1:]).read_text(encoding="utf-8")
            except (OSError, UnicodeDecodeError):
                showing.complain(f"The file given for {name} cannot be read.")
                raise typer.Exit(WRONG_USE) from None
        info = by_alias.get(name) or by_alias.get(f"{name}_")
        values[name] = value.split(",") if info is not None and _is_list(info) else value
    return values


def _is_list(info: FieldInfo) -> bool:
    return get_origin(info.annotation) is tuple


async def _who_may(client: httpx.AsyncClient, rule: Rule, reference: str) -> str:
    """The role that may give the command: the responsible organisation, the desk, the supervisor, operations."""
    if "organisation" in rule.roles:
        shown = await client.get(
            f"/v1/cases/{_quoted(reference)}", params={"content": "false"}, headers={"x-huiyin-as": ONLOOKER}
        )
        org = (shown.json().get("org") or {}).get("code") if shown.is_success else None
        if org:
            return f"organisation:{org}"
    for role in ("registrar", "supervisor", "platform"):
        if role in rule.roles:
            return f"{role}:local"
    return ONLOOKER


def _quoted(reference: str) -> str:
    return quote(reference, safe="")


def inbox(
    org: Annotated[str, typer.Argument(help="Code of the organisation")],
    after: Annotated[int, typer.Option(help="Cursor: entries after this one")] = 0,
    limit: Annotated[int, typer.Option(help="Most entries", min=1, max=200)] = 50,
    wait: Annotated[float, typer.Option(help="Seconds to wait for news", min=0, max=30)] = 0,
    data: Data = None,
    as_: As = None,
    json: AsJson = False,
) -> None:
    """What an organisation was told, from a cursor on."""

    async def work(client: httpx.AsyncClient) -> int:
        parameters: dict[str, Any] = {"after": after, "limit": limit, "wait": wait}
        page = await call(client, "GET", f"/v1/organisations/{_quoted(org)}/assignments", params=parameters)
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
