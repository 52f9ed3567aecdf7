"""Notifications to organisations: one short entry in the inbox stream of an organisation per event that concerns it.

The stream records who was notified of what, and when, so its version is a permanent cursor for the reader.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from shared.case import Case, Fact, steps
from shared.commands.authorization import NOTHING_OWED, Principal
from shared.commands.command_handler import CommandHandler
from shared.commands.event_writer import EventMetadata
from shared.consumers.reaction import Trigger, stamp_for
from shared.deadlines.derivation import deadlines
from shared.deadlines.episodes import DISPATCHES
from shared.events.routing import Due, OutboxEntry, OutboxKind
from shared.eventstore.commit import Commit
from shared.messaging.member import Member
from shared.messaging.notification_stream import NotificationStream
from shared.messaging.organisation_inbox import STREAM
from shared.messaging.webhooks.endpoints import Endpoint
from shared.policy.book import PolicyBook

TAKEN = frozenset({"AssignmentWithdrawn", "JurisdictionDisputed", "CaseReopened", "CaseVoided"})
"""After these events no organisation has the case until it is sent again."""


def handlers_at(case: Case, version: int) -> tuple[str, ...]:
    """The responsible organisation at that version, and the subordinates that it was forwarded to. They are still notified of
    the event that withdraws the case; a subordinate that handed it back is not."""
    line: tuple[str, ...] = ()
    if (
        case.origin == "history"
        and not any(fact.name in DISPATCHES for fact in steps(case))
        and case.assignment.org is not None
    ):
        line = (case.assignment.org,)
    for fact in steps(case):
        if fact.version > version:
            break
        if (fact.name in DISPATCHES or fact.name == "MatterAnswered") and fact.org is not None:
            line = (fact.org,)
        elif fact.name == "ForwardedDown" and fact.kind is not None:
            line = (*line, fact.kind)
        elif fact.name == "HandedBack" and fact.org in line:
            line = line[: line.index(fact.org)]
        elif fact.version < version and (fact.name in TAKEN or (fact.name, fact.kind) == ("ReturnVerified", "agreed")):
            line = ()
    return line


def reviewer_at(case: Case, version: int) -> str | None:
    """The body that was reviewing at that version."""
    named: str | None = None
    for fact in steps(case):
        if fact.version > version:
            break
        if fact.name == "ReviewBodyNamed":
            named = fact.kind
        elif fact.name in ("ReviewRequested", "ReReviewRequested"):
            named = None
    return named


def receiver_at(case: Case, version: int) -> str | None:
    """The receiving organisation that still owed the transfer notice at that version, while another organisation had the case
    or it was joined to a matter. None for an accusation, and for a respondent (Art. 30)."""
    org, joined = case.filing.received_by, False
    if org is None or case.accusation.sealed or org in case.accusation.accused or not case.live:
        return None
    for fact in steps(case):
        if fact.version >= version:
            break
        if fact.name in NOTHING_OWED:
            return None
        if fact.name in ("CaseLinked", "CaseUnlinked") and fact.kind != "related":
            joined = fact.name == "CaseLinked"
    line = handlers_at(case, version)
    return org if org not in line and (line or joined) else None


def _arrived(case: Case, org: str, at: datetime) -> Case:
    """The case after the delivery of this entry, with the clocks that the delivery starts."""
    fact = Fact("AssignmentDelivered", None, case.version + 1, at, at, org)
    return replace(case, facts=(*case.facts, fact))


def entry(
    kind: OutboxKind,
    case: Case,
    book: PolicyBook,
    about: str | None,
    org: str,
    detail: str | None = None,
    arriving: datetime | None = None,
) -> OutboxEntry:
    """The notification for an organisation. It holds no content: that is read by an authorised GET, so that reads are recorded.

    `arriving`: the entry itself delivers the assignment at that instant."""
    bearers = (
        {org, case.assignment.org} if org in case.assignment.forwarded else {org}
    )  # a subordinate works within the periods of the responsible organisation
    running = [
        Due(clock=clock.clock, due=clock.due, provisional=clock.provisional)
        for clock in deadlines(case if arriving is None else _arrived(case, org, arriving), book)
        if clock.running and clock.org in bearers
    ]
    return OutboxEntry(
        kind=kind,
        case=case.id,
        number=case.number,
        version=case.version,
        subject=case.filing.subject,
        place=case.filing.place,
        due=tuple(running),
        about=about,
        detail=detail,
    )


class OrganisationNotifications(NotificationStream):
    """Notifies organisations, on their inbox streams `inbox/<jurisdiction>/<organisation>`."""

    def __init__(self, handling: CommandHandler) -> None:
        super().__init__(handling, STREAM)

    async def bearer(self, case: Case, clock: str, episode: int) -> str | None:
        """The organisation that has the duty of this clock."""
        book = await self._handling.policies.book(case.jurisdiction)
        found = (one.org for one in deadlines(case, book) if (one.clock, one.episode) == (clock, episode))
        return next(found, None)

    async def tell_disabled(self, endpoint: Endpoint, reason: str) -> None:
        """Append the entry about a webhook that was disabled, once."""
        stamp = EventMetadata(
            Principal("service", None, "routing"),
            f"routing.webhook_disabled:{endpoint.id}:{endpoint.changes}",
            jurisdiction=endpoint.member.jurisdiction,
        )
        body = OutboxEntry(kind="webhook_disabled", case="", number="", version=0, about=endpoint.id, detail=reason)
        await self.append(endpoint.member, stamp, body)

    async def tell(self, org: str, kind: OutboxKind, turn: Trigger, detail: str | None = None) -> Commit:
        """Append one entry, once per event and kind even if called repeatedly. Returns its commit; its seq is `first`."""
        book = await self._handling.policies.book(turn.case.jurisdiction)
        delivers = turn.event.type in DISPATCHES and not turn.case.assignment.delivered
        arriving = self._handling.clock.now() if delivers else None
        body = entry(kind, turn.case, book, turn.event.event_id, org, detail, arriving)
        return await self.append(
            Member(turn.case.jurisdiction, org), stamp_for("routing", kind, turn)._replace(policy=book.reference), body
        )
