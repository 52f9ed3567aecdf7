"""Filing items in a platform's own form: one, or many as NDJSON. The channel's mapping defines the meaning of the fields."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Path
from pydantic import BaseModel, ConfigDict

from services.intake.channel_jurisdictions import ChannelJurisdictions
from services.intake.commands.filing import own_channel
from services.intake.http.submissions import JURISDICTION, File, filing_routes
from services.intake.importer.channel_items import mapped_item
from services.intake.registration import Receipt, filed
from shared.commands.authorization import FILE, authorize, within
from shared.hosting.process import Process
from shared.http.authentication import Caller
from shared.kernel.refusals import Refused

_CHANNEL = Path(max_length=128, description="Code of the channel, from the policy")


class PlatformItem(BaseModel):
    """An object in the platform's own form. The channel's mapping defines the meaning of its fields; others are ignored."""

    model_config = ConfigDict(extra="allow")


def _in_its_words(refused: Refused, names: dict[str, str]) -> None:
    """Replace field names of a submission by those of the platform."""
    if refused.field in names:
        own = names[refused.field]
        refused.detail = refused.detail.replace(refused.field, own, 1)
        refused.detail_zh = refused.detail_zh and refused.detail_zh.replace(refused.field, own, 1)
        refused.field = own
    for one in refused.more.get("errors", ()):
        one["field"] = names.get(one["field"], one["field"])


def router(runtime: Process, jurisdictions: ChannelJurisdictions) -> APIRouter:
    """The routes of channel items."""
    handling = runtime.ports.handling("intake")

    async def by(caller: Caller, channel: str = _CHANNEL, jurisdiction: str | None = JURISDICTION) -> File:
        authorize(caller, FILE)

        async def file(value: Any) -> Receipt:
            own = jurisdiction or caller.jurisdiction or await jurisdictions.of(channel)
            within(caller, own)
            book = await handling.policies.book(own)
            own_channel(caller, channel, book)
            found = mapped_item(book, channel, value)
            try:
                return await filed(handling, jurisdictions, caller, found.submission, own, files=runtime.ports.files)
            except Refused as refused:
                _in_its_words(refused, found.names)
                raise

        return file

    return filing_routes(
        runtime,
        "/v1/channels/{channel}/items",
        PlatformItem,
        by,
        one=(
            "item_v1_channels__channel__items_post",
            "File an item in the platform's own form; the channel's mapping reads it",
        ),
        many=(
            "items_v1_channels__channel__items_batch_post",
            "File many items in the platform's own form: one JSON object per line",
        ),
    )
