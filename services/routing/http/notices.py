"""HTTP of notices as documents: issue, register, one notice, its document, the notices of a day, the file of a case."""

from __future__ import annotations

import asyncio
from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from services.routing.notices.bound_pdf import merged
from services.routing.notices.dossier import dossier
from services.routing.notices.html_form import html
from services.routing.notices.issuer import ISSUE, NoticeIssuer
from services.routing.notices.notice_queries import MEDIA, OWN, Format, NoticeAnswer, NoticePage, NoticeReader
from services.routing.notices.pdf_form import available, pdf, pdf_missing
from shared.application.command_dispatch import CommandId
from shared.application.request_validation import validated
from shared.commands.authorization import NOTICES, authorize
from shared.events.notices import DocumentKind, Language
from shared.hosting.process import Process
from shared.http.authentication import Caller
from shared.http.openapi import READING, WRITING, answers, operation, takes
from shared.http.request_bodies import read_json
from shared.http.router import api_router
from shared.kernel.legal_time import given_day
from shared.kernel.refusals import Invalid, Refused
from shared.queries.case_details import find
from shared.repositories.matter_cases import lead_of

MOST_OF_A_DAY = 2_000
"""Notices of one PDF (own choice)."""
_SAFE = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; sandbox",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}
Office = Annotated[str, Query(description="The organisation that issued; - is your own", max_length=128)]
FormatQuery = Annotated[Format, Query(description="html or pdf")]


class IssueNotice(BaseModel):
    """Issue a notice on a case: it gets the next number of its office, kind and year. The document follows."""

    model_config = ConfigDict(extra="forbid")

    case: str = Field(min_length=1, max_length=200, description="Case id, number, or CHANNEL:ITEM")
    kind: DocumentKind = Field(description="Kind of the notice")
    language: Language = Field("zh", description="Language of the notice")
    command_id: CommandId = Field(description="Your id of this command. Sending it again returns the first answer")


def _file(content: bytes, form: Format, name: str) -> Response:
    disposition = f'attachment; filename="{name}.{form}"'
    return Response(content, media_type=MEDIA[form], headers={**_SAFE, "Content-Disposition": disposition})


def _gives(*media: str) -> dict[str, Any]:
    content = {one.partition(";")[0]: {"schema": {"type": "string", "format": "binary"}} for one in media}
    return {"description": "The document, as a download", "content": content}


def _files(operation_id: str, *media: str) -> dict[str, Any]:
    """The arguments of a route that returns a file."""
    return {
        "operation_id": operation_id,
        "responses": {**answers(*READING, 409), 200: _gives(*media)},
        "response_class": Response,
    }


def _day(text: str) -> date:
    try:
        return given_day(text)
    except ValueError:
        raise Invalid(
            "wrong_time",
            "day needs a date, such as 2026-01-31.",
            detail_zh="日期应写作 2026-01-31。",
            field="day",
        ) from None


def router(runtime: Process, issuing: NoticeIssuer) -> APIRouter:
    routes = api_router("notices")
    reader, ports = NoticeReader(issuing), runtime.ports
    most = runtime.settings.page_limit

    @routes.post(
        "/v1/notices",
        operation_id="issue_v1_notices_post",
        responses=answers(*WRITING),
        openapi_extra=takes(IssueNotice),
    )
    async def issue(request: Request, caller: Caller) -> NoticeAnswer:
        """Issue a notice. The answer holds its number; the document is made afterwards (status pending, then issued or void)."""
        authorize(caller, ISSUE)
        body = validated(IssueNotice, await read_json(request, runtime.settings.body_limit))
        try:
            event, repeated = await issuing.number(caller, body.case, body.kind, body.language, body.command_id)
        except Refused as refused:
            runtime.metrics.refused("issue_notice", refused.code)
            raise
        return await reader.answer(caller, event, repeated=repeated)

    @routes.get("/v1/notices", **operation("register_v1_notices_get", *READING))
    async def register(
        caller: Caller,
        office: Office = OWN,
        kind: DocumentKind | None = Query(None, description="Only this kind"),
        year: int | None = Query(None, ge=1900, le=2199, description="Only this year"),
        day: str | None = Query(None, description="Only those of this day", max_length=10),
        after: str | None = Query(None, description="Cursor of the previous page", max_length=100),
        limit: int = Query(50, ge=1, le=most, description="Most notices"),
    ) -> NoticePage:
        """The register of the numbers of an office (发文登记簿), void ones included."""
        wanted = _day(day) if day is not None else None
        return await reader.register(caller, office, year=year, kind=kind, day=wanted, after=after, limit=limit)

    @routes.get("/v1/notices/{office}/days/{day}", **_files("day_v1_notices__office__days__day__get", MEDIA["pdf"]))
    async def of_day(
        office: str, day: str, caller: Caller, kind: DocumentKind | None = Query(None, description="Only this kind")
    ) -> Response:
        """The notices that an office issued on a day, as one PDF for printing, by kind and number. Each reading is recorded."""
        authorize(caller, NOTICES)
        if not available():
            raise pdf_missing()
        pages: list[bytes] = []
        async for issued, events, case in reader.of_day(caller, office, _day(day), kind):
            if len(pages) == MOST_OF_A_DAY:
                raise Invalid(
                    "too_many_notices",
                    f"More than {MOST_OF_A_DAY} notices were issued that day. Print them by kind.",
                    detail_zh=f"当日文书超过 {MOST_OF_A_DAY} 份，请按类型分别打印。",
                    field="kind",
                )
            await reader.reading(caller, case, await lead_of(ports.cases, case), issued.office)
            pages.append(await reader.stored(issued, events, "pdf"))
        if not pages:
            raise Refused(
                "nothing_to_print",
                "No notice that you may read was issued on that day.",
                detail_zh="当日没有您可以打印的文书。",
                field="day",
            )
        return _file(await asyncio.to_thread(merged, pages), "pdf", f"notices-{_day(day).isoformat()}")

    @routes.get(
        "/v1/notices/{office}/{notice}/{year}/{number}",
        **operation("notice_v1_notices__office___notice___year___number__get", *READING),
    )
    async def one(office: str, notice: DocumentKind, year: int, number: int, caller: Caller) -> NoticeAnswer:
        """One notice of the register."""
        return await reader.answer(caller, await reader.one(caller, office, notice, year, number))

    @routes.get(
        "/v1/notices/{office}/{notice}/{year}/{number}/document",
        **_files("document_v1_notices__office___notice___year___number__document_get", *MEDIA.values()),
    )
    async def document(
        office: str, notice: DocumentKind, year: int, number: int, caller: Caller, format: FormatQuery = "pdf"
    ) -> Response:
        """The document of a notice, as it was issued. The reading is recorded."""
        event = await reader.one(caller, office, notice, year, number)
        return _file(await reader.document(caller, event, format), format, f"{notice}-{year}-{number}")

    @routes.get(
        "/v1/notice-drafts/{reference:path}", **_files("draft_v1_notice_drafts__reference__get", *MEDIA.values())
    )
    async def draft(
        reference: str,
        caller: Caller,
        kind: DocumentKind | None = Query(None, description="Kind of the notice"),
        language: Language = Query("zh", description="Language of the notice"),
        format: FormatQuery = "html",
    ) -> Response:
        """A notice as it would be issued on this case now, without a number. The reading is recorded."""
        authorize(caller, ISSUE)
        case = await find(ports, caller, reference)
        if kind is None:
            raise Invalid("kind_needed", "Name the kind of the notice.", detail_zh="请注明文书类型。", field="kind")
        await reader.reading(caller, case, await lead_of(ports.cases, case), caller.org or "")
        drafted = await issuing.drafted(caller, case, kind, language)
        content = html(drafted) if format == "html" else await asyncio.to_thread(pdf, drafted)
        return _file(content, format, f"draft-{kind}")

    @routes.get("/v1/dossiers/{reference:path}", **_files("dossier_v1_dossiers__reference__get", MEDIA["pdf"]))
    async def file_of_case(
        reference: str, caller: Caller, language: Language = Query("zh", description="Language of cover and index")
    ) -> Response:
        """The whole case as one PDF with an index (一案一档、卷宗目录). The reading is recorded."""
        authorize(caller, NOTICES)
        case, content = await dossier(reader, ports, caller, reference, language)
        return _file(content, "pdf", f"case-{case.number}")

    return routes
