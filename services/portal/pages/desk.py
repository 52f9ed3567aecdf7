"""/desk: what staff do next, one case with what is possible now, and the registration of letters and visits in one screen."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from services.portal.api import Api, Caller, Problem
from services.portal.browser import Form, command_id, read_form, set_cookie, whole
from services.portal.catalogues import Language, told
from services.portal.command_forms import Field, body_of, commands_of, fields_of
from services.portal.pages.desk_frame import DRAFT_QUEUES, DRAFTED, asked, framed, of_case, place_of, save_draft
from services.portal.pages.sign_in import SignedOut, ended, staff
from services.portal.pages.start import changed, nothing_here
from services.portal.pages.submit import others, tree
from services.portal.rendering import page, sentence, view_of

_YEAR = 365 * 24 * 3600
_FILTERS = ("queue", "clerk", "number", "state", "class", "channel", "after")
OFFICE = ("registrar", "supervisor")
REGISTERING = ("registrar", "operator")
"""Roles that register what people write or say."""
_ROWS = 50
_NEAR, _ANSWERS = 8, 20
"""Most cases of the same place and subject, and most entries of the knowledge, beside a form."""
_TEMPLATES = 50
"""Most templates that a form offers."""
_SHORTEST = 10
"""Characters that are typed before cases with a similar text are looked for."""
_OPEN_REGISTRATION = ("letter", "visit", "call", "fax")
"""Classes of channels in which the office registers for people, in the order of the screen."""


async def board(request: Request) -> Response:
    """The queues with counts, and one list by days left."""
    chosen = {name: request.query_params.get(name, "")[:400] for name in _FILTERS}
    listed = request.query_params.get("drafts", "")
    frame, _found = await framed(request, drafts=listed if listed in DRAFT_QUEUES else "")
    me, counts = frame["me"], frame["counts"]
    if listed in DRAFT_QUEUES:
        return page(request, "desk_drafts.html", **frame | {"drafts_queue": listed, "chosen": Form(), "scope": ""})
    scope = request.query_params.get("scope", "")
    if scope == "unit" and me["role"] in OFFICE:
        chosen["org"] = str(me["org"] or "")
    if not any(chosen.values()) and not scope:
        waiting = [name for name, count in counts["queues"].items() if count and name not in ("at_risk",)]
        chosen["queue"] = "overdue" if counts["queues"].get("overdue") else next(iter(waiting), "")
    problem = None
    rows: dict[str, Any] = {"cases": [], "after": None, "total": 0, "total_is_minimum": False}
    try:
        (rows,) = await asked(request, ("/v1/cases", {**chosen, "limit": _ROWS}))
    except Problem as refused:
        if refused.status >= 500:
            raise
        problem = refused
    rows["total"] = _total(chosen, counts)
    return page(
        request, "desk.html", **frame | {"queue": chosen["queue"]}, chosen=chosen, rows=rows, scope=scope,
        lines=lines_of(rows["cases"], view_of(request).language),
        bulk_id=command_id(),
        problem=problem, said=sentence(request, problem) if problem else "",
        next_page="&".join(f"{name}={quote(value)}" for name, value in {**chosen, "after": rows["after"] or ""}.items()
                           if value),
    )  # fmt: skip


class Line(NamedTuple):
    """One row of a list as the page shows it."""

    late: bool
    number: str
    days: str
    """How long until the due day, or since."""
    clock: str
    subject: str
    place: str
    state: str
    org: str
    clerk: str


def days_in_words(language: Language, days: int | None, unit: str | None) -> str:
    """How long until the due day, or since.

    >>> [days_in_words("zh", days, unit) for days, unit in ((3, "working"), (0, "calendar"), (-8, "calendar"), (None, None))]
    ['3个工作日', '今天', '超期8天', '–']
    """
    if days is None:
        return "–"
    working = unit == "working"
    if days < 0:
        return told(language, "{days} working days late" if working else "{days} days late", days=-days)
    if days == 0:
        return told(language, "Due today")
    return told(language, "{days} working days left" if working else "{days} days left", days=days)


def lines_of(rows: list[dict[str, Any]], language: Language) -> list[Line]:
    """The rows of a list. A template is slow at choosing words, and a list has fifty rows."""
    own, other = ("zh", "en") if language == "zh" else ("en", "zh")
    lines = []
    for one in rows:
        named = one["names"].get
        subject, place, org = (named(one[name], one[name]) or "–" for name in ("subject", "place", "org"))
        clerk = one["clerk_names"].get(one["clerk"], one["clerk"]) or "–"
        clock, state = (one[f"{name}_{own}"] or one[f"{name}_{other}"] or "" for name in ("clock", "state"))
        lines.append(
            Line(
                one["overdue"],
                one["number"],
                days_in_words(language, one["days_left"], one["unit"]),
                clock,
                subject,
                place,
                state,
                org,
                clerk,
            )
        )
    return lines


def _total(chosen: dict[str, str], counts: dict[str, Any]) -> int | None:
    """The length of the list where the counts have it already: counting a list costs as much as reading it."""
    asked = {name: value for name, value in chosen.items() if value and name != "after"}
    if asked == {"queue": chosen["queue"]}:
        found: int | None = counts["queues"].get(chosen["queue"])
        return found
    known = {"me": counts["mine"], "none": counts["unassigned"]}
    return known.get(chosen["clerk"]) if asked == {"clerk": chosen["clerk"]} else None


async def case(request: Request) -> Response:
    """One case: clocks and reasons, timeline, what is possible now. The text is opened by an act of the reader."""
    return await case_page(request)


async def open_case(request: Request) -> Response:
    """The same with its text. The reading is recorded, so it is a press on a button."""
    await read_form(request)
    return await case_page(request, content=True)


_KEYS = "abcdefghilmnpqrstuvwyz123456789"
"""Keys of the acts of a case. The others walk through the page: j k o x."""


def keys_of(names: list[str]) -> dict[str, str]:
    """Command -> the key that opens its form: a letter of its name where one is free.

    >>> keys_of(["accept", "ask_extension", "assist"])
    {'accept': 'a', 'ask_extension': 's', 'assist': 'i'}
    """
    free = [key for key in _KEYS if key not in "ncr"]  # n: note, c: clerk, r: register
    found: dict[str, str] = {}
    for name in names:
        key = next((letter for letter in name if letter in free), free[0] if free else "")
        if key:
            free.remove(key)
            found[name] = key
    return found


async def case_page(
    request: Request,
    *,
    content: bool = False,
    notes: list[dict[str, Any]] | None = None,
    form: Form | None = None,
    labelled: bool = False,
    problem: Problem | None = None,
) -> Response:
    """The page of a case. `notes`: those that were opened; `form`: a note that was typed; `labelled`: it labels a person."""
    number = request.path_params["number"]
    earlier = request.query_params.get("before", "")
    page_of = {"before": earlier} if earlier.isascii() and earlier.isdigit() and len(earlier) < 12 else {}
    frame, (found,) = await framed(request, (of_case(number), {"content": "true" if content else "false", **page_of}))
    drafts = []
    if frame["me"]["role"] in ("clerk", *OFFICE):
        (answer,) = await asked(request, (of_case(number, "/drafts"), {}))
        drafts = answer["drafts"]
    done = request.query_params.get("done", "")
    known = done in frame["words"].commands or done in _DONE
    return page(
        request, "desk_case.html", http_status=problem.status if problem else 200,
        **frame | {"moving": found["id"]}, case=found, opened=content, case_drafts=drafts, keys=keys_of(found["allowed"]),
        done=done if known else "", done_words=_DONE.get(done, ""), take_id=command_id(), notes=notes, labelled=labelled,
        note=form or Form(command_id=command_id()),
        running=[one for one in found["deadlines"] if one["status"] in ("running", "overdue", "window_open")],
        ended=[one for one in found["deadlines"] if one["status"] not in ("running", "overdue", "window_open")],
        problem=problem, said=sentence(request, problem) if problem else "",
    )  # fmt: skip


_DONE = {
    "saved": "The draft is saved.",
    "ready": "The draft was handed over to be checked.",
    "checked": "The draft was checked.",
    "signed": "The draft was signed.",
    "returned": "The draft goes back to its writer.",
    "discarded": "The draft was discarded.",
    "noted": "The note is saved.",
    "clerk": "The clerk is recorded.",
}
"""What was done that is no command -> the sentence."""


async def open_notes(request: Request) -> Response:
    """The internal notes. The reading is recorded."""
    await read_form(request)
    (found,) = await asked(request, (of_case(request.path_params["number"], "/notes"), {}))
    return await case_page(request, notes=found["notes"])


async def add_note(request: Request) -> Response:
    """Add an internal note. A word that labels a person is confirmed by a second press."""
    form = await read_form(request)
    number = request.path_params["number"]
    api: Api = request.app.state.api
    body = {"command_id": form["command_id"], "text": form["note"], "confirmed": bool(form["confirmed"])}
    if form["view"]:
        return await _other_view(request, form, lambda: case_page(request, form=form))
    try:
        await api.post(staff(request, form), of_case(number, "/notes"), body)
    except Problem as problem:
        if ended(problem):
            raise SignedOut(form) from None
        if problem.code == "label_on_person":
            form["command_id"] = command_id()
            return await case_page(request, form=form, labelled=True)
        return await case_page(request, form=form, problem=problem)
    return RedirectResponse(place_of(number, "?done=noted"), 303)


async def _other_view(request: Request, form: Form, again: Callable[[], Awaitable[Response]]) -> Response:
    """The same page in another language or size; what was typed is kept."""
    request.state.view = changed(view_of(request), form["view"])
    answer = await again()
    set_cookie(answer, "view", request.state.view.text(), _YEAR)
    return answer


async def take(request: Request) -> Response:
    """Take the case, hand it on to a colleague, or give it back."""
    form = await read_form(request)
    number = request.path_params["number"]
    api: Api = request.app.state.api
    who = form["clerk"]
    body = {"command_id": form["command_id"], "clerk": None if who == "none" else who or "me"}
    try:
        await api.post(staff(request), of_case(number, "/clerk"), body)
    except Problem as problem:
        if ended(problem):
            raise SignedOut from None
        return await case_page(request, problem=problem)
    return RedirectResponse(place_of(number, "?done=clerk"), 303)


class Known(NamedTuple):
    """What the form of a command needs."""

    frame: dict[str, Any]
    case: dict[str, Any]
    draft: dict[str, Any] | None
    """The draft of this kind that exists already, without its content."""
    templates: list[dict[str, Any]]
    """Entries of the knowledge from which a draft of this kind can be filled."""


async def command_fields(request: Request, name: str) -> tuple[tuple[Field, ...], Known]:
    """The fields of a command, and what its page needs. Raises Problem for an unknown command."""
    number = request.path_params["number"]
    frame, (document, found) = await framed(request, ("/openapi.json", {}), (of_case(number), {"content": "false"}))
    schemas = commands_of(document)
    if name not in schemas:
        raise nothing_here()
    drafts: list[dict[str, Any]] = []
    templates: list[dict[str, Any]] = []
    if name in DRAFTED and frame["me"]["role"] in ("clerk", *OFFICE):
        subject = found["subject"]["code"] if found["subject"] else ""
        wanted = {"subject": subject, "usable": True, "limit": _TEMPLATES, "jurisdiction": found["jurisdiction"]}
        answer, known = await asked(request, (of_case(number, "/drafts"), {}), ("/v1/knowledge", wanted))
        drafts = [one for one in answer["drafts"] if one["kind"] == DRAFTED[name]]
        templates = known["entries"]
    frame["moving"] = found["id"]
    return fields_of(document, schemas[name]), Known(frame, found, drafts[0] if drafts else None, templates)


async def show_form(request: Request) -> Response:
    """The form of a command."""
    name = request.path_params["name"]
    fields, known = await command_fields(request, name)
    return _form(
        request, name, fields, known, Form(command_id=command_id(), expected_version=str(known.case["version"]))
    )


def _form(
    request: Request,
    name: str,
    fields: tuple[Field, ...],
    known: Known,
    form: Form,
    *,
    errors: dict[str, str] | None = None,
    problem: Problem | None = None,
) -> Response:
    found = known.case
    form.setdefault("command_id", command_id())
    stale = bool(form["expected_version"]) and form["expected_version"] != str(found["version"])
    for field in (inner for one in fields for inner in (one, *one.inner)):
        form.setdefault(field.name, field.initial)
    before = whole(form["expected_version"]) or 0
    since = [one for one in found["timeline"] if stale and one["version"] > before]
    form["expected_version"] = str(found["version"])
    return page(
        request, "desk_command.html", http_status=problem.status if problem else 422 if errors else 200,
        main_form="command", **known.frame, case=found, name=name, fields=fields, form=form, draft=known.draft,
        errors=errors or {}, problem=problem, said=sentence(request, problem) if problem else "", since=since,
        wrong=errors or problem, possible=name in found["allowed"], templates=known.templates,
        draft_kind=DRAFTED.get(name, ""),
        draftable=name in DRAFTED and known.frame["me"]["role"] in ("clerk", *OFFICE),
    )  # fmt: skip


async def give(request: Request) -> Response:
    """Give the command of a form. A form that is sent twice is one command. If somebody else has changed the case, the page
    says so and the form keeps its text."""
    name = request.path_params["name"]
    form = await read_form(request)
    number = request.path_params["number"]
    try:
        who = staff(request)
        fields, known = await command_fields(request, name)
    except SignedOut:
        raise SignedOut(form) from None
    language = view_of(request).language
    if form["view"]:
        request.state.view = changed(view_of(request), form["view"])
        answer = _form(request, name, fields, known, form)
        set_cookie(answer, "view", request.state.view.text(), _YEAR)
        return answer
    if form["draft"] and name in DRAFTED:
        kept = {name: form[name] for one in fields for name in (one.name, *(i.name for i in one.inner)) if form[name]}
        try:
            return await save_draft(request, who, DRAFTED[name], kept, form)
        except Problem as problem:
            if ended(problem):
                raise SignedOut(form) from None
            return _form(request, name, fields, known, form, problem=problem)
    body, wrong = body_of(fields, form)
    if wrong:
        return _form(request, name, fields, known, form,
                     errors={one: told(language, "Fill in this field as asked.") for one in wrong})  # fmt: skip
    api: Api = request.app.state.api
    # Without `again`, the command is only given if nobody else was faster: otherwise what they did is shown first.
    version = None if form["again"] else whole(form["expected_version"])
    read = {"expected_version": version} if version is not None else {}
    try:
        await api.post(
            who,
            of_case(number, "/commands"),
            {**body, **read, "command": name, "command_id": form["command_id"]},
        )
    except Problem as problem:
        if ended(problem):
            raise SignedOut(form) from None
        if problem.code == "stale_version":
            return _form(request, name, fields, known, form)
        names = {inner.name for one in fields for inner in (one, *one.inner)}
        if problem.field in names:
            return _form(request, name, fields, known, form, errors={str(problem.field): sentence(request, problem)})
        return _form(request, name, fields, known, form, problem=problem)
    return RedirectResponse(place_of(number, f"?done={name}"), 303)


async def _registration(
    request: Request,
    form: Form,
    *,
    errors: dict[str, str] | None = None,
    problem: Problem | None = None,
    receipt: dict[str, Any] | None = None,
) -> Response:
    frame, lists = await lists_of_office(request)
    channels = lists["channels"]
    form.setdefault("channel", channels[0][0] if channels else "")
    near = await near_cases(request, form)
    return page(
        request, "desk_register.html", http_status=problem.status if problem else 422 if errors else 200,
        main_form="registration", **frame, form=form, errors=errors or {}, problem=problem,
        said=sentence(request, problem) if problem else "", wrong=errors or problem, receipt=receipt, **near, **lists,
        candidates=await _candidates(request, receipt) if receipt else [],
    )  # fmt: skip


async def lists_of_office(
    request: Request, classes: tuple[str, ...] = _OPEN_REGISTRATION
) -> tuple[dict[str, Any], dict[str, Any]]:
    """What pages of the desk show, and the channels of these classes, places and subjects of the office.

    Raises Problem for other roles."""
    frame, _found = await framed(request)
    me, view = frame["me"], view_of(request)
    if me["role"] not in REGISTERING:
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
    return frame, {**lists, "channels": channels}


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
    if frame["me"]["role"] not in REGISTERING:
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
    receipt = None
    try:
        receipt = await filed(request.app.state.api, who, form)
    except Problem as problem:
        if ended(problem):
            raise SignedOut(form) from None
        if problem.field in form:
            return await _registration(request, form, errors={str(problem.field): sentence(request, problem)})
        return await _registration(request, form, problem=problem)
    return await _registration(request, Form(command_id=command_id(), channel=form["channel"]), receipt=receipt)


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
    Route("/desk", board),
    Route("/desk/register/near", near, methods=["POST"]),
    Route("/desk/register", registration),
    Route("/desk/register", register, methods=["POST"]),
    Route("/desk/case/{number}", case),
    Route("/desk/case/{number}/open", open_case, methods=["POST"]),
    Route("/desk/case/{number}/clerk", take, methods=["POST"]),
    Route("/desk/case/{number}/notes", add_note, methods=["POST"]),
    Route("/desk/case/{number}/notes/open", open_notes, methods=["POST"]),
    Route("/desk/case/{number}/do/{name}", show_form),
    Route("/desk/case/{number}/do/{name}", give, methods=["POST"]),
]
