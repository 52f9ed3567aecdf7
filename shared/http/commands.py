"""HTTP of commands: one route for all of them, with the shapes taken from the table of rules."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from pydantic import BaseModel

from shared.access import Principal, visible
from shared.application.command_dispatch import body_models, give
from shared.application.request_validation import command_of
from shared.case import Case
from shared.commands import RULES, Rule, allowed
from shared.finding import resolve
from shared.handling import Done
from shared.http.answers import CommandAnswer
from shared.http.bodies import read_json
from shared.http.describing import WRITING, answers, takes
from shared.http.who import Caller
from shared.refusals import Refused, Unknown
from shared.runtime import Runtime
from shared.telling import state_words
from shared.times import to_text


class Commands:
    """Commands as HTTP gives them: read, carried out, answered; a refusal is counted and says what is possible."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self.models = body_models()

    async def carried_out(self, caller: Principal, reference: str, value: Any) -> dict[str, Any]:
        """The answer to one command on one case. Raises Refused."""
        name, body = command_of(self.models, value)
        return await self.given(caller, reference, RULES[name], body)

    async def given(self, caller: Principal, reference: str, rule: Rule, body: BaseModel) -> dict[str, Any]:
        """The answer to a command whose body is one of `models`. Raises Refused."""
        try:
            done, case = await give(self._runtime.ports, caller, reference, rule, body)
        except Refused as refused:
            self._runtime.metrics.refused(rule.name, refused.code)
            if not isinstance(refused, Unknown):
                await _say_what_is_possible(self._runtime, caller, reference, refused)
            raise
        return answer(done, case, caller)


def router(runtime: Runtime, commands: Commands) -> APIRouter:
    routes = APIRouter(tags=["cases"])

    @routes.post(
        "/v1/cases/{reference:path}/commands",
        response_model=CommandAnswer,
        responses=answers(*WRITING),
        openapi_extra=takes(list(commands.models.values()), tag="command"),
        summary="Give a command: sign off, accept, decide, close, …",
    )
    async def command(request: Request, reference: str, caller: Caller) -> dict[str, Any]:
        value = await read_json(request, runtime.settings.body_limit)
        return await commands.carried_out(caller, reference, value)

    return routes


async def _say_what_is_possible(runtime: Runtime, caller: Principal, reference: str, refused: Refused) -> None:
    """Add the state and the commands that are possible to the refusal, for somebody who may see the case."""
    case, _head = await runtime.ports.cases.get(await resolve(runtime.ports, reference))
    if visible(caller, case):
        refused.more.setdefault("state", case.state)
        refused.more.setdefault("allowed", allowed(case, caller))


def answer(done: Done, case: Case, caller: Principal) -> dict[str, Any]:
    """The answer of a command."""
    events = done.commit.recorded if done.commit is not None else ()
    return {
        "id": case.id,
        "number": case.number,
        "version": case.version,
        "events": [
            {
                "version": event.version,
                "type": event.type,
                "effective_at": to_text(event.effective_at),
                "recorded_at": to_text(event.recorded_at),
            }
            for event in events
        ],
        "state": case.state,
        "state_zh": state_words(case.state).zh,
        "allowed": allowed(case, caller),
        "repeated": done.repeated,
    }
