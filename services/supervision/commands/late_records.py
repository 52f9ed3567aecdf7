"""The confirmation of the date of an act that was recorded after its due date. Pure."""

from __future__ import annotations

from pydantic import Field

from shared.case import Case
from shared.commands.command import Command, DecisionContext, NewEvent, rule
from shared.commands.command_fields import FreeText, Stated
from shared.commands.petitioners_word import apart
from shared.deadlines.derivation import deadlines
from shared.events import supervision as e
from shared.events.fields import Evidence
from shared.kernel.refusals import Denied, Invalid, Refused


class ConfirmDate(Command):
    of: int = Field(ge=1, description="Version of the step that was recorded after the due date and dated before it")
    evidence: Evidence = Field(description="What proves the date: signed_form, recording, letter or witnessed_visit")
    reference: Stated = Field(description="Where the proof is kept, such as its file number; sealed")
    text: FreeText | None = Field(None, description="Explanation, sealed")


@rule("confirm_date", service="supervision", roles=("registrar", "supervisor"), followers=True, zh="核实日期")
def confirm_date(case: Case, command: ConfirmDate, given: DecisionContext) -> list[NewEvent]:
    """Confirm that an act that was recorded late happened on the stated day. Until then it counts as late.

    The petition office confirms the dates of an organisation, a unit above it those of the petition office itself."""
    apart(case, given)
    fact = next((fact for fact in case.facts if fact.version == command.of), None)
    if fact is None:
        raise Invalid(
            "unknown_version",
            "of names no step of this case. Give the version of a step.",
            detail_zh="of 须为本件某一步骤的版本号。",
            field="of",
        )
    if fact.vouched:
        return []
    concerned = [one for one in deadlines(case, given.book) if fact in one.unconfirmed]
    if not concerned:
        raise Refused(
            "nothing_to_confirm",
            "No deadline depends on a confirmation of this date. Only a step that was recorded after its due"
            " date and dated before it can be confirmed.",
            detail_zh="该步骤的日期不需要核实：只有期限届满之后登记、日期在期限之内的步骤才需核实。",
            field="of",
        )
    if not all(given.book.may_confirm_date(one.org, given.principal.org) for one in concerned):
        raise Denied(
            "outside_unit_needed",
            "The petition office confirms the dates of an organisation, and a unit above it those of the petition office. The unit"
            " that had the duty never confirms its own.",
            detail_zh="承办单位的日期由信访部门核实，信访部门自身的由其上级单位核实，责任单位不得自行核实。",
        )
    return [
        NewEvent(
            e.DateConfirmed(of=command.of, evidence=command.evidence, reference=command.reference, text=command.text),
            given.now,
        )
    ]
