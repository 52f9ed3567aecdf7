"""The erasure of a party: who asks, who decides, after the case has ended, and once."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from services.supervision.read_models import also_queue_of
from shared.case.erasures import undecided_erasure
from shared.commands.authorization import Principal
from shared.commands.command import RULES
from shared.events import department as d
from shared.events import intake as i
from tests.support.deciding import CITIZEN, OWN_HAND, REGISTERED, REGISTRAR, SENT, SUPERVISOR, given

PETITIONER = i.PartyRecorded(party="p1", role="petitioner")
ENDED = (REGISTERED, PETITIONER, i.CaseWithdrawn())
WISH: dict[str, Any] = {"ground": "requested", "number": REGISTERED.number}


def test_party_of_an_ended_case_is_erased_once() -> None:
    erased = i.PartyErased(party="p1", ground="requested")
    given(*ENDED).when("erase_party", SUPERVISOR, **WISH).then(erased)
    given(*ENDED, erased).when("erase_party", SUPERVISOR, **WISH).then()


@pytest.mark.parametrize(
    ("events", "fields", "code"),
    [
        ((REGISTERED, PETITIONER), {}, "case_open"),
        (ENDED, {"number": "2026-1"}, "wrong_number"),
        (ENDED, {"party": "p7"}, "unknown_party"),
    ],
)
def test_erasure_is_refused(events: tuple[Any, ...], fields: dict[str, Any], code: str) -> None:
    given(*events).when("erase_party", SUPERVISOR, **{**WISH, **fields}).refused(code)


def test_a_unit_whose_work_the_data_prove_does_not_erase_them() -> None:
    """Whoever handled, assisted or reviewed a case would destroy what speaks for or against its work."""
    handled = (*SENT, d.SignedFor(org="zj"), PETITIONER, i.CaseWithdrawn())
    given(*handled).when("erase_party", Principal("supervisor", "zj", "k-own"), **WISH).refused("concerned_unit")
    assert given(*handled).when("erase_party", SUPERVISOR, **WISH).refusal is None


ASKED = i.ErasureRequested(party="p1", **OWN_HAND)


def test_petitioner_asks_once_in_every_state_and_only_for_their_own_data() -> None:
    for events in ((REGISTERED, PETITIONER), ENDED):
        given(*events).when("request_erasure", CITIZEN).then(ASKED)
        given(*events, ASKED).when("request_erasure", CITIZEN).then()
    voided = i.CaseVoided(reason_code="other")
    given(REGISTERED, PETITIONER, voided).when("request_erasure", CITIZEN).then(ASKED)
    given(REGISTERED).when("request_erasure", CITIZEN).refused("unknown_party")
    given(*ENDED).when("request_erasure", CITIZEN, party="p2").refused("own_name_only")
    given(*ENDED).when("request_erasure", REGISTRAR).refused("evidence_needed")
    given(*ENDED, i.PartyErased(party="p1", ground="requested")).when("request_erasure", CITIZEN).then()


def test_supervisor_declines_with_a_reason_and_it_may_be_asked_again() -> None:
    declined = i.ErasureDeclined(party="p1", text="须保存")
    given(*ENDED, ASKED).when("decline_erasure", SUPERVISOR, text="须保存").then(declined)
    given(*ENDED).when("decline_erasure", SUPERVISOR, text="须保存").refused("no_erasure_requested")
    given(*ENDED, ASKED, declined).when("decline_erasure", SUPERVISOR, text="须保存").refused("no_erasure_requested")
    given(*ENDED, ASKED, declined).when("request_erasure", CITIZEN).then(ASKED)
    assert RULES["decline_erasure"].roles == ("supervisor",)


def test_request_waits_until_it_is_decided() -> None:
    asked = given(*ENDED, ASKED).case
    found = undecided_erasure(asked)
    assert found is not None and found.kind == "p1" and undecided_erasure(asked, "p2") is None
    assert also_queue_of(replace(asked, origin="live")) == "to_decide_erasure"
    for decided in (i.ErasureDeclined(party="p1", text="须保存"), i.PartyErased(party="p1", ground="requested")):
        assert undecided_erasure(given(*ENDED, ASKED, decided).case) is None
