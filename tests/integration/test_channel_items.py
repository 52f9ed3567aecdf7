"""A platform files in its own format: the mapping of its channel translates it, and unmapped fields are dropped."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from services.supervision.policy_activation import activate
from shared.case import STREAM
from shared.eventstore.field_encryption import open_sealed
from shared.kernel.refusals import Invalid
from shared.policy.loading.loader import bundled
from tests.support.county import DEMO
from tests.support.serving import OPERATOR, Served, served

MAPPING: dict[str, Any] = {
    "source": {"zone": "Asia/Shanghai"},
    "item": "xfjbh",
    "filing": {
        "received_at": "djsj",
        "title": "gkxx",
        "text": "nr.tsnr",
        "place": {"column": "wtsddm", "table": {"110101": "dh"}},
        "subject": "nrfl",
        "name": "xfr",
        "phone": "lxdh",
    },
}
ITEM: dict[str, Any] = {
    "xfjbh": "P-1",
    "djsj": "2026-03-01 08:30:00",
    "gkxx": "漏水",
    "nr": {"tsnr": "楼上一直漏水"},
    "wtsddm": "110101",
    "nrfl": "房屋质量",
    "xfr": "张三",
    "lxdh": "13800000000",
}
CANARY = "canary-9f2c"


def channels(**more: Any) -> dict[str, Any]:
    found = {one.section: one.document for one in bundled("demo")}["channels"]
    own = {"code": "prov", "name": "平台", "class_": "platform", "platform": "wlzj", "mapping": "prov", **more}
    scan = {"code": "scan", "name": "扫码", "class_": "qr"}
    codes = [{"code": "Q1", "channel": "scan", "place": "dh-yl", "grid": "G-7"}]
    return {"channels": [*found["channels"], own, scan], "qr_codes": codes}


async def mapped(here: Served, mapping: dict[str, Any] = MAPPING) -> None:
    sections = {"channels": channels(), "mappings": {"mappings": {"prov": mapping}}}
    await activate(here.runtime.handling("supervision"), OPERATOR, DEMO, sections)


async def post(here: Served, item: dict[str, Any], role: str = "platform", channel: str = "prov") -> tuple[int, Any]:
    async with here.client(role) as client:
        answer = await client.post(f"/v1/channels/{channel}/items", json=item)
    await here.runtime.drain()
    return answer.status_code, answer.json()


async def opened(here: Served, case: str) -> dict[str, Any]:
    events = [event for commit in await here.runtime.ports.log.load(STREAM + case) for event in commit.recorded]
    parts = await open_sealed(here.runtime.ports.keys, events)
    return {name: value for part in parts for name, value in part.values.items()}


async def test_item_with_field_under_two_names_is_refused() -> None:
    async with served() as here:
        await mapped(here)
        status, problem = await post(here, {**ITEM, "nr.tsnr": "楼下"})
        assert (status, problem["code"], problem["field"]) == (422, "repeated_key", "nr.tsnr")


async def test_item_in_platform_format_is_registered() -> None:
    async with served() as here:
        await mapped(here)
        status, receipt = await post(here, ITEM)
        assert status == 201, receipt
        case = (await here.runtime.ports.cases.load_confirmed(receipt["case"])).case
        assert (
            case.filing.channel,
            case.filing.platform,
            case.filing.place,
            case.filing.subject,
            case.assignment.org,
        ) == ("prov", "wlzj", "dh", "0102", "zj")
        assert receipt["received_at"] == "2026-03-01T00:30:00.000000Z"
        said = await opened(here, receipt["case"])
        assert (said["text"], said["title"], said["name"], said["item"]) == ("楼上一直漏水", "漏水", "张三", "P-1")
        again, same = await post(here, ITEM)
        assert again == 200 and same["case"] == receipt["case"]
        changed, problem = await post(here, {**ITEM, "gkxx": "别的"})
        assert (changed, problem["code"]) == (409, "same_id_other_content")


async def test_unmapped_values_are_never_stored() -> None:
    """Marks of persons, and everything else that the mapping does not name."""
    flags = {"yybz": CANARY, "tsry": CANARY, "zzmm": CANARY, "重点人员标志": CANARY, "nr": {**ITEM["nr"], "mz": CANARY}}
    async with served() as here:
        await mapped(here)
        status, receipt = await post(here, {**ITEM, **flags, "anything": CANARY})
        assert status == 201
        assert CANARY not in str(await opened(here, receipt["case"]))
        async for commits in here.runtime.ports.log.scan(""):
            for commit in commits:
                assert CANARY.encode() not in b"".join(commit.events)


@pytest.mark.parametrize("column", ["yybz", "是否特殊人员", "重点人员标志", "person.zzmm"])
async def test_mapping_of_personal_identifier_is_refused(column: str) -> None:
    bad = {**MAPPING, "filing": {**MAPPING["filing"], "location": column}}
    async with served() as here:
        with pytest.raises(Invalid) as refused:
            await mapped(here, bad)
        (one,) = refused.value.more["errors"]
        assert one["field"] == "mappings[prov].filing.location"
        assert "such fields are never read" in one["problem"]
        assert "是对人的标记" in one["problem_zh"]


@pytest.mark.parametrize(
    ("item", "code", "field"),
    [
        ({"xfjbh": ""}, "missing", "xfjbh"),
        ({"djsj": "soon"}, "not_a_date", "djsj"),
        ({"djsj": None}, "missing", "djsj"),
        ({"nr": {}}, "invalid_request", "nr.tsnr"),
        ({"gkxx": "噪" * 500}, "invalid_request", "gkxx"),
        ({"xfr": "噪" * 500}, "invalid_request", "xfr"),
        ({"gkxx": ["x"]}, "nested_value", "gkxx"),
        ({"djsj": "2999-01-01"}, "impossible_date", "djsj"),
        ({"djsj": "2026-12-01"}, "effective_in_future", "djsj"),
    ],
)
async def test_errors_name_platform_field(item: dict[str, Any], code: str, field: str) -> None:
    async with served() as here:
        await mapped(here)
        status, problem = await post(here, {**ITEM, **item})
        assert status in (409, 422)
        assert (problem["code"], problem["field"]) == (code, field), problem
        assert all("噪" not in str(value) for value in problem.values())


async def test_unknown_words_are_registered() -> None:
    async with served() as here:
        await mapped(here)
        _status, receipt = await post(
            here, {**ITEM, "wtsddm": "999999", "nrfl": "某种事情", "nr": {"tsnr": "别的"}, "gkxx": "x"}
        )
        case = (await here.runtime.ports.cases.load_confirmed(receipt["case"])).case
        assert case.filing.unclear == ("place", "subject") and case.assignment.queue_reason == "unknown_place"
        said = await opened(here, receipt["case"])
        assert (said["place_text"], said["subject_text"]) == ("999999", "某种事情")


async def test_batch_returns_result_for_each_line() -> None:
    async with served() as here:
        await mapped(here)
        lines = [ITEM, {**ITEM, "xfjbh": "P-2", "djsj": "x"}, {**ITEM, "xfjbh": "P-3"}]
        body = b"\n".join([*(orjson.dumps(line) for line in lines), b"{"])
        async with here.client("platform") as client:
            answer = await client.post(
                "/v1/channels/prov/items:batch", content=body, headers={"content-type": "application/x-ndjson"}
            )
        found = [orjson.loads(line) for line in answer.content.splitlines()]
        assert [one["status"] for one in found] == [201, 422, 201, 400]
        assert found[1]["problem"]["field"] == "djsj"


async def test_channel_without_mapping_or_of_another_platform_or_unknown_is_refused() -> None:
    async with served() as here:
        await mapped(here)
        assert (await post(here, ITEM, "registrar", "web"))[1]["code"] == "no_mapping"
        assert (await post(here, ITEM, "platform", "web"))[1]["code"] == "foreign_channel"
        assert (await post(here, ITEM, "platform", "nothing"))[1]["code"] == "unknown_channel"
        assert (await post(here, ITEM, "clerk"))[0] == 403


async def test_items_of_removed_channel_remain_visible_to_its_platform() -> None:
    async with served() as here:
        await mapped(here)
        _status, receipt = await post(here, ITEM)
        here.clock.advance(1)
        own = {"channels": [one for one in channels()["channels"] if one["code"] != "prov"]}
        await activate(here.runtime.handling("supervision"), OPERATOR, DEMO, {"channels": own})
        async with here.client("platform") as client:
            shown = await client.get("/v1/cases/prov:P-1")
            assert shown.status_code == 200 and shown.json()["channel"] == {"code": "prov", "name": "平台"}
        assert await post(here, ITEM) == (
            200,
            {**receipt, "repeated": True, "version": shown.json()["version"], "state": "dispatched"},
        )
        assert (await post(here, {**ITEM, "xfjbh": "P-9"}))[1]["code"] == "unknown_channel"
        other = await here.key_of("platform", "other")
        async with here.client(key=other) as client:
            assert (await client.get("/v1/cases/prov:P-1")).status_code == 404
            for item in ("P-1", "P-9"):  # existence is not disclosed
                refused = await client.post("/v1/channels/prov/items", json={**ITEM, "xfjbh": item})
                assert (refused.status_code, refused.json()["code"]) == (403, "foreign_channel")


async def test_scanned_code_supplies_place_and_grid() -> None:
    async with served() as here:
        await mapped(here)
        receipt = await here.filed(channel="scan", place=None, qr="Q1")
        async with here.client("registrar") as client:
            shown = (await client.get(f"/v1/cases/{receipt['case']}")).json()
        assert (shown["place"]["code"], shown["grid"], shown["org"]["code"]) == ("dh-yl", "G-7", "zj")
        unknown = await here.filed(channel="scan", place=None, qr="Q404")
        case = (await here.runtime.ports.cases.load_confirmed(unknown["case"])).case
        assert (case.filing.place, case.filing.grid, case.assignment.queue_reason) == (None, None, "unknown_qr")
        other = await here.filed(channel="web", place=None, qr="Q1")
        assert (await here.runtime.ports.cases.load_confirmed(other["case"])).case.filing.grid is None, (
            "a code hangs in its own channel"
        )
        said = await here.filed(channel="scan", place="xs", qr="Q1")
        assert (await here.runtime.ports.cases.load_confirmed(said["case"])).case.filing.place == "xs", (
            "who says where is believed"
        )
