"""Commands about parties after the filing: representatives, confidentiality, corrected personal data."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from services.intake.commands.filing import CITIZEN
from services.intake.commands.parties import PARTIES_LIMIT, representatives
from shared.case import OPEN_STATES, Case
from shared.commands.command import DESK, Command, DecisionContext, NewEvent, rule
from shared.commands.command_fields import Short
from shared.commands.petitioners_word import Keyed, spoken
from shared.events import intake as e
from shared.kernel.refusals import Denied, Invalid

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


class RequestConfidentiality(Keyed):
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
    said = spoken(case, command, given, "request_confidentiality")
    return [] if case.filing.confidential else [NewEvent(e.ConfidentialityRequested(**said))]


class CorrectParty(Keyed):
    party: Annotated[str, Field(pattern=r"^[par][1-9][0-9]{0,3}$")] = Field(
        "p1",
        description="Whose data: p1 is the petitioner, p2 the first co-petitioner, a1 the agent, r1 the respondent",
    )
    name: Short | None = Field(None, description="The correct name, sealed")
    phone: Short | None = Field(None, description="The correct telephone number, sealed")
    id_number: Short | None = Field(None, description="The correct identity number, sealed")
    address: Short | None = Field(None, description="The correct postal address, sealed")


@rule("correct_party", service="intake", roles=CITIZEN, followers=True, zh="更正当事人信息")
def correct_party(case: Case, command: CorrectParty, given: DecisionContext) -> list[NewEvent]:
    """Correct personal data of a party, such as a misspelt name (PIPL Art. 46). What was recorded first stays, sealed.

    The petitioner corrects their own data; an office with evidence those of any party of the case."""
    said = spoken(case, command, given, "correct_party")
    values = {name: getattr(command, name) for name in ("name", "phone", "id_number", "address")}
    if said["word"] != "keyed" and command.party != "p1":
        raise Denied(
            "own_data_only",
            "With number and query code, only the data of the petitioner (p1) can be corrected. Ask the petition"
            " office to correct those of others.",
            detail_zh="凭编号和查询码只能更正信访人本人（p1）的信息；其他当事人的信息请由信访部门更正。",
            field="party",
        )
    if not any(values.values()):
        raise Invalid(
            "nothing_to_correct",
            "No corrected value is given. Give at least one of name, phone, id_number and address.",
            detail_zh="请至少填写姓名、电话、证件号码、地址中的一项。",
            field="name",
        )
    if case.filing.anonymous and (command.name or command.id_number):
        raise Invalid(
            "anonymous_with_name",
            "An anonymous filing must not contain a name or an identity number. Leave them out.",
            detail_zh="匿名件不应填写姓名或证件号码。",
            field="name" if command.name else "id_number",
        )
    if command.party not in dict(case.filing.parties):
        raise Invalid(
            "unknown_party",
            "party names no recorded party of this case. Give the code of a party, as the case shows it.",
            detail_zh="本件没有所填的当事人，请填写本件中的当事人代号。",
            field="party",
        )
    return [NewEvent(e.PartyCorrected(party=command.party, **values, **said))]
