"""When a policy is in force: from its named day, never retroactively, and a second policy is checked against the first."""

from __future__ import annotations

import asyncio
from datetime import UTC, date, datetime
from typing import Any

import pytest

from services.supervision.policy_activation import activate, checked
from shared.kernel.refusals import Invalid, Refused
from shared.policy.loading.loader import bundled
from shared.repositories.policy_repository import STREAM
from tests.support.county import DEMO, REGISTRAR, County, clerk, county
from tests.support.findings import in_english

Sections = dict[str, Any]


def documents() -> Sections:
    return {one.section: one.document for one in bundled("demo")}


def routed_to(org: str) -> Sections:
    routing = documents()["routing"]
    rules = [{**rule, "org": org} if rule["id"] == "r01" else rule for rule in routing["rules"]]
    return {"routing": {**routing, "rules": rules}}


def with_organisation(code: str) -> Sections:
    listed = documents()["organisations"]["organisations"]
    return {"organisations": {"organisations": [*listed, {"code": code, "name": "新设的局"}]}}


async def put(here: County, sections: Sections, at: Any = None, **more: Any) -> Any:
    hands = here.ports.handling("supervision")
    return await activate(hands, REGISTRAR, DEMO, sections, at, views=here.ports.views, **more)


async def test_routing_changes_at_local_midnight() -> None:
    async with county(start=datetime(2026, 3, 2, 1, 0, tzinfo=UTC)) as here:
        done = await put(here, {**with_organisation("new"), **routed_to("new")}, date(2026, 3, 4))
        assert set(done.sections) == {"organisations", "routing"}
        before = await here.file("1", place="dh", subject="0102")
        assert (await here.case(before.case)).assignment.org == "zj"
        with pytest.raises(Invalid, match="unknown_organisation"):
            first = await here.file("2", text="别的事")
            await here.act(first.case, "dispatch", REGISTRAR, org="new")
        here.clock.advance((datetime(2026, 3, 3, 15, 59, tzinfo=UTC) - here.clock.now()).total_seconds())
        late = await here.file("3", place="dh", subject="0102")
        assert (await here.case(late.case)).assignment.org == "zj"
        here.clock.advance(120)  # 00:01 in China
        after = await here.file("4", place="dh", subject="0102")
        assert (await here.case(after.case)).assignment.org == "new"
        assert (await here.case(before.case)).assignment.org == "zj"


async def test_filing_on_future_or_removed_channel_is_refused() -> None:
    async with county() as here:
        channels = documents()["channels"]
        listed = [one for one in channels["channels"] if one["code"] != "fax"]
        new = {**channels, "channels": [*listed, {"code": "later", "name": "新渠道", "class_": "web"}]}
        old = await here.file("1", channel="fax")
        await put(here, {"channels": new}, date(2026, 3, 3))
        with pytest.raises(Invalid, match="unknown_channel"):
            await here.file("2", channel="later")
        here.clock.advance(24 * 3600)
        await here.file("2", channel="later")
        with pytest.raises(Invalid, match="unknown_channel"):
            await here.file("3", channel="fax")
        again = await here.file("1", channel="fax")
        assert again.repeated and again.case == old.case
        assert (await here.ports.policies.book(DEMO)).names["fax"] == "传真"


async def test_running_clock_keeps_rule_after_activation() -> None:
    async with county() as here:
        clocks = documents()["clocks"]
        rules = [{**rule, "period": {"days": 3}} if rule["id"] == "C1" else rule for rule in clocks["rules"]]
        old = await here.file("1")
        due = await _due(here, old.case)
        await put(here, {"clocks": {**clocks, "rules": rules}}, date(2026, 3, 3))
        assert await _due(here, old.case) == due
        here.clock.advance(24 * 3600)
        assert await _due(here, old.case) == due
        new = await here.file("2")
        assert await _due(here, new.case) == "2026-03-06"


async def _due(here: County, case: str) -> str:
    from shared.deadlines.derivation import deadlines

    book = await here.ports.policies.book(DEMO)
    return next(one.due_day.isoformat() for one in deadlines(await here.case(case), book) if one.clock == "C1")


async def test_read_model_rows_do_not_depend_on_build_time() -> None:
    """A change of the petition office that begins later moves no clock that runs, before or after it begins."""
    from shared.deadlines.derivation import deadlines

    async with county() as here:
        case = (await here.file("1")).case
        jurisdiction = documents()["jurisdiction"]
        listed = documents()["organisations"]["organisations"]
        other = {"code": "office2", "name": "新信访局", "kind": "petition_office"}
        await put(
            here,
            {
                "jurisdiction": {**jurisdiction, "petition_office": "office2"},
                "organisations": {"organisations": [*listed, other]},
            },
            date(2026, 3, 3),
        )
        whole = (await here.ports.policies.book(DEMO)).as_of(datetime(2026, 1, 1, tzinfo=UTC))
        found = await here.case(case)
        for moment in (datetime(2026, 3, 2, 2, tzinfo=UTC), datetime(2026, 5, 1, tzinfo=UTC)):
            assert deadlines(found, whole.as_of(moment))[0].org == "xfj"


async def test_retroactive_activation_is_refused_unless_no_policy_was_in_force() -> None:
    async with county() as here:
        version = (await here.ports.policies.book(DEMO)).version
        for past in (date(2026, 3, 1), date(2026, 3, 2), datetime(2026, 3, 2, 0, 59, tzinfo=UTC)):
            with pytest.raises(Invalid) as refused:
                await put(here, routed_to("rs"), past)
            assert refused.value.code == "policy_in_the_past"
            assert "2026-03-03" in str(refused.value)
            assert "2026-03-03" in str(refused.value.detail_zh)
        assert (await here.ports.policies.book(DEMO)).version == version
        with pytest.raises(Invalid, match="policy_in_the_past"):
            await put(here, routed_to("rs"), date(1999, 1, 1))
        older = {"clocks": {**documents()["clocks"], "id": "CN-XF-OLD"}}
        assert (await put(here, older, date(1999, 1, 1))).sections == ["clocks"], "history needs the law of its time"
        mappings = {"mappings": {"mappings": {}}}
        assert (await put(here, mappings, date(1999, 1, 1))).sections == ["mappings"], "nothing was decided by another"


async def test_second_activation_is_checked_against_first() -> None:
    async with county() as here:
        removed = {"organisations": {"organisations": documents()["organisations"]["organisations"][:-1]}}
        gone = documents()["organisations"]["organisations"][-1]["code"]
        routing = documents()["routing"]
        rules = [rule for rule in routing["rules"] if rule.get("org") != gone]
        await put(here, {"routing": {**routing, "rules": rules}})
        needed = {
            "routing": {**routing, "rules": [*rules, {"id": "late", "place": "bh", "subject": "05", "org": gone}]}
        }
        results = await asyncio.gather(put(here, removed), put(here, needed), return_exceptions=True)
        refused = [one for one in results if isinstance(one, Invalid)]
        assert len(refused) == 1 and refused[0].code == "policy_invalid"
        book = await here.ports.policies.book(DEMO)
        assert (await checked(here.ports.handling("supervision"), DEMO, {})).findings == []
        assert gone in book.organisations or "late" not in {rule.id for rule in book.edition("routing").document.rules}  # type: ignore[union-attr]


async def test_activation_with_stale_policy_version_is_refused() -> None:
    async with county() as here:
        version = (await here.ports.policies.book(DEMO)).version
        await put(here, routed_to("rs"), expected_version=version)
        with pytest.raises(Refused, match="stale_policy"):
            await put(here, routed_to("zj"), expected_version=version)


async def test_future_activation_is_checked_against_policy_in_force_then() -> None:
    async with county() as here:
        await put(here, {**with_organisation("new"), **routed_to("new")}, date(2026, 3, 10))
        with pytest.raises(Invalid) as refused:
            await put(here, {"organisations": documents()["organisations"]}, date(2026, 3, 12))
        assert "from 2026-03-12 on" not in str(refused.value)
        assert any("'new' is not in organisations" in one["problem"] for one in refused.value.more["errors"])
        await put(here, {**with_organisation("other")})  # until the tenth
        assert "other" in (await here.ports.policies.book(DEMO)).organisations
        here.clock.advance(9 * 24 * 3600)
        book = await here.ports.policies.book(DEMO)
        assert "new" in book.organisations and "other" not in book.organisations


@pytest.mark.parametrize(
    ("sections", "what", "zh"),
    [
        ({"laws": {}}, "a name is not a section", "有名称不是规则的部分"),
        ({"places": {"places": [{}]}}, "is missing; add it", "缺失，请补充。"),
        ({"places": {"more": 1}}, "is not a field of this section", "不是这一部分的字段"),
        (
            {"keywords": {"rules": [{"id": "k", "suspected": True}]}},
            "a keyword rule needs a word under any or all",
            "至少写一个词",
        ),
        (
            {"jurisdiction": {"code": "x", "name": "某", "zone": "Asia/Shanghai"}},
            "is not the code of the jurisdiction",
            "不是要更改的辖区",
        ),
        (
            {"jurisdiction": {"code": DEMO, "name": "某", "zone": "Mars/North"}},
            "unknown time zone 'Mars/North'",
            "时区 'Mars/North' 无法识别",
        ),
        (
            {**with_organisation("other"), **routed_to("other")},
            "(from 2026-03-10 on, together with what is activated for that day)",
            "自 2026-03-10 起",
        ),
    ],
)
async def test_findings_are_reported_in_both_languages(sections: Sections, what: str, zh: str) -> None:
    async with county() as here:
        await put(here, with_organisation("new"), date(2026, 3, 10))
        found = await checked(here.ports.handling("supervision"), DEMO, sections)
        assert any(what in line for line in in_english(found.findings)), found.findings
        assert any(zh in one.zh for one in found.findings)


async def test_organisation_with_open_cases_cannot_be_removed() -> None:
    async with county() as here:
        case = (await here.file("1", place="dh", subject="02")).case
        listed = documents()["organisations"]["organisations"]
        routing = documents()["routing"]
        rules = [{**rule, "org": "zj"} if rule.get("org") == "rs" else rule for rule in routing["rules"]]
        sections = {
            "organisations": {"organisations": [one for one in listed if one["code"] != "rs"]},
            "routing": {**routing, "rules": rules},
        }
        with pytest.raises(Invalid) as refused:
            await put(here, sections)
        assert "holds 1 open case;" in str(refused.value)
        assert "仍有 1 件未办结件；" in str(refused.value.detail_zh)
        assert len(await here.events(STREAM + DEMO)) == (await here.ports.policies.book(DEMO)).version
        later = await put(here, sections, date(2026, 4, 1))
        assert [one.where for one in later.warnings] == ["organisations[rs]"]
        assert in_english(later.warnings)
        await here.act(case, "recall", REGISTRAR)
        await here.act(case, "dispatch", REGISTRAR, org="zj")
        await here.act(case, "sign_off", clerk("zj"))
        assert (await put(here, sections)).sections == ["organisations", "routing"]
        assert (await here.ports.policies.book(DEMO)).names["rs"], "old cases still speak of it"
