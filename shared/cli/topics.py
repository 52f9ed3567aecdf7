"""`huiyin topics diff | apply`: Kafka's topics as `deploy/topics.yaml` describes them."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import typer

from shared.cli import showing
from shared.cli.options import AsJson
from shared.cli.showing import DONE, REFUSED, WRONG_USE
from shared.settings import load

if TYPE_CHECKING:
    from deploy.topics import Difference

group = typer.Typer(help="Kafka's topics, as data", no_args_is_help=True)


@group.command("diff")
def diff(json: AsJson = False) -> None:
    """What is not as the file says. Changes nothing; ends with 1 when there is something."""
    _run(apply=False, json=json)


@group.command("apply")
def apply(json: AsJson = False) -> None:
    """Make what is missing. Never deletes a topic, never shortens what is kept, never changes the partitions of case-events.
    Ends with 1 when something is left to people."""
    _run(apply=True, json=json)


def _run(*, apply: bool, json: bool) -> None:
    from deploy.full import CannotStart
    from shared.adapters.kafka import Away
    from shared.adapters.kafka.topics import Refusal

    try:
        found = asyncio.run(_work(apply=apply))
    except (CannotStart, ValueError) as error:
        showing.complain(str(error))
        raise typer.Exit(WRONG_USE) from None
    except Away as error:
        showing.complain(f"Kafka does not answer ({error}). Check HUIYIN_KAFKA_BOOTSTRAP.", "Kafka 没有响应。")
        raise typer.Exit(REFUSED) from None
    except Refusal as error:
        showing.complain(f"Kafka refuses: {error}.", "Kafka 拒绝了该操作。")
        raise typer.Exit(REFUSED) from None
    if json:
        lines = [one._replace(change=None)._asdict() | {"left": one.change is None} for one in found]
        showing.as_json({"applied": apply, "differences": lines})
    elif not found:
        showing.line("The topics are as they should be. 主题与配置一致。")
    else:
        done = "made 已完成" if apply else "would be made 待执行"
        rows = [
            (one.topic, one.what, one.wanted, one.have, done if one.change else f"left: {one.why}") for one in found
        ]
        showing.table("", ("topic 主题", "what", "wanted 应为", "is 现为", ""), rows, whole=1)
    left = [one for one in found if one.change is None] if apply else found
    raise typer.Exit(REFUSED if left else DONE)


async def _work(*, apply: bool) -> list[Difference]:
    from deploy.full import connection
    from deploy.topics import differences
    from deploy.topics import load as wanted
    from shared.adapters.kafka.topics import asking

    settings = load()
    topics = wanted(prefix=settings.kafka_prefix)
    async with asking(connection(settings)) as brokers:
        existing = await brokers.existing([one.name for one in topics])
        found = differences(topics, existing, await brokers.brokers())
        for one in found:
            if apply and one.change is not None:
                make = brokers.create if one.what == "missing" else brokers.change
                await make(one.topic, one.change)
    return found
