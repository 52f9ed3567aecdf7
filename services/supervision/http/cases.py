"""HTTP of case queries: lists, one case as of any day, and the calculation of due dates."""

from __future__ import annotations

from datetime import date, datetime

from fastapi import APIRouter, Query

from shared.application.request_validation import EARLIEST, LATEST
from shared.case import STATES
from shared.commands.authorization import LIST, authorize
from shared.hosting.process import Process
from shared.http.authentication import Caller
from shared.http.openapi import READING, operation
from shared.kernel.legal_time import LegalTime, given_time, instant_of, to_text
from shared.kernel.refusals import Invalid
from shared.queries import case_details as reading
from shared.queries import worklist as listing
from shared.queries.case_details_models import CaseAnswer, ExplanationAnswer
from shared.queries.worklist import CasePage

_WHEN = "a date (the end of that day) or an instant with offset"


def when(field: str, text: str | None) -> LegalTime | None:
    """A time from a query parameter. Raises Invalid for a naive one."""
    if text is None:
        return None
    try:
        found = given_time(text)
    except (ValueError, OverflowError):
        raise Invalid(
            "wrong_time",
            f"{field} needs a date (2026-01-31) or an instant with offset "
            "(2026-01-31T10:00:00+08:00; in a URL write + as %2B).",
            detail_zh="时间须为日期，或带时区的时刻。",
            field=field,
        ) from None
    if not EARLIEST <= found.year <= LATEST:
        raise Invalid(
            "wrong_time",
            f"{field}: the year must be between {EARLIEST} and {LATEST}.",
            detail_zh=f"年份须在{EARLIEST}至{LATEST}之间。",
            field=field,
        )
    return found


async def instant(runtime: Process, text: str | None, field: str) -> datetime | None:
    """An instant from a query parameter; a date means its end in the default jurisdiction's zone."""
    found: date | datetime | None = when(field, text)
    if found is None:
        return None
    books = await runtime.ports.policies.all()
    book = books.get(runtime.settings.jurisdiction or "") or next(iter(books.values()), None)
    return instant_of(found, book.zone if book else "UTC")


def router(runtime: Process) -> APIRouter:
    routes = APIRouter(tags=["cases"])
    ports = runtime.ports
    most = runtime.settings.page_limit

    @routes.get("/v1/cases", **operation("cases_v1_cases_get", 401, 403, 422, 503))
    async def cases(
        caller: Caller,
        queue: str | None = Query(None, description=f"One of: {', '.join(listing.QUEUES)}", max_length=40),
        org: str | None = Query(None, description="Responsible organisation", max_length=128),
        state: str | None = Query(None, description="State", max_length=40),
        place: str | None = Query(None, description="Place of the problem", max_length=128),
        subject: str | None = Query(None, description="Subject", max_length=128),
        due_before: str | None = Query(None, description=f"Due before: {_WHEN}", max_length=40),
        after: str | None = Query(None, description="Cursor of the previous page", max_length=400),
        limit: int = Query(50, ge=1, le=most, description="Most rows"),
    ) -> CasePage:
        """The cases that you may see, earliest due date first."""
        authorize(caller, LIST)
        if queue is not None and queue not in listing.QUEUES:
            raise Invalid(
                "unknown_queue",
                f"queue is one of: {', '.join(listing.QUEUES)}.",
                detail_zh=f"queue 应为以下之一：{'、'.join(listing.QUEUES)}。",
                field="queue",
            )
        if state is not None and state not in STATES:
            raise Invalid(
                "unknown_state",
                f"state is one of: {', '.join(STATES)}.",
                detail_zh=f"state 应为以下之一：{'、'.join(STATES)}。",
                field="state",
            )
        before = await instant(runtime, due_before, "due_before")
        wanted = listing.ListFilter(queue, org, state, place, subject, to_text(before) if before else None)
        return await listing.cases(ports, caller, wanted, after, limit)

    @routes.get(
        "/v1/cases/{reference:path}/deadlines/{clock}/explain",
        **operation("explain_v1_cases__reference__deadlines__clock__explain_get", *READING),
    )
    async def explain(reference: str, clock: str, caller: Caller) -> ExplanationAnswer:
        """The calculation of the due dates of a clock, with every skipped day."""
        return await reading.explained(ports, caller, reference, clock)

    @routes.get("/v1/cases/{reference:path}", **operation("case_v1_cases__reference__get", *READING))
    async def case(
        reference: str,
        caller: Caller,
        as_of: str | None = Query(None, description=f"State at this time: {_WHEN}", max_length=40),
        known_at: str | None = Query(None, description=f"Only what was recorded by this time: {_WHEN}", max_length=40),
        content: bool = Query(True, description="Decrypt the data that you may see; false leaves them out"),
    ) -> CaseAnswer:
        """A case by id, number or CHANNEL:ITEM, at present or as of a day. Decrypting its content is recorded."""
        return await reading.show(
            ports,
            runtime.handling("routing"),
            caller,
            reference,
            as_of=when("as_of", as_of),
            known_at=when("known_at", known_at),
            open_content=content,
        )

    return routes
