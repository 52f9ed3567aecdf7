"""Filing: one submission, or many as NDJSON with a result per line."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from services.intake.channel_jurisdictions import ChannelJurisdictions
from services.intake.commands.filing import FileCase
from services.intake.registration import filed
from shared.commands.authorization import FILE, Principal, authorize
from shared.hosting.process import Process
from shared.http import request_bodies as bodies
from shared.http.admission import ADMITTED
from shared.http.authentication import Caller
from shared.http.ndjson import answered, attempted, line_of, value_of
from shared.http.openapi import WRITING, answers, gives_lines, takes, takes_lines
from shared.http.request_bodies import RequestLine
from shared.http.responses import LineAnswer, ReceiptAnswer

AT_ONCE = 64
"""Lines that are under way together, so that the log can write them together."""
JURISDICTION = Query(None, max_length=80, description="Jurisdiction; by default the one that has the channel")


async def file_one(
    runtime: Process, jurisdictions: ChannelJurisdictions, principal: Principal, value: Any, named: str | None
) -> ReceiptAnswer:
    """The receipt of one submission, as an answer."""
    return ReceiptAnswer.model_validate(await filed(runtime.handling("intake"), jurisdictions, principal, value, named))


def _result(line: RequestLine, receipt: ReceiptAnswer | None, problem: dict[str, Any] | None) -> bytes:
    """The result of one line of a batch."""
    if receipt is None:
        return line_of(LineAnswer(line=line.number, status=(problem or {})["status"], problem=problem))
    return line_of(LineAnswer(line=line.number, status=200 if receipt.repeated else 201, receipt=receipt))


File = Callable[[Any], Awaitable[ReceiptAnswer]]
"""Files what one JSON value says; gives its receipt."""
REGISTERED: dict[int | str, dict[str, Any]] = {
    **answers(*WRITING),
    200: {"model": ReceiptAnswer, "description": "Registered before: its receipt again"},
}
REGISTERED_LINES = {
    **answers(401, 403, 413, 415, 422, 503),
    **gives_lines(LineAnswer, "One result per line, in the order of the lines"),
}


async def filed_one(request: Request, runtime: Process, file: File) -> Response:
    """The answer to a body that is one filing."""
    receipt = await file(await bodies.read_json(request, runtime.settings.body_limit))
    return Response(receipt.model_dump_json(), 200 if receipt.repeated else 201, media_type="application/json")


async def filed_many(request: Request, runtime: Process, file: File) -> Response:
    """The answer to a body with a filing per line."""
    limit = runtime.settings.body_limit

    async def of(line: RequestLine) -> ReceiptAnswer:
        return await file(value_of(line, limit))

    async def one(line: RequestLine) -> bytes:
        return _result(line, *await attempted(of(line)))

    async def together(lines: Sequence[RequestLine]) -> list[bytes]:
        return await asyncio.gather(*map(one, lines))

    return await answered(
        request, together, limit=limit, most=runtime.settings.batch_lines, at_once=AT_ONCE,
        kept="Those before were registered; send everything again in smaller batches: nothing is doubled.",
    )  # fmt: skip


def router(runtime: Process, jurisdictions: ChannelJurisdictions) -> APIRouter:
    routes = APIRouter(tags=["filing"])

    def by(caller: Principal, jurisdiction: str | None) -> File:
        authorize(caller, FILE)
        return lambda value: file_one(runtime, jurisdictions, caller, value, jurisdiction)

    @routes.post(
        "/v1/submissions",
        operation_id="submit_v1_submissions_post",
        dependencies=ADMITTED,
        status_code=201,
        response_model=ReceiptAnswer,
        responses=REGISTERED,
        openapi_extra=takes(FileCase),
        summary="File a complaint; the same item gives the same receipt",
    )
    async def submit(request: Request, caller: Caller, jurisdiction: str | None = JURISDICTION) -> Response:
        return await filed_one(request, runtime, by(caller, jurisdiction))

    @routes.post(
        "/v1/submissions:batch",
        operation_id="submit_many_v1_submissions_batch_post",
        dependencies=ADMITTED,
        responses=REGISTERED_LINES,
        openapi_extra=takes_lines(FileCase),
        summary="File many: one JSON object per line",
    )
    async def submit_many(request: Request, caller: Caller, jurisdiction: str | None = JURISDICTION) -> Response:
        return await filed_many(request, runtime, by(caller, jurisdiction))

    return routes
