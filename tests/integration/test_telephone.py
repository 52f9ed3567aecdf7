"""Status by telephone: number and PIN open it at an operator's desk only, and a PIN cannot be guessed."""

from __future__ import annotations

from typing import Any

from tests.support.serving import Served, served


async def pin_of(here: Served, receipt: dict[str, Any]) -> str:
    async with here.client() as citizen:
        told = await citizen.post("/v1/receipt/details", json={"number": receipt["number"], "code": receipt["code"]})
    return str(told.json()["pin"])


async def test_pin_opens_status_for_operators_only() -> None:
    async with served() as here:
        receipt = await here.filed()
        asked = {"number": receipt["number"], "pin": await pin_of(here, receipt)}
        assert len(asked["pin"]) == 6 and asked["pin"].isdecimal()
        async with here.client("registrar") as operator:
            told = await operator.post("/v1/telephone/status", json=asked)
            spoken = await operator.post(
                "/v1/telephone/status", json={**asked, "pin": " ".join(asked["pin"]), "number": asked["number"].lower()}
            )
        assert (told.status_code, spoken.status_code) == (200, 200) and told.json()["number"] == receipt["number"]
        assert "13800000000" not in told.text and receipt["code"] not in told.text
        async with here.client() as citizen:
            assert (await citizen.post("/v1/telephone/status", json=asked)).status_code == 401
            as_code = await citizen.post("/v1/status", json={"number": asked["number"], "code": asked["pin"]})
        assert as_code.status_code == 404, "a PIN is no query code"
        for role in ("clerk", "organisation", "platform", "supervisor", "analyst", "operations", "portal"):
            async with here.client(role) as client:
                assert (await client.post("/v1/telephone/status", json=asked)).status_code == 403, role


async def test_guessing_pins_is_limited_and_reveals_no_number() -> None:
    async with served() as here:
        receipt, other = await here.filed(), await here.filed()
        right = await pin_of(here, receipt)
        wrong = "000000" if right != "000000" else "111111"
        async with here.client("registrar") as operator:
            path = "/v1/telephone/status"
            pairs = [{"number": receipt["number"], "pin": pin} for pin in (*[wrong] * 5, right)]
            answers = [await operator.post(path, json=pair) for pair in pairs]
            unknown = await operator.post(
                "/v1/telephone/status", json={"number": "2026-FXZQ-YZVZ-FXZQ-M", "pin": wrong}
            )
            elsewhere = await operator.post(
                "/v1/telephone/status", json={"number": other["number"], "pin": await pin_of(here, other)}
            )
            here.clock.advance(61)
            later = await operator.post("/v1/telephone/status", json={"number": receipt["number"], "pin": right})
        assert [one.status_code for one in answers] == [404] * 5 + [429]
        assert unknown.json()["code"] == answers[0].json()["code"] == "wrong_number_or_pin"
        assert unknown.json()["detail"] == answers[0].json()["detail"]
        assert (elsewhere.status_code, later.status_code) == (200, 200)


async def test_old_pin_ends_with_the_query_code() -> None:
    async with served() as here:
        receipt = await here.filed()
        old = await pin_of(here, receipt)
        renewed = await here.act("registrar", receipt["case"], "renew_query_code", reason="回执遗失，窗口核验身份")
        assert renewed.status_code == 200, renewed.text
        async with here.client("registrar") as operator:
            answer = await operator.post("/v1/telephone/status", json={"number": receipt["number"], "pin": old})
        assert answer.status_code == 404
