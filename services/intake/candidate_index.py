"""Feeds the index of candidates, and asks it.

Sealed and confidential filings, and those of an erased party, are not in it. What a case shows is checked again when it is
offered: the index is behind the log.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

from services.intake.matter_fingerprints import ASKED, KEPT, Fingerprint, added, fingerprint, rarest, within
from shared.application.ports import Ports
from shared.case import Case
from shared.consumers.projection import BatchProjection
from shared.events import intake as e
from shared.eventstore.candidates import SAMPLE, CandidateIndex, IndexEntry
from shared.eventstore.field_encryption import OpenedFields, open_sealed
from shared.eventstore.recorded_event import RecordedEvent
from shared.kernel.clock import Clock
from shared.kernel.legal_time import instant_of
from shared.repositories.policy_repository import PolicyRepository

GROUP = "intake.candidates"
"""The consumer group; its first part is the service that owns it."""
KEY_NAME = "candidates"
"""Name of the deployment's secret that is the key of the hashes."""
_READ = frozenset({"text", "identity"})
_FEEDING = frozenset(kind.__name__ for kind in (e.CaseRegistered, e.PartyRecorded, e.PartyCorrected, e.SourceRestated))
"""Events with the text, or with names that are removed from it."""
SAME = 1e6
"""Weight of the whole text: more than that of all n-grams together."""
DAY_SECONDS = 86_400.0


class Written(NamedTuple):
    """The texts of a filing, and the names and addresses in its events; kept only while they are hashed or compared."""

    title: str = ""
    text: str = ""
    names: frozenset[str] = frozenset()
    erased: bool = False


class Similar(NamedTuple):
    """A case that the index found."""

    case: str
    similarity: float
    """0 to 1; 1: the texts are the same after what is removed."""


class Found(NamedTuple):
    """The answer of the index."""

    cases: Sequence[Similar]
    dropped: float
    """How similar a case may be that was not found because its posting lists are full, 0 to 1."""


def indexable(case: Case) -> bool:
    """True if texts of this case may be in the index: not of an accusation or a suspected one, and not of a confidential filing."""
    hidden = case.accusation.sealed or case.accusation.suspected is not None or bool(case.accusation.accused)
    return case.exists and not hidden and not case.filing.confidential and case.state != "voided"


def feeding(ports: Ports, index: CandidateIndex, days: int) -> BatchProjection:
    """The projection that keeps the index in step with the cases. `days`: see candidates(); what was closed before is left out."""
    key = ports.keys.secret(KEY_NAME)

    async def project(cases: Sequence[Case], events: Sequence[RecordedEvent]) -> None:
        if not events:
            return
        held = await index.held([case.id for case in cases])
        await _remove(index, [case.id for case in cases if case.id in held and not indexable(case)])
        moved: defaultdict[str, list[RecordedEvent]] = defaultdict(list)
        for event in events:
            moved[event.stream].append(event)
        wanted = []
        for case in cases:
            fed = case.id not in held or any(event.type in _FEEDING for event in moved[case.stream])
            if fed and indexable(case) and not await _long_closed(case, days, ports.clock, ports.policies):
                wanted.append(case)
        if not wanted:
            return
        sources = [await _feeding_events(ports, case, moved[case.stream]) for case in wanted]
        everything = [event for source in sources for event in source]
        texts = written(everything, await open_sealed(ports.keys, everything, _READ))
        each = [(case, texts.get(case.stream, Written())) for case in wanted]
        usable = [(case, one) for case, one in each if not one.erased and (one.title or one.text)]
        await _remove(index, [case.id for case, one in each if one.erased and case.id in held])
        if not usable:
            return
        prints = await asyncio.to_thread(
            lambda: [fingerprint(key, one.title, one.text, one.names) for _case, one in usable]
        )
        await index.put(await _entries(index, key, [case for case, _one in usable], prints))
        # A party that was erased meanwhile: its case was removed before it was put.
        kids = {case.id: _kids(source) for case, source in zip(wanted, sources, strict=True)}
        left = await ports.keys.get(sorted({kid for own in kids.values() for kid in own}))
        await _remove(index, [case for case, own in kids.items() if own - left.keys()])

    return project


async def similar(ports: Ports, index: CandidateIndex, case: Case, limit: int) -> Found:
    """The cases of the same jurisdiction whose texts are most similar to those of `case`, best first."""
    key = ports.keys.secret(KEY_NAME)
    source = await _feeding_events(ports, case, ())
    own = written(source, await open_sealed(ports.keys, source, _READ)).get(case.stream, Written())
    found = await asyncio.to_thread(fingerprint, key, own.title, own.text, own.names)
    return await _like(key, index, case.jurisdiction, found, limit, case.id)


async def similar_to_text(
    ports: Ports, index: CandidateIndex, jurisdiction: str, written: Written, limit: int, least_grams: int
) -> Found:
    """The cases of a jurisdiction whose texts are most similar to a text that is no filing yet, best first; nothing for a text with
    fewer than `least_grams` different n-grams."""
    key = ports.keys.secret(KEY_NAME)
    found = await asyncio.to_thread(fingerprint, key, written.title, written.text, written.names)
    if len(found.grams) < least_grams:
        return Found([], 0.0)
    return await _like(key, index, jurisdiction, found, limit)


async def _like(
    key: bytes, index: CandidateIndex, jurisdiction: str, own: Fingerprint, limit: int, without: str = ""
) -> Found:
    """The cases that the index finds for a fingerprint, but for the case `without`."""
    known = await index.frequencies(own.grams.keys())
    asked = rarest(own.grams, known, ASKED)
    names = within(key, jurisdiction, [one for one, _weight in asked])
    weights = {name: weight for name, (_one, weight) in zip(names, asked, strict=True)}
    full = sum(weight for _one, weight in asked[:KEPT])
    if own.whole is not None:
        weights[within(key, jurisdiction, [own.whole])[0]] = SAME
    if not weights:
        return Found([], 0.0)
    hits = await index.find(weights, limit + 1)
    cases = [
        Similar(other, 1.0 if score >= SAME else min(1.0, score / full) if full else 0.0)
        for other, score in hits.cases
        if other != without
    ]
    dropped = sum(weights[one] for one in hits.full)
    return Found(cases[:limit], min(1.0, dropped / full) if full else float(dropped > 0))


def written(events: Sequence[RecordedEvent], opened: Sequence[OpenedFields]) -> dict[str, Written]:
    """Stream -> the texts as they were filed, or as the source states them now."""
    kinds = {(event.stream, event.version): event for event in events}
    found: dict[str, Written] = {}
    for part in opened:
        event, before = kinds[part.stream, part.version], found.get(part.stream, Written())
        values = {name: str(value) for name, value in part.values.items() if isinstance(value, str)}
        names = {values[name] for name in ("name", "address") if values.get(name)}
        title, text = before.title, before.text
        body = event.body
        if isinstance(body, e.CaseRegistered) or (isinstance(body, e.SourceRestated) and body.of is None):
            title, text = values.get("title") or title, values.get("text") or text
        found[part.stream] = Written(title, text, before.names | names, before.erased or part.erased)
    return found


async def _feeding_events(ports: Ports, case: Case, came: Sequence[RecordedEvent]) -> list[RecordedEvent]:
    """The events of the case that have its text and its names; read from the log unless all of them came."""
    events = list(came)
    if not events or events[0].version != 1 or len(events) < case.version:
        events = [event for commit in await ports.log.load(case.stream) for event in commit.recorded]
    return [event for event in events if event.type in _FEEDING]


async def _entries(
    index: CandidateIndex, key: bytes, cases: Sequence[Case], prints: Sequence[Fingerprint]
) -> list[IndexEntry]:
    known = await index.frequencies({one for print_ in prints for one in print_.grams})
    room = max(0, SAMPLE - known.texts)
    known = added(known, prints[:room])
    entries = []
    for place, (case, print_) in enumerate(zip(cases, prints, strict=True)):
        kept = [one for one, _weight in rarest(print_.grams, known, KEPT)]
        if print_.whole is not None:
            kept.append(print_.whole)
        counted = tuple(print_.grams) if place < room else ()
        entries.append(IndexEntry(case.id, tuple(within(key, case.jurisdiction, kept)), counted))
    return entries


async def _remove(index: CandidateIndex, cases: Sequence[str]) -> None:
    if cases:
        await index.remove(cases)


async def _long_closed(case: Case, days: int, clock: Clock, policies: PolicyRepository) -> bool:
    """True for a case that is never offered again, such as most cases of an import."""
    if case.open or case.closure.closed_at is None:
        return False
    zone = (await policies.book(case.jurisdiction)).zone
    return instant_of(case.closure.closed_at, zone).timestamp() < clock.now().timestamp() - days * DAY_SECONDS


def _kids(events: Sequence[RecordedEvent]) -> set[str]:
    return {part["kid"] for event in events for part in event.sealed if part["purpose"] in _READ}
