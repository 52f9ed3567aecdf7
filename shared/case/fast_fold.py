"""The fast version of `evolve` (evolve.py) over many events: one object is changed in place, without the copies in between.

`tests/unit/test_fast_versions.py` checks that both agree.
"""

from __future__ import annotations

from collections.abc import Iterable

from shared.case.evolve import KINDS, NO_DETAILS
from shared.case.state import EMPTY, Case, Fact
from shared.eventstore.recorded_event import NewerEvent, RecordedEvent

_kind_of = KINDS.get
_tuple = tuple.__new__


def fold(events: Iterable[RecordedEvent], case: Case = EMPTY) -> Case:
    """The case after all `events`: evolve() over all of them."""
    after: Case = object.__new__(Case)
    after.__dict__.update(case.__dict__)
    for event in events:
        _apply(after, event)
    return after


def _apply(case: Case, event: RecordedEvent) -> None:
    """Change `case`, which fold() owns and nobody else has seen."""
    own = case.__dict__
    version, effective_at, recorded_at, body = event.version, event.effective_at, event.recorded_at, event.body
    own["version"] = version
    own["last_recorded"] = recorded_at
    kind = _kind_of(type(body))
    if kind is None or own["state"] == "voided":
        if kind is None or not kind.ticker:
            own["acted"] = version
        if isinstance(body, NewerEvent):
            own["newer"] = body.type
        return
    meaning, is_fact, details, name, moves, org_of, ticker = kind
    changes = meaning(case, event, body)
    if not ticker:
        own["acted"] = version
    if is_fact:
        told, due, days, since = details(body) if details is not None else NO_DETAILS
        org = org_of(body) or own["org"]
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
