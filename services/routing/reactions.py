"""What routing does when something happened: choose the organisation, deliver, and tell it what concerns it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from services.routing.domain import RecordDelivery
from services.routing.outbox import Outboxes, responsible_at
from shared.access import Principal, visible
from shared.case import Case
from shared.commands import RULES
from shared.events import intake, routing, supervision
from shared.events.routing import OutboxKind
from shared.handling import Handling
from shared.projecting import Reaction, Turn
from shared.reacting import always, stamp_for

Detail = Callable[[Turn], str | None]


def reactions(handling: Handling) -> Mapping[str, Sequence[Reaction]]:
    """Event type -> what follows."""
    outboxes = Outboxes(handling)
    route = always(handling, RULES["route"])
    deliver = _deliver(handling, outboxes)
    return {
        "CaseRegistered": (route,),
        "WentLive": (route,),
        "CaseUnlinked": (route,),
        "CaseLinked": (_joined(handling, outboxes),),
        "CaseTransferred": (deliver,),
        "CaseAssigned": (deliver,),
        "CaseRoutedToSealedChannel": (deliver,),
        "JurisdictionRuled": (_deliver(handling, outboxes, "ruled"),),
        "AssignmentWithdrawn": (_withdrawn(outboxes),),
        "ReturnVerified": (_verified(outboxes),),
        "MaterialAdded": (_tell_matter(handling, outboxes, "material_added"),),
        "Nudged": (_tell_matter(handling, outboxes, "nudged"),),
        "CaseCorrected": (_tell(outboxes, "corrected", _field),),
        "EvaluationSubmitted": (_evaluated(outboxes),),
        "ExtensionGranted": (_tell(outboxes, "extension_granted"),),
        "ExtensionRefused": (_tell(outboxes, "extension_refused"),),
        "DeadlineAtRisk": (_tell(outboxes, "at_risk", _clock),),
        "Reminded": (_reminded(outboxes),),
        "Urged": (_tell(outboxes, "urged"),),
        "RedoOrdered": (_tell(outboxes, "redo_ordered"),),
        "CaseClosed": (_tell(outboxes, "closed", _kind),),
        "CaseWithdrawn": (_tell(outboxes, "closed", lambda _turn: "withdrawn"),),
    }


def _deliver(handling: Handling, outboxes: Outboxes, kind: OutboxKind = "assigned") -> Reaction:
    """Put the assignment into the organisation's outbox, then record that it stands there: its clocks run from that."""
    rule = RULES["record_delivery"]

    async def react(turn: Turn) -> None:
        org = getattr(turn.event.body, "org", None)
        if org is None:
            return
        told = await outboxes.tell(org, kind, turn)
        stamp = stamp_for("routing", "delivered", turn)._replace(at=told.recorded_at)
        command = RecordDelivery(org=org, seq=told.first)
        await handling.on_case(turn.case.id, rule.action, stamp, lambda case, given: rule(case, command, given))

    return react


def _tell(outboxes: Outboxes, kind: OutboxKind, detail: Detail | None = None) -> Reaction:
    async def react(turn: Turn) -> None:
        org = responsible_at(turn.case, turn.event.version)
        if org is not None:
            await outboxes.tell(org, kind, turn, detail(turn) if detail else None)

    return react


def _joined(handling: Handling, outboxes: Outboxes) -> Reaction:
    """Who handles the matter is told that it has one more filing; `detail` is that filing's number."""

    async def react(turn: Turn) -> None:
        body = turn.event.body
        if not isinstance(body, intake.CaseLinked) or body.kind == "related" or turn.case.lead is None:
            return
        lead = await handling.cases.lead_of(turn.case)
        if lead is not None and lead.org is not None and _may_know(turn.case, lead):
            await outboxes.tell(lead.org, "joined", turn._replace(case=lead), turn.case.number)

    return react


def _tell_matter(handling: Handling, outboxes: Outboxes, kind: OutboxKind) -> Reaction:
    """Of a filing that follows another, the organisation of the matter is told."""
    tell = _tell(outboxes, kind)

    async def react(turn: Turn) -> None:
        lead = await handling.cases.lead_of(turn.case)
        if lead is None:
            await tell(turn)
        elif lead.org is not None and _may_know(turn.case, lead):
            await outboxes.tell(lead.org, kind, turn)

    return react


def _may_know(follower: Case, lead: Case) -> bool:
    """May the organisation that handles the lead know of this filing?"""
    return lead.org is not None and visible(Principal("organisation", lead.org, "routing"), follower, lead)


def _withdrawn(outboxes: Outboxes) -> Reaction:
    async def react(turn: Turn) -> None:
        body = turn.event.body
        if isinstance(body, routing.AssignmentWithdrawn):
            await outboxes.tell(body.org, "withdrawn", turn, body.reason_code)

    return react


def _verified(outboxes: Outboxes) -> Reaction:
    async def react(turn: Turn) -> None:
        body = turn.event.body
        org = responsible_at(turn.case, turn.event.version)
        if isinstance(body, routing.ReturnVerified) and org is not None:
            await outboxes.tell(org, "returned" if body.agreed else "return_refused", turn)

    return react


def _evaluated(outboxes: Outboxes) -> Reaction:
    """An organisation hears what was said of it, not what was said of the petition office."""
    tell = _tell(outboxes, "evaluated", _grade)

    async def react(turn: Turn) -> None:
        if isinstance(turn.event.body, intake.EvaluationSubmitted) and turn.event.body.object == "organisation":
            await tell(turn)

    return react


def _reminded(outboxes: Outboxes) -> Reaction:
    """A rung that was only recorded as passed is not sent; a reminder of the petition office is no organisation's."""
    tell = _tell(outboxes, "reminded", _clock)

    async def react(turn: Turn) -> None:
        body = turn.event.body
        if isinstance(body, supervision.Reminded) and not body.passed:
            org = responsible_at(turn.case, turn.event.version)
            if org is not None and body.org == org:
                await tell(turn)

    return react


def _field(turn: Turn) -> str | None:
    return getattr(turn.event.body, "field", None)


def _clock(turn: Turn) -> str | None:
    return getattr(turn.event.body, "clock", None)


def _kind(turn: Turn) -> str | None:
    return getattr(turn.event.body, "kind", None)


def _grade(turn: Turn) -> str | None:
    return getattr(turn.event.body, "grade", None)
