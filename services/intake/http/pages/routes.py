"""The pages for citizens: /status and /receipt. Forms are posted, so that no query code is in an address."""

from __future__ import annotations

from urllib.parse import parse_qsl

from fastapi import APIRouter, Request
from pydantic import BaseModel
from starlette.responses import HTMLResponse, RedirectResponse, Response

from services.intake.http.citizen_commands import page_of
from services.intake.http.citizen_documents import opened_documents
from services.intake.http.citizen_status import LIMIT, StatusQuestion, StatusReaders
from services.intake.http.pages import status as pages
from services.intake.http.pages.documents import documents_page
from services.intake.http.pages.layout import HEADERS, asset
from shared.application.request_validation import validated
from shared.commands.command import RULES
from shared.hosting.process import Process
from shared.http import request_bodies as bodies
from shared.http.commands import Commands
from shared.kernel.identifiers import request_digest
from shared.kernel.refusals import Invalid, Refused, Unknown
from shared.queries.citizen_status import status

FORM = "application/x-www-form-urlencoded"
ANSWERS_LIMIT = 200_000
"""Bytes of a form with answers."""
MOST_ANSWERS = 20


async def _question(request: Request) -> StatusQuestion:
    """Number and code of a posted form. Raises Refused."""
    return validated(StatusQuestion, await _fields(request, LIMIT, 4))


async def _fields(request: Request, limit: int, most: int) -> dict[str, str]:
    """The fields of a posted form. Raises Refused."""
    bodies.require_type(request, FORM)
    data = await bodies.read_body(request, limit)
    try:
        fields = dict(parse_qsl(data.decode("ascii"), max_num_fields=most, errors="strict"))
    except ValueError:
        raise Invalid(
            "wrong_form", "The form cannot be read; send it again.", detail_zh="表单无法读取，请重新提交。"
        ) from None
    return {name: value.strip() for name, value in fields.items()}


def _take_back(commands: Commands, version: int) -> BaseModel:
    """The command that takes back the request with this version."""
    return commands.models["take_back_withdrawal"].model_validate(
        {"command": "take_back_withdrawal", "command_id": f"page-take-back-{version}"}
    )


def router(runtime: Process, askers: StatusReaders, commands: Commands) -> APIRouter:
    routes = APIRouter(include_in_schema=False)

    @routes.get("/")
    async def first() -> RedirectResponse:
        """Browsers are redirected to the status page, because their users are citizens."""
        return RedirectResponse("/status")

    @routes.get("/status")
    async def ask() -> HTMLResponse:
        return pages.form()

    @routes.post("/status")
    async def told(request: Request) -> HTMLResponse:
        try:
            question = await _question(request)
            _citizen, case = await askers.opened(request, question.number, question.code)
            return pages.answer(await status(runtime.ports, case), question.number, question.code)
        except Refused as refused:
            return _again(refused)

    @routes.post("/status/documents")
    async def read(request: Request) -> HTMLResponse:
        try:
            question = await _question(request)
            citizen, case = await askers.opened(request, question.number, question.code)
            return documents_page(await opened_documents(runtime, citizen, case))
        except Refused as refused:
            return _again(refused)

    @routes.post("/status/take-back")
    async def taken_back(request: Request) -> HTMLResponse:
        """Take back the petitioner's request to withdraw, and show the status. Sending the form twice changes nothing more."""
        try:
            question = await _question(request)
            citizen, case = await askers.opened(request, question.number, question.code)
            pending = next((one for one in case.withdrawals.pending if one.party == "p1"), None)
            if pending is not None:
                await commands.given(
                    citizen, case.id, RULES["take_back_withdrawal"], _take_back(commands, pending.version)
                )
                case, _head = await runtime.ports.cases.get(case.id)
            return pages.answer(await status(runtime.ports, case), question.number, question.code)
        except Refused as refused:
            return _again(refused)

    @routes.post("/status/answers")
    async def answered(request: Request) -> HTMLResponse:
        """Take the petitioner's answers, and show the status. Sending the form twice adds nothing more."""
        try:
            fields = await _fields(request, ANSWERS_LIMIT, 30)
            given = {name: fields.pop(name) for name in sorted(fields) if name not in StatusQuestion.model_fields}
            question = validated(StatusQuestion, fields)
            citizen, case = await askers.opened(request, question.number, question.code)
            asked = given.get("asked", "")
            answers = [given.get(f"answer{place}", "") for place in range(MOST_ANSWERS)]
            while answers and not answers[-1]:
                answers.pop()
            if answers and asked.isascii() and asked.isdigit() and len(asked) < 10:
                digest = request_digest(runtime.ports.keys.secret("request"), "answers", repr(answers).encode())
                body = commands.models["add_material"].model_validate(
                    {
                        "command": "add_material",
                        "command_id": f"page-answers-{asked}-{digest[:16]}",
                        "asked": int(asked),
                        "answers": answers,
                    }
                )
                await commands.given(citizen, case.id, RULES["add_material"], body)
                case, _head = await runtime.ports.cases.get(case.id)
            return pages.answer(await status(runtime.ports, case), question.number, question.code)
        except Refused as refused:
            return _again(refused)

    @routes.post("/receipt")
    async def printed(request: Request) -> HTMLResponse:
        try:
            question = await _question(request)
            _citizen, case = await askers.opened(request, question.number, question.code)
        except Refused as refused:
            return _again(refused)
        return await page_of(runtime, case.id)

    @routes.get("/assets/{name}")
    async def static(name: str) -> Response:
        found = asset(name)
        if found is None:
            raise Unknown("no_such_route", "There is nothing at this address.", detail_zh="没有这一地址。")
        headers = {**HEADERS, "Cache-Control": "public, max-age=3600"}
        return Response(found.content, media_type=found.media_type, headers=headers)

    return routes


def _again(refused: Refused) -> HTMLResponse:
    """The form with the reason. What was typed is not written back."""
    answer = pages.form((refused.detail_zh or refused.detail, refused.detail), status=refused.status)
    retry = refused.more.get("retry_after")
    if retry is not None:
        answer.headers["Retry-After"] = str(retry)
    return answer
