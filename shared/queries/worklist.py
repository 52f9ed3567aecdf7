"""Lists of cases: filtered, earliest due date first, page by page. The principal determines the scope.

A list is read from an index of the view `worklist`. The index answers as many filters as it can; the other filters, and
the visibility of each row, are checked here. Cases without a running deadline come last.
"""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import orjson
from pydantic import Field

from shared.application.case_reference import WORKLIST
from shared.application.ports import Ports
from shared.application.response import Answer
from shared.commands.authorization import LIST, Principal, authorize, visible
from shared.deadlines.derivation import deadlines
from shared.deadlines.escalation_ladder import first_risk
from shared.eventstore.read_models import Condition, Row, Value
from shared.kernel.legal_time import from_text, to_text
from shared.kernel.refusals import Invalid
from shared.queries.listed_cases import CLERKS, ListedCase, ListedCases

QUEUES = (
    "to_dispatch",
    "to_confirm",
    "to_sign",
    "returns_to_verify",
    "to_rule",
    "at_risk",
    "overdue",
    "to_follow_up",
    "to_close",
    "to_name_reviewer",
    "to_review",
    "forwarded",
    "to_notify",
    "to_confirm_receipt",
    "to_decide_erasure",
    "to_serve_on_paper",
)
ALSO = ("to_confirm_receipt", "to_decide_erasure")
"""Queues of work beside the handling of a case: values of the column `also`."""
_BY_TIME = ("at_risk", "overdue")
_MOST_COUNTED_CASES = 1_000
"""Cases that a total counts one by one (own choice); a longer list says that there are more."""
_MOST_LOOKED_AT = 5_000
"""Maximum number of rows that one page reads. A rare filter gives a short page and a cursor instead of a slow answer."""
_OTHERWISE = {"forwarded": "holder", "to_notify": "owes"}
_PAPER = "to_serve_on_paper"
"""Decisions, opinions and notices that nobody has received: from the instant in the column `paper_at`."""
_AS = {"to_review": "reviewer", **_OTHERWISE}
"""Queues of organisations with another role than the responsible one -> the column that names them."""
_CHOICES: tuple[tuple[str, ...], ...] = (
    ("on_paper",),
    ("reviewer",),
    ("holder",),
    ("owes",),
    ("also",),
    ("clerk",),
    ("office_clerk",),
    ("org", "queue"),
    ("queue",),
    ("org", "state"),
    ("org",),
    ("state",),
    ("place",),
    ("subject",),
    ("channel",),
    ("class_",),
    ("due_clock",),
    (),
)
_RANGES = ("due_before", "filed_from", "filed_to", "number")
_EQUAL = (
    "org", "state", "place", "subject", "reviewer", "holder", "owes", "also", "class_", "channel", "due_clock", *CLERKS,
)  # fmt: skip
NOBODY = "none"
"""In the place of a staff code: cases without a clerk."""


class ListFilter(NamedTuple):
    """The filters of a list."""

    queue: str | None = None
    org: str | None = None
    state: str | None = None
    place: str | None = None
    subject: str | None = None
    due_before: str | None = None
    """An instant as text."""
    reviewer: str | None = None
    holder: str | None = None
    """The subordinate that handles the case."""
    also: str | None = None
    """A queue of work beside the handling."""
    owes: str | None = None
    """The organisation that received the filing and owes the petitioner the notice of the transfer."""
    class_: str | None = None
    channel: str | None = None
    due_clock: str | None = None
    clerk: str | None = None
    """Staff code of the clerk of the unit whose turn it is; NOBODY: none."""
    office_clerk: str | None = None
    """Staff code of the clerk of the petition office; NOBODY: none."""
    filed_from: str | None = None
    """An instant as text."""
    filed_to: str | None = None
    number: str | None = None
    """The beginning of the number, in its normal form."""


class CasePage(Answer):
    """One page of a list, earliest due first."""

    cases: list[ListedCase] = Field(description="The rows")
    after: str | None = Field(description="Cursor of the next page; null at the end")
    total: int | None = Field(None, description="Number of all cases of this list, if `totals` was asked for")
    total_is_minimum: bool = Field(False, description="True if there are more than were counted")


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class _Cursor(NamedTuple):
    undated: bool
    """The part of the list without a deadline, which comes last."""
    due: str
    key: str


async def cases(
    ports: Ports, principal: Principal, wanted: ListFilter, after: str | None = None, limit: int = 50
) -> CasePage:
    """One page. Raises Invalid for a cursor that is not of this list."""
    authorize(principal, LIST)
    own_cases = wanted.clerk not in (None, NOBODY) and wanted.queue is None  # also those forwarded to its unit
    if principal.role in ("organisation", "clerk") and not (own_cases and wanted.org is None):
        if wanted.org not in (None, principal.org):
            return CasePage(cases=[], after=None)
        wanted = wanted._replace(**{"org": None, _AS.get(wanted.queue or "", "org"): principal.org})
    elif wanted.org is not None and wanted.queue in _AS:
        wanted = wanted._replace(**{"org": None, _AS[wanted.queue]: wanted.org})
    cursor = _read(after)
    now = to_text(ports.clock.now())
    if wanted.queue in ALSO:
        wanted = wanted._replace(queue=None, also=wanted.queue)
    if wanted.queue == "overdue":  # the list ends at the present time, not at the last open case
        wanted = wanted._replace(due_before=min(now, wanted.due_before or now))
    found: list[ListedCase] = []
    shown = ListedCases(ports, now)
    looked_at = 0
    place = cursor
    while True:
        step = min(200, max(limit, 50))
        rows = await _rows(ports, wanted, place, step)
        for stored in rows:
            looked_at += 1
            order = "due" if wanted.number is None else "number"
            place = _Cursor(place.undated, str(stored.values[order] or "") if stored.values else "", stored.key)
            row = await own_clocks(ports, principal, stored)
            if _meets(row, wanted, now) and await may_see(ports, principal, row):
                found.append(await shown.of(row))
                if len(found) == limit:
                    return CasePage(cases=found, after=_write(place))
        if len(rows) < step:
            if place.undated or wanted.due_before is not None or wanted.queue in _BY_TIME or wanted.number is not None:
                return CasePage(cases=found, after=None)
            place = _Cursor(True, "", "")
        elif looked_at >= _MOST_LOOKED_AT and await _may_be_named(ports, principal, rows[-1]):
            return CasePage(cases=found, after=_write(place))


async def _rows(ports: Ports, wanted: ListFilter, place: _Cursor, limit: int) -> Sequence[Row]:
    """The next rows in order, from the most selective index that fits the filters."""
    asked: dict[str, Value] = {
        name: None if value == NOBODY and name in CLERKS else value
        for name, value in wanted._asdict().items()
        if value is not None and name not in _RANGES
    }
    if asked.get("queue") == _PAPER:
        asked["on_paper"] = True
    if asked.get("queue") in (*_BY_TIME, *_OTHERWISE, _PAPER):
        del asked["queue"]
    if wanted.number is not None:
        return await _numbered(ports, wanted.number, place, limit)
    for columns in _CHOICES:
        if not set(columns) <= asked.keys():
            continue
        where = [Condition(column, "=", asked[column]) for column in columns]
        try:
            return await _page(ports, where, place, wanted.due_before, limit)
        except ValueError:
            if not columns:
                raise
    raise AssertionError("the last choice needs no filter")


async def _numbered(ports: Ports, prefix: str, place: _Cursor, limit: int) -> Sequence[Row]:
    """The next rows whose number begins like this, in the order of the numbers. There is no second part without a deadline."""
    if place.undated:
        return []
    where = [Condition("number", ">=", prefix)]
    after: list[Value] | None = [place.due, place.key] if place.key else None
    rows = await ports.views.find(WORKLIST, where, order=("number",), after=after, limit=limit)
    return [row for row in rows if row.values is not None and str(row.values["number"]).startswith(prefix)]


async def _page(
    ports: Ports, where: list[Condition], place: _Cursor, due_before: str | None, limit: int
) -> Sequence[Row]:
    if place.undated:
        after: list[Value] | None = [place.key] if place.key else None
        return await ports.views.find(WORKLIST, [*where, Condition("due", "=", None)], after=after, limit=limit)
    bounds = [Condition("due", ">", "")] if due_before is None else [Condition("due", "<", due_before)]
    after = [place.due, place.key] if place.key else None
    return await ports.views.find(WORKLIST, [*where, *bounds], order=("due",), after=after, limit=limit)


def _meets(row: Row, wanted: ListFilter, now: str) -> bool:
    values = row.values
    if values is None:
        return False
    if values["state"] == "voided" and wanted.state != "voided":
        return False
    due = values["due"]
    for name in _EQUAL:
        value = getattr(wanted, name)
        if value is not None and values[name] != (None if value == NOBODY and name in CLERKS else value):
            return False
    filed, number = values["filed_at"], values["number"]
    if wanted.filed_from is not None and not (isinstance(filed, str) and filed >= wanted.filed_from):
        return False
    if wanted.filed_to is not None and not (isinstance(filed, str) and filed <= wanted.filed_to):
        return False
    if wanted.number is not None and not (isinstance(number, str) and number.startswith(wanted.number)):
        return False
    if wanted.due_before is not None and not (isinstance(due, str) and due < wanted.due_before):
        return False
    if wanted.queue == "overdue":
        return isinstance(due, str) and due < now
    if wanted.queue == "at_risk":
        risk = values["risk_at"]
        return isinstance(due, str) and due >= now and isinstance(risk, str) and risk <= now
    if wanted.queue == _PAPER:
        paper = values["paper_at"]
        return isinstance(paper, str) and paper <= now
    if wanted.queue in _OTHERWISE:
        return values[_OTHERWISE[wanted.queue]] is not None
    return wanted.queue is None or values["queue"] == wanted.queue


async def _may_be_named(ports: Ports, principal: Principal, row: Row) -> bool:
    """True if a cursor may name this case, that is, if the principal may see it."""
    return visible(principal, (await ports.cases.get(row.key, at_least=row.applied))[0])


async def may_see(ports: Ports, principal: Principal, row: Row) -> bool:
    """True if the row is visible: sealed accusations to the petition office, supervisors, and the authorised organisation
    that handles the case. A respondent never sees a case against itself."""
    assert row.values is not None
    case, _head = await ports.cases.get(row.key, at_least=row.applied)
    if not visible(principal, case):
        return False
    if not case.accusation.sealed or principal.role in ("registrar", "supervisor"):
        return True
    own = (await ports.policies.book(case.jurisdiction)).organisation(principal.org)
    return own is not None and own.kind == "sealed" and own.code in case.handlers


async def own_clocks(ports: Ports, principal: Principal, row: Row) -> Row:
    """The row for an organisation. The receiver of a filing and its handler have clocks of their own, so each sees only its
    own deadline."""
    if principal.role not in ("organisation", "clerk") or row.values is None or row.values["owes"] is None:
        return row
    case, _head = await ports.cases.get(row.key, at_least=row.applied)
    book = await ports.policies.book(case.jurisdiction)
    whose = case.assignment.org if principal.org in (*case.handlers, *case.assignment.assist) else principal.org
    running = [one for one in deadlines(case, book) if one.running and not one.rule.window and one.org == whose]
    first = min(running, key=lambda one: one.due, default=None)
    due = (to_text(first.due), first.clock) if first is not None else (None, None)
    risk = first_risk(running)
    own = {"due": due[0], "due_clock": due[1], "risk_at": to_text(risk) if risk is not None else None}
    return row._replace(values={**row.values, **own})


def clerk_column(principal: Principal) -> str:
    """The column that names the clerk of the principal's own unit."""
    return "clerk" if principal.role in ("organisation", "clerk") else "office_clerk"


async def total(ports: Ports, principal: Principal, wanted: ListFilter) -> tuple[int, bool]:
    """Number of the cases of a list, and whether there are more than were counted: at most `_MOST_COUNTED_CASES` are looked at."""
    number, after = 0, None
    while number < _MOST_COUNTED_CASES:
        page = await cases(ports, principal, wanted, after, 200)
        number += len(page.cases)
        after = page.after
        if after is None:
            return number, False
    return number, True


def _write(cursor: _Cursor) -> str:
    """A cursor as short text: 25 bytes for an instant and the id of a case."""
    try:
        key, when = bytes.fromhex(cursor.key), from_text(cursor.due) if cursor.due else None
    except ValueError:
        key, when = b"", None
    if key.hex() == cursor.key and isinstance(when, datetime) and to_text(when) == cursor.due:
        since = (when - _EPOCH) // timedelta(microseconds=1)
        data = bytes((2 + cursor.undated,)) + since.to_bytes(8, "big", signed=True) + key
    elif key.hex() == cursor.key and not cursor.due:
        data = bytes((4 + cursor.undated,)) + key
    else:
        data = orjson.dumps(list(cursor))
    return urlsafe_b64encode(data).decode().rstrip("=")


def _read(text: str | None) -> _Cursor:
    if text is None:
        return _Cursor(False, "", "")
    try:
        data = urlsafe_b64decode(text + "=" * (-len(text) % 4))
        if data[:1] in (b"\x02", b"\x03"):
            when = _EPOCH + timedelta(microseconds=int.from_bytes(data[1:9], "big", signed=True))
            return _Cursor(data[0] == 3, to_text(when), data[9:].hex())
        if data[:1] in (b"\x04", b"\x05"):
            return _Cursor(data[0] == 5, "", data[1:].hex())
        undated, due, key = orjson.loads(data)
        if isinstance(undated, bool) and isinstance(due, str) and isinstance(key, str):
            return _Cursor(undated, due, key)
    except (ValueError, TypeError, OverflowError):
        pass
    raise Invalid(
        "wrong_cursor",
        "after is not a cursor of this list. Leave it out for the first page, then use the cursor of the previous page.",
        detail_zh="翻页标记无效，请从第一页重新查询。",
        field="after",
    )
