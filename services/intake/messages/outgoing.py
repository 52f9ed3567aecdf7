"""The state of a message, from its events, and the row by which the sender finds it. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Literal

from shared.events import messages as m
from shared.eventstore.read_models import ReadModel, Row
from shared.eventstore.recorded_event import RecordedEvent
from shared.kernel.legal_time import instant_of, to_text

STREAM = "messages/"
OUTGOING = ReadModel(
    "outgoing",
    {"case": "text", "jurisdiction": "text", "channel": "text", "due": "text", "state": "text"},
    (("channel", "due"), ("jurisdiction", "state"), ("state",)),
)
"""Id of a message -> where it is found and when it needs a look. A row says only that: the sender decides on the log."""
State = Literal["waiting", "sending", "sent", "delivered", "letter", "call", "given_up", "done"]
OPEN: frozenset[str] = frozenset({"waiting", "sending"})
ENDED: frozenset[str] = frozenset({"letter", "call", "given_up", "done"})
"""Nothing that a gateway tells of an attempt changes it any more."""
UNPLANNED = ""
"""The channel of a message for which none was chosen yet."""
SCHEDULE = tuple(timedelta(seconds=one) for one in (30, 120, 600, 3600, 4 * 3600, 12 * 3600, 24 * 3600, 24 * 3600))
"""Waiting time after the first, second, … failed attempt: about 65 hours in all (own choice)."""
JITTER = 0.2
RESULT_WITHIN = timedelta(seconds=60)
"""If no result of an attempt is recorded by then, its process ended: the gateway may have taken the message."""


@dataclass(frozen=True)
class Message:
    """One message as its events tell it."""

    id: str
    kind: m.MessageKind
    about: str
    day: str
    notice: bool
    jurisdiction: str
    requested_at: datetime
    state: State = "waiting"
    channel: str = UNPLANNED
    attempt: int = 0
    unknown: int = 0
    """Attempts whose result is not known."""
    since: datetime | None = None
    """When the present attempt began."""
    next_at: datetime | None = None
    sent_at: datetime | None = None
    reason: str | None = None
    version: int = 0

    @property
    def due(self) -> datetime | None:
        """When it is due; None if nothing is due."""
        if self.state == "sending" and self.since is not None:
            return self.since + RESULT_WITHIN
        return (self.next_at or self.requested_at) if self.state == "waiting" else None

    def row(self, case: str, *, channel: str | None = None, due: datetime | None = None) -> Row:
        """Its row. `due`: later than its own, because of quiet hours or the cap."""
        when = due or self.due
        return Row(
            self.id,
            self.version,
            {
                "case": case,
                "jurisdiction": self.jurisdiction,
                "channel": channel if channel is not None else self.channel,
                "due": to_text(when) if when is not None else None,
                "state": self.state,
            },
        )


BY_HAND: frozenset[m.MessageKind] = frozenset({"notice", "reply", "opinion", "asked"})
"""Kinds that a person brings where nothing can be sent."""


def instead_of(message: Message) -> m.Instead | None:
    """What a person does where the message cannot be sent: a letter for what is served with it, a call for a question; None if
    the petitioner finds all of it with number and query code."""
    if message.kind == "asked":
        return "call"
    return "letter" if message.notice or message.kind in BY_HAND else None


def effect_id(case: str, about: str, kind: str) -> str:
    """The id of a message, derived from what it is about: the same event never causes a second one."""
    return "msg_" + sha256(f"{case}|{about}|{kind}".encode()).hexdigest()[:32]


def fold(events: Iterable[RecordedEvent]) -> dict[str, Message]:
    """Id -> message, of the events of one stream."""
    found: dict[str, Message] = {}
    for event in events:
        body = event.body
        if isinstance(body, m.MessageRequested):
            found[body.message] = Message(
                body.message,
                body.kind,
                body.about,
                body.day,
                body.carries_notice,
                event.jurisdiction,
                event.recorded_at,
                version=event.version,
            )
            continue
        known = found.get(getattr(body, "message", ""))
        if known is not None:
            found[known.id] = replace(_after(known, event), version=event.version)
    return found


def _after(known: Message, event: RecordedEvent) -> Message:
    body, at = event.body, event.recorded_at
    if isinstance(body, m.MessageSending):
        lost = known.state == "sending"  # the attempt before ended without a result
        return replace(
            known,
            state="sending",
            channel=body.channel,
            attempt=body.attempt,
            unknown=known.unknown + lost,
            since=at,
            next_at=None,
        )
    if isinstance(body, m.MessageSent):
        told = known.state == "delivered" or known.state in ENDED  # the report came before the answer
        return replace(known, state=known.state if told else "sent", sent_at=at, channel=body.channel)
    if isinstance(body, m.MessageDelivered):
        return known if known.state in ENDED else replace(known, state="delivered")
    if isinstance(body, m.MessageFailed):
        if known.state != "sending" or known.attempt != body.attempt:  # a later attempt, or a report, has told more
            return known
        next_at = None if body.next_at is None else instant_of(body.next_at, "UTC")
        return replace(known, state="waiting", unknown=known.unknown + body.unknown, next_at=next_at, reason=body.code)
    if isinstance(body, m.MessageGivenUp) and known.state != "done":
        return replace(known, state=body.instead or "given_up", reason=body.reason)
    if isinstance(body, m.MessageDoneByHand):
        return replace(known, state="done")
    return known


def after(message: Message, events: Iterable[RecordedEvent]) -> Message:
    """The message after these further events; those of other messages change nothing."""
    for event in events:
        if getattr(event.body, "message", None) == message.id:
            message = replace(_after(message, event), version=event.version)
    return message


def wait_after(attempt: int, chance: float, retry_after: float | None) -> timedelta | None:
    """The waiting time after that failed attempt (1, 2, …); None if there is no further one."""
    if attempt > len(SCHEDULE):
        return None
    wait = SCHEDULE[attempt - 1] * (1 + JITTER * chance)
    return max(wait, timedelta(seconds=retry_after)) if retry_after is not None else wait
