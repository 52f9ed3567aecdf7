"""Who received a filing and does not handle it (Art. 23 ¶1, ¶2): what they see, and that they tell the petitioner where it went."""

from __future__ import annotations

from collections.abc import AsyncIterator

import orjson
import pytest

from tests.support.serving import Served, served, submission


@pytest.fixture
async def here() -> AsyncIterator[Served]:
    async with served() as made:
        yield made


async def test_it_stands_in_their_list_until_the_petitioner_was_told(here: Served) -> None:
    key = await here.key_of("clerk", "jt")
    filing = submission(received_by="jt")
    async with here.client("registrar") as desk:
        filed = (await desk.post("/v1/submissions", json=filing)).json()
    await here.runtime.drain()
    case = filed["case"]
    assert (await here.runtime.ports.cases.get(case))[0].org == "zj"
    async with here.client(key=key) as clerk:
        listed = (await clerk.get("/v1/cases?queue=to_notify")).json()["cases"]
        assert [one["id"] for one in listed] == [case]
        whole = (await clerk.get(f"/v1/cases/{case}")).json()
        assert whole["content"] is None, "where it went is all that they have to say"
        assert filing["text"] not in orjson.dumps(whole).decode()
        assert "serve_notice" in whole["allowed"] and "sign_off" not in whole["allowed"]
        assert (await clerk.get("/v1/cases")).json()["cases"] == []
        body = {"command": "serve_notice", "command_id": "n-1", "kind": "transfer", "mode": "post"}
        assert (await clerk.post(f"/v1/cases/{case}/commands", json=body)).status_code == 200
        await here.runtime.drain()
        assert (await clerk.get("/v1/cases?queue=to_notify")).json()["cases"] == []
        assert (await clerk.get(f"/v1/cases/{case}")).status_code == 404
    async with here.client("supervisor") as supervisor:
        assert (await supervisor.get("/v1/cases?queue=to_notify")).json()["cases"] == []
