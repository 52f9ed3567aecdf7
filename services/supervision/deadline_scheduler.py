"""The deadline ticker: records the rungs of the cases that are due.

It queries the due index for its leased slots, loads each case and decides with the log. A rung is recorded exactly once: the
case holds the rungs that it has reached, the log accepts one commit per version, and one commit per cause, which names the rung.
"""

from __future__ import annotations

import asyncio
from datetime import datetime

import structlog
from structlog.contextvars import bind_contextvars

from services.supervision.commands.closing import steps_due
from services.supervision.commands.withdrawal import withdrawal_name
from services.supervision.leases import SLOTS, LeasedSlots
from services.supervision.read_models import DUE
from shared.case import Case
from shared.case.withdrawals import DueWithdrawal, withdrawal_due
from shared.commands.authorization import Principal
from shared.commands.command import RULES, Command, DecisionContext, NewEvent
from shared.commands.command_handler import CommandHandler, CommandResult
from shared.commands.event_writer import EventMetadata
from shared.deadlines.escalation_ladder import waits_until
from shared.eventstore.errors import Damaged
from shared.eventstore.read_models import Condition, ReadModelStore, Row, Value
from shared.kernel.clock_trust import CLOCK_WRONG
from shared.kernel.identifiers import derived_id
from shared.kernel.legal_time import to_text
from shared.kernel.refusals import Refused, Unavailable

BATCH = 500
INTERVAL = 1.0
"""Seconds between rounds when nothing is due."""
log = structlog.get_logger("ticker")


class DeadlineScheduler:
    """Records due rungs, except while the clock is not trusted."""

    def __init__(self, handling: CommandHandler, views: ReadModelStore) -> None:
        self._handling = handling
        self._views = views
        self.slots = LeasedSlots(views, handling.clock.new_id())
        self._asleep: dict[str, tuple[Row, datetime]] = {}
        """Case -> its row in the index, and until when it waits, for example for office hours."""
        self.fired = 0

    def leases(self) -> int:
        """Slots of the due index that this process holds."""
        return len(self.slots.known(self._handling.clock.now()))

    async def run(self) -> None:
        """Run until cancelled; then release the slots."""
        try:
            while True:
                if not await self.look():
                    await self._handling.clock.sleep(INTERVAL)
        finally:
            await self.slots.release()

    async def look(self) -> bool:
        """One round over all due cases of its slots. Returns True if something was recorded: more may be due at once."""
        if await self._handling.clock.trust.fresh() is not None:
            return False
        now = self._handling.clock.now()
        held = await self.slots.held(now)
        due = Condition("next_at", "<=", to_text(now))
        if len(held) == SLOTS:
            return await self._round([due], now)
        fired = [await self._round([Condition("slot", "=", slot), due], now) for slot in sorted(held)]
        return any(fired)

    async def _round(self, where: list[Condition], now: datetime) -> bool:
        after: tuple[Value, ...] | None = None
        busy = False
        while True:
            due = await self._views.find(DUE.name, where, order=["next_at"], after=after, limit=BATCH)
            awake = [row for row in due if not self._sleeps(row, now)]
            busy = any(await asyncio.gather(*(self._tick(row) for row in awake))) or busy
            if len(due) < BATCH:
                return busy
            after = ((due[-1].values or {}).get("next_at"), due[-1].key)

    def _sleeps(self, row: Row, now: datetime) -> bool:
        """True if this row was examined before and nothing is to be recorded yet."""
        if row.key not in self._asleep:
            return False
        seen, until = self._asleep[row.key]
        if seen == row and now < until:
            return True
        del self._asleep[row.key]
        return False

    async def _tick(self, row: Row) -> bool:
        rule = RULES["tick"]
        try:
            case, _head = await self._handling.cases.get(row.key, at_least=row.applied)
            bind_contextvars(case=case.number)  # each case has a task of its own
            book = await self._handling.policies.book(case.jurisdiction)
            now = self._handling.clock.now()
            due = steps_due(case, book, now)
            ended = withdrawal_due(case, book.zone)
            if not due and ended is not None and ended.at <= now:
                return await self._complete(row.key, ended)
            if not due:
                until = waits_until(case, book, now)
                if until is not None:
                    self._asleep[row.key] = (row, until)
                return False
            first = derived_id(case.id, *due[0].name)

            def decide(found: Case, given: DecisionContext) -> list[NewEvent]:
                fresh = rule(found, Command(), given)
                return (
                    fresh if fresh and fresh[0].id == first else []
                )  # otherwise the case has changed: the next round examines it

            stamp = EventMetadata(
                principal=Principal("service", None, "supervision"),
                cause=f"supervision.tick:{'.'.join(due[0].name)}",
            )
            done = await self._handling.handle(row.key, rule.action, stamp, decide)
            return self._counted(done)
        except Unavailable as unavailable:  # only this case is affected; the others continue
            if unavailable.code != CLOCK_WRONG:  # the clock says so itself
                log.warning("ticker_waits", code=unavailable.code)
            return False
        except (Damaged, Refused) as error:
            log.error("tick_refused", code=error.code if isinstance(error, Refused) else "damaged_case")
            return False

    async def _complete(self, case_id: str, ended: DueWithdrawal) -> bool:
        """Let a withdrawal take effect, once."""
        rule = RULES["complete_withdrawal"]
        stamp = EventMetadata(
            principal=Principal("service", None, "supervision"),
            cause=f"supervision.withdrawal:{'.'.join(withdrawal_name(ended)[1:])}",
        )

        def decide(found: Case, given: DecisionContext) -> list[NewEvent]:
            present = withdrawal_due(found, given.book.zone)
            return rule(found, Command(), given) if present is not None and present.request == ended.request else []

        return self._counted(await self._handling.handle(case_id, rule.action, stamp, decide))

    def _counted(self, done: CommandResult) -> bool:
        fired = done.commit is not None and not done.repeated
        self.fired += fired
        return fired
