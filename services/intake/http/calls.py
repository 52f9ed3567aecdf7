"""HTTP of missed calls: recorded by the telephone system, called back or filed by staff. No logic."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request
from pydantic import BaseModel, ConfigDict, Field

from services.intake import missed_calls
from shared.application.command_dispatch import CommandId
from shared.application.response import Answer, TimeText
from shared.commands.authorization import Principal, authorize
from shared.commands.command_fields import CaseName, GivenCode, Short
from shared.events.calls import CallOutcome
from shared.events.fields import Moment
from shared.hosting.process import Process
from shared.http.authentication import Caller
from shared.http.openapi import READING, WRITING, operation
from shared.http.request_bodies import read_model
from shared.http.router import api_router
from shared.kernel.legal_time import from_text
from shared.kernel.refusals import Invalid

_ID = Field(description="Your id of this act. Sending the same id again returns the first answer")
CallId = Annotated[str, Path(description="Id of the call", pattern="^[0-9a-f]{32}$")]
_JURISDICTION = Query(None, max_length=60, description="Jurisdiction; needed with a key that belongs to none")


class MissedCallBody(BaseModel):
    """A call that nobody answered."""

    model_config = ConfigDict(extra="forbid")

    command_id: CommandId = _ID
    number: Annotated[str, Field(min_length=3, max_length=40, pattern=r"^[0-9+()#* -]+$")] = Field(
        description="Number of the caller, sealed; destroyed when the call is done with"
    )
    missed_at: Moment | None = Field(None, description="When it was missed; by default now")
    line: Short | None = Field(None, description="Extension or queue of the telephone system")
    skill: GivenCode | None = Field(
        None, description="Skill of the policy that is needed to call back; by default that of the line"
    )


class CallReturnBody(BaseModel):
    """What became of a missed call."""

    model_config = ConfigDict(extra="forbid")

    command_id: CommandId = _ID
    outcome: CallOutcome = Field(
        description="reached: nothing to file; not_reached: it waits on; filed: it became a case"
    )
    case: CaseName | None = Field(None, description="The case that it became")


class CallAnswer(Answer):
    """A missed call."""

    call: str = Field(description="Id of the call")
    missed_at: TimeText = Field(description="When it was missed")
    line: str | None = Field(description="Extension or queue of the telephone system")
    skill: str | None = Field(description="Code of the skill that is needed to call back; null: everybody can")
    tries: int = Field(description="How often it was called back")
    tried_at: TimeText | None = Field(description="When it was called back for the last time")


class OpenedCall(CallAnswer):
    """A missed call with its number."""

    number: str | None = Field(description="Number of the caller; null after the call was done with")


class CallsAnswer(Answer):
    """The missed calls that wait."""

    calls: list[CallAnswer] = Field(description="Oldest first")
    total: int = Field(description="How many wait")
    elsewhere: int = Field(description="With mine: further calls that wait for colleagues with other skills")
    after: str | None = Field(description="Id to go on after; null: there are no more")


class CallState(Answer):
    """A missed call after an act."""

    call: str = Field(description="Id of the call")
    waiting: bool = Field(description="True while it still waits to be called back")


def _shown(call: missed_calls.MissedCall) -> dict[str, object]:
    return {
        "call": call.id,
        "missed_at": call.missed_at,
        "line": call.line,
        "skill": call.skill,
        "tries": call.tries,
        "tried_at": call.tried_at,
    }


def router(runtime: Process) -> APIRouter:
    routes = api_router("calls")
    ports, limit = runtime.ports, runtime.settings.body_limit

    def own(caller: Principal, named: str | None) -> str:
        authorize(caller, missed_calls.CALLS)
        jurisdiction = caller.jurisdiction or named
        if jurisdiction is None or named not in (None, jurisdiction):
            raise Invalid(
                "jurisdiction_needed",
                "Name the jurisdiction of your access key.",
                detail_zh="请注明访问密钥所属的辖区。",
                field="jurisdiction",
            )
        return jurisdiction

    @routes.post("/v1/calls", status_code=201, **operation("record_call_v1_calls_post", *WRITING, body=MissedCallBody))
    async def record(request: Request, caller: Caller, jurisdiction: str | None = _JURISDICTION) -> CallState:
        """Record a missed call, as the telephone system of the office does. The number is sealed."""
        where = own(caller, jurisdiction)
        body = await read_model(request, MissedCallBody, limit)
        call = await missed_calls.record(
            ports, caller, where, body.number, body.missed_at, body.line, body.command_id, body.skill
        )
        return CallState(call=call, waiting=(await missed_calls.present(ports, where, call)).done is None)

    @routes.get("/v1/calls", **operation("calls_v1_calls_get", *READING))
    async def waiting(
        caller: Caller,
        after: str | None = Query(None, pattern="^[0-9a-f]{32}$", description="Id after which the list begins"),
        limit: int = Query(50, ge=0, le=200, description="Most calls; 0: only the total"),
        mine: bool = Query(
            False, description="Only calls that need no skill, one of yours, or one that nobody present has"
        ),
        jurisdiction: str | None = _JURISDICTION,
    ) -> CallsAnswer:
        """The missed calls that nobody returned yet, without their numbers."""
        where = own(caller, jurisdiction)
        skills = await missed_calls.skills_of(ports, caller, where) if mine else None
        rows, total = await missed_calls.waiting(ports, caller, where, after, max(1, limit), skills)
        every = total if skills is None else (await missed_calls.waiting(ports, caller, where, None, 1))[1]
        rows = rows[:limit]
        calls = []
        for row in rows:
            assert row.values is not None
            tried = row.values["tried_at"]
            calls.append(
                CallAnswer(
                    call=row.key,
                    missed_at=from_text(str(row.values["missed_at"])),
                    line=row.values["line"],
                    skill=row.values["skill"] or None,
                    tries=row.values["tries"],
                    tried_at=from_text(str(tried)) if tried is not None else None,
                )
            )
        return CallsAnswer(
            calls=calls,
            total=total,
            elsewhere=every - total,
            after=rows[-1].key if limit and len(rows) == limit else None,
        )

    @routes.get("/v1/calls/{call}", **operation("call_v1_calls__call__get", *READING, 429, 507))
    async def one(call: CallId, caller: Caller, jurisdiction: str | None = _JURISDICTION) -> OpenedCall:
        """A missed call with the number of the caller. The reading is recorded."""
        found, number = await missed_calls.opened(ports, caller, own(caller, jurisdiction), call)
        return OpenedCall.model_validate({**_shown(found), "number": number})

    @routes.post("/v1/calls/{call}", **operation("return_call_v1_calls__call__post", *WRITING, body=CallReturnBody))
    async def returned(
        request: Request, call: CallId, caller: Caller, jurisdiction: str | None = _JURISDICTION
    ) -> CallState:
        """Record the outcome of a missed call. Its number is destroyed, unless nobody was reached."""
        where = own(caller, jurisdiction)
        body = await read_model(request, CallReturnBody, limit)
        found = await missed_calls.answer(ports, caller, where, call, body.outcome, body.case, body.command_id)
        return CallState(call=call, waiting=found.done is None)

    return routes
