"""HTTP of commands: one route for all of them, with the body models of the table of rules."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from fastapi import APIRouter, Request
from pydantic import BaseModel

from shared.application.case_reference import resolve
from shared.application.command_dispatch import body_models, give
from shared.application.request_validation import command_of
from shared.commands.allowed_commands import allowed
from shared.commands.authorization import Principal
from shared.commands.command import RULES, Decider
from shared.commands.visible_cases import seen
from shared.hosting.process import Process
from shared.http.authentication import Caller
from shared.http.openapi import WRITING, answers, takes
from shared.http.request_bodies import read_json
from shared.http.responses import CommandAnswer
from shared.http.router import api_router
from shared.kernel.refusals import Refused, Unknown
from shared.queries.case_details import kept_from


class Commands:
    """Reads, carries out and answers commands over HTTP. Refusals are counted and list the possible commands."""

    def __init__(self, runtime: Process) -> None:
        self._runtime = runtime
        self.models = body_models()

    async def carried_out(self, caller: Principal, reference: str, value: Any) -> CommandAnswer:
        """The answer to one command on one case. Raises Refused."""
        name, body = command_of(self.models, value)
        return await self.given(caller, reference, RULES[name], body)

    async def given(self, caller: Principal, reference: str, rule: Decider, body: BaseModel) -> CommandAnswer:
        """The answer to a command whose body is one of `models`. Raises Refused."""
        try:
            done, case = await give(self._runtime.ports, caller, reference, rule, body)
        except Refused as refused:
            self._runtime.metrics.refused(rule.name, refused.code)
            if not isinstance(refused, Unknown):
                await _say_what_is_possible(self._runtime, caller, reference, refused)
            raise
        recorded = done.commit.recorded if done.commit is not None else ()
        hidden = kept_from(caller)
        events = [event for event in recorded if event.type not in hidden]
        if caller.role == "citizen" and len(events) < len(recorded):  # no gap tells what was recorded beside them
            case = replace(case, version=events[-1].version if events else case.version)
        return CommandAnswer.built_from(
            case,
            events=events,
            allowed=allowed(case, caller),
            repeated=done.repeated,
            code=None,
            heard=None,
            heard_zh=None,
        )


def router(runtime: Process, commands: Commands) -> APIRouter:
    routes = api_router("cases")

    @routes.post(
        "/v1/cases/{reference:path}/commands",
        operation_id="command_v1_cases__reference__commands_post",
        responses=answers(*WRITING),
        openapi_extra=takes(list(commands.models.values()), tag="command"),
    )
    async def command(request: Request, reference: str, caller: Caller) -> CommandAnswer:
        """Give a command on a case: sign off, accept, decide, close, …"""
        value = await read_json(request, runtime.settings.body_limit)
        return await commands.carried_out(caller, reference, value)

    return routes


async def _say_what_is_possible(runtime: Process, caller: Principal, reference: str, refused: Refused) -> None:
    """Add the state and the possible commands to the refusal, for a principal that may see the case."""
    case = await seen(runtime.ports.cases, caller, await resolve(runtime.ports, caller, reference))
    if case is not None:
        refused.more.setdefault("state", case.state)
        refused.more.setdefault("allowed", allowed(case, caller))
