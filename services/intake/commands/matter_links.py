"""Commands that link filings of one matter, so that one organisation is responsible. Pure: (case, command, given) -> events.

A follower has no organisation of its own, and its link names an older case. Both are decided on the follower's stream alone, so
no lock over two streams is needed.
"""

from __future__ import annotations

from pydantic import Field

from shared.case import OPEN_STATES, Case, line_of, older
from shared.commands.authorization import Role
from shared.commands.command import Command, DecisionContext, NewEvent, rule
from shared.commands.command_fields import CaseName, FreeText
from shared.commands.petitioners_word import apart
from shared.events import intake as e
from shared.events import routing
from shared.events.intake import LinkKind
from shared.kernel.refusals import Invalid, Refused

JOINERS: tuple[Role, ...] = ("registrar", "supervisor")
JOINABLE = (
    "registered",
    "dispatched",
    "signed",
    "return_requested",
    "returned",
    "disputed",
    "accepted",
    "handling",
    "redo_ordered",
)
"""States before a decision: after it the petitioner has an answer and remedies of their own (Art. 32, 35)."""
GONE = ("voided", "withdrawn")
"""States in which a case cannot lead, because its matter is not handled."""


class Link(Command):
    lead: CaseName = Field(description="The older case: id, number or CHANNEL:ITEM. A follower is replaced by its lead")
    kind: LinkKind = Field(
        "same_matter",
        description="same_matter 同一事项, duplicate 重复件: the case follows the lead; related 相关: only a reference",
    )
    reason: FreeText = Field(description="Reason in words, sealed")


@rule("link", service="intake", roles=JOINERS, states=JOINABLE, followers=True, zh="并案")
def link(case: Case, command: Link, given: DecisionContext) -> list[NewEvent]:
    """Link the case to the older case of the same matter; its assignment, if any, is withdrawn in the same commit.

    A matter has one responsible organisation and is not handled twice (Art. 19 ¶3)."""
    apart(case, given)
    if command.lead == case.id:
        raise Invalid(
            "link_to_itself",
            "A case cannot follow itself. Name the older case.",
            detail_zh="不能并入本件自身，请填写在先的件。",
            field="lead",
        )
    named = given.cases.get(command.lead)
    lead = named if command.kind == "related" else given.head(command.lead)
    if any(one.matter.lead == case.id for one in line_of(command.lead, given.cases)):
        raise Refused(
            "link_in_a_circle",
            "That case already follows this one, so this one cannot follow it. Name another case.",
            detail_zh="所指信访件已并入本件，不能反向并案，请另行填写主件。",
            field="lead",
        )
    if named is None or lead is None:
        raise Invalid(
            "unknown_lead",
            "lead names no case that you may see. Give its id, its number, or CHANNEL:ITEM.",
            detail_zh="没有该主件，或您无权查看，请核对编号。",
            field="lead",
        )
    if command.kind == "related":
        if lead.id in case.matter.related:
            return []
    elif case.matter.lead is not None:
        now = given.head(case.matter.lead)
        if now is not None and now.id == lead.id:
            return []
        raise Refused(
            "follows_another",
            "This filing already follows another case. Unlink it first.",
            detail_zh="该件已并入其他件，请先解除并案。",
            field="lead",
        )
    _fits(case, lead)
    if command.kind == "related":
        return [NewEvent(e.CaseLinked(lead=lead.id, kind="related", reason=command.reason))]
    _leads(case, lead, given.book.zone)
    events = [NewEvent(e.CaseLinked(lead=lead.id, kind=command.kind, reason=command.reason))]
    if case.assignment.org is not None:
        events.insert(0, NewEvent(routing.AssignmentWithdrawn(org=case.assignment.org, reason_code="follows_lead")))
    return events


def _fits(case: Case, lead: Case) -> None:
    """Raises Refused if the two cases must not refer to each other."""
    if lead.state == "voided":
        raise Refused(
            "lead_voided",
            "That case was voided. Name another one.",
            detail_zh="所指信访件已作废，请另行填写主件。",
            field="lead",
        )
    if lead.jurisdiction != case.jurisdiction:
        raise Refused(
            "other_jurisdiction",
            "That case belongs to another jurisdiction. Transfer or guide this filing instead.",
            detail_zh="不同辖区的信访件不能并案，请转送或引导。",
            field="lead",
        )
    if lead.accusation.sealed != case.accusation.sealed:
        raise Refused(
            "accusation_apart",
            "An accusation may only be linked to an accusation (Art. 30). Handle this filing separately.",
            detail_zh="检举控告只能与检举控告并案（条例第三十条），请单独办理本件。",
            field="lead",
        )


def _leads(case: Case, lead: Case, zone: str) -> None:
    """Raises Refused if `lead` cannot lead the matter of `case`."""
    if lead.state == "withdrawn":
        raise Refused(
            "lead_withdrawn",
            "That case was withdrawn, so its matter is not handled. Handle this filing separately.",
            detail_zh="所指信访件已撤回，请单独办理本件。",
            field="lead",
        )
    if lead.open and not lead.live:
        raise Refused(
            "lead_not_live",
            "That imported case is not handled in this system. Give it go_live first.",
            detail_zh="所指历史件尚未转入办理，请先转入。",
            field="lead",
        )
    if not older(lead, case, zone):
        raise Refused(
            "lead_is_younger",
            "That case was filed later, and the oldest case of a matter leads. Link that case to this one instead.",
            detail_zh="以最早登记的件为主件，请将较晚的件并入本件。",
            field="lead",
        )
    if lead.assignment.org is not None and lead.assignment.org in case.accusation.accused:
        raise Refused(
            "is_the_respondent",
            "That case is handled by the respondent of this filing. Handle this filing separately.",
            detail_zh="所指信访件由本件的被反映单位承办，请单独办理本件。",
            field="lead",
        )


def may_lead(case: Case, lead: Case, zone: str) -> bool:
    """True if `case` could be linked to `lead` as the lead of its matter."""
    try:
        _fits(case, lead)
        _leads(case, lead, zone)
    except Refused:
        return False
    return True


class Unlink(Command):
    lead: CaseName | None = Field(
        None, description="The case that it follows or refers to. Default: the one it follows"
    )
    reason: FreeText = Field(description="Reason in words, sealed")


@rule("unlink", service="intake", roles=JOINERS, states=OPEN_STATES, followers=True, zh="解除并案")
def unlink(case: Case, command: Unlink, given: DecisionContext) -> list[NewEvent]:
    """Unlink the case because it is another matter. It is routed or queued separately again."""
    apart(case, given)
    if command.lead in given.cases and command.lead in case.matter.related:
        return [NewEvent(e.CaseUnlinked(lead=command.lead, kind="related", reason=command.reason))]
    if case.matter.lead is None:
        return []
    if command.lead is not None and all(one.id != command.lead for one in line_of(case.matter.lead, given.cases)):
        raise Refused(
            "follows_another",
            "This filing does not follow that case. Leave lead out to unlink it from the case that it follows.",
            detail_zh="该件并未并入所指信访件，不填 lead 可解除现有并案。",
            field="lead",
        )
    return [NewEvent(_parted(case, command.reason))]


def _parted(case: Case, reason: str | None) -> e.CaseUnlinked:
    assert case.matter.lead is not None
    kind: LinkKind = "duplicate" if case.matter.lead_kind == "duplicate" else "same_matter"
    return e.CaseUnlinked(
        lead=case.matter.lead, kind=kind, reason=reason, reason_code="lead_gone" if reason is None else None
    )


@rule("part", service="intake", roles=("service",), states=OPEN_STATES, followers=True, zh="主件失效后解除并案")
def part(case: Case, command: Command, given: DecisionContext) -> list[NewEvent]:
    """Unlink a follower whose lead was voided or withdrawn, or where one of the two turned out to be an accusation (Art. 30)."""
    if case.matter.lead is None or not case.open:
        return []
    lead = given.head(case.matter.lead)
    if lead is not None and lead.state not in GONE and lead.accusation.sealed == case.accusation.sealed:
        return []
    return [NewEvent(_parted(case, None))]
