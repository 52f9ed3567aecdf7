"""Every refusal has a sentence in both languages: collected from the source, including refusals that no test triggers."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

import deploy.modes.command_registry  # noqa: F401  # fills RULES
from deploy.contract.catalogue import refusals
from shared.commands.command import RULES

ROOT = Path(__file__).parents[4]
KINDS = {
    "Refused",
    "Unknown",
    "Denied",
    "Invalid",
    "Unavailable",
    "NotAuthenticated",
    "TooMany",
    "TooLarge",
    "WrongType",
    "Malformed",
}
_CHINESE = re.compile(r"[\u4e00-\u9fff]")


class Said(NamedTuple):
    where: str
    code: str | None
    """None: it is made elsewhere."""
    chinese: str | None
    """As it stands in the source; an f-string with its fields as they are written."""


def said() -> Iterator[Said]:
    for folder in ("shared", "services", "deploy"):
        for file in sorted((ROOT / folder).rglob("*.py")):
            for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Call) and _name(node.func) in KINDS and len(node.args) >= 2:
                    code = node.args[0].value if isinstance(node.args[0], ast.Constant) else None
                    given = next((word.value for word in node.keywords if word.arg == "detail_zh"), None)
                    where = f"{file.relative_to(ROOT)}:{node.lineno}"
                    yield Said(where, code, None if given is None else ast.unparse(given))  # type: ignore[arg-type]


def _name(node: ast.expr) -> str | None:
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else None


@cache
def source() -> tuple[Said, ...]:
    return tuple(said())


def test_source_files_are_found() -> None:
    assert len(source()) > 150


def in_chinese(one: Said) -> bool:
    """Whether it has a whole sentence. A sentence that is made elsewhere, or ends with one, is looked at there."""
    if one.chinese is None:
        return False
    literal = one.chinese[:1] in ("'", '"') or one.chinese[:2] in ("f'", 'f"')
    if not literal or "_zh}" in one.chinese:
        return True
    return bool(_CHINESE.search(one.chinese)) and one.chinese[:-1].endswith("。")


def test_every_refusal_has_its_own_chinese_sentence() -> None:
    assert [one.where for one in source() if not in_chinese(one)] == []


def test_every_catalogued_refusal_is_raised_somewhere() -> None:
    codes = {one.code for one in source()}
    named = {code for rule in RULES.values() for code in refusals(rule)}
    elsewhere = {
        "not_executed",
        "report_missing",
        "kind_not_by_hand",
        "kind_does_not_fit",
        "not_confirmed",
        "not_received",
    }
    assert named - codes <= elsewhere, "supervision's objections to a closing carry both sentences in a tuple"
