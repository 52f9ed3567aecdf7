"""Steps that a source of history reports late: both folds agree, and nothing is moved."""

from __future__ import annotations

from datetime import date

import pytest

from shared.case import EMPTY, LATE, evolve, fold
from shared.events import Event
from shared.events import department as d
from shared.events.intake import CaseRegistered, Nudged, SourceRestated
from shared.events.supervision import CaseClosed
from tests.support.policies import recorded

REGISTERED = CaseRegistered(number="n", channel="old", channel_class="call", org="A")


@pytest.mark.parametrize(
    "body",
    [
        d.ReplyDelivered(org="A", mode="phone"),
        d.SignedFor(org="A"),
        d.DecisionIssued(org="A", result="supported"),
        Nudged(),
        SourceRestated(fields=("organisation",), org="B"),
    ],
)
def test_both_folds_agree_on_a_late_step(body: Event) -> None:
    events = [
        recorded(REGISTERED, 1, date(2026, 3, 2), origin="history"),
        recorded(CaseClosed(kind="explained"), 2, date(2026, 3, 9), origin="history"),
        recorded(body, 3, date(2026, 3, 5), origin="history")._replace(cause=f"{LATE}x"),
    ]
    slow = EMPTY
    for event in events:
        slow = evolve(slow, event)
    assert fold(events) == slow
    assert (slow.state, slow.moved_at) == ("closed", date(2026, 3, 9))
    assert slow.version == 3
