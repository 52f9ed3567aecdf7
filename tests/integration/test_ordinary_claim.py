"""One ordinary claim from filing to closing, on both adapters."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from shared.deadlines.derivation import deadlines
from shared.kernel.refusals import Denied, Refused, Unknown
from tests.support.county import DEMO, REGISTRAR, SUPERVISOR, County, clerk, county
from tests.support.deciding import PROOF


@pytest.fixture(params=["memory", "sqlite"])
async def here(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[County]:
    async with county(tmp_path if request.param == "sqlite" else None) as made:
        yield made


async def test_claim_runs_from_filing_to_confirmed_closing(here: County) -> None:
    filed = await here.file(place="dh", subject="0101", petitioner={"name": "张三", "phone": "13800000000"})
    case = await here.case(filed.case)
    assert case.state == "dispatched", case
    assert case.assignment.org is not None
    assert case.assignment.rule is not None
    assert case.assignment.delivered
    org = case.assignment.org
    told = await here.events(f"inbox/cn-demo/{org}")
    assert [event.type for event in told] == ["OutboxEntry"]
    running = [one for one in deadlines(case, await here.ports.policies.book(DEMO)) if one.running and one.org == org]
    assert running, "the clocks run from delivery"
    assert {(due.clock, due.due) for due in told[0].body.due} == {  # type: ignore[union-attr]
        (one.clock, one.due) for one in running
    }, "the organisation is told by when, with the assignment itself"
    who = clerk(org)
    for name, fields in [
        ("sign_off", {}),
        ("accept", {"path": 6}),
        ("serve_notice", {"kind": "acceptance"}),
        ("record_step", {"step": "site_visit"}),
        ("decide", {"result": "supported", "basis": ["条例第三十二条"], "text": "予以支持"}),
        ("deliver_reply", {"mode": "in_person"}),
        ("confirm_execution", {}),
    ]:
        here.clock.advance(timedelta(hours=1))
        await here.act(filed.case, name, who, **fields)
    case = await here.case(filed.case)
    assert case.state == "replied"
    assert case.evaluation.invited == ("petition_office", "organisation")
    await here.act(filed.case, "evaluate", REGISTRAR, object="organisation", grade="satisfied", **PROOF)
    await here.act(filed.case, "follow_up", SUPERVISOR, reached=True, satisfied=True)
    await here.act(filed.case, "close", SUPERVISOR, kind="resolved_unconfirmed")
    case = await here.case(filed.case)
    assert (case.state, case.closure.kind) == ("closed", "resolved_unconfirmed")
    kinds = [event.body.kind for event in await here.events(f"inbox/cn-demo/{org}")]  # type: ignore[union-attr]
    assert kinds == ["assigned", "evaluated", "closed"]


async def test_wrong_actor_is_refused_and_log_is_unchanged(here: County) -> None:
    filed = await here.file(place="dh", subject="0101")
    before = (await here.case(filed.case)).version
    with pytest.raises(Unknown):
        await here.act(filed.case, "sign_off", clerk("someone-else"))
    with pytest.raises(Denied):
        await here.act(filed.case, "sign_off", REGISTRAR)
    with pytest.raises(Refused, match="not_in_this_state"):
        await here.act(filed.case, "close", SUPERVISOR, kind="closed_unresolved", text="x")
    assert (await here.case(filed.case)).version == before


async def test_unsigned_case_gets_one_reminder_and_one_breach(here: County) -> None:
    filed = await here.file(place="dh", subject="0101")
    for _ in range(20):
        here.clock.advance(timedelta(days=1))
        await here.tick()
    types = [event.type for event in await here.events(f"case/{filed.case}")]
    assert types.count("Reminded") >= 1
    assert types.count("DeadlineBreached") == 1
    case = await here.case(filed.case)
    assert len(case.rungs) == sum(map(types.count, ("Reminded", "Urged", "DeadlineBreached")))
    await here.act(filed.case, "sign_off", clerk(case.assignment.org or ""))
