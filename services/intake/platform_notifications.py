"""Notifications to platforms: one short entry in the updates stream per step of a filed case, and per record sent.

The stream records who was notified of what, and when, so its version is a permanent cursor for the reader.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from shared.case import Case
from shared.commands.authorization import Principal
from shared.commands.command_handler import CommandHandler
from shared.commands.event_writer import EventMetadata
from shared.consumers.reaction import Trigger, stamp_for
from shared.consumers.reaction_table import ReactionTable
from shared.deadlines.derivation import deadlines
from shared.events import department as d
from shared.events import intake as i
from shared.events import routing as r
from shared.events import supervision as s
from shared.events.base import Event
from shared.events.platforms import PlatformUpdate, UpdateKind
from shared.events.routing import Due
from shared.eventstore.commit import Commit
from shared.kernel.legal_time import instant_from_text
from shared.messaging.member import Member
from shared.messaging.notification_stream import NotificationStream
from shared.messaging.platform_updates import STREAM, Place
from shared.messaging.webhooks.endpoints import Endpoint

E = TypeVar("E", bound=Event)
Detail = Callable[[E], str | int | None]
Organisation = Callable[[E], str | None]
_WITH_DATES = frozenset({"sent", "accepted", "extended", "reopened"})
"""Kinds whose entries contain due dates."""


class PlatformNotifications(NotificationStream):
    """Notifies platforms: the streams `updates/<jurisdiction>/<platform>`."""

    def __init__(self, handling: CommandHandler) -> None:
        super().__init__(handling, STREAM)

    async def tell(self, kind: UpdateKind, turn: Trigger, detail: str | None = None, org: str | None = None) -> None:
        """Append one entry about a step of a case, once per event and kind even if called repeatedly."""
        case = turn.case
        if case.filing.platform is None:
            return
        body = PlatformUpdate(
            kind=kind,
            case=case.id,
            number=case.number,
            version=turn.event.version,
            org=org,
            due=await self._due(case) if kind in _WITH_DATES else (),
            about=turn.event.event_id,
            detail=detail,
        )
        await self.append(
            Member(case.jurisdiction, case.filing.platform), stamp_for("intake", f"update.{kind}", turn), body
        )

    async def tell_disabled(self, endpoint: Endpoint, reason: str) -> None:
        """Append the entry about a webhook that was disabled, once."""
        stamp = EventMetadata(
            Principal("service", None, "intake"),
            f"intake.webhook_disabled:{endpoint.id}:{endpoint.changes}",
            jurisdiction=endpoint.member.jurisdiction,
        )
        body = PlatformUpdate(kind="webhook_disabled", about=endpoint.id, detail=reason)
        await self.append(endpoint.member, stamp, body)

    async def registered(self, case: Case, event_id: str, correlation: str | None) -> Commit:
        """Append the entry about the registration, once for all writers."""
        assert case.filing.platform is not None
        place = Place.of(correlation)
        body = PlatformUpdate(
            kind="registered",
            case=case.id,
            number=case.number,
            version=1,
            about=event_id,
            record=place.record if place is not None else None,
            sent_at=instant_from_text(place.sent_at) if place is not None else None,
        )
        stamp = EventMetadata(
            Principal("service", None, "intake"),
            first_answer("registered", case.id),
            correlation=correlation or event_id,
            jurisdiction=case.jurisdiction,
        )
        return await self.append(Member(case.jurisdiction, case.filing.platform), stamp, body)

    async def _due(self, case: Case) -> tuple[Due, ...]:
        book = await self._handling.policies.book(case.jurisdiction)
        return tuple(
            Due(clock=clock.clock, due=clock.due, provisional=clock.provisional)
            for clock in deadlines(case, book)
            if clock.running and not clock.rule.window
        )


def first_answer(*about: str) -> str:
    """Cause of the first answer to the same filing or command; repeated answers have causes of their own."""
    return "intake.answer:" + ":".join(about)


def told_of(turn: Trigger, _body: Event) -> bool:
    """True where a platform filed the case and may still be notified: it is not the accused (Art. 30)."""
    platform = turn.case.filing.platform
    return platform is not None and platform not in turn.case.accusation.accused


def tell_platforms(table: ReactionTable, updates: PlatformNotifications) -> None:
    """Register the notifications of platforms: which events, of which kind, with which detail and organisation."""

    def tell(kind: UpdateKind, event: type[E], detail: str | Detail[E], org: Organisation[E] | None = None) -> None:
        async def notify(turn: Trigger, body: E) -> None:
            value = detail if isinstance(detail, str) else detail(body)
            about = None if value is None else str(value)
            await updates.tell(kind, turn, about, org(body) if org is not None else None)

        table.on(event, do=notify, when=told_of)

    async def registered(turn: Trigger, _body: Event) -> None:
        await updates.registered(turn.case, turn.event.event_id, turn.event.correlation)

    table.on(i.CaseRegistered, do=registered, when=lambda turn, _body: turn.case.filing.platform is not None)
    tell("sent", r.CaseTransferred, detail="transferred", org=lambda body: body.org)
    tell("sent", r.CaseAssigned, detail="assigned", org=lambda body: body.org)
    tell("sent", r.CaseRoutedToSealedChannel, detail="assigned", org=lambda body: body.org)
    tell("sent", r.JurisdictionRuled, detail="ruled", org=lambda body: body.org)
    tell("sent", r.ForwardedDown, detail="forwarded", org=lambda body: body.to)
    tell("accepted", d.Accepted, detail=lambda body: body.path, org=lambda body: body.org)
    tell("not_accepted", d.NotAccepted, detail=lambda body: body.reason_code, org=lambda body: body.org)
    tell("accepted", s.AcceptanceOrdered, detail="ordered")
    tell("notice", d.NoticeServed, detail=lambda body: body.kind, org=lambda body: body.org)
    tell("extended", d.ExtensionGranted, detail=lambda body: body.days)
    tell("replied", d.ReplyDelivered, detail=lambda body: body.mode, org=lambda body: body.org)
    tell("replied", i.AnsweredAtOnce, detail="at_once")
    tell("invited", i.EvaluationInvited, detail=lambda body: body.object)
    tell("guided", r.StatutoryPathGuided, detail=lambda body: body.path)
    tell("guided", d.LedInto, detail="led_into", org=lambda body: body.org)
    tell("reopened", r.NotCompetentDeclared, detail="not_competent", org=lambda body: body.org)
    tell("notice", d.PaperServed, detail=lambda body: body.document, org=lambda body: body.org)
    tell("reopened", s.RedoOrdered, detail=lambda body: body.ground)
    tell("reopened", s.CaseReopened, detail="new_facts")
    tell("reviewed", d.ReviewOpinionIssued, detail=lambda body: body.result, org=lambda body: body.body)
    tell("notice", d.OpinionDelivered, detail="opinion_delivered", org=lambda body: body.body)
    tell("reviewed", d.ReReviewOpinionIssued, detail=lambda body: body.result, org=lambda body: body.body)
    tell("closed", s.CaseClosed, detail=lambda body: body.kind)
    tell("closed", i.CaseWithdrawn, detail="withdrawn")
    tell("closed", i.CaseVoided, detail="voided")
    tell("closed", d.Concluded, detail="concluded")
    tell("closed", r.ReRegistrationBarred, detail="barred")
    tell("corrected", i.CaseCorrected, detail=lambda body: body.field.rstrip("_"))
    tell("corrected", d.ReplyCorrected, detail="reply", org=lambda body: body.org)
    tell("linked", i.CaseLinked, detail=lambda body: body.kind)
    tell("unlinked", i.CaseUnlinked, detail=lambda body: body.kind)
