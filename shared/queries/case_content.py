"""The sealed parts of a case, decrypted for a principal that may see them. Each read is recorded first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import Field

from shared.application.problem import TooMany
from shared.application.response import Answer
from shared.case import Case
from shared.commands.authorization import Principal, handles, handles_matter
from shared.commands.command import NewEvent
from shared.commands.command_handler import CommandHandler
from shared.commands.event_writer import EventMetadata
from shared.commands.reading_meter import FAR, REASONS
from shared.events.intake import PartyCorrected, PartyRecorded
from shared.events.routing import AccusationConfirmed, ReadRecorded
from shared.events.wording import event_words
from shared.eventstore.errors import StoreFull
from shared.eventstore.field_encryption import open_sealed
from shared.eventstore.recorded_event import NewerEvent, RecordedEvent

STREAM = "reads/"
NAMES = (PartyRecorded, PartyCorrected, AccusationConfirmed)
"""Events that hold the identity of a party."""
AT_INTAKE = ("registered", "returned")
"""States in which a filing waits for dispatch; a contracted operator reads no text after it."""
LOCAL = "local"
"""The owner of the data folder, who can read the store itself."""


class ContentAnswer(Answer):
    """Decrypted data. The log records that you read them."""

    withheld: str | None = Field(description="Why nothing was decrypted: log_full, the read cannot be recorded")
    parties: dict[str, dict[str, Any]] = Field(description="Party -> role and known personal data")
    texts: list[dict[str, Any]] = Field(description="Texts, each with the event that it belongs to")
    erased: list[str] = Field(description="Parties whose data were erased")


def purposes(principal: Principal, case: Case, lead: Case | None = None) -> frozenset[str]:
    """The purposes whose parts the principal may decrypt; the caller has checked that it may see the case. The handling
    organisation reads texts and, without a request for confidentiality, identities. The organisation that handles the
    matter reads the texts of a follower without identities: notifying that petitioner is the petition office's duty."""
    if principal.role in ("registrar", "supervisor"):
        return frozenset({"identity", "text"})
    if principal.role in ("organisation", "clerk"):
        if handles(principal.org, case):
            return frozenset({"text"}) if case.filing.confidential else frozenset({"identity", "text"})
        return frozenset({"text"}) if lead is not None and handles_matter(principal.org, case, lead) else frozenset()
    if principal.role == "operator" and case.state in AT_INTAKE:
        return frozenset({"identity", "text"})
    return frozenset()


def for_the_accuser(event: RecordedEvent, principal: Principal, case: Case) -> bool:
    """True for an answer of the organ that handles an accusation, which only the accuser and that organ read (Art. 30)."""
    body = event.body
    if not case.accusation.sealed or principal.org in case.handlers or isinstance(body, NewerEvent):
        return False
    return event.actor.org in case.handlers and bool(body.petitioner_reads or body.petitioner_reads_after_reply)


async def record_reading(
    handling: CommandHandler,
    principal: Principal,
    case: Case,
    cause: str,
    purposes: Sequence[str],
    compared: Sequence[str] = (),
) -> None:
    """Record that the principal reads these parts of the case, before they are decrypted. Raises TooMany for a key that reads many
    cases without a reason, or far too many.

    Args:
        handling: The command handler of routing.
        cause: First part of the cause of the event.
        compared: Ids of the cases whose texts are compared with that of the case."""
    require_reason(handling, principal, case.id)
    stamp = EventMetadata(principal, cause=f"{cause}:{handling.clock.new_id()}", jurisdiction=case.jurisdiction)
    body = ReadRecorded(case=case.id, purposes=tuple(purposes), compared=tuple(compared), reason=principal.reason)
    await handling.append(STREAM + case.id, stamp, lambda _head: [NewEvent(body)])


def require_reason(handling: CommandHandler, principal: Principal, subject: str) -> None:
    """Count that the key reads the personal data of a case, or of a missed call. Raises TooMany as in record_reading()."""
    if principal.ref == LOCAL or principal.role == "platform":  # a platform reads the answers to what it filed itself
        return
    meter = handling.readings
    verdict, wait = meter.verdict(principal.ref, subject, principal.reason, handling.clock.monotonic())
    if verdict == "refused":
        raise TooMany(
            "too_many_reads",
            f"This key has read the personal data of {meter.limit} cases within an hour. To read more, state why in the header"
            f" Reason: {', '.join(sorted(REASONS))}; {FAR * meter.limit} cases an hour are the most. Reads are recorded.",
            detail_zh=f"该密钥一小时内已查阅 {meter.limit} 件的个人信息。继续查阅请在请求头 Reason 中注明事由，一小时最多"
            f" {FAR * meter.limit} 件。查阅均有记录。",
            retry_after=wait,
        )


async def content(
    handling: CommandHandler,
    principal: Principal,
    case: Case,
    events: Sequence[RecordedEvent],
    lead: Case | None = None,
) -> ContentAnswer | None:
    """The parties and their texts, as far as the principal may see them; None if there is nothing to see.

    Args:
        handling: The command handler of routing, which records the read.
        events: Events of the case that the principal may see.
        lead: Case that leads the matter of `case`.

    While the log is full the read cannot be recorded, so nothing is decrypted; `withheld` gives the reason."""
    allowed = purposes(principal, case, lead)
    sealed = [event for event in events if event.sealed and not for_the_accuser(event, principal, case)]
    if not allowed or not sealed:
        return None
    try:
        await record_reading(handling, principal, case, "read", sorted(allowed))
    except StoreFull:
        return ContentAnswer(withheld="log_full", parties={}, texts=[], erased=[])
    by_version = {event.version: event for event in sealed}
    parties: dict[str, dict[str, Any]] = {}
    texts: list[dict[str, Any]] = []
    erased: set[str] = set()
    for opened in await open_sealed(handling.keys, sealed, allowed):
        event = by_version[opened.version]
        if opened.erased:
            erased.add(opened.party)
        elif isinstance(event.body, NAMES) and "reference" not in opened.values:
            parties.setdefault(opened.party, {"role": dict(case.filing.parties).get(opened.party)}).update(
                opened.values
            )
        else:
            words = event_words(event.type)
            about = {"version": event.version, "type": event.type, "party": opened.party}
            texts.append({**about, "zh": words.zh, "en": words.en, "fields": opened.values})
    return ContentAnswer(withheld=None, parties=parties, texts=texts, erased=sorted(erased))
