"""What routing does when something happened: choose the organisation, deliver, and tell it what concerns it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from services.routing.domain import RecordDelivery
from services.routing.joining import Detail, joined, tell_matter
from services.routing.outbox import Outboxes, handlers_at, receiver_at, reviewer_at
from services.routing.recognising import recognised
from shared.case import fold
from shared.commands import RULES
from shared.deadlines import deadlines
from shared.events import department, intake, routing, supervision
from shared.events.routing import OutboxKind
from shared.failpoints import failpoint
from shared.handling import Handling
from shared.projecting import Reaction, Turn
from shared.reacting import always, carry_out, stamp_for


def reactions(handling: Handling, outboxes: Outboxes) -> Mapping[str, Sequence[Reaction]]:
    """Event type -> what follows."""
    route = _route(handling)
    direct = always(handling, RULES["direct_review"])
    deliver = _deliver(handling, outboxes)
    moved = deadlines_changed(handling, outboxes)
    return {
        "CaseRegistered": (route,),
        "WentLive": (route, direct),
        "SuspicionCleared": (route,),
        "CaseUnlinked": (route,),
        "CaseLinked": (joined(handling, outboxes),),
        "CaseTransferred": (deliver,),
        "CaseAssigned": (deliver,),
        "CaseRoutedToSealedChannel": (deliver,),
        "JurisdictionRuled": (_deliver(handling, outboxes, "ruled"),),
        "AssignmentWithdrawn": (_withdrawn(outboxes),),
        "JurisdictionDisputed": (_disputed(outboxes),),
        "ReturnVerified": (_verified(outboxes),),
        "ForwardedDown": (_forwarded(outboxes),),
        "HandedBack": (_handed_back(outboxes),),
        "MaterialAdded": (
            tell_matter(handling, outboxes, "material_added", _tell(outboxes, "material_added")),
            _tell_reviewer(outboxes, "material_added"),
        ),
        "Nudged": (
            tell_matter(handling, outboxes, "nudged", _tell(outboxes, "nudged")),
            _tell_reviewer(outboxes, "nudged"),
        ),
        "CaseCorrected": (_tell(outboxes, "corrected", _field), moved),
        "EvaluationSubmitted": (_evaluated(handling, outboxes),),
        "ExtensionGranted": (_tell(outboxes, "extension_granted"), moved),
        "ExtensionRefused": (_tell(outboxes, "extension_refused"),),
        "HearingHeld": (moved,),
        "DeadlineAtRisk": (_at_risk(outboxes),),
        "Reminded": (_reminded(outboxes),),
        "Urged": (_tell(outboxes, "urged", _clock),),
        "RedoOrdered": (_tell(outboxes, "redo_ordered", _ground),),
        "ReviewRequested": (direct,),
        "ReReviewRequested": (direct,),
        "ReviewBodyNamed": (_review_requested(outboxes),),
        "ReviewOpinionIssued": (_tell(outboxes, "opinion_issued", _result), _redone(outboxes)),
        "ReReviewOpinionIssued": (_tell(outboxes, "opinion_issued", _result),),
        "CaseClosed": (_tell(outboxes, "closed", _kind),),
        "CaseVoided": (
            _tell(outboxes, "withdrawn", lambda _turn: "voided"),
            _tell_reviewer(outboxes, "withdrawn", lambda _turn: "voided"),
            _tell_receiver(outboxes, "withdrawn", lambda _turn: "voided"),
        ),
        "CaseWithdrawn": (
            _tell(outboxes, "closed", lambda _turn: "withdrawn"),
            _tell_reviewer(outboxes, "closed", lambda _turn: "withdrawn"),
            _tell_receiver(outboxes, "closed", lambda _turn: "withdrawn"),
        ),
    }


def _route(handling: Handling) -> Reaction:
    """Let the rules look at the text, in memory, and decide with what they found."""
    rule = RULES["route"]

    async def react(turn: Turn) -> None:
        await carry_out(handling, rule, turn, await recognised(handling, turn.case))

    return react


def _deliver(handling: Handling, outboxes: Outboxes, kind: OutboxKind = "assigned") -> Reaction:
    """Put the assignment into the organisation's outbox, then record that it stands there: its clocks run from that."""
    rule = RULES["record_delivery"]

    async def react(turn: Turn) -> None:
        org = getattr(turn.event.body, "org", None)
        if org is None:
            return
        told = await outboxes.tell(org, kind, turn)
        failpoint("outbox.told")
        stamp = stamp_for("routing", "delivered", turn)._replace(at=told.recorded_at)
        command = RecordDelivery(org=org, seq=told.first)
        await handling.on_case(
            turn.case.id,
            rule.action,
            stamp,
            lambda case, given: rule(case, command, given),
            seen=turn.case.version,
        )

    return react


def _tell(outboxes: Outboxes, kind: OutboxKind, detail: Detail | None = None) -> Reaction:
    """Tell those who had it in hand: the accountable organisation, and whoever it was forwarded down to."""

    async def react(turn: Turn) -> None:
        for org in handlers_at(turn.case, turn.event.version):
            await outboxes.tell(org, kind, turn, detail(turn) if detail else None)

    return react


def _tell_reviewer(outboxes: Outboxes, kind: OutboxKind, detail: Detail | None = None) -> Reaction:
    """Tell the body that was reviewing."""

    async def react(turn: Turn) -> None:
        body = reviewer_at(turn.case, turn.event.version)
        if body is not None:
            await outboxes.tell(body, kind, turn, detail(turn) if detail else None)

    return react


def _tell_receiver(outboxes: Outboxes, kind: OutboxKind, detail: Detail) -> Reaction:
    """Tell who received it and still had to tell the petitioner where it went."""

    async def react(turn: Turn) -> None:
        before = receiver_at(turn.case, turn.event.version)
        if before is not None:
            await outboxes.tell(before, kind, turn, detail(turn))

    return react


def _forwarded(outboxes: Outboxes) -> Reaction:
    async def react(turn: Turn) -> None:
        body = turn.event.body
        if isinstance(body, routing.ForwardedDown):
            await outboxes.tell(body.to, "forwarded", turn, body.org)

    return react


def _handed_back(outboxes: Outboxes) -> Reaction:
    async def react(turn: Turn) -> None:
        body = turn.event.body
        if isinstance(body, department.HandedBack):
            await outboxes.tell(body.to, "handed_back", turn, body.reason_code)

    return react


def _review_requested(outboxes: Outboxes) -> Reaction:
    """The body that was named hears of it; one that it replaces hears that it has it no more."""

    async def react(turn: Turn) -> None:
        body, before = turn.event.body, reviewer_at(turn.case, turn.event.version - 1)
        if not isinstance(body, routing.ReviewBodyNamed):
            return
        if before is not None and before != body.body:
            await outboxes.tell(before, "withdrawn", turn, "another_body")
        await outboxes.tell(body.body, "review_requested", turn, _stage(turn))

    return react


def _stage(turn: Turn) -> str:
    """Which of the two was asked for when the event happened."""
    asked = [
        fact.name
        for fact in turn.case.facts
        if fact.version <= turn.event.version and fact.name in ("ReviewRequested", "ReReviewRequested")
    ]
    return "re_review" if asked and asked[-1] == "ReReviewRequested" else "review"


def _redone(outboxes: Outboxes) -> Reaction:
    """A review that sends it back is an order to handle it again."""
    tell = _tell(outboxes, "redo_ordered", lambda _turn: "review")

    async def react(turn: Turn) -> None:
        if isinstance(turn.event.body, department.ReviewOpinionIssued) and turn.event.body.result == "redo":
            await tell(turn)

    return react


def _withdrawn(outboxes: Outboxes) -> Reaction:
    """Recalled: from the accountable organisation and from those that it was forwarded down to; from who reviewed it, where
    that has ended with it."""

    async def react(turn: Turn) -> None:
        body = turn.event.body
        if isinstance(body, routing.AssignmentWithdrawn):
            for org in handlers_at(turn.case, turn.event.version) or (body.org,):
                await outboxes.tell(org, "withdrawn", turn, body.reason_code)
            reviewer = reviewer_at(turn.case, turn.event.version)
            if reviewer is not None and turn.case.reviewer is None:
                await outboxes.tell(reviewer, "withdrawn", turn, body.reason_code)

    return react


def _disputed(outboxes: Outboxes) -> Reaction:
    """Whoever had it has it no more until it is ruled who does. Not told late: when it has it again, or as an accusation."""

    async def react(turn: Turn) -> None:
        if turn.case.sealed_track:
            return
        for org in handlers_at(turn.case, turn.event.version):
            if org not in turn.case.handlers:
                await outboxes.tell(org, "withdrawn", turn, "disputed")

    return react


def _at_risk(outboxes: Outboxes) -> Reaction:
    """To whom the clock runs, and to whoever has it in hand for them; never to somebody whose clock it is not."""

    async def react(turn: Turn) -> None:
        body = turn.event.body
        if isinstance(body, supervision.DeadlineAtRisk):
            bearer = await outboxes.bearer(turn.case, body.clock, body.episode)
            for org in _concerned(turn, bearer):
                await outboxes.tell(org, "at_risk", turn, body.clock)

    return react


def _concerned(turn: Turn, bearer: str | None) -> tuple[str, ...]:
    """Who is told of a clock: its bearer, if it had the case in hand or reviewed it then, and those below; and who received
    the filing and has not yet told the petitioner where it went."""
    line = handlers_at(turn.case, turn.event.version)
    if line and bearer == line[0]:
        return line
    version = turn.event.version
    others = (reviewer_at(turn.case, version), receiver_at(turn.case, version))
    return (bearer,) if bearer is not None and bearer in others else ()


def _verified(outboxes: Outboxes) -> Reaction:
    async def react(turn: Turn) -> None:
        body = turn.event.body
        if not isinstance(body, routing.ReturnVerified):
            return
        for org in handlers_at(turn.case, turn.event.version):
            await outboxes.tell(org, "returned" if body.agreed else "return_refused", turn)

    return react


def _evaluated(handling: Handling, outboxes: Outboxes) -> Reaction:
    """An organisation hears what was said of it, not what was said of the petition office; of a filing that was joined to
    another, who handled the matter."""
    tell = tell_matter(handling, outboxes, "evaluated", _tell(outboxes, "evaluated", _grade), _grade)

    async def react(turn: Turn) -> None:
        if isinstance(turn.event.body, intake.EvaluationSubmitted) and turn.event.body.object == "organisation":
            await tell(turn)

    return react


def _reminded(outboxes: Outboxes) -> Reaction:
    """A rung that was only recorded as passed is not sent; a reminder of the petition office is no organisation's."""

    async def react(turn: Turn) -> None:
        body = turn.event.body
        if isinstance(body, supervision.Reminded) and not body.passed:
            for org in _concerned(turn, body.org):
                await outboxes.tell(org, "reminded", turn, body.clock)

    return react


def deadlines_changed(handling: Handling, outboxes: Outboxes) -> Reaction:
    """Who bears a running clock whose due date this event has moved hears of it; `due` says the new dates."""

    async def react(turn: Turn) -> None:
        events = [event for commit in await handling.log.load(turn.case.stream) for event in commit.recorded]
        earlier = fold(event for event in events if event.version < turn.event.version)
        later = fold(event for event in events if event.version <= turn.event.version)
        book = await handling.policies.book(turn.case.jurisdiction)
        known = {(one.clock, one.start.version): one.due for one in deadlines(earlier, book)}
        moved: dict[str, list[str]] = {}
        for one in deadlines(later, book):
            before = known.get((one.clock, one.start.version), one.due)
            if one.running and one.org is not None and not one.rule.window and one.due != before:
                moved.setdefault(one.org, []).append(one.clock)
        for bearer, clocks in moved.items():
            for org in _concerned(turn, bearer):
                await outboxes.tell(org, "deadline_changed", turn, ",".join(sorted(clocks)))

    return react


def _field(turn: Turn) -> str | None:
    return getattr(turn.event.body, "field", None)


def _ground(turn: Turn) -> str | None:
    return getattr(turn.event.body, "ground", None)


def _result(turn: Turn) -> str | None:
    return getattr(turn.event.body, "result", None)


def _clock(turn: Turn) -> str | None:
    return getattr(turn.event.body, "clock", None)


def _kind(turn: Turn) -> str | None:
    return getattr(turn.event.body, "kind", None)


def _grade(turn: Turn) -> str | None:
    return getattr(turn.event.body, "grade", None)
