"""Who asks, and how many cases wait."""

from __future__ import annotations

from shared.queries.worklist import QUEUES
from tests.support.persons import staff
from tests.support.serving import served


async def test_me_names_person_post_unit_and_colleagues() -> None:
    async with served() as here:
        zhang = await staff(here, "z-01", head=True)
        await staff(here, "l-01")
        await staff(here, "w-01", "clerk", "wj")
        here.clock.advance(5)
        me = (await zhang.get("/v1/me")).json()
        assert (me["role"], me["org"], me["person"], me["name"], me["head"]) == (
            "clerk",
            "zj",
            "z-01",
            "职员z-01",
            True,
        )
        assert me["org_name"] and me["jurisdiction"] == "cn-demo" and me["petition_office"] == "xfj"
        assert [one["person"] for one in me["colleagues"]] == ["l-01", "z-01"]
        assert me["posts"][0]["id"] == me["post"] and me["expires_at"] > me["idle_expires_at"]
        async with here.client("operations") as key:
            other = (await key.get("/v1/me")).json()
            assert (other["role"], other["post"], other["posts"], other["colleagues"]) == ("operations", None, [], [])


async def test_words_are_open_and_complete() -> None:
    async with served() as here, here.client() as client:
        words = (await client.get("/v1/words")).json()
        assert words["states"]["registered"] == {"zh": "已登记", "en": "registered"}
        assert words["commands"]["accept"]["zh"] == "受理" and words["commands"]["accept"]["fields"]["path"]["zh"]
        assert words["queues"].keys() == set(QUEUES) and words["clocks"]["C1"]["article"]


async def test_counts_are_those_of_the_lists() -> None:
    async with served() as here:
        for place in range(4):
            await here.filed(**({"subject": "none"} if place == 3 else {}))
        await here.filed(**{"class": "accusation"}, respondent={"name": "某人", "org": "zj"})
        for days in (0, 14, 40):
            here.clock.advance(days * 86_400)
            (ticker,) = (part.ticker for part in here.runtime.parts if part.ticker is not None)
            while await ticker.look():
                await here.runtime.drain()
            for role in ("registrar", "supervisor", "clerk", "organisation"):
                async with here.client(role) as client:
                    counts = (await client.get("/v1/cases/counts")).json()
                    for queue in QUEUES:
                        listed = (await client.get("/v1/cases", params={"queue": queue, "totals": True})).json()
                        assert counts["queues"][queue] == listed["total"], (role, queue, days)
            assert not counts["minimum"]


async def test_counts_do_not_tell_of_hidden_cases() -> None:
    async with served() as here:
        key = await here.key_of("registrar", "zj")
        before = None
        for _ in range(2):
            here.clock.advance(5)
            async with here.client(key=key) as accused:
                counts = (await accused.get("/v1/cases/counts")).json()
            assert before in (None, counts)
            before = counts
            await here.filed(**{"class": "accusation"}, respondent={"name": "某人", "org": "zj"})
