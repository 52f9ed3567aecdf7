"""What is offered is possible: a command that the case itself refuses, whatever its body says, is not in `allowed`."""

from __future__ import annotations

import pytest

from shared.commands.allowed_commands import allowed
from shared.commands.authorization import Principal
from shared.events import department as d
from shared.events.base import Event
from tests.support.deciding import CLERK, HEAD, REGISTERED, REGISTRAR, SENT, SUPERVISOR, given

HANDLED = (*SENT, d.Accepted(org="zj", path=6), d.InvestigationStepRecorded(org="zj"))
ASKED = (*HANDLED, d.ExtensionRequested(org="zj", days=10))
GRANTED = (*ASKED, d.ExtensionGranted(days=10, approver="head"))
TOLD = (*GRANTED, d.ExtensionNoticeServed(mode="in_person"))
CONSULTATION = REGISTERED.model_copy(update={"class_": "consultation"})


@pytest.mark.parametrize(
    ("events", "by", "offered", "not_offered"),
    [
        (HANDLED, HEAD, {"ask_extension"}, {"grant_extension", "refuse_extension", "serve_extension_notice"}),
        (ASKED, HEAD, {"grant_extension", "refuse_extension"}, {"ask_extension", "serve_extension_notice"}),
        (GRANTED, CLERK, {"serve_extension_notice", "ask_extension"}, {"grant_extension", "refuse_extension"}),
        (TOLD, CLERK, set(), {"serve_extension_notice"}),
        ((REGISTERED,), REGISTRAR, set(), {"answer_at_once"}),
        ((CONSULTATION,), REGISTRAR, {"answer_at_once"}, set()),
        (SENT, SUPERVISOR, set(), {"void_rungs"}),
    ],
)
def test_what_the_case_refuses_is_not_offered(
    events: tuple[Event, ...], by: Principal, offered: set[str], not_offered: set[str]
) -> None:
    found = set(allowed(given(*events).case, by))
    assert offered <= found
    assert not not_offered & found
