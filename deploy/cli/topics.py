"""`huiyin topics diff | apply | acls | refill`: the topics and access rights of Kafka (deploy/kafka/topics.yaml)."""

from __future__ import annotations

import asyncio
import re
import secrets
from collections.abc import Coroutine
from typing import Annotated, Any, TypeVar

import typer

from deploy.cli import output as terminal
from deploy.cli.options import AsJson
from deploy.cli.output import DONE, REFUSED
from deploy.kafka.acls import command, rights
from deploy.kafka.remedies import refusal, remedy
from deploy.kafka.topics import Difference, Members, Topic, differences, members_of, spread
from deploy.kafka.topics import load as load_topics
from deploy.modes.distributed import CannotStart, connection
from deploy.storage.mongo_stores import StoreProblem, open_stores, policies_of
from shared.adapters.kafka.acls import Acl, AclAdmin
from shared.adapters.kafka.consumer_lag import BrokerUnavailable
from shared.adapters.kafka.topics import Refusal, Topics, admin_client
from shared.adapters.kafka.users import KafkaUsers
from shared.adapters.system_clock import SystemClock
from shared.kernel.settings import Settings, load
from shared.messaging.member import Member
from shared.policy.documents import SLUG

T = TypeVar("T")
NAME = re.compile(r"[A-Za-z0-9._-]{1,200}")
group = typer.Typer(help="The topics and access rights of Kafka", no_args_is_help=True)


@group.command("diff")
def diff(json: AsJson = False) -> None:
    """List the differences between Kafka and the file. Changes nothing; exits with 1 if there are any."""
    found = guarded(compare(apply=False))
    _show_differences(found, apply=False)
    raise typer.Exit(REFUSED if found else DONE)


@group.command("apply")
def apply(json: AsJson = False) -> None:
    """Create and change topics as the file requires. Never deletes a topic, shortens its retention, or changes the partitions of
    case-events. Exits with 1 if a difference is left."""
    found = guarded(compare(apply=True))
    _show_differences(found, apply=True)
    raise typer.Exit(REFUSED if any(one.change is None for one in found) else DONE)


@group.command("acls")
def acls(
    organisation: Annotated[
        list[str] | None,
        typer.Option(help="JURISDICTION.CODE; may be repeated. Default: those of the policies in force"),
    ] = None,
    platform: Annotated[list[str] | None, typer.Option(help="The same for a platform; may be repeated")] = None,
    apply: Annotated[bool, typer.Option("--apply", help="Grant the missing rights, as administrator of Kafka")] = False,
    json: AsJson = False,
) -> None:
    """Print the access rights as commands for Kafka's own tool, or grant them. Revokes nothing; with --apply it exits with 1 if
    one of these users has more rights than the file grants."""
    members = {
        "organisation": [_member(one) for one in organisation or ()],
        "platform": [_member(one) for one in platform or ()],
    }
    if not apply:
        for line in guarded(_commands(members)):
            terminal.line(line)
        return
    missing, more = guarded(give(members))
    if json:
        terminal.as_json({"given": [one._asdict() for one in missing], "more": [one._asdict() for one in more]})
    elif missing or more:
        rows = [_right_row(one, "given 已授予") for one in missing]
        rows += [_right_row(one, "not in the file 多出") for one in more]
        terminal.table(("user 用户", "", "", ""), rows, whole=1)
    else:
        terminal.line("The rights are as they should be. 权限与配置一致。")
    raise typer.Exit(REFUSED if more else DONE)


@group.command("user")
def user(
    name: Annotated[
        str, typer.Argument(help="As `huiyin topics acls` prints it, for example dept-cn-demo.zj", metavar="NAME")
    ],
    json: AsJson = False,
) -> None:
    """Create the Kafka user of an organisation or platform, or give it a new password, as administrator of Kafka. The password is
    printed once. Its rights come from `huiyin topics acls --apply`."""
    if not NAME.fullmatch(name):
        terminal.stop(
            "A user has up to 200 letters, digits, - . and _.", "用户名只能含字母、数字、-、. 和 _，最多 200 个字符。"
        )
    password = secrets.token_urlsafe(24)
    guarded(_user(name, password))
    terminal.answer({"user": name, "password": password}, terminal.fields)


async def _user(name: str, password: str) -> None:
    link = connection(load())
    async with admin_client(link) as admin:
        await KafkaUsers(admin, link).user(name, password)


@group.command("refill")
def refill(json: AsJson = False) -> None:
    """Publish the whole log to case-events again, after a restore under another HUIYIN_KAFKA_PREFIX. Every commit is marked
    as unpublished and the running processes publish it. Consumers handle nothing twice."""
    number = guarded(_refilled())
    terminal.answer(
        {"commits": number},
        lambda _: terminal.line(f"{number} commits will be published again. {number} 次提交将重新发布。"),
    )


def _member(text: str) -> Member:
    """The member that JURISDICTION.CODE names."""
    jurisdiction, dot, code = text.partition(".")
    if not (dot and SLUG.fullmatch(jurisdiction)):
        terminal.stop(
            f"{text} is not JURISDICTION.CODE. Write for example cn-demo.zj.", "请写作 辖区.代码，例如 cn-demo.zj。"
        )
    return Member(jurisdiction, code)


async def _refilled() -> int:
    stores = await open_stores(load())
    try:
        return await stores.log.publish_again(SystemClock().now())
    finally:
        for one in reversed(stores):
            await one.close()


def _right_row(right: Acl, what: str) -> tuple[str, ...]:
    return right.user, right.operation, f"{right.kind} {right.name}{'…' if right.prefixed else ''}", what


def _topics(settings: Settings) -> tuple[Topic, ...]:
    return load_topics(prefix=settings.kafka_prefix)


async def _members(settings: Settings) -> Members:
    """Organisations and platforms that have topics of their own, as the policies in force say."""
    try:
        return members_of((await policies_of(settings)).values())
    except StoreProblem as error:
        raise CannotStart(
            f"The topics of organisations are not known: {error}", f"无法得知各单位的主题：{error.zh or error}"
        ) from None


async def _rights(settings: Settings, members: Members) -> list[Acl]:
    """The rights of the members that were named; otherwise of those of the policies in force."""
    named = members if any(members.values()) else await _members(settings)
    return rights(_topics(settings), named, settings.kafka_prefix)


async def _commands(members: Members) -> list[str]:
    settings = load()
    return [command(one, settings.kafka_bootstrap or "kafka:9092") for one in await _rights(settings, members)]


async def give(members: Members) -> tuple[list[Acl], list[Acl]]:
    """(the missing rights, which have been given; the rights that are not in the file)."""
    settings = load()
    wanted = await _rights(settings, members)
    async with admin_client(connection(settings)) as admin:
        brokers = AclAdmin(admin)
        found = await brokers.of({one.user for one in wanted})
        missing = [one for one in wanted if one not in found]
        await brokers.give(missing)
    return missing, sorted(found - set(wanted))


async def compare(*, apply: bool) -> list[Difference]:
    """The differences between Kafka and the file, which are removed as far as possible with `apply`."""
    settings = load()
    topics = spread(_topics(settings), await _members(settings))
    async with admin_client(connection(settings)) as admin:
        brokers = Topics(admin)
        found = differences(topics, await brokers.existing([one.name for one in topics]), await brokers.brokers())
        for one in found:
            if apply and one.change is not None:
                make = brokers.create if one.what == "missing" else brokers.change
                await make(one.topic, one.change)
    return found


def _show_differences(found: list[Difference], *, apply: bool) -> None:
    if terminal.wants_json():
        lines = [one._replace(change=None)._asdict() | {"left": one.change is None} for one in found]
        terminal.as_json({"applied": apply, "differences": lines})
    elif not found:
        terminal.line("The topics are as they should be. 主题与配置一致。")
    else:
        done = "made 已完成" if apply else "would be made 待执行"
        rows = [
            (one.topic, one.what, one.wanted, one.have, done if one.change else f"left: {one.why}") for one in found
        ]
        terminal.table(("topic 主题", "what", "wanted 应为", "is 现为", ""), rows, whole=1)


def guarded(work: Coroutine[Any, Any, T]) -> T:
    """The result of `work`. Ends the command if Kafka, the store or the settings prevent it."""
    try:
        return asyncio.run(work)
    except (CannotStart, StoreProblem, ValueError) as error:
        terminal.stop(str(error))
    except BrokerUnavailable as error:
        terminal.stop(*remedy(error), REFUSED)
    except Refusal as error:
        terminal.stop(*refusal(str(error)), REFUSED)
