"""The filings of the sample that are one matter: the same place and subject, and an older one that is being handled.

An export names no links, because it does not know the ids of Huiyin. The county links them after loading.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, NamedTuple

from deploy.demo.sample.complaints import plan

MOST = 6
"""Filings that are linked: enough to show what a matter is, and few among five hundred."""
LEADING = ("handling", "accepted")
FOLLOWING = ("dispatched", "signed", "accepted")
REASON = "同一地点、同一问题，并案办理"


class Link(NamedTuple):
    """Two filings, each as CHANNEL:ITEM."""

    follower: str
    lead: str


def matters(rows: Sequence[dict[str, Any]]) -> list[Link]:
    """The links among the rows of `complaints`. The same for every day."""
    leads: dict[tuple[str, str], tuple[date, str]] = {}
    found: list[Link] = []
    histories = plan()
    for row in sorted(rows, key=lambda row: (_day(row), row["line"])):
        history, filing, day = histories[row["line"] - 1], row["filing"], _day(row)
        matter, name = (filing["place"], filing["subject"]), f"{row['channel']}:{row['item']}"
        if history.kind != "issue":
            continue
        if matter not in leads and history.state in LEADING:
            leads[matter] = (day, name)
        elif matter in leads and leads[matter][0] < day and history.state in FOLLOWING:
            found.append(Link(name, leads[matter][1]))
    return found[:MOST]


def _day(row: dict[str, Any]) -> date:
    return datetime.fromisoformat(row["filing"]["received_at"]).date()
