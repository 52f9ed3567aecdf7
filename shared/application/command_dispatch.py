"""Running one command on a case, the same for HTTP, topics and batches: its body model, its dispatch, its result."""

from __future__ import annotations

from contextlib import nullcontext
from functools import cache
from typing import Annotated, Any, Literal

import orjson
from pydantic import AfterValidator, BaseModel, Field, create_model
from structlog.contextvars import bind_contextvars, unbind_contextvars

from shared.application import checked_drafts, knowledge
from shared.application.case_reference import resolve
from shared.application.file_references import attaching
from shared.application.ports import Ports
from shared.case import Case, fold
from shared.commands.authorization import Principal
from shared.commands.command import RULES, Decider, DecisionContext, NewEvent
from shared.commands.command_handler import CommandResult
from shared.commands.event_writer import EventMetadata
from shared.commands.knowledge_text import NamesEntry
from shared.commands.visible_cases import seen
from shared.events.fields import Moment
from shared.kernel.identifiers import request_digest
from shared.kernel.plain_text import personal_number
from shared.kernel.refusals import Refused, Unknown
from shared.kernel.validation_messages import WrongValue


def no_personal_number(value: str) -> str:
    """The value. Raises WrongValue if it contains a telephone or identity number: it is stored in clear."""
    if personal_number(value):
        raise WrongValue(
            "contains what looks like a telephone or identity number, and it is stored in clear; use one without personal data",
            "疑似含有电话或证件号码，而该内容以明文保存，请改用不含个人信息的编号。",
        )
    return value


CommandId = Annotated[
    str, Field(min_length=1, max_length=100, pattern=r"^[A-Za-z0-9._:-]+$"), AfterValidator(no_personal_number)
]
"""Stored in clear with the events, and repeated in the answers to records of topics: never a telephone number or a name."""
_SHAPE: dict[str, Any] = {
    "command_id": (
        CommandId,
        Field(
            description="Your id of this command, without personal data: it is stored in clear. Sending the same id again returns"
            " the first answer"
        ),
    ),
    "effective_at": (
        Moment | None,
        Field(None, description="Legal time of the command: an instant with offset, or a date. Default: now"),
    ),
    "expected_version": (
        Annotated[int, Field(ge=0, le=2**53)] | None,
        Field(None, description="Refuse if the case has been changed since this version"),
    ),
}


def open_rules() -> list[Decider]:
    """The rules of commands that may be given from outside."""
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
    ports: Ports, principal: Principal, reference: str, rule: Decider, body: BaseModel
) -> tuple[CommandResult, Case]:
    """Carry out a validated command. Returns its result, and the case directly after it."""
    shape: Any = body
    unbind_contextvars("case")
    bind_contextvars(command_id=shape.command_id)
    case_id = await resolve(ports, principal, reference)
    values = {name: getattr(body, name) for name in rule.model.model_fields}
    for name in rule.naming:
        if values[name] is not None:
            values[name] = await _named(ports, principal, values[name])
    for name in _entries_in(rule):
        if values[name] is not None:
            values[name] = await knowledge.resolved(ports, principal, case_id, values[name])
    cause = f"{principal.name}:{shape.command_id}"
    uploads: tuple[str, ...] = values.pop("files", ())
    content = {  # without defaults, so that a field added later does not change the digest
        "command": rule.name,
        **body.model_dump(mode="json", exclude={"command_id", "command"}, by_alias=True, exclude_defaults=True),
    }
    digest = request_digest(ports.keys.secret("request"), case_id, orjson.dumps(content, option=orjson.OPT_SORT_KEYS))
    stamp = EventMetadata(principal, cause, at=shape.effective_at, request=digest)
    handling = ports.handling(rule.service)

    unsigned = await _unchecked(ports, principal, case_id, rule, values)
    async with (
        attaching(ports.files, principal, uploads, f"{case_id}|{cause}") if uploads else nullcontext() as attached
    ):
        if "files" in rule.model.model_fields:
            values["files"] = () if attached is None else attached.files
        command = rule.model.model_construct(**values)

        def decide(case: Case, given: DecisionContext) -> list[NewEvent]:
            bind_contextvars(case=case.number)  # in the log lines that follow
            if unsigned is not None:
                raise unsigned
            return rule(case, command, given)

        done = await handling.handle(
            case_id,
            rule.action,
            stamp,
            decide,
            expected_version=shape.expected_version,
            others=rule.named(command),
        )
        if attached is not None:
            attached.used = done.commit is not None
    case = done.case
    if done.commit is not None and done.commit.last < case.version:
        commits = await ports.log.load(case.stream)
        case = fold(event for commit in commits for event in commit.recorded if event.version <= done.commit.last)
    return done, case


@cache
def _entries_in(rule: Decider) -> tuple[str, ...]:
    """Fields of the command that name an entry of the knowledge."""
    fields = rule.model.model_fields.items()
    return tuple(name for name, field in fields if any(isinstance(mark, NamesEntry) for mark in field.metadata))


async def _unchecked(
    ports: Ports, principal: Principal, case_id: str, rule: Decider, values: dict[str, Any]
) -> Refused | None:
    """Why the policy does not let this text be signed yet. Only for a case that the principal may see."""
    if rule.name not in checked_drafts.KINDS:
        return None
    own = principal.jurisdiction
    if own is not None and not checked_drafts.asked(await ports.policies.book(own), principal, rule):
        return None
    case = await seen(ports.cases, principal, case_id)
    return None if case is None else await checked_drafts.unchecked(ports, principal, case, rule, values)


async def _named(ports: Ports, principal: Principal, reference: str) -> str:
    """The id of another case that a command names. A reference to no case becomes an empty id, which the rule refuses in
    the same words as a case that the caller may not see."""
    try:
        return await resolve(ports, principal, reference)
    except Unknown:
        return ""
