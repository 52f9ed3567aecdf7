"""Rows of the fact tables: case -> row. They hold codes, days and numbers, no personal data.

Instants are in UTC; days are in the zone of the jurisdiction, so that a query needs no zone.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any, NamedTuple

import pyarrow as pa

from services.analytics.case_facts import (
    Evaluation,
    as_stated,
    case_facts,
    closed_at,
    days_before_due,
    duty_of,
    guidance,
    known_open,
    outcome,
    responsible,
)
from shared.case import Case
from shared.deadlines.deadline import Deadline
from shared.kernel.legal_time import LegalTime, day_of, elapsed, is_instant
from shared.queries.respondents import cell

Cells = tuple[Any, ...]

_TEXT, _WHOLE, _REAL, _FLAG = pa.string(), pa.int32(), pa.float64(), pa.bool_()
_DAY, _INSTANT = pa.date32(), pa.timestamp("us")

CASE_FIELDS: dict[str, pa.DataType] = {
    "case": _TEXT,
    "version": _WHOLE,
    "jurisdiction": _TEXT,
    "channel": _TEXT,
    "channel_class": _TEXT,
    "place": _TEXT,
    "subject": _TEXT,
    "class": _TEXT,
    "path": _WHOLE,
    "org": _TEXT,
    "reply_org": _TEXT,
    "sealed": _FLAG,
    "state": _TEXT,
    "voided": _FLAG,
    "origin": _TEXT,
    "live": _FLAG,
    "filed_at": _INSTANT,
    "filed_day": _DAY,
    "accepted_day": _DAY,
    "replied_day": _DAY,
    "reply_seconds": _REAL,
    "closed_day": _DAY,
    "close_seconds": _REAL,
    "closure": _TEXT,
    "result": _TEXT,
    "followed_up": _FLAG,
    "hops": _WHOLE,
    "redos": _WHOLE,
    "nudges": _WHOLE,
    "lead": _TEXT,
    "accused": _TEXT,
    "withdrawn_before": _WHOLE,
    "guided_day": _DAY,
    "guided_org": _TEXT,
    "came_back": _FLAG,
    "known_open_day": _DAY,
}
"""One row per case. `org`: the present or last responsible organisation; `reply_org`: the organisation of the first reply;
`replied_day` and `reply_seconds` belong to the first reply; `filed_at` is NULL if only the day is known; `accused`: the respondent
organisations, each between two separators; `guided_day` and `guided_org`: the first guidance to another organ and who gave it;
`came_back`: it came back, because that organ is not competent or the case was opened again;
`known_open_day`: the last day on which a source of history showed it as open."""

CLOCK_FIELDS: dict[str, pa.DataType] = {
    "clock": _TEXT,
    "episode": _WHOLE,
    "duty": _TEXT,
    "org": _TEXT,
    "start_day": _DAY,
    "due": _INSTANT,
    "due_day": _DAY,
    "end_day": _DAY,
    "status": _TEXT,
    "window": _FLAG,
    "provisional": _FLAG,
    "extended_days": _WHOLE,
    "stated": _TEXT,
    "recorded_late": _FLAG,
}
"""One row per (case, clock, episode); `org` has the duty."""

ASKED_FIELDS: dict[str, pa.DataType] = {
    "object": _TEXT,
    "invited_day": _DAY,
    "evaluated_day": _DAY,
    "grade": _TEXT,
    "about": _TEXT,
    "word": _TEXT,
}
"""One row per (case, object of evaluation)."""


class Snapshot(NamedTuple):
    """A case at its version, with its deadlines and the zone of its jurisdiction."""

    case: Case
    deadlines: Sequence[Deadline]
    zone: str
    since: date = date.min
    """The first day at whose end the case was known so."""
    until: date | None = None
    """The first day at whose end it was known otherwise; None: it is known so now."""


def case_row(snapshot: Snapshot) -> tuple[Cells, list[Cells], list[Cells]]:
    """(row of the case, rows of its clocks, rows of its evaluations), in the order of the fields above."""
    case, deadlines, zone, *_ = snapshot
    day = _Days(zone)
    first, evaluations = case_facts(case)
    org, away = responsible(case), guidance(case)
    filed, ended = case.filing.filed_at, closed_at(case)
    replied = first.effective_at if first is not None else None
    row = (
        case.id,
        case.version,
        case.jurisdiction,
        case.filing.channel,
        case.filing.channel_class,
        case.filing.place,
        case.filing.subject,
        case.filing.class_,
        case.filing.path,
        org,
        (first.org or org) if first is not None else None,
        case.accusation.sealed,
        case.state,
        None
        if case.accusation.suspected
        else case.state == "voided",  # None: in no figure, not even among voided cases
        case.origin,
        case.live,
        filed if filed is not None and is_instant(filed) else None,
        day[filed],
        day[case.handling.accepted_at],
        day[replied],
        _seconds(filed, replied, zone),
        day[ended],
        _seconds(filed, ended, zone),
        case.closure.kind,
        case.handling.result,
        case.evaluation.followed_up,
        case.assignment.hops,
        case.supervision.redos,
        case.supervision.nudges,
        case.matter.lead,
        cell(case.accusation.accused),
        days_before_due(case, deadlines),
        day[away.at] if away is not None else None,
        away.org if away is not None else None,
        away.came_back if away is not None else None,
        day[known_open(case, zone)],
    )
    return row, [_clock(deadline, day) for deadline in deadlines], [_evaluation(one, day) for one in evaluations]


class _Days(dict[LegalTime | None, date | None]):
    """Time -> its day in one zone; a cache, because the rows of a case share a few times."""

    __slots__ = ("zone",)

    def __init__(self, zone: str) -> None:
        self.zone = zone
        self[None] = None

    def __missing__(self, when: LegalTime) -> date:
        day = self[when] = day_of(when, self.zone)
        return day


def _seconds(first: LegalTime | None, second: LegalTime | None, zone: str) -> float | None:
    """Seconds between the two: exact for instants, otherwise whole days. None if one is unknown."""
    return elapsed(first, second, zone).total_seconds() if first is not None and second is not None else None


def _clock(deadline: Deadline, day: _Days) -> Cells:
    rule, end = deadline.rule, deadline.end
    return (
        deadline.clock,
        deadline.episode,
        duty_of(rule),
        deadline.org,
        day[deadline.start.effective_at],
        deadline.due,
        deadline.due_day,
        day[end.effective_at] if end is not None else None,
        outcome(deadline),
        rule.window,
        deadline.provisional,
        deadline.extended_days,
        outcome(as_stated(deadline)),
        deadline.recorded_late,
    )


def _evaluation(one: Evaluation, day: _Days) -> Cells:
    return one.object, day[one.invited], day[one.evaluated], one.grade, one.about, one.word


def _columns(fields: dict[str, pa.DataType], rows: Sequence[Cells]) -> Sequence[Sequence[Any]]:
    """The columns of these rows."""
    return list(zip(*rows, strict=True)) if rows else [()] * len(fields)


def _table(fields: dict[str, pa.DataType], rows: Sequence[Cells]) -> pa.Table:
    columns = zip(fields.items(), _columns(fields, rows), strict=True)
    return pa.table({name: pa.array(column, kind) for (name, kind), column in columns})


def _nested(fields: dict[str, pa.DataType], groups: Sequence[Sequence[Cells]]) -> pa.Array[Any]:
    """One list of structs per case, built by column."""
    rows = [cells for group in groups for cells in group]
    offsets = [0]
    for group in groups:
        offsets.append(offsets[-1] + len(group))
    columns = [pa.array(column, kind) for column, kind in zip(_columns(fields, rows), fields.values(), strict=True)]
    struct = pa.StructArray.from_arrays(columns, names=list(fields))
    return pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), struct)


def case_batch(snapshots: Sequence[Snapshot]) -> pa.Table:
    """The rows of these cases. Clocks and evaluations are nested in the row, so that a case is replaced as a whole."""
    rows = [case_row(snapshot) for snapshot in snapshots]
    table = _table(CASE_FIELDS, [row for row, _, _ in rows])
    table = table.append_column("clocks", _nested(CLOCK_FIELDS, [clocks for _, clocks, _ in rows]))
    table = table.append_column("asked", _nested(ASKED_FIELDS, [asked for _, _, asked in rows]))
    table = table.append_column("since", pa.array([snapshot.since for snapshot in snapshots], _DAY))
    return table.append_column("until", pa.array([snapshot.until for snapshot in snapshots], _DAY))
