"""When a request to withdraw takes effect: after the cooling-off period, and where a person has to confirm it, only then."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from shared.case.state import Case, PendingWithdrawal
from shared.kernel.legal_time import instant_of

_OWN = frozenset({"own_hand", "platform"})
"""Words that need no confirmation by a third unit."""


class DueWithdrawal(NamedTuple):
    """A withdrawal and the instant at which it takes effect, in UTC."""

    request: PendingWithdrawal
    at: datetime


def waits_for_person(case: Case, request: PendingWithdrawal) -> bool:
    """True while a third unit has to confirm the request: an office recorded it, a member of staff has the query code, or the case
    is sealed. The only place that decides what may end a sealed case without a person (Art. 30)."""
    return request.confirmed_at is None and (case.accusation.sealed or request.word not in _OWN)


def withdrawal_due(case: Case, zone: str) -> DueWithdrawal | None:
    """The request that takes effect next; None if there is none, or each waits for a person.

    It takes effect at the end of its day, or at its confirmation if that is later."""
    if not case.open or not case.withdrawals.pending:
        return None
    found = [
        DueWithdrawal(
            one, max(instant_of(one.effective_on, zone), instant_of(one.confirmed_at or one.effective_on, zone))
        )
        for one in case.withdrawals.pending
        if not waits_for_person(case, one)
    ]
    return min(found, key=lambda one: (one.at, one.request.version), default=None)
