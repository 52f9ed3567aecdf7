"""The fast version of `evolve` (evolve.py) over many events: one object is changed in place, without the copies in between.

`tests/unit/test_fast_versions.py` checks that both agree.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import fields, is_dataclass
from typing import Any

from shared.case.evolve import KINDS, NO_DETAILS
from shared.case.state import EMPTY, Case, Fact
from shared.eventstore.recorded_event import NewerEvent, RecordedEvent

_kind_of = KINDS.get
_tuple = tuple.__new__
_place_of = {
    f"{group.name}.{field.name}": (group.name, field.name)
    for group in fields(Case)
    if is_dataclass(group.default)
    for field in fields(group.default)
}.get
"""Path -> group and field; None for a field of the case itself."""


def fold(events: Iterable[RecordedEvent], case: Case = EMPTY) -> Case:
    """The case after all `events`: evolve() over all of them."""
    after: Case = _copy(case)
    owned: set[str] = set()
    for event in events:
        _apply(after, event, owned)
    return after


def _copy(value: Any) -> Any:
    after = object.__new__(type(value))
    after.__dict__.update(value.__dict__)
    return after


def _apply(case: Case, event: RecordedEvent, owned: set[str]) -> None:
    """Change `case`, which fold() owns and nobody else has seen. `owned`: its values that are copies already."""
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
        org = org_of(body) or own["assignment"].org
        fact = _tuple(Fact, (name, told, version, effective_at, recorded_at, org, due, days, since))
        own["facts"] = (*own["facts"], fact)
    for path, value in changes.items():
        place = _place_of(path)
        if place is None:
            own[path] = value
            continue
        group, name = place
        if group not in owned:
            owned.add(group)
            own[group] = _copy(own[group])
        own[group].__dict__[name] = value
    if moves == "":
        return
    if moves is not None:
        own["state"] = moves
        own["moved_at"] = effective_at
    elif "state" in changes:
        own["moved_at"] = effective_at
