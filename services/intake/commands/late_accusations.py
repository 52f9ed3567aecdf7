"""A petition that turns out to be an accusation is withdrawn from unauthorised organisations, and sealed (Art. 30). Pure."""

from __future__ import annotations

from collections.abc import Sequence

from services.intake.commands.parties import Respondent, complained_of
from shared.case import Case
from shared.commands.command import DecisionContext, NewEvent
from shared.events import routing
from shared.events.intake import PartyRecorded
from shared.kernel.refusals import Invalid


def only_of_an_accusation(respondent: Respondent | None, field: str, new: str) -> None:
    """Raises Invalid if a correction names a respondent but does not correct the class to accusation."""
    if respondent is not None and (field, new) != ("class", "accusation"):
        raise Invalid(
            "respondent_of_an_accusation",
            "respondent is only allowed if the class is corrected to accusation. Leave it out.",
            detail_zh="只有将类别更正为检举控告时才填写被反映人。",
            field="respondent",
        )


def named(case: Case, respondent: Respondent | None, given: DecisionContext) -> list[NewEvent]:
    """The record of the respondent, unless the case has it already."""
    if respondent is None:
        return []
    known = [party for party, role in case.filing.parties if role == "respondent"]
    recorded = complained_of(respondent, f"r{len(known) + 1}", given.book)
    if recorded.respondent_org in case.accusation.accused and recorded.name is None:
        return []
    return [NewEvent(recorded)]


def taken_away(case: Case, recorded: Sequence[NewEvent], given: DecisionContext) -> list[NewEvent]:
    """The withdrawal of the assignment, at the present time whatever the date of the correction; none if all organisations
    that have the case may have an accusation. Its reason is only `recalled`, because any other would reveal the accusation.

    Args:
        recorded: the respondents that the same commit records.
    """
    accused = {
        *case.accusation.accused,
        *(one.body.respondent_org for one in recorded if isinstance(one.body, PartyRecorded)),
    }
    having = {*case.handlers, *case.assignment.assist, *filter(None, [case.review.reviewer])}
    if case.assignment.org is None or all(given.book.takes_accusations(org) and org not in accused for org in having):
        return []
    return [NewEvent(routing.AssignmentWithdrawn(org=case.assignment.org, reason_code="recalled"), given.now)]
