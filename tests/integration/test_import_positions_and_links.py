"""Positions give the place by the boundaries of the policy; the number of an original becomes a link."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from services.supervision.policy_activation import activate
from shared.case import Case
from shared.eventstore.field_encryption import open_sealed
from shared.kernel.identifiers import case_id
from shared.policy.loading.loader import bundled
from tests.support.county import DEMO, REGISTRAR, County, county
from tests.support.history_import import OPERATIONS, imported

MAPPING = """
source: {zone: Asia/Shanghai}
channel: {constant: old, class: web}
item: 编号
filing: {received_at: 时间, text: 内容, place: 属地, latitude: 纬度, longitude: 经度, media: 照片}
organisation: {column: 单位, create: true}
link: 原件
"""
HEAD = "编号,时间,内容,属地,纬度,经度,照片,单位,原件\n"
BOUNDARIES = {
    "dh": "POLYGON ((120 30, 121 30, 121 31, 120 31, 120 30))",
    "dh-yl": "MULTIPOLYGON (((120.2 30.2, 120.4 30.2, 120.4 30.4, 120.2 30.4, 120.2 30.2)))",
    "xs": "POLYGON ((120.9 30, 122 30, 122 31, 120.9 31, 120.9 30))",
}


@pytest.fixture
async def here(tmp_path: Path) -> AsyncIterator[County]:
    async with county(start=datetime(2026, 4, 1, tzinfo=UTC)) as made:
        listed = next(one.document for one in bundled("demo") if one.section == "places")["places"]
        places = [
            {**one, **({"boundary": BOUNDARIES[one["code"]]} if one["code"] in BOUNDARIES else {})} for one in listed
        ]
        await activate(made.ports.handling("supervision"), OPERATIONS, DEMO, {"places": {"places": places}})
        yield made


async def case_of(here: County, item: str) -> Case:
    return await here.case(case_id(here.ports.keys.secret("case-id"), DEMO, "old", item))


@pytest.mark.parametrize(
    ("place", "latitude", "longitude", "code"),
    [
        ("", "30.3", "120.3", "dh-yl"),
        ("", "30.5", "120.5", "dh"),
        ("", "30.5", "121.5", "xs"),
        ("", "30.5", "120.95", None),
        ("", "0", "0", None),
        ("荷港街道", "30.3", "120.3", "dh-hg"),
    ],
)
async def test_place_by_position(
    here: County, tmp_path: Path, place: str, latitude: str, longitude: str, code: str | None
) -> None:
    row = f"1,2026-01-05,灯,{place},{latitude},{longitude},https://x.cn/1.jpg,,\n"
    report = await imported(here, tmp_path, HEAD + row, MAPPING)
    assert (report.added, report.clean) == (1, True)
    case = await case_of(here, "1")
    assert case.filing.place == code
    opened = await open_sealed(here.ports.keys, await here.events(case.stream))
    texts = [str(value) for part in opened for value in part.values.values()]
    assert f"({latitude}, {longitude})" in texts
    assert "灯\nhttps://x.cn/1.jpg" in texts
    stored = [event.body.model_dump_json() for event in await here.events(case.stream)]
    assert not any("x.cn" in body or f"{latitude}, " in body for body in stored)
    assert (await imported(here, tmp_path, HEAD + row, MAPPING)).same == 1


async def test_duplicates_follow_their_original(here: County, tmp_path: Path) -> None:
    rows = (
        "2,2026-01-06,灯,,,,,,1\n"  # the original stands below
        "1,2026-01-05,灯,,,,,,1\n"  # its own number is no link
        "3,2026-01-07,灯,,,,,,2\n"
        "4,2026-01-08,灯,,,,,,9\n"
        "5,2026-01-04,灯,,,,,,1\n"
        "6,2026-01-09,灯,,,,,,无\n"
    )
    report = await imported(here, tmp_path, HEAD + rows, MAPPING)
    assert (report.added, report.steps_added, report.refused) == (6, 2, 0)
    assert report.problems == {"original_unknown": 1, "original_is_younger": 1}
    assert "5,link,original_unknown" in (tmp_path / "rejects.csv").read_text("utf-8-sig")
    leads = [(await case_of(here, item)).matter.lead for item in "123456"]
    first, second = (await case_of(here, "1")).id, (await case_of(here, "2")).id
    assert leads == [None, first, second, None, None, None]
    assert (await case_of(here, "2")).matter.lead_kind == "duplicate"
    again = await imported(here, tmp_path, HEAD + rows + "9,2026-01-01,灯,,,,,,\n", MAPPING)
    assert (again.added, again.extended, again.steps_added) == (1, 1, 1), "the original came with another export"
    third = await imported(here, tmp_path, HEAD + rows, MAPPING)
    assert (third.same, third.steps_added) == (6, 0)


async def test_original_of_a_later_export_gets_its_duplicates(here: County, tmp_path: Path) -> None:
    first = await imported(here, tmp_path, HEAD + "2,2026-01-06,灯,,,,,,1\n3,2026-01-07,灯,,,,,,1\n", MAPPING)
    assert first.problems == {"original_unknown": 2}
    assert (await case_of(here, "2")).matter.awaits is not None
    later = await imported(here, tmp_path, HEAD + "1,2026-01-05,灯,,,,,,\n", MAPPING)
    assert later.clean
    original = (await case_of(here, "1")).id
    assert [(await case_of(here, item)).matter.lead for item in "23"] == [original, original]
    assert (await imported(here, tmp_path, HEAD + "2,2026-01-06,灯,,,,,,1\n", MAPPING)).same == 1


async def test_original_that_comes_while_its_duplicate_is_recorded_is_found(here: County, tmp_path: Path) -> None:
    both = []
    for name, row in (("b", "2,2026-01-06,灯,,,,,,1\n"), ("a", "1,2026-01-05,灯,,,,,,\n")):
        (tmp_path / name).mkdir()
        both.append(imported(here, tmp_path / name, HEAD + row, MAPPING))
    await asyncio.gather(*both)
    await here.settle()
    assert (await case_of(here, "2")).matter.lead == (await case_of(here, "1")).id


async def test_younger_original_is_left_to_a_person(here: County, tmp_path: Path) -> None:
    await imported(here, tmp_path, HEAD + "2,2026-01-06,灯,,,,,,1\n", MAPPING)
    await imported(here, tmp_path, HEAD + "1,2026-01-09,灯,,,,,,\n", MAPPING)
    assert (await case_of(here, "2")).matter.lead is None


async def test_original_that_is_an_accusation_stays_unknown(here: County, tmp_path: Path) -> None:
    accused = MAPPING.replace("text: 内容", "text: 内容, class: {constant: accusation}").replace("link: 原件\n", "")
    await imported(here, tmp_path, HEAD + "2,2026-01-06,灯,,,,,,1\n", MAPPING)
    await imported(here, tmp_path, HEAD + "1,2026-01-05,某人收钱,,,,,,\n", accused)
    assert (await case_of(here, "2")).matter.lead is None
    again = await imported(here, tmp_path, HEAD + "2,2026-01-06,灯,,,,,,1\n", MAPPING)
    assert again.problems == {"original_unknown": 1}


async def test_related_filings_are_a_reference_only(here: County, tmp_path: Path) -> None:
    mapping = MAPPING.replace("link: 原件", "link: {column: 原件, kind: related}")
    report = await imported(here, tmp_path, HEAD + "1,2026-01-05,灯,,,,,,2\n2,2026-01-06,灯,,,,,,1\n", mapping)
    assert report.clean
    one, two = await case_of(here, "1"), await case_of(here, "2")
    assert (one.matter.related, two.matter.related, one.matter.lead) == ((two.id,), (one.id,), None)


async def test_ordinary_filing_never_follows_an_accusation(here: County, tmp_path: Path) -> None:
    accused = MAPPING.replace("text: 内容", "text: 内容, class: {constant: accusation}").replace("link: 原件\n", "")
    await imported(here, tmp_path, HEAD + "1,2026-01-05,某人收钱,,,,,,\n", accused)
    report = await imported(here, tmp_path, HEAD + "2,2026-01-06,灯,,,,,,1\n", MAPPING)
    assert report.problems == {"original_unknown": 1}


async def test_link_does_not_tell_of_a_case_that_became_an_accusation(here: County, tmp_path: Path) -> None:
    await imported(here, tmp_path, HEAD + "1,2026-01-05,灯,,,,,,\n", MAPPING)
    await here.act((await case_of(here, "1")).id, "correct", REGISTRAR, field="class", new="accusation")
    await imported(here, tmp_path, HEAD + "2,2026-01-06,灯,,,,,,1\n3,2026-01-06,灯,,,,,,8\n", MAPPING)
    told = [line.partition(",")[2] for line in (tmp_path / "rejects.csv").read_text("utf-8-sig").splitlines()[1:]]
    assert len(told) == 2
    assert len(set(told)) == 1, "as for a case that does not exist"


async def test_steps_before_and_after_a_link_are_taken(here: County, tmp_path: Path) -> None:
    steps = "steps:\n  - {event: ReplyDelivered, date: 照片}\n"
    mapping = MAPPING.replace(", media: 照片", "") + steps
    rows = "1,2026-01-05,灯,,,,2026-01-09,甲局,\n2,2026-01-06,灯,,,,{},甲局,1\n3,2026-01-07,灯,,,,2026-01-08,甲局,1\n"
    first = await imported(here, tmp_path, HEAD + rows.format(""), mapping)
    assert (first.clean, first.steps_added) == (True, 4)
    second = await imported(here, tmp_path, HEAD + rows.format("2026-01-10"), mapping)
    assert (second.clean, second.steps_added, second.same) == (True, 1, 2)
    original = (await case_of(here, "1")).id
    for item in "23":
        case = await case_of(here, item)
        assert (case.matter.lead, case.state, case.handling.replied_at is not None) == (original, case.state, True)


async def test_import_does_not_link_again_what_a_person_unlinked(here: County, tmp_path: Path) -> None:
    rows = HEAD + "1,2026-01-05,灯,,,,,,\n2,2026-01-06,灯,,,,,,1\n"
    await imported(here, tmp_path, rows, MAPPING)
    await here.act((await case_of(here, "2")).id, "unlink", REGISTRAR, reason="另一件事")
    assert (await imported(here, tmp_path, rows, MAPPING)).same == 2
    assert (await case_of(here, "2")).matter.lead is None


async def test_dry_run_lists_what_an_import_creates(here: County, tmp_path: Path) -> None:
    mapping = MAPPING.replace("place: 属地", "place: {column: 属地, create: true}")
    rows = "1,2026-01-05,灯,望江新村,,,,甲局,\n2,2026-01-05,灯,张三 13900000000,,,,甲局,\n3,2026-01-05,灯,,,,,乙局,\n"
    report = await imported(here, tmp_path, HEAD + rows, mapping, dry_run=True)
    assert report.created == {"places": {"望江新村": 1}, "organisations": {"甲局": 2, "乙局": 1}}
    assert (await imported(here, tmp_path, HEAD + rows, mapping)).created == {}
