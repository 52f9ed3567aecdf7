"""Sends the entries of inbox and updates streams to webhooks: in order, at least once, independently for each endpoint.

The position of an endpoint is in the log, so nothing is lost with the read models. One message at a time is under way to each
endpoint; a dead one delays only itself. What waits for it stays in its stream and takes no memory.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from datetime import datetime
from functools import partial
from typing import Any, NamedTuple

import orjson
import structlog

from shared.application.outbound_http import OutboundAnswer, OutboundHttp
from shared.application.ports import Ports
from shared.commands.authorization import Principal
from shared.commands.command import NewEvent
from shared.commands.event_writer import EventMetadata
from shared.events import webhooks as w
from shared.events.base import Event
from shared.eventstore.commit import Commit
from shared.eventstore.errors import StoreUnavailable
from shared.kernel.failpoints import failpoint
from shared.kernel.legal_time import to_text
from shared.messaging.partner_topics import OutboundMessage, OutboundTopic
from shared.messaging.sender_lease import SenderLease
from shared.messaging.webhooks.deliveries import GONE, STREAM, Standing, standing
from shared.messaging.webhooks.endpoints import STREAM as WEBHOOKS
from shared.messaging.webhooks.endpoints import Endpoint, Opened, WebhookEndpoints
from shared.messaging.webhooks.signatures import signed

TOGETHER = 50
"""Entries that are read at once, and deliveries that are recorded in one event."""
LOOK = 5.0
"""Seconds between two looks for what other processes appended."""
TICK = 1.0
ATTEMPT_SECONDS = 20.0
"""Time limit of one attempt (Standard Webhooks: 15 to 30 s)."""
ANSWER_KEPT = 500
TEST_KIND = "webhook.test"
log = structlog.get_logger("webhooks")
Tell = Callable[[Endpoint, w.DisabledFor], Awaitable[None]]
"""Tells the owner of an endpoint that it was disabled."""


class SenderFigures(NamedTuple):
    """Counters for operations."""

    disabled: int
    """Endpoints that were disabled because their server did not answer or is gone."""
    failing: int
    """Endpoints whose last attempt failed."""
    attempts: Counter[str]


class WebhookSender:
    """Sends the entries of one kind of stream. One per service and process."""

    def __init__(
        self,
        ports: Ports,
        endpoints: WebhookEndpoints,
        route: OutboundTopic,
        audience: w.Audience,
        tell: Tell,
        *,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self.attempts: Counter[str] = Counter()
        """Attempts of this process by result: `delivered` or `failed`."""
        self._ports = ports
        self._endpoints = endpoints
        self._route = route
        self._audience = audience
        self._tell = tell
        self._chance = chance
        self._lease = SenderLease(ports.views, ports.clock, alone=ports.cases.alone)
        self._moved: set[str] = set()
        self._heads: dict[str, int] = {}
        self._known: dict[str, tuple[int, Standing]] = {}
        """Endpoint -> (number of its changes, where it stands), as far as this process knows."""
        self._active: dict[str, asyncio.Task[None]] = {}
        self._again: set[str] = set()
        """Endpoints whose stream moved while something was sent to them, or that have to be looked at again."""
        self._woken = asyncio.Event()

    async def run(self) -> None:
        """Send until the process ends."""
        unlisten = self._ports.log.listen(self._listen)
        looked = -LOOK
        try:
            while True:
                with suppress(StoreUnavailable):
                    if (now := self._ports.clock.monotonic()) - looked >= LOOK:
                        looked = now
                        await self.look()
                    await self.round()
                self._woken.clear()
                with suppress(TimeoutError):
                    async with asyncio.timeout(TICK):
                        await self._woken.wait()
        finally:
            unlisten()
            await self.stop()

    async def figures(self) -> SenderFigures:
        own = await self._own()
        failing = sum(
            one.disabled is None and one.id in self._known and self._known[one.id][1].attempt > 0 for one in own
        )
        return SenderFigures(sum(one.disabled in ("exhausted", "gone") for one in own), failing, self.attempts)

    async def stop(self) -> None:
        """Break off what is under way. It is sent again, with the same id."""
        tasks = list(self._active.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _listen(self, commits: Sequence[Commit]) -> None:
        for commit in commits:
            asked = commit.stream.startswith(STREAM) and commit.recorded[-1].type == w.WebhookReplayed.__name__
            if asked or commit.stream.startswith(self._route.stream) or commit.stream == WEBHOOKS:
                self._moved.add(commit.stream)
        if self._moved:
            self._woken.set()

    async def look(self) -> None:
        """Find the streams that other processes appended to. The cost grows with the streams, not with their entries."""
        if not await self._own():
            return
        async for heads in self._ports.log.heads(self._route.stream):
            for stream, head in heads:
                if self._heads.get(stream) != head.version:
                    self._heads[stream] = head.version
                    self._moved.add(stream)
        async for heads in self._ports.log.heads(STREAM):
            for stream, head in heads:
                if self._heads.get(stream) != head.version:
                    self._heads[stream] = head.version
                    self._moved.add(stream)

    async def _own(self) -> list[Endpoint]:
        return [one for one in await self._endpoints.all() if one.audience == self._audience]

    async def round(self) -> None:
        """Begin with every endpoint that has something to do now and is not under way."""
        moved, self._moved = self._moved, set()
        if WEBHOOKS in moved:
            await self._endpoints.follow(at_once=True)
        now = self._ports.clock.now()
        for endpoint in await self._own():
            mine = {endpoint.member.stream(self._route.stream), STREAM + endpoint.id}
            changed, state = self._known.get(endpoint.id, (-1, None))
            wanted = changed != endpoint.changes or state is None or bool(mine & moved) or endpoint.id in self._again
            due = state is not None and state.next_at is not None and state.next_at <= now
            if endpoint.disabled is not None or not (wanted or due):
                continue
            if endpoint.id in self._active:
                if mine & moved or changed != endpoint.changes:
                    self._again.add(endpoint.id)
                continue
            self._again.discard(endpoint.id)
            task = asyncio.create_task(self._serve(endpoint), name=f"webhook-{endpoint.id}")
            self._active[endpoint.id] = task
            task.add_done_callback(partial(self._ended, endpoint.id))

    def _ended(self, webhook: str, _task: asyncio.Task[None]) -> None:
        self._active.pop(webhook, None)
        if webhook in self._again:
            self._woken.set()

    async def idle(self) -> None:
        """Wait until nothing is under way."""
        while tasks := list(self._active.values()):
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _serve(self, endpoint: Endpoint) -> None:
        try:
            if not await self._lease.take(endpoint.id):
                return
            try:
                await self._send_all(endpoint)
            finally:
                await self._lease.give_back(endpoint.id)
        except StoreUnavailable:
            self._again.add(endpoint.id)
        except Exception as error:  # one endpoint never stops the others
            log.error("webhook_not_served", webhook=endpoint.id, error=type(error).__name__)
            self._again.add(endpoint.id)

    async def _send_all(self, endpoint: Endpoint) -> None:
        """Send what the endpoint lacks, until it has everything or an attempt fails."""
        at = await standing(self._ports.log, endpoint.id, endpoint.after)
        while True:
            self._known[endpoint.id] = endpoint.changes, at
            present = await self._endpoints.get(endpoint.id)
            now = self._ports.clock.now()
            if present is None or present.disabled is not None:
                return
            endpoint = present
            if at.next_at is not None and at.next_at > now:
                return
            lines, last = await self._read(endpoint, at)
            if last == at.next:
                return
            opened = await self._endpoints.opened(endpoint, now)
            if opened is None:  # its keys were erased
                await self._disable(endpoint, "gone")
                return
            at, going = await self._send(endpoint, opened, at, lines, last)
            self._known[endpoint.id] = endpoint.changes, at
            if not going or not await self._lease.take(endpoint.id):
                return

    async def _read(self, endpoint: Endpoint, at: Standing) -> tuple[list[OutboundMessage], int]:
        """The next entries that the endpoint wants, and the last version that was looked at."""
        stream = endpoint.member.stream(self._route.stream)
        commits = await self._ports.log.load(stream, after=at.next, limit=TOGETHER)
        events = [event for commit in commits for event in commit.recorded if event.version > at.next]
        if at.replays:
            events = [event for event in events if event.version <= at.replay_to]
        lines = await self._route.lines(endpoint.member, events)
        wanted = [line for line in lines if endpoint.wants(line.kind)]
        return wanted, events[-1].version if events else at.next

    async def _send(
        self, endpoint: Endpoint, opened: Opened, at: Standing, lines: Sequence[OutboundMessage], last: int
    ) -> tuple[Standing, bool]:
        """Send these entries one after the other and record the results. False: an attempt failed."""
        results: list[w.DeliveryResult] = []
        for line in lines:
            answer = await self._attempt(endpoint, opened, line)
            failpoint("webhook.sent")
            if not answer.ok:
                if results:
                    at = await self._record(endpoint, w.WebhookDelivered, at, results=tuple(results))
                return await self._failed(endpoint, at, line, answer), False
            self.attempts["delivered"] += 1
            status = answer.status or 0
            results.append(w.DeliveryResult(seq=line.seq, status=status, milliseconds=answer.milliseconds))
            at = at.taken(line.seq)
        if at.next < last or (at.replays and last >= at.replay_to):
            at = at.taken(last)
        return await self._record(endpoint, w.WebhookDelivered, at, results=tuple(results)), True

    async def _attempt(self, endpoint: Endpoint, opened: Opened, line: OutboundMessage) -> OutboundAnswer:
        body = b'{"type":%s,"timestamp":%s,"data":%s}' % (
            orjson.dumps(f"huiyin.{self._route.topic}.{line.kind}"),
            orjson.dumps(to_text(line.at)),
            line.value,
        )
        stream = endpoint.member.stream(self._route.stream)
        return await post(self._outbound, opened, message_id(stream, line.seq), body, self._ports.clock.now())

    @property
    def _outbound(self) -> OutboundHttp:
        assert self._ports.outbound is not None
        return self._ports.outbound

    async def _failed(
        self, endpoint: Endpoint, at: Standing, line: OutboundMessage, answer: OutboundAnswer
    ) -> Standing:
        self.attempts["failed"] += 1
        at = at.failed(answer, self._ports.clock.now(), self._chance())
        at = await self._record(
            endpoint,
            w.WebhookFailed,
            at,
            seq=line.seq,
            status=answer.status,
            problem=answer.problem,
            milliseconds=answer.milliseconds,
            answer=text_of(answer),
        )
        reason: w.DisabledFor | None = "gone" if answer.status == GONE else "exhausted" if at.next_at is None else None
        if reason is not None:
            await self._disable(endpoint, reason)
        return at

    async def _disable(self, endpoint: Endpoint, reason: w.DisabledFor) -> None:
        log.warning("webhook_disabled", webhook=endpoint.id, reason=reason)
        await self._tell(endpoint, reason)  # first, because it is done once however often it is repeated
        await self._endpoints.disable(Principal("service", None, endpoint.service), endpoint.id, reason)

    async def _record(self, endpoint: Endpoint, kind: type[Event], at: Standing, **more: Any) -> Standing:
        """Append an event with the position of the endpoint."""
        commit = await append(self._ports, endpoint, kind(party=endpoint.id, **at.fields(), **more))
        self._heads[STREAM + endpoint.id] = commit.last
        return at._replace(version=commit.last)


async def append(ports: Ports, endpoint: Endpoint, body: Event, principal: Principal | None = None) -> Commit:
    """Append an event to the deliveries of an endpoint."""
    who = principal or Principal("service", None, endpoint.service)
    stamp = EventMetadata(who, f"delivery:{ports.clock.new_id()}", jurisdiction=endpoint.member.jurisdiction)
    commit, _repeated = await ports.handling(endpoint.service).append(
        STREAM + endpoint.id, stamp, lambda _head: [NewEvent(body)]
    )
    return commit


async def resume(ports: Ports, endpoint: Endpoint, principal: Principal) -> None:
    """Make the next attempt immediately and begin the schedule of retries again."""
    at = await standing(ports.log, endpoint.id, endpoint.after)
    at = at._replace(next_at=None, attempt=0)
    await append(ports, endpoint, w.WebhookReplayed(party=endpoint.id, **at.fields()), principal)


async def replay(ports: Ports, endpoint: Endpoint, first: int, last: int, principal: Principal) -> None:
    """Have these entries sent once more, under the same ids, before what is new."""
    at = await standing(ports.log, endpoint.id, endpoint.after)
    at = at._replace(replay_from=first, replay_to=last, next_at=None, attempt=0)
    await append(ports, endpoint, w.WebhookReplayed(party=endpoint.id, **at.fields()), principal)


async def send_test(
    ports: Ports, endpoints: WebhookEndpoints, endpoint: Endpoint, principal: Principal
) -> OutboundAnswer:
    """Send a test message now, also to a disabled endpoint, and record the result."""
    now = ports.clock.now()
    opened = await endpoints.opened(endpoint, now)
    if opened is None or ports.outbound is None:
        return OutboundAnswer(None, "keys_erased", 0, begun=False)
    body = orjson.dumps({"type": TEST_KIND, "timestamp": to_text(now), "data": {"webhook": endpoint.id}})
    answer = await post(ports.outbound, opened, f"test/{ports.clock.new_id()}", body, now)
    at = await standing(ports.log, endpoint.id, endpoint.after)
    result = w.WebhookTested(
        party=endpoint.id,
        status=answer.status,
        problem=answer.problem,
        milliseconds=answer.milliseconds,
        answer=text_of(answer),
        **at.fields(),
    )
    await append(ports, endpoint, result, principal)
    return answer


async def post(
    outbound: OutboundHttp, opened: Opened, message: str, body: bytes, now: datetime, seconds: float = ATTEMPT_SECONDS
) -> OutboundAnswer:
    """One attempt: signed with the time of this attempt."""
    headers = signed(opened.pairs, message, int(now.timestamp()), body)
    return await outbound.post(opened.url, headers, body, seconds=seconds)


def message_id(stream: str, seq: int) -> str:
    """The id of an entry, the same for all attempts, replays and endpoints. It has no dot, which separates what is signed.

    >>> message_id("inbox/cn-demo/zj", 7)
    'inbox/cn-demo/zj/7'
    """
    return f"{stream}/{seq}".replace("%", "%25").replace(".", "%2E")


def text_of(answer: OutboundAnswer) -> str | None:
    """The beginning of an answer's body, as text."""
    return answer.body.decode("utf-8", "replace")[:ANSWER_KEPT] or None
