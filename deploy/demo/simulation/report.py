"""What came of a play, read from its log: counts, and of each breach the fact that explains it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any, NamedTuple

import httpx

from deploy.demo.simulation.organisation_profiles import Temper
from deploy.demo.simulation.world import Stage
from shared.case import STREAM, Case
from shared.deadlines import Deadline, deadlines
from shared.digests import outcome_digest
from shared.events.routing import CaseTransferred, ReturnVerified
from shared.events.supervision import Reminded, Urged
from shared.http.app import build_app
from shared.runtime import Runtime
from shared.times import day_of, to_text


class Breach(NamedTuple):
    """A deadline that was missed, and why: `why` a stable code, `fact` the type of the event that ended it late, with its
    version and day; None while nothing has ended it yet."""

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


class Played(NamedTuple):
    """`events`: type -> how often. `digest`: of the outcome; the same for the same seed."""

    events: Mapping[str, int]
    channels: Mapping[str, int]
    routed: int
    by_hand: int
    returned: int
    reminders: int
    passed: int
    urged_by_itself: int
    urged_by_hand: int
    lifted: int
    breaches: tuple[Breach, ...]
    refused: Mapping[str, int]
    tempers: Mapping[str, str]
    states: Mapping[str, int]
    figures: tuple[Mapping[str, Any], ...]
    digest: str


async def summarised(runtime: Runtime, stage: Stage, tempers: Mapping[str, Temper]) -> Played:
    """Read the whole log once, and ask analytics for its figures over HTTP."""
    events: Counter[str] = Counter()
    channels: Counter[str] = Counter()
    states: Counter[str] = Counter()
    counted: Counter[str] = Counter()
    breaches: list[Breach] = []
    async for commits in runtime.ports.log.scan(STREAM):
        for commit in commits:
            for event in commit.recorded:
                events[event.type] += 1
                match event.body:
                    case CaseTransferred(rule=rule):
                        counted["routed" if rule else "by_hand"] += 1
                    case ReturnVerified(agreed=True):
                        counted["returned"] += 1
                    case Reminded(passed=passed):
                        counted["passed" if passed else "reminders"] += 1
                    case Urged(rung=rung):
                        counted["by_itself" if rung else "urged_by_hand"] += 1
    async for heads in runtime.ports.log.heads(STREAM):
        for stream, _head in heads:
            case = await stage.case(stream.removeprefix(STREAM))
            channels[case.channel] += 1
            states[case.state] += 1
            breaches += [_explained(case, one, stage) for one in deadlines(case, stage.book) if _beaten(case, one)]
    return Played(
        events,
        channels,
        counted["routed"],
        counted["by_hand"] + events["CaseAssigned"] + events["CaseRoutedToSealedChannel"],
        counted["returned"],
        counted["reminders"],
        counted["passed"],
        counted["by_itself"],
        counted["urged_by_hand"],
        events["BreachLifted"],
        tuple(sorted(breaches)),
        dict(stage.refused),
        {org: temper.name for org, temper in tempers.items()},
        states,
        await _figures(runtime),
        await outcome_digest(runtime.ports.log),
    )


def _beaten(case: Case, deadline: Deadline) -> bool:
    """Was the breach recorded, and not lifted?"""
    name = (deadline.clock, deadline.episode)
    return any((rung.clock, rung.episode, rung.rung) == (*name, "breach") for rung in case.rungs) and (
        name not in case.lifted
    )


def _explained(case: Case, deadline: Deadline, stage: Stage) -> Breach:
    zone = stage.book.zone
    ended = deadline.end or deadline.stopped
    until = day_of(ended.effective_at, zone) if ended else day_of(stage.clock.now(), zone)
    return Breach(
        case.number,
        deadline.clock,
        deadline.episode,
        deadline.org,
        to_text(deadline.due),
        _why(case, deadline),
        ended.name if ended else None,
        ended.version if ended else None,
        until.isoformat() if ended else None,
        (until - deadline.due_day).days,
    )


def _why(case: Case, deadline: Deadline) -> str:
    """What kept the duty from being met: of several reasons the first in the order of time."""
    since = [fact for fact in case.facts if fact.version >= deadline.start.version]
    in_time = [fact for fact in since if fact.recorded_at <= deadline.due]
    names = {fact.name for fact in in_time}
    if deadline.rule.responsible == "petition_office":
        return "not_dispatched_in_time"
    if "ReturnRequested" in names and not names & {"SignedFor", "Accepted"}:
        return "waited_for_an_objection"
    if deadline.clock == "C3" and not names & {"SignedFor", "Accepted"}:
        return "never_signed_in_time"
    if deadline.end is None and deadline.stopped is None:
        return "nothing_done_yet"
    if deadline.end is None:
        return "ended_otherwise_after_it_was_due"
    return "done_late"


async def _figures(runtime: Runtime) -> tuple[Mapping[str, Any], ...]:
    transport = httpx.ASGITransport(build_app(runtime, local=True))
    async with httpx.AsyncClient(transport=transport, base_url="http://huiyin") as client:
        answer = await client.get("/v1/stats", timeout=None)
        answer.raise_for_status()
        return tuple(answer.json()["figures"])
