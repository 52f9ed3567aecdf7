"""A suspected accusation: a person confirms it or clears it, and until then nothing else happens to it.

Pure: (case, command, given) -> events. What a rule suspects is sealed like an accusation (Art. 30): only the petition
office and the supervisors see it, and nobody in the name of the respondent.
"""

from __future__ import annotations

from pydantic import Field

from shared.access import Role
from shared.case import Case
from shared.commands import Code, Command, FreeText, Fresh, Given, Short, rule
from shared.events import routing as e
from shared.refusals import Refused

WHO_READS: tuple[Role, ...] = ("registrar", "supervisor")


class AccusedOf(Command):
    """Whom the accusation is about."""

    name: Short | None = Field(None, description="Name of the respondent, sealed")
    org: Code | None = Field(None, description="Code of the organisation complained of: it never sees the case")


class ConfirmAccusation(Command):
    respondent: AccusedOf | None = Field(None, description="Whom it is about, as far as the text says")


@rule(
    "confirm_accusation",
    service="routing",
    roles=WHO_READS,
    states=("registered",),
    zh="确认为检举控告",
    when=lambda case: case.suspected is not None,
)
def confirm_accusation(case: Case, command: ConfirmAccusation, given: Given) -> list[Fresh]:
    """From here on it is an accusation like one that was filed as such; a person dispatches it to a sealed organ."""
    if case.suspected is None:
        if case.class_ == "accusation":
            return []
        raise _not_suspected()
    respondent = command.respondent or AccusedOf()
    name, org = respondent.name, respondent.org
    if org is not None and given.book.organisation(org) is None:  # no code but words, which may name a person: sealed
        name, org = " ".join(filter(None, (name, org))), None
    return [
        Fresh(e.CaseClassified(class_="accusation", by="person")),
        Fresh(e.AccusationConfirmed(respondent_org=org, name=name)),
    ]


class ClearSuspicion(Command):
    reason: FreeText | None = Field(None, description="Why it is none, sealed")


@rule(
    "clear_suspicion",
    service="routing",
    roles=WHO_READS,
    states=("registered",),
    zh="排除检举控告",
    when=lambda case: case.suspected is not None,
)
def clear_suspicion(case: Case, command: ClearSuspicion, given: Given) -> list[Fresh]:
    """It goes the ordinary way from here on, and rules do not ask again."""
    if case.cleared:
        return []
    if case.suspected is None:
        raise _not_suspected()
    return [Fresh(e.SuspicionCleared(reason=command.reason))]


def _not_suspected() -> Refused:
    return Refused(
        "not_suspected",
        "No rule suspects that this case is an accusation; correct its class, or dispatch it.",
        why_zh="该件未被标记为疑似检举控告，请更正类别或派单。",
    )
