"""/desk: what staff do next, one case with what is possible now, and the registration of letters and visits in one screen."""

from __future__ import annotations

import asyncio
from typing import Any
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from services.portal.api import Api, Caller, Problem
from services.portal.browser import Form, command_id, read_form, set_cookie
from services.portal.catalogues import told
from services.portal.command_forms import Field, body_of, commands_of, fields_of
from services.portal.pages.sign_in import SignedOut, ended, staff
from services.portal.pages.start import changed, nothing_here
from services.portal.pages.submit import others, tree
from services.portal.rendering import page, sentence, view_of

_YEAR = 365 * 24 * 3600
_FILTERS = ("queue", "clerk", "number", "state", "class", "channel", "after")
_ROWS = 50
_OPEN_REGISTRATION = ("letter", "visit", "call", "fax")
"""Classes of channels in which the office registers for people, in the order of the screen."""


class Words:
    """Codes in the language of the page."""

    def __init__(self, known: dict[str, Any], language: str) -> None:
        self._known = known
        self._language = language

    def __call__(self, kind: str, code: object) -> str:
        found = self._known[kind].get(code)
        return str(found[self._language]) if found else str(code or "")

    def command(self, name: str) -> str:
        return self("commands", name)

    def label(self, command: str, field: str) -> str:
        """The label of a field of a command; that of the field alone for one that all commands share."""
        own = self._known["commands"].get(command, {}).get("fields", {}).get(field)
        found = own or self._known["fields"].get(field)
        return str(found[self._language]) if found else field


async def _asked(request: Request, *paths: tuple[str, dict[str, Any]]) -> list[Any]:
    """The answers to several questions of the person who is signed in. Raises SignedOut, Problem."""
    who = staff(request)
    api: Api = request.app.state.api
    try:
        return await asyncio.gather(*(api.get(who, path, **params) for path, params in paths))
    except Problem as problem:
        if ended(problem):
            raise SignedOut from None
        raise


def _frame(request: Request, me: dict[str, Any], counts: dict[str, Any], words: dict[str, Any]) -> dict[str, Any]:
    """What all pages of the desk show."""
    return {"me": me, "counts": counts, "words": Words(words, view_of(request).language), "queue": ""}


async def board(request: Request) -> Response:
    """The queues with counts, and one list by days left."""
    chosen = {name: request.query_params.get(name, "")[:400] for name in _FILTERS}
    me, counts, words = await _asked(request, ("/v1/me", {}), ("/v1/cases/counts", {}), ("/v1/words", {}))
    if not any(chosen.values()):
        waiting = [name for name, count in counts["queues"].items() if count and name not in ("at_risk",)]
        chosen["queue"] = "overdue" if counts["queues"].get("overdue") else next(iter(waiting), "")
    problem = None
    rows: dict[str, Any] = {"cases": [], "after": None, "total": 0, "total_is_minimum": False}
    try:
        (rows,) = await _asked(request, ("/v1/cases", {**chosen, "limit": _ROWS, "totals": "true"}))
    except Problem as refused:
        if refused.status >= 500:
            raise
        problem = refused
    return page(
        request, "desk.html", **_frame(request, me, counts, words) | {"queue": chosen["queue"]}, chosen=chosen, rows=rows,
        problem=problem, said=sentence(request, problem) if problem else "",
        next_page="&".join(f"{name}={quote(value)}" for name, value in {**chosen, "after": rows["after"] or ""}.items()
                           if value),
    )  # fmt: skip


async def case(request: Request) -> Response:
    """One case: clocks and reasons, timeline, what is possible now. The text is opened by an act of the reader."""
    return await _case(request, content=False)


async def open_case(request: Request) -> Response:
    """The same with its text. The reading is recorded, so it is a press on a button."""
    await read_form(request)
    return await _case(request, content=True)


async def _case(request: Request, *, content: bool, problem: Problem | None = None) -> Response:
    number = request.path_params["number"]
    earlier = request.query_params.get("before", "")
    page_of = {"before": earlier} if earlier.isascii() and earlier.isdigit() and len(earlier) < 12 else {}
    me, counts, words, found = await _asked(
        request, ("/v1/me", {}), ("/v1/cases/counts", {}), ("/v1/words", {}),
        (f"/v1/cases/{quote(number, safe='')}", {"content": "true" if content else "false", **page_of}),
    )  # fmt: skip
    done = request.query_params.get("done", "")
    return page(
        request, "desk_case.html", **_frame(request, me, counts, words), case=found, opened=content,
        done=done if done in words["commands"] else "", take_id=command_id(),
        running=[one for one in found["deadlines"] if one["status"] in ("running", "overdue", "window_open")],
        ended=[one for one in found["deadlines"] if one["status"] not in ("running", "overdue", "window_open")],
        problem=problem, said=sentence(request, problem) if problem else "",
    )  # fmt: skip


async def take(request: Request) -> Response:
    """Take the case, hand it on to a colleague, or give it back."""
    form = await read_form(request)
    number = request.path_params["number"]
    api: Api = request.app.state.api
    who = form["clerk"]
    body = {"command_id": form["command_id"], "clerk": None if who == "none" else who or "me"}
    try:
        await api.post(staff(request), f"/v1/cases/{quote(number, safe='')}/clerk", body)
    except Problem as problem:
        if ended(problem):
            raise SignedOut from None
        return await _case(request, content=False, problem=problem)
    return RedirectResponse(f"/desk/case/{quote(number)}", 303)


async def _command(request: Request, name: str) -> tuple[tuple[Field, ...], list[Any]]:
    """The fields of a command, and the answers that its page needs. Raises Problem for an unknown command."""
    number = quote(request.path_params["number"], safe="")
    document, me, counts, words, found = await _asked(
        request, ("/openapi.json", {}), ("/v1/me", {}), ("/v1/cases/counts", {}), ("/v1/words", {}),
        (f"/v1/cases/{number}", {"content": "false"}),
    )  # fmt: skip
    schemas = commands_of(document)
    if name not in schemas:
        raise nothing_here()
    return fields_of(document, schemas[name]), [me, counts, words, found]


async def show_form(request: Request) -> Response:
    """The form of a command."""
    name = request.path_params["name"]
    fields, known = await _command(request, name)
    return _form(request, name, fields, known, Form(command_id=command_id(), expected_version=str(known[3]["version"])))


def _form(
    request: Request,
    name: str,
    fields: tuple[Field, ...],
    known: list[Any],
    form: Form,
    *,
    errors: dict[str, str] | None = None,
    problem: Problem | None = None,
) -> Response:
    me, counts, words, found = known
    form.setdefault("command_id", command_id())
    stale = bool(form["expected_version"]) and form["expected_version"] != str(found["version"])
    for field in (inner for one in fields for inner in (one, *one.inner)):
        form.setdefault(field.name, field.initial)
    since = [one for one in found["timeline"] if stale and one["version"] > int(form["expected_version"] or "0")]
    form["expected_version"] = str(found["version"])
    return page(
        request, "desk_command.html", http_status=problem.status if problem else 422 if errors else 200,
        main_form="command", **_frame(request, me, counts, words), case=found, name=name, fields=fields, form=form,
        errors=errors or {}, problem=problem, said=sentence(request, problem) if problem else "", since=since,
        wrong=errors or problem, possible=name in found["allowed"],
    )  # fmt: skip


async def give(request: Request) -> Response:
    """Give the command of a form. Sent twice it is one command; what another did meanwhile is said, and the form keeps its text."""
    name = request.path_params["name"]
    form = await read_form(request)
    number = request.path_params["number"]
    try:
        who = staff(request)
        fields, known = await _command(request, name)
    except SignedOut:
        raise SignedOut(form) from None
    language = view_of(request).language
    if form["view"]:
        request.state.view = changed(view_of(request), form["view"])
        answer = _form(request, name, fields, known, form)
        set_cookie(answer, "view", request.state.view.text(), _YEAR)
        return answer
    if (
        form["expected_version"].isdigit()
        and form["expected_version"] != str(known[3]["version"])
        and not form["again"]
    ):
        return _form(request, name, fields, known, form)  # somebody else was faster: show what they did first
    body, wrong = body_of(fields, form)
    if wrong:
        return _form(request, name, fields, known, form,
                     errors={one: told(language, "Fill in this field as asked.") for one in wrong})  # fmt: skip
    api: Api = request.app.state.api
    try:
        await api.post(
            who,
            f"/v1/cases/{quote(number, safe='')}/commands",
            {**body, "command": name, "command_id": form["command_id"]},
        )
    except Problem as problem:
        if ended(problem):
            raise SignedOut(form) from None
        names = {inner.name for one in fields for inner in (one, *one.inner)}
        if problem.field in names:
            return _form(request, name, fields, known, form, errors={str(problem.field): sentence(request, problem)})
        return _form(request, name, fields, known, form, problem=problem)
    return RedirectResponse(f"/desk/case/{quote(number)}?done={name}", 303)


async def _registration(
    request: Request,
    form: Form,
    *,
    errors: dict[str, str] | None = None,
    problem: Problem | None = None,
    receipt: dict[str, Any] | None = None,
) -> Response:
    me, counts, words = await _asked(request, ("/v1/me", {}), ("/v1/cases/counts", {}), ("/v1/words", {}))
    if me["role"] != "registrar":
        raise nothing_here()
    (policy,) = await _asked(request, (f"/v1/policies/{quote(me['jurisdiction'], safe='')}", {}))
    documents = policy["documents"]
    view = view_of(request)
    listed = documents["channels"]["channels"] if isinstance(documents["channels"], dict) else documents["channels"]
    channels = [one for one in listed if one["class_"] in _OPEN_REGISTRATION and not one.get("platform")]
    lists = {}
    for name in ("places", "subjects"):
        entries = documents.get(name) or []
        lists[name] = entries[name] if isinstance(entries, dict) else entries
    form.setdefault("channel", channels[0]["code"] if channels else "")
    return page(
        request, "desk_register.html", http_status=problem.status if problem else 422 if errors else 200,
        main_form="registration", **_frame(request, me, counts, words), form=form, errors=errors or {}, problem=problem,
        said=sentence(request, problem) if problem else "", wrong=errors or problem, receipt=receipt,
        channels=[(one["code"], one["name"] if view.language == "zh" else one.get("name_en") or one["name"])
                  for one in channels],
        places=tree(_named(lists["places"]), view), subjects=tree(_named(lists["subjects"]), view),
    )  # fmt: skip


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
    errors = {}
    if not form["text"].strip():
        errors["text"] = told(language, "Write what the person says.")
    if errors:
        return await _registration(request, form, errors=errors)
    receipt = None
    try:
        receipt = await _filed(request.app.state.api, who, form)
    except Problem as problem:
        if ended(problem):
            raise SignedOut(form) from None
        if problem.field in form:
            return await _registration(request, form, errors={str(problem.field): sentence(request, problem)})
        return await _registration(request, form, problem=problem)
    return await _registration(request, Form(command_id=command_id(), channel=form["channel"]), receipt=receipt)


async def _filed(api: Api, who: Caller, form: Form) -> dict[str, Any]:
    body: dict[str, Any] = {
        name: form[name].strip()
        for name in ("channel", "received_at", "text", "place", "location", "subject")
        if form[name].strip()
    }
    body["item"] = form["item"].strip() or f"desk-{form['command_id']}"
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
    Route("/desk", board),
    Route("/desk/register", registration),
    Route("/desk/register", register, methods=["POST"]),
    Route("/desk/case/{number}", case),
    Route("/desk/case/{number}/open", open_case, methods=["POST"]),
    Route("/desk/case/{number}/clerk", take, methods=["POST"]),
    Route("/desk/case/{number}/do/{name}", show_form),
    Route("/desk/case/{number}/do/{name}", give, methods=["POST"]),
]
