"""Parties of a filing: co-petitioners, representatives, agents, and requests for confidentiality."""

from __future__ import annotations

from typing import Any

import pytest

from services.intake.commands.filing import FileCase, register
from shared.case import EMPTY
from shared.commands.authorization import Principal
from shared.commands.command import RULES, DecisionContext
from shared.events import intake as i
from shared.kernel.refusals import Invalid
from tests.support.deciding import BOOK, CLERK, OWN_HAND, REGISTERED, REGISTRAR, START, given

CITIZEN = Principal("citizen", None, "n", "k1")
TWELVE = [{"name": f"甲{place}"} for place in range(12)]


def filed(**fields: Any) -> list[Any]:
    command = FileCase.model_validate({"channel": "hall", "item": "1", "text": "x", **fields})
    return [fresh.body for fresh in register(EMPTY, command, DecisionContext(REGISTRAR, START, START, BOOK), "0" * 32)]


def test_each_party_has_own_event_and_keys() -> None:
    events = filed(petitioner={"name": "甲"}, agent={"name": "乙"}, co_petitioners=TWELVE)
    parties = [event for event in events if isinstance(event, i.PartyRecorded)]
    assert [event.party for event in parties] == ["p1", "a1", *(f"p{place}" for place in range(2, 14))]
    assert events[0].filed_by_agent


def test_at_most_five_representatives_are_accepted() -> None:
    joint = {"petitioner": {"name": "甲"}, "co_petitioners": TWELVE}
    named = filed(**joint, representatives=[1, 2, 3, 4, 13])[-1]
    assert named == i.RepresentativesNamed(parties=("p1", "p2", "p3", "p4", "p13"))
    for wrong, code in (([1, 2, 3, 4, 5, 6], "too_many_representatives"), ([14], "unknown_representative")):
        with pytest.raises(Invalid) as refused:
            filed(**joint, representatives=wrong)
        assert (refused.value.code, refused.value.field) == (code, "representatives")


def test_representatives_may_be_added_later() -> None:
    joint = (REGISTERED, *(i.PartyRecorded(party=f"p{place}", role="co_petitioner") for place in range(2, 9)))
    first = i.RepresentativesNamed(parties=("p2", "p3"))
    given(*joint).when("name_representatives", REGISTRAR, parties=["p2", "p3", "p2"]).then(first)
    given(*joint, first).when("name_representatives", REGISTRAR, parties=["p2", "p3"]).then_nothing()
    six = [f"p{place}" for place in range(2, 8)]
    given(*joint).when("name_representatives", REGISTRAR, parties=six).refused("too_many_representatives")
    given(*joint).when("name_representatives", REGISTRAR, parties=["p1"]).refused("unknown_representative")


def test_anonymous_filing_has_no_name() -> None:
    for petitioner in ({"name": "甲"}, {"id_number": "1"}):
        with pytest.raises(Invalid, match="anonymous_with_name"):
            filed(anonymous=True, petitioner=petitioner)
    assert filed(anonymous=True, petitioner={"phone": "1"})[0].anonymous


def test_confidentiality_may_be_requested_later() -> None:
    given(REGISTERED).when("request_confidentiality", CITIZEN).then(i.ConfidentialityRequested(**OWN_HAND))
    confidential = given(REGISTERED, i.ConfidentialityRequested())
    assert confidential.case.filing.confidential
    confidential.when("request_confidentiality", REGISTRAR).then_nothing()
    assert CLERK.role not in RULES["request_confidentiality"].roles
