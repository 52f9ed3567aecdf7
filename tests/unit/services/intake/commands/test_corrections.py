"""Corrections of class and path: not by a unit whose duties depend on them, and never a way round an opinion and its review."""

from __future__ import annotations

from typing import Any, get_args

import pytest

from shared.commands.authorization import Principal
from shared.deadlines.derivation import deadlines
from shared.events import department as d
from shared.events import intake as i
from shared.events import supervision as s
from shared.events.fields import Class
from tests.support.deciding import BOOK, REGISTRAR, SENT, SUPERVISOR, given

OWN: tuple[Any, ...] = (Principal("registrar", "zj", "k-own"), Principal("supervisor", "zj", "k-own"))
ACCEPTED = (*SENT, d.SignedFor(org="zj"), d.Accepted(org="zj", path=6))
DECISION = d.DecisionIssued(org="zj", result="explained", basis=("某法第一条",), text="意见", states_review_right=True)
REPLY = d.ReplyDelivered(org="zj", mode="in_person", proof="signature", states_review_right=True)
OTHERS = [one for one in get_args(Class) if one not in ("claim", "accusation")]
WRONG: list[dict[str, Any]] = [
    *({"field": "class", "new": one} for one in OTHERS),
    *({"field": "path", "new": str(one)} for one in range(1, 6)),
]


@pytest.mark.parametrize("fields", WRONG, ids=lambda fields: fields["new"])
def test_class_and_path_are_not_corrected_by_the_handling_unit_nor_after_an_opinion(fields: dict[str, Any]) -> None:
    for own in OWN:
        given(*ACCEPTED).when("correct", own, **fields).refused("concerned_unit")
    for office in (REGISTRAR, SUPERVISOR):
        assert given(*ACCEPTED).when("correct", office, **fields).refusal is None
        for answered in ((*ACCEPTED, DECISION), (*ACCEPTED, DECISION, REPLY)):
            given(*answered).when("correct", office, **fields).refused("opinion_given")
        again = (*ACCEPTED, DECISION, REPLY, s.RedoOrdered(ground="dissatisfied"))
        assert given(*again).when("correct", office, **fields).refusal is None


def test_that_it_is_an_accusation_is_never_refused() -> None:
    for who in (*OWN, REGISTRAR, SUPERVISOR):
        for events in (ACCEPTED, (*ACCEPTED, DECISION, REPLY)):
            assert given(*events).when("correct", who, field="class", new="accusation").refusal is None


def test_corrected_path_starts_and_ends_the_sixty_days() -> None:
    story = given(*SENT, d.SignedFor(org="zj"), d.Accepted(org="zj", path=5))
    assert not any(one.clock == "C5" for one in deadlines(story.case, BOOK))
    corrected = i.CaseCorrected(field="path", old="5", new="6")
    story.when("correct", REGISTRAR, field="path", new="6").then(corrected)
    story.when("correct", REGISTRAR, field="path", new="5").then_nothing()
    after = given(*SENT, d.SignedFor(org="zj"), d.Accepted(org="zj", path=5), corrected)
    assert after.case.filing.path == 6
    assert any(one.clock == "C5" and one.running for one in deadlines(after.case, BOOK))


@pytest.mark.parametrize(("new", "code"), [("7", "unknown_path"), ("0", "unknown_path"), ("六", "unknown_path")])
def test_path_is_one_of_six(new: str, code: str) -> None:
    given(*ACCEPTED).when("correct", REGISTRAR, field="path", new=new).refused(code)


def test_only_a_claim_has_a_path() -> None:
    other = i.CaseCorrected(field="class_", old="claim", new="suggestion")
    given(*SENT, other).when("correct", REGISTRAR, field="path", new="6").refused("path_of_a_claim")
