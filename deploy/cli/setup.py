"""`huiyin setup`: the users, rights and topics that the services of the full mode need."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, NamedTuple

import typer

from deploy.cli import output as terminal
from deploy.cli import topics
from deploy.cli.options import AsJson
from deploy.cli.output import DONE, REFUSED
from deploy.modes.composition import SERVICES
from deploy.modes.distributed import CannotStart, connection
from deploy.mongodb.rights import rights
from deploy.storage.mongo_stores import StoreProblem, store_problem
from shared.adapters.kafka.topics import admin_client
from shared.adapters.kafka.users import KafkaUsers
from shared.adapters.mongo.client import Mongo, Unsuitable
from shared.adapters.mongo.users import MongoUsers
from shared.events.fields import Service
from shared.eventstore.errors import StoreUnavailable
from shared.kernel.settings import Settings, load


class Passwords(NamedTuple):
    """The secrets of one service."""

    mongodb_url: str
    """URL with its user and password."""
    kafka: str


def setup(
    passwords: Annotated[
        Path,
        typer.Option(help="Folder with mongodb-SERVICE (a URL with user and password) and kafka-SERVICE (a password)"),
    ],
    json: AsJson = False,
) -> None:
    """Full mode: create the users, rights and topics of the services, as administrator. Exits with 1 if something failed."""
    with terminal.stopping(ValueError, OSError):
        found = {service: _read(passwords, service) for service in SERVICES}
    changed = [*topics.guarded(_in_mongodb(found)), *topics.guarded(_in_kafka(found))]
    differences = topics.guarded(topics.compare(apply=True))
    given, more = topics.guarded(topics.give({}))
    changed += [f"topic {one.topic}: {one.what}" for one in differences if one.change is not None]
    changed += [f"right {one.user}: {one.operation} {one.kind} {one.name}" for one in given]
    left = [f"topic {one.topic}: {one.what}: {one.why}" for one in differences if one.change is None]
    left += [f"right {one.user}: {one.operation} {one.kind} {one.name}: not in the file" for one in more]
    terminal.answer({"changed": changed, "left": left}, lambda _found: _show(changed, left))
    raise typer.Exit(REFUSED if left else DONE)


def _show(changed: list[str], left: list[str]) -> None:
    for one in changed:
        terminal.line(f"set up 已设置  {one}")
    for one in left:
        terminal.line(f"left 未处理  {one}")
    if not changed and not left:
        terminal.line("Everything is set up. 已全部设置，无需更改。")


def _read(folder: Path, service: str) -> Passwords:
    """Raises OSError, ValueError; no message quotes a secret."""
    found = []
    for name in (f"mongodb-{service}", f"kafka-{service}"):
        text = (folder / name).read_text("utf-8").strip()
        if not text:
            raise ValueError(f"{folder / name} is empty.")
        found.append(text)
    return Passwords(*found)


async def _in_mongodb(passwords: Mapping[Service, Passwords]) -> list[str]:
    """What was changed. Raises StoreProblem, ValueError."""
    settings = load()
    if settings.mongodb_url is None:
        raise CannotStart(
            "Set HUIYIN_MONGODB_URL to a URL with an administrator of MongoDB.",
            "请把 HUIYIN_MONGODB_URL 设为 MongoDB 管理员的连接地址。",
        )
    changed = []
    try:
        mongo = Mongo(settings.mongodb_url.get_secret_value(), settings.mongodb_driver).hold()
    except Unsuitable as error:
        raise StoreProblem(f"{error}.", error.zh) from error
    try:
        users = MongoUsers(mongo)
        for service, privileges in rights(settings.mongodb_name).items():
            role = f"{settings.mongodb_name}_{service}"
            if await users.role(role, privileges):
                changed.append(f"MongoDB role {role}")
            try:
                if await users.user(passwords[service].mongodb_url, role, settings.mongodb_driver):
                    changed.append(f"MongoDB user of {service}")
            except (Unsuitable, ValueError) as error:
                zh = getattr(error, "zh", None) or "连接地址无法使用，请更正该文件。"
                raise StoreProblem(f"mongodb-{service}: {error}.", f"mongodb-{service}：{zh}") from None
    except StoreUnavailable as error:
        raise store_problem(error) from error
    finally:
        await mongo.close()
    return changed


async def _in_kafka(passwords: Mapping[Service, Passwords]) -> list[str]:
    """What was changed. Raises CannotStart, BrokerUnavailable, Refusal."""
    settings: Settings = load()
    link = connection(settings)
    changed = []
    async with admin_client(link) as admin:
        users = KafkaUsers(admin, link)
        for service in SERVICES:
            name = f"{settings.kafka_prefix}svc-{service}"
            if await users.user(name, passwords[service].kafka):
                changed.append(f"Kafka user {name}")
    return changed
