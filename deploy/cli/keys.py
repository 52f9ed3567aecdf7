"""`huiyin keys add | list | revoke`: access keys of platforms, departments and people."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from deploy.cli import output as terminal
from deploy.cli.client import ask, quoted
from deploy.cli.local_words import at
from deploy.cli.options import AsJson, Data, given

group = typer.Typer(help="Access keys", no_args_is_help=True)
_ROLES = "platform, organisation, clerk, registrar, operator, supervisor, analyst, operations, portal"


@group.command("add")
def add(
    role: Annotated[str, typer.Argument(help=_ROLES)],
    org: Annotated[str | None, typer.Argument(help="Code of the organisation or platform")] = None,
    jurisdiction: Annotated[
        str | None,
        typer.Option(help="Code; needed unless exactly one policy is in force. '*': all, for operations and portal"),
    ] = None,
    person: Annotated[str | None, typer.Option(help="Staff code of the person who holds it; never a name")] = None,
    head: Annotated[
        bool, typer.Option("--head", help="The person is head of the organisation: approves extensions")
    ] = False,
    expires: Annotated[
        str | None, typer.Option(help="Instant with offset at which the key expires. Default: after 365 days")
    ] = None,
    data: Data = None,
    json: AsJson = False,
) -> None:
    """Issue a key. It is shown once and not stored."""
    wanted = given(role=role, org=org, jurisdiction=jurisdiction, person=person, head=head or None, expires=expires)

    def show(issued: dict[str, Any]) -> None:
        terminal.line(issued["key"])
        if issued["named_nowhere"]:
            terminal.note(
                f"No policy in force names {org}. Check the code; to withdraw the key: huiyin keys revoke {issued['id']} "
                "现行规则中没有该代码，请核对。"
            )
        terminal.note(f"jurisdiction 辖区 {issued['jurisdiction']}, expires 到期 {at(issued['expires'])}")
        terminal.note(f"id {issued['id']}. Save the key now, it is not shown again. 请保存，密钥不再显示。")

    ask("POST", "/local/keys", show, data, create=True, json=wanted)


@group.command("list")
def list_keys(data: Data = None, json: AsJson = False) -> None:
    """List all keys with their roles and dates, without the secrets."""
    ask("GET", "/local/keys", _show, data)


def _show(found: dict[str, Any]) -> None:
    rows = [
        (
            one["id"],
            ":".join(filter(None, (one["role"], one["org"])))
            + (f" ({one['person']})" if one["person"] else "")
            + (f" {terminal.heading('head 负责人')}" if one["head"] else ""),
            one["jurisdiction"] or terminal.told("未指明，不能使用", "none: gives no access"),
            _day(one["issued_at"]),
            _state(one),
        )
        for one in found["keys"]
    ]
    heads = ("id 编号", "role, org, person 角色、单位、人员", "in 辖区", "issued 签发", "expires 到期")
    terminal.table(heads, rows, whole=1, width=terminal.list_width())


def _day(text: str | None) -> str:
    """The day of an instant, in UTC as all times of keys."""
    return at(text)[:10]


def _state(key: dict[str, Any]) -> str:
    """When the key expires or was revoked."""
    if key["revoked_at"]:
        return f"{_day(key['revoked_at'])} {terminal.heading('revoked 已吊销')}"
    return _day(key["expires"]) + (f" {terminal.heading('soon 即将到期')}" if key["expires_soon"] else "")


@group.command("revoke")
def revoke(key: Annotated[str, typer.Argument(help="Id of the key")], data: Data = None, json: AsJson = False) -> None:
    """Revoke a key. It no longer gives access."""
    path = f"/local/keys/{quoted(key)}:revoke"
    ask("POST", path, lambda found: terminal.line(f"revoked 已吊销: {found['id']}"), data)
