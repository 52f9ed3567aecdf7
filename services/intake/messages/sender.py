"""The sender of messages to petitioners: finds what is due, opens the address at that moment, calls the gateway, records the
result.

`MessageSending` is in the log before the gateway is called, once per attempt, so that no two processes make the same
attempt. After a
crash in between it is not known whether the gateway took the message. A gateway that deduplicates gets it again under the same
`effect_id` and does nothing; to another one it is sent at most once more. Each channel has its own places and its own pause,
so a dead gateway delays nothing else.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any

import structlog

from services.intake.commands.contact_addresses import UnusableAddress, usable
from services.intake.messages.contacts import Contact, Contacts, address_of, contacts
from services.intake.messages.failed_service import record_failed_service
from services.intake.messages.outgoing import (
    BY_HAND,
    OPEN,
    OUTGOING,
    STREAM,
    UNPLANNED,
    Message,
    after,
    fold,
    instead_of,
    wait_after,
)
from services.intake.messages.send_times import not_before
from services.intake.messages.texts import text_of
from shared.application.ports import Ports
from shared.case import STREAM as CASE
from shared.case import Case
from shared.commands.authorization import Principal
from shared.commands.command import NewEvent
from shared.commands.event_writer import EventMetadata
from shared.events import messages as m
from shared.events.base import Event
from shared.events.routing import ReadRecorded
from shared.eventstore.errors import Damaged, StoreUnavailable
from shared.eventstore.read_models import Condition, Row
from shared.eventstore.recorded_event import RecordedEvent
from shared.kernel.failpoints import failpoint
from shared.kernel.legal_time import to_text
from shared.messaging.gateway import Gateway, GatewayFigures, GatewayResult, OutgoingMessage
from shared.messaging.sender_lease import SenderLease
from shared.policy.book import PolicyBook
from shared.queries.case_content import STREAM as READS

AT_ONCE = 8
"""Messages that one gateway gets at the same time."""
TICK = 1.0
CALL_SECONDS = 40.0
"""Time limit of one call; each adapter has a lower one of its own."""
PAUSE, LONGEST_PAUSE = 5.0, 300.0
"""Seconds for which a gateway that does not answer gets nothing; doubled with each failure."""
FILLED = "filled"
"""Key of the row that says that the read model was filled from the log."""
PRINCIPAL = Principal("service", None, "messages")
log = structlog.get_logger("messages")


@dataclass
class _Line:
    """One channel."""

    gateway: Gateway
    active: dict[str, asyncio.Task[None]]
    attempts: Counter[str]
    failures: int = 0
    open_again: float = 0.0
    """Monotonic seconds before which the gateway gets nothing."""


class MessageSender:
    """Sends the messages of all cases. One per process of intake; a lease lets one of them work at a time."""

    def __init__(
        self,
        ports: Ports,
        gateways: Mapping[str, Gateway],
        *,
        link: str | None = None,
        chance: Callable[[], float] = random.random,
    ) -> None:
        """`gateways`: channel -> its gateway. `link`: address of the status page."""
        self._ports = ports
        self._lines = {name: _Line(one, {}, Counter()) for name, one in gateways.items()}
        self._link = link
        self._chance = chance
        self._handling = ports.handling("intake")
        self._lease = SenderLease(ports.views, ports.clock, alone=ports.cases.alone)

    async def run(self) -> None:
        """Send until the process ends."""
        try:
            while True:
                with suppress(StoreUnavailable):
                    await self.round()
                await asyncio.sleep(TICK)
        finally:
            await self.stop()

    async def stop(self) -> None:
        tasks = [task for line in self._lines.values() for task in line.active.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def idle(self) -> None:
        """Wait until nothing is under way."""
        while tasks := [task for line in self._lines.values() for task in line.active.values()]:
            await asyncio.gather(*tasks, return_exceptions=True)

    async def round(self) -> None:
        """Choose channels for what is new, and begin with what is due and has a free place."""
        if not self._lines or self._ports.clock.trust.doubt is not None:
            return
        if await self._ports.views.get(OUTGOING.name, FILLED) is None and await self._lease.take("messages"):
            await self._fill()
        unplanned = await self._due(UNPLANNED, 200)
        due = {
            name: rows
            for name, line in self._lines.items()
            if (free := AT_ONCE - len(line.active)) > 0
            and line.open_again <= self._ports.clock.monotonic()
            and (rows := await self._due(name, free + len(line.active)))
        }
        if not (unplanned or due) or not await self._lease.take("messages"):
            return
        for row in unplanned:
            await self._planned(row)
        for name, rows in due.items():
            self._begin(name, rows)

    async def _due(self, channel: str, limit: int) -> list[Row]:
        now = to_text(self._ports.clock.now())
        return await self._ports.views.find(
            OUTGOING.name, [Condition("channel", "=", channel), Condition("due", "<=", now)], order=["due"], limit=limit
        )

    def _begin(self, name: str, rows: list[Row]) -> None:
        line = self._lines[name]
        most = 1 if line.failures else AT_ONCE  # after a failure one message tries whether the gateway is back
        for row in rows:
            if row.key in line.active or len(line.active) >= most:
                continue
            task = asyncio.create_task(self._sent(name, row), name=f"message-{name}")
            line.active[row.key] = task
            task.add_done_callback(partial(self._ended, name, row.key))

    def _ended(self, name: str, message: str, _task: asyncio.Task[None]) -> None:
        self._lines[name].active.pop(message, None)

    async def _fill(self) -> None:
        """Write the rows of all messages that are due. The read model was deleted or is new."""
        rows: list[Row] = []
        events: list[RecordedEvent] = []

        async def written(stream: str) -> None:
            case = stream.removeprefix(STREAM)
            rows.extend(one.row(case) for one in fold(events).values() if one.state != "given_up")
            if len(rows) >= 500:
                await self._ports.views.write({OUTGOING.name: rows[:]}, renew=True)
                rows.clear()
            events.clear()

        stream = ""
        async for commits in self._ports.log.scan(STREAM):
            for commit in commits:
                if commit.stream != stream and stream:
                    await written(stream)
                stream = commit.stream
                events.extend(commit.recorded)
        if stream:
            await written(stream)
        mark = {"case": None, "jurisdiction": None, "channel": None, "due": None, "state": None}
        await self._ports.views.write({OUTGOING.name: [*rows, Row(FILLED, 1, mark)]}, renew=True)

    async def _planned(self, row: Row) -> None:
        """Choose the channel of a message, and write it into its row."""
        try:
            found = await self._loaded(row)
            if found is None:
                return
            message, _others, case, book, events = found
            if message.state not in OPEN:
                await self._write(message.row(case.id))
                return
            wanted = contacts(events, book.messages)
            contact = self._contact(wanted)
            if skipped := self._not_for_us(case, message, wanted):
                await self._give_up(case.id, message, skipped, instead=False)
            elif contact is None:
                await self._give_up(case.id, message, "no_consent" if not wanted.channels else "no_gateway")
            else:
                await self._write(message.row(case.id, channel=contact.channel))
        except (Damaged, ValueError, LookupError) as error:
            await self._set_aside(row, error)

    def _not_for_us(self, case: Case, message: Message, wanted: Contacts) -> str | None:
        """A platform tells its own users, unless the petitioner chose a channel of ours."""
        platform = case.filing.platform is not None and not any(one.channel != "sms" for one in wanted.channels)
        return "platform_tells" if platform and message.kind not in BY_HAND else None

    def _contact(self, wanted: Contacts) -> Contact | None:
        return next((one for one in wanted.channels if one.channel in self._lines), None)

    async def _set_aside(self, row: Row, error: Exception) -> None:
        """A message that cannot be handled is tried again in an hour; the others continue."""
        log.error("message_not_handled", error=type(error).__name__)
        later = to_text(self._ports.clock.now() + timedelta(hours=1))
        await self._write(row._replace(values={**(row.values or {}), "due": later}))

    async def _loaded(
        self, row: Row
    ) -> tuple[Message, dict[str, Message], Case, PolicyBook, list[RecordedEvent]] | None:
        case_id = str((row.values or {})["case"])
        commits = await self._ports.log.load(STREAM + case_id)
        messages = fold(event for commit in commits for event in commit.recorded)
        message = messages.get(row.key)
        if message is None:
            return None
        case, _head = await self._ports.cases.get(case_id)
        book = await self._ports.policies.book(case.jurisdiction)
        events = [event for commit in await self._ports.log.load(CASE + case_id) for event in commit.recorded]
        return message, messages, case, book, events

    async def _sent(self, channel: str, row: Row) -> None:
        """One attempt to send one message, or the reason why not."""
        try:
            await self._attempt(channel, row)
        except StoreUnavailable:
            return
        except Exception as error:
            await self._set_aside(row, error)

    async def _attempt(self, channel: str, row: Row) -> None:
        found = await self._loaded(row)
        if found is None:
            return
        message, others, case, book, events = found
        line, now = self._lines[channel], self._ports.clock.now()
        if message.state not in OPEN or message.due is None or message.due > now:
            await self._write(message.row(case.id, channel=channel))
            return
        lost = message.state == "sending"
        if message.unknown + lost > 1 and not line.gateway.deduplicates:
            await self._give_up(case.id, message, "result_unknown")
            return
        if wait_after(message.attempt, 0, None) is None:
            await self._give_up(case.id, message, message.reason or "exhausted")
            return
        if not case.open and not message.notice and message.kind != "closed":
            await self._give_up(case.id, message, "case_ended", instead=False)
            return
        allowed = not_before(message, others.values(), book.messages, book.zone, now)
        if allowed > now:
            await self._write(message.row(case.id, channel=channel, due=allowed))
            return
        wanted = contacts(events, book.messages)
        contact = next((one for one in wanted.channels if one.channel == channel), None)
        if contact is None:  # the petitioner has decided otherwise meanwhile
            await self._write(message.row(case.id, channel=UNPLANNED))
            return
        await self._read_recorded(case, message)
        address = await address_of(self._ports.keys, events, contact)
        if address is None:
            await self._give_up(case.id, message, "no_address")
            return
        try:
            address = usable(channel, address)
        except UnusableAddress as error:
            await self._give_up(case.id, message, str(error))
            return
        await self._called(line, case, message, channel, address, wanted.language, book)

    async def _called(
        self, line: _Line, case: Case, message: Message, channel: str, address: str, language: str, book: PolicyBook
    ) -> None:
        attempt = message.attempt + 1
        sending = m.MessageSending(message=message.id, channel=channel, gateway=line.gateway.name, attempt=attempt)
        commit, repeated = await self._append(case.id, sending, f"sending:{message.id}:{attempt}")
        if repeated:  # another process makes this attempt
            return
        text = text_of(message.kind, language, number=case.number, day=_day(message.day, language), link=self._link)
        outgoing = OutgoingMessage(message.id, channel, address, text.subject, text.text, language)
        failpoint("message.sending")
        try:
            async with asyncio.timeout(CALL_SECONDS):
                result = await line.gateway.send(outgoing)
        except TimeoutError:
            result = GatewayResult("unknown", "timeout", down=True)
        failpoint("message.sent")
        line.attempts[result.outcome] += 1
        self._pause(line, result)
        sending_state = after(message, commit.recorded)
        await self._result(line, case, sending_state, channel, attempt, result)

    async def _result(
        self, line: _Line, case: Case, message: Message, channel: Any, attempt: int, result: GatewayResult
    ) -> None:
        if result.outcome == "sent":
            done: Event = m.MessageSent(
                message=message.id, channel=channel, attempt=attempt, reference=result.reference
            )
            await self._store(case.id, message, done, f"sent:{message.id}:{attempt}", channel)
        elif result.outcome == "refused":
            await self._give_up(case.id, message, result.code)
        else:
            unknown = result.outcome == "unknown" and not line.gateway.deduplicates
            wait = wait_after(attempt, self._chance(), result.retry_after)
            if wait is None:
                await self._give_up(case.id, message, result.code)
                return
            next_at = self._ports.clock.now() + wait
            failed = m.MessageFailed(
                message=message.id, channel=channel, attempt=attempt, code=result.code, unknown=unknown, next_at=next_at
            )
            await self._store(case.id, message, failed, f"failed:{message.id}:{attempt}", channel)

    def _pause(self, line: _Line, result: GatewayResult) -> None:
        if not result.down:
            line.failures, line.open_again = 0, 0.0
            return
        line.failures += 1
        pause = min(LONGEST_PAUSE, PAUSE * 2 ** (line.failures - 1)) * (1 + 0.2 * self._chance())
        line.open_again = self._ports.clock.monotonic() + max(pause, min(result.retry_after or 0, LONGEST_PAUSE))

    async def _give_up(self, case: str, message: Message, reason: str, *, instead: bool = True) -> None:
        """Give up sending it. Where it carries a notice or asks something, a person writes, or calls if that is all it needs."""
        found, _head = await self._ports.cases.get(case)
        await record_failed_service(self._ports, found, message, reason)
        by = instead_of(message) if instead else None
        body = m.MessageGivenUp(message=message.id, reason=reason, instead=by)
        await self._store(case, message, body, f"given_up:{message.id}")
        log.info("message_given_up", reason=reason)

    async def _store(self, case: str, message: Message, body: Event, cause: str, channel: str | None = None) -> None:
        commit, _repeated = await self._append(case, body, cause)
        await self._write(after(message, commit.recorded).row(case, channel=channel))

    async def _write(self, row: Row) -> None:
        await self._ports.views.write({OUTGOING.name: [row]}, renew=True)

    async def _append(self, case: str, body: Event, cause: str) -> Any:
        jurisdiction = (await self._ports.cases.get(case))[0].jurisdiction
        stamp = EventMetadata(PRINCIPAL, f"intake.message:{cause}", jurisdiction=jurisdiction)
        return await self._handling.append(STREAM + case, stamp, lambda _head: [NewEvent(body)])

    async def _read_recorded(self, case: Case, message: Message) -> None:
        """Record that the address is read, once per attempt, before it is decrypted (PIPL Art. 51, 54)."""
        stamp = EventMetadata(PRINCIPAL, f"message:{message.id}:{message.attempt + 1}", jurisdiction=case.jurisdiction)
        body = ReadRecorded(case=case.id, purposes=("identity",), reason="message")
        await self._ports.handling("routing").append(READS + case.id, stamp, lambda _head: [NewEvent(body)])

    async def figures(self) -> dict[str, GatewayFigures]:
        """Channel -> its figures."""
        now = Condition("due", "<=", to_text(self._ports.clock.now()))
        found = {}
        for name, line in self._lines.items():
            waiting = (await self._ports.views.count(OUTGOING.name, [Condition("channel", "=", name), now]))[None]
            closed = line.failures > 0 and line.open_again > self._ports.clock.monotonic()
            found[name] = GatewayFigures(waiting, closed or line.failures > 2, line.attempts)
        return found

    async def by_hand(self) -> int:
        """The number of messages that a person has to deliver by letter or call."""
        states = Condition("state", "in", ("letter", "call"))
        return int((await self._ports.views.count(OUTGOING.name, [states])).get(None, 0))


def _day(day: str, language: str) -> str:
    if language != "zh":
        return day
    year, month, number = (int(part) for part in day.split("-"))
    return f"{year}年{month}月{number}日"
