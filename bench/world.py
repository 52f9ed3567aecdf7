"""Huiyin in this process on SQLite with the clock of the machine, as `huiyin serve` runs it but without HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any, TypeVar
from zlib import crc32

from services.analytics import bootstrap as analytics
from services.intake import bootstrap as intake
from services.intake.commands.filing import FileCase
from services.intake.registration import Receipt, file_case
from services.routing import bootstrap as routing
from services.supervision import bootstrap as supervision
from shared.adapters.folder.blobs import FolderBlobs
from shared.adapters.sqlite.event_store import SqliteEventStore
from shared.adapters.sqlite.key_store import SqliteKeyStore
from shared.adapters.sqlite.read_models import SqliteReadModels
from shared.adapters.sqlite.subscription import SqliteSubscriptions
from shared.adapters.sqlite.uploads import SqliteUploads
from shared.adapters.system_clock import SystemClock
from shared.application.ports import Ports
from shared.commands.authorization import Principal
from shared.commands.command import RULES, NewEvent
from shared.commands.event_writer import EventMetadata
from shared.eventstore.commit import StreamHead
from shared.hosting.garbage_collector import settle
from shared.hosting.service_module import ServiceModule
from shared.kernel.settings import Settings
from shared.policy.loading.loader import LoadedSection, bundled
from shared.repositories.case_repository import CaseRepository
from shared.repositories.policy_repository import STREAM, PolicyRepository

DEMO = "cn-demo"
REGISTRAR = Principal("registrar", "xfj", "k-registrar")
SUPERVISOR = Principal("supervisor", "xfj", "k-supervisor")
THIRD_UNIT = Principal("registrar", "hfzx", "k-follow-up")
"""Has no part in any case and may follow up."""
AT_ONCE = 200
"""Cases under way together."""
FILING: dict[str, Any] = {
    "channel": "web",
    "place": "dh",
    "subject": "0101",
    "title": "小区路灯不亮",
    "text": "东湖区杨柳街道某小区北门的路灯已经两周不亮，晚上老人出行不便，多次联系物业没有结果，请协调处理。",
    "petitioner": {"name": "张三", "phone": "13800000000", "address": "东湖区杨柳街道一号"},
}
WHERE = tuple((place, subject) for place in ("dh", "xs", "bh", "sl") for subject in ("0101", "0201", "0301", "0401"))
"""The cases of a run go to several organisations, as a county's do: an inbox stream is written one entry after the other."""
CLERK = "clerk"
PROOF = {"evidence": "signed_form", "reference": "2026-017"}
STEPS: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("sign_off", CLERK, {}),
    ("accept", CLERK, {"path": 6}),
    ("serve_notice", CLERK, {"kind": "acceptance"}),
    ("record_step", CLERK, {"step": "site_visit"}),
    ("decide", CLERK, {"result": "supported", "basis": ["条例第三十二条"], "text": "予以支持，一周内修复。"}),
    ("deliver_reply", CLERK, {"mode": "in_person"}),
    ("confirm_execution", CLERK, {}),
    ("evaluate", "registrar", {"object": "organisation", "grade": "satisfied", **PROOF}),
    ("follow_up", "third unit", {"reached": True, "satisfied": True}),
    ("close", "supervisor", {"kind": "resolved_confirmed"}),
)
"""The commands after the filing: the usual lifecycle of a claim."""
COMMANDS = 1 + len(STEPS)
T = TypeVar("T")
R = TypeVar("R")


class World:
    """Runs commands; `settle()` returns when views and reactions have caught up."""

    def __init__(self, ports: Ports) -> None:
        self.ports = ports

    async def file(self, item: str, **fields: Any) -> Receipt:
        place, subject = WHERE[crc32(item.encode()) % len(WHERE)]
        given = {**FILING, "place": place, "subject": subject, "item": item, **fields}
        command = FileCase.model_validate(given)
        return await file_case(self.ports.handling("intake"), REGISTRAR, command, DEMO)

    async def act(self, case: str, name: str, principal: Principal, fields: dict[str, Any], turn: int) -> None:
        rule = RULES[name]
        command = rule.model.model_validate(fields)
        stamp = EventMetadata(principal, f"{principal.name}:{turn}")
        await self.ports.handling(rule.service).handle(
            case, rule.action, stamp, lambda found, given: rule(found, command, given)
        )

    async def finish(self, case: str) -> None:
        """Every step after the filing."""
        found, _ = await self.ports.cases.get(case)
        principals = {
            CLERK: Principal("clerk", found.assignment.org, "k-clerk"),
            "registrar": REGISTRAR,
            "supervisor": SUPERVISOR,
            "third unit": THIRD_UNIT,
        }
        for turn, (name, who, fields) in enumerate(STEPS):
            await self.act(case, name, principals[who], fields, turn)

    async def lifecycles(self, items: Iterable[str]) -> None:
        """Run whole cases concurrently until all their effects are recorded."""
        filed = await together(items, self.file)
        await self.settle()
        await together((receipt.case for receipt in filed), self.finish)
        await self.settle()

    async def settle(self) -> None:
        assert isinstance(self.ports.feed, SqliteSubscriptions)
        await self.ports.feed.drain()


async def together(items: Iterable[T], work: Callable[[T], Awaitable[R]], at_once: int = AT_ONCE) -> list[R]:
    """`work` on all items, `at_once` of them at a time."""
    waiting = iter(items)
    results: list[R] = []

    async def worker() -> None:
        for item in waiting:
            results.append(await work(item))

    await asyncio.gather(*(worker() for _ in range(at_once)))
    return results


def open_ports(folder: Path) -> Ports:
    """The adapters of the embedded mode on the files in `folder`."""
    log, views = SqliteEventStore(folder / "log.sqlite"), SqliteReadModels(folder / "views.sqlite")
    feed, keys = SqliteSubscriptions(log, views), SqliteKeyStore(folder)
    return Ports(
        log,
        feed,
        views,
        keys,
        SystemClock(),
        CaseRepository(log),
        PolicyRepository(log),
        FolderBlobs(folder / "blobs"),
        SqliteUploads(folder / "uploads.sqlite"),
        facts_path=str(folder / "facts.duckdb"),
        checkpoints=views,
    )


async def close(ports: Ports, parts: Sequence[ServiceModule]) -> None:
    for part in parts:
        if part.facts is not None:
            await part.facts.close()
    for port in (ports.views, ports.log, ports.keys, ports.blobs, ports.uploads):
        await port.close()


@asynccontextmanager
async def world(folder: Path) -> AsyncIterator[World]:
    """All services on the data in `folder`, with the demo policy in force."""
    ports = open_ports(folder)
    parts = build(ports)
    for part in parts:
        for consumer in part.consumers:
            ports.feed.subscribe(consumer.group, consumer, gather=consumer.gather)
    await ports.views.start()
    for entry in bundled("demo"):
        stamp = EventMetadata(SUPERVISOR, f"activate:{entry.section}:{entry.hash}", date(2000, 1, 1), jurisdiction=DEMO)
        await ports.handling("supervision").append(STREAM + DEMO, stamp, partial(_activated, entry))
    await ports.feed.start()
    settle()
    try:
        yield World(ports)
    finally:
        await ports.feed.stop()
        await close(ports, parts)


def _activated(entry: LoadedSection, _head: StreamHead) -> list[NewEvent]:
    return [NewEvent(entry.activation())]


def build(ports: Ports) -> list[ServiceModule]:
    """The parts of all services."""
    return [
        intake.build(ports, Settings()),
        routing.build(ports, Settings()),
        supervision.build(ports),
        analytics.build(ports, Settings()),
    ]
