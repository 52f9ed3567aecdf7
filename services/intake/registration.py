"""Registering a filing: the case id, the commit, the receipt."""

from __future__ import annotations

from typing import Any, NamedTuple

import orjson

from services.intake.channel_jurisdictions import ChannelJurisdictions
from services.intake.commands.filing import FileCase, own_channel, register
from shared.application.request_validation import validated
from shared.case import Case
from shared.commands.authorization import FILE, Principal, within
from shared.commands.command_handler import CommandHandler
from shared.commands.event_writer import EventMetadata
from shared.kernel.identifiers import case_id, query_code, request_digest
from shared.kernel.legal_time import LegalTime
from shared.kernel.refusals import Refused
from shared.kernel.text_normalization import identifier_form
from shared.repositories.case_repository import NEW

CAUSE = "file"
"""Cause of the filing: one per case stream, whose name contains the item's id."""


class Receipt(NamedTuple):
    """The receipt (回执) for the petitioner. The same item always gets the same receipt."""

    case: str
    number: str
    code: str
    version: int
    state: str
    received_at: LegalTime
    repeated: bool
    unclear: tuple[str, ...] = ()
    """What a person still looks at, such as an unknown QR code."""


async def file_case(
    handling: CommandHandler, principal: Principal, command: FileCase, jurisdiction: str, correlation: str | None = None
) -> Receipt:
    """Register a filing once. `correlation`: that of the record it came with. Raises Refused `same_id_other_content` if the
    item was filed with other content."""
    case = case_id(handling.keys.secret("case-id"), command.channel, command.item)
    own_channel(principal, command, await handling.policies.book(jurisdiction))
    # without defaults, so that a field added later does not change the digest
    stated = command.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    stated["item"] = identifier_form(command.item)
    content = orjson.dumps(stated, option=orjson.OPT_SORT_KEYS)
    stamp = EventMetadata(
        principal=principal,
        cause=CAUSE,
        request=request_digest(handling.keys.secret("request"), case, content),
        jurisdiction=jurisdiction,
        correlation=correlation,
    )
    try:
        done = await handling.handle(
            case, FILE, stamp, lambda found, given: register(found, command, given, case), expected=NEW
        )
    except Refused as refused:
        raise _by_its_field(refused) from None
    return receipt(handling, done.case, repeated=done.repeated)


async def filed(
    handling: CommandHandler,
    jurisdictions: ChannelJurisdictions,
    principal: Principal,
    value: Any,
    named: str | None = None,
    correlation: str | None = None,
) -> Receipt:
    """Register the filing in one JSON value. Raises Refused, with field names as in a submission."""
    command = validated(FileCase, value)
    jurisdiction = named or principal.jurisdiction or await jurisdictions.of(command.channel)
    await handling.policies.book(jurisdiction)
    within(principal, jurisdiction)
    return await file_case(handling, principal, command, jurisdiction, correlation)


def _by_its_field(refused: Refused) -> Refused:
    """The refusal with field names as in a submission."""
    if refused.code == "effective_in_future":
        return Refused(
            refused.code,
            "received_at is in the future. Give the time at which the filing was received.",
            detail_zh="收到时间（received_at）不能晚于当前时间。",
            field="received_at",
            **refused.more,
        )
    if refused.code == "same_id_other_content":
        refused.field = "item"
    elif refused.field == "effective_at":
        refused.field = "received_at"
    return refused


def receipt(handling: CommandHandler, case: Case, *, repeated: bool) -> Receipt:
    """The receipt of a registered case. Receipts are not stored, so they can be issued again at any time."""
    code = query_code(handling.keys.secret("query-code"), case.id)
    assert case.filing.filed_at is not None
    return Receipt(
        case.id, case.number, code, case.version, case.state, case.filing.filed_at, repeated, case.filing.unclear
    )
