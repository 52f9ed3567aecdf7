"""/desk/call: what is said on the telephone is typed while it is said, read back, then filed, or filed and answered at once."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from services.portal.api import Api, Caller, Problem
from services.portal.browser import Form, command_id, read_form, set_cookie
from services.portal.catalogues import told
from services.portal.pages.desk_frame import asked, hand_on_by_skill, of_case, skill_options
from services.portal.pages.desk_registration import filed, lists_of_office, near_cases
from services.portal.pages.sign_in import SignedOut, ended, staff
from services.portal.pages.start import changed
from services.portal.rendering import page, sentence, view_of

_OUTCOMES = ("reached", "not_reached")
_CALLS = ("call",)
_ANY = ("call", "visit", "letter", "fax")
_MISSED = 10
"""Missed calls that the screen shows, the oldest first."""
_YEAR = 365 * 24 * 3600


async def _page(
    request: Request,
    form: Form,
    *,
    errors: dict[str, str] | None = None,
    problem: Problem | None = None,
    read: bool = False,
    receipt: dict[str, Any] | None = None,
    answered: bool = False,
    status: dict[str, Any] | None = None,
    done: str = "",
    settled: str = "",
    unhanded: str = "",
) -> Response:
    frame, lists = await lists_of_office(request, _CALLS)
    if not lists["channels"]:
        frame, lists = await lists_of_office(request, _ANY)
    mine = request.query_params.get("calls") != "all"
    (missed,) = await asked(request, ("/v1/calls", {"limit": _MISSED, "mine": "true" if mine else ""}))
    waiting = [
        one for one in missed["calls"] if one["call"] not in (settled, form["missed"])
    ]  # the list may be a moment behind
    missed |= {"calls": waiting, "total": missed["total"] - len(missed["calls"]) + len(waiting)}
    can = skill_options(request, frame["me"])
    form.setdefault("command_id", command_id())
    form.setdefault("channel", lists["channels"][0][0] if lists["channels"] else "")
    form["knowledge"] = "1"
    beside = await near_cases(request, form)
    form["entry"] = form["use"] or form["entry"]
    entry = next((one for one in beside["answers"] if one["entry"] == form["entry"]), None)
    if entry is None:
        form["entry"] = ""
    names = {name: dict(lists[name]).get(form[one], "") for name, one in (("places", "place"), ("subjects", "subject"))}
    return page(
        request, "desk_call.html", http_status=problem.status if problem else 422 if errors else 200, main_form="call",
        fresh=request.method == "GET",
        **frame, **lists, form=form, errors=errors or {}, problem=problem,
        said=sentence(request, problem) if problem else "", wrong=errors or problem, read=read, receipt=receipt,
        answered=answered, status=status, missed=missed, done=done, can=can,
        unhanded=unhanded, **beside, entry=entry, chosen_names=names,
    )  # fmt: skip


async def show(request: Request) -> Response:
    """The screen for a call."""
    return await _page(request, Form())


async def call(request: Request) -> Response:
    """Read back, file, answer, or tell a status. What was typed stays, whatever goes wrong."""
    form = await read_form(request)
    who = staff(request, form)
    language = view_of(request).language
    if form["view"]:
        request.state.view = changed(view_of(request), form["view"])
        answer = await _page(request, form)
        set_cookie(answer, "view", request.state.view.text(), _YEAR)
        return answer
    try:
        if form["do"] == "status":
            return await _status(request, who, form)
        if form["do"] in ("call_back", *_OUTCOMES):
            return await _missed(request, who, form)
        if form["do"] == "ask_colleague":
            return await _ask_colleague(request, who, form)
        wanted = {"text": "Write what the person says."}
        if form["do"] == "answer" and not form["entry"]:
            wanted["answer"] = "Write the answer that you gave."
        errors = {name: told(language, text) for name, text in wanted.items() if not form[name].strip()}
        if errors or form["do"] not in ("file", "answer"):
            return await _page(request, form, errors=errors, read=not errors)
        receipt = await filed(request.app.state.api, who, form)
    except Problem as problem:
        if ended(problem):
            raise SignedOut(form) from None
        if not problem.known:
            raise
        if problem.field in form:
            return await _page(request, form, errors={str(problem.field): sentence(request, problem)})
        return await _page(request, form, problem=problem)
    return await _received(request, who, form, receipt)


async def _received(request: Request, who: Caller, form: Form, receipt: dict[str, Any]) -> Response:
    """The receipt of a call, with the digits to read out; the answer is recorded where one was given."""
    api: Api = request.app.state.api
    refused, answered = None, False
    if form["do"] == "answer":
        try:
            body = {
                "command": "answer_at_once",
                "command_id": f"{form['command_id']}-a",
                "text": form["answer"].strip() or None,
                "from": form["entry"] or None,
            }
            await api.post(who, of_case(receipt["number"], "/commands"), body)
            answered = True
        except Problem as problem:
            if not problem.known:
                raise
            refused = problem
    unhanded = await hand_on_by_skill(request, who, form, receipt["number"])
    if form["missed"]:
        body = {"command_id": f"{form['command_id']}-m", "outcome": "filed", "case": receipt["number"]}
        try:
            await api.post(who, f"/v1/calls/{quote(form['missed'], safe='')}", body)
        except Problem as problem:
            if not problem.known:
                raise
            refused = refused or problem
    details = await api.post(who, "/v1/receipt/details", {"number": receipt["number"], "code": receipt["code"]})
    fresh = Form(command_id=command_id(), channel=form["channel"], answer=form["answer"] if refused else "", entry="")
    return await _page(
        request,
        fresh,
        receipt={**receipt, **details},
        answered=answered,
        problem=refused,
        settled=form["missed"],
        unhanded=unhanded,
    )


async def _ask_colleague(request: Request, who: Caller, form: Form) -> Response:
    """Let a colleague with a skill call back; the call waits among the missed ones."""
    wanted = {"phone": "Enter the number to call back.", "needs": "Choose the skill that is needed."}
    errors = {name: told(view_of(request).language, text) for name, text in wanted.items() if not form[name].strip()}
    if errors:
        return await _page(request, form, errors=errors)
    body = {"command_id": f"{form['command_id']}-c", "number": form["phone"].strip(), "skill": form["needs"]}
    await request.app.state.api.post(who, "/v1/calls", body)
    return await _page(request, Form(channel=form["channel"]), done="asked")


async def _missed(request: Request, who: Caller, form: Form) -> Response:
    """Open the number of a missed call, which is recorded, or say what became of it."""
    api: Api = request.app.state.api
    address = f"/v1/calls/{quote(form['missed'], safe='')}"
    if form["do"] == "call_back":
        found = await api.get(who, address)
        if found["number"] is None:
            en = "A colleague has already dealt with this call."
            return await _page(request, Form(), problem=Problem(409, "call_done", en, told("zh", en)))
        form |= {"phone": found["number"], "missed_at": found["missed_at"], "command_id": command_id()}
        return await _page(request, form)
    body = {"command_id": form["command_id"], "outcome": form["do"]}
    await api.post(who, address, body)
    settled = form["missed"] if form["do"] == "reached" else ""
    return await _page(request, Form(), done=form["do"], settled=settled)


async def _status(request: Request, who: Caller, form: Form) -> Response:
    """The status of a case for the person on the line, by number and PIN."""
    language = view_of(request).language
    wanted = {"asked_number": "Enter the number of the case.", "pin": "Enter the six digits of the receipt."}
    errors = {name: told(language, text) for name, text in wanted.items() if not form[name].strip()}
    if errors:
        return await _page(request, form, errors=errors)
    api: Api = request.app.state.api
    body = {"number": form["asked_number"].strip()[:60], "pin": form["pin"].strip()[:20]}
    found = await api.post(who, "/v1/telephone/status", body)
    form["pin"] = ""
    return await _page(request, form, status=found)


ROUTES = [Route("/desk/call", show), Route("/desk/call", call, methods=["POST"])]
