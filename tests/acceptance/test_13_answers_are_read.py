"""An answer that nobody received is no answer: the words of the reply, and the two dates of a document (Art. 21 ¶2, 34, 35)."""

from __future__ import annotations

import re
from typing import Any

import httpx

from tests.acceptance.vocabulary import Actor, Answered, County, Filing, story

WORDS = "经查，屋面渗漏属实，已责成物业公司四月底前修复。"
EMAIL = {"electronic": True, "kind": "email", "address": "zhang@example.com"}


async def reads(county: County, case: Filing, *, on: str) -> dict[str, Any]:
    """What the petitioner reads at home with number and code."""
    await county.day(on)
    async with county.here.client() as home:
        answer = await home.post("/v1/status/documents", json={"number": case.number, "code": case.code})
    await county.here.runtime.drain()
    if answer.is_error:
        raise Answered(answer)
    told: dict[str, Any] = answer.json()
    return told


async def says(county: County, case: Filing, command: str, *, on: str, **fields: Any) -> dict[str, Any]:
    """What the petitioner does at home with number and code."""
    await county.day(on)
    body = {
        "number": case.number,
        "code": case.code,
        "command": command,
        "command_id": f"home-{on[:10]}-{command}",
        **fields,
    }
    async with county.here.client() as home:
        answer = await home.post("/v1/citizens/commands", json=body)
    await county.here.runtime.drain()
    if answer.is_error:
        raise Answered(answer)
    told: dict[str, Any] = answer.json()
    return told


async def window(desk: Actor, case: Filing) -> dict[str, Any]:
    """The petitioner's period for a review, as the office sees it."""
    shown = await desk.reads(case)
    found: dict[str, Any] = [one for one in shown["deadlines"] if one["clock"] == "C6"][-1]
    return found


async def on_paper(actor: Actor) -> list[str]:
    """The cases in the list of documents that are to be served on paper."""
    page = await actor.asks("GET", "/v1/cases?queue=to_serve_on_paper")
    return [one["id"] for one in page["cases"]]


async def test_letter_writer_reads_answer_at_home_and_says_that_it_is_not_remedied() -> None:
    async with story("2026-03-02") as county:
        case = await county.desk.files("屋顶漏水", on="2026-03-02", channel="letter")
        await county.housing.accepts(case, on="2026-03-03")
        await county.housing.serves_the_notice(case, on="2026-03-04")
        await county.housing.decides(case, "supported", on="2026-03-10", text=WORDS)
        assert await on_paper(county.desk) == [case.id], "no electronic address: on paper at once"
        assert (await county.citizen_asks(case))["documents"] == 0
        assert (await reads(county, case, on="2026-03-10 11:00"))["documents"] == [], "not before it is served"
        await county.refused(
            "no_electronic_address", county.housing.does("deliver_reply", case, on="2026-03-11", mode="electronic")
        )
        await county.refused(
            "proof_date_needed", county.housing.does("deliver_reply", case, on="2026-03-12", mode="post")
        )
        slip = {"mode": "post", "effective_at": "2026-03-16", "reference": "EMS 1"}
        await county.housing.does("deliver_reply", case, on="2026-03-18", **slip)
        assert await on_paper(county.desk) == []
        assert (await window(county.desk, case))["due_day"] == "2026-04-15", "30 days from the date on the slip"

        assert (await county.citizen_asks(case))["documents"] == 1
        told = await reads(county, case, on="2026-03-19")
        (reply,) = told["documents"]
        assert (reply["document"], reply["fields"]["text"]) == ("reply", WORDS)
        assert reply["right"]["days"] == 30
        assert "示例市复查复核委员会" in reply["right"]["zh"]
        (read,) = await county.events(case, "DocumentRead")
        assert (read.body.code_issued_by, read.actor.role) == ("staff", "citizen"), "the desk printed the code"
        assert (await window(county.desk, case))["due_day"] == "2026-04-15", "reading does not move the period"

        await says(
            county, case, "evaluate", on="2026-05-06", object="organisation", grade="dissatisfied", text="没有修好"
        )
        await county.desk.orders_redo(case, on="2026-05-07")
        assert await county.state(case) == "redo_ordered"


async def test_words_are_on_page_and_never_in_address() -> None:
    async with story("2026-03-02") as county:
        case = await county.desk.files("屋顶漏水", on="2026-03-02", channel="letter")
        await county.housing.accepts(case, on="2026-03-03")
        await county.housing.decides(case, "supported", on="2026-03-10", text=f"{WORDS}<script>")
        await county.housing.replies(case, on="2026-03-11")
        pair = {"number": case.number, "code": case.code}
        async with county.here.browser() as home:
            assert (await home.post("/track", data=pair)).headers["location"] == "/track?cookies=1"
            status = await home.get("/track")
            page = await home.post("/track/documents")
        async with county.here.browser() as stranger:
            wrong = await stranger.post("/track", data={**pair, "code": "WRONG"})
        assert 'action="/track/documents"' in status.text
        assert WORDS in page.text
        assert "<script>" not in page.text
        assert page.headers["cache-control"] == "no-store"
        assert not re.search(r"(href|action)=\"[^\"]*" + re.escape(case.code), page.text)
        assert wrong.status_code == 404
        assert WORDS not in wrong.text


async def test_unread_reply_is_reminded_of_served_on_paper_and_only_then_closes() -> None:
    async with story("2026-03-02") as county:
        case = await county.platform.files("屋顶漏水", on="2026-03-02", channel="province")
        await says(county, case, "confirm_delivery_address", on="2026-03-02 15:00", **EMAIL)
        await county.housing.accepts(case, on="2026-03-03")
        await county.housing.decides(case, "explained", on="2026-03-09", text=WORDS)
        assert await on_paper(county.desk) == [], "there is an address"
        await county.housing.does("deliver_reply", case, on="2026-03-10", mode="electronic")
        shown = await county.desk.reads(case)
        assert [one["status"] for one in shown["deadlines"] if one["clock"] == "C5"] == ["met"], "the duty has ended"
        assert (await county.citizen_asks(case))["may_ask"]["until"] is None, "the petitioner's period has not begun"

        await county.day("2026-03-16 10:00")
        assert len(await county.events(case, "UnreadReminded")) == 1
        assert await on_paper(county.desk) == []
        await county.day("2026-03-18 10:00")
        assert await on_paper(county.desk) == [case.id]
        assert await on_paper(county.housing) == [case.id]
        await county.refused("not_received", county.desk.closes(case, "explained", on="2026-03-18 11:00"))
        await county.desk.does("serve_on_paper", case, on="2026-03-20", document="reply")
        assert await on_paper(county.desk) == []
        assert (await window(county.desk, case))["due_day"] == "2026-04-20", "30 days, and the 19th is a Sunday"
        await county.desk.closes(case, "explained", on="2026-03-23")


async def test_period_begins_when_petitioner_reads_with_own_code() -> None:
    async with story("2026-03-02") as county:
        case = await county.platform.files("屋顶漏水", on="2026-03-02", channel="province")
        await says(county, case, "confirm_delivery_address", on="2026-03-02 15:00", **EMAIL)
        await county.housing.accepts(case, on="2026-03-03")
        await county.housing.decides(case, "explained", on="2026-03-09")
        await county.housing.does("deliver_reply", case, on="2026-03-10", mode="electronic")
        await reads(county, case, on="2026-03-12")
        assert (await window(county.desk, case))["due_day"] == "2026-04-13", "30 days from the reading, over a weekend"
        await county.day("2026-03-20 10:00")
        assert await county.events(case, "UnreadReminded") == []
        assert await on_paper(county.desk) == []
        await reads(county, case, on="2026-04-01")
        assert len(await county.events(case, "DocumentRead")) == 1
        assert (await window(county.desk, case))["due_day"] == "2026-04-13", "the second reading prolongs nothing"


async def test_code_that_desk_printed_again_proves_no_receipt() -> None:
    async with story("2026-03-02") as county:
        case = await county.platform.files("屋顶漏水", on="2026-03-02", channel="province")
        await says(county, case, "confirm_delivery_address", on="2026-03-02 15:00", **EMAIL)
        async with county.here.client(key=county.desk.key) as desk:
            printed: httpx.Response = await desk.get(f"/v1/cases/{case.id}/receipt")
            again = await desk.get(f"/v1/cases/{case.id}/receipt")
        assert (printed.status_code, again.status_code) == (200, 200)
        await county.here.runtime.drain()
        assert len(await county.events(case, "ReceiptIssued")) == 1
        await county.housing.accepts(case, on="2026-03-03")
        await county.housing.decides(case, "explained", on="2026-03-09")
        await county.housing.does("deliver_reply", case, on="2026-03-10", mode="electronic")
        await reads(county, case, on="2026-03-12")
        assert (await county.citizen_asks(case))["may_ask"]["until"] is None
        await county.day("2026-03-18 10:00")
        assert await on_paper(county.desk) == [case.id]
