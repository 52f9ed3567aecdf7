"""Every finding has both languages: those of other tests, some more, and all in the source."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from string import Formatter
from typing import Any, NamedTuple

import pytest
import yaml
from pydantic import BaseModel, Field, TypeAdapter, ValidationError

import services.intake.importer.channel_items  # noqa: F401  # knows the language of mappings
from shared.events.fields import Moment
from shared.kernel.validation_messages import told
from shared.policy.loading.loader import PolicyInvalid, load
from shared.policy.validation.finding import of_error
from shared.policy.validation.messages import MESSAGES
from tests.support.findings import CHINESE, in_english, is_chinese
from tests.unit.shared.policy.loading.test_clerk_mistakes import BAD, change, county
from tests.unit.shared.policy.loading.test_loader import CLOCK, complaints, said

__all__ = ["county"]
ROOT = Path(__file__).parents[5]
KINDS = {"Finding": 2, "WrongValue": 1}
"""Where the Chinese stands among the arguments."""


@pytest.mark.parametrize(("table", "old", "new", "said"), BAD)
def test_each_finding_is_reported_in_both_languages(county: Path, table: str, old: str, new: str, said: str) -> None:
    change(county, table, old, new)
    with pytest.raises(PolicyInvalid) as caught:
        load(county)
    lines = in_english(caught.value.findings)
    assert lines and not any(CHINESE.search(line.partition(": ")[2]) for line in lines), lines
    assert str(caught.value).count("。\n") == len(lines) - 1, "a line each"


def urging(*rungs: tuple[str, int], **more: Any) -> dict[str, Any]:
    listed = [{"id": f"r{place}", "kind": kind, "at_percent": at} for place, (kind, at) in enumerate(rungs)]
    return {"clocks": {"id": "X", "rules": [{**CLOCK, **more, "rungs": listed}]}}


MORE: list[tuple[dict[str, Any], str]] = [
    (urging(("remind", 120)), "提醒应在期限届满之前"),
    (urging(("urge", 90)), "催办应在期限届满之后"),
    (urging(("urge", 120), responsible="citizen"), "自动催办只针对承办单位"),
    (urging(("urge", 120), ("urge", 150)), "只自动催办一次"),
    (urging(("remind", 0)), "须大于 0。"),
    ({"subjects": [], **urging(period={"by_subject": {"s": 3}})}, "分类 's' 不在 subjects 中"),
    ({"calendar": {"years": {2026: {}}}}, "请写明已公布到哪一年"),
    ({"calendar": {"weekend": [8]}}, "须不大于 7。"),
    ({"calendar": {"fixed": ["1-1"]}}, "须符合"),
    ({"calendar": {"fixed": ["02-30"]}}, "任何一年都没有 02-30"),
    ({"calendar": {"weekend": [1, 2, 3, 4, 5, 6, 7]}}, "将没有工作日"),
    (
        {
            "calendar": {
                "published_until": 2026,
                "years": {2026: {"holidays": [f"2026-03-{day:02}" for day in range(1, 19)]}},
            }
        },
        "连续 16 天",
    ),
    ({"calendar": {"published_until": 2026, "years": {2026: {"workdays": ["2026-03-07"]}}}}, "调休上班 1 天"),
    ({"calendar": {"published_until": "soon"}}, "须为整数。"),
    ({"calendar": {"years": {2026: {"holidays": ["soon"]}}}}, "须为有效日期"),
    ({"places": [{"code": "", "name": "x"}]}, "为空，请填写。"),
    ({"places": {"places": "x"}}, "须为列表。"),
    ({"channels": {"qr_codes": [{"code": "q", "channel": "c", "place": "p"}] * 2}}, "在渠道 'c' 中重复出现 2 次"),
    ({"keywords": {"rules": [{"id": "k", "suspected": True, "any": ["字"]}] * 2}}, "每条关键词规则设置各自的 id"),
    ({"keywords": {"rules": [{"id": "k", "suspected": True, "any": ["*"]}]}}, "最多含 2 个星号"),
    ({"keywords": {"rules": [{"id": "k", "any": ["字"]}]}}, "写明 subject 或 suspected: true"),
    ({"mappings": {"mappings": {"m": {"channel": "x", "source": {"zone": "Asia/Shanghai"}}}}}, "新的来件"),
]


@pytest.mark.parametrize(("sections", "zh"), MORE, ids=[zh for _sections, zh in MORE])
def test_further_findings_are_reported_in_both_languages(tmp_path: Path, sections: dict[str, Any], zh: str) -> None:
    assert said(tmp_path, **sections)
    with pytest.raises(PolicyInvalid) as caught:
        load(tmp_path / "policy.yaml")
    assert any(zh in one.zh for one in caught.value.findings), caught.value


@pytest.mark.parametrize("text", ["a: [", "- 1", "a: b", "source: {zone: Mars/North}\nitem: {}\n"])
def test_unreadable_mappings_are_reported_in_both_languages(tmp_path: Path, text: str) -> None:
    (tmp_path / "mappings").mkdir()
    (tmp_path / "mappings" / "m.yaml").write_text(text, encoding="utf-8")
    assert complaints(tmp_path)


def test_long_lists_are_abbreviated_with_count(tmp_path: Path) -> None:
    places = [{"code": f"p{number}", "name": "地"} for number in range(8)]
    (tmp_path / "p.yaml").write_text(yaml.safe_dump({"places": places, "routing": {"rules": []}}), encoding="utf-8")
    with pytest.raises(PolicyInvalid) as caught:
        load(tmp_path / "p.yaml")
    (gap,) = caught.value.findings
    assert "and 3 more" in gap.what
    assert "属地 'p0'、'p1'、'p2'、'p3'、'p4' 等 8 个" in gap.zh


# -------------------------------------------------------------------- pydantic findings


class Anything(BaseModel, extra="forbid"):
    text: str = Field("ab", min_length=2, max_length=3)
    number: int = Field(2, gt=1, lt=4)
    listed: list[int] = Field([1], min_length=1, max_length=2)
    share: float = 0.5
    flag: bool = True
    named: dict[str, int] = {}
    when: Moment | None = None


@pytest.mark.parametrize(
    "value",
    [
        {"text": "a"},
        {"text": "abcd"},
        {"text": 1},
        {"number": 1},
        {"number": 4},
        {"number": 2.5},
        {"listed": []},
        {"listed": [1, 2, 3]},
        {"listed": "x"},
        {"share": "x"},
        {"flag": "perhaps"},
        {"named": []},
        {"named": {"a": "x"}},
        {"when": "yesterday"},
        {"when": "2026-02-30"},
        {"when": "2026-02-01T10:00:00"},
        {"other": 1},
        [],
    ],
    ids=str,
)
def test_pydantic_errors_are_translated(value: object) -> None:
    with pytest.raises(ValidationError) as caught:
        TypeAdapter(Anything).validate_python(value)
    for error in caught.value.errors():
        assert is_chinese(told(error)[1], told(error)[0]), error
        assert in_english([of_error("x", error)])


# -------------------------------------------------------------------- the source


class Said(NamedTuple):
    where: str
    chinese: str
    """As it stands in the source."""


def calls() -> Iterator[Said]:
    for folder in ("shared", "services"):
        for file in sorted((ROOT / folder).rglob("*.py")):
            if file.stem in ("verification", "stored_commits", "blob_copy", "log_copy"):
                continue  # other findings: problems of a log
            tree = ast.parse(file.read_text(encoding="utf-8"))
            for function in (
                node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
            ):
                for node in ast.walk(function):
                    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in KINDS:
                        if any(isinstance(argument, ast.Starred) for argument in node.args):
                            continue  # a message of messages.yaml
                        chinese = node.args[KINDS[node.func.id]]
                        yield Said(f"{file.relative_to(ROOT)}:{node.lineno}", _text(chinese, function))


def _text(node: ast.expr, function: ast.AST) -> str:
    """The text; for a name, the value that the function last assigned to it before."""
    if not isinstance(node, ast.Name):
        return ast.unparse(node)
    found = ast.unparse(node)
    for one in (one for one in ast.walk(function) if isinstance(one, ast.Assign) and one.lineno <= node.lineno):
        (target,) = one.targets
        if isinstance(target, ast.Name) and target.id == node.id:
            found = ast.unparse(one.value)
        elif isinstance(target, ast.Tuple) and isinstance(one.value, ast.Tuple):
            pairs = zip(target.elts, one.value.elts, strict=True)
            found = next((ast.unparse(value) for name, value in pairs if ast.unparse(name) == node.id), found)
    return found


@cache
def source() -> tuple[Said, ...]:
    return *calls(), *(Said(name, repr(sentence["zh"])) for name, sentence in MESSAGES.sentences.items())


MADE_ELSEWHERE = {"zh", "error.zh"}


def test_source_files_are_found() -> None:
    assert len(source()) > 70
    assert sum(one.chinese in MADE_ELSEWHERE for one in source()) == 3, "of a mapping, of a zone, of pydantic"


def test_every_finding_has_chinese_sentence() -> None:
    made_here = [one for one in source() if one.chinese not in MADE_ELSEWHERE]
    wrong = [one.where for one in made_here if not CHINESE.search(one.chinese) or not one.chinese[:-1].endswith("。")]
    assert wrong == []


@pytest.mark.parametrize("message", MESSAGES.sentences)
def test_every_message_is_used_and_has_same_placeholders_in_both_languages(message: str) -> None:
    folders = (ROOT / "shared" / "policy", ROOT / "services" / "supervision")
    texts = [file.read_text(encoding="utf-8") for folder in folders for file in folder.rglob("*.py")]
    assert any(f'"{message}"' in text for text in texts)
    en, zh = (_placeholders(MESSAGES.sentences[message][language]) for language in ("en", "zh"))
    assert en == zh
    assert not CHINESE.search(MESSAGES.sentences[message]["en"])


def _placeholders(sentence: str) -> set[str]:
    names = {
        name.partition(".")[0].removesuffix("_zh")
        for _text, name, _format, _conversion in Formatter().parse(sentence)
        if name
    }
    return names - {"kind", "section", "sections"}
