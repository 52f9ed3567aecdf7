"""Filing: one submission, or many as NDJSON with a result per line."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel, Field
from starlette.responses import Response

from services.intake.channel_jurisdictions import ChannelJurisdictions
from services.intake.commands.filing import FileCase
from services.intake.registration import Receipt, filed
from shared.commands.authorization import FILE, authorize
from shared.hosting.process import Process
from shared.http.admission import admitted
from shared.http.authentication import Caller
from shared.http.ndjson import LineResult, answered, result_line, value_of
from shared.http.openapi import WRITING, answers, gives_lines, takes, takes_lines
from shared.http.request_bodies import RequestLine, read_json
from shared.http.responses import ReceiptAnswer
from shared.http.router import api_router

AT_ONCE = 64
"""Lines that are processed concurrently, so that the log can write them together."""
JURISDICTION = Query(None, max_length=80, description="Jurisdiction; by default the one that has the channel")
File = Callable[[Any], Awaitable[Receipt]]
"""Files one JSON value and returns its receipt."""


class LineAnswer(LineResult):
    """The result of one line of a batch."""

    receipt: ReceiptAnswer | None = Field(None, description="Present if the line was registered")


def filing_routes(
    runtime: Process,
    path: str,
    model: type[BaseModel],
    by: Callable[..., Awaitable[File]],
    *,
    one: tuple[str, str],
    many: tuple[str, str],
) -> APIRouter:
    """Two POST routes: `path` for one filing, and `path`:batch for one filing per line.

    Args:
        model: The documented shape of a filing.
        by: FastAPI dependency that returns the function which files one JSON value for the caller.
        one: Operation id and summary of the first route.
        many: Operation id and summary of the second route.
    """
    routes = api_router("filing", dependencies=admitted(runtime))
    limit = runtime.settings.body_limit

    @routes.post(
        path,
        operation_id=one[0],
        status_code=201,
        response_model=ReceiptAnswer,
        responses={
            **answers(*WRITING),
            200: {"model": ReceiptAnswer, "description": "Registered before; the same receipt again"},
        },
        openapi_extra=takes(model),
        summary=one[1],
    )
    async def submit(request: Request, file: File = Depends(by)) -> Response:
        receipt = ReceiptAnswer.model_validate(await file(await read_json(request, limit)))
        return Response(receipt.model_dump_json(), 200 if receipt.repeated else 201, media_type="application/json")

    @routes.post(
        f"{path}:batch",
        operation_id=many[0],
        responses={
            **answers(401, 403, 404, 413, 415, 422, 503),
            **gives_lines(LineAnswer, "One result per line, in the order of the lines"),
        },
        openapi_extra=takes_lines(model),
        summary=many[1],
    )
    async def submit_many(request: Request, file: File = Depends(by)) -> Response:
        async def registered(line: RequestLine) -> dict[str, Any]:
            receipt = await file(value_of(line, limit))
            return {"status": 200 if receipt.repeated else 201, "receipt": ReceiptAnswer.model_validate(receipt)}

        async def together(lines: Sequence[RequestLine]) -> list[bytes]:
            return await asyncio.gather(*(result_line(LineAnswer, line, registered(line)) for line in lines))

        return await answered(
            request,
            together,
            limit=limit,
            most=runtime.settings.batch_lines,
            at_once=AT_ONCE,
            kept="The lines before were registered. Send everything again in smaller batches; nothing is registered twice.",
        )

    return routes


def router(runtime: Process, jurisdictions: ChannelJurisdictions) -> APIRouter:
    """The routes of submissions."""
    handling = runtime.ports.handling("intake")

    async def by(caller: Caller, jurisdiction: str | None = JURISDICTION) -> File:
        authorize(caller, FILE)
        return partial(filed, handling, jurisdictions, caller, named=jurisdiction, files=runtime.ports.files)

    return filing_routes(
        runtime,
        "/v1/submissions",
        FileCase,
        by,
        one=("submit_v1_submissions_post", "File a complaint; the same item gives the same receipt"),
        many=("submit_many_v1_submissions_batch_post", "File many complaints: one JSON object per line"),
    )
