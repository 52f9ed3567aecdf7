"""What an organisation sends to its topic: commands, the same bodies as over HTTP. Each has its answer in the organisation's outbox
before it counts as read, a refusal too; nothing that one record does holds up another organisation's."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from typing import Any

import structlog

from services.routing.outbox import Outboxes, entry
from shared.access import Principal, visible
from shared.application import problem as problems
from shared.application import request_validation as bodies
from shared.application.command_dispatch import body_models, give
from shared.case import Case
from shared.commands import RULES
from shared.events.refusal import FieldProblem, Refusal
from shared.events.routing import OutboxEntry
from shared.finding import resolve
from shared.handling import Stamp
from shared.http.records import Read, read_record
from shared.inbox import STREAM
from shared.log import LogAway, LogBroken, LogFull
from shared.names import request_digest
from shared.part import Ports
from shared.refusals import Invalid, Refused, Unavailable
from shared.topics import Letter

AT_ONCE = 32
"""Organisations whose letters are worked on together."""
ATTEMPTS = 4
FINAL = 500
"""From this status on a refusal is no answer for ever: the same command sent again is tried again."""
_INFRASTRUCTURE = (LogAway, LogBroken, LogFull)
_COMMAND_ID = re.compile(r"[A-Za-z0-9._:-]{1,100}")
_NOT_HANDLED = (
    "This record could not be handled here, and operations know. Send it again later under another command_id.",
    "该记录暂未能办理，请稍后以新的编号重新提交。",
)
log = structlog.get_logger("actions")


class Actions:
    """Takes in the letters of organisations' topics."""

    def __init__(self, ports: Ports, limit: int, outboxes: Outboxes) -> None:
        self._ports = ports
        self._limit = limit
        self._outboxes = outboxes
        self._models = body_models()

    async def __call__(self, letters: Sequence[Letter]) -> None:
        """Answer these, each organisation's in their order. Raises only what is a fault of the infrastructure: then all of them
        come again, and what was answered is not answered twice."""
        by_owner: dict[str, list[Letter]] = {}
        for letter in letters:
            by_owner.setdefault(letter.owner, []).append(letter)
        gate = asyncio.Semaphore(AT_ONCE)

        async def in_order(org: str, own: list[Letter]) -> None:
            async with gate:
                for letter in own:
                    await self._one(org, letter)

        await asyncio.gather(*(in_order(org, own) for org, own in by_owner.items()))

    async def _one(self, org: str, letter: Letter) -> None:
        read = read_record(letter.value or b"", self._limit)
        digest = self._digest(org, read.content)
        alone = Stamp(_writer(org), f"routing.record:{letter.place}:{digest}")
        if await self._ports.log.by_cause(STREAM + org, alone.cause) is not None:
            return  # answered, and delivered again
        command_id = _command_id(read)
        cause = f"routing.outcome:{command_id}" if command_id is not None and read.problem is None else None
        known = await self._ports.log.by_cause(STREAM + org, cause) if cause is not None else None
        if known is not None and known.request == digest:
            return  # the same sent again: its answer stands in the outbox
        if known is not None:
            body = self._refused(_same_id(), read, letter)
        else:
            body = await self._outcome(org, read, letter)
        final = body.refusal is None or body.refusal.status < FINAL
        if cause is not None and known is None and final:
            alone = Stamp(_writer(org), cause, request=digest)
        await self._outboxes.append(org, alone, body)

    def _digest(self, org: str, content: bytes) -> str:
        return request_digest(self._ports.keys.secret("request"), f"action/{org}", content)

    async def _outcome(self, org: str, read: Read, letter: Letter) -> OutboxEntry:
        """Carry it out; whatever one letter does, it has an answer, and the others go on."""
        for attempt in range(ATTEMPTS):
            try:
                return await self._done(org, read, letter)
            except _INFRASTRUCTURE:
                raise
            except Unavailable as error:
                if error.code == "clock_behind":  # this machine cannot write at all
                    raise
                if error.code != "busy" or attempt + 1 == ATTEMPTS:
                    return await self._about(org, self._refused(problems.describe(error), read, letter), read)
                await self._ports.clock.sleep(0.05 * 2**attempt)
            except Exception as error:
                problem = problems.of_error(error)
                if problem is None:
                    log.error("record_not_handled", error=type(error).__name__)
                    problem = problems.problem(500, "not_handled", *_NOT_HANDLED)
                return await self._about(org, self._refused(problem, read, letter), read)
        raise AssertionError("the last attempt answers")

    async def _done(self, org: str, read: Read, letter: Letter) -> OutboxEntry:
        if read.problem is not None:
            raise read.problem
        reference = read.value.get("case")
        if not isinstance(reference, str) or not reference:
            raise Invalid(
                "case_missing",
                "Name the case that is meant: its id, number, or CHANNEL:ITEM.",
                why_zh="请注明案件（编号或 CHANNEL:ITEM）。",
                field="case",
            )
        given = {name: value for name, value in read.value.items() if name != "case"}
        name, command = bodies.command_of(self._models, given)
        done, case = await give(self._ports, _writer(org), reference, RULES[name], command)
        events = done.commit.recorded if done.commit is not None else ()
        told = await self._entry(org, case, events[0].event_id if events else None)
        return told.model_copy(
            update={
                "version": done.commit.last if done.commit is not None else case.version,
                "detail": "done",
                "command": name,
                "command_id": _command_id(read),
                "record": letter.place,
            }
        )

    def _refused(self, problem: dict[str, Any], read: Read, letter: Letter) -> OutboxEntry:
        """Without the case: whether the organisation may see it is not known here."""
        command = read.value.get("command")
        return OutboxEntry(
            kind="outcome",
            case="",
            number="",
            version=0,
            detail=problem["code"],
            command=command if isinstance(command, str) and command in RULES else None,
            command_id=_command_id(read),
            record=letter.place,
            refusal=Refusal(
                status=problem["status"],
                code=problem["code"],
                why=problem["detail"],
                why_zh=problem["detail_zh"],
                field=problem.get("field"),
                errors=tuple(FieldProblem(**one) for one in problem.get("errors", ())),
            ),
        )

    async def _about(self, org: str, refused: OutboxEntry, read: Read) -> OutboxEntry:
        """The refusal with the case that it is about, where the organisation may see that."""
        reference = read.value.get("case")
        if not isinstance(reference, str):
            return refused
        try:
            case, _head = await self._ports.cases.get(await resolve(self._ports, reference))
        except Refused:
            return refused
        if not case.exists or not visible(_writer(org), case):
            return refused
        told = await self._entry(org, case, None)
        kept = {name: getattr(refused, name) for name in ("detail", "command", "command_id", "record", "refusal")}
        return told.model_copy(update=kept)

    async def _entry(self, org: str, case: Case, about: str | None) -> OutboxEntry:
        book = await self._ports.policies.book(case.jurisdiction)
        return entry("outcome", case, book, about, org)


def _writer(org: str) -> Principal:
    """Who acts: the topic names the organisation, nothing in the record does."""
    return Principal("organisation", org, "topic")


def _same_id() -> dict[str, Any]:
    return problems.problem(
        409,
        "same_id_other_content",
        "This command_id was used before with different content. Use a new one, or send exactly what was sent first.",
        "该编号此前已提交过不同的内容。请使用新的编号，或原样重新提交。",
        field="command_id",
    )


def _command_id(read: Read) -> str | None:
    found = read.value.get("command_id")
    return found if isinstance(found, str) and _COMMAND_ID.fullmatch(found) else None
