"""Notices as documents over all services in memory: numbers without gaps, documents that never change, voids, who may read."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from services.routing.notices.bound_pdf import merged
from services.routing.notices.dossier import dossier
from services.routing.notices.issuer import NoticeIssuer
from services.routing.notices.notice_queries import NoticeReader
from services.routing.notices.number_series import Series
from services.routing.notices.seal import Sealed, SealUnavailable
from shared.commands.authorization import Principal
from shared.commands.command import RULES, NewEvent
from shared.commands.event_writer import EventMetadata
from shared.events.notices import NoticeIssued, NumberVoided
from shared.events.policy import PolicyActivated
from shared.kernel.refusals import Denied, Refused, Unknown
from shared.policy.loading.loader import hash_of, plain
from shared.policy.templates import Templates, built_in
from shared.queries.case_files import files_of, readable
from tests.support.county import DEMO, REGISTRAR, SUPERVISOR, County, clerk, county
from tests.unit.services.routing.notices.test_rendering import text_of


def issuing_of(here: County) -> NoticeIssuer:
    """The object that the consumer of the county uses."""
    numbers = next(one for one in here.parts["routing"].consumers if one.group == "routing.notices")
    found = numbers.complete.__self__  # type: ignore[attr-defined]
    assert isinstance(found, NoticeIssuer)
    return found


async def filed(here: County, item: str = "1", **fields: Any) -> tuple[str, Principal]:
    """A claim of 李明 that its organisation has signed for, and a clerk there."""
    given = {
        "place": "dh",
        "subject": "01",
        "title": "育才路积水",
        "text": "请求修复育才路。",
        "petitioner": {"name": "李明"},
    }
    receipt = await here.file(item, **{**given, **fields})
    org = (await here.case(receipt.case)).assignment.org
    assert org is not None
    who = clerk(org)
    await here.act(receipt.case, "sign_off", who)
    return receipt.case, who


async def decided(here: County, item: str = "1", **fields: Any) -> tuple[str, Principal]:
    case, who = await filed(here, item)
    await here.act(case, "accept", who, path=6)
    await here.act(case, "record_step", who, step="site_visit")
    text = {
        "text": "予以修复。",
        "facts": "路面破损属实。",
        "basis": ["《信访工作条例》第三十二条"],
        "result": "supported",
    }
    await here.act(case, "decide", who, **{**text, **fields})
    return case, who


async def issue(
    here: County, case: str, who: Principal, kind: Any, command_id: str = "n1", language: Any = "zh"
) -> Any:
    event, _repeated = await issuing_of(here).number(who, case, kind, language, command_id)
    await here.settle()
    return event


async def issued(here: County, case: str) -> list[NoticeIssued]:
    return [event.body for event in await here.events(f"case/{case}") if isinstance(event.body, NoticeIssued)]


async def test_a_decision_is_numbered_rendered_and_recorded_with_its_stored_documents() -> None:
    async with county() as here:
        case, who = await decided(here)
        event = await issue(here, case, who, "decision")
        assert event.version == 1 and event.stream == f"notices/{DEMO}/{who.org}/decision/2026"
        assert event.body.document_number.endswith("信访复字〔2026〕1号")
        assert b"\xe6\x9d\x8e\xe6\x98\x8e" not in b"".join((await here.ports.log.load(event.stream))[0].events), (
            "no name"
        )
        (notice,) = await issued(here, case)
        assert (notice.document_number, notice.seq, notice.kind) == (event.body.document_number, 1, "decision")
        reader = NoticeReader(issuing_of(here))
        words = text_of(await reader.document(who, event, "pdf"))
        for said in (
            "李明",
            "请求修复育才路。",
            "路面破损属实。",
            "予以修复。",
            "第三十二条",
            "30日内",
            notice.document_number,
        ):
            assert said in words
        page = (await reader.document(who, event, "html")).decode()
        assert "李明" in page and notice.document_number in page
        reads = await here.events(f"reads/{case}")
        assert len(reads) == 2, "each reading is recorded"


async def test_issue_is_refused_while_a_required_field_is_empty_and_takes_no_number() -> None:
    async with county() as here:
        case, who = await decided(here, facts=None)
        with pytest.raises(Refused) as refused:
            await issue(here, case, who, "decision")
        assert (refused.value.code, refused.value.field) == ("notice_field_empty", "facts")
        assert not await here.events(Series(DEMO, str(who.org), "decision", 2026).stream)
        await here.act(case, "prepare_notice", who, kind="decision", facts="经查属实。")
        assert (await issue(here, case, who, "decision")).version == 1


async def test_a_repeated_command_gets_the_same_number_also_after_the_turn_of_the_year() -> None:
    async with county() as here:
        case, who = await decided(here)
        first = await issue(here, case, who, "decision", "same")
        assert (await issue(here, case, who, "decision", "same")).event_id == first.event_id
        here.clock.advance(timedelta(days=320))
        assert (await issue(here, case, who, "decision", "same")).event_id == first.event_id
        with pytest.raises(Refused) as refused:
            await issue(here, case, who, "decision", "same", language="en")
        assert refused.value.code == "same_id_other_content"


async def test_a_number_whose_case_refuses_is_void_and_shown_as_void_and_the_series_has_no_gap() -> None:
    async with county() as here:
        case, who = await decided(here)
        other, _ = await decided(here, "2")
        service = issuing_of(here)
        first, _ = await service.number(who, case, "decision", "zh", "a")
        second, _ = await service.number(who, case, "decision", "zh", "b")  # both before the case knows
        third, _ = await service.number(who, other, "decision", "zh", "c")
        assert [one.version for one in (first, second, third)] == [1, 2, 3]
        await here.settle()
        page = await NoticeReader(service).register(who, str(who.org), kind="decision")
        by_number = {one.id.rpartition("/")[2]: one for one in page.notices}
        assert list(by_number) == ["1", "2", "3"]
        assert sorted((by_number["1"].status, by_number["2"].status)) == ["issued", "void"]
        void = next(one for one in page.notices if one.status == "void")
        assert void.code == "notice_issued_already" and by_number["3"].status == "issued"
        assert len(await issued(here, case)) == 1
        event = next(one for one in (first, second) if void.id.endswith(f"/{one.version}"))
        with pytest.raises(Refused) as refused:
            await NoticeReader(service).document(who, event, "html")
        assert refused.value.code == "notice_void"


async def test_a_case_that_was_voided_meanwhile_voids_the_number() -> None:
    async with county() as here:
        case, who = await filed(here)
        await here.act(case, "accept", who, path=6)
        service = issuing_of(here)
        await here.ports.feed.stop()
        event, _ = await service.number(who, case, "acceptance", "zh", "a")
        rule = RULES["void"]
        stamp = EventMetadata(REGISTRAR, "void-it")
        command = rule.model.model_validate({"reason_code": "test"})
        await here.ports.handling("intake").handle(
            case, rule.action, stamp, lambda found, given: rule(found, command, given)
        )
        for _again in range(2):  # delivered twice
            await service.complete(event)
        assert await issued(here, case) == []
        voids = [one.body for one in await here.events(f"case/{case}") if isinstance(one.body, NumberVoided)]
        assert [(one.seq, one.code) for one in voids] == [(1, "case_voided")]
        answer = await NoticeReader(service).answer(who, event)
        assert (answer.status, answer.code) == ("void", "case_voided")


async def test_only_the_organisation_of_the_step_issues_it() -> None:
    async with county() as here:
        case, who = await filed(here)
        with pytest.raises(Refused) as early:
            await issue(here, case, who, "acceptance")
        assert early.value.code == "notice_without_step"
        with pytest.raises(Denied) as other:
            await issue(here, case, who, "transfer")
        assert other.value.code == "notice_of_another_office"
        with pytest.raises(Unknown):
            await issue(here, case, clerk("sw" if who.org != "sw" else "zj"), "acceptance")
        with pytest.raises(Denied):
            await issue(here, case, SUPERVISOR, "receipt")
        assert (await issue(here, case, REGISTRAR, "transfer")).version == 1
        assert (await issue(here, case, REGISTRAR, "receipt")).version == 1, "each kind is counted apart"


async def test_a_later_template_never_changes_an_old_notice() -> None:
    async with county() as here:
        case, who = await decided(here)
        event = await issue(here, case, who, "decision", "n0")
        reader = NoticeReader(issuing_of(here))
        before = [await reader.document(who, event, form) for form in ("html", "pdf")]  # type: ignore[arg-type]
        own = built_in().own("decision")
        assert own is not None
        changed = own.model_copy(update={"zh": own.zh.model_copy(update={"title": "处理意见书（新）"})})
        document = plain(Templates(marks={str(who.org): "某建"}, notices=(changed,)))
        activation = PolicyActivated(section="templates", hash=hash_of(document), document=document)
        stamp = EventMetadata(SUPERVISOR, "new-templates", jurisdiction=DEMO)
        await here.ports.handling("supervision").append(f"policy/{DEMO}", stamp, lambda _head: [NewEvent(activation)])
        await here.settle()
        assert before == [await reader.document(who, event, form) for form in ("html", "pdf")]  # type: ignore[arg-type]
        other, _ = await decided(here, "2")
        second = await issue(here, other, who, "decision")
        assert second.body.document_number == "某建信访复字〔2026〕2号", "the series goes on"
        assert "处理意见书（新）" in (await reader.document(who, second, "html")).decode()
        assert second.body.template != event.body.template


async def test_the_handler_of_a_confidential_filing_issues_but_does_not_read_the_name() -> None:
    async with county() as here:
        case, who = await filed(here, confidential=True)
        await here.act(case, "accept", who, path=6)
        event = await issue(here, case, who, "acceptance")
        reader = NoticeReader(issuing_of(here))
        with pytest.raises(Denied) as denied:
            await reader.document(who, event, "html")
        assert denied.value.code == "notice_not_for_you"
        assert "李明" in (await reader.document(REGISTRAR, event, "html")).decode()


async def test_the_register_of_a_day_is_found_without_reading_the_year() -> None:
    async with county() as here:
        events = []
        for item in range(6):
            case, who = await filed(here, str(item))
            await here.act(case, "accept", who, path=6)
            events.append(await issue(here, case, who, "acceptance", f"n{item}"))
            here.clock.advance(timedelta(hours=12))
        reader = NoticeReader(issuing_of(here))
        day = events[2].recorded_at.date()
        page = await reader.register(who, str(who.org), day=day)
        assert [one.id.rpartition("/")[2] for one in page.notices] == ["3", "4"]
        first = await reader.register(who, str(who.org), limit=4)
        rest = await reader.register(who, str(who.org), limit=4, after=first.after)
        assert [one.id for one in (*first.notices, *rest.notices)] == [
            f"{who.org}/acceptance/2026/{n}" for n in range(1, 7)
        ]
        assert rest.after is None
        with pytest.raises(Unknown):
            await reader.register(clerk("xyz"), str(who.org))


async def test_a_publication_masks_the_name_and_says_nothing_of_the_matter() -> None:
    async with county() as here:
        case, who = await decided(here)
        await issue(here, case, who, "decision", "d")
        with pytest.raises(Refused) as early:
            await issue(here, case, who, "publication", "p")
        assert early.value.code == "notice_without_step"
        await here.act(case, "record_failed_service", who, document="reply", mode="post", reason_code="unclaimed")
        event = await issue(here, case, who, "publication", "p")
        page = (await NoticeReader(issuing_of(here)).document(who, event, "html")).decode()
        assert "李某" in page and "信访复字〔2026〕1号" in page
        assert not any(said in page for said in ("李明", "育才路", "修复"))
        await here.act(case, "deliver_reply", who, mode="public", reference="政府网站")
        assert (await here.case(case)).state == "replied"


async def test_nothing_confidential_is_published() -> None:
    async with county() as here:
        case, who = await filed(here, confidential=True)
        await here.act(case, "accept", who, path=6)
        await here.act(case, "record_failed_service", who, document="notice", mode="post", reason_code="unclaimed")
        with pytest.raises(Refused) as refused:
            await issue(here, case, who, "publication")
        assert refused.value.code == "never_published"


async def test_the_petitioner_has_the_file_of_a_notice_once_the_reply_was_served() -> None:
    async with county() as here:
        case, who = await decided(here)
        await issue(here, case, who, "decision")
        citizen = Principal("citizen", None, "x", case=case)

        async def readable_now() -> int:
            files, delivered = await files_of(here.ports, await here.case(case))
            assert len(files) == 2, "page and PDF"
            return len(readable(citizen, await here.case(case), files, delivered))

        assert await readable_now() == 0
        await here.act(case, "deliver_reply", who)
        assert await readable_now() == 2


class _Seals:
    """A provider of seals that at first does not answer."""

    def __init__(self) -> None:
        self.away, self.asked = True, list[tuple[str, str]]()

    async def seal(self, pdf: bytes, jurisdiction: str, office: str, document_number: str) -> Sealed:
        self.asked.append((jurisdiction, document_number))
        if self.away:
            raise SealUnavailable
        return Sealed(pdf, f"seal-of-{office}")


async def test_a_notice_waits_for_its_seal_and_keeps_its_number() -> None:
    async with county() as here:
        seals = _Seals()
        service = replace(issuing_of(here), seal=seals)
        case, who = await decided(here)
        await here.ports.feed.stop()
        event, _ = await service.number(who, case, "decision", "zh", "n1")
        with pytest.raises(SealUnavailable):
            await service.complete(event)
        reader = NoticeReader(service)
        assert (await reader.answer(who, event)).status == "pending" and not await issued(here, case)
        with pytest.raises(Refused) as pending:
            await reader.document(who, event, "pdf")
        assert pending.value.code == "notice_pending"
        seals.away = False
        await service.complete(event)
        await service.complete(event)
        (notice,) = await issued(here, case)
        answer = await reader.answer(who, event)
        assert (notice.seal, answer.seal, answer.status, notice.seq) == (f"seal-of-{who.org}",) * 2 + ("issued", 1)
        assert set(seals.asked) == {(DEMO, event.body.document_number)}, "sealed under the number that was given"


async def test_a_day_is_printed_as_one_file_without_void_numbers() -> None:
    async with county() as here:
        reader, cases = NoticeReader(issuing_of(here)), []
        for item in ("1", "2", "3"):
            case, who = await decided(here, item)
            cases.append(case)
        for place, case in enumerate((cases[0], *cases)):  # the first one twice, before its case knows
            await issuing_of(here).number(who, case, "decision", "zh", f"n{place}")
        await here.settle()
        today = here.clock.now().date()
        found = [one async for one in reader.of_day(who, str(who.org), today, None)]
        assert [case.id for _notice, _events, case in found] == cases
        pages = [await reader.stored(notice, events, "pdf") for notice, events, _case in found]
        words = text_of(merged(pages))
        places = [words.index(notice.document_number) for notice, _events, _case in found]
        assert places == sorted(places) and words.count("李明") >= 2
        page = await reader.register(who, str(who.org), day=today)
        assert sorted(one.status for one in page.notices) == ["issued", "issued", "issued", "void"]
        assert [one async for one in reader.of_day(who, str(who.org), today - timedelta(days=1), None)] == []


async def test_the_file_of_a_case_has_an_index_and_its_notices() -> None:
    async with county() as here:
        case, who = await decided(here)
        event = await issue(here, case, who, "decision")
        reader = NoticeReader(issuing_of(here))
        found, content = await dossier(reader, here.ports, REGISTRAR, case, "zh")
        words = text_of(content)
        for said in ("卷宗目录", "登记表", "办理经过", "李明", "予以修复。", event.body.document_number, found.number):
            assert said in words, said
        assert len(await here.events(f"reads/{case}")) == 1, "one reading of the whole file is recorded"
