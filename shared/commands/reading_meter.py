"""How many cases' personal data each access key reads: above a limit it has to say why, and far above it is refused.

Reading case after case is what a stolen key is used for, and what a curious person does; work on cases reads few at a time.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from typing import Literal

from shared.kernel.refusals import Invalid

HOUR = 3600.0
FAR = 10
"""So many times the limit is refused whatever the reason (own choice)."""
REASONS: dict[str, str] = {
    "handover": "工作交接",
    "inspection": "督查检查",
    "data_request": "本人查阅、复制个人信息",
    "legal_order": "依法调取",
    "migration": "数据迁移",
    "quality_check": "办理质量抽查",
}
"""Reasons for reading the personal data of many cases, and their names (own choice). Codes: free text could name a person."""
Verdict = Literal["within", "stated", "refused"]


class ReadingMeter:
    """Counts for this process, in memory. Whoever owns the data folder is not limited."""

    def __init__(self) -> None:
        self.limit = 500
        """Cases in an hour that a key may read without a reason."""
        self.counts: Counter[str] = Counter()
        """Verdict -> number of reads."""
        self._by_key: dict[str, OrderedDict[str, float]] = {}

    def verdict(self, key: str, case: str, reason: str | None, now: float) -> tuple[Verdict, int]:
        """Count that `key` reads `case`, at `now` (monotonic seconds). Also returns after how many seconds a refused read is
        possible again. A case that was read within the hour costs nothing."""
        own = self._by_key.setdefault(key, OrderedDict())
        while own and now - next(iter(own.values())) >= HOUR:
            own.popitem(last=False)
        found: Verdict = "within"
        if case not in own and len(own) >= self.limit:
            found = "stated" if reason is not None and len(own) < FAR * self.limit else "refused"
        self.counts[found] += 1
        if found == "refused":
            return found, max(1, round(HOUR - (now - next(iter(own.values())))))
        own.setdefault(case, now)
        return found, 0


def reason_of(text: str) -> str:
    """The reason that a request states. Raises Invalid for any other word."""
    if text not in REASONS:
        raise Invalid(
            "unknown_reason",
            f"Reason must be one of: {', '.join(sorted(REASONS))}.",
            detail_zh=f"查阅事由应为：{'、'.join(f'{code}（{name}）' for code, name in sorted(REASONS.items()))}。",
            field="reason",
        )
    return text
