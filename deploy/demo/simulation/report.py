"""The report of a simulation, read from its log: counts, and for each breach the fact that explains it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any, NamedTuple

import httpx

from deploy.api.app import build_owner_app
from deploy.demo.simulation.organisation_profiles import Profile
from deploy.demo.simulation.world import World
from shared.case import STREAM, Case
from shared.deadlines.deadline import Deadline
from shared.deadlines.derivation import deadlines
from shared.events.routing import CaseTransferred, ReturnVerified
from shared.events.supervision import Reminded, Urged
from shared.hosting.process import Process
from shared.kernel.legal_time import day_of, to_text
from shared.operations.digests import outcome_digest


class Breach(NamedTuple):
    """A missed deadline and the reason: `why` is a stable code, `fact` the type of the event that ended it late, with its
    version and day; None while nothing has ended it."""

    number: str
    clock: str
    episode: int
    org: str | None
    due: str
    why: str
    fact: str | None
    version: int | None
    day: str | None
    days_late: int


class Report(NamedTuple):
    """The results of the simulation. The field names are those of `huiyin demo --json`."""

    events: Mapping[str, int]
    """Type -> number of events."""
    channels: Mapping[str, int]
    routed: int
    by_hand: int
    returned: int
    reminders: int
    passed: int
    """Reminders that were not sent."""
    urged_by_itself: int
    urged_by_hand: int
    lifted: int
    """Breaches that an extension lifted."""
    breaches: tuple[Breach, ...]
    refused: Mapping[str, int]
    """Code -> number of refused commands."""
    tempers: Mapping[str, str]
    """Organisation -> name of its profile."""
    states: Mapping[str, int]
    figures: tuple[Mapping[str, Any], ...]
    """The answer of GET /v1/stats."""
    digest: str
    """Digest of the outcome; the same for the same seed."""


async def create_report(world: World, profiles: Mapping[str, Profile]) -> Report:
    """Read the whole log once, and get the figures of analytics over HTTP."""
    log = world.runtime.ports.log
    events: Counter[str] = Counter()
    counted: Counter[str] = Counter()
    async for commits in log.scan(STREAM):
        for event in (event for commit in commits for event in commit.recorded):
            events[event.type] += 1
            match event.body:
                case CaseTransferred(rule=rule):
                    counted["routed" if rule else "transferred_by_hand"] += 1
                case ReturnVerified(agreed=True):
                    counted["returned"] += 1
                case Reminded(passed=passed):
                    counted["passed" if passed else "reminders"] += 1
                case Urged(rung=rung):
                    counted["urged_by_itself" if rung else "urged_by_hand"] += 1
    cases = [
        await world.case(stream.removeprefix(STREAM)) async for heads in log.heads(STREAM) for stream, _head in heads
    ]
    breaches = (
        _breach(case, one, world) for case in cases for one in deadlines(case, world.book) if _breached(case, one)
    )
    sent_by_hand = events["CaseAssigned"] + events["CaseRoutedToSealedChannel"]
    return Report(
        events=events,
        channels=Counter(case.filing.channel for case in cases),
        routed=counted["routed"],
        by_hand=counted["transferred_by_hand"] + sent_by_hand,
        returned=counted["returned"],
        reminders=counted["reminders"],
        passed=counted["passed"],
        urged_by_itself=counted["urged_by_itself"],
        urged_by_hand=counted["urged_by_hand"],
        lifted=events["BreachLifted"],
        breaches=tuple(sorted(breaches)),
        refused=dict(world.refused),
        tempers={org: profile.name for org, profile in profiles.items()},
        states=Counter(case.state for case in cases),
        figures=await _figures(world.runtime),
        digest=await outcome_digest(log),
    )


def _breached(case: Case, deadline: Deadline) -> bool:
    """True when the breach is recorded and was not lifted."""
    name = (deadline.clock, deadline.episode)
    recorded = any((rung.clock, rung.episode) == name and rung.rung == "breach" for rung in case.rungs)
    return recorded and name not in case.lifted


def _breach(case: Case, deadline: Deadline, world: World) -> Breach:
    zone = world.book.zone
    ended = deadline.end or deadline.stopped
    until = day_of(ended.effective_at if ended else world.clock.now(), zone)
    return Breach(
        number=case.number,
        clock=deadline.clock,
        episode=deadline.episode,
        org=deadline.org,
        due=to_text(deadline.due),
        why=_why(case, deadline),
        fact=ended.name if ended else None,
        version=ended.version if ended else None,
        day=until.isoformat() if ended else None,
        days_late=(until - deadline.due_day).days,
    )


def _why(case: Case, deadline: Deadline) -> str:
    """The reason why the duty was not performed: the earliest of several."""
    since = [fact for fact in case.facts if fact.version >= deadline.start.version]
    in_time = {fact.name for fact in since if fact.recorded_at <= deadline.due}
    taken = bool(in_time & {"SignedFor", "Accepted"})
    if deadline.rule.responsible == "petition_office":
        return "not_dispatched_in_time"
    if "ReturnRequested" in in_time and not taken:
        return "waited_for_an_objection"
    if deadline.clock == "C3" and not taken:
        return "never_signed_in_time"
    if deadline.end is not None:
        return "done_late"
    return "nothing_done_yet" if deadline.stopped is None else "ended_otherwise_after_it_was_due"


async def _figures(runtime: Process) -> tuple[Mapping[str, Any], ...]:
    transport = httpx.ASGITransport(build_owner_app(runtime))
    async with httpx.AsyncClient(transport=transport, base_url="http://huiyin") as client:
        answer = await client.get("/v1/stats", timeout=None)
        answer.raise_for_status()
        return tuple(answer.json()["figures"])
