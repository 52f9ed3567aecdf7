"""The inbox of an organisation: its outbox stream from any cursor, waiting for news if asked to."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from typing import Any

from fastapi import APIRouter, Query

from shared.access import OUTBOX, Principal, authorize
from shared.envelope import Recorded
from shared.events.routing import OutboxEntry
from shared.http.answers import OutboxPage
from shared.http.describing import READING, answers
from shared.http.who import Caller
from shared.inbox import STREAM, entry
from shared.part import Ports
from shared.refusals import Unknown
from shared.runtime import Runtime

LOOK_SECONDS = 1.0
"""How long a wait may miss what another process appended: one look at an index, and all that an idle wait costs."""


def require_own(principal: Principal, org: str) -> None:
    """An organisation reads its own inbox; another one does not exist for it."""
    authorize(principal, OUTBOX)
    if principal.role in ("organisation", "clerk") and principal.org != org:
        raise Unknown(
            "unknown_organisation", "There is no such organisation for you.", why_zh="没有这一单位。", field="org"
        )


async def may_be_told(ports: Ports, principal: Principal, org: str, event: Recorded) -> bool:
    """The petition office and supervisors read the inboxes of others, but not there either of a case in which their own
    organisation is the accused (Art. 30)."""
    if principal.org == org or principal.org is None:
        return True
    assert isinstance(event.body, OutboxEntry)
    case, _head = await ports.cases.get(event.body.case)
    return principal.org not in case.accused


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
        until = time.monotonic() + wait
        with runtime.watching(STREAM + org) as news:
            while True:
                news.clear()
                commits = await runtime.ports.log.load(
                    STREAM + org, after=after, limit=limit + 1
                )  # one more: are there any?
                left = until - time.monotonic()
                if commits or left <= 0 or runtime.stopping:
                    break
                with suppress(TimeoutError):
                    await asyncio.wait_for(news.wait(), min(left, LOOK_SECONDS))
        events = [event for commit in commits for event in commit.recorded if event.version > after]
        page = events[:limit]
        shown = [entry(event) for event in page if await may_be_told(runtime.ports, caller, org, event)]
        return {"entries": shown, "after": page[-1].version if page else after, "more": len(events) > limit}

    return routes
