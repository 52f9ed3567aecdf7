"""Keyword rules: from words of a text to a subject or suspicion."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from shared.policy.keyword_rules import Keywords

RULES = Keywords.model_validate(
    {
        "rules": [
            {"id": "waste", "subject": "S1", "any": ["垃圾"], "none": ["分类宣传"]},
            {"id": "wages", "subject": "S2", "all": ["工资", "拖欠"]},
            {"id": "title", "subject": "S3", "any": ["路灯"], "where": "title"},
            {"id": "light", "subject": "S4", "any": ["Street Light"]},
            {"id": "bribe", "suspected": True, "any": ["收*红包"]},
        ]
    }
)


@pytest.mark.parametrize(
    ("title", "text", "rule"),
    [
        ("", "楼下垃圾没人清", "waste"),
        ("", "垃圾分类宣传不到位", None),
        ("", "工 资 被 拖 欠", "wages"),
        ("工资", "一直拖欠", "wages"),
        ("", "只说工资", None),
        ("路灯", "不亮", "title"),
        ("不亮", "路灯", None),
        ("", "the ＳＴＲＥＥＴ  light is out", "light"),
        ("", "垃圾里有拖欠的工资", "waste"),
        ("", "", None),
    ],
)
def test_first_matching_keyword_rule_applies(title: str, text: str, rule: str | None) -> None:
    found = RULES.recognised(title, text)
    assert (found.suspicion, found.subject) == (None, rule)


@pytest.mark.parametrize(
    ("text", "suspected"),
    [
        ("他收了我的红包", True),
        ("他收红包", True),
        ("他收了\n红包在家里", True),
        ("他收、了。红\u200b包", True),
        ("他收" + "了" * 10 + "红包", True),
        ("他收" + "了" * 11 + "红包", False),
    ],
)
def test_wildcard_matches_ten_letters(text: str, suspected: bool) -> None:
    assert (RULES.recognised("", text).suspicion == "bribe") is suspected


def test_accusation_is_found_across_title_and_text() -> None:
    rules = Keywords.model_validate({"rules": [{"id": "a", "suspected": True, "any": ["受贿"]}]})
    assert rules.recognised("反映干部受", "贿的问题").suspicion == "a"


LONG = "本人住在这里已经很多年了一直都很好最近遇到一件事情想请有关部门来看一看" * 2


@pytest.mark.parametrize(
    ("title", "text", "weak"),
    [
        ("", "楼下垃圾没人清", False),
        ("", "垃圾", True),  # nothing but the word
        ("", "垃圾。", True),
        ("", LONG + "垃圾", True),  # one word of a long text
        ("", LONG + "垃圾" + LONG + "垃圾", False),
        ("垃圾", LONG + "垃圾", False),
        ("", LONG + "工资拖欠", False),  # two words
        ("", LONG + "垃圾，拖欠工资，工资", True),  # more speaks for another subject
    ],
)
def test_subject_by_little_evidence_is_weak(title: str, text: str, weak: bool) -> None:
    assert RULES.recognised(title, text).weak is weak


def test_evidence_that_is_needed_is_a_value_of_the_policy() -> None:
    rule = {"id": "a", "subject": "S", "any": ["垃圾"]}
    assert not Keywords.model_validate({"rules": [rule], "least_evidence": 1}).recognised("", LONG + "垃圾").weak
    assert not Keywords.model_validate({"rules": [rule], "short_text": 500}).recognised("", LONG + "垃圾").weak


def test_long_text_is_searched_quickly() -> None:
    import time

    slow = Keywords.model_validate({"rules": [{"id": "x", "subject": "S", "any": ["了*了*完"]}]})
    began = time.perf_counter()
    assert slow.recognised("", "了" * 50_000).subject is None
    assert time.perf_counter() - began < 5


@pytest.mark.parametrize(
    "rule",
    [
        {"id": "a", "any": ["x"]},
        {"id": "a", "subject": "s", "suspected": True, "any": ["x"]},
        {"id": "a", "subject": "s"},
        {"id": "a", "subject": "s", "none": ["x"]},
        {"id": "a", "subject": "s", "any": ["a*b*c*d"]},
        {"id": "a", "subject": "s", "any": ["*"]},
    ],
)
def test_overbroad_keyword_rules_are_refused(rule: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Keywords.model_validate({"rules": [rule]})


OFFICIAL = Keywords.model_validate(
    {"rules": [{"id": "official", "suspected": True, "official": True, "any": ["收*钱", "打人"]}]}
)


@pytest.mark.parametrize(
    ("text", "suspected"),
    [
        ("局长收了我的钱", True),
        ("局长在办公室里当着大家的面收了钱", True),
        ("局" + "长" + "那" * 31 + "收了钱", False),
        ("收钱的局长", True),
        ("物业收了我的钱", False),
        ("尊敬的局长，物业打人", False),
        ("物业打人，请管管，尊敬的局长", False),
        ("局长很好", False),
    ],
)
def test_word_near_an_office(text: str, suspected: bool) -> None:
    assert (OFFICIAL.recognised("", text).suspicion is not None) is suspected


def test_official_is_for_suspicions_with_words() -> None:
    for wrong in ({"subject": "S1", "any": ["收钱"]}, {"suspected": True, "all": ["收钱"]}):
        with pytest.raises(ValidationError, match="official"):
            Keywords.model_validate({"rules": [{"id": "a", "official": True, **wrong}]})


CLASSES = Keywords.model_validate(
    {"rules": [{"id": "took", "suspected": True, "official": True, "any": ["收了{钱}", "{亲属}*承包", "给{公职}送"]}]}
)


@pytest.mark.parametrize(
    ("text", "suspected"),
    [
        ("王局长收了五万块", True),
        ("王局长收了8000元", True),
        ("王局长没收了五万块", False),  # another word
        ("王局长收了五百元的押金", False),  # a fee
        ("村主任的堂弟承包", True),
        ("村主任说我儿子承包", False),
        ("村主任说物业经理收了五万块", False),  # another subject
        ("村主任跟物业经理收了五万块", True),
        ("尊敬的局长，有人收了五万块", False),  # addressed
        ("收了五万块的那个局长", True),
        ("收了五万块，没有人管", False),
    ],
)
def test_words_of_a_class_are_said_of_an_office(text: str, suspected: bool) -> None:
    assert (CLASSES.recognised("", text).suspicion == "took") is suspected


NEAR = Keywords.model_validate({"rules": [{"id": "near", "suspected": True, "any": ["{公物}+{侵吞}", "{公车}+送货"]}]})


@pytest.mark.parametrize(
    ("text", "suspected"),
    [
        ("低保被他克扣", True),
        ("他克扣了我们村的低保", True),
        ("低保" + "那" * 20 + "克扣", True),
        ("低保" + "那" * 21 + "克扣", False),
        ("低保怎么申请", False),
        ("克扣工资", False),
        ("开着警车送货", True),
        ("送货的开着警车", True),
        ("送货的车", False),
    ],
)
def test_plus_finds_what_stands_near_each_other_in_any_order(text: str, suspected: bool) -> None:
    assert (NEAR.recognised("", text).suspicion == "near") is suspected


def test_plus_between_words_without_a_class_joins_nothing() -> None:
    plain = Keywords.model_validate({"rules": [{"id": "x", "subject": "S1", "any": ["路灯+漏水"]}]})
    assert plain.recognised("", "漏水的是路灯").subject is None
    with pytest.raises(ValidationError, match="at most 3"):
        Keywords.model_validate({"rules": [{"id": "x", "suspected": True, "any": ["{钱}+{公物}+{侵吞}+{亲属}"]}]})


@pytest.mark.parametrize("word", ["收{钱币}", "收{钱", "{钱}", "{钱}+", "{钱}+、"])
def test_class_is_known_and_letters_stand_beside_it(word: str) -> None:
    with pytest.raises(ValidationError):
        Keywords.model_validate({"rules": [{"id": "x", "suspected": True, "any": [word]}]})
