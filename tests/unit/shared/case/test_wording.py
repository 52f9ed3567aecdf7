"""The wording that people read instead of codes and UTC."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from deploy.cli.import_run import local_times
from deploy.cli.local_words import Wording, at, due, wording
from shared.events.wording import decisive
from shared.policy.deadline_rules import ClockRule, Clocks
from shared.policy.loading.loader import bundled

SHANGHAI = "Asia/Shanghai"


@pytest.mark.parametrize(
    ("text", "zone", "shown"),
    [
        ("2026-01-31T16:05:09.000001Z", SHANGHAI, "2026-02-01 00:05 +08:00"),
        ("2026-07-01T16:00:00.000000Z", "America/New_York", "2026-07-01 12:00 -04:00"),
        ("2026-01-31T16:05:09.000001Z", None, "2026-01-31 16:05 +00:00"),
        ("2026-01-31", SHANGHAI, "2026-01-31"),
        ("0102", SHANGHAI, "0102"),
        (None, SHANGHAI, ""),
    ],
)
def test_times_are_shown_in_jurisdiction_time_zone(text: str | None, zone: str | None, shown: str) -> None:
    assert at(text, zone) == shown


def test_end_of_day_is_shown_as_that_day() -> None:
    assert due("2026-01-31T15:59:59.999999Z", SHANGHAI) == "2026-01-31"
    assert due("2026-01-31T15:59:59.999999Z") == "2026-01-31 15:59 +00:00"
    assert due("2026-01-31T09:30:00.000000Z", SHANGHAI) == "2026-01-31 17:30 +08:00"


def test_row_is_previewed_in_time_zone_of_file() -> None:
    row = {"line": 2, "steps": [{"effective_at": "2026-01-31T16:00:00.000000Z"}], "item": "*** (3)"}
    assert local_times(row, SHANGHAI) == {
        "line": 2,
        "steps": [{"effective_at": "2026-02-01 00:00 +08:00"}],
        "item": "*** (3)",
    }


def test_names_are_shown_next_to_codes() -> None:
    words = Wording({"A": SHANGHAI, "B": "UTC"}, {"A": {"zj": "住建局"}, "B": {"zj": "Housing"}})
    assert words.named("zj", "B") == "Housing (zj)"
    assert words.named("zj") == "住建局 (zj)"
    assert (words.named("xx", "A"), words.named(None)) == ("xx", "")
    assert (words.zone("B"), words.zone("C"), words.zone()) == ("UTC", None, None)


async def test_role_without_policy_access_reads_codes() -> None:
    refused = httpx.MockTransport(lambda _request: httpx.Response(403, json={"code": "role_not_allowed"}))
    async with httpx.AsyncClient(transport=refused, base_url="http://huiyin") as client:
        assert await wording(client) == Wording({}, {})


@pytest.mark.parametrize(
    ("kind", "told", "line"),
    [
        ("EvaluationInvited", {"object": "petition_office"}, "信访部门 petition_office"),
        ("DecisionIssued", {"org": "zj", "result": "supported"}, "支持 supported"),
        ("CaseTransferred", {"org": "zj", "rule": "r-12"}, "zj, rule r-12"),
        ("NoticeServed", {"kind": "acceptance", "mode": "post"}, "受理 acceptance, 邮寄送达 post"),
        ("ReturnVerified", {"agreed": False}, "agreed 否 no"),
        ("ExtensionGranted", {"days": 20}, "days 20"),
        ("CaseClassified", {"class": "claim", "by": "rule"}, "申诉求决 claim"),
        ("SignedFor", {"org": "zj"}, ""),
        ("SomethingNew", {"newer": True}, ""),
    ],
)
def test_timeline_line_states_decision(kind: str, told: dict[str, Any], line: str) -> None:
    assert decisive(kind, told) == line


def test_article_is_cited_in_language_of_sentence() -> None:
    clocks: Any = next(one.document for one in bundled("demo") if one.section == "clocks")
    rules = Clocks.model_validate(clocks).rules
    first = next(rule for rule in rules if rule.id == "C1")
    assert (first.article_zh, first.article_en) == ("《信访工作条例》第二十二条", "Regulation Art. 22")
    local = ClockRule.model_validate(first.model_dump() | {"article": "days per service type (observed)"})
    assert local.article_zh == local.article_en == "days per service type (observed)"
