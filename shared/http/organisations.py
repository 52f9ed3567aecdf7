"""The inbox of an organisation: its outbox stream from any cursor, waiting for news if asked to."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from fastapi import APIRouter, Query

from shared.access import OUTBOX, Principal, authorize
from shared.accused import against
from shared.envelope import Recorded
from shared.events.routing import OutboxEntry
from shared.http.answers import OutboxPage
from shared.http.describing import READING, answers
from shared.http.polling import Reach, polled
from shared.http.who import Caller
from shared.inbox import STREAM, entry
from shared.part import Ports
from shared.refusals import Unknown
from shared.runtime import Runtime

_STEP = 1000
"""Entries that are looked at together."""


def require_own(principal: Principal, org: str) -> None:
    """An organisation reads its own inbox; another one does not exist for it."""
    authorize(principal, OUTBOX)
    if principal.role in ("organisation", "clerk") and principal.org != org:
        raise Unknown(
            "unknown_organisation", "There is no such organisation for you.", why_zh="没有这一单位。", field="org"
        )


async def told(
    ports: Ports, principal: Principal, org: str, after: int, limit: int
) -> tuple[list[dict[str, Any]], int, bool]:
    """(entries, cursor, whether there are more) for this reader. The petition office and supervisors read the inboxes of others,
    but not there either of a case in which their own organisation is complained of (Art. 30): what they may read is then
    numbered by itself, for a gap in the numbers tells as much as an entry."""
    other = principal.org if principal.org != org else None
    unseen = await against(ports.views, other) if other is not None else frozenset()
    if not unseen:
        events = await _from(ports, org, after, limit + 1)  # one more: are there any?
        page = [(event.version, event) for event in events]
    else:
        page = []
        async for number, event in _numbered(ports, org, unseen):
            if number > after:
                page.append((number, event))
            if len(page) > limit:
                break
    shown = [
        {**entry(event), "id": number} for number, event in page[:limit] if await _may_be_told(ports, other, event)
    ]
    return shown, page[:limit][-1][0] if page else after, len(page) > limit


async def _from(ports: Ports, org: str, after: int, limit: int) -> list[Recorded]:
    commits = await ports.log.load(STREAM + org, after=after, limit=limit)
    return [event for commit in commits for event in commit.recorded if event.version > after]


async def _numbered(ports: Ports, org: str, unseen: frozenset[str]) -> AsyncIterator[tuple[int, Recorded]]:
    """The entries that are not about these cases, from the first one on, numbered without a gap."""
    number = at = 0
    while events := await _from(ports, org, at, _STEP):
        for event in events:
            at = event.version
            assert isinstance(event.body, OutboxEntry)
            if event.body.case not in unseen:
                number += 1
                yield number, event


async def _may_be_told(ports: Ports, other: str | None, event: Recorded) -> bool:
    """Once more of the log: the rows of views come a moment later."""
    if other is None:
        return True
    assert isinstance(event.body, OutboxEntry)
    case, _head = await ports.cases.get(event.body.case)
    return other not in case.accused


def router(runtime: Runtime) -> APIRouter:
    routes = APIRouter(tags=["departments"])

    @routes.get(
        "/v1/organisations/{org}/assignments",
        response_model=OutboxPage,
        responses=answers(*READING),
        summary="What an organisation was told, from a cursor on; gapless, readable from zero for ever",
    )
    async def assignments(
        org: str,
        caller: Caller,
        after: int = Query(0, ge=0, le=2**53, description="Cursor: id of the last entry that you have; 0 begins"),
        limit: int = Query(50, ge=1, le=runtime.settings.page_limit, description="Most entries"),
        wait: float = Query(
            0, ge=0, le=runtime.settings.wait_limit, description="Seconds to wait for an entry when there is none"
        ),
    ) -> dict[str, Any]:
        require_own(caller, org)

        async def look() -> tuple[list[dict[str, Any]], Reach]:
            entries, cursor, more = await told(runtime.ports, caller, org, after, limit)
            return entries, Reach(cursor, more)

        entries, (cursor, more) = await polled(runtime, STREAM + org, after, wait, look)
        return {"entries": entries, "after": cursor, "more": more}

    return routes
