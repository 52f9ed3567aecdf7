"""History: rows of another system's export, as NDJSON, with a result per line. The same rows again add nothing."""

from __future__ import annotations

from typing import Any, Literal

import orjson
from fastapi import APIRouter, Query, Request
from pydantic import Field
from starlette.responses import Response

from shared.access import IMPORT, authorize
from shared.history import HistoryItem, ItemResult
from shared.http import bodies, problems
from shared.http.answers import Answer
from shared.http.describing import answers, gives_lines, takes_lines
from shared.http.submissions import jurisdiction_of
from shared.http.who import Caller
from shared.refusals import Refused
from shared.runtime import Runtime

AT_ONCE = 500


class HistoryLine(Answer):
    """What came of one row."""

    line: int = Field(description="The row's own line number")
    result: Literal["added", "extended", "same", "refused"] = Field(description="What happened")
    steps_added: int = Field(description="How many steps were new")
    code: str | None = Field(description="Why it was refused")
    why: str | None = Field(description="The same as a sentence")
    why_zh: str | None = Field(description="The same in Chinese")
    field: str | None = Field(description="The field that is wrong")
    due: dict[str, Any] | None = Field(description="The derived due date beside the one that the source states")


def _shown(result: ItemResult) -> bytes:
    shown = result._asdict()
    if result.due is not None:
        shown["due"] = result.due._asdict()
    return orjson.dumps(shown) + b"\n"


def router(runtime: Runtime) -> APIRouter:
    routes = APIRouter(tags=["operations"])

    @routes.post(
        "/v1/history:batch",
        responses={
            **answers(401, 403, 409, 413, 415, 422, 503, 507),
            **gives_lines(HistoryLine, "One result per line"),
        },
        openapi_extra=takes_lines(HistoryItem),
        summary="Record rows of another system's export; roles operations and registrar",
    )
    async def record(
        request: Request,
        caller: Caller,
        jurisdiction: str | None = Query(None, max_length=80, description="Jurisdiction of all rows"),
    ) -> Response:
        authorize(caller, IMPORT)
        bodies.require_type(request, bodies.NDJSON)
        chosen = await jurisdiction_of(runtime, None, jurisdiction)
        results: list[bytes] = []
        items: list[HistoryItem] = []

        async def flush() -> None:
            found = await runtime.record_history(caller, items, chosen)
            results.extend(_shown(one) for one in found)
            items.clear()

        async for line in bodies.read_lines(request, runtime.settings.history_limit):
            if len(results) + len(items) >= runtime.settings.batch_lines:
                raise problems.TooLarge("batch_too_long", f"A batch has at most {runtime.settings.batch_lines} lines.")
            try:
                if line.data is None:
                    raise problems.TooLarge("line_too_long", "The line is too long.", why_zh="该行过长。")
                items.append(bodies.validated(HistoryItem, bodies.parse(line.data)))
            except Refused as refused:
                await flush()
                problem = problems.describe(refused)
                results.append(
                    _shown(
                        ItemResult(
                            line.number, "refused", 0, refused.code, refused.why, problem["detail_zh"], refused.field
                        )
                    )
                )
            if len(items) == AT_ONCE:
                await flush()
        await flush()
        return Response(b"".join(results), media_type=bodies.NDJSON)

    return routes
