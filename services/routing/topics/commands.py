"""Commands that organisations send to their topics, with the same bodies as over HTTP. The answer to each command is an entry
of the organisation's inbox."""

from __future__ import annotations

from services.routing.organisation_notifications import OrganisationNotifications, entry
from shared.application.ports import Ports
from shared.application.problem import problem
from shared.case import Case
from shared.commands.event_writer import EventMetadata
from shared.events.refusal import Refusal
from shared.events.routing import OutboxEntry
from shared.messaging.inbound_handler import (
    FINAL,
    InboundHandler,
    command_id,
    command_named,
    refusal_of,
    topic_principal,
)
from shared.messaging.inbound_record import InboundRecord
from shared.messaging.member import Member
from shared.messaging.partner_topics import InboundMessage


class PartnerCommands(InboundHandler):
    """Answers the records of organisations' topics, each organisation's in their order."""

    def __init__(self, ports: Ports, limit: int, outboxes: OrganisationNotifications) -> None:
        super().__init__(ports, limit)
        self._outboxes = outboxes

    async def group(self, letter: InboundMessage, read: InboundRecord) -> str:
        return letter.owner.dotted

    async def answer(self, letter: InboundMessage, read: InboundRecord) -> None:
        org = letter.owner
        digest = self.digest(org.stream("action/"), read.content)
        stamp = EventMetadata(
            topic_principal("organisation", org),
            f"routing.record:{letter.place}:{digest}",
            jurisdiction=org.jurisdiction,
        )
        if await self._outboxes.by_cause(org, stamp.cause) is not None:
            return  # answered, and delivered again
        own_id = command_id(read) if read.problem is None else None
        cause = f"routing.outcome:{own_id}" if own_id is not None else None
        known = await self._outboxes.by_cause(org, cause) if cause is not None else None
        if known is not None and known.request == digest:
            return  # the same command sent again: its answer is in the inbox
        if known is not None:
            body = await self._refusal(org, _same_id(), read, letter)
        else:
            body = await self.carried_out(
                read, lambda: self._done(org, read, letter), lambda refusal: self._refusal(org, refusal, read, letter)
            )
            if cause is not None and (body.refusal is None or body.refusal.status < FINAL):
                stamp = stamp._replace(cause=cause, request=digest)
        await self._outboxes.append(org, stamp, body)

    async def _done(self, org: Member, read: InboundRecord, letter: InboundMessage) -> OutboxEntry:
        carried = await self.command(topic_principal("organisation", org), read)
        events = carried.done.commit.recorded if carried.done.commit is not None else ()
        outcome = await self._entry(org, carried.case, events[0].event_id if events else None)
        return outcome.model_copy(
            update={
                "version": carried.version,
                "detail": "done",
                "command": carried.name,
                "command_id": carried.command_id,
                "record": letter.place,
            }
        )

    async def _refusal(self, org: Member, refusal: Refusal, read: InboundRecord, letter: InboundMessage) -> OutboxEntry:
        """The refusal, with the case that it is about where the organisation may see that case."""
        refused = _refused(refusal, read, letter)
        case = await self.visible_case(topic_principal("organisation", org), read.value.get("case"))
        if case is None:
            return refused
        kept = refused.model_dump(include={"detail", "command", "command_id", "record"})
        return (await self._entry(org, case, None)).model_copy(update={**kept, "refusal": refusal})

    async def _entry(self, org: Member, case: Case, about: str | None) -> OutboxEntry:
        book = await self._ports.policies.book(case.jurisdiction)
        return entry("outcome", case, book, about, org.code)


def _refused(refusal: Refusal, read: InboundRecord, letter: InboundMessage) -> OutboxEntry:
    """Without the case, which the organisation may not be allowed to see."""
    return OutboxEntry(
        kind="outcome",
        case="",
        number="",
        version=0,
        detail=refusal.code,
        command=command_named(read),
        command_id=command_id(read),
        record=letter.place,
        refusal=refusal,
    )


def _same_id() -> Refusal:
    return refusal_of(
        problem(
            409,
            "same_id_other_content",
            "This command_id was used before with different content. Use a new one, or send exactly what was sent first.",
            "该编号此前已提交过不同的内容。请使用新的编号，或原样重新提交。",
            field="command_id",
        )
    )
