"""Keyword rules that can never match, or not as they are meant, are findings."""

from __future__ import annotations

from typing import Any

import pytest

from shared.policy.keyword_rules import Keywords
from shared.policy.loading.loader import bundled
from shared.policy.validation.keyword_checks import unmatchable


def found(*rules: dict[str, Any]) -> list[str]:
    return [str(one) for one in unmatchable(Keywords.model_validate({"rules": rules}))]


def rule(id_: str, *any_: str, **more: Any) -> dict[str, Any]:
    return {"id": id_, "any": any_, **({} if "suspected" in more else {"subject": "S"}), **more}


@pytest.mark.parametrize(
    "word",
    [
        "受贿、行贿、贪污",
        "受贿，行贿",
        "受贿,行贿",
        "受贿/行贿",
        "受贿|行贿",
        "受贿\n行贿",
        "受贿：行贿",
        "受贿\\行贿",
        "受贿或行贿",
        "受贿以及行贿",
        "bribe or graft",
        "受贿……行贿",
    ],
)
def test_separator_inside_word_is_found(word: str) -> None:
    (one,) = found(rule("k", word, suspected=True))
    assert one.startswith("keywords.rules[k].any:") and "separate words with ;" in one and "分号" in one


@pytest.mark.parametrize(
    ("rules", "where"),
    [
        ([rule("a", "路灯", none=["灯"])], "a"),
        ([rule("a", all=["路燈"], none=["路灯"])], "a"),
        ([rule("a", "灯"), rule("b", "路灯", "灯泡")], "b"),
        ([rule("a", "灯"), rule("b", all=["路灯", "坏"])], "b"),
    ],
)
def test_rule_that_never_matches_is_found(rules: list[dict[str, Any]], where: str) -> None:
    (one,) = found(*rules)
    assert one.startswith(f"keywords.rules[{where}]:") and "never matches" in one


@pytest.mark.parametrize(
    "rules",
    [
        [rule("a", "路灯", "灯泡", none=["路灯"])],
        [rule("a", "路灯"), rule("b", "灯")],
        [rule("a", "灯", where="title"), rule("b", "路灯")],
        [rule("a", "灯", none=["台灯"]), rule("b", "路灯")],
        [rule("a", "灯", suspected=True), rule("b", "路灯")],
        [rule("a", "收*红包", none=["收"], where="title"), rule("b", "PM2.5")],
    ][:5],
)
def test_rules_that_can_match_are_not_found(rules: list[dict[str, Any]]) -> None:
    assert found(*rules) == []


def test_policies_that_come_with_huiyin_have_no_such_rule() -> None:
    (document,) = (one.document for one in bundled("demo") if one.section == "keywords")
    assert list(unmatchable(Keywords.model_validate(document))) == []
