"""evolve: what the events of a log make of a case. Total: any cut of a log (as of a day, known at a day) folds.

The meaning of each event type stands in the files of `shared/case/meaning`, one per events file. Rules live in
`services.*.domain`, which decide what may be appended; evolve only says what an event means once it has happened.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from operator import attrgetter
from typing import Any, NamedTuple, TypeVar

from shared.case.state import EMPTY, Case, Fact
from shared.envelope import NewerEvent, Recorded
from shared.events import supervision as s
from shared.events.base import Event
from shared.times import When, instant_of

Changes = dict[str, Any]
Details = tuple[str | None, When | None, int, When | None]
"""What a clock may ask of a fact besides its name: kind, date set by the assigner (or end of what lasted), days granted,
beginning of what lasted."""
_NO_DETAILS: Details = (None, None, 0, None)
E = TypeVar("E", bound=Event)


class _Kind(NamedTuple):
    """What is known of an event type before any event of it is seen."""

    meaning: Callable[[Case, Recorded, Any], Changes] | None
    fact: bool
    details: Callable[[Any], Details] | None
    name: str
    moves: str | None
    names_org: bool
    ticker: bool


_KINDS: dict[type, _Kind] = {}
_UNKNOWN = _Kind(None, False, None, "", "", False, False)
_tuple = tuple.__new__
MOVES: dict[str, str | None] = {}
"""Type -> the state it moves a case to (None: depends on the case). Other types leave the state alone."""


def on(
    kind: type[E], moves: str | None = "", *, fact: Callable[[E], Details] | bool = True
) -> Callable[[Callable[[Case, Recorded, E], Changes]], Callable[[Case, Recorded, E], Changes]]:
    """Register what `kind` means. `moves`: new state, None when the function sets it, "" when it does not move.
    `fact`: whether clocks may refer to it, and with which details."""

    def register(meaning: Callable[[Case, Recorded, E], Changes]) -> Callable[[Case, Recorded, E], Changes]:
        if moves != "":
            MOVES[kind.__name__] = moves
        details = fact if callable(fact) else None
        _KINDS[kind] = _Kind(
            meaning,
            fact is not False,
            details,
            kind.__name__,
            moves,
            "org" in kind.model_fields,
            kind.__name__ in s.TICKER,
        )
        return meaning

    return register


def kind_of(name: str) -> Callable[[Any], Details]:
    """The field that tells facts of one type apart."""
    field = attrgetter(name)
    return lambda event: (field(event), None, 0, None)


def _apply(case: Case, event: Recorded) -> None:
    """Change `case`, which the caller owns and nobody else has seen."""
    own = case.__dict__
    version, effective_at, recorded_at, body = event.version, event.effective_at, event.recorded_at, event.body
    own["version"] = version
    own["last_recorded"] = recorded_at
    kind = _KINDS.get(type(body), _UNKNOWN)
    meaning, is_fact, details, name, moves, names_org, ticker = kind
    if meaning is None or own["state"] == "voided":  # nothing after a voiding means anything, except its record
        if not ticker:
            own["acted"] = version
        if isinstance(body, NewerEvent):
            own["newer"] = body.type
        return
    changes = meaning(case, event, body)
    if not ticker:
        own["acted"] = version
    if is_fact:
        told, due, days, since = details(body) if details is not None else _NO_DETAILS
        org = (body.org if names_org else None) or own["org"]  # type: ignore[union-attr]
        fact = _tuple(Fact, (name, told, version, effective_at, recorded_at, org, due, days, since))
        own["facts"] = (*own["facts"], fact)
    if changes:
        own.update(changes)
    if moves == "":
        return
    if moves is not None:
        own["state"] = moves
        own["moved_at"] = effective_at
    elif "state" in changes:
        own["moved_at"] = effective_at


def _own(case: Case) -> Case:
    """A copy to be changed; an eighth of the cost of copy()."""
    after = object.__new__(Case)
    after.__dict__.update(case.__dict__)
    return after


def evolve(case: Case, event: Recorded) -> Case:
    """The case after `event`. Pure and total."""
    after = _own(case)
    _apply(after, event)
    return after


def fold(events: Iterable[Recorded], case: Case = EMPTY) -> Case:
    """The case after all `events`: evolve over all of them, without the copies in between."""
    after = _own(case)
    for event in events:
        _apply(after, event)
    return after


def cut(
    events: Iterable[Recorded], zone: str, *, as_of: When | None = None, known_at: When | None = None
) -> list[Recorded]:
    """The events, in version order, that were true by `as_of` and known by `known_at`."""
    known = instant_of(known_at, zone) if known_at is not None else None
    true = instant_of(as_of, zone) if as_of is not None else None
    return [
        event
        for event in events
        if (known is None or event.recorded_at <= known)
        and (true is None or instant_of(event.effective_at, zone) <= true)
    ]
