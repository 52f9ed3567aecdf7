"""`huiyin webhook add | list | rotate | test | replay | enable | disable | log`: entries sent to a server of their owner."""

from __future__ import annotations

import uuid
from typing import Annotated, Any

import typer

from deploy.cli import output as terminal
from deploy.cli.client import ask, quoted
from deploy.cli.local_words import at
from deploy.cli.options import As, AsJson, Data, given

group = typer.Typer(
    help="Webhooks: entries that are sent to a server of an organisation or platform", no_args_is_help=True
)
Webhook = Annotated[str, typer.Argument(help="Id of the webhook, wh_…")]
_OPERATIONS = "operations:local"


@group.command("add")
def add(
    url: Annotated[str, typer.Argument(help="https address of the server")],
    kind: Annotated[list[str] | None, typer.Option(help="Kind of entries to send; repeatable. Default: all")] = None,
    after: Annotated[int | None, typer.Option(help="Send entries after this cursor; 0: all. Default: new ones")] = None,
    command_id: Annotated[str | None, typer.Option(help="Id of this request. Default: a new one")] = None,
    data: Data = None,
    as_: As = None,
    json: AsJson = False,
) -> None:
    """Add a webhook, as its owner (--as organisation:CODE or platform:CODE). Its secret is shown once."""
    wanted = {"command_id": command_id or str(uuid.uuid4()), "url": url, **given(kinds=kind or None, after=after)}
    ask("POST", "/v1/webhooks", _keys, data, as_=as_, json=wanted)


def _keys(one: dict[str, Any]) -> None:
    terminal.line(one["id"])
    terminal.line(f"secret 密钥 {one['secret']}")
    terminal.line(f"public key 公钥 {one['public_key']}")
    terminal.note("Save the secret now, it is not shown again. 请保存，密钥不再显示。")


@group.command("list")
def list_webhooks(data: Data = None, as_: As = None, json: AsJson = False) -> None:
    """List webhooks with the position of each; as operations those of every owner."""
    ask("GET", "/v1/webhooks", _show, data, as_=as_ or _OPERATIONS)


def _show(found: dict[str, Any]) -> None:
    rows = [
        (
            one["id"],
            f"{one['audience']}:{one['owner']}@{one['jurisdiction']}",
            one["after"],
            one["attempt"] or "",
            at(one["next_at"]),
            one["disabled"] or "",
        )
        for one in found["webhooks"]
    ]
    heads = ("id 编号", "owner 所有者", "after 位置", "failed 失败次数", "next 下次", "disabled 停用原因")
    terminal.table(heads, rows, whole=1, width=terminal.list_width())


@group.command("rotate")
def rotate(webhook: Webhook, data: Data = None, as_: As = None, json: AsJson = False) -> None:
    """Renew the keys. The old ones sign for seven more days as well."""
    ask("POST", f"/v1/webhooks/{quoted(webhook)}:rotate", _keys, data, as_=as_)


@group.command("test")
def test(webhook: Webhook, data: Data = None, as_: As = None, json: AsJson = False) -> None:
    """Send a test message. Exits with 1 if the server does not take it."""

    def show(one: dict[str, Any]) -> None:
        terminal.line(f"{one['status'] or one['problem']} {one['milliseconds']} ms")

    path = f"/v1/webhooks/{quoted(webhook)}:test"
    ask("POST", path, show, data, as_=as_, failed=lambda one: not one["ok"])


@group.command("replay")
def replay(
    webhook: Webhook,
    first: Annotated[int, typer.Argument(help="Cursor of the first entry")],
    last: Annotated[int | None, typer.Argument(help="Cursor of the last entry. Default: only the first")] = None,
    data: Data = None,
    as_: As = None,
    json: AsJson = False,
) -> None:
    """Send one entry or a range once more, under the same ids."""
    path = f"/v1/webhooks/{quoted(webhook)}:replay"
    ask("POST", path, _one, data, as_=as_, json={"first": first, **given(last=last)})


@group.command("disable")
def disable(webhook: Webhook, data: Data = None, as_: As = None, json: AsJson = False) -> None:
    """Send nothing more to it, until it is enabled."""
    ask("POST", f"/v1/webhooks/{quoted(webhook)}:disable", _one, data, as_=as_ or _OPERATIONS)


@group.command("enable")
def enable(webhook: Webhook, data: Data = None, as_: As = None, json: AsJson = False) -> None:
    """Send again, beginning where it stopped."""
    ask("POST", f"/v1/webhooks/{quoted(webhook)}:enable", _one, data, as_=as_)


def _one(one: dict[str, Any]) -> None:
    _show({"webhooks": [one]})


@group.command("log")
def deliveries(
    webhook: Webhook,
    limit: Annotated[int, typer.Option(help="Maximum number of results", min=1, max=200)] = 50,
    data: Data = None,
    as_: As = None,
    json: AsJson = False,
) -> None:
    """List the newest deliveries with status and latency."""
    path = f"/v1/webhooks/{quoted(webhook)}/log"
    ask("GET", path, _log, data, as_=as_ or _OPERATIONS, params={"limit": limit})


def _log(found: dict[str, Any]) -> None:
    rows = [
        (
            at(one["at"]),
            one["seq"] or "",
            one["kind"],
            one["status"] or one["problem"] or "",
            f"{one['milliseconds']} ms",
            one["attempt"] or "",
            at(one["next_at"]),
        )
        for one in found["deliveries"]
    ]
    heads = ("at 时间", "# 位置", "kind 结果", "status 状态", "latency 用时", "failed 失败次数", "next 下次")
    terminal.table(heads, rows, whole=1, width=terminal.list_width())
