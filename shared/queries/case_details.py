"""The details of a case, as far as a principal may see them. Every page, route and command reads a case through this module.

`authorize` comes first, always on the present case: a principal that lost access no longer sees the past either.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, TypeVar

from shared.application.case_reference import resolve, unknown_case
from shared.application.ports import Ports
from shared.application.response import LeadAnswer
from shared.case import Case, cut, fold, head_of
from shared.commands.allowed_commands import allowed
from shared.commands.authorization import READ, SEES_ALL, Principal, authorize, visible
from shared.commands.command_handler import CommandHandler
from shared.commands.visible_cases import seen
from shared.deadlines.deadline import Deadline
from shared.deadlines.derivation import deadlines
from shared.events.intake import CaseLinked, CaseUnlinked
from shared.events.wording import details
from shared.eventstore.recorded_event import NewerEvent, RecordedEvent
from shared.kernel.legal_time import LegalTime, instant_of, zone
from shared.kernel.refusals import Unknown
from shared.policy.book import PolicyBook
from shared.queries.case_content import NAMES, content
from shared.queries.case_details_models import (
    CaseAnswer,
    DeadlineAnswer,
    ExplainedEpisode,
    ExplanationAnswer,
    TimelineEntry,
)
from shared.queries.case_events import all_events, at_versions, page_before
from shared.queries.listed_cases import days_left
from shared.repositories.matter_cases import lead_of, lines_of

Episode = TypeVar("Episode", bound=DeadlineAnswer)
TIMELINE = 200
"""Maximum number of events of one answer (own choice). Most cases have 20."""
_ASIDE = frozenset({"AccusationSuspected", "SuspicionCleared"})
"""Only the petition office sees that a rule suspected an accusation (Art. 30)."""


async def find(ports: Ports, principal: Principal, reference: str) -> Case:
    """The present state of the case. Raises Unknown if it does not exist or the principal may not see it."""
    case = await seen(ports.cases, principal, await resolve(ports, principal, reference))
    if case is None:
        raise unknown_case()
    authorize(principal, READ)
    return case


async def show(
    ports: Ports,
    reader: CommandHandler,
    principal: Principal,
    reference: str,
    *,
    as_of: LegalTime | None = None,
    known_at: LegalTime | None = None,
    open_content: bool = True,
    before: int | None = None,
) -> CaseAnswer:
    """Everything of a case that the principal may see.

    Args:
        reader: The command handler of routing, which records the read.
        as_of: Show the state at this time; None shows the present state.
        known_at: Show only what was recorded by this time.
        open_content: Decrypt the sealed parts as well.
        before: Show the events before this version; None shows the latest. At most `TIMELINE` events are shown, with the texts
            that belong to them.
    Raises:
        Unknown: The principal may not see the case, or it did not exist at that time.
    """
    present = await find(ports, principal, reference)
    book = await ports.policies.book(present.jurisdiction)
    past, hidden = as_of is not None or known_at is not None, kept_from(principal)
    if past or (hidden and present.accusation.examined):
        case, page, names = await _cut(ports, present, book, hidden, as_of=as_of, known_at=known_at, before=before)
    else:
        case, page = present, await page_before(ports.log, present, before, TIMELINE)
        names = await at_versions(ports.log, present, present.filing.identities) if open_content else []
    known = await _may_know(ports, principal, case, page)
    lead = await lead_of(ports.cases, case)
    present_lead = lead if case.matter.lead == present.matter.lead else await lead_of(ports.cases, present)
    inside = {event.version for event in page}
    opened = sorted([*(one for one in names if one.version not in inside), *page], key=lambda event: event.version)
    now = min((ports.clock.now(), *(instant_of(when, book.zone) for when in (as_of, known_at) if when is not None)))
    return CaseAnswer.built_from(
        case,
        book,
        queue_reason=case.assignment.queue_reason if case.assignment.org is None else None,
        lead=case.matter.lead if case.matter.lead in known else None,
        matter=LeadAnswer.built_from(lead, book) if lead is not None and lead.id in known else None,
        related=[other for other in case.matter.related if other in known],
        as_of=as_of,
        known_at=known_at,
        deadlines=[_episode(DeadlineAnswer, one, book, now) for one in deadlines(case, book)],
        timeline=[_entry(event, book, known) for event in page],
        timeline_before=page[0].version if page and page[0].version > 1 else None,
        allowed=[] if past else allowed(case, principal),
        content=await content(reader, principal, present, opened, present_lead) if open_content else None,
    )


async def _cut(
    ports: Ports,
    present: Case,
    book: PolicyBook,
    hidden: frozenset[str],
    *,
    as_of: LegalTime | None,
    known_at: LegalTime | None,
    before: int | None,
) -> tuple[Case, list[RecordedEvent], list[RecordedEvent]]:
    """The case at that time without its hidden events, a page of its events, and those with identities. It is folded anew."""
    events = cut(await all_events(ports.log, present.id), book.zone, as_of=as_of, known_at=known_at)
    if not events:
        raise Unknown(
            "not_yet",
            "The case did not exist at that time, or was not known then.",
            detail_zh="该时点尚未登记或尚未知悉此件，请选择较晚的时间。",
            field="as_of" if as_of is not None else "known_at",
        )
    seen = [event for event in events if event.type not in hidden]
    case = fold(seen)
    if as_of is None and known_at is None:  # commands expect the present version, even if its last event is hidden
        case = replace(case, version=present.version)
    if not case.id:  # the registration is after that time
        raise Unknown(
            "not_yet",
            "The case was not registered at that time.",
            detail_zh="该时点尚未登记，请选择较晚的时间。",
            field="as_of",
        )
    page = [event for event in seen if before is None or event.version < before][-TIMELINE:]
    return case, page, [event for event in seen if isinstance(event.body, NAMES)]


def kept_from(principal: Principal) -> frozenset[str]:
    """Event types that this principal does not see. The organ for accusations sees the respondent of an accusation."""
    if principal.role in SEES_ALL:
        return frozenset()
    return _ASIDE if principal.role in ("organisation", "clerk") else _ASIDE | {"AccusationConfirmed"}


async def _may_know(ports: Ports, principal: Principal, case: Case, events: Sequence[RecordedEvent]) -> frozenset[str]:
    """Ids of the cases that the case and these events refer to and that the principal may see, with what they follow."""
    named_there = {event.body.lead for event in events if isinstance(event.body, CaseLinked | CaseUnlinked)}
    named_there |= {*case.matter.related, *((case.matter.lead,) if case.matter.lead is not None else ())}
    if not named_there:
        return frozenset()
    lines = await lines_of(ports.cases, named_there)
    return frozenset(
        other.id
        for other in lines.values()
        if visible(principal, other, head_of(other.matter.lead, lines) if other.matter.lead else None)
    )


def _entry(event: RecordedEvent, book: PolicyBook, known: frozenset[str]) -> TimelineEntry:
    """An event with its words and codes. `known`: ids of other cases that may be shown."""
    shown: dict[str, Any] = {"newer": True} if isinstance(event.body, NewerEvent) else details(event.body)
    if shown.get("lead") not in known:
        shown.pop("lead", None)
    return TimelineEntry.built_from(event, book, details=shown)


def _episode(model: type[Episode], deadline: Deadline, book: PolicyBook, now: datetime, **more: Any) -> Episode:
    """One episode of one clock."""
    return model.built_from(
        deadline,
        book,
        status=deadline.status(now),
        days_left=days_left(book, deadline.due, now, deadline.rule.period.unit) if deadline.end is None else None,
        due_local=deadline.due.astimezone(zone(deadline.zone)).isoformat(timespec="seconds"),
        ended_by=deadline.end.name if deadline.end else None,
        ended_at=deadline.end.effective_at if deadline.end else None,
        **more,
    )


async def explained(ports: Ports, principal: Principal, reference: str, clock: str) -> ExplanationAnswer:
    """The calculation of the due date of each episode of a clock. Raises Unknown if the case has no such clock."""
    case = await find(ports, principal, reference)
    book = await ports.policies.book(case.jurisdiction)
    found = deadlines(case, book)
    if clock not in {one.clock for one in found}:
        raise Unknown(
            "unknown_clock",
            "This case has no clock of that name. It has: "
            f"{', '.join(sorted({one.clock for one in found})) or 'none'}.",
            detail_zh="该件没有这一时限，请从所列时限中选择。",
            field="clock",
        )
    now = ports.clock.now()
    episodes = [
        _episode(ExplainedEpisode, one, book, now, policy=book.reference, steps=one.steps)
        for one in found
        if one.clock == clock
    ]
    return ExplanationAnswer(id=case.id, number=case.number, clock=clock, episodes=episodes)
