"""The printed receipt: its content, its access rules, and that a code never appears in a URL."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest

from services.intake.http.printed_receipt.layout import markup
from services.intake.http.printed_receipt.receipt import link
from tests.support.serving import Served, served

PUBLIC = "https://xf.example.cn"
FILED = {"title": "标题金丝雀", "text": "正文金丝雀", "location": "地点金丝雀"}
NEVER = ("张三", "13800000000", *FILED.values())


@pytest.fixture
async def here() -> AsyncIterator[Served]:
    async with served(public_url=PUBLIC) as found:
        yield found


def strict(answer: httpx.Response) -> None:
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'")
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cache-control"] == "no-store"
    assert "http://" not in answer.text.replace(PUBLIC, "")
    assert " style=" not in answer.text


async def test_receipt_contains_what_petitioner_needs(here: Served) -> None:
    receipt = await here.filed(**FILED)
    pair = {"number": receipt["number"], "code": receipt["code"]}
    async with here.client() as citizen:
        page = await citizen.post("/v1/receipt", json=pair)
    assert page.status_code == 200, page.text
    assert page.headers["content-type"].startswith("text/html")
    strict(page)
    for wanted in (
        receipt["number"],
        receipt["code"],
        "2026-03-02",
        "杨柳街道",
        "Willow Subdistrict",
        f"{PUBLIC}/track",
    ):
        assert wanted in page.text, wanted
    for right in (
        "15日内：书面告知您是否受理（《信访工作条例》第二十三条第三款）。",
        "Within 15 days: you are told in writing whether it is accepted (Regulation Art. 23 ¶3).",
        "60日内：适用信访程序的，自受理之日起作出处理并书面答复（《信访工作条例》第三十四条）。",
        "第二十一条第二款",
        "30日内：对处理意见不服的，自收到书面答复之日起可向上一级申请复查（《信访工作条例》第三十五条第一款）。",
        "30日内：对复查意见不服的，自收到复查意见之日起可申请复核（《信访工作条例》第三十六条第一款）。",
    ):
        assert right in page.text, right
    assert "<svg" in page.text
    assert not [word for word in NEVER if word in page.text]


async def test_directly_received_matter_names_its_own_clock(here: Served) -> None:
    receipt = await here.filed(received_by="zj")
    async with here.client("registrar") as desk:
        page = await desk.get(f"/v1/cases/{receipt['number']}/receipt")
    assert "书面告知您是否受理或转送何处（《信访工作条例》第二十三条第一款、第二款）" in page.text


async def test_link_carries_query_code_in_fragment() -> None:
    assert link("2026-A", "AB-C", f"{PUBLIC}/") == f"{PUBLIC}/track#n=2026-A&c=AB-C"
    assert link("2026-A", "AB-C", None) == "2026-A\nAB-C"


async def test_receipt_is_reissued_to_authorised_roles_only(here: Served) -> None:
    receipt = await here.filed()
    case = receipt["case"]
    async with here.client("registrar") as desk:
        page = await desk.get(f"/v1/cases/{case}/receipt")
    assert receipt["code"] in page.text
    strict(page)
    reads = [event for commit in await here.runtime.ports.log.load(f"reads/{case}") for event in commit.recorded]
    assert [event.body.purposes for event in reads] == [("receipt",)]  # type: ignore[union-attr]
    for role, status in (("clerk", 403), ("supervisor", 403), ("platform", 404), ("analyst", 404)):
        async with here.client(role) as other:
            refused = await other.get(f"/v1/cases/{case}/receipt")
        assert refused.status_code == status, role
        assert receipt["code"] not in refused.text
    async with here.client(key=await here.key_of("platform", "province")) as platform:
        own = await platform.post("/v1/submissions", json={"channel": "province", "item": "P-1", "text": "x"})
        again = await platform.get(f"/v1/cases/{own.json()['case']}/receipt")
    assert own.json()["code"] in again.text
    async with here.client() as nobody:
        assert (await nobody.get(f"/v1/cases/{case}/receipt")).status_code == 401


async def test_token_of_a_case_opens_no_receipt_which_holds_the_code(here: Served) -> None:
    receipt = await here.filed()
    async with here.client() as citizen:
        token = (
            await citizen.post("/v1/status/token", json={"number": receipt["number"], "code": receipt["code"]})
        ).json()
        pair = {"number": receipt["number"], "code": token["token"]}
        assert (await citizen.post("/v1/status", json=pair)).status_code == 200
        refused = await citizen.post("/v1/receipt", json=pair)
    assert refused.status_code == 404
    assert receipt["code"] not in refused.text


async def test_details_say_what_the_receipt_says(here: Served) -> None:
    receipt = await here.filed(**FILED)
    async with here.client() as citizen:
        answer = await citizen.post("/v1/receipt/details", json={"number": receipt["number"], "code": receipt["code"]})
    told = answer.json()
    assert told["number"] == receipt["number"]
    assert told["received"].startswith("2026-03-02")
    assert {line["value"]["zh"] for line in told["lines"]} >= {"杨柳街道"}
    assert any("第三十四条" in right["zh"] and "Art. 34" in right["en"] for right in told["rights"])
    assert not [word for word in NEVER if word in answer.text]
    assert receipt["code"] not in answer.text


def test_page_values_are_escaped() -> None:
    assert markup("<p>{said}</p>", said='<img onerror="x">&') == "<p>&lt;img onerror=&quot;x&quot;&gt;&amp;</p>"
