"""The inbox of an organisation: its stream from any cursor, with long polling."""

from __future__ import annotations

from fastapi import APIRouter

from services.routing.http.inbox_gaps import AllGaps, Gaps, case_of, entries_of
from shared.application.ports import Ports
from shared.commands.authorization import OUTBOX, Principal, authorize
from shared.eventstore.recorded_event import RecordedEvent
from shared.hosting.process import Process
from shared.http.authentication import Caller
from shared.http.long_polling import Cursor, cursor_query, polled
from shared.http.openapi import READING, operation
from shared.kernel.refusals import Unknown
from shared.messaging.organisation_inbox import STREAM, OutboxPage, entry
from shared.queries.respondents import against

NONE = Gaps()
"""The gaps for readers that see every entry."""


async def require_own(ports: Ports, principal: Principal, org: str) -> None:
    """Check that the principal may read this inbox: an organisation its own, other roles those of their jurisdiction."""
    authorize(principal, OUTBOX)
    elsewhere = principal.role in ("organisation", "clerk") and principal.org != org
    if not elsewhere and principal.jurisdiction is not None and principal.org != org:
        elsewhere = not (await ports.policies.book(principal.jurisdiction)).ever_listed(org)
    if elsewhere:
        raise Unknown(
            "unknown_organisation",
            "There is no such organisation, or you may not see it.",
            detail_zh="没有这一单位。",
            field="org",
        )


async def told(ports: Ports, gaps: AllGaps, principal: Principal, org: str, after: int, limit: int) -> OutboxPage:
    """One page for this reader. The petition office and supervisors read the inboxes of others, without the entries of
    cases whose respondent is their own organisation (Art. 30). The visible entries are then numbered without gaps,
    because a gap would reveal a hidden entry."""
    other = principal.org if principal.org != org else None
    unseen = await against(ports.views, other) if other is not None else frozenset()
    hidden = await gaps.of(org, unseen) if unseen else NONE
    page: list[RecordedEvent] = []
    at = hidden.version(after + 1) - 1  # skip hidden entries directly after the cursor
    while len(page) <= limit:  # one more, to know whether there are more
        events = await entries_of(ports.log, org, at, limit + 1)
        if unseen:  # newer entries have no number yet
            events = [event for event in events if event.version <= hidden.upto]
        page += [event for event in events if case_of(event) not in unseen]
        if len(events) <= limit:
            break
        at = events[-1].version
    more = len(page) > limit
    del page[limit:]
    shown = [entry(event, hidden.number(event.version)) for event in page if await _may_be_told(ports, other, event)]
    return OutboxPage(entries=shown, after=hidden.number(page[-1].version) if page else after, more=more)


async def _may_be_told(ports: Ports, other: str | None, event: RecordedEvent) -> bool:
    """Check against the log, because read models lag behind it."""
    if other is None:
        return True
    case, _head = await ports.cases.get(case_of(event))
    return other not in case.accusation.accused


def router(runtime: Process) -> APIRouter:
    routes = APIRouter(tags=["departments"])
    gaps = AllGaps(runtime.ports.log)

    @routes.get(
        "/v1/organisations/{org}/assignments",
        **operation("assignments_v1_organisations__org__assignments_get", *READING),
    )
    async def assignments(org: str, caller: Caller, cursor: Cursor = cursor_query(runtime.settings)) -> OutboxPage:
        """The notifications to an organisation after a cursor, without gaps. They can be read from the beginning at any time."""
        await require_own(runtime.ports, caller, org)

        async def look() -> OutboxPage:
            return await told(runtime.ports, gaps, caller, org, cursor.after, cursor.limit)

        return await polled(runtime, STREAM + org, cursor, look)

    return routes
