"""The parties of a filing: petitioner, agent, co-petitioners, respondent, and the representatives."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import Field

from shared.commands.command import Command
from shared.commands.command_fields import GivenCode, Short
from shared.events import intake as e
from shared.kernel.refusals import Invalid
from shared.policy.book import PolicyBook
from shared.policy.public_offices import holds_public_office, organisations_named

PARTIES_LIMIT = 500


class Person(Command):
    """A party. All fields are sealed and optional."""

    name: Short | None = Field(None, description="Name as given, sealed")
    phone: Short | None = Field(None, description="Telephone number, sealed")
    id_number: Short | None = Field(None, description="Identity number, sealed")
    address: Short | None = Field(None, description="Postal address, sealed")


class Respondent(Command):
    """The respondent of an accusation."""

    name: Short | None = Field(None, description="Name of the respondent, sealed")
    org: GivenCode | None = Field(None, description="Code of the respondent organisation, which never sees the case")


def representatives(parties: Sequence[str], filers: Sequence[str], most: int, field: str) -> tuple[str, ...]:
    """The named parties, each once.

    Args:
        most: Maximum number of representatives, of the profile (Art. 20 ¶3: five).

    Raises:
        Invalid: more than that, or a party that did not file.
    """
    named = tuple(dict.fromkeys(parties))
    if len(named) > most:
        raise Invalid(
            "too_many_representatives",
            f"A joint petition has at most {most} representatives (Art. 20 ¶3). Name fewer; the others remain"
            " co-petitioners.",
            detail_zh=f"多人提出共同信访事项的，代表人数不得超过{most}人；其他人仍列为信访人。",
            field=field,
        )
    if not set(named) <= set(filers):
        raise Invalid(
            "unknown_representative",
            "A representative must be one of the petitioners: 1 (p1) is the petitioner, 2 (p2) the first co-petitioner.",
            detail_zh="代表人须为本件信访人之一，请填写信访人序号。",
            field=field,
        )
    return named


def complained_of(respondent: Respondent, party: str, book: PolicyBook) -> e.PartyRecorded:
    """The record of the respondent."""
    name, org = respondent.name, book.organisation_meant(respondent.org)
    if org is None:  # words instead of a code; they may name a person, so they are sealed
        name = " ".join(filter(None, (name, respondent.org))) or None
    public_office = org is not None or holds_public_office(name or "", book)
    return e.PartyRecorded(
        party=party,
        role="respondent",
        respondent_org=org,
        public_office=public_office,
        names=organisations_named(name or "", book) if org is None else (),
        name=name,
    )
