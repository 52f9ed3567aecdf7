"""Visibility of cases: deny by default, and the current assignment decides."""

from __future__ import annotations

import pytest

from shared.case import EMPTY, Case
from shared.commands.authorization import READ, SEES_ALL, Action, Principal, authorize, visible
from shared.kernel.refusals import Denied, Unknown
from tests.support.deciding import SENT, given

CASE: Case = given(*SENT).case
DEMO = "cn-demo"


def test_unknown_case_is_visible_to_nobody() -> None:
    for role in ("registrar", "supervisor", "organisation", "service"):
        assert not visible(Principal(role, "zj", "k"), EMPTY)  # type: ignore[arg-type]


@pytest.mark.parametrize("role", ["registrar", "supervisor"])
def test_office_sees_cases_of_own_jurisdiction(role: str) -> None:
    assert role in SEES_ALL
    assert visible(Principal(role, "xfj", "k", jurisdiction=DEMO), CASE)  # type: ignore[arg-type]
    assert visible(Principal(role, "xfj", "local"), CASE)  # type: ignore[arg-type]
    assert not visible(Principal(role, "xfj", "k", jurisdiction="cn-other"), CASE)  # type: ignore[arg-type]


def test_organisation_sees_current_cases_in_own_jurisdiction_only() -> None:
    assert visible(Principal("clerk", "zj", "k", jurisdiction=DEMO), CASE)
    assert not visible(Principal("clerk", "jy", "k", jurisdiction=DEMO), CASE)
    assert not visible(Principal("clerk", "zj", "k", jurisdiction="cn-other"), CASE)


def test_hidden_case_is_unknown_and_forbidden_command_is_denied() -> None:
    with pytest.raises(Unknown, match="unknown_case"):
        authorize(Principal("clerk", "jy", "k"), READ, CASE)
    with pytest.raises(Denied, match="role_not_allowed"):
        authorize(Principal("clerk", "zj", "k"), Action("nothing", ()), CASE)
