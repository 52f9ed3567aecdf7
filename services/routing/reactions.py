"""Reactions of routing: choose the organisation, deliver the case, and notify the organisations concerned."""

from __future__ import annotations

from dataclasses import dataclass

from services.routing.commands.dispatch import RecordDelivery
from services.routing.keyword_recognition import recognised
from services.routing.matter_notifications import tell_joined, tell_matter
from services.routing.organisation_notifications import OrganisationNotifications, handlers_at, receiver_at, reviewer_at
from shared.case import fold
from shared.commands.command import RULES
from shared.commands.command_handler import CommandHandler
from shared.consumers.reaction import Trigger, carry_out, stamp_for
from shared.consumers.reaction_table import ReactionTable, gives
from shared.deadlines.derivation import deadlines
from shared.events import department as d
from shared.events import intake as i
from shared.events import routing as r
from shared.events import supervision as s
from shared.events.base import Event
from shared.events.routing import OutboxKind
from shared.kernel.failpoints import failpoint


def reactions(handling: CommandHandler, outboxes: OrganisationNotifications) -> ReactionTable:
    """The reactions of routing."""
    tell = _Notifications(handling, outboxes)
    review = gives(handling, RULES["direct_review"])
    table = ReactionTable()
    on = table.on

    async def route(turn: Trigger, _body: Event) -> None:
        await carry_out(handling, RULES["route"], turn, await recognised(handling, turn))

    async def deliver(turn: Trigger, org: str, kind: OutboxKind = "assigned") -> None:
        """Write the assignment to the organisation's inbox, then record the delivery: the clocks run from then."""
        entry = await outboxes.tell(org, kind, turn)
        failpoint("outbox.told")
        command = RecordDelivery(org=org, seq=entry.first)
        stamp = stamp_for("routing", "delivered", turn)._replace(at=entry.recorded_at)
        await carry_out(handling, RULES["record_delivery"], turn, command, stamp)

    on(i.CaseRegistered, i.WentLive, r.SuspicionCleared, i.CaseUnlinked, do=route)
    on(r.CaseTransferred, do=lambda turn, body: deliver(turn, body.org))
    on(r.CaseAssigned, do=lambda turn, body: deliver(turn, body.org))
    on(r.CaseRoutedToSealedChannel, do=lambda turn, body: deliver(turn, body.org))
    on(r.JurisdictionRuled, do=lambda turn, body: deliver(turn, body.org, "ruled"))
    on(i.WentLive, i.ReviewRequested, i.ReReviewRequested, r.SuspicionCleared, do=review)
    on(r.SuspicionCleared, do=lambda turn, _body: tell.matter_and_reviewer("material_added", turn))

    on(i.CaseLinked, do=lambda turn, body: tell_joined(handling, outboxes, turn, body))
    on(r.AssignmentWithdrawn, do=tell.withdrawn)
    on(r.JurisdictionDisputed, do=tell.disputed, when=lambda turn, _body: not turn.case.accusation.sealed)
    on(r.ReturnVerified, do=lambda turn, body: tell.handlers("returned" if body.agreed else "return_refused", turn))
    on(r.ForwardedDown, do=lambda turn, body: tell.one(body.to, "forwarded", turn, body.org))
    on(d.HandedBack, do=lambda turn, body: tell.one(body.to, "handed_back", turn, body.reason_code))
    on(i.MaterialAdded, do=lambda turn, _body: tell.matter_and_reviewer("material_added", turn))
    on(i.Nudged, do=lambda turn, _body: tell.matter_and_reviewer("nudged", turn))
    on(i.CaseCorrected, do=lambda turn, body: tell.handlers("corrected", turn, body.field))
    on(
        i.EvaluationSubmitted,
        do=lambda turn, body: tell.matter("evaluated", turn, body.grade),
        when=lambda _turn, body: body.object == "organisation",
    )
    on(d.ExtensionGranted, do=lambda turn, _body: tell.handlers("extension_granted", turn))
    on(d.ExtensionRefused, do=lambda turn, _body: tell.handlers("extension_refused", turn))
    on(i.CaseCorrected, d.ExtensionGranted, d.HearingHeld, do=tell.deadlines_changed)
    on(s.DeadlineAtRisk, do=tell.at_risk)
    on(
        s.RungsVoided,
        do=lambda turn, body: tell.handlers(
            "deadline_changed", turn, ",".join(sorted({one.clock for one in body.rungs}))
        ),
    )
    on(
        s.Reminded,
        do=lambda turn, body: tell.concerned(body.org, "reminded", turn, body.clock),
        when=lambda _turn, body: not body.passed,
    )
    on(s.Urged, do=lambda turn, body: tell.handlers("urged", turn, body.clock))
    on(r.NotCompetentDeclared, do=lambda turn, _body: tell.handlers("guidance_void", turn))
    on(s.RedoOrdered, do=lambda turn, body: tell.handlers("redo_ordered", turn, body.ground))
    on(r.ReviewBodyNamed, do=tell.review_requested)
    on(d.ReviewOpinionIssued, do=lambda turn, body: tell.handlers("opinion_issued", turn, body.result))
    on(
        d.ReviewOpinionIssued,
        do=lambda turn, _body: tell.handlers("redo_ordered", turn, "review"),
        when=lambda _turn, body: body.result == "redo",
    )
    on(d.ReReviewOpinionIssued, do=lambda turn, body: tell.handlers("opinion_issued", turn, body.result))
    on(s.CaseClosed, do=lambda turn, body: tell.handlers("closed", turn, body.kind))
    on(i.CaseVoided, do=lambda turn, _body: tell.everybody("withdrawn", turn, "voided"))
    on(i.CaseWithdrawn, do=lambda turn, _body: tell.everybody("closed", turn, "withdrawn"))
    return table


@dataclass(frozen=True)
class _Notifications:
    """The recipients of the notifications of a case. Each organisation has one entry per event and kind."""

    handling: CommandHandler
    outboxes: OrganisationNotifications

    async def one(self, org: str | None, kind: OutboxKind, turn: Trigger, detail: str | None = None) -> None:
        """Notify this organisation; None does nothing. Nobody is told of what happens while an accusation is suspected."""
        if org is not None and turn.case.accusation.suspected is None:
            await self.outboxes.tell(org, kind, turn, detail)

    async def handlers(self, kind: OutboxKind, turn: Trigger, detail: str | None = None) -> None:
        """Notify the responsible organisation, and those that the case was forwarded down to."""
        for org in handlers_at(turn.case, turn.event.version):
            await self.one(org, kind, turn, detail)

    async def matter(self, kind: OutboxKind, turn: Trigger, detail: str | None = None) -> None:
        """Notify the handlers of the matter: of the lead where the case follows one, otherwise of the case itself."""
        if not await tell_matter(self.handling, self.outboxes, kind, turn, detail):
            await self.handlers(kind, turn, detail)

    async def matter_and_reviewer(self, kind: OutboxKind, turn: Trigger) -> None:
        await self.matter(kind, turn)
        await self.one(reviewer_at(turn.case, turn.event.version), kind, turn)

    async def everybody(self, kind: OutboxKind, turn: Trigger, detail: str) -> None:
        """Notify the handlers, the review body, and the organisation that received the case and still owes the notice."""
        await self.handlers(kind, turn, detail)
        await self.one(reviewer_at(turn.case, turn.event.version), kind, turn, detail)
        await self.one(receiver_at(turn.case, turn.event.version), kind, turn, detail)

    async def concerned(self, bearer: str | None, kind: OutboxKind, turn: Trigger, detail: str) -> None:
        """Notify of a clock its bearer: with all handlers if it was the responsible organisation then; alone if it was the
        review body, or the receiver that still owed the transfer notice."""
        version = turn.event.version
        line = handlers_at(turn.case, version)
        if line and bearer == line[0]:
            await self.handlers(kind, turn, detail)
        elif bearer in (reviewer_at(turn.case, version), receiver_at(turn.case, version)):
            await self.one(bearer, kind, turn, detail)

    async def withdrawn(self, turn: Trigger, body: r.AssignmentWithdrawn) -> None:
        """Notify all handlers, and the review body where the review ended with the assignment."""
        for org in handlers_at(turn.case, turn.event.version) or (body.org,):
            await self.outboxes.tell(org, "withdrawn", turn, body.reason_code)
        if turn.case.review.reviewer is None:
            await self.one(reviewer_at(turn.case, turn.event.version), "withdrawn", turn, body.reason_code)

    async def disputed(self, turn: Trigger, _body: r.JurisdictionDisputed) -> None:
        """Notify the handlers that have lost the case until the ruling, except those that have it again by now."""
        for org in handlers_at(turn.case, turn.event.version):
            if org not in turn.case.handlers:
                await self.outboxes.tell(org, "withdrawn", turn, "disputed")

    async def at_risk(self, turn: Trigger, body: s.DeadlineAtRisk) -> None:
        bearer = await self.outboxes.bearer(turn.case, body.clock, body.episode)
        await self.concerned(bearer, "at_risk", turn, body.clock)

    async def review_requested(self, turn: Trigger, body: r.ReviewBodyNamed) -> None:
        """Notify the named review body, and the one that it replaces."""
        before = reviewer_at(turn.case, turn.event.version - 1)
        if before != body.body:
            await self.one(before, "withdrawn", turn, "another_body")
        requests = ("ReviewRequested", "ReReviewRequested")
        asked = [fact.name for fact in turn.case.facts if fact.version <= turn.event.version and fact.name in requests]
        stage = "re_review" if asked and asked[-1] == "ReReviewRequested" else "review"
        await self.outboxes.tell(body.body, "review_requested", turn, stage)

    async def deadlines_changed(self, turn: Trigger, _body: Event) -> None:
        """Notify the bearers of running clocks whose due date this event has moved; `due` holds the new dates."""
        events = [event for commit in await self.handling.log.load(turn.case.stream) for event in commit.recorded]
        earlier = fold(event for event in events if event.version < turn.event.version)
        later = fold(event for event in events if event.version <= turn.event.version)
        book = await self.handling.policies.book(turn.case.jurisdiction)
        known = {(one.clock, one.start.version): one.due for one in deadlines(earlier, book)}
        moved: dict[str, list[str]] = {}
        for one in deadlines(later, book):
            before = known.get((one.clock, one.start.version), one.due)
            if one.running and one.org is not None and not one.rule.window and one.due != before:
                moved.setdefault(one.org, []).append(one.clock)
        for bearer, clocks in moved.items():
            await self.concerned(bearer, "deadline_changed", turn, ",".join(sorted(clocks)))
