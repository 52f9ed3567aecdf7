"""evolve: the state of a case after one more event. Total: every cut of a log (as of a day, known at a day) folds.

The meaning of each event type is registered with `on` in the files `evolve_*.py`, one per events file. What may be
appended is decided by the commands of the services; evolve only applies an event that has happened.

>>> from datetime import date
>>> from shared.case import EMPTY
>>> from shared.events.department import SignedFor
>>> from tests.support.policies import recorded
>>> case = evolve(EMPTY, recorded(SignedFor(org="zj"), 1, date(2026, 3, 2)))
>>> case.state, case.moved_at, case.version
('signed', datetime.date(2026, 3, 2), 1)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from operator import attrgetter
from typing import Any, NamedTuple, TypeVar

from shared.case.late_history import LATE, filled
from shared.case.state import GROUPS, Case, Fact
from shared.events import supervision as s
from shared.events.base import Event
from shared.eventstore.recorded_event import NewerEvent, RecordedEvent
from shared.kernel.legal_time import LegalTime

Changes = dict[str, Any]
"""Field of `Case` -> its new value; for a group (GROUPS), its fields that change: `{"state": "signed", "assignment": {"hops": 1}}`.
A group stands there once: what several functions change in it is merged where they are called."""
Details = tuple[str | None, LegalTime | None, int, LegalTime | None]
"""What a deadline rule may use of a fact besides its name: kind, date set by the assigner (or end of what lasted), days granted,
beginning of what lasted."""
NO_DETAILS: Details = (None, None, 0, None)
E = TypeVar("E", bound=Event)


class Kind(NamedTuple):
    """What `on` registered for an event type."""

    meaning: Callable[[Case, RecordedEvent, Any], Changes]
    fact: bool
    details: Callable[[Any], Details] | None
    name: str
    moves: str | None
    org_of: Callable[[Any], str | None] | None
    ticker: bool


KINDS: dict[type, Kind] = {}
MOVES: dict[str, str | None] = {}
"""Event type -> the state that it moves a case to (None: depends on the case). Other types do not change the state."""


def on(
    kind: type[E], moves: str | None = "", *, fact: Callable[[E], Details] | bool = True
) -> Callable[[Callable[[Case, RecordedEvent, E], Changes]], Callable[[Case, RecordedEvent, E], Changes]]:
    """Register what `kind` means for a case.

    Args:
        kind: The event model.
        moves: The new state; None when the function sets it, "" when the state does not change.
        fact: True if deadline rules may refer to it; a function gives the details of the fact.
    """

    def register(meaning: Callable[[Case, RecordedEvent, E], Changes]) -> Callable[[Case, RecordedEvent, E], Changes]:
        name = kind.__name__
        if moves != "":
            MOVES[name] = moves
        details = fact if callable(fact) else None
        org_of = attrgetter("org") if "org" in kind.model_fields else None
        KINDS[kind] = Kind(meaning, fact is not False, details, name, moves, org_of, name in s.TICKER)
        return meaning

    return register


def kind_of(name: str) -> Callable[[Any], Details]:
    """The details of a fact whose kind is the field `name` of its event."""
    field = attrgetter(name)
    return lambda event: (field(event), None, 0, None)


def evolve(case: Case, event: RecordedEvent) -> Case:
    """The case after `event`. Pure and total. Many events are folded by the fast version of this function, fast_fold.py."""
    return changed(case, _changes(case, event))


def changed(case: Case, changes: Mapping[str, Any]) -> Case:
    """The case with `changes`. Raises TypeError for a field that does not exist."""
    new = {name: replace(getattr(case, name), **value) if name in GROUPS else value for name, value in changes.items()}
    return replace(case, **new)


def _changes(case: Case, event: RecordedEvent) -> Changes:
    body = event.body
    kind = KINDS.get(type(body))
    changes: Changes = {"version": event.version, "last_recorded": event.recorded_at}
    if kind is None or not kind.ticker:
        changes["acted"] = event.version
    if kind is None or case.state == "voided":  # after a voiding only the record of what happened grows
        return changes | {"newer": body.type} if isinstance(body, NewerEvent) else changes
    if kind.fact:
        detail, due, days, since = kind.details(body) if kind.details is not None else NO_DETAILS
        org = (kind.org_of(body) if kind.org_of is not None else None) or case.assignment.org
        known = (kind.name, detail, event.version, event.effective_at, event.recorded_at, org, due, days, since)
        fact = Fact(*known, event.actor.org, event.origin == "history")
        changes["facts"] = (*case.facts, fact)
    meant = kind.meaning(case, event, body)
    if event.cause.startswith(LATE):
        return changes | filled(case, meant)
    changes |= meant
    if kind.moves:
        changes["state"] = kind.moves
    if kind.moves or (kind.moves is None and "state" in meant):
        changes["moved_at"] = event.effective_at
    return changes
