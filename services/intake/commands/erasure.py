"""The erasure of a party's personal data (PIPL Art. 47): the request, its refusal with a reason, and the erasure. Pure."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from services.intake.commands.filing import CITIZEN
from services.intake.commands.withdrawal import FILER, PartyName, own_name
from shared.case import FINAL_STATES, Case
from shared.case.erasures import undecided_erasure
from shared.commands.authorization import Role
from shared.commands.command import Command, DecisionContext, NewEvent, rule
from shared.commands.command_fields import Code, FreeText
from shared.commands.petitioners_word import Keyed, apart, spoken
from shared.deadlines.derivation import deadlines
from shared.events import intake as e
from shared.kernel.refusals import Invalid, Refused

_WHO: tuple[Role, ...] = ("supervisor",)


class RequestErasure(Keyed):
    party: PartyName = Field(FILER, description="Whose data: p1 is the petitioner, p2 the first co-petitioner, …")
    text: FreeText | None = Field(None, description="Reason, sealed")


@rule("request_erasure", service="intake", roles=CITIZEN, followers=True, zh="申请删除个人信息")
def request_erasure(case: Case, command: RequestErasure, given: DecisionContext) -> list[NewEvent]:
    """Ask for the erasure of one's own personal data (PIPL Art. 47, 50). It is recorded in every state; a supervisor decides,
    who erases only after the case has ended and declines with a reason that the petitioner reads."""
    said = spoken(case, command, given, "request_erasure")
    own_name(said, command.party)
    _known(case, command.party)
    if _erased(case, command.party) or undecided_erasure(case, command.party) is not None:
        return []
    return [NewEvent(e.ErasureRequested(party=command.party, text=command.text, **said))]


class DeclineErasure(Command):
    party: PartyName = Field(FILER, description="Whose request is declined")
    text: FreeText = Field(
        description="Why, with the article that requires the data to be kept; the petitioner reads it. Sealed"
    )


@rule(
    "decline_erasure",
    service="intake",
    roles=_WHO,
    followers=True,
    zh="不予删除个人信息",
    when=lambda case: undecided_erasure(case) is not None,
)
def decline_erasure(case: Case, command: DeclineErasure, given: DecisionContext) -> list[NewEvent]:
    """Decline a request for erasure with the reason (PIPL Art. 50 ¶2). It may be made again."""
    if undecided_erasure(case, command.party) is None:
        raise Refused(
            "no_erasure_requested",
            "No request for erasure of this party waits for a decision. The timeline of the case shows those that were decided.",
            detail_zh="该当事人没有待决定的删除申请，已决定的申请见办理过程。",
            field="party",
        )
    return [NewEvent(e.ErasureDeclined(party=command.party, text=command.text))]


def _known(case: Case, party: str) -> None:
    """Raises Invalid for a party that the case does not have."""
    if party not in dict(case.filing.parties):
        raise Invalid(
            "unknown_party",
            "The case has no such party, so no personal data of it are kept: an anonymous filing names none.",
            detail_zh="该件没有这一当事人，未保存其个人信息；匿名提交的件没有当事人信息。",
            field="party",
        )


def _erased(case: Case, party: str) -> bool:
    return any(fact.name == "PartyErased" and fact.kind == party for fact in case.facts)


class EraseParty(Command):
    party: Code = Field("p1", description="The party: p1 is the petitioner")
    ground: Literal["requested", "purpose_achieved", "retention_over", "unlawful", "consent_withdrawn"] = Field(
        description="Ground of PIPL Art. 47"
    )
    number: Code = Field(description="Number of the case, once more: an erasure cannot be undone")


@rule(
    "erase_party",
    service="intake",
    roles=_WHO,
    states=FINAL_STATES,
    zh="删除个人信息",
    followers=True,
)
def erase_party(case: Case, command: EraseParty, given: DecisionContext) -> list[NewEvent]:
    """Destroy the keys of a party: identity, texts and files become unreadable. Only supervisors outside the units that handled or
    reviewed it, whose work the data prove, and only after the case has ended: until then the Regulation requires its handling, and
    PIPL Art. 47 leaves what a law requires."""
    apart(case, given)
    if case.open:
        raise Refused(
            "case_open",
            "The case is still being handled, so the law requires its data to be kept (PIPL Art. 47 ¶2). Erase"
            " them after the case has ended.",
            detail_zh="该件尚在办理，依法须保存相关信息（个人信息保护法第四十七条第二款），办结后方可删除。",
        )
    if case.state != "voided" and any(clock.running for clock in deadlines(case, given.book)):
        raise Refused(
            "period_runs",
            "A period of this case is still running, such as the period for requesting a review, and it needs"
            " the data. Erase them after it has ended.",
            detail_zh="该件尚有期限（如申请复查期限）未届满，期满后方可删除。",
        )
    if command.number != case.number:
        raise Invalid(
            "wrong_number",
            "This is not the number of the case. Give its number, because an erasure cannot be undone.",
            detail_zh="编号与该件不符。删除无法撤销，请再次填写该件编号。",
            field="number",
        )
    _known(case, command.party)
    if _erased(case, command.party):
        return []
    return [NewEvent(e.PartyErased(party=command.party, ground=command.ground))]
