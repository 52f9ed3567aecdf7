"""History: rows of another system's export, as NDJSON, with a result per line. Repeated rows add nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import orjson
from fastapi import APIRouter, Query, Request
from pydantic import Field
from starlette.responses import Response

from services.intake.channel_jurisdictions import jurisdiction_of
from services.intake.history.items import HistoryItem, ItemResult
from services.intake.history.recorder import record_batch
from shared.application.problem import describe
from shared.application.request_validation import validated
from shared.application.response import Answer
from shared.commands.authorization import IMPORT, authorize, within
from shared.hosting.process import Process
from shared.http.admission import admitted
from shared.http.authentication import Caller
from shared.http.ndjson import answered, value_of
from shared.http.openapi import answers, gives_lines, takes_lines
from shared.http.request_bodies import RequestLine
from shared.http.router import api_router
from shared.kernel.refusals import Refused

AT_ONCE = 500


class HistoryLine(Answer):
    """The result of one row."""

    line: int = Field(description="Line number in the exported file")
    result: Literal["added", "extended", "same", "refused"] = Field(description="Result of the row")
    steps_added: int = Field(description="Number of new steps")
    code: str | None = Field(description="Code of the refusal")
    why: str | None = Field(description="The refusal as a sentence")
    why_zh: str | None = Field(description="The same in Chinese")
    field: str | None = Field(description="The field that is wrong")
    corrected: int = Field(
        0,
        description="Fields and dates that the source now states differently, recorded as corrections next to"
        " the original",
    )
    left_out: list[dict[str, str]] = Field(
        [], description="Parts of the row that were not recorded: field, code and reason"
    )
    notices: list[str] = Field(
        [],
        description="What is surprising compared with an earlier export: emptied_in_source, reopened_in_source, stated_before",
    )
    due: dict[str, Any] | None = Field(description="The derived due date, and the one that the source states")


def _shown(result: ItemResult) -> bytes:
    shown = result._asdict()
    shown["left_out"] = [one._asdict() for one in result.left_out]
    if result.due is not None:
        shown["due"] = result.due._asdict()
    return orjson.dumps(shown) + b"\n"


def router(runtime: Process) -> APIRouter:
    routes = api_router("operations")

    @routes.post(
        "/v1/history:batch",
        operation_id="record_v1_history_batch_post",
        dependencies=admitted(runtime),
        responses={
            **answers(401, 403, 404, 409, 413, 415, 422, 503, 507),
            **gives_lines(HistoryLine, "One result per line"),
        },
        openapi_extra=takes_lines(HistoryItem),
    )
    async def record(
        request: Request,
        caller: Caller,
        jurisdiction: str | None = Query(None, max_length=80, description="Jurisdiction of all rows"),
        dry_run: bool = Query(False, description="Record nothing, and answer what would be recorded"),
    ) -> Response:
        """Record rows of another system's export; roles operations and registrar."""
        authorize(caller, IMPORT)
        named = jurisdiction or caller.jurisdiction
        if named is not None:
            within(caller, named)
        chosen = await jurisdiction_of(runtime.ports.policies, runtime.settings.jurisdiction, None, named)
        limit = runtime.settings.history_limit

        async def together(lines: Sequence[RequestLine]) -> list[bytes]:
            items: list[HistoryItem] = []
            refused: dict[int, ItemResult] = {}
            for place, line in enumerate(lines):
                try:
                    items.append(validated(HistoryItem, value_of(line, limit)))
                except Refused as why:
                    detail_zh = describe(why)["detail_zh"]
                    refused[place] = ItemResult(line.number, "refused", 0, why.code, why.detail, detail_zh, why.field)
            found = await record_batch(items, runtime.ports, principal=caller, jurisdiction=chosen, dry=dry_run)
            recorded = iter(found)
            return [_shown(refused.get(place) or next(recorded)) for place in range(len(lines))]

        return await answered(request, together, limit=limit, most=runtime.settings.batch_lines, at_once=AT_ONCE)

    return routes
