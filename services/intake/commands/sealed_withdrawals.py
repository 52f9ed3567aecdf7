"""The withdrawal of a sealed case waits for a person, because the holder of a query code may be the respondent, or act under
pressure.

Pure: (case, command, given) -> events. The petition office or the organ that handles the accusation confirms or declines.
"""

from __future__ import annotations

from pydantic import Field

from shared.case import OPEN_STATES, Case, PendingWithdrawal
from shared.commands.authorization import Role
from shared.commands.command import Command, DecisionContext, NewEvent, rule
from shared.commands.command_fields import FreeText
from shared.events import intake as e
from shared.kernel.refusals import Denied, Refused

CONFIRMING: tuple[Role, ...] = ("registrar", "supervisor", "organisation", "clerk")


def waits(case: Case) -> bool:
    """True while a withdrawal of this sealed case waits for a person."""
    return case.accusation.sealed and case.open and any(one.confirmed_at is None for one in case.withdrawals.pending)


def _pending(case: Case, given: DecisionContext) -> PendingWithdrawal:
    """The request that waits. Raises Denied for an organisation that does not handle the case, and Refused where nothing waits, or
    for the requester."""
    if given.principal.role in ("organisation", "clerk") and given.org not in case.handlers:
        raise Denied(
            "not_the_handling_organisation",
            "Only the organisation that handles the case, or the petition office, decides on its withdrawal.",
            detail_zh="撤回申请由承办机关或信访部门确认。",
        )
    if not waits(case):
        raise Refused(
            "no_withdrawal_requested",
            "No withdrawal of this case waits for a decision, so there is nothing to confirm or to decline.",
            detail_zh="本件没有待确认的撤回申请，无须办理。",
        )
    pending = next(one for one in case.withdrawals.pending if one.confirmed_at is None)
    if given.principal.is_same_person(pending.asker, pending.asker_person):
        raise Refused(
            "own_request",
            "You recorded this withdrawal yourself. Another person has to decide on it.",
            detail_zh="撤回申请由您本人登记，须由他人确认。",
        )
    return pending


class ConfirmSealedWithdrawal(Command):
    reason: FreeText = Field(
        description="How it was established that the petitioner withdraws of their own will, sealed"
    )


@rule(
    "confirm_sealed_withdrawal",
    service="intake",
    roles=CONFIRMING,
    states=OPEN_STATES,
    followers=True,
    zh="确认撤回",
    when=waits,
)
def confirm_sealed_withdrawal(case: Case, command: ConfirmSealedWithdrawal, given: DecisionContext) -> list[NewEvent]:
    """Confirm that the petitioner withdraws the sealed case. It ends when the cooling-off period is over."""
    return [NewEvent(e.WithdrawalConfirmed(party=_pending(case, given).party, text=command.reason), given.now)]


class DeclineSealedWithdrawal(Command):
    reason: FreeText = Field(description="Why it is not the petitioner's own will, sealed")


@rule(
    "decline_sealed_withdrawal",
    service="intake",
    roles=CONFIRMING,
    states=OPEN_STATES,
    followers=True,
    zh="不予撤回",
    when=waits,
)
def decline_sealed_withdrawal(case: Case, command: DeclineSealedWithdrawal, given: DecisionContext) -> list[NewEvent]:
    """Decline the withdrawal of the sealed case. It is handled further, and may be requested again."""
    return [NewEvent(e.SealedWithdrawalDeclined(party=_pending(case, given).party, reason=command.reason))]
