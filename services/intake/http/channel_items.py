"""Items of a channel in the platform's own form: one, or many as NDJSON. What it means stands in the channel's mapping."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Path, Request
from pydantic import BaseModel, ConfigDict
from starlette.responses import Response

from services.intake.channel_jurisdictions import ChannelJurisdictions
from services.intake.http.submissions import (
    JURISDICTION,
    REGISTERED,
    REGISTERED_LINES,
    File,
    file_one,
    filed_many,
    filed_one,
)
from services.intake.importer.channel_items import mapped_item
from shared.commands.authorization import FILE, Principal, authorize, within
from shared.hosting.process import Process
from shared.http.admission import ADMITTED
from shared.http.authentication import Caller
from shared.http.openapi import takes, takes_lines
from shared.http.responses import ReceiptAnswer
from shared.kernel.refusals import Denied, Refused

_CHANNEL = Path(max_length=128, description="Code of the channel, from the policy")


class PlatformItem(BaseModel):
    """An object in the platform's own form: the mapping of the channel says what its fields mean. Others are not read."""

    model_config = ConfigDict(extra="allow")


async def _file_item(
    runtime: Process,
    jurisdictions: ChannelJurisdictions,
    principal: Principal,
    channel: str,
    value: Any,
    named: str | None,
) -> ReceiptAnswer:
    jurisdiction = await jurisdictions.of(channel, named or principal.jurisdiction)
    within(principal, jurisdiction)
    book = await runtime.ports.policies.book(jurisdiction)
    known = book.known_channel(channel)
    if principal.role == "platform" and known is not None and known.platform != principal.org:
        raise Denied(
            "foreign_channel",
            "A platform files under its own channels only, as the policy lists them.",
            why_zh="平台只能通过自己的渠道提交。",
            field="channel",
        )
    found = mapped_item(book, channel, value)
    try:
        return await file_one(runtime, jurisdictions, principal, found.submission, jurisdiction)
    except Refused as refused:
        _in_its_words(refused, found.names)
        raise


def _in_its_words(refused: Refused, names: dict[str, str]) -> None:
    """Name the platform's own fields."""
    if refused.field in names:
        own = names[refused.field]
        refused.why = refused.why.replace(refused.field, own, 1)
        refused.why_zh = refused.why_zh and refused.why_zh.replace(refused.field, own, 1)
        refused.field = own
    for one in refused.more.get("errors", ()):
        one["field"] = names.get(one["field"], one["field"])


def router(runtime: Process, jurisdictions: ChannelJurisdictions) -> APIRouter:
    routes = APIRouter(tags=["filing"])

    def by(caller: Principal, channel: str, jurisdiction: str | None) -> File:
        authorize(caller, FILE)
        return lambda value: _file_item(runtime, jurisdictions, caller, channel, value, jurisdiction)

    @routes.post(
        "/v1/channels/{channel}/items",
        operation_id="item_v1_channels__channel__items_post",
        dependencies=ADMITTED,
        status_code=201,
        response_model=ReceiptAnswer,
        responses=REGISTERED,
        openapi_extra=takes(PlatformItem),
        summary="File an item in the platform's own form, as the channel's mapping reads it",
    )
    async def item(
        request: Request, caller: Caller, channel: str = _CHANNEL, jurisdiction: str | None = JURISDICTION
    ) -> Response:
        return await filed_one(request, runtime, by(caller, channel, jurisdiction))

    @routes.post(
        "/v1/channels/{channel}/items:batch",
        operation_id="items_v1_channels__channel__items_batch_post",
        dependencies=ADMITTED,
        responses=REGISTERED_LINES,
        openapi_extra=takes_lines(PlatformItem),
        summary="File many items in the platform's own form: one JSON object per line",
    )
    async def items(
        request: Request, caller: Caller, channel: str = _CHANNEL, jurisdiction: str | None = JURISDICTION
    ) -> Response:
        return await filed_many(request, runtime, by(caller, channel, jurisdiction))

    return routes
