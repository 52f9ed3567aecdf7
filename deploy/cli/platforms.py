"""`huiyin platform updates | day | replay`: the updates of a platform, and the results of the records that it sent on a
day."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from deploy.cli import output as terminal
from deploy.cli.client import ask, ask_page, quoted
from deploy.cli.local_words import Wording, at
from deploy.cli.options import After, As, AsJson, Data, Most, Platform, Since, Wait, Where
from deploy.cli.outbox import replay_topic

group = typer.Typer(
    help="Notifications to a platform, and the results of the records that it sent", no_args_is_help=True
)


@group.command("updates")
def updates(
    platform: Platform,
    after: After = "0",
    limit: Most = 50,
    wait: Wait = 0,
    data: Data = None,
    as_: As = None,
    json: AsJson = False,
) -> None:
    """List the updates of a platform after a cursor."""
    path = f"/v1/platforms/{quoted(platform)}/updates"
    columns = ("#", "at 时间", "number 编号", "kind 事由", "more 说明")
    role, more = as_ or f"platform:{platform}", f"huiyin platform updates {platform} "
    params = {"after": after, "limit": limit, "wait": wait}
    ask_page(path, "entries", columns, _row, data, as_=role, params=params, whole=4, following=more)


def _row(one: dict[str, Any], words: Wording) -> tuple[Any, ...]:
    refused = (one["problem"] or {}).get("code")
    again = "again 重复" if one["repeated"] else None
    more = ", ".join(filter(None, (refused, one["command"], one["org"], one["detail"], again)))
    return one["id"], at(one["at"], words.zone()), one["number"] or one["item"], one["kind"], more


@group.command("replay")
def replay(
    platform: Platform, since: Since = None, jurisdiction: Where = None, data: Data = None, json: AsJson = False
) -> None:
    """Publish the updates of a platform to its topic again, with the same ids, even if the topic no longer keeps them."""
    replay_topic("platforms", platform, since, jurisdiction, data)


@group.command("day")
def day(
    platform: Platform,
    on: Annotated[str, typer.Argument(help="The day, for example 2026-01-31")],
    data: Data = None,
    as_: As = None,
    json: AsJson = False,
) -> None:
    """Count the results of the records that a platform sent to its topic on one day, by the time of the records."""
    path = f"/v1/platforms/{quoted(platform)}/days/{quoted(on)}"
    ask("GET", path, lambda found: _show_day(platform, found), data, as_=as_ or "operations")


def _show_day(platform: str, found: dict[str, Any]) -> None:
    rows = [
        ("sent 收到", found["sent"]),
        ("registered 登记", found["registered"]),
        ("done 已办理", found["done"]),
        ("refused 退回", found["refused"]),
        *((f"  {code}", count) for code, count in found["refusals"].items()),
        ("same again 重复", found["same_again"]),
    ]
    terminal.table(("", "records 条"), rows, title=f"{platform} {found['day']} ({found['zone']})")
