"""Withdrawal of a petition: the request, its confirmation, and taking it back before it takes effect. Pure.

Nobody is hurried out of a petition: a request takes effect after a cooling-off period (policy, `withdrawal`), until then the
case is open, its clocks run, and the petitioner may take the request back. Each petitioner withdraws only their own name.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any

from pydantic import Field

from services.intake.commands.filing import CITIZEN
from shared.case import OPEN_STATES, Case, PendingWithdrawal
from shared.case.withdrawals import waits_for_person
from shared.commands.command import Command, DecisionContext, NewEvent, rule
from shared.commands.command_fields import FreeText
from shared.commands.petitioners_word import Keyed, spoken, third_unit
from shared.events import intake as e
from shared.kernel.legal_time import day_of
from shared.kernel.refusals import Denied, Invalid, Refused

PartyName = Annotated[str, Field(pattern=r"^p[1-9][0-9]{0,3}$")]
FILER = "p1"
"""The petitioner to whom the query code was given."""
_PAPERS = ("signed_form", "recording")


class Withdraw(Keyed):
    party: PartyName = Field(FILER, description="Who withdraws: p1 is the petitioner, p2 the first co-petitioner, …")
    present: FreeText | None = Field(
        None, description="Who was present when the petitioner said so, sealed; required of an office that records it"
    )
    text: FreeText | None = Field(None, description="Reason, sealed")


@rule("withdraw", service="intake", roles=CITIZEN, states=OPEN_STATES, followers=True, zh="申请撤回")
def withdraw(case: Case, command: Withdraw, given: DecisionContext) -> list[NewEvent]:
    """Ask to withdraw the petition, or one's own name of a joint one. It takes effect after the cooling-off period, counted from
    the day on which it is recorded; a request that an office recorded also needs the confirmation of a third unit."""
    said = spoken(case, command, given, "withdraw")
    own_name(said, command.party)
    if said["word"] == "keyed":
        if command.evidence not in _PAPERS:
            raise Invalid(
                "withdrawal_evidence",
                "A withdrawal can be recorded only from a signed document (signed_form) or a recording. Give one"
                " of these.",
                detail_zh="代录撤回须有信访人签字的书面材料（signed_form）或录音录像（recording）。",
                field="evidence",
            )
        if command.present is None:
            raise Invalid(
                "present_needed",
                "Give present: the persons who were present when the petitioner withdrew.",
                detail_zh="请填写信访人表示撤回时的在场人员。",
                field="present",
            )
    if command.party not in case.petitioners:
        raise _no_petitioner()
    if _pending(case, command.party) is not None:
        return []
    effective_on = day_of(given.now, given.book.zone) + timedelta(days=given.book.cooling_off_days)
    return [
        NewEvent(
            e.WithdrawalRequested(
                party=command.party,
                effective_on=effective_on,
                present=command.present,
                text=command.text,
                **said,
            )
        )
    ]


class TakeBackWithdrawal(Keyed):
    party: PartyName = Field(FILER, description="Whose request is taken back")
    text: FreeText | None = Field(None, description="Reason, sealed")


@rule(
    "take_back_withdrawal",
    service="intake",
    roles=CITIZEN,
    states=OPEN_STATES,
    followers=True,
    zh="取消撤回",
    when=lambda case: bool(case.withdrawals.pending),
)
def take_back_withdrawal(case: Case, command: TakeBackWithdrawal, given: DecisionContext) -> list[NewEvent]:
    """Take back the request to withdraw before it takes effect. No proof is needed: the handling continues."""
    said = spoken(case, command, given, "take_back_withdrawal")
    own_name(said, command.party)
    if _pending(case, command.party) is None:
        last = [fact for fact in case.facts if fact.name.startswith("Withdrawal") and fact.kind == command.party]
        if last and last[-1].name == "WithdrawalTakenBack":
            return []
        raise _none_pending()
    return [NewEvent(e.WithdrawalTakenBack(party=command.party, text=command.text, **said))]


class ConfirmWithdrawal(Command):
    party: PartyName = Field(FILER, description="Whose request is confirmed")
    text: FreeText | None = Field(None, description="What the petitioner said, sealed")


@rule(
    "confirm_withdrawal",
    service="intake",
    roles=("registrar", "supervisor"),
    states=OPEN_STATES,
    followers=True,
    zh="核实撤回",
    when=lambda case: any(waits_for_person(case, one) for one in case.withdrawals.pending),
)
def confirm_withdrawal(case: Case, command: ConfirmWithdrawal, given: DecisionContext) -> list[NewEvent]:
    """Confirm, as a unit without a part in the case, that the petitioner really asked to withdraw."""
    if case.accusation.sealed:
        raise Refused(
            "sealed_withdrawal",
            "The withdrawal of this case is confirmed with confirm_sealed_withdrawal.",
            detail_zh="本件的撤回须经确认撤回（confirm_sealed_withdrawal）办理。",
        )
    pending = _pending(case, command.party)
    org = given.principal.org
    if not third_unit(case, given.book, org, given.head(case.matter.lead)) or (pending and pending.by == org):
        raise Denied(
            "third_unit_needed",
            "Only a unit that has no part in the case, did not record the request and may follow up"
            " (may_follow_up) can confirm it.",
            detail_zh="须由与该件无关、未代录该申请且可回访的第三方单位核实。",
        )
    if pending is None:
        raise _none_pending()
    if not waits_for_person(case, pending):
        return []
    return [NewEvent(e.WithdrawalConfirmed(party=command.party, text=command.text), given.now)]


def own_name(said: dict[str, Any], party: str) -> None:
    """Raises Denied if the holder of the query code acts for another petitioner of a joint filing."""
    if said["word"] != "keyed" and party != FILER:
        raise Denied(
            "own_name_only",
            "With number and query code, only the petitioner who filed (p1) can withdraw, and only for"
            " themselves. A co-petitioner withdraws in writing at the petition office.",
            detail_zh="凭编号和查询码只能为提交人本人（p1）办理；其他联名人请本人到信访部门书面办理。",
            field="party",
        )


def _pending(case: Case, party: str) -> PendingWithdrawal | None:
    return next((one for one in case.withdrawals.pending if one.party == party), None)


def _no_petitioner() -> Invalid:
    return Invalid(
        "unknown_petitioner",
        "party names no present petitioner of this case: p1 is the petitioner, p2 the first co-petitioner.",
        detail_zh="所填当事人不是本件现有的信访人。",
        field="party",
    )


def _none_pending() -> Refused:
    return Refused(
        "no_withdrawal_pending",
        "No request to withdraw is pending for this petitioner. There is nothing to take back or to confirm.",
        detail_zh="该信访人没有待生效的撤回申请，无须取消或确认。",
        field="party",
    )
