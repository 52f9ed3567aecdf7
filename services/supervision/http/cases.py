"""HTTP of case queries: lists, one case as of any day, and the calculation of due dates."""

from __future__ import annotations

from datetime import date, datetime

from fastapi import APIRouter, Query

from shared.application.request_validation import EARLIEST, LATEST
from shared.case import STATES
from shared.commands.authorization import LIST, Principal, authorize
from shared.events.fields import Class
from shared.hosting.process import Process
from shared.http.authentication import Caller
from shared.http.openapi import READING, operation
from shared.http.router import api_router
from shared.kernel.identifiers import NUMBER_DIGITS
from shared.kernel.legal_time import LegalTime, given_time, instant_of, start_of_day, to_text
from shared.kernel.refusals import Invalid
from shared.kernel.text_normalization import search_form
from shared.queries import case_details as reading
from shared.queries import worklist as listing
from shared.queries.case_details_models import CaseAnswer, ExplanationAnswer
from shared.queries.filter_codes import FilteredPage, unknown_codes
from shared.queries.worklist_counts import Counts, CountsAnswer

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
            detail_zh="时间须为日期，或带时区偏移的时刻。",
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


async def instant(
    runtime: Process, caller: Principal, text: str | None, field: str, *, begin: bool = False
) -> datetime | None:
    """An instant from a query parameter; a date means its end (or `begin`) in the zone of the caller's jurisdiction, or of the
    default one."""
    found: date | datetime | None = when(field, text)
    if found is None:
        return None
    books = await runtime.ports.policies.all()
    book = books.get(caller.jurisdiction or runtime.settings.jurisdiction or "") or next(iter(books.values()), None)
    zone = book.zone if book else "UTC"
    return start_of_day(found, zone) if begin and not isinstance(found, datetime) else instant_of(found, zone)


def _prefix(number: str | None) -> str | None:
    """The beginning of a number in its normal form. Raises Invalid for what begins no number."""
    if number is None:
        return None
    digits = "".join(search_form(number).upper().replace("-", "").split())
    if not digits or len(digits) > 4 + NUMBER_DIGITS + 1 or not digits.isascii() or not digits.isalnum():
        raise Invalid(
            "wrong_number",
            "number is the beginning of a case number, for example 2026-7K3.",
            detail_zh="number 应为编号的开头，例如 2026-7K3。",
            field="number",
        )
    year, middle, check = digits[:4], digits[4 : 4 + NUMBER_DIGITS], digits[4 + NUMBER_DIGITS :]
    groups = [year, *(middle[start : start + 4] for start in range(0, len(middle), 4)), *([check] if check else [])]
    return "-".join(groups)


def _clerk(caller: Principal, clerk: str) -> str:
    """The staff code that `me` stands for. Raises Invalid for a key without a person."""
    if clerk != "me":
        return clerk
    if caller.person is None:
        raise Invalid(
            "no_person",
            "This access key names no person. Sign in, or name a staff code.",
            detail_zh="该密钥未注明人员，请登录后查询或填写人员代码。",
            field="clerk",
        )
    return caller.person


def router(runtime: Process) -> APIRouter:
    routes = api_router("cases")
    ports = runtime.ports
    most = runtime.settings.page_limit
    counts = Counts(ports)

    async def text(caller: Principal, given: str | None, field: str, *, begin: bool = False) -> str | None:
        found = await instant(runtime, caller, given, field, begin=begin)
        return to_text(found) if found is not None else None

    @routes.get("/v1/cases", **operation("cases_v1_cases_get", 401, 403, 422, 503))
    async def cases(
        caller: Caller,
        queue: str | None = Query(None, description=f"One of: {', '.join(listing.QUEUES)}", max_length=40),
        org: str | None = Query(None, description="Responsible organisation", max_length=128),
        state: str | None = Query(None, description="State", max_length=40),
        place: str | None = Query(None, description="Place of the problem", max_length=128),
        subject: str | None = Query(None, description="Subject", max_length=128),
        due_before: str | None = Query(None, description=f"Due before: {_WHEN}", max_length=40),
        class_: Class | None = Query(None, alias="class", description="Class"),
        channel: str | None = Query(None, description="Channel", max_length=128),
        clock: str | None = Query(None, description="Clock of the earliest running deadline", max_length=80),
        holder: str | None = Query(None, description="Subordinate that handles the case", max_length=128),
        clerk: str | None = Query(
            None, description="Clerk of your unit: a staff code, `me`, or `none` for cases without one", max_length=40
        ),
        filed_from: str | None = Query(
            None, description="Filed since: a date or an instant with offset", max_length=40
        ),
        filed_to: str | None = Query(None, description=f"Filed until: {_WHEN}", max_length=40),
        number: str | None = Query(None, description="Beginning of the number, ordered by number", max_length=60),
        totals: bool = Query(False, description="Also count the list"),
        after: str | None = Query(None, description="Cursor of the previous page", max_length=400),
        limit: int = Query(50, ge=1, le=most, description="Most rows"),
    ) -> FilteredPage:
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
        wanted = listing.ListFilter(
            queue=queue,
            org=org,
            state=state,
            place=place,
            subject=subject,
            due_before=await text(caller, due_before, "due_before"),
            holder=holder,
            class_=class_,
            channel=channel,
            due_clock=clock,
            filed_from=await text(caller, filed_from, "filed_from", begin=True),
            filed_to=await text(caller, filed_to, "filed_to"),
            number=_prefix(number),
        )
        if clerk is not None:
            wanted = wanted._replace(**{listing.clerk_column(caller): _clerk(caller, clerk)})
        found = await listing.cases(ports, caller, wanted, after, limit)
        page = FilteredPage.model_construct(**dict(found))
        if not page.cases and after is None:
            page.unknown = await unknown_codes(ports, caller, wanted)
        if totals:
            page.total, page.total_is_minimum = await listing.total(ports, caller, wanted)
        return page

    @routes.get("/v1/cases/counts", **operation("counts_v1_cases_counts_get", 401, 403, 503))
    async def in_queues(caller: Caller) -> CountsAnswer:
        """How many of the cases that you may see wait in each queue, and how many are yours."""
        return await counts.of(caller)

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
        before: int | None = Query(
            None, ge=1, le=2**53, description="Events before this version: `timeline_before` of the previous answer"
        ),
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
            before=before,
        )

    return routes
