"""Findings in the form that tests compare."""

from __future__ import annotations

import re
from collections.abc import Iterable

from shared.policy.validation.finding import Finding

CHINESE = re.compile(r"[\u4e00-\u9fff]")


def in_english(findings: Iterable[Finding]) -> list[str]:
    """The lines without their Chinese sentence, which each must have at the end."""
    found = []
    for finding in findings:
        assert is_chinese(finding.zh, finding.what), finding
        line = str(finding)
        assert line.endswith(f": {finding.what} {finding.zh}") and "\n" not in line, line
        found.append(line.removesuffix(f" {finding.zh}"))
    return found


def is_chinese(zh: str, english: str) -> bool:
    """Is `zh` a Chinese sentence, and not the English one?"""
    return bool(CHINESE.search(zh)) and zh.endswith("。") and english not in zh
