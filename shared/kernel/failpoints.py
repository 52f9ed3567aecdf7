"""Places where a test makes a process die or fail, between two steps that a crash could separate.

`HUIYIN_TEST_FAILPOINTS=NAME=kill:0.01,NAME=fail:0.001` arms them for the life of the process: `kill` is SIGKILL, `fail` raises
`Failed`; the number is the probability. If a place passes a key (a case), the same keys are hit each time, like a poison event.
Without the variable a place costs one lookup in an empty table.

    log.appended        a commit is durable, no listener was called yet
    feed.acknowledged   the broker has a commit that the log still holds as unpublished
    feed.handled        a batch was handled, its offsets are not committed
    outbox.told         an assignment was sent to an organisation, its delivery is not recorded
    consumer.reacts     before a reaction to an event; key: the case
    rebuild.written     a part of the read models was rebuilt
    webhook.sent        a receiver got an entry, the result is not recorded
    message.sending     a message is recorded as being sent, its gateway was not called yet
    message.sent        a gateway took a message, the result is not recorded
    matter.answered     a filing of a matter has its answer, others do not yet
    notice.stored       a notice was rendered and stored, the case does not know it
    notice.recorded     the case has the notice, the batch is not acknowledged
    blob.written        a part of a file is durable, the upload record does not say so yet
    blob.stored         a file is a blob, the upload record does not say so yet
    upload.saved        an upload record is durable, its caller has no answer yet
    upload.finished     an upload is complete, its caller has no answer yet
    upload.attached     an event names the file, the upload record still has its key
    blob.swept          upload records that expired and their drafts were removed, blobs of no event are not yet
"""

from __future__ import annotations

import os
import random
import signal
from hashlib import sha256
from typing import NamedTuple

VARIABLE = "HUIYIN_TEST_FAILPOINTS"
PLACES = frozenset(
    (
        "log.appended",
        "feed.acknowledged",
        "feed.handled",
        "outbox.told",
        "consumer.reacts",
        "rebuild.written",
        "webhook.sent",
        "message.sending",
        "message.sent",
        "matter.answered",
        "notice.stored",
        "notice.recorded",
        "blob.written",
        "blob.stored",
        "upload.saved",
        "upload.finished",
        "upload.attached",
        "blob.swept",
    )
)


class Failed(Exception):
    """A deliberate failure."""


class Armed(NamedTuple):
    """What happens at a place."""

    kills: bool
    part: float


def parsed(text: str) -> dict[str, Armed]:
    """Place -> what happens there. Raises ValueError that names the wrong part."""
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
    """Do nothing, unless this place is armed and hit. Raises Failed."""
    armed = _ARMED.get(place)
    if armed is None:
        return
    # random, but for one key always the same
    drawn = random.random() if key is None else int.from_bytes(sha256(key.encode()).digest()[:6], "big") / 2**48
    if drawn >= armed.part:
        return
    if armed.kills:
        os.kill(os.getpid(), signal.SIGKILL)
    raise Failed(place)
