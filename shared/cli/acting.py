"""`huiyin act`: one command on a case, or a file of them."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_origin

import httpx
import typer

from shared.cli import showing
from shared.cli.connecting import DONE, WRONG_USE, call, run
from shared.cli.filing import ONLOOKER, quoted
from shared.cli.options import As, AsJson, Data
from shared.cli.texts import text_of

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo

    from shared.commands import Rule


def act(
    id: Annotated[
        str | None, typer.Argument(help="Case id, number, or CHANNEL:ITEM", metavar="ID", show_default=False)
    ] = None,
    command: Annotated[
        str | None,
        typer.Argument(help="sign_off, accept, decide, close, … (see huiyin case show ID)", show_default=False),
    ] = None,
    fields: Annotated[
        list[str] | None, typer.Argument(help="field=value …, or field.inner=value; value @FILE reads a file")
    ] = None,
    effective_at: Annotated[str | None, typer.Option(help="Date, or instant with offset. Default: now")] = None,
    command_id: Annotated[str | None, typer.Option(help="Your id of this command. Default: a new one")] = None,
    expected_version: Annotated[int | None, typer.Option(help="Refuse if the case has moved on since")] = None,
    file: Annotated[
        Path | None, typer.Option(help="Many commands: CSV or NDJSON with case, command and its fields; - reads NDJSON")
    ] = None,
    data: Data = None,
    as_: As = None,
    json: AsJson = False,
) -> None:
    """Give a command on a case, or those of a file. Without --as, as whoever may give it."""
    if file is not None:
        if id is not None:
            showing.complain("Give either a case and a command, or --file.", "请只给出案件与命令，或者 --file。")
            raise typer.Exit(WRONG_USE)
        from shared.cli.bulk import act_file

        act_file(file, data=data, as_=as_)
    if id is None or command is None:
        showing.complain("Say which case and which command: huiyin act ID COMMAND.", "请注明案件和命令。")
        raise typer.Exit(WRONG_USE)
    reference = id
    rules = known_rules()
    rule = rules.get(command)
    if rule is None:
        showing.complain(f"There is no command of that name. There are: {', '.join(sorted(rules))}", "没有这一命令。")
        raise typer.Exit(WRONG_USE)
    body: dict[str, Any] = {"command": command, "command_id": command_id or f"cli-{secrets.token_hex(8)}"}
    body.update(_values(rule, fields or []))
    if effective_at is not None:
        body["effective_at"] = effective_at
    if expected_version is not None:
        body["expected_version"] = expected_version

    async def work(client: httpx.AsyncClient) -> int:
        headers = {} if as_ else {"x-huiyin-as": await _who_may(client, rule, reference)}
        answer = await call(client, "POST", f"/v1/cases/{quoted(reference)}/commands", json=body, headers=headers)
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


def known_rules() -> dict[str, Rule]:
    """The commands that people and systems may give, by name."""
    import deploy.rules  # noqa: F401  # fills RULES
    from shared.commands import RULES

    return {rule.name: rule for rule in RULES.values() if set(rule.roles) != {"service"}}


def _values(rule: Rule, fields: list[str]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    named: set[str] = set()
    by_alias = {field.alias or name: field for name, field in rule.model.model_fields.items()}
    for given in fields:
        name, equals, value = given.partition("=")
        if not equals:
            showing.complain(f"Write fields as field=value. This command has: {', '.join(by_alias) or 'none'}.")
            raise typer.Exit(WRONG_USE)
        if value.startswith("@"):
            value = text_of(Path(value[1:]))
        if name in named:
            showing.complain(f"The field {name} is given twice; give it once.", f"字段 {name} 重复，请只写一次。")
            raise typer.Exit(WRONG_USE)
        named.add(name)
        put(values, name, typed(rule, name, value))
    return values


def put(values: dict[str, Any], name: str, value: Any) -> None:
    """`respondent.org` is the field `org` of `respondent`."""
    outer, _dot, inner = name.partition(".")
    within = values.setdefault(outer, {}) if inner else None
    if isinstance(within, dict):
        within[inner] = value
    else:  # also what cannot be, which is then refused by its name
        values[name] = value


def typed(rule: Rule, name: str, value: str) -> Any:
    """A field's text as the command takes it: a list where it takes one."""
    by_alias = {field.alias or own: field for own, field in rule.model.model_fields.items()}
    info = by_alias.get(name) or by_alias.get(f"{name}_")
    return value.split(",") if info is not None and _is_list(info) else value


def _is_list(info: FieldInfo) -> bool:
    return get_origin(info.annotation) is tuple


async def _who_may(client: httpx.AsyncClient, rule: Rule, reference: str) -> str:
    """The role that may give the command: the responsible organisation, the desk, the supervisor, operations."""
    if "organisation" in rule.roles:
        shown = await client.get(
            f"/v1/cases/{quoted(reference)}", params={"content": "false"}, headers={"x-huiyin-as": ONLOOKER}
        )
        org = (shown.json().get("org") or {}).get("code") if shown.is_success else None
        if org:
            return f"organisation:{org}"
    for role in ("registrar", "supervisor", "platform"):
        if role in rule.roles:
            return f"{role}:local"
    return ONLOOKER
