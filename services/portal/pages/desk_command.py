"""The form of a command on a case, made from its schema in the interface."""

from __future__ import annotations

from typing import Any, NamedTuple

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from services.portal.api import Api, Problem
from services.portal.browser import Form, command_id, read_form, set_cookie, whole
from services.portal.catalogues import Language, told
from services.portal.command_forms import Field, body_of, commands_of, fields_of
from services.portal.pages.desk_frame import DRAFTED, OFFICE, Words, asked, framed, of_case, place_of, save_draft
from services.portal.pages.sign_in import SignedOut, ended, staff
from services.portal.pages.start import changed, nothing_here
from services.portal.rendering import page, sentence, view_of

_YEAR = 365 * 24 * 3600
_TEMPLATES = 50
"""Most templates that a form offers."""


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
        fresh=request.method == "GET",
        wrong=errors or problem, possible=name in found["allowed"], templates=known.templates,
        draft_kind=DRAFTED.get(name, ""),
        draftable=name in DRAFTED and known.frame["me"]["role"] in ("clerk", *OFFICE),
    )  # fmt: skip


def missing(language: Language, words: Words, command: str, wrong: list[str]) -> dict[str, str]:
    """Field -> what is to be done, for fields that are empty or cannot be read."""
    return {one: told(language, "Fill in as asked: {field}", field=words.label(command, one)) for one in wrong}


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
                     errors=missing(language, known.frame["words"], name, wrong))  # fmt: skip
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


ROUTES = [
    Route("/desk/case/{number}/do/{name}", show_form),
    Route("/desk/case/{number}/do/{name}", give, methods=["POST"]),
]
