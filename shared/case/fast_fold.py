"""The fast version of `evolve` (evolve.py) over many events: one object is changed in place, without the copies in between.

`tests/unit/shared/eventstore/test_fast_decode.py` checks that both agree.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from shared.case.evolve import KINDS, NO_DETAILS
from shared.case.late_history import LATE, filled
from shared.case.state import EMPTY, GROUPS, Case, Fact
from shared.eventstore.recorded_event import NewerEvent, RecordedEvent

_kind_of = KINDS.get
_tuple = tuple.__new__
_new = object.__new__
_set = object.__setattr__


def fold(events: Iterable[RecordedEvent], case: Case = EMPTY) -> Case:
    """The case after all `events`: evolve() over all of them. The names of fields are not checked again; evolve() checks them."""
    after: Case = _copy(case)
    own: dict[str, Any] = after.__dict__
    copied: dict[str, dict[str, Any]] = {}
    """Group -> its fields, for those values of `after` that are copies already, which nobody else has seen."""
    for event in events:
        version, effective_at, recorded_at, body = event.version, event.effective_at, event.recorded_at, event.body
        own["version"] = version
        own["last_recorded"] = recorded_at
        kind = _kind_of(type(body))
        if kind is None or own["state"] == "voided":
            if kind is None or not kind.ticker:
                own["acted"] = version
            if isinstance(body, NewerEvent):
                own["newer"] = body.type
            continue
        meaning, is_fact, details, called, moves, org_of, ticker = kind
        changes = meaning(after, event, body)
        if not ticker:
            own["acted"] = version
        if is_fact:
            told, due, days, since = details(body) if details is not None else NO_DETAILS
            org = (org_of(body) if org_of is not None else None) or own["assignment"].org
            by, history = event.actor.org, event.origin == "history"
            fact = _tuple(
                Fact,
                (called, told, version, effective_at, recorded_at, org, due, days, since, by, history, None, False),
            )
            own["facts"] = own["facts"] + (fact,)
        late = event.cause.startswith(LATE)
        for name, value in (filled(after, changes) if late else changes).items():
            if name in copied:
                copied[name].update(value)
            elif name in GROUPS:
                own[name] = group = _copy(own[name])
                copied[name] = values = group.__dict__
                values.update(value)
            else:
                own[name] = value
        if late or moves == "":
            continue
        if moves is not None:
            own["state"] = moves
            own["moved_at"] = effective_at
        elif "state" in changes:
            own["moved_at"] = effective_at
    return after


def _copy(value: Any) -> Any:
    after = _new(type(value))
    _set(after, "__dict__", value.__dict__.copy())
    return after
