"""How many cases wait in each queue, for a principal. The rows that everybody with the scope may see are counted by an index;
those that only some may see are checked one by one, so that a count never reveals a hidden case."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable

from pydantic import Field

from shared.application.case_reference import WORKLIST
from shared.application.ports import Ports
from shared.application.response import Answer
from shared.commands.authorization import LIST, Principal, authorize
from shared.eventstore.read_models import Condition, Row
from shared.kernel.legal_time import to_text
from shared.queries import worklist as listing

MOST_LOOKED_AT = 2_000
"""Rows of which only some may know that one count looks at (own choice). More give a minimum."""
MOST_LISTED = 500
"""The same for the queues that no index counts."""
FRESH_SECONDS = 2.0
"""Counts of the same scope are the same for so long: many clerks of a unit ask at once."""
_OWN_ROLE = {"to_review": "reviewer", "forwarded": "holder", "to_notify": "owes"}
"""Queues of an organisation that is not the responsible one -> the column that names it."""


class CountsAnswer(Answer):
    """Numbers of the cases that you may see and that wait for something."""

    queues: dict[str, int] = Field(description="Queue -> number; queues without a case are 0")
    mine: int = Field(
        description="Cases with a running deadline of which you are the clerk; 0 for a key without a person"
    )
    mine_overdue: int = Field(description="Those of them that are overdue")
    unassigned: int = Field(description="Cases of your unit with a running deadline and without a clerk, at most 500")
    minimum: bool = Field(
        description="True if there were too many hidden or own cases to look at: there are at least so many"
    )


def org_scope(jurisdiction: str, org: str) -> str:
    """The value of the column of the same name."""
    return f"{jurisdiction}\x1f{org}"


class Counts:
    """Counts of this process, remembered for a moment by scope."""

    def __init__(self, ports: Ports) -> None:
        self._ports = ports
        self._known: dict[Principal, tuple[float, CountsAnswer]] = {}
        self._turns: dict[Principal, asyncio.Lock] = {}

    async def of(self, principal: Principal) -> CountsAnswer:
        """The counts for this principal, at most FRESH_SECONDS old. Raises Denied for a role that has no list."""
        authorize(principal, LIST)
        scope = principal._replace(reason=None)
        lock = self._turns.setdefault(scope, asyncio.Lock())
        async with lock:
            now = self._ports.clock.monotonic()
            known = self._known.get(scope)
            if known is None or now - known[0] >= FRESH_SECONDS:
                if len(self._known) > 5_000:
                    self._known.clear()
                    self._turns = {scope: lock}
                known = self._known[scope] = (now, await counted(self._ports, scope))
        return known[1]


async def counted(ports: Ports, principal: Principal) -> CountsAnswer:
    """The counts at present."""
    now = to_text(ports.clock.now())
    found: Counter[str] = Counter()
    unit = principal.role in ("organisation", "clerk")
    jurisdictions = (
        [principal.jurisdiction] if principal.jurisdiction is not None else sorted(await ports.policies.all())
    )
    minimum = False
    for jurisdiction in jurisdictions:
        scope = org_scope(jurisdiction, principal.org or "") if unit else jurisdiction
        found += await _open_to_all(ports, "org_scope" if unit else "scope", scope, now)
        where = [Condition("guarded", "=", True), Condition("jurisdiction", "=", jurisdiction)]
        rows, cut = await _some(ports, [*where, Condition("org", "=", principal.org)] if unit else where)
        minimum = minimum or cut
        for row in await _seen(ports, principal, rows):
            found.update(_queues(row, now))
    for name in (*listing.ALSO, "to_serve_on_paper"):
        number, cut = await _listed(ports, principal, name, now)
        found[name] = number
        minimum = minimum or cut
    if unit:
        for name in _OWN_ROLE:
            number, cut = await _listed(ports, principal, name, now)
            found[name] = number
            minimum = minimum or cut
    mine, mine_cut = await _mine(ports, principal)
    free: list[Row] = []
    if unit:
        of_nobody = [Condition("org", "=", principal.org), Condition("clerk", "=", None), Condition("due", ">", "")]
        free, _more = await _some(ports, of_nobody, ordered=True, most=MOST_LISTED)
    return CountsAnswer(
        queues={name: found[name] for name in listing.QUEUES},
        mine=len(mine),
        mine_overdue=sum(1 for row in mine if _overdue(row, now)),
        unassigned=len(await _seen(ports, principal, free)),
        minimum=minimum or mine_cut,
    )


async def _open_to_all(ports: Ports, column: str, scope: str, now: str) -> Counter[str]:
    """Queue -> number of the rows of the scope that are not guarded."""
    own = Condition(column, "=", scope)
    by_queue = await ports.views.count(WORKLIST, [own, Condition("queue", ">", "")], by="queue")
    found = Counter({str(queue): number for queue, number in by_queue.items() if queue is not None})
    overdue = (await ports.views.count(WORKLIST, [own, Condition("due", "<", now)])).get(None, 0)
    looked = (await ports.views.count(WORKLIST, [own, Condition("look_at", "<=", now)])).get(None, 0)
    found["overdue"] = overdue
    found["at_risk"] = max(0, looked - overdue)
    return found


def _queues(row: Row, now: str) -> Iterable[str]:
    """The queues that count a guarded row."""
    assert row.values is not None
    queue, due, risk = row.values["queue"], row.values["due"], row.values["risk_at"]
    if isinstance(queue, str):
        yield queue
    if _overdue(row, now):
        yield "overdue"
    elif isinstance(due, str) and isinstance(risk, str) and risk <= now:
        yield "at_risk"


def _overdue(row: Row, now: str) -> bool:
    assert row.values is not None
    due = row.values["due"]
    return isinstance(due, str) and due < now


async def _some(
    ports: Ports, where: list[Condition], *, ordered: bool = False, most: int = MOST_LOOKED_AT
) -> tuple[list[Row], bool]:
    """The first rows that meet the conditions, and whether there are more."""
    order = ("due",) if ordered else ()
    found: list[Row] = []
    after: list[str | int | float | bool | None] | None = None
    while len(found) < most:
        rows = await ports.views.find(WORKLIST, where, order=order, after=after, limit=200)
        found += rows
        if len(rows) < 200:
            return found, False
        last = rows[-1]
        after = [last.values["due"] if last.values is not None else None, last.key] if ordered else [last.key]
    return found, True


async def _seen(ports: Ports, principal: Principal, rows: list[Row]) -> list[Row]:
    """Those of the rows that a list would show, with the clocks that the principal sees. A row of the principal's own scope needs
    no look at its case."""
    unit = principal.role in ("organisation", "clerk")
    found = []
    for row in rows:
        if row.values is None or row.values["state"] == "voided":
            continue
        own = org_scope(principal.jurisdiction or "", principal.org or "") if unit else principal.jurisdiction
        if own is not None and row.values["org_scope" if unit else "scope"] == own:
            found.append(row)
        elif await listing.may_see(ports, principal, row):
            found.append(await listing.own_clocks(ports, principal, row))
    return found


async def _listed(ports: Ports, principal: Principal, queue: str, now: str) -> tuple[int, bool]:
    """The length of a list that is short, and whether it is longer than that."""
    number, after = 0, None
    for _page in range(MOST_LISTED // 100):
        page = await listing.cases(ports, principal, listing.ListFilter(queue=queue), after, 100)
        number += len(page.cases)
        after = page.after
        if after is None:
            return number, False
    return number, True


async def _mine(ports: Ports, principal: Principal) -> tuple[list[Row], bool]:
    """The cases of which the principal's person is the clerk."""
    if principal.person is None:
        return [], False
    column = listing.clerk_column(principal)
    own = [Condition(column, "=", principal.person), Condition("due", ">", "")]
    rows, cut = await _some(ports, own, ordered=True)
    return await _seen(ports, principal, rows), cut
