"""`huiyin platform updates | day | replay`: what a platform was told, and what became of the records that it sent on a day."""

from __future__ import annotations

from typing import Annotated, Any

import httpx
import typer

from shared.cli import showing
from shared.cli.connecting import call, run
from shared.cli.filing import quoted
from shared.cli.options import After, As, AsJson, Data, Most, Wait, turning
from shared.cli.showing import DONE
from shared.cli.wording import at, wording

group = typer.Typer(help="What a platform was told, and what became of a day of its records", no_args_is_help=True)
Platform = Annotated[str, typer.Argument(help="Code of the platform")]


@group.command("updates")
def updates(
    platform: Platform,
    after: After = 0,
    limit: Most = 50,
    wait: Wait = 0,
    data: Data = None,
    as_: As = None,
    json: AsJson = False,
) -> None:
    """What a platform was told, from a cursor on."""

    async def work(client: httpx.AsyncClient) -> int:
        page = await call(
            client, "GET", f"/v1/platforms/{quoted(platform)}/updates", params=turning(after, limit, wait)
        )
        if json:
            showing.as_json(page)
            return DONE
        words = await wording(client)
        entries: Any = page["entries"]
        rows = [
            (one["id"], at(one["at"], words.zone()), one["number"] or one["item"], one["kind"], _more(one))
            for one in entries
        ]
        showing.table("", ("#", "at 时间", "number 编号", "kind 事由", "more 说明"), rows, whole=4)
        if page["more"]:
            showing.line(f"more: huiyin platform updates {platform} --after {page['after']}")
        return DONE

    run(work, data, as_=as_ or f"platform:{platform}")


def _more(entry: dict[str, Any]) -> str:
    refused = (entry["problem"] or {}).get("code")
    again = "again 重复" if entry["repeated"] else None
    return ", ".join(str(one) for one in (refused, entry["command"], entry["org"], entry["detail"], again) if one)


@group.command("replay")
def replay(
    platform: Platform,
    since: Annotated[
        str | None, typer.Option(help="Id of the first entry, or a date (2026-01-31); everything when left out")
    ] = None,
    data: Data = None,
    json: AsJson = False,
) -> None:
    """Put its updates into its topic once more, under the same ids, those too that the topic does not keep any more."""

    async def work(client: httpx.AsyncClient) -> int:
        found: Any = await call(client, "POST", f"/local/platforms/{quoted(platform)}:replay", json={"since": since})
        if json:
            showing.as_json(found)
        else:
            first, number = found["first"], found["entries"]
            showing.line(
                f"{platform}: {number} entries go into its topic again, from {first} on. 重新送出 {number} 条。"
            )
        return DONE

    run(work, data)


@group.command("day")
def day(
    platform: Platform,
    on: Annotated[str, typer.Argument(help="The day, for example 2026-01-31")],
    data: Data = None,
    as_: As = None,
    json: AsJson = False,
) -> None:
    """What became of the records that a platform sent to its topic on one day, by the records' own time."""

    async def work(client: httpx.AsyncClient) -> int:
        found = await call(client, "GET", f"/v1/platforms/{quoted(platform)}/days/{quoted(on)}")
        if json:
            showing.as_json(found)
            return DONE
        refusals: Any = found["refusals"]
        rows = [
            ("sent 收到", found["sent"]),
            ("registered 登记", found["registered"]),
            ("done 已办理", found["done"]),
            ("refused 退回", found["refused"]),
            *((f"  {code}", count) for code, count in refusals.items()),
            ("same again 重复", found["same_again"]),
        ]
        showing.table(f"{platform} {found['day']} ({found['zone']})", ("", "records 条"), rows)
        return DONE

    run(work, data, as_=as_ or "operations")
