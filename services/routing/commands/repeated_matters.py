"""Command that does not accept a concluded matter again (不再受理; Art. 36 ¶3). Pure: (case, command, given) -> events."""

from __future__ import annotations

from pydantic import Field

from shared.case import Case
from shared.commands.command import DESK, Command, DecisionContext, NewEvent, rule
from shared.commands.command_fields import CaseName, FreeText
from shared.deadlines.escalation_ladder import LAPSE
from shared.events import routing as e
from shared.kernel.refusals import Invalid, Refused


class NoLongerAccept(Command):
    concluded: CaseName = Field(
        description="The concluded case of the same facts and reasons: id, number or CHANNEL:ITEM"
    )
    reason: FreeText = Field(description="Why the filing contains no new facts or reasons, sealed")


@rule("no_longer_accept", service="routing", roles=DESK, states=("registered",), zh="不再受理")
def no_longer_accept(case: Case, command: NoLongerAccept, given: DecisionContext) -> list[NewEvent]:
    """Do not accept a filing that repeats a matter concluded by re-review (Art. 36 ¶3). New facts or reasons are always registered.

    A period for review that lapsed concludes nothing. It bars only where the profile of the jurisdiction has `bar_after_lapse`
    with its source."""
    before = given.cases.get(command.concluded)
    if before is None or before.id == case.id or before.accusation.sealed != case.accusation.sealed:
        raise Invalid(
            "unknown_concluded_case",
            "concluded names no other case that you may see. Give its id, its number, or CHANNEL:ITEM.",
            detail_zh="没有该已终结的信访件，或您无权查看，请核对编号。",
            field="concluded",
        )
    barred_by_lapse = given.book.profile.bar_after_lapse.value and any(rung.rung == LAPSE for rung in before.rungs)
    if not before.concluded and not (barred_by_lapse and not before.open):
        raise Refused(
            "not_concluded",
            "That case is not concluded by a re-review, so this filing is handled. Dispatch it, or link it to the other one.",
            detail_zh="所指信访件未经复核终结，本件应当依法受理；可以派单或并案办理。",
            field="concluded",
        )
    return [NewEvent(e.ReRegistrationBarred(concluding_case=before.id, reason=command.reason))]
