"""Answers the records that organisations and platforms write into topics of their own.

Each record is answered once, also by a refusal, before it counts as read. A record that cannot be handled is refused and never
delays the records of others; only a fault of the infrastructure is raised, and then the whole batch is delivered again.
"""

from __future__ import annotations

import asyncio
import re
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, NamedTuple, TypeVar

import structlog

from shared.application.case_reference import case_missing, resolve
from shared.application.command_dispatch import body_models, give
from shared.application.ports import Ports
from shared.application.problem import describe, of_error, problem
from shared.application.request_validation import command_of
from shared.case import Case
from shared.commands.authorization import Principal, Role
from shared.commands.command import RULES
from shared.commands.command_handler import CommandResult
from shared.commands.visible_cases import seen
from shared.events.refusal import FieldProblem, Refusal
from shared.eventstore.errors import StoreBroken, StoreFull, StoreUnavailable
from shared.kernel.clock_trust import CLOCK_WRONG
from shared.kernel.identifiers import request_digest
from shared.kernel.plain_text import personal_number
from shared.kernel.refusals import Refused, Unavailable
from shared.messaging.inbound_record import InboundRecord, read_record
from shared.messaging.member import Member
from shared.messaging.partner_topics import InboundMessage

T = TypeVar("T")
AT_ONCE = 32
"""Groups of records that are handled concurrently, so that the log can write their commits together."""
ATTEMPTS = 4
FINAL = 500
"""A refusal with this status or a higher one is not final: the same record is processed again when it is sent again."""
INFRASTRUCTURE = (StoreUnavailable, StoreBroken, StoreFull)
_COMMAND_ID = re.compile(r"[A-Za-z0-9._:-]{1,100}")
log = structlog.get_logger("inbound")


class CarriedOut(NamedTuple):
    """A command that was carried out. `case`: its state directly after it."""

    name: str
    command_id: str
    done: CommandResult
    case: Case

    @property
    def version(self) -> int:
        return self.done.commit.last if self.done.commit is not None else self.case.version


class InboundHandler(ABC):
    """Handles batches of records. Records of one group are answered in their order, groups concurrently."""

    def __init__(self, ports: Ports, limit: int, decrypt: Callable[[bytes, int], bytes] | None = None) -> None:
        """`limit`: bytes of the largest record. `decrypt`: (record, limit) -> its clear bytes; may raise Refused."""
        self._ports = ports
        self._limit = limit
        self._decrypt = decrypt
        self._models = body_models()

    @abstractmethod
    async def group(self, letter: InboundMessage, read: InboundRecord) -> str:
        """Records of the same group are answered one after the other."""

    @abstractmethod
    async def answer(self, letter: InboundMessage, read: InboundRecord) -> None:
        """Answer one record; a repeated delivery gets no second answer. Raises only faults of the infrastructure."""

    async def __call__(self, letters: Sequence[InboundMessage]) -> None:
        """Answer these records. Raises only faults of the infrastructure; then all of them are delivered again, and those that
        were answered get no second answer."""
        groups: dict[str, list[tuple[InboundMessage, InboundRecord]]] = {}
        for letter in letters:
            read = read_record(letter.value or b"", self._limit, self._decrypt)
            groups.setdefault(await self.group(letter, read), []).append((letter, read))
        gate = asyncio.Semaphore(AT_ONCE)

        async def in_order(group: Sequence[tuple[InboundMessage, InboundRecord]]) -> None:
            async with gate:
                for letter, read in group:
                    await self.answer(letter, read)

        await asyncio.gather(*map(in_order, groups.values()))

    async def carried_out(
        self, read: InboundRecord, work: Callable[[], Awaitable[T]], refuse: Callable[[Refusal], Awaitable[T]]
    ) -> T:
        """The result of `work`, retried while the case is busy; if it is refused, the result of `refuse`."""
        for attempt in range(ATTEMPTS):
            try:
                if read.problem is not None:
                    raise read.problem
                return await work()
            except INFRASTRUCTURE:
                raise
            except Unavailable as error:
                if error.code in ("clock_behind", CLOCK_WRONG):  # no command can be written on this machine
                    raise
                if error.code == "busy" and attempt + 1 < ATTEMPTS:
                    await self._ports.clock.sleep(0.05 * 2**attempt)
                    continue
                return await refuse(refusal_of(describe(error)))
            except Exception as error:
                content = of_error(error)
                if content is None:
                    log.error("record_not_handled", error=type(error).__name__)
                return await refuse(refusal_of(content) if content is not None else not_handled())
        raise AssertionError("the last attempt returns or raises")

    async def command(self, writer: Principal, read: InboundRecord) -> CarriedOut:
        """Carry out the command that a record names, with the same body as over HTTP. Raises Refused."""
        reference = read.value.get("case")
        if not isinstance(reference, str) or not reference:
            raise case_missing()
        body: Any
        name, body = command_of(self._models, {key: one for key, one in read.value.items() if key != "case"})
        done, case = await give(self._ports, writer, reference, RULES[name], body)
        return CarriedOut(name, body.command_id, done, case)

    async def visible_case(self, writer: Principal, reference: object) -> Case | None:
        """The case that a record names; None if its sender may not see it."""
        if not isinstance(reference, str):
            return None
        try:
            return await seen(self._ports.cases, writer, await resolve(self._ports, writer, reference))
        except Refused:
            return None

    def digest(self, purpose: str, content: bytes) -> str:
        """A keyed digest of what was sent, for one purpose."""
        return request_digest(self._ports.keys.secret("request"), purpose, content)


def topic_principal(role: Role, owner: Member) -> Principal:
    """The principal of a record: only the topic identifies the sender, never the content of the record."""
    return Principal(role, owner.code, "topic", jurisdiction=owner.jurisdiction)


def command_named(read: InboundRecord) -> str | None:
    """The command that a record names; None if there is no such command."""
    found = read.value.get("command")
    return found if isinstance(found, str) and found in RULES else None


def command_id(read: InboundRecord) -> str | None:
    """The command id in the record; None if it is not valid."""
    found = read.value.get("command_id")
    valid = isinstance(found, str) and _COMMAND_ID.fullmatch(found) and not personal_number(found)
    return found if valid else None


def refusal_of(content: dict[str, Any]) -> Refusal:
    """A problem answer as it is stored."""
    return Refusal(
        status=content["status"],
        code=content["code"],
        why=content["detail"],
        why_zh=content["detail_zh"],
        field=content.get("field"),
        errors=tuple(FieldProblem(**one) for one in content.get("errors", ())),
    )


def not_handled() -> Refusal:
    """The refusal of a record that could not be handled because of an internal error."""
    return refusal_of(
        problem(
            500,
            "not_handled",
            "This record could not be handled here; the operators have been informed. Send it again later.",
            "该记录暂未能办理，运维人员已收到通知，请稍后重新提交。",
        )
    )
