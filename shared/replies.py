"""What a case was answered, in words: the texts that the petitioner is entitled to, opened for the platform that filed it."""

from __future__ import annotations

from typing import Any

from shared.access import Principal
from shared.case import STREAM, Case
from shared.commands import Fresh
from shared.envelope import NewerEvent, Recorded
from shared.events.routing import ReadRecorded
from shared.events.wording import event_words
from shared.handling import Handling, Stamp
from shared.times import to_text
from shared.vault import open_sealed

READS = "reads/"


async def read_recorded(handling: Handling, principal: Principal, case: Case, purpose: str) -> None:
    """Put on record that somebody is given this of the case, before they are. `handling`: routing's hands."""
    stamp = Stamp(principal, cause=f"{purpose}:{handling.clock.new_id()}", jurisdiction=case.jurisdiction)
    body = ReadRecorded(case=case.id, purposes=(purpose,))
    await handling.on_stream(READS + case.id, stamp, lambda _head: [Fresh(body)])


async def replies(handling: Handling, principal: Principal, case: Case) -> dict[str, Any]:
    """The texts of a case that the principal may see. That they were read is recorded first."""
    events = [event for commit in await handling.log.load(STREAM + case.id) for event in commit.recorded]
    delivered = max((event.version for event in events if event.type == "ReplyDelivered"), default=0)
    wanted = {event.version: event for event in events if _fields(event, delivered) and event.sealed}
    texts: list[dict[str, Any]] = []
    erased: set[str] = set()
    if wanted:
        await read_recorded(handling, principal, case, "text")
        for part in await open_sealed(handling.keys, list(wanted.values()), frozenset({"text"})):
            event = wanted[part.version]
            if part.erased:
                erased.add(part.party)
                continue
            words = event_words(event.type)
            fields = {name: part.values[name] for name in _fields(event, delivered) if name in part.values}
            about = {"version": event.version, "type": event.type, "zh": words.zh, "en": words.en}
            texts.append({**about, "at": to_text(event.effective_at), "fields": fields})
    return {"case": case.id, "number": case.number, "texts": texts, "erased": sorted(erased)}


def _fields(event: Recorded, delivered: int) -> tuple[str, ...]:
    """Which fields of it may be read; `delivered`: version of the last delivery of a reply."""
    if isinstance(event.body, NewerEvent):
        return ()
    later = event.body.petitioner_reads_after_reply if event.version < delivered else ()
    return event.body.petitioner_reads or later
