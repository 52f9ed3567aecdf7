"""One act on many cases, with a preview of each case and one result a line; the notices of a day for the printer."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import date
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from services.portal.api import Api, Caller, Problem
from services.portal.browser import HEADERS, Form, command_id, read_form, set_cookie
from services.portal.command_forms import Field, body_of, commands_of, fields_of
from services.portal.pages.desk_command import missing
from services.portal.pages.desk_frame import framed, of_case
from services.portal.pages.sign_in import SignedOut, ended, staff
from services.portal.pages.start import changed, nothing_here
from services.portal.rendering import page, sentence, view_of

MOST = 100
"""Cases of one act (own choice): as many as a person can look through before it is done."""
TAKE = "take"
"""The act that makes the reader the clerk; no command of the catalogue."""
_AT_ONCE = 8
_YEAR = 365 * 24 * 3600


async def bulk(request: Request) -> Response:
    """Each step posts the next one; nothing is done before the last."""
    form = await read_form(request)
    who = staff(request, form)
    numbers = list(dict.fromkeys(one.strip()[:60] for one in form.every.get("case", ()) if one.strip()))[:MOST]
    frame, (document,) = await framed(request, ("/openapi.json", {}))
    schemas = commands_of(document)
    name = form["name"] if form["name"] in schemas or form["name"] == TAKE else ""
    cases = await _cases(request, who, numbers)
    if not name:
        number_of = Counter(one for case in cases if case for one in case["allowed"])
        return _page(request, frame, form, cases, numbers, acts=number_of.most_common())
    fields = fields_of(document, schemas[name]) if name != TAKE else ()
    for field in (inner for one in fields for inner in (one, *one.inner)):
        form.setdefault(field.name, field.initial)
    if form["view"]:
        request.state.view = changed(view_of(request), form["view"])
        answer = _page(request, frame, form, cases, numbers, name=name, fields=fields)
        set_cookie(answer, "view", request.state.view.text(), _YEAR)
        return answer
    if not form["do"]:
        return _page(request, frame, form, cases, numbers, name=name, fields=fields)
    body, wrong = body_of(fields, form)
    if wrong:
        errors = missing(view_of(request).language, frame["words"], name, wrong)
        return _page(request, frame, form, cases, numbers, name=name, fields=fields, errors=errors)
    results = await _done(request, who, form, numbers, name, body)
    return _page(request, frame, form, cases, numbers, name=name, results=results)


def _page(
    request: Request,
    frame: dict[str, Any],
    form: Form,
    cases: list[dict[str, Any] | None],
    numbers: list[str],
    *,
    name: str = "",
    acts: list[tuple[str, int]] | None = None,
    fields: tuple[Field, ...] = (),
    errors: dict[str, str] | None = None,
    results: list[str] | None = None,
) -> Response:
    form.setdefault("command_id", command_id())
    lines = list(zip(numbers, cases, results if results is not None else [""] * len(numbers), strict=True))
    possible = sum(1 for case in cases if case is not None and (name == TAKE or name in case["allowed"]))
    return page(
        request, "desk_bulk.html", http_status=422 if errors else 200, **frame, form=form, lines=lines, acts=acts, name=name,
        fields=fields, errors=errors or {}, results=results, possible=possible, take=TAKE, wrong=errors,
        done=sum(1 for one in results or () if not one),
    )  # fmt: skip


async def _cases(request: Request, who: Caller, numbers: list[str]) -> list[dict[str, Any] | None]:
    """The chosen cases as they are now; None for one that is not found any more."""
    api: Api = request.app.state.api
    turn = asyncio.Semaphore(_AT_ONCE)

    async def one(number: str) -> dict[str, Any] | None:
        async with turn:
            try:
                found: dict[str, Any] = await api.get(who, of_case(number), content="false")
                return found
            except Problem as problem:
                if ended(problem):
                    raise SignedOut from None
                if not problem.known:
                    raise
                return None

    return list(await asyncio.gather(*map(one, numbers)))


async def _done(
    request: Request, who: Caller, form: Form, numbers: list[str], name: str, body: dict[str, Any]
) -> list[str]:
    """What went wrong with each case; an empty text where it was done. Sent twice it is done once."""
    api: Api = request.app.state.api
    ids = {number: f"{form['command_id']}-{place}" for place, number in enumerate(numbers)}
    if name == TAKE:
        return [await _taken(request, api, who, number, ids[number]) for number in numbers]
    lines = [{**body, "command": name, "case": number, "command_id": ids[number]} for number in numbers]
    answer = await api.ask(
        "POST", who, "/v1/commands:batch", content=b"\n".join(map(orjson.dumps, lines)),
        headers={"content-type": "application/x-ndjson"},
    )  # fmt: skip
    found = [orjson.loads(line) for line in answer.content.splitlines()]
    zh = view_of(request).language == "zh"
    results = []
    for one in found:
        problem = one.get("problem") or {}
        said = problem.get("detail_zh" if zh else "detail") or problem.get("detail") or ""
        results.append("" if one.get("answer") is not None else said or str(one.get("status", "?")))
    return results


async def _taken(request: Request, api: Api, who: Caller, number: str, act: str) -> str:
    try:
        await api.post(who, of_case(number, "/clerk"), {"command_id": act, "clerk": "me"})
    except Problem as problem:
        if ended(problem):
            raise SignedOut from None
        if not problem.known:
            raise
        return sentence(request, problem)
    return ""


async def notices(request: Request) -> Response:
    """The notices that the own office issued on a day, to be printed."""
    day = request.query_params.get("day", "")
    try:
        wanted = date.fromisoformat(day) if day else None
    except ValueError:
        wanted = None
    params = {"day": wanted.isoformat(), "limit": 200} if wanted else {"limit": 50}
    frame, (found,) = await framed(request, ("/v1/notices", params))
    return page(request, "desk_notices.html", **frame, day_wanted=wanted.isoformat() if wanted else "", found=found)


async def print_notices(request: Request) -> Response:
    """One PDF with the notices of a day. Each reading is recorded, so it is a press on a button."""
    form = await read_form(request)
    api: Api = request.app.state.api
    try:
        wanted = date.fromisoformat(form["day"])
    except ValueError:
        raise nothing_here() from None
    try:
        answer = await api.ask("GET", staff(request, form), f"/v1/notices/-/days/{wanted.isoformat()}")
    except Problem as problem:
        if ended(problem):
            raise SignedOut from None
        raise
    headers = {**HEADERS, "Content-Disposition": answer.headers.get("content-disposition", "attachment")}
    return Response(answer.content, media_type=answer.headers.get("content-type"), headers=headers)


ROUTES = [
    Route("/desk/bulk", bulk, methods=["POST"]),
    Route("/desk/notices", notices),
    Route("/desk/notices/print", print_notices, methods=["POST"]),
]
