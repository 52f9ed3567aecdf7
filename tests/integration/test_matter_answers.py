"""One answer for many: each filing of a matter gets its own reply, number, notice, evaluation and period, and nothing twice."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from services.routing.notices.notice_queries import NoticeReader
from shared.commands.authorization import Principal
from shared.deadlines.derivation import deadlines
from shared.events.department import DecisionIssued
from tests.integration.test_issued_notices import decided, issued, issuing_of
from tests.support.county import DEMO, REGISTRAR, County, clerk, county
from tests.unit.services.routing.notices.test_rendering import text_of


async def matter(here: County, followers: int, **fields: Any) -> tuple[str, Principal, list[str]]:
    """A decided claim, and filings that follow it; every second one has a confirmed electronic address."""
    joined = []
    given = {"place": "dh", "subject": "01", "text": "请求修复育才路。"}
    first = await here.file("lead", **given, petitioner={"name": "李明"})
    here.clock.advance(timedelta(minutes=1))
    for number in range(followers):
        receipt = await here.file(f"f{number}", **{**given, "petitioner": {"name": f"王{number}"}, **fields})
        await here.act(receipt.case, "link", REGISTRAR, lead=first.case, reason="同一事项")
        if number % 2:
            address = {"kind": "sms", "address": "13900000000", "evidence": "signed_form", "reference": "1"}
            await here.act(receipt.case, "confirm_delivery_address", REGISTRAR, electronic=True, **address)
        joined.append(receipt.case)
    org = (await here.case(first.case)).assignment.org
    assert org is not None
    lead, who = first.case, clerk(org)
    await here.act(lead, "sign_off", who)
    await here.act(lead, "accept", who, path=6)
    text = {
        "text": "予以修复。",
        "facts": "路面破损属实。",
        "basis": ["《信访工作条例》第三十二条"],
        "result": "supported",
    }
    await here.act(lead, "decide", who, **text)
    return lead, who, joined


async def test_each_petitioner_gets_an_own_answer_number_notice_and_period() -> None:
    async with county() as here:
        lead, who, joined = await matter(here, 6)
        await here.act(lead, "deliver_reply", who)
        await here.act(lead, "answer_followers", who)
        await here.settle()
        numbers = set()
        book = await here.ports.policies.book(DEMO)
        for place, one in enumerate(joined):
            case = await here.case(one)
            assert (case.matter.lead, case.matter.related, case.assignment.org) == (None, (lead,), who.org)
            assert case.state == ("replied" if place % 2 else "decided"), "electronic at once, paper with its proof"
            (notice,) = await issued(here, one)
            numbers.add(notice.seq)
            window = [clock for clock in deadlines(case, book) if clock.clock == "C6"]
            assert bool(window) == bool(place % 2)
            if place % 2:
                assert set(case.evaluation.invited) == {"petition_office", "organisation"}
            else:
                await here.act(one, "deliver_reply", who)
                after = await here.case(one)
                assert [clock.clock for clock in deadlines(after, book) if clock.clock == "C6"]
                await here.act(one, "request_review", REGISTRAR, text="不服", evidence="signed_form", reference="1")
                assert (await here.case(one)).state == "in_review"
        assert numbers == set(range(1, 7))
        event = (await here.events(f"notices/{DEMO}/{who.org}/decision/2026"))[0]
        words = text_of(await NoticeReader(issuing_of(here)).document(who, event, "pdf"))
        assert "予以修复。" in words and "请求修复育才路。" in words and "王" in words and "李明" not in words


async def test_repeated_command_answers_only_filings_joined_later() -> None:
    async with county() as here:
        lead, who, joined = await matter(here, 3)
        await here.act(lead, "answer_followers", who, command_id="a")
        await here.act(lead, "answer_followers", who, command_id="a")
        later = await here.file("later", place="dh", subject="01", text="也请修复", petitioner={"name": "赵六"})
        await here.act(later.case, "link", REGISTRAR, lead=lead, reason="同一事项")
        await here.act(lead, "answer_followers", who, command_id="b")
        await here.settle()
        for one in (*joined, later.case):
            events = await here.events(f"case/{one}")
            assert sum(isinstance(event.body, DecisionIssued) for event in events) == 1
            assert len(await issued(here, one)) == 1
        assert [one.version for one in await here.events(f"notices/{DEMO}/{who.org}/decision/2026")] == [1, 2, 3, 4]


async def test_a_petitioner_who_complains_of_that_organisation_is_not_answered_by_it() -> None:
    async with county() as here:
        lead, who, joined = await matter(here, 2)
        other, _ = await decided(here, "other")
        assert (await here.case(joined[0])).matter.lead == lead
        accused = await here.file(
            "accusing", place="dh", subject="01", text="x", petitioner={"name": "钱"}, respondent={"org": str(who.org)}
        )
        assert (await here.case(accused.case)).matter.lead is None
        await here.act(lead, "answer_followers", who)
        assert (await here.case(other)).matter.related == ()
        assert (await here.case(accused.case)).state != "decided"


async def test_an_anonymous_filing_is_answered_without_a_numbered_notice() -> None:
    async with county() as here:
        lead, who, joined = await matter(here, 1, anonymous=True, petitioner=None)
        await here.act(lead, "answer_followers", who)
        await here.settle()
        assert (await here.case(joined[0])).state == "decided"
        assert await issued(here, joined[0]) == []
        assert await here.events(f"notices/{DEMO}/{who.org}/decision/2026") == [], "no number is taken"
