"""Whom cases complain of, as one cell of a row, and which cases complain of an organisation (Art. 30)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from shared.finding import WORKLIST
from shared.views import Condition, Views

_BETWEEN = "\x1f"
"""No code of an organisation has it."""
_STEP = 500


def cell(orgs: Sequence[str]) -> str | None:
    """These organisations as one value; that of one is part of that of several. None: nobody is complained of."""
    return f"{_BETWEEN}{_BETWEEN.join(orgs)}{_BETWEEN}" if orgs else None


async def against(views: Views, org: str) -> frozenset[str]:
    """Ids of the cases in which the organisation is complained of. Few cases complain of any: all of them are looked at."""
    named, found = cell((org,)) or "", []
    after: list[Any] | None = None
    while True:
        rows = await views.find(WORKLIST, [Condition("accused", ">", "")], order=["accused"], after=after, limit=_STEP)
        found += [row.key for row in rows if named in str((row.values or {}).get("accused"))]
        if len(rows) < _STEP:
            return frozenset(found)
        after = [(rows[-1].values or {}).get("accused"), rows[-1].key]
