"""Filings of the sample that are one matter: the same place and subject, and an older one that is being handled. Pure.

An export tells of no links, since it knows no ids of ours; so they are joined after loading, as a registrar joins them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from deploy.demo.sample.complaints import plan

MOST = 6
"""Filings that are joined: enough to see what a matter is, and few beside five hundred."""
LEADING = ("handling", "accepted")
FOLLOWING = ("dispatched", "signed", "accepted")
REASON = "同一地点、同一问题，并案办理"


class Joined(NamedTuple):
    """Two filings, each as CHANNEL:ITEM."""

    follower: str
    lead: str


def matters(rows: Sequence[dict[str, Any]]) -> list[Joined]:
    """Who follows whom among the rows of `complaints`. The same for every day."""
    leads: dict[tuple[str | None, str | None], tuple[str, str]] = {}
    found: list[Joined] = []
    lives = plan()
    for row in sorted(rows, key=lambda row: (_day(row), row["line"])):
        life, filing = lives[row["line"] - 1], row["filing"]
        if life.kind != "issue":
            continue
        matter, name = (filing.get("place"), filing.get("subject")), f"{row['channel']}:{row['item']}"
        day, lead = leads.get(matter, ("", ""))
        if lead and day < _day(row) and life.state in FOLLOWING:
            found.append(Joined(name, lead))
        elif life.state in LEADING and not lead:
            leads[matter] = (_day(row), name)
    return found[:MOST]


def _day(row: dict[str, Any]) -> str:
    day: str = row["filing"]["received_at"][:10]
    return day
