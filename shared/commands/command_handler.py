"""load -> decide -> append: how every command on a case becomes events.

>>> import asyncio
>>> from shared.commands.command import RULES
>>> from tests.support.county import clerk, county
>>> async def sign_off() -> tuple[str, list[str]]:
...     async with county() as here:
...         receipt = await here.file(place="dh", subject="01")
...         rule = RULES["sign_off"]
...         who = clerk((await here.case(receipt.case)).assignment.org)
...         done = await here.ports.handling("routing").handle(
...             receipt.case, rule.action, EventMetadata(who, "sign-1"), lambda case, given: rule(case, rule.model(), given)
...         )
...         return done.case.state, [event.type for event in done.commit.recorded]
>>> asyncio.run(sign_off())
('signed', ['SignedFor'])
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

from shared.case import STREAM, Case, fold
from shared.commands.authorization import Action, visible, visible_among
from shared.commands.command import DecisionContext, NewEvent
from shared.commands.command_checks import check_pace, check_version
from shared.commands.effective_dates import check_order, meant
from shared.commands.event_writer import EventMetadata, EventWriter, Published, first_answer
from shared.commands.reading_meter import ReadingMeter
from shared.commands.stream_writer import ATTEMPTS, DecideStream, append_to, pause
from shared.commands.visible_cases import authorised
from shared.events.fields import Service
from shared.eventstore.commit import Commit
from shared.eventstore.event_store import Conflict, DuplicateCommand, EventStore
from shared.eventstore.key_store import KeyStore
from shared.eventstore.recorded_event import RecordedEvent
from shared.kernel.clock import Clock
from shared.kernel.refusals import Refused, Unavailable
from shared.repositories.case_repository import ANY, CaseRepository, Expected
from shared.repositories.policy_repository import PolicyRepository

DecideCase = Callable[[Case, DecisionContext], list[NewEvent]]


class CommandResult(NamedTuple):
    """The result of a command. `commit` None: there was nothing to do. `repeated`: it had been done under this cause before."""

    case: Case
    commit: Commit | None
    repeated: bool


@dataclass(frozen=True)
class CommandHandler:
    """Carries out the commands of one service.

    Nothing is written unless the decision returned events; a refusal leaves the log as it was. The same cause twice gets the
    first answer; the same cause with other content is refused."""

    service: Service
    log: EventStore
    keys: KeyStore
    clock: Clock
    cases: CaseRepository
    policies: PolicyRepository
    published: Published
    readings: ReadingMeter = field(default_factory=ReadingMeter)

    @cached_property
    def _writer(self) -> EventWriter:
        return EventWriter(self.service, self.log, self.keys, self.clock, self.published)

    async def append(
        self, stream: str, stamp: EventMetadata, decide: DecideStream, last: Commit | None = None
    ) -> tuple[Commit, bool]:
        """Append to a stream that has no state of its own: see append_to()."""
        return await append_to(self._writer, stream, stamp, decide, last)

    async def handle(
        self,
        case_id: str,
        action: Action,
        stamp: EventMetadata,
        decide: DecideCase,
        *,
        expected_version: int | None = None,
        others: Iterable[str] = (),
        expected: Expected = ANY,
    ) -> CommandResult:
        """Carry out a command on a case: authorise, decide, append; repeat when another writer was first.

        Args:
            expected_version: Refuse with `stale_version` where the case has been changed since this version.
            others: Ids of further cases that the decision needs (`Decider.named`).
            expected: What the caller knows of the case beforehand; it can save a read of the log.

        Raises:
            Refused: the command is not possible, or the cause was used with other content.
            Unavailable: `busy`, other writers were first each time; `clock_wrong`, `clock_behind`.
            StoreFull, StoreBroken, StoreUnavailable: the store cannot write.
        """
        stream = STREAM + case_id
        for attempt in range(ATTEMPTS):
            loaded = await (self.cases.load_confirmed(case_id) if attempt else self.cases.load(case_id, expected))
            if loaded.case.exists and not loaded.read and not visible(stamp.principal, loaded.case):
                loaded = await self.cases.load_confirmed(case_id)  # as for a case that does not exist (docs/adr/0034)
            refused = written = None
            try:
                given, fresh = await self._decide(loaded.case, action, stamp, decide, others, expected_version)
                if fresh:
                    policy, jurisdiction = (
                        stamp.policy or given.book.reference,
                        loaded.case.jurisdiction or stamp.jurisdiction,
                    )
                    stamped = stamp._replace(policy=policy, jurisdiction=jurisdiction, at=given.at)
                    written = await self._writer.append(
                        stream, loaded.head, fresh, stamped, given.now, loaded.case.last_recorded
                    )
            except DuplicateCommand as same:
                loaded = await self.cases.load_confirmed(case_id)
                return CommandResult(loaded.case, first_answer(same.commit, stamp), True)
            except Conflict:
                self.cases.forget([case_id])
                await pause(attempt)
                continue
            except Refused as error:
                refused = error
            if written is not None:
                return await self._written(loaded.case, *written)
            if loaded.confirmed:  # otherwise decide again on the state in the log (docs/adr/0028)
                return await self._repeated(loaded.case, stream, stamp, refused)
        raise Unavailable(
            "busy",
            "Many commands are changing this case at the same time. Try again in a moment.",
            detail_zh="该件正被多人同时办理，请稍后重试。",
        )

    async def _decide(
        self,
        case: Case,
        action: Action,
        stamp: EventMetadata,
        decide: DecideCase,
        others: Iterable[str],
        expected_version: int | None,
    ) -> tuple[DecisionContext, list[NewEvent]]:
        """The events to append, and what they were decided on. Raises Refused."""
        known = await authorised(self.cases, stamp.principal, action, case, others)
        now = self._writer.recording_time(case.last_recorded)
        book = await self.policies.book(case.jurisdiction or stamp.jurisdiction)
        given = DecisionContext(
            stamp.principal, now, meant(stamp.at or now, case), book, visible_among(stamp.principal, known)
        )
        fresh = decide(case, given)
        if fresh:
            if expected_version is not None:
                check_version(case, expected_version)
            if case.exists and stamp.origin == "live":
                check_pace(case, stamp.principal.role, now, (one.body for one in fresh))
            check_order(case, fresh, given.at, now, book.zone, stamp.cause)
        return given, fresh

    async def _written(self, before: Case, commit: Commit, recorded: Sequence[RecordedEvent]) -> CommandResult:
        after = fold(recorded, before)
        self.cases.remember(after, commit.head)
        await self._writer.publish(commit)
        return CommandResult(after, commit, False)

    async def _repeated(self, case: Case, stream: str, stamp: EventMetadata, refused: Refused | None) -> CommandResult:
        """The first answer to this cause. Where there is none: raises `refused`, or there was nothing to do."""
        commit = await self.log.by_cause(stream, stamp.cause)
        if commit is None and refused is not None:
            raise refused
        return CommandResult(case, None if commit is None else first_answer(commit, stamp), True)
