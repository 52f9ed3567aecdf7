"""HTTP for platforms: updates from any cursor, receipts, reply texts, and the figures of a day."""

from __future__ import annotations

from datetime import date

from fastapi import APIRouter

from shared.application.case_reference import jurisdiction_needed
from shared.application.ports import Ports
from shared.application.request_validation import EARLIEST, LATEST
from shared.case import Case
from shared.commands.authorization import RECONCILE, UPDATES, Principal, authorize
from shared.hosting.process import Process
from shared.http.authentication import Caller
from shared.http.long_polling import Cursor, cursor_query, polled
from shared.http.openapi import READING, operation
from shared.http.responses import ReceiptAnswer
from shared.http.router import api_router
from shared.kernel.identifiers import query_code
from shared.kernel.legal_time import given_day
from shared.kernel.refusals import Invalid, Unknown
from shared.messaging.member import Member
from shared.messaging.platform_updates import STREAM, DayAnswer, UpdatesPage, reconciled, told
from shared.queries import case_details as reading
from shared.queries.case_content import record_reading
from shared.queries.reply_texts import AnswerTexts, replies


def require_own(principal: Principal, platform: str) -> None:
    """Raises Unknown unless the caller is this platform."""
    if principal.role not in UPDATES.roles or principal.org != platform:
        raise _unknown()


def _unknown() -> Unknown:
    return Unknown(
        "unknown_platform",
        "There is no such platform, or you may not see it.",
        detail_zh="没有这一平台，或您无权查看。",
        field="platform",
    )


async def _of(ports: Ports, caller: Principal, platform: str) -> Member:
    """The platform that the caller names: a platform itself, other roles one that a policy of their jurisdiction names.

    Raises:
        Unknown: `unknown_platform`.
        Invalid: `jurisdiction_needed`, the caller belongs to no jurisdiction and several have the platform.
    """
    if caller.role == "platform":
        require_own(caller, platform)
        if caller.jurisdiction is not None:
            return Member(caller.jurisdiction, platform)
    books = await ports.policies.all()
    having = [
        Member(code, platform)
        for code, book in sorted(books.items())
        if caller.jurisdiction in (None, code)
        and any(channel.platform == platform for channel in book.known_channels.values())
    ]
    if len(having) > 1:
        raise jurisdiction_needed()
    if not having:
        raise _unknown()
    return having[0]


def router(runtime: Process) -> APIRouter:
    routes = api_router("platforms")
    ports = runtime.ports

    async def own_case(caller: Principal, platform: str, reference: str) -> Case:
        require_own(caller, platform)
        return await reading.find(ports, caller, reference)

    @routes.get(
        "/v1/platforms/{platform}/updates",
        **operation("updates_v1_platforms__platform__updates_get", 401, 404, 422, 503),
    )
    async def updates(platform: str, caller: Caller, cursor: Cursor = cursor_query(runtime.settings)) -> UpdatesPage:
        """The notifications to a platform after a cursor, without gaps. They can be read from the beginning at any time."""
        require_own(caller, platform)
        stream = (await _of(ports, caller, platform)).stream(STREAM)

        async def look() -> UpdatesPage:
            after, limit = cursor.after, cursor.limit
            commits = await ports.log.load(
                stream, after=after, limit=limit + 1
            )  # one more, to know whether there are more
            events = [event for commit in commits for event in commit.recorded if event.version > after]
            page = events[:limit]
            return UpdatesPage(
                entries=await told(ports, page), after=page[-1].version if page else after, more=len(events) > limit
            )

        return await polled(runtime, stream, cursor, look)

    @routes.get(
        "/v1/platforms/{platform}/days/{day}", **operation("of_a_day_v1_platforms__platform__days__day__get", *READING)
    )
    async def of_a_day(platform: str, day: str, caller: Caller) -> DayAnswer:
        """The results of the records that a platform sent to its topic on one day."""
        authorize(caller, RECONCILE)
        member = await _of(ports, caller, platform)
        zone = (await ports.policies.book(member.jurisdiction)).zone
        wanted = _day(day)
        found = await reconciled(ports.log, member, wanted, zone)
        return DayAnswer.built_from(found, platform=platform, day=wanted.isoformat(), zone=zone)

    @routes.get(
        "/v1/platforms/{platform}/receipts/{reference:path}",
        **operation("receipt_v1_platforms__platform__receipts__reference__get", 401, 404, 422, 503, 507),
    )
    async def receipt(platform: str, reference: str, caller: Caller) -> ReceiptAnswer:
        """The receipt, with query code, of a case that the platform filed. The access is recorded."""
        case = await own_case(caller, platform, reference)
        await record_reading(runtime.handling("routing"), caller, case, "receipt", ("receipt",))
        code = query_code(ports.keys.secret("query-code"), case.id, case.filing.code_generation)
        return ReceiptAnswer.built_from(
            case,
            case=case.id,
            code=code,
            received_at=case.filing.filed_at,
            repeated=True,
            unclear=case.filing.unclear,
        )

    @routes.get(
        "/v1/platforms/{platform}/answers/{reference:path}",
        **operation("answer_texts_v1_platforms__platform__answers__reference__get", 401, 404, 422, 503, 507),
    )
    async def answer_texts(platform: str, reference: str, caller: Caller) -> AnswerTexts:
        """The reply texts of a case that the platform filed. The read is recorded."""
        case = await own_case(caller, platform, reference)
        return await replies(runtime.handling("routing"), caller, case)

    return routes


def _day(text: str) -> date:
    try:
        found = given_day(text)
        if EARLIEST <= found.year <= LATEST:
            return found
    except ValueError:
        pass
    raise Invalid(
        "wrong_time", "day must be a date, for example 2026-01-31.", detail_zh="日期应如 2026-01-31。", field="day"
    )
