"""Commands about suspected accusations: a person confirms or clears the suspicion. Pure: (case, command, given) -> events.

Until then no other command changes the case. It is sealed like an accusation (Art. 30): only the petition office and the
supervisors see it, never the respondent.
"""

from __future__ import annotations

from pydantic import Field

from shared.case import Case
from shared.commands.authorization import Role
from shared.commands.command import Command, DecisionContext, NewEvent, rule
from shared.commands.command_fields import FreeText, GivenCode, Short
from shared.events import routing as e
from shared.kernel.refusals import Refused

READERS: tuple[Role, ...] = ("registrar", "supervisor")


class AccusedOf(Command):
    """The respondent of the accusation."""

    name: Short | None = Field(None, description="Name of the respondent, sealed")
    org: GivenCode | None = Field(None, description="Code of the respondent organisation, which never sees the case")


class ConfirmAccusation(Command):
    respondent: AccusedOf | None = Field(None, description="The respondent, as far as the text names one")


@rule(
    "confirm_accusation",
    service="routing",
    roles=READERS,
    zh="确认为检举控告",
    when=lambda case: case.accusation.suspected is not None,
)
def confirm_accusation(case: Case, command: ConfirmAccusation, given: DecisionContext) -> list[NewEvent]:
    """Confirm that the petition is an accusation. A registrar then dispatches it to an authorised organisation.

    An organisation that had the case when a later text was suspected loses it, without being told why."""
    if case.accusation.suspected is None:
        if case.filing.class_ == "accusation":
            return []
        raise _not_suspected()
    respondent = command.respondent or AccusedOf()
    name, org = respondent.name, given.book.organisation_meant(respondent.org)
    if org is None:  # words instead of a code; they may name a person, so they are sealed
        name = " ".join(filter(None, (name, respondent.org))) or None
    having = case.assignment.org
    taken = [] if having is None else [NewEvent(e.AssignmentWithdrawn(org=having, reason_code="recalled"), given.now)]
    return [
        *taken,
        NewEvent(e.CaseClassified(class_="accusation", by="person")),
        NewEvent(e.AccusationConfirmed(respondent_org=org, name=name)),
    ]


class ClearSuspicion(Command):
    reason: FreeText | None = Field(None, description="Reason why it is not an accusation, sealed")


@rule(
    "clear_suspicion",
    service="routing",
    roles=READERS,
    zh="排除检举控告",
    when=lambda case: case.accusation.suspected is not None,
)
def clear_suspicion(case: Case, command: ClearSuspicion, given: DecisionContext) -> list[NewEvent]:
    """Clear the suspicion. The petition is routed like any other, and keyword rules do not suspect it again; an organisation that
    has the case goes on with it. What is said later is searched again."""
    if case.accusation.suspected is None:
        if case.accusation.cleared:
            return []
        raise _not_suspected()
    return [NewEvent(e.SuspicionCleared(reason=command.reason))]


def _not_suspected() -> Refused:
    return Refused(
        "not_suspected",
        "No rule suspects that this case is an accusation. Correct its class, or dispatch it.",
        detail_zh="该件未被标记为疑似检举控告，请更正类别或派单。",
    )
