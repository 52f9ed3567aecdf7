"""A step that an export reports only after a later step of the case was imported.

It is recorded in addition to the known steps: it is a fact like any other, but it does not change the state of the case and
only fills in missing values. The commit says so in its cause, since only the one who appends it knows the order within a day.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from shared.case.state import GROUPS

LATE = "history:late:"
"""Begin of the cause of a commit with such steps."""


def filled(case: object, changes: Mapping[str, Any]) -> dict[str, Any]:
    """Of `changes` those that set what the case does not know yet, and counts.

    >>> from shared.case import Case
    >>> filled(Case(state="closed"), {"state": "replied", "assignment": {"org": "zj"}, "supervision": {"nudges": 1}})
    {'assignment': {'org': 'zj'}, 'supervision': {'nudges': 1}}
    """
    found: dict[str, Any] = {}
    for name, value in changes.items():
        known = getattr(case, name)
        if name in GROUPS:
            found[name] = filled(known, value)
        elif name != "state" and _adds(known, value):
            found[name] = value
    return found


def _adds(known: object, value: object) -> bool:
    if isinstance(value, int) and isinstance(known, int) and not isinstance(value, bool):
        return True
    return known is None or known is False or known in ((), "", frozenset())
