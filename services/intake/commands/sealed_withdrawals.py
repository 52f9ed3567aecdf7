"""The withdrawal of a sealed case waits for a person: whoever holds a query code may be the respondent, or act under its pressure.

Pure: (case, command, given) -> events. The petition office or the organ that handles the accusation confirms or declines.
"""

from __future__ import annotations

from pydantic import Field

from shared.case import OPEN_STATES, Case
from shared.commands.authorization import Role
from shared.commands.command import Command, DecisionContext, NewEvent, rule
from shared.commands.command_checks import CONFIRMS_WITHDRAWAL
from shared.commands.command_fields import FreeText
from shared.events import intake as e
from shared.kernel.refusals import Denied, Refused

CONFIRMING: tuple[Role, ...] = ("registrar", "supervisor", "organisation", "clerk")


def waits(case: Case) -> bool:
    """True while the withdrawal of this sealed case waits for a person."""
    return case.accusation.withdrawal is not None and case.open


def _decides(case: Case, given: DecisionContext) -> None:
    """Raises Denied for an organisation that does not handle the case, and Refused where nothing waits, or for the requester."""
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
            detail_zh="本件没有待确认的撤回申请。",
        )
    if given.principal.name == case.accusation.withdrawal:
        raise Refused(
            "own_request",
            "You recorded this withdrawal yourself. Another person has to decide on it.",
            detail_zh="撤回申请由您本人登记，须由他人确认。",
        )


class ConfirmSealedWithdrawal(Command):
    reason: FreeText = Field(
        description="How it was established that the petitioner withdraws of their own will, sealed"
    )


@rule(
    CONFIRMS_WITHDRAWAL,
    service="intake",
    roles=CONFIRMING,
    states=OPEN_STATES,
    followers=True,
    zh="确认撤回",
    when=waits,
)
def confirm_sealed_withdrawal(case: Case, command: ConfirmSealedWithdrawal, given: DecisionContext) -> list[NewEvent]:
    """Confirm that the petitioner withdraws the sealed case. It ends with this."""
    _decides(case, given)
    return [NewEvent(e.SealedWithdrawalConfirmed(reason=command.reason)), NewEvent(e.CaseWithdrawn())]


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
    _decides(case, given)
    return [NewEvent(e.SealedWithdrawalDeclined(reason=command.reason))]
