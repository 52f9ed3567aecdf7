"""Classes and forms from the law: where a filing goes, and where it never goes (Art. 22, 23, 29, 30)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.deciding import GUIDANCE
from tests.support.serving import Served, served

WRITTEN = ("letter", "fax", "web", "app", "mini", "hotline")
VISITS = ("hall",)

# class, forms, responsible organisation, why a person dispatches, in which queue it waits
LAW: list[tuple[str | None, tuple[str, ...], str | None, str | None, str | None]] = [
    (None, (*WRITTEN, *VISITS), "zj", None, None),
    ("claim", (*WRITTEN, *VISITS), "zj", None, None),  # 有权处理的机关 Art. 22 ¶1
    ("suggestion", (*WRITTEN, *VISITS), "zj", None, None),  # Art. 29
    ("litigation", WRITTEN, "zfw", None, None),  # 涉法涉诉信件转送同级政法部门 Art. 22 ¶2
    ("litigation", VISITS, None, "litigation_visit", "to_dispatch"),  # 走访：释法明理、引导
    ("accusation", (*WRITTEN, *VISITS), None, "sealed_track", "to_dispatch"),  # Art. 30
    ("consultation", (*WRITTEN, *VISITS), None, "consultation", "to_dispatch"),
]
CASES = [(class_, form, org, why, queue) for class_, forms, org, why, queue in LAW for form in forms]


async def waiting(here: Served, queue: str) -> list[str]:
    async with here.client("registrar") as client:
        return [one["id"] for one in (await client.get("/v1/cases", params={"queue": queue})).json()["cases"]]


async def filed(here: Served, class_: str | None, channel: str, **more: Any) -> str:
    named = {} if class_ is None else {"class": class_}
    return str((await here.filed(channel=channel, **named, **more))["case"])


async def test_class_and_form_decide_where_a_filing_goes() -> None:
    async with served() as here:
        for class_, form, org, why, queue in CASES:
            id_ = await filed(here, class_, form)
            case = (await here.runtime.ports.cases.load_confirmed(id_)).case
            assert (case.assignment.org, case.assignment.queue_reason) == (org, why), (class_, form)
            assert case.filing.class_ == (class_ or "claim"), (class_, form)
            if queue is not None:
                assert id_ in await waiting(here, queue), (class_, form)


@pytest.mark.parametrize("org", ["zj", "xfj", "jjw", "fc"])
async def test_litigation_is_dispatched_by_nobody_to_another_organ(org: str) -> None:
    async with served() as here:
        case = await filed(here, "litigation", "hall")
        refused = await here.act("registrar", case, "dispatch", org=org)
        assert refused.json()["code"] == "litigation_needs_political_legal_organ"
        claim = await filed(here, None, "web", place="sl", subject="1502")
        refused = await here.act("registrar", claim, "dispatch", org=org, **{"class": "litigation"})
        assert refused.json()["code"] == "litigation_needs_political_legal_organ"


async def test_litigation_on_a_visit_is_explained_and_guided() -> None:
    async with served() as here:
        case = await filed(here, "litigation", "hall")
        guided = await here.act("registrar", case, "guide", path=1, **GUIDANCE)
        assert guided.status_code == 200, guided.text


async def test_consultation_is_answered_at_once_until_it_is_signed_for() -> None:
    async with served() as here:
        first = await filed(here, "consultation", "hotline")
        assert (await here.act("registrar", first, "answer_at_once", text="请到政务大厅办理")).status_code == 200

        second = await filed(here, "consultation", "hotline")
        await here.act("registrar", second, "dispatch", org="zj")
        assert (await here.act("registrar", second, "answer_at_once", text="请到政务大厅办理")).status_code == 200
        case = (await here.runtime.ports.cases.load_confirmed(second)).case
        assert (case.state, case.assignment.org) == ("replied", None)
        async with here.client("organisation") as client:
            entries = (await client.get("/v1/organisations/zj/assignments")).json()["entries"]
        assert [one["kind"] for one in entries if one["case"] == second] == ["assigned", "withdrawn"]

        third = await filed(here, "consultation", "hotline")
        await here.act("registrar", third, "dispatch", org="zj")
        await here.act("clerk", third, "sign_off")
        refused = await here.act("registrar", third, "answer_at_once", text="请到政务大厅办理")
        assert refused.json()["code"] == "not_in_this_state"


async def test_urgent_matter_is_assigned_with_its_days_by_rule() -> None:
    async with served() as here:
        id_ = await filed(here, "claim", "web", subject="0401", urgency="urgent")
        async with here.client("registrar") as client:
            shown = (await client.get(f"/v1/cases/{id_}")).json()
        assert (shown["org"]["code"], shown["rule"], shown["urgency"]) == ("st", "r04-urgent", "urgent")
        (sent,) = [one for one in shown["timeline"] if one["type"] == "CaseAssigned"]
        assert sent["details"]["due"] == "2026-04-01"
        assert "C10" in [one["clock"] for one in shown["deadlines"]]


async def test_subject_by_little_evidence_waits_for_a_person() -> None:
    async with served() as here:
        long = "本人住在这里已经很多年了，一直都很好，最近遇到一件事情，想请有关部门来看一看，" * 2 + "这里还有路灯，"
        receipt = await here.filed(subject=None, text=long + "也请关心。")
        case = (await here.runtime.ports.cases.load_confirmed(receipt["case"])).case
        assert (case.filing.subject, case.assignment.org, case.assignment.queue_reason) == (
            "0302",
            None,
            "weak_keyword",
        )
        receipt = await here.filed(subject=None, text=long + "路灯一直不亮。")
        case = (await here.runtime.ports.cases.load_confirmed(receipt["case"])).case
        assert (case.filing.subject, case.assignment.org) == ("0302", "jt")


async def test_claim_that_is_corrected_to_litigation_leaves_an_organ_that_may_not_have_it() -> None:
    async with served() as here:
        for signed in (False, True):
            case = await filed(here, None, "web", place="dh-yl", subject="0102")
            if signed:
                assert (await here.act("clerk", case, "sign_off")).is_success
            assert (await here.act("registrar", case, "correct", field="class", new="litigation")).is_success
            found = (await here.runtime.ports.cases.load_confirmed(case)).case
            assert (found.assignment.org, found.state, found.assignment.queue_reason) == (
                None,
                "registered",
                "returned",
            )
            assert (await here.act("clerk", case, "accept", path=1)).status_code == 404
            assert (await here.act("registrar", case, "dispatch", org="zfw")).is_success
