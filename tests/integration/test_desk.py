"""A unit's daily work: who handles a case, notes, drafts, and the list of each clerk."""

from __future__ import annotations

from itertools import count
from typing import Any

from services.routing.desk import labelled
from tests.support.persons import Staff, staff
from tests.support.serving import served

_ids = count(1)


def act(**fields: Any) -> dict[str, Any]:
    return {"command_id": f"d-{next(_ids)}", **fields}


async def put(person: Staff, path: str, body: dict[str, Any]) -> Any:
    async with person.here.client(key=person.token) as client:
        return await client.put(path, json=body)


async def test_clerk_takes_a_case_and_hands_it_on() -> None:
    async with served() as here:
        receipt, other = await here.filed(), await here.filed()
        zhang, li, wang = await staff(here, "z-01"), await staff(here, "l-01"), await staff(here, "w-01", "clerk", "wj")
        path = f"/v1/cases/{receipt['case']}/clerk"
        free = (await zhang.get("/v1/cases", clerk="none")).json()["cases"]
        assert {one["id"] for one in free} == {receipt["case"], other["case"]}
        body = act(clerk="me")
        taken = await zhang.post(path, body)
        assert (taken.status_code, taken.json()["clerk"], taken.json()["clerk_name"]) == (200, "z-01", "职员z-01")
        assert (await zhang.post(path, body)).json()["version"] == taken.json()["version"], "sent twice, done once"
        await here.runtime.drain()
        mine = (await zhang.get("/v1/cases", clerk="me", totals=True)).json()
        assert [one["id"] for one in mine["cases"]] == [receipt["case"]] and mine["total"] == 1
        assert mine["cases"][0]["clerk_names"] == {"z-01": "职员z-01"}
        assert (await li.get("/v1/cases", clerk="me")).json()["cases"] == []
        counts = (await zhang.get("/v1/cases/counts")).json()
        assert (counts["mine"], counts["unassigned"], counts["queues"]["to_sign"]) == (1, 1, 2)
        for code in ("w-01", "nobody", "x" * 40):
            refused = await zhang.post(path, act(clerk=code))
            assert (refused.status_code, refused.json()["code"]) == (409, "not_a_colleague")
        assert (await wang.post(path, act(clerk="me"))).status_code == 404, "another unit sees no such case"
        assert (await zhang.post(path, act(clerk="l-01", reason="出差"))).json()["clerk"] == "l-01"
        await here.runtime.drain()
        assert len((await li.get("/v1/cases", clerk="me")).json()["cases"]) == 1
        registrar = await staff(here, "r-01", "registrar", "xfj")
        assert (await registrar.post(path, act(clerk="me"))).json()["clerk"] == "r-01", (
            "the office has a clerk of its own"
        )
        await here.runtime.drain()
        (row,) = (await registrar.get("/v1/cases", clerk="me")).json()["cases"]
        assert (row["clerk"], row["office_clerk"]) == ("l-01", "r-01")
        assert (await li.post(path, act(clerk=None))).json()["clerk"] is None
        async with here.client("clerk") as key:
            assert "出差" in (await key.get(f"/v1/cases/{receipt['case']}")).text


async def test_notes_are_of_one_unit_sealed_and_their_reading_is_recorded() -> None:
    async with served() as here:
        receipt = await here.filed()
        zhang, registrar = await staff(here, "z-01"), await staff(here, "r-01", "registrar", "xfj")
        path = f"/v1/cases/{receipt['case']}/notes"
        assert (await zhang.post(path, act(text="已约周五上门查看"))).status_code == 200
        warned = await zhang.post(path, act(text="此人是老 上 访，难缠"))
        assert (warned.status_code, warned.json()["code"]) == (409, "label_on_person")
        assert (await zhang.post(path, act(text="此人是老上访", confirmed=True))).status_code == 200
        found = (await zhang.get(path)).json()["notes"]
        assert [(one["person"], one["text"]) for one in found] == [
            ("z-01", "已约周五上门查看"),
            ("z-01", "此人是老上访"),
        ]
        assert (await registrar.get(path)).json()["notes"] == []
        stored = b"".join(b"".join(c.events) for c in await here.runtime.ports.log.load(f"notes/{receipt['case']}"))
        assert "上门".encode() not in stored
        reads = [e for c in await here.runtime.ports.log.load(f"reads/{receipt['case']}") for e in c.recorded]
        assert [(e.body.purposes, e.actor.person) for e in reads] == [(("notes",), "z-01")]
        async with here.client() as citizen:
            told = await citizen.post("/v1/status", json={"number": receipt["number"], "code": receipt["code"]})
            assert "备注" not in told.text
        for role in ("platform", "analyst", "operations", "portal", "organisation"):
            async with here.client(role) as client:
                assert (await client.get(path)).status_code in (403, 404), role


async def test_draft_is_checked_by_a_colleague() -> None:
    async with served() as here:
        receipt = await here.filed()
        zhang, li = await staff(here, "z-01"), await staff(here, "l-01")
        path = f"/v1/cases/{receipt['case']}/drafts/reply"
        assert (await zhang.get(path)).json()["code"] == "no_draft"
        saved = await put(zhang, path, act(content={"text": "经查，情况属实"}, after=0))
        assert saved.status_code == 200, saved.text
        version = saved.json()["version"]
        stale = await put(li, path, act(content={"text": "另一稿"}, after=0))
        assert (stale.status_code, stale.json()["code"]) == (409, "draft_changed")
        own = await zhang.post(f"{path}/check", act(of=version, agreed=True))
        assert (own.status_code, own.json()["code"]) == (409, "own_draft")
        assert (await li.post(f"{path}/check", act(of=version, agreed=False, remark="请写明依据"))).status_code == 200
        back = (await zhang.get(path)).json()
        assert (back["checked"], back["checked_by"], back["remark"]) == (False, "l-01", "请写明依据")
        await put(zhang, path, act(content={"text": "经查，情况属实（依据第32条）"}))
        again = (await li.get(path)).json()
        assert again["checked"] is None and "第32条" in again["content"]["text"]
        listed = (await li.get(f"/v1/cases/{receipt['case']}/drafts")).json()["drafts"]
        assert [(one["kind"], one["content"]) for one in listed] == [("reply", None)]
        stored = b"".join(b"".join(c.events) for c in await here.runtime.ports.log.load(f"drafts/{receipt['case']}"))
        assert "情况属实".encode() not in stored and "依据".encode() not in stored
        async with here.client(key=zhang.token) as client:
            assert (await client.delete(path, params={"command_id": "x-1"})).status_code == 200
            assert (await client.delete(path, params={"command_id": "x-2"})).status_code == 200
        assert (await zhang.get(path)).status_code == 404


async def test_draft_goes_from_writer_to_check_to_signature_to_delivery() -> None:
    async with served() as here:
        receipt = await here.filed()
        zhang, li, wang = await staff(here, "z-01"), await staff(here, "l-01"), await staff(here, "w-01", "clerk", "wj")
        path = f"/v1/cases/{receipt['case']}/drafts/decision"

        async def queues(person: Staff) -> dict[str, int]:
            await here.runtime.drain()
            counts = (await person.get("/v1/drafts", limit=0)).json()["counts"]
            return {name: number for name, number in counts.items() if number}

        save = act(content={"text": "经查属实"}, after=0, ready=False)
        first, repeated = await put(zhang, path, save), await put(zhang, path, save)
        assert first.json() == repeated.json(), "sent twice, saved once"
        assert (await queues(zhang), await queues(li)) == ({"writing": 1}, {})
        early = await li.post(f"{path}/check", act(of=first.json()["version"], agreed=True))
        assert (early.status_code, early.json()["code"]) == (409, "draft_not_ready")
        of = (await put(zhang, path, act(content={"text": "经查属实"}, after=first.json()["version"]))).json()[
            "version"
        ]
        assert (await queues(zhang), await queues(li), await queues(wang)) == ({}, {"to_check": 1}, {})
        unchecked = await li.post(f"{path}/sign", act(of=of, agreed=True))
        assert (unchecked.status_code, unchecked.json()["code"]) == (409, "draft_not_ready")
        check = act(of=of, agreed=True)
        assert (await li.post(f"{path}/check", check)).json() == (await li.post(f"{path}/check", check)).json()
        assert (await queues(zhang), await queues(li)) == ({}, {"to_sign": 1})
        own = await zhang.post(f"{path}/sign", act(of=of, agreed=True))
        assert (own.status_code, own.json()["code"]) == (409, "own_draft")
        assert (await li.post(f"{path}/sign", act(of=of, agreed=False, remark="请补依据"))).status_code == 200
        assert (await queues(zhang), await queues(li)) == ({"returned": 1}, {})
        back = (await zhang.get(path)).json()
        assert (back["step"], back["own"], back["signed"], back["signed_by"], back["remark"]) == (
            "returned", True, False, "l-01", "请补依据",
        )  # fmt: skip
        of = (await put(zhang, path, act(content={"text": "经查属实，依据第32条"}))).json()["version"]
        for act_of in ("check", "sign"):
            assert (await li.post(f"{path}/{act_of}", act(of=of, agreed=True))).status_code == 200
        assert (await queues(zhang), await queues(li)) == ({"to_deliver": 1}, {"to_deliver": 1})
        (row,) = (await zhang.get("/v1/drafts", queue="to_deliver")).json()["drafts"]
        assert (row["number"], row["kind"], row["name"]) == (receipt["number"], "decision", "职员z-01")
        await here.runtime.ports.views.clear("drafts")
        assert (await queues(zhang)) == {"to_deliver": 1}, "the view is filled from the log"
        async with here.client(key=zhang.token) as client:
            await client.delete(path, params={"command_id": "x-1"})
        assert (await queues(zhang), await queues(li)) == ({}, {})


async def test_draft_in_hidden_case_is_in_no_queue() -> None:
    async with served() as here:
        receipt = await here.filed()
        zhang, li = await staff(here, "z-01"), await staff(here, "l-01")
        await put(zhang, f"/v1/cases/{receipt['case']}/drafts/reply", act(content={"text": "稿"}))
        await here.runtime.drain()
        assert (await li.get("/v1/drafts")).json()["counts"]["to_check"] == 1
        await here.act("clerk", receipt["case"], "request_return", reason_code="not_our_mandate", reason="不属于我局")
        verified = await here.act("registrar", receipt["case"], "verify_return", agreed=True, reason="情况属实")
        assert verified.status_code == 200, verified.text
        assert (await li.get("/v1/drafts")).json()["drafts"] == []


async def test_list_has_names_days_and_filters() -> None:
    async with served() as here:
        first, second = await here.filed(), await here.filed(channel="hall", subject="0101")
        async with here.client("registrar") as registrar:
            rows = (await registrar.get("/v1/cases", params={"totals": True})).json()
            assert rows["total"] == 2 and not rows["total_is_minimum"]
            (row,) = (one for one in rows["cases"] if one["id"] == first["case"])
            assert row["names"]["zj"] and row["names"]["0102"] and row["names"]["web"] == "网上信访"
            assert row["clock_zh"] and row["clock_en"] and row["unit"] in ("calendar", "working")
            assert row["days_left"] is not None and row["days_left"] > 0
            for params, expected in (
                ({"channel": "hall"}, {second["case"]}),
                ({"clock": row["due_clock"]}, {first["case"], second["case"]}),
                ({"class": "accusation"}, set()),
                ({"number": first["number"][:13]}, {first["case"]}),
                ({"number": first["number"].lower()}, {first["case"]}),
                ({"number": "2026"}, {first["case"], second["case"]}),
                ({"number": "2025"}, set()),
                ({"filed_from": "2026-03-02", "filed_to": "2026-03-02"}, {first["case"], second["case"]}),
                ({"filed_from": "2026-03-03"}, set()),
                ({"filed_to": "2026-03-01"}, set()),
                ({"clerk": "none"}, {first["case"], second["case"]}),
            ):
                found = (await registrar.get("/v1/cases", params=params)).json()
                assert {one["id"] for one in found["cases"]} == expected, params
            for params in ({"number": "'; --"}, {"number": "x" * 60}, {"class": "nothing"}, {"clock": "x" * 90}):
                assert (await registrar.get("/v1/cases", params=params)).status_code == 422, params
            pages, after = [], None
            while True:
                query = {"number": "2026", "limit": 1, **({"after": after} if after else {})}
                page = (await registrar.get("/v1/cases", params=query)).json()
                pages += [one["id"] for one in page["cases"]]
                after = page["after"]
                if after is None:
                    break
            assert sorted(pages) == sorted({first["case"], second["case"]})


async def test_days_left_falls_to_zero_and_below() -> None:
    async with served() as here:
        receipt = await here.filed()
        async with here.client("registrar") as registrar:
            seen = []
            for _ in range(20):
                rows = (await registrar.get("/v1/cases")).json()["cases"]
                seen.append((rows[0]["days_left"], rows[0]["overdue"], rows[0]["id"] == receipt["case"]))
                here.clock.advance(86_400)
            lefts = [left for left, _overdue, _same in seen]
            assert lefts == sorted(lefts, reverse=True) and lefts[-1] < 0
            assert all(overdue == (left < 0) for left, overdue, _same in seen)


def test_labels_are_found_in_any_spelling() -> None:
    assert labelled("此人系缠 访") and labelled("重\u200b点人员") and labelled("TROUBLEMAKER")
    assert not labelled("楼道漏水，住户反映三次")
