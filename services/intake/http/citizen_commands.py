"""Commands of a citizen with number and query code (add, nudge, evaluate, withdraw, review, renew the code), and receipts.

Number and code are in the body, never in the address. A citizen's command takes effect immediately: `effective_at` is not
possible.
"""

from __future__ import annotations

from typing import Any, Literal

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field, create_model
from starlette.responses import HTMLResponse

from services.intake.commands.document_access import receipt_printed
from services.intake.http.citizen_status import LIMIT, StatusQuestion, StatusReaders
from services.intake.http.printed_receipt.receipt import receipt
from services.intake.http.sealed_commands import given_on_sealed
from shared.application.command_dispatch import CommandId
from shared.application.ports import Ports
from shared.application.request_validation import command_of
from shared.case import Case
from shared.commands.authorization import RECEIPT, Principal, authorize
from shared.commands.command import RULES
from shared.commands.event_writer import EventMetadata
from shared.hosting.process import Process
from shared.http import request_bodies as bodies
from shared.http.authentication import Caller
from shared.http.commands import Commands
from shared.http.openapi import READING, answers, takes
from shared.http.responses import CommandAnswer
from shared.http.router import api_router
from shared.kernel.identifiers import query_code, telephone_pin
from shared.queries import case_details as reading
from shared.queries.case_content import record_reading
from shared.queries.query_code_access import TOKEN, wrong_pair
from shared.queries.sealed_status import told_case

RENEWS = "renew_query_code"
_PAGE: dict[int | str, dict[str, Any]] = {
    200: {"description": "A page to print", "content": {"text/html": {"schema": {"type": "string"}}}}
}
_SHAPE: dict[str, Any] = {
    "number": (str, Field(min_length=1, max_length=60, description="Number of the case")),
    "code": (str, Field(min_length=1, max_length=100, description="Query code, or a token of POST /v1/status/token")),
    "command_id": (
        CommandId,
        Field(description="Your id of this command. Sending the same id again returns the first answer"),
    ),
}


def body_models() -> dict[str, type[BaseModel]]:
    """Command name -> model of the body of a citizen's request."""
    models: dict[str, type[BaseModel]] = {}
    for rule in RULES.values():
        if "citizen" in rule.roles:
            models[rule.name] = create_model(
                "Citizen" + "".join(part.capitalize() for part in rule.name.split("_")),
                __base__=rule.model,
                __doc__=f"{rule.en} ({rule.zh}).",
                **{"command": (Literal[rule.name], Field(description="Name of the command")), **_SHAPE},
            )
    return models


_HEARD = {
    False: (
        "Your question about the progress was received and recorded with the case.",
        "您的催问已收到，并记录在案。",
    ),
    True: (
        "Your question was received. You have already asked today, so it is recorded together with that question.",
        "您的催问已收到。您今天已催问过，本次已并入该次催问，一并记录。",
    ),
}
"""What the petitioner is told of a nudge: the first of a day, and a further one."""


def router(runtime: Process, commands: Commands, askers: StatusReaders) -> APIRouter:
    routes = api_router("citizens")
    models = body_models()

    @routes.post(
        "/v1/citizens/commands",
        operation_id="act_v1_citizens_commands_post",
        responses=answers(400, 404, 409, 413, 415, 422, 429, 503, 507),
        openapi_extra=takes(list(models.values()), tag="command"),
    )
    async def act(request: Request) -> CommandAnswer:
        """Give a command on one's own case with number and query code: evaluate, nudge, request a review, …"""
        body: Any
        name, body = command_of(models, await bodies.read_json(request, runtime.settings.body_limit))
        rule = RULES[name]
        citizen, case = await askers.opened(request, body.number, body.code)
        given = {name: getattr(body, name) for name in rule.model.model_fields}
        command = commands.models[rule.name].model_construct(
            **given, command=rule.name, command_id=body.command_id, effective_at=None, expected_version=None
        )
        if case.accusation.sealed:
            answer = await given_on_sealed(runtime.ports, commands, citizen, case, rule, command)
        else:
            answer = await commands.given(citizen, case.id, rule, command)
        if rule.name == RENEWS:
            answer = answer.model_copy(update={"code": await code_of(runtime.ports, case.id)})
        if rule.name == "nudge":
            again = any(event.type == "NudgedAgain" for event in answer.events)
            answer = answer.model_copy(update=dict(zip(("heard", "heard_zh"), _HEARD[again], strict=True)))
        return answer

    @routes.post(
        "/v1/receipt",
        operation_id="by_code_v1_receipt_post",
        response_class=HTMLResponse,
        responses={**_PAGE, **answers(400, 404, 413, 415, 422, 429, 503)},
        openapi_extra=takes(StatusQuestion),
    )
    async def by_code(request: Request) -> HTMLResponse:
        """A printable receipt, by number and query code."""
        question = await bodies.read_model(request, StatusQuestion, LIMIT)
        if question.code.startswith(TOKEN):  # the receipt holds the code: nobody gets it with less than the code
            raise wrong_pair()
        _citizen, case = await askers.opened(request, question.number, question.code)
        return await page_of(runtime, case.id)

    @routes.get(
        "/v1/cases/{reference:path}/receipt",
        operation_id="by_key_v1_cases__reference__receipt_get",
        response_class=HTMLResponse,
        responses={**_PAGE, **answers(*READING, 507)},
    )
    async def by_key(reference: str, caller: Caller) -> HTMLResponse:
        """A printable receipt, for the registrar and the filing platform. The access is recorded."""
        case = await reading.find(runtime.ports, caller, reference)
        authorize(caller, RECEIPT, case)
        await record_reading(runtime.handling("routing"), caller, case, "receipt", ("receipt",))
        if caller.role != "platform":
            await _seen_by_staff(runtime, caller, case)
        return await page_of(runtime, case.id)

    return routes


async def _seen_by_staff(runtime: Process, caller: Principal, case: Case) -> None:
    """Record once that a member of staff has handled the query code: reading with it no longer proves receipt."""
    if receipt_printed(case):
        handling = runtime.handling("intake")
        stamp = EventMetadata(caller, f"receipt:{handling.clock.new_id()}", jurisdiction=case.jurisdiction)
        await handling.handle(case.id, RECEIPT, stamp, lambda found, _given: receipt_printed(found))


async def code_of(ports: Ports, case_id: str) -> str:
    """The present query code of a case. Codes are not stored, so they can be shown again at any time."""
    case, _head = await ports.cases.get(case_id)
    return query_code(ports.keys.secret("query-code"), case.id, case.filing.code_generation)


async def page_of(runtime: Process, case_id: str) -> HTMLResponse:
    """The page of a receipt. Receipts are not stored, so they can be issued again at any time."""
    ports = runtime.ports
    case, _head = await ports.cases.get(case_id)
    book = await ports.policies.book(case.jurisdiction)
    code = await code_of(ports, case_id)
    pin = telephone_pin(ports.keys.secret("telephone-pin"), case.id, case.filing.code_generation)
    return receipt(await told_case(ports, case), book, code, pin, runtime.settings.public_url)
