"""The drafts of a unit over all its cases: those that wait for a check, a signature or delivery, and those that were sent
back. A row says only that there is a draft and what it waits for. The visibility of the case is checked for each row.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple, get_args

from services.routing.desk import DRAFTS, present_drafts, unit_of
from shared.application.ports import Ports
from shared.commands.authorization import Principal
from shared.commands.visible_cases import seen
from shared.consumers.consumer import CaseConsumer
from shared.consumers.projection import FAULTS
from shared.events.desk import DraftSaved
from shared.eventstore.commit import Commit
from shared.eventstore.read_models import Condition, ReadModel, Row
from shared.eventstore.recorded_event import RecordedEvent
from shared.kernel.legal_time import to_text

GROUP = "routing.drafts"
VIEW = ReadModel(
    "drafts",
    {
        "case": "text", "jurisdiction": "text", "org": "text", "kind": "text", "step": "text", "writer": "text",
        "writer_ref": "text", "at": "text",
    },
    (("org", "jurisdiction", "at"),),
)  # fmt: skip
"""Case, unit and kind -> what the draft waits for."""
FILLED = "-"
"""Key of the row that says that the view was filled from the log."""
MOST = 1_000
"""Drafts of one unit that are looked at (own choice)."""
Queue = Literal["to_check", "to_sign", "returned", "to_deliver", "writing"]
QUEUES: tuple[Queue, ...] = get_args(Queue)


class Waiting(NamedTuple):
    """A draft that waits for something."""

    case: str
    number: str
    kind: str
    queue: Queue
    writer: str | None
    at: str


def rows_of(case: str, events: Sequence[RecordedEvent]) -> list[Row]:
    """The rows of one stream of drafts. A draft that is gone has an empty row."""
    present = present_drafts(events)
    units = {(event.body.org, event.body.kind) for event in events if isinstance(event.body, DraftSaved)}
    rows = []
    for org, kind in sorted(units):
        found = present.get((org, kind))
        values = None
        if found is not None:
            values = {
                "case": case,
                "jurisdiction": found.saved.jurisdiction,
                "org": org,
                "kind": kind,
                "step": found.step,
                "writer": found.saved.actor.person,
                "writer_ref": found.saved.actor.ref,
                "at": to_text((found.decided or found.saved).recorded_at),
            }
        rows.append(Row(f"{case}\x1f{org}\x1f{kind}", events[-1].version, values))
    return rows


class DraftConsumer(CaseConsumer):
    """Writes the rows of drafts that moved."""

    async def __call__(self, commits: Sequence[Commit]) -> None:
        """Handle one batch. Raises only infrastructure errors: the subscription pauses and delivers the batch again."""
        by_stream: dict[str, list[Commit]] = defaultdict(list)
        for commit in commits:
            if commit.stream.startswith(DRAFTS):
                by_stream[commit.stream].append(commit)
        stopped = {mark.stream for mark in await self.views.parked(self.group)} if by_stream else set()
        await self.handle({stream: own for stream, own in by_stream.items() if stream not in stopped})
        self.handled += len(commits)

    async def handle(self, ready: Mapping[str, list[Commit]]) -> None:
        """Write the rows of these streams. `ready`: stream -> its commits."""
        rows: list[Row] = []
        for stream, own in ready.items():
            try:
                events = [event for commit in await self.log.load(stream) for event in commit.recorded]
                rows += rows_of(stream.removeprefix(DRAFTS), events)
            except FAULTS as error:
                await self.parked.park(own[0], error)
        if rows:
            await self.views.write({VIEW.name: rows})


async def _fill(ports: Ports) -> None:
    """Write the rows of all drafts: the view was deleted or is new."""
    by_stream: dict[str, list[RecordedEvent]] = defaultdict(list)
    async for commits in ports.log.scan(DRAFTS):
        for commit in commits:
            by_stream[commit.stream].extend(commit.recorded)
    rows = [row for stream, events in by_stream.items() for row in rows_of(stream.removeprefix(DRAFTS), events)]
    for start in range(0, len(rows), 500):
        await ports.views.write({VIEW.name: rows[start : start + 500]})
    await ports.views.write({VIEW.name: [Row(FILLED, 1, dict.fromkeys(VIEW.columns))]})


async def waiting(ports: Ports, principal: Principal) -> list[Waiting]:
    """The drafts of the principal's unit in cases that it may see, oldest first, each in the queue where the principal finds it.

    Own drafts never await one's own check or signature; a draft that was sent back is in the list of its writer only."""
    unit = unit_of(principal)
    if await ports.views.get(VIEW.name, FILLED) is None:
        await _fill(ports)
    where = [Condition("org", "=", unit)]
    if principal.jurisdiction is not None:
        where.append(Condition("jurisdiction", "=", principal.jurisdiction))
    found: list[Waiting] = []
    after: list[str | int | float | bool | None] | None = None
    looked = 0
    while looked < MOST:
        order = ["at"] if principal.jurisdiction is not None else []
        rows = await ports.views.find(VIEW.name, where, order=order, after=after, limit=200)
        for row in rows:
            values = row.values
            queue = _queue(principal, values) if values is not None else None
            if values is None or queue is None:
                continue
            case = await seen(ports.cases, principal, str(values["case"]))
            if case is not None and case.state != "voided":
                writer = values["writer"]
                found.append(
                    Waiting(
                        case.id,
                        case.number,
                        str(values["kind"]),
                        queue,
                        str(writer) if writer else None,
                        str(values["at"]),
                    )
                )
        looked += len(rows)
        if len(rows) < 200:
            break
        last = rows[-1]
        after = [*(last.values[name] for name in order if last.values is not None), last.key]
    return found


def _queue(principal: Principal, values: Mapping[str, object]) -> Queue | None:
    own = (
        values["writer"] == principal.person if values["writer"] is not None else values["writer_ref"] == principal.ref
    )
    match values["step"]:
        case "check":
            return None if own else "to_check"
        case "sign":
            return None if own else "to_sign"
        case "returned":
            return "returned" if own else None
        case "deliver":
            return "to_deliver"
    return "writing" if own else None


def counts(found: Sequence[Waiting]) -> dict[str, int]:
    """Queue -> number of its drafts."""
    number = Counter(one.queue for one in found)
    return {name: number[name] for name in QUEUES}
