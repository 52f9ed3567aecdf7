"""Commands on a case: one shape for all of them, taken from the table of rules."""

from __future__ import annotations

from functools import cache, partial
from typing import Annotated, Any, Literal

import orjson
from fastapi import APIRouter, Request
from pydantic import BaseModel, Field, create_model

from shared.access import Principal, visible
from shared.case import Case, fold
from shared.command_parts.allowed_commands import allowed
from shared.commands import RULES, Command, Rule
from shared.events.base import Moment
from shared.finding import resolve
from shared.handling import Done, Stamp
from shared.http import bodies
from shared.http.answers import CommandAnswer
from shared.http.describing import WRITING, answers, takes
from shared.http.who import Caller
from shared.metrics import Metrics
from shared.names import request_digest
from shared.refusals import Refused, Unknown
from shared.runtime import Runtime

CommandId = Annotated[str, Field(min_length=1, max_length=100, pattern=r"^[A-Za-z0-9._:-]+$")]
_SHAPE: dict[str, Any] = {
    "command_id": (
        CommandId,
        Field(description="Your id of this command; sent again, it gives the first answer again"),
    ),
    "effective_at": (
        Moment | None,
        Field(None, description="When it is true in law: an instant with offset, or a date. Default: now"),
    ),
    "expected_version": (
        Annotated[int, Field(ge=0, le=2**53)] | None,
        Field(None, description="Refuse if somebody has acted on the case since this version"),
    ),
}


def open_rules() -> list[Rule]:
    """The rules that somebody outside may use."""
    return [rule for rule in RULES.values() if any(role != "service" for role in rule.roles)]


@cache
def body_models() -> dict[str, type[BaseModel]]:
    """Command name -> model of its whole body."""
    models: dict[str, type[BaseModel]] = {}
    for rule in open_rules():
        name = "".join(part.capitalize() for part in rule.name.split("_")) + "Command"
        roles = ", ".join(role for role in rule.roles if role != "service")
        states = ", ".join(rule.states) or "any"
        models[rule.name] = create_model(
            name,
            __base__=rule.model,
            __doc__=f"{rule.en} ({rule.zh}). Roles: {roles}. States: {states}.",
            **{"command": (Literal[rule.name], Field(description="Name of the command")), **_SHAPE},
        )
    return models


async def give(
    runtime: Runtime, principal: Principal, reference: str, rule: Rule, body: BaseModel
) -> tuple[Done, Case]:
    """Carry a validated command out. Returns what came of it, and the case as it was right after."""
    case_id = await resolve(runtime.ports, reference)
    values = {name: getattr(body, name) for name in rule.model.model_fields}
    for name in rule.naming:
        if values[name] is not None:
            values[name] = await _named(runtime, values[name])
    command = rule.model.model_construct(**values)
    content = {  # what was stated: a field that a later release adds changes nothing
        "command": rule.name,
        **body.model_dump(mode="json", exclude={"command_id", "command"}, by_alias=True, exclude_defaults=True),
    }
    digest = request_digest(
        runtime.ports.keys.secret("request"), case_id, orjson.dumps(content, option=orjson.OPT_SORT_KEYS)
    )
    shape: Any = body
    stamp = Stamp(principal, f"{principal.name}:{shape.command_id}", at=shape.effective_at, request=digest)
    handling = runtime.handling(rule.service)
    done = await handling.on_case(
        case_id,
        rule.action,
        stamp,
        partial(_decide, rule, command),
        expected_version=shape.expected_version,
        others=rule.named(command),
    )
    case = done.case
    if done.commit is not None and done.commit.last < case.version:
        commits = await runtime.ports.log.load(case.stream)
        case = fold(event for commit in commits for event in commit.recorded if event.version <= done.commit.last)
    return done, case


async def _named(runtime: Runtime, reference: str) -> str:
    """The id of another case that a command names. What stands for no case is left to the rule: it refuses that in the
    same words as a case which the caller may not see."""
    try:
        return await resolve(runtime.ports, reference)
    except Unknown:
        return ""


def _decide(rule: Rule, command: Command, case: Case, given: Any) -> Any:
    return rule(case, command, given)


class Commands:
    """Commands as HTTP gives them: read, carried out, answered; a refusal is counted and says what is possible."""

    def __init__(self, runtime: Runtime, metrics: Metrics) -> None:
        self._runtime = runtime
        self._metrics = metrics
        self.models = body_models()

    async def carried_out(self, caller: Principal, reference: str, value: Any) -> CommandAnswer:
        """The answer to one command on one case. Raises Refused."""
        name, body = bodies.command_of(self.models, value)
        return await self.given(caller, reference, RULES[name], body)

    async def given(self, caller: Principal, reference: str, rule: Rule, body: BaseModel) -> CommandAnswer:
        """The answer to a command whose body is one of `models`. Raises Refused."""
        try:
            done, case = await give(self._runtime, caller, reference, rule, body)
        except Refused as refused:
            self._metrics.refused(rule.name, refused.code)
            if not isinstance(refused, Unknown):
                await _say_what_is_possible(self._runtime, caller, reference, refused)
            raise
        events = done.commit.recorded if done.commit is not None else ()
        return CommandAnswer.built_from(case, events=events, allowed=allowed(case, caller), repeated=done.repeated)


def router(runtime: Runtime, commands: Commands) -> APIRouter:
    routes = APIRouter(tags=["cases"])

    @routes.post(
        "/v1/cases/{reference:path}/commands",
        operation_id="command_v1_cases__reference__commands_post",
        responses=answers(*WRITING),
        openapi_extra=takes(list(commands.models.values()), tag="command"),
        summary="Give a command: sign off, accept, decide, close, …",
    )
    async def command(request: Request, reference: str, caller: Caller) -> CommandAnswer:
        value = await bodies.read_json(request, runtime.settings.body_limit)
        return await commands.carried_out(caller, reference, value)

    return routes


async def _say_what_is_possible(runtime: Runtime, caller: Principal, reference: str, refused: Refused) -> None:
    """Add the state and the commands that are possible to the refusal, for somebody who may see the case."""
    case, _head = await runtime.ports.cases.get(await resolve(runtime.ports, reference))
    if visible(caller, case):
        refused.more.setdefault("state", case.state)
        refused.more.setdefault("allowed", allowed(case, caller))
