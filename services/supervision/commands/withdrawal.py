"""The command with which the deadline scheduler lets a withdrawal take effect. Pure."""

from __future__ import annotations

from shared.case import OPEN_STATES, Case
from shared.case.withdrawals import DueWithdrawal, withdrawal_due
from shared.commands.command import Command, DecisionContext, NewEvent, rule
from shared.events import intake as e
from shared.events.base import Event
from shared.kernel.identifiers import derived_id
from shared.kernel.legal_time import before, instant_of


def withdrawal_name(due: DueWithdrawal) -> tuple[str, str, str]:
    """The name of the effect of one request, which occurs once in a case."""
    return "withdrawal", due.request.party, str(due.request.version)


@rule(
    "complete_withdrawal",
    service="supervision",
    roles=("service",),
    states=OPEN_STATES,
    followers=True,
    zh="撤回生效",
)
def complete_withdrawal(case: Case, command: Command, given: DecisionContext) -> list[NewEvent]:
    """Record that a withdrawal took effect: the case is withdrawn, or one name of a joint filing."""
    zone = given.book.zone
    due = withdrawal_due(case, zone)
    if due is None or due.at > given.now:
        return []
    at = due.at
    if case.moved_at is not None and before(at, case.moved_at, zone):  # the case moved while the scheduler was stopped
        at = min(given.now, instant_of(case.moved_at, zone))
    remaining = [party for party in case.petitioners if party != due.request.party]
    body: Event = e.NameWithdrawn(party=due.request.party) if remaining else e.CaseWithdrawn()
    return [NewEvent(body, at, derived_id(case.id, *withdrawal_name(due)))]
