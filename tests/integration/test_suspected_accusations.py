"""A filing suspected by a rule to be an accusation: sealed until a human decision, then treated accordingly (Art. 30)."""

from __future__ import annotations

from typing import Any

import pytest

from shared.case import STREAM
from tests.support.serving import Served, served

TEXT = "物业经理收了施工方的红包，楼道漏水没人管"
OTHERS = ("organisation", "clerk")


async def listed(here: Served, role: str, **query: Any) -> list[str]:
    async with here.client(role) as client:
        answer = await client.get("/v1/cases", params=query)
    assert answer.status_code == 200, answer.text
    return [one["id"] for one in answer.json()["cases"]]


async def gauge(here: Served, name: str) -> list[str]:
    async with here.owner() as client:
        text = (await client.get("/metrics")).text
    return sorted(line for line in text.splitlines() if line.startswith(name) and not line.endswith(" 0.0"))


async def figures(here: Served) -> Any:
    async with here.client("analyst") as client:
        answer = await client.get("/v1/stats", params={"period": "2026-03", "by": "channel"})
    assert answer.status_code == 200, answer.text
    return answer.json()["figures"]


async def suspected(here: Served) -> str:
    receipt = await here.filed(channel="province", text=TEXT, respondent=None)
    case = (await here.runtime.ports.cases.load_confirmed(receipt["case"])).case
    assert case.accusation.suspected == "k-accusation"
    return str(receipt["case"])


async def test_suspected_accusation_is_hidden_from_others_even_in_counts() -> None:
    async with served() as here:
        before = (await gauge(here, "petition_open_cases"), await figures(here))
        case = await suspected(here)
        here.clock.advance(120)
        assert (await gauge(here, "petition_open_cases"), await figures(here)) == before
        for role in OTHERS:
            assert await listed(here, role) == []
            async with here.client(role) as client:
                assert (await client.get(f"/v1/cases/{case}")).status_code == 404
        for org in here.runtime.ports.policies._books["cn-demo"].organisations:
            assert await here.runtime.ports.log.load(f"inbox/cn-demo/{org}") == []
        for role in ("registrar", "supervisor"):
            assert await listed(here, role, queue="to_confirm") == [case]
            assert await listed(here, role, queue="to_dispatch") == []


async def test_petitioner_is_not_told_of_suspicion() -> None:
    async with served() as here:
        case = await suspected(here)
        key = await here.key_of("platform", "province")
        async with here.client(key=key) as client:
            shown = (await client.get(f"/v1/cases/{case}")).json()
            assert (shown["state"], shown["queue_reason"], shown["sealed_track"]) == ("registered", None, False)
            assert "uspic" not in str(shown["timeline"]) and "uspect" not in str(shown)
            body = {"command": "add_material", "command_id": "m1", "text": "补充", "expected_version": shown["version"]}
            assert (await client.post(f"/v1/cases/{case}/commands", json=body)).status_code == 200


@pytest.mark.parametrize("role", ["registrar", "supervisor"])
async def test_cleared_case_is_routed_normally(role: str) -> None:
    async with served() as here:
        case = await suspected(here)
        assert (await here.act(role, case, "clear_suspicion", reason="只是道听途说")).status_code == 200
        assert await listed(here, "clerk") == [case]
        async with here.client("clerk") as client:
            shown = (await client.get(f"/v1/cases/{case}")).json()
        assert shown["org"]["code"] == "zj" and "uspic" not in str(shown) and "uspect" not in str(shown)
        assert "道听途说" not in str(shown)
        found = await gauge(here, "petition_open_cases")
        assert found == ['petition_open_cases{state="dispatched"} 1.0']


async def test_confirmed_accusation_is_hidden_from_respondent() -> None:
    async with served() as here:
        case = await suspected(here)
        assert (await here.act("clerk", case, "confirm_accusation")).status_code == 404
        named = {"name": "某经理", "org": "zj"}
        assert (await here.act("registrar", case, "confirm_accusation", respondent=named)).status_code == 200
        assert await listed(here, "registrar", queue="to_dispatch") == [case]
        refused = await here.act("registrar", case, "dispatch", org="zj", **{"class": "accusation"})
        assert refused.json()["code"] == "accusation_needs_sealed_organ"
        assert (await here.act("registrar", case, "dispatch", org="jjw")).status_code == 200
        key = await here.key_of("clerk", "jjw")
        async with here.client(key=key) as client:
            shown = (await client.get(f"/v1/cases/{case}")).json()
            assert shown["content"]["parties"]["r1"] == {"role": "respondent", "name": "某经理"}
        async with here.client("clerk") as client:
            assert (await client.get(f"/v1/cases/{case}")).status_code == 404
        for commit in await here.runtime.ports.log.load(STREAM + case):
            assert "某经理".encode() not in b"".join(commit.events) and "红包".encode() not in b"".join(commit.events)


async def test_matching_keyword_rule_is_reported_without_text() -> None:
    async with served() as here:
        receipt = await here.filed(subject=None, text="楼道里一直漏水")
        async with here.client("registrar") as client:
            shown = (await client.get(f"/v1/cases/{receipt['case']}", params={"content": "false"})).json()
        assert (shown["subject"]["code"], shown["org"]["code"]) == ("0102", "zj")
        (line,) = [one for one in shown["timeline"] if one["type"] == "CaseClassified"]
        assert line["details"] == {"class": "claim", "by": "rule", "rule": "k-0102"}
        nobody = await here.filed(subject=None, place="sl", text="说不清楚的事")
        case = (await here.runtime.ports.cases.load_confirmed(nobody["case"])).case
        assert case.assignment.queue_reason == "no_rule"


@pytest.mark.parametrize(
    "name",
    [
        "示例市住房和城乡建设局王局长",
        "住房和城乡建设局 王某",
        "住房和城乡建設局x王局长",
        "示例市<b>住房和城乡建设局</b>的王局长",
    ],
)
async def test_nobody_of_the_office_that_the_respondent_serves_sees_it_while_it_is_sealed(name: str) -> None:
    """A chief who is named without the code of the office is accused before the own supervisors, too (Art. 30)."""
    async with served() as here:
        receipt = await here.filed(text=TEXT, respondent={"name": name})
        case = receipt["case"]
        for role in ("supervisor", "registrar"):
            own, another = await here.key_of(role, "zj"), await here.key_of(role, "rs")
            for key, seen in ((own, False), (another, True), (here.keys[role], True)):
                async with here.client(key=key) as client:
                    answer = await client.get(f"/v1/cases/{case}")
                    rows = (await client.get("/v1/cases", params={"queue": "to_confirm"})).json()["cases"]
                assert (answer.status_code == 200, [row["id"] for row in rows] == [case]) == (seen, seen), (role, key)
        assert (await here.act("registrar", case, "clear_suspicion", reason="只是催办")).status_code == 200
        async with here.client(key=await here.key_of("supervisor", "zj")) as client:
            assert (await client.get(f"/v1/cases/{case}")).status_code == 200, (
                "an ordinary complaint is theirs to handle"
            )


async def test_accusation_against_the_petition_office_is_seen_by_the_level_above() -> None:
    async with served() as here:
        case = (await here.filed(channel="province", text=TEXT, respondent={"name": "信访局王主任"}))["case"]
        for role, org, status in (("registrar", "xfj", 404), ("supervisor", "xfj", 404), ("supervisor", "sxfj", 200)):
            async with here.client(key=await here.key_of(role, org)) as client:
                assert (await client.get(f"/v1/cases/{case}")).status_code == status, (role, org)
