"""/desk/register: letters, visits and calls are registered in one screen, with similar cases beside it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Any
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from services.portal.api import Api, Caller, Problem
from services.portal.browser import HEADERS, Form, command_id, read_form, set_cookie
from services.portal.catalogues import told
from services.portal.pages.desk_frame import asked, framed, hand_on_by_skill, of_case, skill_options
from services.portal.pages.sign_in import SignedOut, ended, staff
from services.portal.pages.start import changed, nothing_here
from services.portal.pages.submit import others, tree
from services.portal.rendering import page, sentence, view_of

_YEAR = 365 * 24 * 3600
_REGISTERING = ("registrar", "operator")
"""Roles that register what people write or say."""
_NEAR, _ANSWERS = 8, 20
"""Most cases of the same place and subject, and most entries of the knowledge, beside a form."""
_SHORTEST = 10
"""Characters that are typed before cases with a similar text are looked for."""
_OPEN_REGISTRATION = ("letter", "visit", "call", "fax")
"""Classes of channels in which the office registers for people, in the order of the screen."""


async def _registration(
    request: Request,
    form: Form,
    *,
    errors: dict[str, str] | None = None,
    problem: Problem | None = None,
    receipt: dict[str, Any] | None = None,
    unhanded: str = "",
) -> Response:
    frame, lists = await lists_of_office(request)
    channels = lists["channels"]
    form.setdefault("channel", channels[0][0] if channels else "")
    near = await near_cases(request, form)
    return page(
        request, "desk_register.html", http_status=problem.status if problem else 422 if errors else 200,
        main_form="registration", fresh=request.method == "GET", **frame, form=form, errors=errors or {}, problem=problem,
        said=sentence(request, problem) if problem else "", wrong=errors or problem, receipt=receipt, **near,
        **lists, unhanded=unhanded,
        candidates=await _candidates(request, receipt) if receipt else [],
    )  # fmt: skip


async def lists_of_office(
    request: Request, classes: tuple[str, ...] = _OPEN_REGISTRATION
) -> tuple[dict[str, Any], dict[str, Any]]:
    """What pages of the desk show, and the channels of these classes, places and subjects of the office.

    Raises Problem for other roles."""
    frame, _found = await framed(request)
    me, view = frame["me"], view_of(request)
    if me["role"] not in _REGISTERING:
        raise nothing_here()
    (policy,) = await asked(request, (f"/v1/policies/{quote(me['jurisdiction'], safe='')}", {}))
    documents = policy["documents"]
    listed = documents["channels"]["channels"] if isinstance(documents["channels"], dict) else documents["channels"]
    lists = {}
    for name in ("places", "subjects"):
        entries = documents.get(name) or []
        lists[name] = tree(_named(entries[name] if isinstance(entries, dict) else entries), view)
    channels = [
        (one["code"], one["name"] if view.language == "zh" else one.get("name_en") or one["name"])
        for one in sorted(listed, key=lambda one: classes.index(one["class_"]) if one["class_"] in classes else 0)
        if one["class_"] in classes and not one.get("platform")
    ]
    skills = skill_options(request, me) if me["role"] != "operator" else []  # operators hand no case on
    return frame, {**lists, "channels": channels, "skills": skills}


async def near_cases(request: Request, form: Form) -> dict[str, Any]:
    """What is shown beside a filing that is being registered: `near`, cases of the same place and subject; `alike`, cases whose
    text is like the typed one; `answers`, entries of the knowledge of its subject."""
    place, subject, text = form["place"][:128], form["subject"][:128], form["text"].strip()
    who, api = staff(request), request.app.state.api
    questions: dict[str, Awaitable[Any]] = {}
    if place and subject:
        questions["near"] = api.get(who, "/v1/cases", place=place, subject=subject, limit=_NEAR)
    if len(text) >= _SHORTEST:
        names = [form[name].strip()[:200] for name in ("name", "address") if form[name].strip()]
        body = {"text": text, "place": place or None, "subject": subject or None, "names": names}
        questions["alike"] = api.post(who, "/v1/candidates", body)
    if form["knowledge"]:
        questions["answers"] = api.get(who, "/v1/knowledge", subject=subject, usable=True, limit=_ANSWERS)
    found = await asyncio.gather(*questions.values(), return_exceptions=True)
    lists: dict[str, Any] = {"near": [], "alike": [], "answers": []}
    named = {"near": "cases", "alike": "candidates", "answers": "entries"}
    for name, answer in zip(questions, found, strict=True):
        if isinstance(answer, Problem) and answer.known and not ended(answer):
            continue  # a place that the policy does not know, for example: the form says so when it is sent
        if isinstance(answer, Problem) and ended(answer):
            raise SignedOut(form)
        if isinstance(answer, BaseException):
            raise answer
        lists[name] = answer[named[name]]
    alike = {one["number"] for one in lists["alike"]}
    lists["near"] = [one for one in lists["near"] if one["number"] not in alike]
    return lists


async def _candidates(request: Request, receipt: dict[str, Any]) -> list[dict[str, Any]]:
    """Older cases whose text is like that of the registered one, while it waits for dispatch."""
    try:
        (found,) = await asked(request, (of_case(receipt["number"], "/candidates"), {}))
    except Problem:
        return []
    listed: list[dict[str, Any]] = found["candidates"]
    return listed


async def near(request: Request) -> Response:
    """The part of the registration screen with similar cases, for a script. Posted, so that no text is in an address."""
    form = await read_form(request)
    frame, _found = await framed(request)
    if frame["me"]["role"] not in _REGISTERING:
        raise nothing_here()
    return page(request, "desk_near.html", **frame, form=form, **await near_cases(request, form))


def _named(entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{"parent": None, "name_en": None, **one} for one in entries]


async def registration(request: Request) -> Response:
    """The screen to register letters, visits and calls."""
    return await _registration(request, Form(command_id=command_id()))


async def register(request: Request) -> Response:
    """Register one, show its receipt, and go on with the next."""
    form = await read_form(request)
    try:
        who = staff(request)
    except SignedOut:
        raise SignedOut(form) from None
    language = view_of(request).language
    if form["view"]:
        request.state.view = changed(view_of(request), form["view"])
        answer = await _registration(request, form)
        set_cookie(answer, "view", request.state.view.text(), _YEAR)
        return answer
    if form["look"]:
        return await _registration(request, form)
    errors = {}
    if not form["text"].strip():
        errors["text"] = told(language, "Write what the person says.")
    if errors:
        return await _registration(request, form, errors=errors)
    receipt, unhanded = None, ""
    try:
        receipt = await _pin(request.app.state.api, who, await filed(request.app.state.api, who, form))
        unhanded = await hand_on_by_skill(request, who, form, receipt["number"])
    except Problem as problem:
        if ended(problem):
            raise SignedOut(form) from None
        if problem.field in form:
            return await _registration(request, form, errors={str(problem.field): sentence(request, problem)})
        return await _registration(request, form, problem=problem)
    fresh = Form(command_id=command_id(), channel=form["channel"])
    return await _registration(request, fresh, receipt=receipt, unhanded=unhanded)


async def printed(request: Request) -> Response:
    """The receipt on one sheet, for the person at the counter or for the envelope."""
    form = await read_form(request)
    api: Api = request.app.state.api
    pair = {"number": form["number"][:60], "code": form["code"][:100]}
    try:
        sheet = await api.ask("POST", staff(request), "/v1/receipt", json=pair)
    except Problem as problem:
        if ended(problem):
            raise SignedOut from None
        raise
    safe = {name: sheet.headers[name] for name in ("content-security-policy",) if name in sheet.headers}
    return HTMLResponse(sheet.text, headers={**HEADERS, **safe})


async def _pin(api: Api, who: Caller, receipt: dict[str, Any]) -> dict[str, Any]:
    """The receipt with the digits for the telephone; without them where they cannot be asked for now."""
    try:
        details = await api.post(who, "/v1/receipt/details", {name: receipt[name] for name in ("number", "code")})
    except Problem:
        return receipt
    return {**receipt, "pin": details["pin"]}


async def filed(api: Api, who: Caller, form: Form) -> dict[str, Any]:
    body: dict[str, Any] = {
        name: form[name].strip()
        for name in ("channel", "received_at", "text", "place", "location", "subject")
        if form[name].strip()
    }
    body["item"] = form["item"].strip() or f"desk-{form['command_id']}"
    if form["do"] == "answer":
        body["class"] = "consultation"
    person = {name: form[name].strip() for name in ("name", "phone", "address") if form[name].strip()}
    if person:
        body["petitioner"] = person
    elif form["anonymous"]:
        body["anonymous"] = True
    if form["confidential"]:
        body["confidential"] = True
    people = others(form)
    if people:
        body["co_petitioners"] = people
    receipt: dict[str, Any] = await api.post(who, "/v1/submissions", body)
    return receipt


ROUTES = [
    Route("/desk/register/near", near, methods=["POST"]),
    Route("/desk/register/receipt", printed, methods=["POST"]),
    Route("/desk/register", registration),
    Route("/desk/register", register, methods=["POST"]),
]
