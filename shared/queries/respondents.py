"""Respondents of cases: stored as one column of a row, and looked up by organisation (Art. 30)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from shared.application.case_reference import WORKLIST
from shared.eventstore.read_models import Condition, ReadModelStore

_BETWEEN = "\x1f"
"""A separator that no code of an organisation contains."""
_STEP = 500


def cell(orgs: Sequence[str]) -> str | None:
    """These organisations as one column value, which contains the value of each of them. None when there are none."""
    return f"{_BETWEEN}{_BETWEEN.join(orgs)}{_BETWEEN}" if orgs else None


async def against(views: ReadModelStore, org: str) -> frozenset[str]:
    """Ids of the cases whose respondent is the organisation. Reads all cases that have a respondent; there are few."""
    named, found = cell((org,)) or "", []
    after: list[Any] | None = None
    while True:
        rows = await views.find(WORKLIST, [Condition("accused", ">", "")], order=["accused"], after=after, limit=_STEP)
        found += [row.key for row in rows if named in str((row.values or {}).get("accused"))]
        if len(rows) < _STEP:
            return frozenset(found)
        after = [(rows[-1].values or {}).get("accused"), rows[-1].key]
