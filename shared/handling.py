"""load -> decide -> append: how every command becomes events, in one place.

    Handling.on_case    a command on a case: authorise, decide, append; again when somebody else was first
    Handling.on_stream  the same for streams whose state is only their head (outboxes, reads, principals, policy)

Nothing is written unless decide() returned events; a refusal leaves the log as it was. The same cause twice gets the first
answer, the same cause with other content is refused.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from shared.access import Action, Principal, authorize, visible
from shared.case import MOVES, STREAM, Case, fold, head_of
from shared.cases import Cases
from shared.clock import Clock
from shared.commands import Fresh, Given
from shared.envelope import Actor, Origin, Recorded, chain, encode
from shared.events.base import Service
from shared.failpoints import failpoint
from shared.keys import KeyErased, Keys
from shared.log import EMPTY_HEAD, Commit, Conflict, Head, Log, SameCause
from shared.policies import Policies
from shared.refusals import Invalid, Refused, Unavailable
from shared.times import When, before, local_text, to_text
from shared.vault import obtain, parts_of, seal

ATTEMPTS = 12
LARGEST_EVENT = (4096 - 64) * 1024
"""Bytes. A topic takes records of 4 MiB, of which key and headers need a part: what could not be published is never kept."""
LARGEST_COMMIT = 12 * 1024 * 1024
"""Bytes of all events of one decision: MongoDB keeps them in one document of at most 16 MB."""
CLOCK_TOLERANCE = timedelta(seconds=60)

Published = Callable[[Sequence[Commit]], Awaitable[None]]
DecideCase = Callable[[Case, Given], list[Fresh]]


class Stamp(NamedTuple):
    """What the envelope of a new event says besides the event."""

    principal: Principal
    cause: str
    at: When | None = None
    request: str | None = None
    correlation: str | None = None
    origin: Origin = "live"
    jurisdiction: str = ""
    policy: str | None = None

    @property
    def actor(self) -> Actor:
        return self.principal.actor


class Done(NamedTuple):
    """What came of it. `commit` None: there was nothing to do. `repeated`: it had been done under this cause before."""

    case: Case
    commit: Commit | None
    repeated: bool


@dataclass(frozen=True)
class Handling:
    """The hands of one service. It appends only event types that this service owns."""

    service: Service
    log: Log
    keys: Keys
    clock: Clock
    cases: Cases
    policies: Policies
    published: Published

    async def on_case(
        self,
        case_id: str,
        action: Action,
        stamp: Stamp,
        decide: DecideCase,
        *,
        expected_version: int | None = None,
        others: Iterable[str] = (),
        seen: int = 0,
        begins: bool = False,
    ) -> Done:
        """Carry a command out. `others`: ids of further cases that the decision needs (`Rule.named`). `seen`: a version that
        the caller has just brought forward; then it is decided on what is known here, without a look at the log: an append
        finds out by itself whether it is late, and a no is asked again of the log. `begins`: the same for a command that
        most often begins a case, which the log is then not asked for either.

        Raises Refused (and its kinds), LogFull, LogBroken."""
        stream = STREAM + case_id
        for attempt in range(ATTEMPTS):
            if attempt:
                case, head = await self.cases.reload(case_id)
            elif begins and self.cases.alone:
                case, head = self.cases.known(case_id)
            else:
                case, head = await self.cases.get(case_id, seen)
            looked = attempt > 0 or (case.exists or not begins if self.cases.alone else not seen)
            known = await self._others(case, others)
            try:
                if case.exists or action.name != "file":
                    authorize(stamp.principal, action, case, head_of(case.lead, known) if case.lead else None)
                else:
                    authorize(stamp.principal, action)
                now = self._now(case.last_recorded)
                book = await self.policies.book(case.jurisdiction or stamp.jurisdiction)
                shown = _seen(stamp.principal, known) if known else known
                fresh = decide(case, Given(stamp.principal, now, stamp.at or now, book, shown))
                if fresh and expected_version is not None and case.acted > expected_version:
                    raise Refused(
                        "stale_version",
                        f"The case has moved on to version {case.version} since you read it; read it again and decide.",
                        why_zh="该件在您读取之后已有新的变化，请重新查看后再办理。",
                    )
                if fresh:
                    check_order(case, fresh, stamp.at or now, now, book.zone)
            except Refused:
                if not looked:
                    continue
                first = await self._first_answer(stream, stamp)
                if first is None:
                    raise
                return Done(case, first, True)
            if not fresh and not looked:
                continue
            if not fresh:
                return Done(case, await self._first_answer(stream, stamp), True)
            stamp_here = stamp._replace(
                jurisdiction=case.jurisdiction or stamp.jurisdiction, policy=stamp.policy or book.reference
            )
            try:
                commit, recorded = await self._append(stream, head, fresh, stamp_here, now)
            except SameCause as same:
                return Done((await self.cases.reload(case_id))[0], self._same(same.commit, stamp), True)
            except Conflict:
                self.cases.forget([case_id])
                await _pause(attempt)
                continue
            except Refused:  # what cannot be sealed may have been appended before its key was erased
                if looked:
                    raise
                continue
            after = fold(recorded, case)
            self.cases.remember(after, commit.head)
            failpoint("log.appended")
            await self.published([commit])
            return Done(after, commit, False)
        raise Unavailable(
            "busy",
            "The case is being changed by many at once; try again in a moment.",
            why_zh="该件正被多人同时办理，请稍后重试。",
        )

    async def _others(self, case: Case, named: Iterable[str]) -> dict[str, Case]:
        """The named cases and the lead of `case`, as the log has them now."""
        wanted = [*named, case.lead] if case.lead is not None else [*named]
        return await self.cases.lines(wanted, fresh=True) if wanted else {}

    async def on_stream(
        self, stream: str, stamp: Stamp, decide: Callable[[Head], list[Fresh]], last: Commit | None = None
    ) -> tuple[Commit, bool]:
        """Append to a stream that has no state of its own. Returns the commit and whether it had been there before.

        `last` may be a remembered commit, the end of the stream: a wrong guess only costs a second attempt."""
        for attempt in range(ATTEMPTS):
            if last is None:
                last = await self._last(stream)
            head = last.head if last is not None else EMPTY_HEAD
            now = self._now(last.recorded_at if last is not None else None)
            try:
                commit, _recorded = await self._append(stream, head, decide(head), stamp, now)
            except SameCause as same:
                return self._same(same.commit, stamp), True
            except Conflict:
                last = None
                await _pause(attempt)
                continue
            failpoint("log.appended")
            await self.published([commit])
            return commit, False
        raise Unavailable(
            "busy", "Many write here at once; try again in a moment.", why_zh="此处正有多项写入，请稍后重试。"
        )

    async def _last(self, stream: str) -> Commit | None:
        """The commit that the stream ends with. Cost does not grow with the stream."""
        async for heads in self.log.heads(stream, batch=1):
            found, head = heads[0]
            if found == stream:
                return (await self.log.load(stream, after=head.version - 1))[-1]
            break
        return None

    async def _append(
        self, stream: str, head: Head, fresh: Sequence[Fresh], stamp: Stamp, now: datetime
    ) -> tuple[Commit, tuple[Recorded, ...]]:
        """Seal, serialise once, chain and append."""
        for item in fresh:
            if item.body.owner != self.service and self.service not in item.body.also:
                raise TypeError(f"{self.service} may not append {type(item.body).__name__}, {item.body.owner} owns it")
        actor = stamp.actor
        parts = [parts_of(item.body, actor.org) for item in fresh]
        try:
            keys = await obtain(self.keys, stream.removeprefix(STREAM), (part for one in parts for part in one))
        except KeyErased as erased:
            raise Refused(
                "party_erased",
                "This party's data were erased; nothing can be added for it.",
                why_zh="该当事人的信息已依法删除，不能再为其添加内容。",
            ) from erased
        recorded = []
        data = []
        hashed = head.hash
        for version, (item, own) in enumerate(zip(fresh, parts, strict=True), start=head.version + 1):
            event_id = item.id or self.clock.new_id()
            event = Recorded(
                event_id=event_id,
                stream=stream,
                version=version,
                type=type(item.body).__name__,
                schema=item.body.schema_version,
                jurisdiction=stamp.jurisdiction,
                effective_at=item.at or stamp.at or now,
                recorded_at=now,
                origin=stamp.origin,
                actor=actor,
                cause=stamp.cause,
                request=stamp.request,
                correlation=stamp.correlation,
                policy=stamp.policy,
                body=item.body,
                sealed=seal(own, keys, event_id, stream, version),
            )
            recorded.append(event)
            data.append(encode(event))
            hashed = chain(hashed, data[-1])
        if max(map(len, data)) > LARGEST_EVENT or sum(map(len, data)) > LARGEST_COMMIT:
            raise Invalid(
                "too_large_to_keep",
                f"An event may have {LARGEST_EVENT // 1024} KiB, and what happens at once {LARGEST_COMMIT // 1024} KiB, or it"
                " could not be passed on. Send it in parts.",
                why_zh="内容过大，无法保存和传送，请分次提交。",
            )
        commit = Commit.written(stream, head, stamp.cause, recorded, data, hashed, now, request=stamp.request)
        return await self.log.append(commit), tuple(recorded)

    def _now(self, last: datetime | None) -> datetime:
        """`recorded_at` never goes back inside a stream; a clock that is far behind is refused."""
        now = self.clock.now()
        if last is None or now >= last:
            return now
        if last - now > CLOCK_TOLERANCE:
            raise Unavailable(
                "clock_behind",
                "This machine's clock is more than 60 s behind the log; mend the clock, nothing is written.",
                why_zh="本机时钟比记录落后六十秒以上，请先校正时钟；未写入任何内容。",
            )
        return last

    async def _first_answer(self, stream: str, stamp: Stamp) -> Commit | None:
        commit = await self.log.by_cause(stream, stamp.cause)
        return None if commit is None else self._same(commit, stamp)

    @staticmethod
    def _same(commit: Commit, stamp: Stamp) -> Commit:
        if stamp.request is not None and commit.request is not None and commit.request != stamp.request:
            raise Refused(
                "same_id_other_content",
                "This id was used before with different content. Use a new id, or send exactly what was sent first.",
                why_zh="该编号此前已提交过不同的内容。请使用新的编号，或原样重新提交。",
                field="command_id",
            )
        return commit


def _seen(principal: Principal, known: dict[str, Case]) -> dict[str, Case]:
    """Those of `known` that the principal may see."""
    return {
        case_id: case
        for case_id, case in known.items()
        if visible(principal, case, head_of(case.lead, known) if case.lead else None)
    }


def check_order(case: Case, fresh: Sequence[Fresh], at: When, now: datetime, zone: str) -> None:
    """The two rules of legal time: nothing before what moved the case last, nothing in the future.

    Raises Refused `effective_too_early` (with the earliest possible date) or `effective_in_future`.
    """
    last = case.moved_at
    for item in fresh:
        when = item.at or at
        if before(now, when, zone):
            raise Refused(
                "effective_in_future",
                "effective_at lies after now; an event is recorded when it has happened.",
                why_zh="生效时间不能晚于当前时间。",
                field="effective_at",
                latest=to_text(now),
            )
        if type(item.body).__name__ not in MOVES:
            continue
        if last is not None and before(when, last, zone):
            raise Refused(
                "effective_too_early",
                f"effective_at lies before the step that moved this case last ({local_text(last, zone)}).",
                why_zh=f"生效时间不能早于该件上一步的时间（{local_text(last, zone)}）。",
                field="effective_at",
                earliest=to_text(last),
            )
        last = when


async def _pause(attempt: int) -> None:
    """Let the other writer finish: at once the first time, then a little longer each time."""
    await asyncio.sleep(0 if attempt == 0 else random.uniform(0, 0.002 * 2 ** min(attempt, 6)))
