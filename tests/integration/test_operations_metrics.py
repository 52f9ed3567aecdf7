"""Operations metrics and the events that set them."""

from __future__ import annotations

from datetime import timedelta

from tests.support.serving import Served, served


async def figure(here: Served, line: str) -> float:
    here.clock.advance(timedelta(seconds=20))  # counts are recomputed
    async with here.owner() as owner:
        text = (await owner.get("/metrics")).text
    (found,) = [one for one in text.splitlines() if one.startswith(f"{line} ")]
    return float(found.rpartition(" ")[2])


async def test_unsigned_dispatched_cases_are_counted_by_organisation_kind() -> None:
    async with served() as here:
        first = (await here.filed())["case"]
        await here.filed()
        name = 'petition_ack_overdue{org_class="handling"}'
        assert await figure(here, name) == 0
        here.clock.advance(timedelta(days=13))
        assert await figure(here, name) == 2
        assert (await here.act("clerk", first, "sign_off")).is_success
        assert await figure(here, name) == 1


async def test_rebuild_is_compared_with_previous_digest() -> None:
    async with served() as here:
        await here.filed()
        name = "petition_rebuild_digest_match"
        assert str(await figure(here, name)) == "nan"
        async with here.owner() as owner:
            await owner.get("/local/digest")
            assert '"done":true' in (await owner.post("/local/rebuild", json={})).text
            assert await figure(here, name) == 1
            await owner.get("/local/digest")
            rows = await here.runtime.ports.views.find("worklist", limit=1)
            views = here.runtime.ports.views
            await views.write(
                {"worklist": [rows[0]._replace(applied=99, values={**(rows[0].values or {}), "org": "x"})]}
            )
            await owner.get("/local/digest?which=views")  # of rows that are not those of the log
            await owner.post("/local/rebuild", json={})
        assert await figure(here, name) == 0
