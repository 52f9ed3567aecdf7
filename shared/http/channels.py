"""Items of a channel in the platform's own form: one, or many as NDJSON. What it means stands in the channel's mapping."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import orjson
from fastapi import APIRouter, Path, Request
from pydantic import BaseModel, ConfigDict
from starlette.responses import Response

from shared.access import FILE, Principal, authorize
from shared.http import bodies
from shared.http.answers import LineAnswer, ReceiptAnswer
from shared.http.bodies import Line
from shared.http.describing import WRITING, answers, gives_lines, takes, takes_lines
from shared.http.lines import answered, attempted, value_of
from shared.http.submissions import AT_ONCE, JURISDICTION, Owners, as_line, file_one
from shared.http.who import Caller
from shared.refusals import Denied, Refused
from shared.runtime import Runtime

_CHANNEL = Path(max_length=128, description="Code of the channel, from the policy")


class PlatformItem(BaseModel):
    """An object in the platform's own form: the mapping of the channel says what its fields mean. Others are not read."""

    model_config = ConfigDict(extra="allow")


async def _file_item(
    runtime: Runtime, owners: Owners, principal: Principal, channel: str, value: Any, named: str | None
) -> dict[str, Any]:
    jurisdiction = await owners.of(channel, named)
    book = await runtime.ports.policies.book(jurisdiction)
    known = book.known_channel(channel)
    if principal.role == "platform" and known is not None and known.platform != principal.org:
        raise Denied(
            "foreign_channel",
            "A platform files under its own channels only, as the policy lists them.",
            why_zh="平台只能通过自己的渠道提交。",
            field="channel",
        )
    found = runtime.filing.understand(book, channel, value)
    try:
        return await file_one(runtime, owners, principal, found.submission, jurisdiction)
    except Refused as refused:
        _in_its_words(refused, found.names)
        raise


def _in_its_words(refused: Refused, names: dict[str, str]) -> None:
    """Name the platform's own fields."""
    if refused.field in names:
        refused.why = refused.why.replace(refused.field, names[refused.field], 1)
        refused.field = names[refused.field]
    for one in refused.more.get("errors", ()):
        one["field"] = names.get(one["field"], one["field"])


def router(runtime: Runtime) -> APIRouter:
    routes = APIRouter(tags=["filing"])
    limit = runtime.settings.body_limit
    owners = Owners(runtime)

    @routes.post(
        "/v1/channels/{channel}/items",
        status_code=201,
        response_model=ReceiptAnswer,
        responses={
            **answers(*WRITING),
            200: {"model": ReceiptAnswer, "description": "Registered before: its receipt again"},
        },
        openapi_extra=takes(PlatformItem),
        summary="File an item in the platform's own form, as the channel's mapping reads it",
    )
    async def item(
        request: Request, caller: Caller, channel: str = _CHANNEL, jurisdiction: str | None = JURISDICTION
    ) -> Response:
        authorize(caller, FILE)
        value = await bodies.read_json(request, limit)
        receipt = await _file_item(runtime, owners, caller, channel, value, jurisdiction)
        return Response(orjson.dumps(receipt), 200 if receipt["repeated"] else 201, media_type="application/json")

    @routes.post(
        "/v1/channels/{channel}/items:batch",
        responses={
            **answers(401, 403, 413, 415, 422, 503),
            **gives_lines(LineAnswer, "One result per line, in the order of the lines"),
        },
        openapi_extra=takes_lines(PlatformItem),
        summary="File many items in the platform's own form: one JSON object per line",
    )
    async def items(
        request: Request, caller: Caller, channel: str = _CHANNEL, jurisdiction: str | None = JURISDICTION
    ) -> Response:
        authorize(caller, FILE)

        async def one(line: Line) -> bytes:
            return as_line(line.number, *await attempted(filed(line)))

        async def filed(line: Line) -> dict[str, Any]:
            return await _file_item(runtime, owners, caller, channel, value_of(line, limit), jurisdiction)

        async def together(lines: Sequence[Line]) -> list[bytes]:
            return await asyncio.gather(*map(one, lines))

        return await answered(
            request, together, limit=limit, most=runtime.settings.batch_lines, at_once=AT_ONCE,
            kept="Those before were registered; send everything again in smaller batches: nothing is doubled.",
        )  # fmt: skip

    return routes
