"""`huiyin topics diff | apply | acls`: Kafka's topics and rights as `deploy/topics.yaml` describes them."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from shared.cli import showing
from shared.cli.options import AsJson
from shared.cli.showing import DONE, REFUSED, WRONG_USE
from shared.settings import load

if TYPE_CHECKING:
    from deploy.topics import Difference, Members
    from shared.adapters.kafka.rights import Right

T = TypeVar("T")
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


@group.command("acls")
def acls(
    organisation: Annotated[
        list[str] | None,
        typer.Option(
            help="Code of an organisation that works through Kafka; again for each. Default: those of the policy in force"
        ),
    ] = None,
    platform: Annotated[list[str] | None, typer.Option(help="Code of a platform; again for each")] = None,
    apply: Annotated[bool, typer.Option("--apply", help="Give what is missing, as the administrator of Kafka")] = False,
    json: AsJson = False,
) -> None:
    """Who may read and write, as commands for Kafka's own tool; or give it. Takes no right away: with --apply it ends with 1
    when one of these users may do more than the file says."""
    members = {"organisation": organisation or [], "platform": platform or []}
    if not apply:
        for line in _guarded(_commands(members)):
            showing.line(line)
        return
    missing, more = _guarded(_give(members))
    if json:
        showing.as_json({"given": [one._asdict() for one in missing], "more": [one._asdict() for one in more]})
    else:
        rows = [(one.user, one.operation, _shown(one), "given 已授予") for one in missing]
        rows += [(one.user, one.operation, _shown(one), "not in the file 多出") for one in more]
        if rows:
            showing.table("", ("user 用户", "", "", ""), rows, whole=1)
        else:
            showing.line("The rights are as they should be. 权限与配置一致。")
    raise typer.Exit(REFUSED if more else DONE)


@group.command("refill")
def refill(json: AsJson = False) -> None:
    """Carry the whole log to case-events again, after a restore under another HUIYIN_KAFKA_PREFIX: every commit counts as not
    published, and the running processes publish it. Nothing is done twice."""
    number = _guarded(_refilled())
    if json:
        showing.as_json({"commits": number})
    else:
        showing.line(f"{number} commits will be published again. {number} 次提交将重新发布。")


async def _refilled() -> int:
    from deploy.full import CannotStart
    from deploy.stores import StoreProblem, open_stores
    from shared.adapters.system import SystemClock

    try:
        log, views, keys = await open_stores(load())
    except StoreProblem as error:
        raise CannotStart(str(error)) from None
    try:
        return await log.publish_again(SystemClock().now())
    finally:
        for one in (views, log, keys):
            await one.close()


def _shown(right: Right) -> str:
    return f"{right.kind} {right.name}{'…' if right.prefixed else ''}"


async def _named(given: dict[str, list[str]]) -> Members:
    """Those that were named; else those of the policy in force, where there is a store to read it from."""
    return given if any(given.values()) else await _members()


async def _members() -> Members:
    """Who has topics of their own, as the policies in force say. Raises CannotStart where the store does not answer."""
    from deploy.full import CannotStart
    from deploy.stores import StoreProblem, policies_of
    from deploy.topics import members_of

    try:
        return members_of((await policies_of(load())).values())
    except StoreProblem as error:
        raise CannotStart(f"The topics of organisations are not known: {error}") from None


async def _commands(members: dict[str, list[str]]) -> list[str]:
    from deploy.rights import command, rights
    from deploy.topics import load as wanted

    settings = load()
    topics = wanted(prefix=settings.kafka_prefix)
    given = rights(topics, await _named(members), settings.kafka_prefix)
    return [command(one, settings.kafka_bootstrap or "kafka:9092") for one in given]


async def _give(members: dict[str, list[str]]) -> tuple[list[Right], list[Right]]:
    """(what was missing and is given now, what is there beside the file)."""
    from deploy.full import connection
    from deploy.rights import rights
    from deploy.topics import load as wanted
    from shared.adapters.kafka.rights import asking_rights

    settings = load()
    given = rights(wanted(prefix=settings.kafka_prefix), await _named(members), settings.kafka_prefix)
    async with asking_rights(connection(settings)) as brokers:
        found = await brokers.of({one.user for one in given})
        missing = [one for one in given if one not in found]
        await brokers.give(missing)
    return missing, sorted(found - set(given))


def _guarded(work: Coroutine[Any, Any, T]) -> T:
    """What it gives; what can go wrong with Kafka is said in a sentence."""
    from deploy.full import CannotStart
    from shared.adapters.kafka import Away
    from shared.adapters.kafka.topics import Refusal

    try:
        return asyncio.run(work)
    except (CannotStart, ValueError) as error:
        showing.complain(str(error))
        raise typer.Exit(WRONG_USE) from None
    except Away as error:
        showing.complain(f"Kafka does not answer ({error}). Check HUIYIN_KAFKA_BOOTSTRAP.", "Kafka 没有响应。")
        raise typer.Exit(REFUSED) from None
    except Refusal as error:
        showing.complain(f"Kafka refuses: {error}.", "Kafka 拒绝了该操作。")
        raise typer.Exit(REFUSED) from None


def _run(*, apply: bool, json: bool) -> None:
    found = _guarded(_work(apply=apply))
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
    from deploy.topics import differences, spread
    from deploy.topics import load as wanted
    from shared.adapters.kafka.topics import asking

    settings = load()
    topics = spread(wanted(prefix=settings.kafka_prefix), await _members())
    async with asking(connection(settings)) as brokers:
        existing = await brokers.existing([one.name for one in topics])
        found = differences(topics, existing, await brokers.brokers())
        for one in found:
            if apply and one.change is not None:
                make = brokers.create if one.what == "missing" else brokers.change
                await make(one.topic, one.change)
    return found
