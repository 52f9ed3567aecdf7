"""Places where a test lets a process die or fail on purpose, between two steps that a crash could part.

`HUIYIN_TEST_FAILPOINTS=NAME=kill:0.01,NAME=fail:0.001` arms them for the life of the process: `kill` is SIGKILL, `fail` raises
`Failed`; the figure is the part of passes that it hits. Where a place gives a key (a case), the same keys are hit each time:
that is a poison event. Without the variable a place costs one look at an empty table.

    log.appended        a commit is durable, nobody has been told of it
    feed.acknowledged   the broker has a commit, and the log still calls it unpublished
    feed.handled        a batch has had its effects, its offsets are not committed
    outbox.told         an organisation was told of an assignment, its delivery is not recorded
    consumer.reacts     before a reaction to an event; key: the case
    rebuild.written     a part of the views is built again
"""

from __future__ import annotations

import os
import random
import signal
from hashlib import sha256
from typing import NamedTuple

VARIABLE = "HUIYIN_TEST_FAILPOINTS"
PLACES = frozenset(
    ("log.appended", "feed.acknowledged", "feed.handled", "outbox.told", "consumer.reacts", "rebuild.written")
)


class Failed(Exception):
    """A failure on purpose."""


class Armed(NamedTuple):
    """What happens at a place."""

    kills: bool
    part: float


def parsed(text: str) -> dict[str, Armed]:
    """Place -> what happens there. Raises ValueError that names the part that is wrong."""
    found = {}
    for one in filter(None, text.split(",")):
        place, _, what = one.partition("=")
        kind, _, part = what.partition(":")
        try:
            chance = float(part)
        except ValueError:
            chance = -1.0
        if place not in PLACES or kind not in ("kill", "fail") or not 0 <= chance <= 1:
            raise ValueError(f"{VARIABLE}: {one!r} is not NAME=kill:PART or NAME=fail:PART")
        found[place] = Armed(kind == "kill", chance)
    return found


_ARMED = parsed(os.environ.get(VARIABLE, ""))


def failpoint(place: str, key: str | None = None) -> None:
    """Pass here, unless this place is armed and hits. Raises Failed."""
    armed = _ARMED.get(place)
    if armed is None or _drawn(key) >= armed.part:
        return
    if armed.kills:
        os.kill(os.getpid(), signal.SIGKILL)
    raise Failed(place)


def _drawn(key: str | None) -> float:
    """Between 0 and 1: at random, or always the same for a key."""
    return random.random() if key is None else int.from_bytes(sha256(key.encode()).digest()[:6], "big") / 2**48
