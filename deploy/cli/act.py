"""`huiyin act`: one command on a case, or the commands of a file."""

from __future__ import annotations

import secrets
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import httpx
import typer

from deploy.cli import output as terminal
from deploy.cli.act_file import act_file, field_value, known_rules, set_field
from deploy.cli.client import AS_HEADER, call, quoted, run
from deploy.cli.command_help import ActCommand, command_names
from deploy.cli.options import SUPERVISOR, As, AsJson, Data, given
from deploy.cli.text_files import text_of

if TYPE_CHECKING:
    from shared.commands.command import Decider


def act(
    id: Annotated[str | None, typer.Argument(help="Case id, number, or CHANNEL:ITEM", metavar="ID")] = None,
    command: Annotated[
        str | None,
        typer.Argument(
            help="sign_off, accept, … Its fields: huiyin act ID COMMAND --help", autocompletion=command_names
        ),
    ] = None,
    fields: Annotated[list[str] | None, typer.Argument(help="field=value or field.inner=value; @FILE as value")] = None,
    effective_at: Annotated[str | None, typer.Option(help="Date, or instant with offset. Default: now")] = None,
    command_id: Annotated[str | None, typer.Option(help="Your id of this command. Default: a new one")] = None,
    expected_version: Annotated[int | None, typer.Option(help="Refuse if the case has another version")] = None,
    file: Annotated[Path | None, typer.Option(help="CSV or NDJSON: case, command, its fields; - reads NDJSON")] = None,
    data: Data = None,
    as_: As = None,
    json: AsJson = False,
) -> None:
    """Run a command on a case, or the commands of a file. Default of --as: an allowed role."""
    if file is not None:
        if id is not None:
            terminal.stop(
                "Give either a case and a command, or --file.", "请填写信访件和命令，或者使用 --file，二者择一。"
            )
        act_file(file, data=data, as_=as_)
    if id is None or command is None:
        terminal.stop("Give a case and a command: huiyin act ID COMMAND.", "请填写信访件和命令：huiyin act 编号 命令。")
    reference = id
    rules = known_rules()
    rule = rules.get(command)
    if rule is None:
        near = get_close_matches(command, rules, n=3) or sorted(rules)
        terminal.stop(
            f"There is no command of that name. Similar ones: {', '.join(near)}.",
            f"没有这一命令。相近的有：{'、'.join(near)}。",
        )
    body = {
        "command": command,
        "command_id": command_id or f"cli-{secrets.token_hex(8)}",
        **_values(rule, fields or []),
        **given(effective_at=effective_at, expected_version=expected_version),
    }

    async def work(client: httpx.AsyncClient) -> None:
        headers = {} if as_ else {AS_HEADER: await _default_role(client, rule, reference)}
        path = f"/v1/cases/{quoted(reference)}/commands"
        terminal.answer(await call(client, "POST", path, json=body, headers=headers), _show)

    run(work, data, as_=as_)


act.command_class = ActCommand  # type: ignore[attr-defined]


def _show(answer: dict[str, Any]) -> None:
    happened = ", ".join(event["type"] for event in answer["events"]) or terminal.heading("nothing to do 无需办理")
    state = terminal.stated(answer["state"], answer["state_zh"])
    version = (
        terminal.told(f"版本 {answer['version']}", f"version {answer['version']}")
        if terminal.language()
        else f"version {answer['version']}"
    )
    terminal.line(f"{answer['number']}  {happened} → {state}, {version}")


def _values(rule: Decider, fields: list[str]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    named: set[str] = set()
    for field in fields:
        name, equals, value = field.partition("=")
        if not equals:
            known = ", ".join(info.alias or name for name, info in rule.model.model_fields.items())
            terminal.stop(
                f"Write fields as field=value. The fields of this command are: {known or 'none'}."
                f" In words: huiyin act ID {rule.name} --help",
                f"字段请写成 字段=值。该命令的字段：{known or '无'}。说明见 huiyin act ID {rule.name} --help",
            )
        if value.startswith("@"):
            value = text_of(Path(value[1:]))
        if name in named:
            terminal.stop(f"The field {name} is given twice; give it once.", f"字段 {name} 重复，请只写一次。")
        named.add(name)
        set_field(values, name, field_value(rule, name, value))
    return values


async def _default_role(client: httpx.AsyncClient, rule: Decider, reference: str) -> str:
    """A role that may give the command: the responsible organisation, the registrar, the supervisor or a platform."""
    if "organisation" in rule.roles:
        shown = await client.get(
            f"/v1/cases/{quoted(reference)}", params={"content": "false"}, headers={AS_HEADER: SUPERVISOR}
        )
        org = (shown.json().get("org") or {}).get("code") if shown.is_success else None
        if org:
            return f"organisation:{org}"
    return next((f"{role}:local" for role in ("registrar", "supervisor", "platform") if role in rule.roles), SUPERVISOR)
