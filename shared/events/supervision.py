"""Clocks, the ladder, follow-up and closing. The ticker's own events (`TICKER`) never make a clerk's version stale."""

from __future__ import annotations

from typing import ClassVar, Literal

from shared.events.base import Event, Service, Text

ClosureKind = Literal[
    "resolved_confirmed",
    "resolved_unconfirmed",
    "settled",
    "explained",
    "not_supported",
    "guided",
    "not_accepted",
    "closed_unresolved",
    "withdrawn",
    "merged",
]


class _Supervision(Event):
    owner: ClassVar[Service] = "supervision"


class DeadlineAtRisk(_Supervision):
    """A rung before the due date was reached."""

    clock: str
    episode: int
    rung: str


class Reminded(_Supervision):
    """The organisation was reminded of a clock (提醒). `passed`: recorded after downtime, not sent."""

    clock: str
    episode: int
    rung: str
    org: str | None = None
    passed: bool = False


class DeadlineBreached(_Supervision):
    """The due instant passed and the duty was not met. `effective_at` is the due instant; once per (clock, episode)."""

    clock: str
    episode: int
    org: str | None = None


class BreachLifted(_Supervision):
    """A fact recorded late shows that the duty was met in time."""

    clock: str
    episode: int
    fact: int


class Urged(_Supervision):
    """催办: after a reminder, or once a clock has lapsed. With `rung` the ladder did it by itself, for that clock."""

    org: str
    clock: str | None = None
    episode: int | None = None
    rung: str | None = None
    text: Text = None


class SupervisionOpened(_Supervision):
    """督办 (Art. 40). `decider`: the office that decided on it, where it did not follow urging."""

    ground: Literal["delay", "shirking", "perfunctory", "falsification", "refusal_to_execute", "other"]
    decider: str | None = None
    text: Text = None


class SupervisionClosed(_Supervision):
    """What supervision was opened for is put right."""

    text: Text = None


class InstructionRecorded(_Supervision):
    """领导批示."""

    by_office: str
    text: Text = None


class AcceptanceOrdered(_Supervision):
    """A wrong refusal to accept is put right (Art. 44(2))."""

    org: str
    path: int | None = None
    text: Text = None


class FollowUpRecorded(_Supervision):
    """回访, by somebody outside the handling unit."""

    reached: bool
    satisfied: bool | None = None
    text: Text = None


class RedoOrdered(_Supervision):
    """重办: handling begins again with its own clock; the first reply stays in the history."""

    ground: Literal["dissatisfied", "not_executed", "incomplete", "review", "other"]
    text: Text = None


class CaseClosed(_Supervision):
    """办结, with its kind; never by the handling unit."""

    kind: ClosureKind
    text: Text = None


class CaseReopened(_Supervision):
    """New facts."""

    text: Text = None


TICKER: frozenset[str] = frozenset({"DeadlineAtRisk", "Reminded", "DeadlineBreached", "BreachLifted"})
"""Types that the ticker writes."""
