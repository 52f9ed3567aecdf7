"""Missed calls: recorded by the telephone system of the office, called back or filed by its staff.

The number of the caller is sealed. It is opened by an act that is recorded, and its key is destroyed when the call is done with.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

import orjson

from shared.application.ports import Ports
from shared.commands.authorization import Action, Principal, Role, authorize
from shared.commands.command import NewEvent
from shared.commands.command_handler import CommandHandler
from shared.commands.event_writer import EventMetadata
from shared.consumers.stream_rows import StreamRowsConsumer
from shared.events.base import Event
from shared.events.calls import CallMissed, CallNumberRead, CallOutcome, CallReturned
from shared.eventstore.commit import StreamHead
from shared.eventstore.field_encryption import open_sealed
from shared.eventstore.read_models import Condition, ReadModel, Row, Value
from shared.eventstore.recorded_event import RecordedEvent
from shared.kernel.identifiers import request_digest
from shared.kernel.legal_time import LegalTime, day_of, instant_of, to_text
from shared.kernel.refusals import Invalid, Refused, Unknown
from shared.queries.case_content import require_reason
from shared.queries.case_details import find

STREAM = "calls/"
GROUP = "intake.calls"
_OPERATORS: tuple[Role, ...] = ("registrar", "operator")
CALLS = Action("missed_calls", _OPERATORS)
VIEW = ReadModel(
    "missed_calls",
    {
        "jurisdiction": "text", "state": "text", "missed_at": "text", "line": "text", "tries": "integer", "tried_at": "text",
        "skill": "text",
    },
    (("jurisdiction", "state", "missed_at"), ("jurisdiction", "state", "skill", "missed_at")),
    version=2,
)  # fmt: skip
"""Call -> when it was missed and how often it was called back."""
FILLED = "-"
"""Key of the row that says that the view was filled from the log."""
WAITING, DONE = "waiting", "done"
NO_SKILL = ""
"""In the row of a call that everybody can return."""


_ATTEMPTS = 10
"""How often an act is decided again because colleagues were first."""


class _Moved(Exception):
    """The stream has another version than the one that was decided on."""


class MissedCall(NamedTuple):
    """A missed call, from the events of its stream."""

    id: str
    version: int
    missed: RecordedEvent
    line: str | None
    skill: str | None
    missed_at: LegalTime
    tries: int
    tried_at: LegalTime | None
    """When it was called back for the last time."""
    done: CallReturned | None


def call_of(events: Sequence[RecordedEvent]) -> MissedCall | None:
    """The call of one stream; None for an empty one. Pure."""
    if not events or not isinstance(events[0].body, CallMissed):
        return None
    missed, body = events[0], events[0].body
    returned = [event for event in events if isinstance(event.body, CallReturned)]
    tries = [event for event in returned if isinstance(event.body, CallReturned) and event.body.outcome != "filed"]
    ends = [event.body for event in returned if isinstance(event.body, CallReturned)]
    done = next((one for one in ends if one.outcome != "not_reached"), None)
    id_ = missed.stream.rpartition("/")[2]
    return MissedCall(
        id_,
        events[-1].version,
        missed,
        body.line,
        body.skill,
        body.missed_at,
        len(tries),
        tries[-1].recorded_at if tries else None,
        done,
    )


def row_of(events: Sequence[RecordedEvent]) -> list[Row]:
    """The row of a call."""
    call = call_of(events)
    if call is None:
        return []
    values: dict[str, Value] = {
        "jurisdiction": call.missed.jurisdiction,
        "state": WAITING if call.done is None else DONE,
        "missed_at": to_text(call.missed_at),
        "line": call.line,
        "tries": call.tries,
        "tried_at": to_text(call.tried_at) if call.tried_at is not None else None,
        "skill": call.skill or NO_SKILL,
    }
    return [Row(call.id, events[-1].version, values)]


class CallConsumer(StreamRowsConsumer):
    """Writes the rows of calls that moved."""

    prefix, view = STREAM, VIEW

    def rows_of(self, stream: str, events: Sequence[RecordedEvent]) -> list[Row]:
        return row_of(events)


async def record(
    ports: Ports,
    principal: Principal,
    jurisdiction: str,
    number: str,
    missed_at: LegalTime | None,
    line: str | None,
    command_id: str,
    skill: str | None = None,
) -> str:
    """Record a missed call; returns its id. The same command id records it once.

    Args:
        missed_at: By default now.
        skill: Code of the policy; by default that of the line.

    Raises:
        Invalid: A call of the future, or a skill that the policy does not list.
    """
    authorize(principal, CALLS)
    book = await ports.policies.book(jurisdiction)
    zone = book.zone
    if skill is not None and skill not in book.skills:
        raise Invalid(
            "unknown_skill",
            f"The policy does not list this skill. It lists: {', '.join(book.skills) or 'none'}.",
            detail_zh=f"规则中没有该专长，可选：{'、'.join(book.skills) or '无'}。",
            field="skill",
        )
    now = ports.clock.now()
    if missed_at is not None and instant_of(missed_at, zone) > now and day_of(missed_at, zone) > day_of(now, zone):
        raise Invalid(
            "in_the_future",
            "missed_at is in the future. Correct the clock of the telephone system.",
            detail_zh="未接来电时间晚于当前时间，请校正电话系统时钟。",
            field="missed_at",
        )
    secret, cause = ports.keys.secret("request"), f"{principal.name}:{command_id}"
    call = request_digest(secret, jurisdiction, f"{STREAM}{cause}".encode())[:32]
    body = CallMissed(number=number, missed_at=missed_at or now, line=line, skill=skill or book.skill_of_line(line))
    if await ports.log.by_cause(f"{STREAM}{jurisdiction}/{call}", cause) is not None:
        found = await present(ports, jurisdiction, call)
        if found.done is not None:  # its number is destroyed, so that nothing can be compared or sealed again
            return call
    content = [
        number,
        to_text(missed_at) if missed_at is not None else None,
        line,
        *([skill] if skill is not None else []),
    ]
    await _append(ports, principal, jurisdiction, call, body, command_id, content)
    return call


async def skills_of(ports: Ports, principal: Principal, jurisdiction: str) -> tuple[str, ...]:
    """The skills of calls that are for this person: the own ones, those that nobody present has, so that no call is left over, and
    NO_SKILL."""
    known = (await ports.policies.book(jurisdiction)).skills
    if not known:
        return (NO_SKILL,)
    own: tuple[str, ...] = ()
    if principal.person is not None:
        own = (await ports.persons.get(principal.person)).skills_for(principal.org, jurisdiction)
    left = [one for one in known if one in own or not await ports.persons.skilled(one, principal.org, jurisdiction)]
    return (NO_SKILL, *left)


async def waiting(
    ports: Ports,
    principal: Principal,
    jurisdiction: str,
    after: str | None,
    limit: int,
    skills: tuple[str, ...] | None = None,
) -> tuple[list[Row], int]:
    """The calls that nobody returned yet, the oldest first, and their number. `after`: id of the last one of the page before.
    `skills`: only calls that need one of these, or NO_SKILL."""
    authorize(principal, CALLS)
    if await ports.views.get(VIEW.name, FILLED) is None:
        await _fill(ports)
    where = [Condition("jurisdiction", "=", jurisdiction), Condition("state", "=", WAITING)]
    if skills is not None:
        where.append(Condition("skill", "in", skills))
    last = await ports.views.get(VIEW.name, after) if after is not None else None
    place = [last.values["missed_at"], last.key] if last is not None and last.values is not None else None
    rows = await ports.views.find(VIEW.name, where, order=("missed_at",), after=place, limit=limit)
    number = (await ports.views.count(VIEW.name, where)).get(None, 0)
    return list(rows), number


async def opened(ports: Ports, principal: Principal, jurisdiction: str, call: str) -> tuple[MissedCall, str | None]:
    """A call and the number of the caller; None after it was done with. The reading is recorded before anything is decrypted.

    Raises Unknown, and TooMany for a key that reads many without a reason."""
    authorize(principal, CALLS)
    found = await present(ports, jurisdiction, call)
    if found.done is not None:
        return found, None
    handling = ports.handling("intake")
    require_reason(handling, principal, call)
    await _append(ports, principal, jurisdiction, call, CallNumberRead(), handling.clock.new_id(), [call])
    parts = await open_sealed(ports.keys, [found.missed])
    return found, next((str(one.values["number"]) for one in parts if "number" in one.values), None)


async def answer(
    ports: Ports,
    principal: Principal,
    jurisdiction: str,
    call: str,
    outcome: CallOutcome,
    case: str | None,
    command_id: str,
) -> MissedCall:
    """Record that a call was returned or filed. Then the number is destroyed, unless nobody was reached.

    Raises Unknown for a call or a case that is not there, Invalid for `filed` without a case, Refused `call_done`."""
    authorize(principal, CALLS)
    if (outcome == "filed") != (case is not None):
        raise Invalid(
            "case_needed",
            "Give case if the outcome is filed, and only then.",
            detail_zh="outcome 为 filed 时须填写所登记的件（case），其他情形不填。",
            field="case",
        )
    filed = (await find(ports, principal, case)).id if case is not None else None
    body = CallReturned(outcome=outcome, case=filed)
    repeated = await ports.log.by_cause(f"{STREAM}{jurisdiction}/{call}", f"{principal.name}:{command_id}") is not None
    found = await present(ports, jurisdiction, call)
    for _attempt in range(_ATTEMPTS):
        if found.done is not None and not repeated:
            raise Refused(
                "call_done", "A colleague has already dealt with this call.", detail_zh="该来电已由同事处理完毕。"
            )
        after = None if repeated else found.version
        if await _append(ports, principal, jurisdiction, call, body, command_id, [call, outcome, filed], after):
            break
        found = await present(ports, jurisdiction, call)
    if outcome != "not_reached":
        for party in {part["party"] for part in found.missed.sealed}:
            await ports.keys.erase(f"{STREAM}{jurisdiction}/{call}", party)
    return await present(ports, jurisdiction, call)


async def present(ports: Ports, jurisdiction: str, call: str) -> MissedCall:
    """The call as it is now. Raises Unknown `unknown_call`."""
    commits = await ports.log.load(f"{STREAM}{jurisdiction}/{call}")
    found = call_of([event for commit in commits for event in commit.recorded])
    if found is None:
        raise Unknown("unknown_call", "There is no such missed call.", detail_zh="没有该未接来电，请核对编号。")
    return found


async def _fill(ports: Ports) -> None:
    """Write the rows of all calls: the view was deleted or is new."""
    by_stream: dict[str, list[RecordedEvent]] = defaultdict(list)
    async for commits in ports.log.scan(STREAM):
        for commit in commits:
            by_stream[commit.stream].extend(commit.recorded)
    rows = [row for events in by_stream.values() for row in row_of(events)]
    for start in range(0, len(rows), 500):
        await ports.views.write({VIEW.name: rows[start : start + 500]})
    await ports.views.write({VIEW.name: [Row(FILLED, 1, dict.fromkeys(VIEW.columns))]})


async def _append(
    ports: Ports,
    principal: Principal,
    jurisdiction: str,
    call: str,
    body: Event,
    command_id: str,
    content: list[str | None],
    after: int | None = None,
) -> bool:
    """Append one event. `after`: the version that the stream has to have; False is returned, and nothing recorded, where it has
    another one."""
    handling: CommandHandler = ports.handling("intake")
    stream = f"{STREAM}{jurisdiction}/{call}"
    digest = request_digest(ports.keys.secret("request"), stream, orjson.dumps(content))
    stamp = EventMetadata(principal, f"{principal.name}:{command_id}", request=digest, jurisdiction=jurisdiction)

    def decide(head: StreamHead) -> list[NewEvent]:
        if after is not None and head.version != after:
            raise _Moved
        return [NewEvent(body)]

    try:
        await handling.append(stream, stamp, decide)
    except _Moved:
        return False
    return True
