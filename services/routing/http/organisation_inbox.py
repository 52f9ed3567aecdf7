"""The inbox of an organisation: its stream from any cursor, with long polling."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial

from fastapi import APIRouter

from shared.application.case_reference import jurisdiction_needed
from shared.application.ports import Ports
from shared.commands.authorization import OUTBOX, Principal, authorize, visible
from shared.events.routing import OutboxEntry
from shared.eventstore.recorded_event import RecordedEvent
from shared.hosting.process import Process
from shared.http.authentication import Caller
from shared.http.long_polling import TextCursor, polled, text_cursor_query
from shared.http.openapi import READING, operation
from shared.http.router import api_router
from shared.kernel.refusals import Unknown
from shared.messaging.member import Member
from shared.messaging.opaque_cursor import SECRET, OpaqueCursor, wrong_cursor
from shared.messaging.organisation_inbox import STREAM, InboxEntry, InboxPage, entry, inbox_entry

_LARGEST = 2**53
Look = Callable[[], Awaitable[InboxPage]]
"""Reads one page; called again while there is no entry."""


async def inbox_of(ports: Ports, principal: Principal, org: str) -> Member:
    """The inbox that the principal names. An organisation reads its own, other roles those of their jurisdiction.

    Raises:
        Unknown: `unknown_organisation`.
        Invalid: `jurisdiction_needed`, the principal belongs to no jurisdiction and several have the organisation.
    """
    authorize(principal, OUTBOX)
    own = principal.org == org
    if own and principal.jurisdiction is not None:
        return Member(principal.jurisdiction, org)
    having = []
    if own or principal.role not in ("organisation", "clerk"):
        books = await ports.policies.all()
        having = [
            Member(code, org)
            for code, book in sorted(books.items())
            if principal.jurisdiction in (None, code) and book.ever_listed(org)
        ]
    if len(having) > 1:
        raise jurisdiction_needed()
    if not having:
        raise Unknown(
            "unknown_organisation",
            "There is no such organisation, or you may not see it.",
            detail_zh="没有这一单位，或您无权查看。",
            field="org",
        )
    return having[0]


async def own_page(ports: Ports, inbox: Member, after: str, limit: int) -> InboxPage:
    """One page for the owner of the inbox. Its cursor is the version of the stream, without gaps."""
    if not (after.isascii() and after.isdigit() and len(after) <= len(str(_LARGEST)) and int(after) <= _LARGEST):
        raise wrong_cursor()
    events = await _entries(ports, inbox, int(after), limit + 1)  # one more, to know whether there are more
    page = events[:limit]
    shown: list[InboxEntry] = [entry(event) for event in page]
    return InboxPage(entries=shown, after=page[-1].version if page else int(after), more=len(events) > limit)


def filtered_pages(ports: Ports, principal: Principal, inbox: Member, after: str, limit: int) -> Look:
    """Returns the function that reads one page for the petition office or a supervisor, who see the entries of the cases that
    they may see at the time of the call: not those of a case whose respondent is their own organisation (Art. 30).

    Each call begins where the one before found nothing. Raises Invalid `wrong_cursor`."""
    cursor = OpaqueCursor(ports.keys.secret(SECRET), inbox.stream(STREAM), principal.org or "")
    begin = cursor.position(after)

    async def look() -> InboxPage:
        nonlocal begin
        found: list[RecordedEvent] = []
        place = begin
        while len(found) <= limit:  # one more, to know whether there are more
            events = await _entries(ports, inbox, place, limit + 1)
            found += [event for event in events if await _may_see(ports, principal, event)]
            if events and not found:
                begin = events[-1].version
            if len(events) <= limit:
                break
            place = events[-1].version
        page = found[:limit]
        shown = [inbox_entry(event, cursor.text(event.version)) for event in page]
        return InboxPage(entries=shown, after=shown[-1].id if shown else after, more=len(found) > limit)

    return look


async def _entries(ports: Ports, inbox: Member, after: int, limit: int) -> list[RecordedEvent]:
    """The entries after this version: those of the first `limit` commits."""
    commits = await ports.log.load(inbox.stream(STREAM), after=after, limit=limit)
    return [event for commit in commits for event in commit.recorded if event.version > after]


async def _may_see(ports: Ports, principal: Principal, event: RecordedEvent) -> bool:
    """Decided on the log, because read models lag behind it. An entry that names no case is the refusal of a command of the
    organisation, which can be about any case: only the organisation reads it."""
    assert isinstance(event.body, OutboxEntry)
    if not event.body.case:
        return False
    case, _head = await ports.cases.get(event.body.case, at_least=event.body.version)
    return visible(principal, case)


def router(runtime: Process) -> APIRouter:
    routes = api_router("departments")
    ports = runtime.ports

    @routes.get(
        "/v1/organisations/{org}/assignments",
        **operation("assignments_v1_organisations__org__assignments_get", *READING),
    )
    async def assignments(
        org: str, caller: Caller, cursor: TextCursor = text_cursor_query(runtime.settings)
    ) -> InboxPage:
        """The notifications to an organisation after a cursor. They can be read from the beginning at any time. The organisation
        itself reads all of them, numbered without gaps; others those of the cases that they may see, whose ids are opaque."""
        inbox = await inbox_of(ports, caller, org)
        if caller.org == org:
            look: Look = partial(own_page, ports, inbox, cursor.after, cursor.limit)
        else:
            look = filtered_pages(ports, caller, inbox, cursor.after, cursor.limit)
        return await polled(runtime, inbox.stream(STREAM), cursor, look)

    return routes
