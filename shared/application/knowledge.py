"""Entries of the knowledge of a jurisdiction, read from their streams `knowledge/<jurisdiction>/<entry>`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from datetime import date, datetime
from typing import NamedTuple

from shared.application.ports import Ports
from shared.commands.authorization import Principal
from shared.commands.knowledge_text import KnowledgeText
from shared.events.knowledge import KnowledgeSaved, KnowledgeWithdrawn
from shared.eventstore.recorded_event import RecordedEvent
from shared.kernel.legal_time import day_of
from shared.kernel.refusals import Refused, Unknown

STREAM = "knowledge/"


class Entry(NamedTuple):
    """One version of an entry."""

    version: int
    saved: KnowledgeSaved
    event: RecordedEvent
    withdrawn: bool = False

    def refusal(self, today: date, zone: str) -> Refused | None:
        """Why it must not be used on this day; None where it may. `zone`: of the jurisdiction."""
        one = self.saved
        if self.withdrawn:
            return Refused(
                "entry_withdrawn",
                "This entry was withdrawn. Choose another one, or write the text yourself.",
                detail_zh="该知识条目已停用，请另选条目或者自行填写。",
                field="from",
            )
        if one.valid_until is not None and day_of(one.valid_until, zone) < today:
            return Refused(
                "entry_expired",
                f"This entry has not been valid since {one.valid_until}. Ask its owner ({one.office}) to extend"
                " its validity, or write the text yourself.",
                detail_zh=f"该知识条目有效期至{one.valid_until}，已过期。请由责任单位（{one.office}）更新，或者自行填写。",
                field="from",
            )
        if one.valid_from is not None and day_of(one.valid_from, zone) > today:
            return Refused(
                "entry_not_yet_valid",
                f"This entry is not valid before {one.valid_from}. Choose another one, or write the text yourself.",
                detail_zh=f"该知识条目自{one.valid_from}起生效。",
                field="from",
            )
        return None

    def overdue(self, today: date, zone: str) -> bool:
        """True if its review is due."""
        return not self.withdrawn and day_of(self.saved.review_on, zone) <= today


def stream_of(jurisdiction: str, entry: str) -> str:
    return f"{STREAM}{jurisdiction}/{entry}"


def versions(events: Iterable[RecordedEvent]) -> list[Entry]:
    """The versions of an entry, in their order."""
    found: list[Entry] = []
    for event in events:
        if isinstance(event.body, KnowledgeSaved):
            found.append(Entry(event.version, event.body, event))
        elif isinstance(event.body, KnowledgeWithdrawn) and found:
            found.append(Entry(event.version, found[-1].saved, event, withdrawn=True))
    return found


async def entry_of(ports: Ports, jurisdiction: str, reference: str) -> Entry:
    """The present version of an entry, or a named one (`ENTRY@VERSION`). Raises Unknown `unknown_entry`."""
    name, _, version = reference.partition("@")
    commits = await ports.log.load(stream_of(jurisdiction, name))
    found = versions(event for commit in commits for event in commit.recorded)
    if version:
        found = [one for one in found if str(one.version) == version]
    if not found:
        raise unknown_entry()
    return found[-1]


async def entries(ports: Ports, jurisdiction: str) -> AsyncIterator[Entry]:
    """The present version of each entry of the jurisdiction, by code."""
    stream, events = "", list[RecordedEvent]()
    async for commits in ports.log.scan(f"{STREAM}{jurisdiction}/"):
        for commit in commits:
            if commit.stream != stream:
                for one in versions(events)[-1:]:
                    yield one
                stream, events = commit.stream, []
            events.extend(commit.recorded)
    for one in versions(events)[-1:]:
        yield one


async def resolved(ports: Ports, principal: Principal, case_id: str, reference: str) -> KnowledgeText | Refused:
    """The text of an entry for a command on the case, or why it cannot be used. The decision raises that."""
    case, _head = await ports.cases.get(case_id)
    jurisdiction = case.jurisdiction
    if principal.jurisdiction not in (None, jurisdiction):
        return unknown_entry()
    try:
        found = await entry_of(ports, jurisdiction, reference)
    except Unknown as refused:
        return refused
    book = await ports.policies.book(jurisdiction)
    refusal = found.refusal(today(ports.clock.now(), book.zone), book.zone)
    saved = found.saved
    return refusal or KnowledgeText(saved.entry, found.version, saved.subject, saved.text)


def today(now: datetime, zone: str) -> date:
    return day_of(now, zone)


def unknown_entry() -> Unknown:
    return Unknown(
        "unknown_entry",
        "There is no such knowledge entry. GET /v1/knowledge lists all entries.",
        detail_zh="没有该知识条目，可在知识库列表中查找。",
        field="from",
    )
