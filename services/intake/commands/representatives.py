"""Commands about parties after the filing: representatives of a joint petition, and confidentiality."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from services.intake.commands.filing import CITIZEN
from services.intake.commands.parties import PARTIES_LIMIT, representatives
from shared.case import OPEN_STATES, Case
from shared.commands.command import DESK, Command, DecisionContext, NewEvent, rule
from shared.events import intake as e

PartyName = Annotated[str, Field(pattern=r"^p[1-9][0-9]{0,3}$")]


class NameRepresentatives(Command):
    parties: tuple[PartyName, ...] = Field(
        min_length=1,
        max_length=PARTIES_LIMIT,
        description="The representatives: p1 is the petitioner, p2 the first co-petitioner, …",
    )


@rule("name_representatives", service="intake", roles=DESK, states=OPEN_STATES, zh="推选代表")
def name_representatives(case: Case, command: NameRepresentatives, given: DecisionContext) -> list[NewEvent]:
    """Name representatives among the petitioners, at most as many as the profile allows (Art. 20 ¶3: five).

    They replace those named before."""
    filers = [party for party, role in case.filing.parties if role in ("petitioner", "co_petitioner")]
    named = representatives(command.parties, filers, given.book.profile.representatives.value, "parties")
    if named == case.filing.representatives:
        return []
    return [NewEvent(e.RepresentativesNamed(parties=named))]


class RequestConfidentiality(Command):
    """Request confidentiality (为信访人保密)."""


@rule(
    "request_confidentiality",
    service="intake",
    roles=CITIZEN,
    states=OPEN_STATES,
    zh="请求保密",
    when=lambda case: not case.filing.confidential,
)
def request_confidentiality(case: Case, command: RequestConfidentiality, given: DecisionContext) -> list[NewEvent]:
    """Show identities only to the petition office and to supervisors from now on (Art. 18 ¶4, 46(5))."""
    return [] if case.filing.confidential else [NewEvent(e.ConfidentialityRequested())]
