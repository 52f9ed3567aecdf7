"""erase_party: after the case has ended, a party of the case, and once."""

from __future__ import annotations

from typing import Any

import pytest

from shared.commands.authorization import Principal
from shared.events import department as d
from shared.events import intake as i
from tests.support.deciding import REGISTERED, SENT, SUPERVISOR, given

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
