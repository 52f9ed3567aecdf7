"""What may be read of a case, and by whom: the one place through which every page, route and command line reads.

`authorize` comes first, always on the case as it is now: who lost it no longer sees its past either.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from shared.access import READ, SEES_ALL, Principal, authorize, visible
from shared.case import STREAM, Case, cut, fold, head_of
from shared.command_parts.allowed_commands import allowed
from shared.contents import content
from shared.deadlines import Deadline, deadlines, explain
from shared.envelope import NewerEvent, Recorded
from shared.events.intake import CaseLinked, CaseUnlinked
from shared.events.wording import details, event_words
from shared.finding import resolve, unknown_case
from shared.handling import Handling
from shared.part import Ports
from shared.policy.book import PolicyBook
from shared.refusals import Unknown
from shared.telling import state_words
from shared.times import When, instant_of, to_text, zone

_ASIDE = frozenset({"AccusationSuspected", "SuspicionCleared"})
"""That a rule suspected an accusation is nobody's but the petition office's (Art. 30)."""


async def find(ports: Ports, principal: Principal, reference: str) -> Case:
    """The case as it is now. Raises Unknown for one that the principal may not see, or that is not there."""
    case, _head = await ports.cases.get(await resolve(ports, reference))
    if not case.exists:
        case, _head = await ports.cases.reload(await resolve(ports, reference))
    if not case.exists:
        raise unknown_case()
    authorize(principal, READ, case, await ports.cases.lead_of(case))
    return case


async def show(
    ports: Ports,
    reader: Handling,
    principal: Principal,
    reference: str,
    *,
    as_of: When | None = None,
    known_at: When | None = None,
    open_content: bool = True,
) -> dict[str, Any]:
    """Everything of a case that the principal may see: as it is, or as of a day and as known at a day. `reader`: routing's
    hands, which record the reading."""
    present = await find(ports, principal, reference)
    book = await ports.policies.book(present.jurisdiction)
    events = [event for commit in await ports.log.load(STREAM + present.id) for event in commit.recorded]
    past = as_of is not None or known_at is not None
    seen = cut(events, book.zone, as_of=as_of, known_at=known_at)
    if not seen:
        raise Unknown(
            "not_yet",
            "The case did not exist at that time, or was not known then.",
            why_zh="该时点尚无此件或尚不知悉。",
            field="as_of" if as_of is not None else "known_at",
        )
    seen = [event for event in seen if event.type not in _kept_from(principal)]
    case = fold(seen)
    if not past:  # also where its last event is not shown: a command may be given on what was read
        case = replace(case, version=present.version)
    if not case.id:  # the registration itself lies after the cut
        raise Unknown("not_yet", "The case was not registered at that time.", why_zh="该时点尚未登记。", field="as_of")
    known = await _may_know(ports, principal, present, seen)
    lead = await ports.cases.lead_of(case)
    present_lead = lead if case.lead == present.lead else await ports.cases.lead_of(present)
    now = min((ports.clock.now(), *(instant_of(when, book.zone) for when in (as_of, known_at) if when is not None)))
    return {
        **summary(case, book),
        "lead": case.lead if case.lead in known else None,
        "matter": _lead(lead, known, book),
        "related": [other for other in case.related if other in known],
        "as_of": to_text(as_of) if as_of is not None else None,
        "known_at": to_text(known_at) if known_at is not None else None,
        "deadlines": [shown_deadline(one, book, now) for one in deadlines(case, book)],
        "timeline": timeline(seen, book, known),
        "corrections": corrections(case),
        "allowed": [] if past else allowed(case, principal),
        "content": await content(reader, principal, present, seen, present_lead) if open_content else None,
    }


def _kept_from(principal: Principal) -> frozenset[str]:
    """Types of events that this principal is not told of. Whom an accusation is about, the sealed organ has to know."""
    if principal.role in SEES_ALL:
        return frozenset()
    return _ASIDE if principal.role in ("organisation", "clerk") else _ASIDE | {"AccusationConfirmed"}


async def _may_know(ports: Ports, principal: Principal, case: Case, events: Sequence[Recorded]) -> frozenset[str]:
    """Ids of the cases that these events refer to and that the principal may see, with what they follow."""
    named_there = {event.body.lead for event in events if isinstance(event.body, CaseLinked | CaseUnlinked)}
    if not named_there:
        return frozenset()
    lines = await ports.cases.lines(named_there)
    return frozenset(
        other.id
        for other in lines.values()
        if visible(principal, other, head_of(other.lead, lines) if other.lead else None)
    )


def _lead(lead: Case | None, known: frozenset[str], book: PolicyBook) -> dict[str, Any] | None:
    if lead is None or lead.id not in known:
        return None
    words = state_words(lead.state)
    return {
        "id": lead.id,
        "number": lead.number,
        "state": lead.state,
        "state_zh": words.zh,
        "state_en": words.en,
        "org": named(book, lead.org),
    }


def summary(case: Case, book: PolicyBook) -> dict[str, Any]:
    """A case without its history. No personal data."""
    words = state_words(case.state)
    return {
        "id": case.id,
        "number": case.number,
        "version": case.version,
        "jurisdiction": case.jurisdiction,
        "origin": case.origin,
        "state": case.state,
        "state_zh": words.zh,
        "state_en": words.en,
        "channel": named(book, case.channel),
        "channel_class": case.channel_class,
        "place": named(book, case.place),
        "subject": named(book, case.subject),
        "level": case.level,
        "grid": case.grid,
        "class": case.class_,
        "path": case.path,
        "org": named(book, case.org),
        "assist": [named(book, org) for org in case.assist],
        "forwarded": [named(book, org) for org in case.forwarded],
        "reviewer": named(book, case.reviewer),
        "review_result": case.review_result,
        "past_orgs": [named(book, org) for org in case.past_orgs],
        "rule": case.rule,
        "queue_reason": case.queue_reason if case.org is None else None,
        "confidential": case.confidential,
        "anonymous": case.anonymous,
        "sealed_track": case.sealed_track,
        "hops": case.hops,
        "result": case.result,
        "closure": case.closure,
        "filed_at": _text(case.filed_at),
        "registered_at": _text(case.registered_at),
        "accepted_at": _text(case.accepted_at),
        "replied_at": _text(case.replied_at),
        "closed_at": _text(case.closed_at),
        "supervision": case.supervision,
        "evaluations": dict(case.evaluations),
        "read_only": case.newer,
    }


def timeline(events: Sequence[Recorded], book: PolicyBook, known: frozenset[str] = frozenset()) -> list[dict[str, Any]]:
    """What happened, in the order of the log, in words and codes. `known`: ids of other cases that may be named."""
    lines = []
    for event in events:
        told = {"newer": True} if isinstance(event.body, NewerEvent) else details(event.body)
        if told.get("lead") not in known:
            told.pop("lead", None)
        words = event_words(event.type)
        lines.append(
            {
                "version": event.version,
                "type": event.type,
                "zh": words.zh,
                "en": words.en,
                "effective_at": to_text(event.effective_at),
                "recorded_at": to_text(event.recorded_at),
                "origin": event.origin,
                "by": {"role": event.actor.role, "org": named(book, event.actor.org), "ref": event.actor.ref},
                "policy": event.policy,
                "details": told,
            }
        )
    return lines


def corrections(case: Case) -> list[dict[str, Any]]:
    """What was mended: by whom, when, why. The original stands in the timeline."""
    return [
        {
            "version": one.version,
            "field": one.field.rstrip("_"),
            "of": one.of,
            "old": one.old,
            "new": one.new,
            "reason": one.reason,
            "recorded_at": to_text(one.recorded_at),
            "by": one.ref,
        }
        for one in case.corrections
    ]


def shown_deadline(deadline: Deadline, book: PolicyBook, now: datetime) -> dict[str, Any]:
    """One episode of one clock."""
    return {
        "clock": deadline.clock,
        "zh": deadline.rule.title.zh,
        "en": deadline.rule.title.en,
        "article": deadline.rule.article,
        "episode": deadline.episode,
        "status": deadline.status(now),
        "due": to_text(deadline.due),
        "due_local": deadline.due.astimezone(zone(deadline.zone)).isoformat(timespec="seconds"),
        "due_day": deadline.due_day.isoformat(),
        "org": named(book, deadline.org),
        "started_by": deadline.start.name,
        "started_at": to_text(deadline.start.effective_at),
        "ended_by": deadline.end.name if deadline.end else None,
        "ended_at": _text(deadline.end.effective_at) if deadline.end else None,
        "extended_days": deadline.extended_days,
        "excluded_days": deadline.excluded_days,
        "provisional": deadline.provisional,
        "window": deadline.rule.window,
    }


async def explained(ports: Ports, principal: Principal, reference: str, clock: str) -> dict[str, Any]:
    """Why each episode of a clock ends when it ends. Raises Unknown where the case has no such clock."""
    case = await find(ports, principal, reference)
    book = await ports.policies.book(case.jurisdiction)
    own = [one for one in deadlines(case, book) if one.clock == clock]
    if not own:
        present = sorted({one.clock for one in deadlines(case, book)})
        raise Unknown(
            "unknown_clock",
            f"This case has no clock of that name. It has: {', '.join(present) or 'none'}.",
            why_zh="该件没有这一时限。",
            field="clock",
        )
    now = ports.clock.now()
    episodes = []
    for one in own:
        explanation = explain(case, book, clock, one.episode)
        steps = [as_step(step) for step in explanation.steps] if explanation else []
        policy = explanation.reference if explanation else book.reference
        episodes.append({**shown_deadline(one, book, now), "policy": policy, "steps": steps})
    return {"id": case.id, "number": case.number, "clock": clock, "episodes": episodes}


def as_step(step: Any) -> dict[str, Any]:
    """A sentence of an explanation as JSON."""
    return {"zh": step.zh, "en": step.en, "day": step.day.isoformat() if step.day else None}


def named(book: PolicyBook, code: str | None) -> dict[str, str | None] | None:
    return None if code is None else {"code": code, "name": book.names.get(code)}


def _text(when: When | None) -> str | None:
    return to_text(when) if when is not None else None
