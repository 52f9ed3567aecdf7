"""A filing that turns out to be an accusation: it is taken from whoever may not have one, and waits sealed (Art. 30). Pure."""

from __future__ import annotations

from collections.abc import Sequence

from services.intake.parties import Respondent, complained_of
from shared.case import Case
from shared.commands import Fresh, Given
from shared.events import routing
from shared.events.base import Event
from shared.refusals import Invalid


def only_of_an_accusation(respondent: Respondent | None, field: str, new: str) -> None:
    """Raises Invalid where somebody is named as accused by a correction that makes no accusation of it."""
    if respondent is not None and (field, new) != ("class", "accusation"):
        raise Invalid(
            "respondent_of_an_accusation",
            "respondent is given when the class is corrected to accusation; leave it out here.",
            why_zh="只有将类别更正为检举控告时才填写被反映人。",
            field="respondent",
        )


def named(case: Case, respondent: Respondent | None, given: Given) -> list[Fresh]:
    """Whom it is about, where the case does not say so yet."""
    if respondent is None:
        return []
    known = [party for party, role in case.parties if role == "respondent"]
    recorded = complained_of(respondent, f"r{len(known) + 1}", given.book)
    if recorded.respondent_org in case.accused and recorded.name is None:
        return []
    return [Fresh(recorded)]


def taken_away(case: Case, facts: Sequence[Event], given: Given) -> list[Fresh]:
    """Withdrawn now, whatever date the correction has, unless everybody who has it may have an accusation. The entry says
    that it was recalled and nothing more: an organisation that hears why has heard of the accusation."""
    accused = {*case.accused, *(org for fact in facts if (org := getattr(fact, "respondent_org", None)) is not None)}
    having = {*case.handlers, *case.assist, *filter(None, [case.reviewer])}
    if case.org is None or all(given.book.takes_accusations(org) and org not in accused for org in having):
        return []
    return [Fresh(routing.AssignmentWithdrawn(org=case.org, reason_code="recalled"), given.now)]
