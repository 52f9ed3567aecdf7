"""The filings of the sample that are one matter: the same place and subject, and an older one that is being handled.

An export names no links, because it does not know the ids of Huiyin. The county links them after loading.
"""

from __future__ import annotations

from collections.abc import Sequence
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
    leads: dict[tuple[str, str], tuple[str, str]] = {}
    found: list[Link] = []
    histories = plan()
    for row in sorted(rows, key=lambda row: (_day(row), row["line"])):
        history, filing = histories[row["line"] - 1], row["filing"]
        if history.kind != "issue":
            continue
        matter, name = (filing["place"], filing["subject"]), f"{row['channel']}:{row['item']}"
        day, lead = leads.get(matter, ("", ""))
        if lead and day < _day(row) and history.state in FOLLOWING:
            found.append(Link(name, lead))
        elif history.state in LEADING and not lead:
            leads[matter] = (_day(row), name)
    return found[:MOST]


def _day(row: dict[str, Any]) -> str:
    day: str = row["filing"]["received_at"][:10]
    return day
