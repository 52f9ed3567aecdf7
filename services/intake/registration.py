"""Registering a filing: the case id, the commit, the receipt."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

import orjson
from structlog.contextvars import bind_contextvars

from services.intake.channel_jurisdictions import ChannelJurisdictions
from services.intake.commands.document_access import receipt_printed
from services.intake.commands.filing import FileCase, own_channel, register
from shared.application.file_references import attaching
from shared.application.file_uploads import FileUploads
from shared.application.request_validation import validated
from shared.case import Case, fold
from shared.commands.authorization import FILE, Principal, may_name_item, visible, within
from shared.commands.command_handler import CommandHandler, CommandResult
from shared.commands.event_writer import EventMetadata
from shared.kernel.identifiers import case_id, query_code, request_digest
from shared.kernel.legal_time import LegalTime
from shared.kernel.refusals import Refused
from shared.kernel.text_normalization import identifier_form
from shared.repositories.case_repository import NEW, CaseRepository

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
    handling: CommandHandler,
    principal: Principal,
    command: FileCase,
    jurisdiction: str,
    correlation: str | None = None,
    files: FileUploads | None = None,
    owner: str | None = None,
) -> Receipt:
    """Register a filing once. `correlation`: that of the record it came with; `files`: where its uploads are; `owner`: whose they
    are, if not the principal's. Raises Refused `same_id_other_content` if the item was filed with other content.

    An item of a case that the principal neither filed nor may see is registered like a new one, as a case of its own: any other
    answer would tell that the case exists."""
    own_channel(principal, command.channel, await handling.policies.book(jurisdiction))
    secret = handling.keys.secret("case-id")
    case = case_id(secret, jurisdiction, command.channel, command.item)
    apart = case_id(secret, jurisdiction, command.channel, f"{command.item}\x1f{principal.name}")
    # without defaults, so that a field added later does not change the digest
    stated = command.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    stated["item"] = identifier_form(command.item)
    content = orjson.dumps(stated, option=orjson.OPT_SORT_KEYS)
    if files is None or not command.files:
        return await _file_case(handling, principal, command, jurisdiction, correlation, content, case, apart)
    async with attaching(files, principal, command.files, f"{CAUSE}|{case}", owner=owner) as attached:
        with_files = command.model_copy(update={"files": attached.files})
        return await _file_case(handling, principal, with_files, jurisdiction, correlation, content, case, apart)


async def _file_case(
    handling: CommandHandler,
    principal: Principal,
    command: FileCase,
    jurisdiction: str,
    correlation: str | None,
    content: bytes,
    case: str,
    apart: str,
) -> Receipt:
    cases = handling.cases

    async def registered(case: str) -> CommandResult:
        stamp = EventMetadata(
            principal=principal,
            cause=CAUSE,
            request=request_digest(handling.keys.secret("request"), case, content),
            jurisdiction=jurisdiction,
            correlation=correlation,
        )
        return await handling.handle(
            case, FILE, stamp, lambda found, given: register(found, command, given, case), expected=NEW
        )

    try:
        if principal.role != "platform":
            found = (await cases.load_confirmed(case)).case
            done = await registered(case if may_name_item(principal, found) else apart)
        else:
            done = await _of_platform(principal, cases, registered, case, apart)
    except Refused as refused:
        raise _by_its_field(refused) from None
    if done.repeated and principal.role not in ("platform", "citizen"):
        await _shown_to_staff(handling, principal, done.case)
    known = done.case
    if done.repeated and done.commit is not None and not visible(principal, known):  # exactly the first answer
        known = fold(done.commit.recorded)
    return receipt(handling, known, repeated=done.repeated)


async def _of_platform(
    principal: Principal,
    cases: CaseRepository,
    registered: Callable[[str], Awaitable[CommandResult]],
    case: str,
    apart: str,
) -> CommandResult:
    """The items of a platform's channel are its own, so nothing is read beforehand. Only where the channel was another platform's
    before, an item may be of a case that this one may not see."""
    try:
        done = await registered(case)
        if not done.repeated or may_name_item(principal, done.case):
            return done
    except Refused:
        if may_name_item(principal, (await cases.get(case))[0]):
            raise
    return await registered(apart)


async def _shown_to_staff(handling: CommandHandler, principal: Principal, case: Case) -> None:
    """Record once that a member of staff gets the query code of a case that somebody else filed, with a repeated receipt."""
    if receipt_printed(case):
        stamp = EventMetadata(principal, f"receipt:{handling.clock.new_id()}", jurisdiction=case.jurisdiction)
        await handling.handle(case.id, FILE, stamp, lambda found, _given: receipt_printed(found))


async def filed(
    handling: CommandHandler,
    jurisdictions: ChannelJurisdictions,
    principal: Principal,
    value: Any,
    named: str | None = None,
    correlation: str | None = None,
    files: FileUploads | None = None,
) -> Receipt:
    """Register the filing in one JSON value. Raises Refused, with field names as in a submission."""
    command = validated(FileCase, value)
    jurisdiction = named or principal.jurisdiction or await jurisdictions.of(command.channel)
    within(principal, jurisdiction)
    await handling.policies.book(jurisdiction)
    return await file_case(handling, principal, command, jurisdiction, correlation, files)


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
    code = query_code(handling.keys.secret("query-code"), case.id, case.filing.code_generation)
    assert case.filing.filed_at is not None
    bind_contextvars(case=case.number)  # in the log lines that follow
    return Receipt(
        case.id, case.number, code, case.version, case.state, case.filing.filed_at, repeated, case.filing.unclear
    )
