"""/track: a citizen follows one matter, reads what was written, and acts. A cookie opens one case for 15 minutes."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple
from urllib.parse import quote, unquote

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from services.portal.api import Api, Caller, Problem
from services.portal.browser import (
    HEADERS,
    NO_COOKIES,
    SEEN,
    Form,
    after_form,
    caller,
    command_id,
    cookie,
    delete_cookie,
    read_form,
    set_cookie,
    whole,
)
from services.portal.catalogues import Language, told
from services.portal.downloads import check_reader, passed_on
from services.portal.pages.start import changed, nothing_here
from services.portal.rendering import page, sentence, view_of
from services.portal.uploads import FIELD as UPLOADS
from services.portal.uploads import Receiver, size_of, uploads_of

CASE = "case"
"""Cookie: number and token of the case that this browser follows."""
OPEN = "open"
"""Cookie: what this browser was asked to open, `documents` or `data`, so that Back and reloading show it again."""
LIFE = 15 * 60
"""Seconds until it ends; the token in it ends at the same time."""
_YEAR = 365 * 24 * 3600
_PENDING = "then"
"""Field of the sign-in form: the action that the session had ended for. What was typed for it is carried along."""
_ENDED = frozenset({"token_expired", "wrong_number_or_code"})


class Action(NamedTuple):
    """Something that the petitioner may do, as the page words it."""

    title: str
    hint: str
    fields: tuple[str, ...]
    send: str
    needed: tuple[str, ...] = ()


ACTIONS: dict[str, Action] = {
    "answer": Action("Answer the questions of the office", "You need not answer, and it has no consequence if you do not: the"
                     " matter is handled in any case. What you know may help.", ("answers", "text", "files"), "Send the answers"),
    "add_material": Action("Add something", "It goes to those who handle the matter.", ("text", "files"), "Add"),
    "nudge": Action("Ask how far it is", "Those who handle the matter are reminded, and the petition office sees it.",
                    ("text",), "Ask"),
    "evaluate": Action("Evaluate", "Say whether you are satisfied. If it was not remedied, say what is missing: the petition"
                       " office looks at it again.", ("object", "grade", "text"), "Send the evaluation",
                       ("object", "grade")),
    "request_review": Action("Ask for a review", "The next level looks at the reply again. Say what you do not agree with.",
                             ("body", "text", "late_reason"), "Ask for the review"),
    "request_re_review": Action("Ask for a re-review", "The level above looks at the review opinion again.",
                                ("body", "text", "late_reason"), "Ask for the re-review"),
    "withdraw": Action("Withdraw the matter", "It takes effect only after some days; until then you may take it back and it is"
                       " handled as usual.", ("text",), "Withdraw"),
    "take_back_withdrawal": Action("Take the withdrawal back", "The matter is handled as if you had not asked.", (),
                                   "Take it back"),
    "request_confidentiality": Action("Ask for confidentiality", "Those who handle the matter no longer see your name, telephone"
                                      " number and address.", (), "Ask for it"),
    "correct_party": Action("Correct my data", "Fill in only what is wrong. The earlier entry is kept in the records, sealed.",
                            ("name", "phone", "address"), "Correct"),
    "confirm_delivery_address": Action("Say where documents are sent", "You agree that notices and replies are sent there.",
                                       ("kind", "address"), "Confirm", ("kind", "address")),
    "consent_to_messages": Action("Messages about the matter", "You are told by message when something happens. You may change"
                                  " this at any time.", ("channel", "consent", "address"), "Save", ("channel", "consent")),
    "request_erasure": Action("Ask for the erasure of my data", "A supervisor decides and answers you here. While the matter is"
                              " handled and its records must be kept by law, they are only stored (Personal Information"
                              " Protection Law Art. 47 ¶2).", ("text",), "Ask for it"),
    "renew_query_code": Action("Renew the query code", "Do this if somebody else may know the code. The old one becomes void.",
                               ("reason",), "Renew"),
}  # fmt: skip
"""Command -> how the page offers it, in the order of the page."""
_DATA = (
    "correct_party",
    "request_confidentiality",
    "confirm_delivery_address",
    "consent_to_messages",
    "request_erasure",
    "renew_query_code",
)
_COMMANDS = {"answer": "add_material"}
"""Action -> its command, where they differ."""
_CARRIED = tuple(dict.fromkeys((
    "command_id", "asked", UPLOADS, *(f"answer-{place}" for place in range(20)),
    *(field for action in ACTIONS.values() for field in action.fields if field not in ("answers", "files")),
)))  # fmt: skip
"""Fields that are carried along where the session ends in mid-form."""
STEPS = ("Registered", "Sent to the body responsible", "Accepted", "Decided", "Answered", "Closed")
_AT = {
    "registered": 0, "returned": 0, "disputed": 0, "dispatched": 1, "signed": 1, "return_requested": 1, "accepted": 2,
    "handling": 2, "redo_ordered": 2, "decided": 3, "replied": 4, "in_review": 4, "reviewed": 4, "in_re_review": 4,
    "not_accepted": 4, "guided": 4, "led_into": 4, "closed": 5, "concluded": 5, "barred": 5, "withdrawn": 5, "voided": 5,
}  # fmt: skip
"""State -> the last step that was reached."""


def keep_case(answer: Response, token: dict[str, Any]) -> None:
    """Let this browser follow the case of a token of POST /v1/status/token."""
    set_cookie(answer, CASE, f"{quote(token['number'])}:{token['token']}", LIFE)


def case_of(request: Request) -> dict[str, str] | None:
    """Number and token of the case that this browser follows."""
    number, _, token = (cookie(request, CASE) or "").partition(":")
    return {"number": unquote(number), "code": token} if number and token else None


async def follow(request: Request) -> Response:
    """The matter that this browser follows, or the question for number and code."""
    pair = case_of(request)
    if pair is None:
        return _ask(request, cookies_off=NO_COOKIES in request.query_params)
    api: Api = request.app.state.api
    asked = caller(request)
    try:
        earlier = request.query_params.get("before", "")
        page_of = {"before": int(earlier)} if earlier.isascii() and earlier.isdigit() and len(earlier) < 12 else {}
        status = await api.post(asked, "/v1/status", {**pair, **page_of})
        token = await api.post(asked, "/v1/status/token", pair)
    except Problem as problem:
        if problem.code in _ENDED:
            return _ask(request, ended=True)
        return _ask(request, problem=problem)
    done = request.query_params.get("done", "")
    answer = page(
        request, "track.html", main_form=None, status=status, expires=LIFE,
        steps=[told(view_of(request).language, one) for one in STEPS], at=_AT.get(status["state"], 0),
        done=ACTIONS.get(done), actions=offered(status),
        data=own_data(status),
    )  # fmt: skip
    keep_case(answer, token)
    return answer


def offered(status: dict[str, Any]) -> list[tuple[str, Action]]:
    """The actions that the law allows now, but for those on the own data."""
    names = [name for name in ACTIONS if _COMMANDS.get(name, name) in status["allowed"] and name not in _DATA]
    return [(name, ACTIONS[name]) for name in names if name != "answer" or status["questions"]]


def own_data(status: dict[str, Any]) -> list[tuple[str, Action]]:
    """What may be done with the own data now."""
    asked = {"request_erasure"} if status["erasure"] else set()
    return [(name, ACTIONS[name]) for name in _DATA if name in status["allowed"] and name not in asked]


async def enter(request: Request) -> Response:
    """Number and code of the form. They open the case, and the action that the end of the session interrupted continues."""
    form = await read_form(request)
    if form["view"]:
        request.state.view = changed(view_of(request), form["view"])
        answer = _ask(request, form=form)
        set_cookie(answer, "view", request.state.view.text(), _YEAR)
        return answer
    api: Api = request.app.state.api
    missing = {name: told(view_of(request).language, text) for name, text in (
        ("number", "Enter the number."), ("code", "Enter the query code.")) if not form[name].strip()}  # fmt: skip
    if missing:
        return _ask(request, form=form, errors=missing)
    pair = {"number": form["number"].strip()[:60], "code": form["code"].strip()[:100]}
    try:
        token = await api.post(caller(request), "/v1/status/token", pair)
    except Problem as problem:
        return _ask(request, form=form, problem=problem)
    pending = form[_PENDING]
    if pending in ACTIONS:
        return await _form(request, pending, form, pair={"number": token["number"], "code": token["token"]})
    answer = RedirectResponse(after_form(request, "/track"), 303)
    keep_case(answer, token)
    return answer


def _ask(
    request: Request,
    *,
    form: Form | None = None,
    errors: dict[str, str] | None = None,
    problem: Problem | None = None,
    ended: bool = False,
    cookies_off: bool = False,
) -> Response:
    """The form for number and code. The code is never written back."""
    form = Form() if form is None else form
    status = problem.status if problem is not None else 422 if errors else 200
    if problem is not None and problem.status in (404, 422):  # said beside the field
        errors, problem = {"code": sentence(request, problem)}, None
    carried = [(name, form[name]) for name in (_PENDING, *_CARRIED) if form[name]]
    answer = page(
        request, "track_ask.html", http_status=status, main_form="ask", form=form, errors=errors or {}, problem=problem,
        said=sentence(request, problem) if problem is not None else "", ended=ended, carried=carried,
        wrong=errors or problem or cookies_off, cookies_off=cookies_off,
    )  # fmt: skip
    set_cookie(answer, SEEN, "1", None)
    if problem is not None and problem.retry_after is not None:
        answer.headers["Retry-After"] = problem.retry_after
    return answer


async def stay(request: Request) -> Response:
    """Fifteen more minutes."""
    await read_form(request)
    pair = case_of(request)
    api: Api = request.app.state.api
    by_script = request.headers.get("x-requested-with") == "portal"
    answer: Response
    try:
        if pair is None:
            raise Problem(404, "token_expired", "", "")
        token = await api.post(caller(request), "/v1/status/token", pair)
    except Problem as problem:
        return Response(status_code=problem.status) if by_script else RedirectResponse("/track", 303)
    answer = Response(status_code=204) if by_script else RedirectResponse("/track", 303)
    keep_case(answer, token)
    return answer


async def leave(request: Request) -> Response:
    """Close the matter on this browser."""
    await read_form(request)
    answer = RedirectResponse("/track", 303)
    for name in (CASE, OPEN, "receipt"):
        delete_cookie(answer, name)
    return answer


async def read(request: Request) -> Response:
    """The reply, the opinions and the notices in their words."""
    return await _pressed(request, "documents", _documents)


async def data(request: Request) -> Response:
    """What is kept of the petitioner, to read or as a file."""
    return await _pressed(request, "data", _own_data)


async def _pressed(
    request: Request, what: str, show: Callable[[Request, Form, dict[str, str]], Awaitable[Response]]
) -> Response:
    """A page whose reading is recorded, so that it is a press on a button; afterwards Back and reloading show it once more, but not
    an address alone, which anybody may have written."""
    if request.method == "GET" and cookie(request, OPEN) != what:
        return RedirectResponse("/track", 303)
    form = Form() if request.method == "GET" else await read_form(request)
    if form["view"]:
        request.state.view = changed(view_of(request), form["view"])
    pair = case_of(request)
    if pair is None:
        return _ask(request, ended=True)
    try:
        answer = await show(request, form, pair)
        token = await request.app.state.api.post(caller(request), "/v1/status/token", pair)
    except Problem as problem:
        return _ask(request, ended=True) if problem.code in _ENDED else _ask(request, problem=problem)
    keep_case(answer, token)
    set_cookie(answer, OPEN, what, LIFE)
    if form["view"]:
        set_cookie(answer, "view", view_of(request).text(), _YEAR)
    return answer


async def _documents(request: Request, _form: Form, pair: dict[str, str]) -> Response:
    api: Api = request.app.state.api
    documents = await api.post(caller(request), "/v1/status/documents", pair)
    files = (await api.ask("GET", caller(request), "/v1/files/own", headers=_owner(pair))).json()["files"]
    return page(
        request, "track_documents.html", main_form="again", documents=documents, size_of=size_of,
        status=await api.post(caller(request), "/v1/status", pair),
        notices=[one for one in files if one["kind"] == "notice" and not one["erased"]],
        own=[one for one in files if one["kind"] != "notice" and one["form"] is None and not one["erased"]],
        formats=FORMATS, expires=LIFE,
        labels=labels_of(view_of(request).language, own=False),
    )  # fmt: skip


async def _own_data(request: Request, form: Form, pair: dict[str, str]) -> Response:
    api: Api = request.app.state.api
    copy = await api.post(caller(request), "/v1/status/data", pair)
    if form["go"] == "copy":
        headers = {**HEADERS, "Content-Disposition": 'attachment; filename="my-data.json"'}
        return Response(json.dumps(copy, ensure_ascii=False, indent=1), headers=headers, media_type="application/json")
    status = await api.post(caller(request), "/v1/status", pair)
    return page(
        request, "track_data.html", main_form="again", data=copy, status=status, expires=LIFE,
        labels=labels_of(view_of(request).language, own=True),
        actions=own_data(status),
    )  # fmt: skip


def labels_of(language: Language, *, own: bool) -> dict[str, str]:
    """Field -> its heading: of a document, in the order of reading, or of the own data."""
    headings = {**_LABELS, **_OWN_LABELS} if own else {**_OWN_LABELS, **_LABELS}
    order = [*_LABELS, *(name for name in headings if name not in _LABELS)]
    return {name: told(language, headings[name]) for name in order}


_OWN_LABELS = {
    "name": "Name", "phone": "Telephone number", "address": "Postal address", "id_number": "Identity number",
    "text": "Text", "title": "Title", "location": "Exact place", "answers": "Your answers", "late_reason": "Reasons",
    "item": "Id of the submission", "level_text": "Level", "place_text": "Place", "subject_text": "Subject", "qr_text": "QR code",
}  # fmt: skip
"""Field of the own data -> its heading."""
FORMATS = {"text/html": "HTML", "application/pdf": "PDF"}
"""Type of a notice -> its short name."""


async def download(request: Request) -> Response:
    """One notice, or one file of the own matter, as a download. The reading is recorded."""
    check_reader(request)
    pair = case_of(request)
    if pair is None:
        return _ask(request, ended=True)
    try:
        return await passed_on(
            request, caller(request), f"/v1/files/own/{request.path_params['version']}", _owner(pair)
        )
    except Problem as problem:
        if problem.code in _ENDED:
            return _ask(request, ended=True)
        raise


def _owner(pair: dict[str, str]) -> dict[str, str]:
    """The headers that open the files of the case."""
    return {"case-number": pair["number"], "query-code": pair["code"]}


_LABELS = {
    "text": "Text", "basis": "Legal basis", "reason": "Reasons", "remedy": "Your remedies", "organ": "Competent organ",
    "address": "Address", "time_limit": "Time limit there", "how_to": "How to use this path", "procedure": "Procedure",
    "reference": "Number of the procedure", "request": "What is asked for", "facts": "Facts and reasons", "questions": "Questions",
    "opinion": "Opinion", "witnesses": "Witnesses", "present": "Persons present", "record": "Record", "approver": "Approved by",
    "remark": "Remark", "remarks": "Remarks", "legal_basis": "Legal basis", "number": "Number",
}  # fmt: skip
"""Field of a document -> its heading, in the order of reading."""


async def show_form(request: Request) -> Response:
    """The form of one action."""
    name = request.path_params["name"]
    if name not in ACTIONS:
        raise nothing_here()
    if case_of(request) is None:
        return _ask(request, ended=True)
    return await _form(request, name, Form(command_id=command_id()))


async def _form(
    request: Request,
    name: str,
    form: Form,
    *,
    errors: dict[str, str] | None = None,
    problem: Problem | None = None,
    pair: dict[str, str] | None = None,
) -> Response:
    """The form of an action, with what was typed and fifteen more minutes.

    Args:
        pair: Number and token, where the cookie is not the browser's yet.
    """
    form.setdefault("command_id", command_id())
    pair, api, token = pair or case_of(request), request.app.state.api, None
    limits: dict[str, Any] = {}
    status: dict[str, Any] | None = None
    try:
        if pair is not None:
            token = await api.post(caller(request), "/v1/status/token", pair)
            status = await api.post(caller(request), "/v1/status", pair)
            if "files" in ACTIONS[name].fields:
                rules = (await api.ask("GET", caller(request), "/v1/files/rules", headers=_owner(pair))).json()["rules"]
                limits = {one["name"]: one["value"] for one in rules}
    except Problem as away:
        if away.code in _ENDED:
            return _again(request, name, form)
        problem = problem or away
    questions = status["questions"] if status is not None else []
    possible = status is None or _COMMANDS.get(name, name) in status["allowed"]
    if not possible and problem is not None and problem.status == 409:
        problem = None  # the page says what happened meanwhile
    asked = [one for one in questions if not form["asked"] or str(one["asked"]) == form["asked"]]
    answer = page(
        request, "track_act.html", http_status=_status_of(problem, errors, possible=possible, opened=request.method == "GET"),
        main_form="act", fresh=request.method == "GET", status=status, possible=possible,
        others=[] if possible or status is None else offered(status), name=name, action=ACTIONS[name], form=form,
        errors=errors or {}, problem=problem,
        said=sentence(request, problem) if problem is not None else "", wrong=errors or problem, limits=limits,
        asked=asked[0] if asked else None, uploads=uploads_of(form), size_of=size_of,
        expires=LIFE if token is not None else 0, bodies=_bodies(request, status),
    )  # fmt: skip
    if token is not None:
        keep_case(answer, token)
    if problem is not None and problem.retry_after is not None:
        answer.headers["Retry-After"] = problem.retry_after
    return answer


def _bodies(request: Request, status: dict[str, Any] | None) -> list[tuple[str, str, str]]:
    """The bodies of which one may be chosen for a review, as options of the form."""
    language = view_of(request).language
    return [(one["code"], one[language], "") for one in ((status or {}).get("may_ask") or {}).get("bodies", [])]


def _status_of(problem: Problem | None, errors: dict[str, str] | None, *, possible: bool, opened: bool) -> int:
    """The HTTP status of the form of an action. `opened`: it is only shown, nothing was sent."""
    if problem is not None:
        return problem.status
    return 409 if not possible and not opened else 422 if errors else 200


_MISSING = {
    "text": "Write what you want to say.",
    "object": "Choose whom you evaluate.",
    "grade": "Choose a grade.",
    "kind": "Choose how.",
    "address": "Enter the address.",
    "channel": "Choose how.",
    "consent": "Choose yes or no.",
}


def command(name: str, form: Form) -> dict[str, Any]:
    """The body for POST /v1/citizens/commands, without number and code."""
    body: dict[str, Any] = {"command": _COMMANDS.get(name, name), "command_id": form["command_id"]}
    body |= {field: form[field].strip() for field in ACTIONS[name].fields if form[field].strip()}
    if name in ("withdraw", "take_back_withdrawal", "correct_party", "request_erasure"):
        body["party"] = "p1"
    if name == "confirm_delivery_address":
        body["electronic"] = True
    if name == "consent_to_messages":
        body["consent"] = form["consent"] == "yes"
    if name == "answer":
        answers = [form[f"answer-{place}"].strip() for place in range(20)]
        while answers and not answers[-1]:
            answers.pop()
        if answers:
            body |= {"asked": whole(form["asked"]) or 0, "answers": answers}
    files = [one.id for one in uploads_of(form)]
    if files and "files" in ACTIONS[name].fields:
        body["files"] = files
    return body


def missing(name: str, form: Form, language: Language) -> dict[str, str]:
    """Field -> what has to be entered, of what is missing."""
    errors = {field: told(language, _MISSING[field]) for field in ACTIONS[name].needed if not form[field].strip()}
    if name in ("add_material", "answer") and not command(name, form).keys() & {"text", "answers", "files"}:
        errors["answer-0" if name == "answer" else "text"] = told(language, _MISSING["text"])
    return errors


async def act(request: Request) -> Response:
    """Give the command of a form. Sent twice it is one command."""
    name = request.path_params["name"]
    if name not in ACTIONS:
        raise nothing_here()
    pair = case_of(request)
    receiver = Receiver(request, lambda _fields: _owner(pair) if pair is not None else None)
    form = await read_form(request, receiver.keep)
    receiver.finish(form)
    view = view_of(request)
    if not form["command_id"]:
        form["command_id"] = command_id()
    if form["view"]:
        request.state.view = changed(view, form["view"])
        answer = await _form(request, name, form)
        set_cookie(answer, "view", request.state.view.text(), _YEAR)
        return answer
    if pair is None or form["go"] == "close":
        answer = _again(request, name, form)
        delete_cookie(answer, CASE)
        return answer
    if receiver.refused:
        return await _form(request, name, form, errors={"files": "\n".join(receiver.refused)})
    if form["go"] in ("add", "stay") or form["remove"]:
        return await _form(request, name, form)
    if errors := missing(name, form, view.language):
        return await _form(request, name, form, errors=errors)
    api: Api = request.app.state.api
    try:
        done = await api.post(caller(request), "/v1/citizens/commands", {**command(name, form), **pair})
    except Problem as problem:
        if problem.code in _ENDED:
            return _again(request, name, form)
        if problem.field in ACTIONS[name].fields:
            return await _form(request, name, form, errors={str(problem.field): sentence(request, problem)})
        return await _form(request, name, form, problem=problem)
    if done.get("code"):
        return await _new_code(request, caller(request), done["number"], done["code"])
    return RedirectResponse(f"/track?done={name}", 303)


def _again(request: Request, name: str, form: Form) -> Response:
    """The session ended in mid-form: ask for number and code, and carry along what was typed."""
    form[_PENDING] = name
    return _ask(request, form=form, ended=True)


async def _new_code(request: Request, asked: Caller, number: str, code: str) -> Response:
    """The new query code and the digits for the telephone, once, and a session with it."""
    api: Api = request.app.state.api
    pair = {"number": number, "code": code}
    pin = token = None
    try:
        token = await api.post(asked, "/v1/status/token", pair)
        pin = (await api.post(asked, "/v1/receipt/details", pair))["pin"]
    except Problem:  # the code itself is never lost
        pass
    answer = page(request, "track_code.html", number=number, code=code, pin=pin)
    if token is not None:
        keep_case(answer, token)
    else:
        delete_cookie(answer, CASE)
    return answer


ROUTES = [
    Route("/track", follow),
    Route("/track", enter, methods=["POST"]),
    Route("/track/stay", stay, methods=["POST"]),
    Route("/track/leave", leave, methods=["POST"]),
    Route("/track/documents", read, methods=["GET", "POST"]),
    Route("/track/data", data, methods=["GET", "POST"]),
    Route("/track/files/{version:int}", download),
    Route("/track/do/{name}", show_form),
    Route("/track/do/{name}", act, methods=["POST"]),
]
