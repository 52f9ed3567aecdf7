"""Who takes part in a filing: petitioner, agent, who joins, respondent, and who speaks for them."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import Field

from shared.commands import Code, Command, Short
from shared.events import intake as e
from shared.policy.book import PolicyBook
from shared.refusals import Invalid

PARTIES_LIMIT = 500
REPRESENTATIVES = 5
"""Art. 20 ¶3: who comes with many names at most five representatives."""


class Person(Command):
    """Somebody who takes part. Everything here is sealed; nothing of it is required."""

    name: Short | None = Field(None, description="Name as given, sealed")
    phone: Short | None = Field(None, description="Telephone number, sealed")
    id_number: Short | None = Field(None, description="Identity number, sealed")
    address: Short | None = Field(None, description="Postal address, sealed")


class Respondent(Command):
    """Whom an accusation is about."""

    name: Short | None = Field(None, description="Name of the respondent, sealed")
    org: Code | None = Field(None, description="Code of the organisation complained of: it never sees the case")


def representatives(parties: Sequence[str], filers: Sequence[str], field: str) -> tuple[str, ...]:
    """The named parties, each once. Raises Invalid for more than five, or for one who did not file."""
    named = tuple(dict.fromkeys(parties))
    if len(named) > REPRESENTATIVES:
        raise Invalid(
            "too_many_representatives",
            f"A joint matter is represented by at most {REPRESENTATIVES} (Art. 20 ¶3); name those, the others stay on the"
            " filing.",
            why_zh=f"多人提出共同信访事项的，代表人数不得超过{REPRESENTATIVES}人；其他人仍列为信访人。",
            field=field,
        )
    if not set(named) <= set(filers):
        raise Invalid(
            "unknown_representative",
            "A representative is one of those who file: 1 (p1) is the petitioner, 2 (p2) the first who joins.",
            why_zh="代表人须为本件信访人之一。",
            field=field,
        )
    return named


def parties(
    petitioner: Person | None,
    agent: Person | None,
    co_petitioners: Sequence[Person],
    respondent: Respondent | None,
    book: PolicyBook,
) -> list[e.PartyRecorded]:
    """One event, and so one key, for each party of the case."""
    events: list[e.PartyRecorded] = []
    if petitioner is not None:
        events.append(e.PartyRecorded(party="p1", role="petitioner", **petitioner.model_dump()))
    if agent is not None:
        events.append(e.PartyRecorded(party="a1", role="agent", **agent.model_dump()))
    for place, person in enumerate(co_petitioners, start=2):
        events.append(e.PartyRecorded(party=f"p{place}", role="co_petitioner", **person.model_dump()))
    if respondent is not None:
        events.append(complained_of(respondent, "r1", book))
    return events


def complained_of(respondent: Respondent, party: str, book: PolicyBook) -> e.PartyRecorded:
    """Whom the filing is about."""
    name, org = respondent.name, respondent.org
    if org is not None and book.organisation(org) is None:  # no code but words, which may name a person: sealed
        name, org = " ".join(filter(None, (name, org))), None
    return e.PartyRecorded(party=party, role="respondent", respondent_org=org, name=name)
