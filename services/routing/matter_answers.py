"""One answer for many: after `FollowersAnswered` each filing of the matter gets its answer, and then its numbered notice.

A commit answers one filing, under a cause that is derived from the command. So the work continues where a process ended, and no
filing is answered or numbered twice.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import structlog

from services.routing.commands.followers import ANSWERS, AnswerWithLead
from services.routing.notices.issuer import NoticeIssuer
from shared.case import STREAM, Case
from shared.commands.authorization import Principal
from shared.commands.command import RULES
from shared.commands.command_handler import CommandHandler
from shared.consumers.followers import followers
from shared.consumers.reaction import Trigger, stamp_for
from shared.events.base import Event
from shared.events.routing import FollowersAnswered, MatterAnswered
from shared.eventstore.field_encryption import open_sealed
from shared.eventstore.read_models import ReadModelStore
from shared.kernel.failpoints import failpoint
from shared.kernel.refusals import Refused, Unavailable

_AT_ONCE = 16
"""Filings that are answered at the same time."""
_NOTICES = {
    "DecisionIssued": "decision", "SuggestionAnswered": "suggestion_answered", "DutyPerformed": "duty_performed",
}  # fmt: skip
"""Answer -> kind of its notice."""
log = structlog.get_logger("routing")


class MatterAnswers:
    """The reactions of one answer for many."""

    def __init__(self, handling: CommandHandler, views: ReadModelStore, issuing: NoticeIssuer) -> None:
        self._handling, self._views, self._issuing = handling, views, issuing

    async def answer(self, turn: Trigger, body: FollowersAnswered) -> None:
        """Give the answer of the lead to each filing that follows it."""
        answer = await self._opened(turn.case.id, body.of)
        if answer is None:
            return
        rule = RULES["answer_with_lead"]
        class_: Any = turn.case.filing.class_
        command = AnswerWithLead.model_construct(
            lead=turn.case.id,
            org=body.org,
            of=body.of,
            answer=answer,
            path=turn.case.filing.path,
            class_=class_,
            electronic=body.electronic,
        )
        stamp = stamp_for("routing", rule.name, turn)._replace(principal=Principal("service", body.org, "routing"))
        turns = asyncio.Semaphore(_AT_ONCE)

        async def one(case: str) -> None:
            async with turns:
                try:
                    await self._handling.handle(
                        case, rule.action, stamp, lambda found, given: rule(found, command, given)
                    )
                except Unavailable:
                    raise
                except Refused as refused:  # it stays as it is, and a person sees it in the matter
                    log.warning("filing_not_answered", case=case, reason=refused.code)
                failpoint("matter.answered")

        found = [case async for case in self._following(turn.case)]
        results = await asyncio.gather(*map(one, found), return_exceptions=True)
        for error in results:
            if isinstance(error, BaseException):
                raise error

    async def number(self, turn: Trigger, body: MatterAnswered) -> None:
        """Issue the notice of the answer to this petitioner, under its own number."""
        events = [event for commit in await self._handling.log.load(turn.case.stream) for event in commit.recorded]
        answer = next((one for one in events if one.version > turn.event.version and one.type in ANSWERS), None)
        kind: Any = _NOTICES.get(answer.type) if answer is not None else None
        if kind is None:
            return
        stamp = stamp_for("routing", "numbered", turn)._replace(principal=Principal("service", body.org, "routing"))
        try:
            await self._issuing.give(turn.case, kind, body.org, "zh", stamp)
        except Unavailable:
            raise
        except Refused as refused:  # such as a petitioner without a name: the office issues it by hand
            log.warning("notice_not_issued", case=turn.case.number, reason=refused.code)

    async def _opened(self, lead: str, version: int) -> Event | None:
        """The answer with its texts; None if they were erased, or are those of a newer release."""
        commits = await self._handling.log.load(STREAM + lead, after=version - 1, limit=1)
        event = next((one for commit in commits for one in commit.recorded if one.version == version), None)
        if event is None or event.type not in ANSWERS or not isinstance(event.body, Event):
            return None
        values: dict[str, Any] = {}
        for part in await open_sealed(self._handling.keys, [event]):
            if part.erased:
                return None
            values.update(part.values)
        return event.body.model_copy(
            update={name: tuple(value) if isinstance(value, list) else value for name, value in values.items()}
        )

    async def _following(self, lead: Case) -> AsyncIterator[str]:
        """Ids of all filings that follow the lead, directly or through another."""
        waiting, seen = [lead.id], {lead.id}
        while waiting:
            for row in await followers(self._views, waiting.pop()):
                if row.key not in seen:
                    seen.add(row.key)
                    waiting.append(row.key)
                    yield row.key
