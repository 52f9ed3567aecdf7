"""The erasure of a party's personal data (PIPL Art. 47). Pure: (case, command, given) -> events."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from shared.case import FINAL_STATES, Case
from shared.commands.authorization import Role
from shared.commands.command import Command, DecisionContext, NewEvent, rule
from shared.commands.command_fields import Code
from shared.commands.petitioners_word import apart
from shared.deadlines.derivation import deadlines
from shared.events import intake as e
from shared.kernel.refusals import Invalid, Refused

_WHO: tuple[Role, ...] = ("supervisor",)


class EraseParty(Command):
    party: Code = Field("p1", description="The party: p1 is the petitioner")
    ground: Literal["requested", "purpose_achieved", "retention_over", "unlawful", "consent_withdrawn"] = Field(
        description="Ground of PIPL Art. 47"
    )
    number: Code = Field(description="Number of the case, once more: an erasure cannot be taken back")


@rule(
    "erase_party",
    service="intake",
    roles=_WHO,
    states=FINAL_STATES,
    zh="删除个人信息",
    followers=True,
)
def erase_party(case: Case, command: EraseParty, given: DecisionContext) -> list[NewEvent]:
    """Destroy the keys of a party: identity, texts and files close for good. Only supervisors outside the units that handled or
    reviewed it, whose work the data prove, and only after the case has ended: until then the Regulation requires its handling, and
    PIPL Art. 47 leaves what a law requires."""
    apart(case, given)
    if case.open:
        raise Refused(
            "case_open",
            "The case is still being handled, which the law requires, so its data are kept (PIPL Art. 47 ¶2). Erase them after"
            " it has ended.",
            detail_zh="该件尚在办理，依法须保存相关信息（个人信息保护法第四十七条第二款），办结后方可删除。",
        )
    if case.state != "voided" and any(clock.running for clock in deadlines(case, given.book)):
        raise Refused(
            "period_runs",
            "A period still runs in this case, such as that for a request for a review, which needs the data. Erase them after it.",
            detail_zh="该件尚有期限（如申请复查期限）未届满，期满后方可删除。",
        )
    if command.number != case.number:
        raise Invalid(
            "wrong_number",
            "This is not the number of the case. Give its number, because an erasure cannot be taken back.",
            detail_zh="编号与该件不符。删除无法撤销，请再次填写该件编号。",
            field="number",
        )
    if command.party not in dict(case.filing.parties):
        raise Invalid(
            "unknown_party",
            "The case has no such party. GET /v1/cases/{case} names its parties.",
            detail_zh="该件没有这一当事人。",
            field="party",
        )
    if any(fact.name == "PartyErased" and fact.kind == command.party for fact in case.facts):
        return []
    return [NewEvent(e.PartyErased(party=command.party, ground=command.ground))]
