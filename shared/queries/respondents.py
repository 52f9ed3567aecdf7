"""Respondents of cases: stored as one column of a row (Art. 30)."""

from __future__ import annotations

from collections.abc import Sequence

_BETWEEN = "\x1f"
"""A separator that no code of an organisation contains."""


def cell(orgs: Sequence[str]) -> str | None:
    """These organisations as one column value, which contains the value of each of them. None when there are none."""
    return f"{_BETWEEN}{_BETWEEN.join(orgs)}{_BETWEEN}" if orgs else None
