"""What a platform sends to its topic: filings and commands, the same bodies as over HTTP. Each record is answered once in the
platform's updates stream, a refusal too, before it counts as read; nothing that one record does holds up another.

    bytes + platform  ->  registered | done | refused  ->  an entry, an entry again, or nothing where it was answered before
"""

from __future__ import annotations

import asyncio
import zlib
from base64 import b64encode
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import structlog

from services.intake.channel_jurisdictions import ChannelJurisdictions
from services.intake.filing import filed
from services.intake.sealed_letters import SealedLetters
from services.intake.updates import Updates, first_answer
from shared.access import visible
from shared.application import problem as problems
from shared.application import request_validation as bodies
from shared.application.command_dispatch import body_models, give
from shared.case import STREAM as CASE
from shared.commands import RULES, Fresh
from shared.events.platforms import PlatformUpdate, SubmissionRefused
from shared.events.refusal import FieldProblem, Refusal
from shared.finding import resolve
from shared.handling import Stamp
from shared.http.records import Read, read_record
from shared.log import Commit, LogAway, LogBroken, LogFull
from shared.names import case_id, request_digest
from shared.part import Ports
from shared.refusals import Invalid, Refused, Unavailable
from shared.times import to_text
from shared.topics import Letter
from shared.updates import AHEAD, LATE, REFUSED, STREAM, Place, topic_principal

AT_ONCE = 32
"""Cases that are worked on together, so that the log can write them together."""
ATTEMPTS = 4
FINAL = 500
"""From this status on a refusal is nobody's answer for ever: the same sent again is tried again."""
_ITEM_LIMIT = 200
"""Characters of an item id that are kept of a refused record."""
_INFRASTRUCTURE = (LogAway, LogBroken, LogFull)
_NOT_HANDLED = problems.problem(
    500,
    "not_handled",
    "This record could not be handled here, and operations know. Send it again later.",
    "该记录暂未能办理，请稍后重新提交。",
)
log = structlog.get_logger("submissions")


class _Answer(NamedTuple):
    """What becomes an entry. `first`: cause of the first answer to the same; None where each record has its own."""

    body: PlatformUpdate
    first: str | None
    standing: Commit | None = None
    """The entry that is the first answer, where it is known already."""


class Submissions:
    """Takes in the records of platforms' topics."""

    def __init__(
        self,
        ports: Ports,
        limit: int,
        updates: Updates,
        jurisdictions: ChannelJurisdictions,
        letters: SealedLetters | None = None,
    ) -> None:
        self._ports = ports
        self._limit = limit
        self._handling = ports.handling("intake")
        self._updates = updates
        self._jurisdictions = jurisdictions
        self._letters = letters or SealedLetters(())
        self._models = body_models()

    async def __call__(self, letters: Sequence[Letter]) -> None:
        """Answer these records, those about one case in their order. Raises only what is a fault of the infrastructure: then
        all of them come again, and what was answered is not answered twice."""
        lines: dict[str, list[tuple[Letter, Read]]] = {}
        for letter in letters:
            read = read_record(letter.value or b"", self._limit, self._letters.opened)
            lines.setdefault(await self._about(read, letter), []).append((letter, read))
        gate = asyncio.Semaphore(AT_ONCE)

        async def in_order(line: list[tuple[Letter, Read]]) -> None:
            async with gate:
                for letter, read in line:
                    try:
                        await self._one(letter, read)
                    except (*_INFRASTRUCTURE, Unavailable):
                        raise
                    except Exception as error:  # whatever one record does, it is answered, and the others go on
                        await self._at_least(letter, error)

        await asyncio.gather(*map(in_order, lines.values()))

    async def _about(self, read: Read, letter: Letter) -> str:
        """The same for all records about one case. Those that name none stand alone."""
        alone = f"{letter.owner}/{letter.place}"
        if read.problem is not None:
            return alone
        channel, item, case = (read.value.get(name) for name in ("channel", "item", "case"))
        try:
            if "command" in read.value and isinstance(case, str):
                return await resolve(self._ports, case)
        except Refused:
            return alone
        if isinstance(channel, str) and isinstance(item, str):
            return case_id(self._ports.keys.secret("case-id"), channel, item)
        return alone

    async def _one(self, letter: Letter, read: Read) -> None:
        platform, place = letter.owner, self._place(letter)
        own = self._own_cause(letter)
        if await self._ports.log.by_cause(STREAM + platform, own) is not None:
            return  # answered, and delivered again
        answer = await self._answer(platform, place, read, own)
        said = answer.body.model_copy(update={"record": place.record, "sent_at": datetime.fromisoformat(place.sent_at)})
        if answer.first is not None:
            standing = answer.standing or await self._ports.log.by_cause(STREAM + platform, answer.first)
            if standing is None:
                standing = await self._append(platform, answer.first, place, said)
            first = standing.recorded[0].body
            if isinstance(first, PlatformUpdate) and first.record == place.record:
                return
            said = said.model_copy(update={"repeated": True})
        await self._append(platform, own, place, said)

    async def _at_least(self, letter: Letter, error: Exception) -> None:
        """The answer to a record that could not even be refused in the ordinary way."""
        log.error("record_not_answered", error=type(error).__name__)
        place = self._place(letter)
        body = PlatformUpdate(
            kind="refused",
            record=place.record,
            sent_at=datetime.fromisoformat(place.sent_at),
            refusal=_refusal_of(_NOT_HANDLED),
        )
        await self._append(letter.owner, self._own_cause(letter), place, body)

    def _place(self, letter: Letter) -> Place:
        now = self._ports.clock.now()
        sent_at = letter.sent_at
        if not now - LATE < sent_at < now + AHEAD:  # nobody's clock: the day that we read it counts
            sent_at = now
        return Place(letter.partition, letter.offset, to_text(sent_at))

    def _own_cause(self, letter: Letter) -> str:
        """Of an answer to this record alone. Its bytes are part of it: a topic that was made anew begins at offset 0 again."""
        place = f"record/{letter.owner}/{letter.place}"
        digest = request_digest(self._ports.keys.secret("request"), place, letter.value or b"")
        return f"intake.record:{letter.place}:{digest}"

    async def _append(self, platform: str, cause: str, place: Place, body: PlatformUpdate) -> Commit:
        stamp = Stamp(topic_principal(platform), cause, correlation=place.correlation)
        return await self._updates.append(platform, stamp, body)

    async def _answer(self, platform: str, place: Place, read: Read, own: str) -> _Answer:
        digest = request_digest(self._ports.keys.secret("request"), f"submission/{platform}", read.content)
        before = await self._refused_before(digest)
        if before is not None:
            return await self._refusal(platform, read, before, digest)
        for attempt in range(ATTEMPTS):
            try:
                if read.problem is not None:
                    raise read.problem
                if "command" in read.value:
                    return await self._command(platform, read.value)
                return await self._filing(platform, place, read.value)
            except _INFRASTRUCTURE:
                raise
            except Unavailable as error:
                if attempt + 1 < ATTEMPTS and error.code == "busy":
                    await self._ports.clock.sleep(0.05 * 2**attempt)
                    continue
                if error.code == "clock_behind":  # this machine cannot write at all
                    raise
                return await self._kept(platform, place, read, own, digest, problems.describe(error))
            except Exception as error:
                problem = problems.of_error(error)
                if problem is None:
                    log.error("record_not_handled", error=type(error).__name__)
                    problem = _NOT_HANDLED
                return await self._kept(platform, place, read, own, digest, problem)
        raise AssertionError("the last attempt answers")

    async def _filing(self, platform: str, place: Place, value: dict[str, Any]) -> _Answer:
        receipt = await filed(
            self._handling, self._jurisdictions, topic_principal(platform), value, correlation=place.correlation
        )
        case, _head = await self._ports.cases.get(receipt.case, at_least=1)
        (begin,) = await self._ports.log.load(CASE + case.id, limit=1)
        event = begin.recorded[0]
        standing = await self._updates.registered(case, event.event_id, event.correlation)
        body = PlatformUpdate(kind="registered", case=case.id, number=case.number, version=1, about=event.event_id)
        return _Answer(body, first_answer("registered", case.id), standing)

    async def _command(self, platform: str, value: dict[str, Any]) -> _Answer:
        reference = value.get("case")
        if not isinstance(reference, str) or not reference:
            raise Invalid(
                "case_missing",
                "Name the case that is meant: its id, number, or CHANNEL:ITEM.",
                why_zh="请注明案件（编号或 CHANNEL:ITEM）。",
                field="case",
            )
        name, given = bodies.command_of(self._models, {key: one for key, one in value.items() if key != "case"})
        done, case = await give(self._ports, topic_principal(platform), reference, RULES[name], given)
        shape: Any = given
        body = PlatformUpdate(
            kind="done",
            case=case.id,
            number=case.number,
            version=done.commit.last if done.commit is not None else case.version,
            command=name,
            command_id=shape.command_id,
        )
        return _Answer(body, first_answer("done", case.id, shape.command_id))

    async def _refused_before(self, digest: str) -> SubmissionRefused | None:
        """The final refusal of the same content."""
        for commit in await self._ports.log.load(REFUSED + digest):
            body = commit.recorded[0].body
            if isinstance(body, SubmissionRefused) and body.refusal.status < FINAL:
                return body
        return None

    async def _refusal(self, platform: str, read: Read, kept: SubmissionRefused, digest: str) -> _Answer:
        case, number = await self._visible(platform, read.value)
        body = PlatformUpdate(
            kind="refused",
            case=case,
            number=number,
            command=kept.command,
            command_id=kept.command_id,
            refusal=kept.refusal,
            kept=REFUSED + digest,
        )
        return _Answer(body, first_answer("refused", digest) if kept.refusal.status < FINAL else None)

    async def _kept(
        self, platform: str, place: Place, read: Read, own: str, digest: str, problem: dict[str, Any]
    ) -> _Answer:
        """Put the refusal on file, so that the same content is refused for ever; the record itself is kept only where nobody
        could read or handle it, sealed."""
        refusal = _refusal_of(problem)
        value = read.value
        whole = read.problem is not None or refusal.code == "not_handled"
        command, command_id = value.get("command"), value.get("command_id")
        named = value.get("case") if "command" in value else value.get("item")
        body = SubmissionRefused(
            platform=platform,
            refusal=refusal,
            command=command if isinstance(command, str) and command in RULES else None,
            command_id=command_id if isinstance(command_id, str) and _plain(command_id) else None,
            channel=_short(value.get("channel")),
            item=_short(named),
            record=b64encode(zlib.compress(read.content)).decode() if whole else None,
        )
        cause = "intake.refused" if refusal.status < FINAL else own
        stamp = Stamp(topic_principal(platform), cause, correlation=place.correlation)
        await self._handling.on_stream(REFUSED + digest, stamp, lambda _head: [Fresh(body)])
        return await self._refusal(platform, read, body, digest)

    async def _visible(self, platform: str, value: Any) -> tuple[str | None, str | None]:
        """Id and number of the case that a command names, where the platform may know of it."""
        reference = value.get("case") if isinstance(value, dict) and "command" in value else None
        if not isinstance(reference, str):
            return None, None
        try:
            case, _head = await self._ports.cases.get(await resolve(self._ports, reference))
        except Refused:
            return None, None
        return (case.id, case.number) if visible(topic_principal(platform), case) else (None, None)


def _refusal_of(problem: Mapping[str, Any]) -> Refusal:
    return Refusal(
        status=problem["status"],
        code=problem["code"],
        why=problem["detail"],
        why_zh=problem["detail_zh"],
        field=problem.get("field"),
        errors=tuple(FieldProblem(**one) for one in problem.get("errors", ())),
    )


def _short(value: object) -> str | None:
    return value[:_ITEM_LIMIT] if isinstance(value, str) and value else None


def _plain(text: str) -> bool:
    """Could it be a command's id?"""
    return len(text) <= 100 and text.isascii() and all(sign.isalnum() or sign in "._:-" for sign in text)
