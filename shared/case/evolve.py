"""evolve: what the events of a log make of a case. Total: any cut of a log (as of a day, known at a day) folds.

The meaning of each event type stands in the files of `shared/case/meaning`, one per events file. Rules live in
`services.*.domain`, which decide what may be appended; evolve only says what an event means once it has happened.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from copy import copy
from typing import Any, TypeVar

from shared.case.state import EMPTY, Case, Fact
from shared.envelope import NewerEvent, Recorded
from shared.events import supervision as s
from shared.events.base import Event
from shared.times import When, instant_of

Changes = dict[str, Any]
E = TypeVar("E", bound=Event)
_MEANING: dict[type[Event], Callable[[Case, Recorded, Any], Changes]] = {}
_FACTS: dict[type[Event], Callable[[Any], dict[str, Any]]] = {}
MOVES: dict[str, str | None] = {}
"""Type -> the state it moves a case to (None: depends on the case). Other types leave the state alone."""


def on(
    kind: type[E], moves: str | None = "", *, fact: Callable[[E], dict[str, Any]] | bool = True
) -> Callable[[Callable[[Case, Recorded, E], Changes]], Callable[[Case, Recorded, E], Changes]]:
    """Register what `kind` means. `moves`: new state, None when the function sets it, "" when it does not move.
    `fact`: whether clocks may refer to it, and with which details."""

    def register(meaning: Callable[[Case, Recorded, E], Changes]) -> Callable[[Case, Recorded, E], Changes]:
        if moves != "":
            MOVES[kind.__name__] = moves
        _MEANING[kind] = meaning
        if fact is not False:
            _FACTS[kind] = fact if callable(fact) else lambda _event: {}
        return meaning

    return register


def kind_of(name: str) -> Callable[[Any], dict[str, Any]]:
    return lambda event: {"kind": getattr(event, name)}


def _apply(case: Case, event: Recorded) -> None:
    """Change `case`, which the caller owns and nobody else has seen."""
    own = case.__dict__
    own["version"] = event.version
    own["last_recorded"] = event.recorded_at
    body = event.body
    if isinstance(body, NewerEvent):
        own["newer"] = body.type
        own["acted"] = event.version
        return
    if event.type not in s.TICKER:
        own["acted"] = event.version
    kind = type(body)
    meaning = _MEANING.get(kind)
    if meaning is None:
        return
    if own["state"] == "voided":  # nothing after a voiding means anything, except its record
        return
    changes = meaning(case, event, body)
    details = _FACTS.get(kind)
    if details is not None:
        fact = Fact(
            event.type,
            None,
            event.version,
            event.effective_at,
            event.recorded_at,
            getattr(body, "org", None) or case.org,
        )
        more = details(body)
        own["facts"] = (*own["facts"], fact._replace(**more) if more else fact)
    if changes:
        own.update(changes)
    moves = MOVES.get(event.type, "")
    if moves != "":
        if moves is not None:
            own["state"] = moves
            own["moved_at"] = event.effective_at
        elif "state" in changes:
            own["moved_at"] = event.effective_at


def evolve(case: Case, event: Recorded) -> Case:
    """The case after `event`. Pure and total."""
    after = copy(case)
    _apply(after, event)
    return after


def fold(events: Iterable[Recorded], case: Case = EMPTY) -> Case:
    """The case after all `events`: evolve over all of them, without the copies in between."""
    after = copy(case)
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
