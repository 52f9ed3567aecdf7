"""Drafts on the desk: read by an act, written on, checked and signed by somebody else than the writer, delivered as a command."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from services.portal.api import Api, Caller, Problem
from services.portal.browser import Form, command_id, read_form, set_cookie, whole
from services.portal.catalogues import told
from services.portal.command_forms import Field, body_of
from services.portal.pages.desk_case import case_page
from services.portal.pages.desk_command import Known, command_fields
from services.portal.pages.desk_frame import COMMAND_OF, asked, of_case, place_of, save_draft
from services.portal.pages.sign_in import SignedOut, ended, staff
from services.portal.pages.start import changed, nothing_here
from services.portal.rendering import page, sentence, view_of

_YEAR = 365 * 24 * 3600


_LATER = ("day", "choice", "text", "number")
"""Kinds of fields that a signed draft may still get at its delivery, where it has none: the date and the proof of the service."""


def _kind(request: Request) -> str:
    kind = str(request.path_params["kind"])
    if kind not in COMMAND_OF:
        raise nothing_here()
    return kind


async def _fields(request: Request) -> tuple[tuple[Field, ...], Known]:
    return await command_fields(request, COMMAND_OF[_kind(request)])


def _typed(draft: dict[str, Any]) -> Form:
    """The content of a draft as its form has it: entries of a list are lines."""
    content = draft["content"] or {}
    return Form(
        {str(name): "\n".join(map(str, one)) if isinstance(one, list) else str(one) for name, one in content.items()}
    )


async def open_draft(request: Request) -> Response:
    """A draft with its text. The reading is recorded."""
    await read_form(request)
    kind = _kind(request)
    try:
        (draft,) = await asked(request, (of_case(request.path_params["number"], f"/drafts/{kind}"), {}))
    except Problem as problem:
        if problem.code == "no_draft":
            return await case_page(request, problem=problem)
        raise
    fields, known = await _fields(request)
    form = _typed(draft)
    form |= {"command_id": command_id(), "after": str(draft["version"])}
    return _page(request, fields, known, draft, form)


def _page(
    request: Request,
    fields: tuple[Field, ...],
    known: Known,
    draft: dict[str, Any],
    form: Form,
    problem: Problem | None = None,
    *,
    filled: bool = False,
) -> Response:
    flat = [inner for one in fields for inner in (one.inner or (one,))]
    for field in (inner for one in fields for inner in (one, *one.inner)):
        form.setdefault(field.name, field.initial)
    written = draft.get("content") or {}
    missing = [one for one in flat if one.kind in _LATER and not written.get(one.name)]
    mine = draft["own"] and draft["step"] != "deliver"
    return page(
        request, "desk_draft.html", http_status=problem.status if problem else 200, **known.frame, case=known.case,
        kind=draft["kind"], name=COMMAND_OF[draft["kind"]], draft=draft, fields=fields, flat=flat, form=form, errors={},
        mine=mine, missing=missing, problem=problem, said=sentence(request, problem) if problem else "", wrong=problem,
        main_form="draft" if mine else None, templates=known.templates, draft_kind=draft["kind"], filled=filled,
    )  # fmt: skip


async def save(request: Request) -> Response:
    """Save a draft that was worked on. If a colleague has saved another version in the meantime, the page says so and the text
    is kept."""
    form = await read_form(request)
    kind = _kind(request)
    who = staff(request, form)
    fields, known = await _fields(request)
    names = [name for one in fields for name in (one.name, *(inner.name for inner in one.inner))]
    shown = {
        "kind": kind,
        "own": True,
        "step": "writing",
        "remark": None,
        "name": None,
        "signed": None,
        "checked": None,
    }
    if form["view"]:
        request.state.view = changed(view_of(request), form["view"])
        answer = _page(request, fields, known, shown, form)
        set_cookie(answer, "view", request.state.view.text(), _YEAR)
        return answer
    if form["draft"] == "fill":
        return await _fill(request, who, fields, known, shown, form)
    try:
        return await save_draft(request, who, kind, {name: form[name] for name in names if form[name]}, form)
    except Problem as problem:
        if ended(problem):
            raise SignedOut(form) from None
        if not problem.known:
            raise
        if problem.code == "draft_changed":  # a second press saves over what the colleague wrote
            form |= {"after": str(known.draft["version"]) if known.draft else "0", "command_id": command_id()}
        return _page(request, fields, known, shown, form, problem)


async def _fill(
    request: Request,
    who: Caller,
    fields: tuple[Field, ...],
    known: Known,
    shown: dict[str, Any],
    form: Form,
) -> Response:
    """Fill the draft from an entry of the knowledge. What was typed into its other fields stays; nothing is handed over yet."""
    kind = shown["kind"]
    address = of_case(request.path_params["number"], f"/drafts/{kind}")
    api: Api = request.app.state.api
    if not form["template"]:
        en = "Choose a template."
        return _page(request, fields, known, shown, form, Problem(422, "template_needed", en, told("zh", en)))
    after = int(form["after"]) if form["after"].isdecimal() else None
    body = {"command_id": form["command_id"], "from": form["template"], "after": after}
    try:
        await api.post(who, f"{address}/fill", body)
        draft = await api.get(who, address)
    except Problem as problem:
        if ended(problem):
            raise SignedOut(form) from None
        if not problem.known:
            raise
        return _page(request, fields, known, shown, form, problem)
    merged = Form({**form, **_typed(draft), "command_id": command_id(), "after": str(draft["version"])})
    return _page(request, fields, known, {**draft, "remark": None}, merged, filled=True)


async def judge(request: Request) -> Response:
    """Agree to a draft of a colleague or send it back, as its check or as its signature."""
    form = await read_form(request)
    kind, number = _kind(request), request.path_params["number"]
    api: Api = request.app.state.api
    what = "sign" if form["what"] == "sign" else "check"
    agreed = form["agreed"] == "1"
    body = {
        "command_id": form["command_id"],
        "of": whole(form["of"]) or 1,
        "agreed": agreed,
        "remark": form["remark"].strip() or None,
    }
    if form["view"] or (not agreed and body["remark"] is None):
        problem = None
        if form["view"]:
            request.state.view = changed(view_of(request), form["view"])
        else:
            en = "Say in the remark what should be changed."
            problem = Problem(422, "remark_needed", en, told("zh", en))
        return await _again(request, form, problem)
    try:
        await api.post(staff(request, form), of_case(number, f"/drafts/{kind}/{what}"), body)
    except Problem as problem:
        if ended(problem):
            raise SignedOut(form) from None
        if not problem.known or problem.status == 404:
            raise
        return await _again(request, form, problem)
    done = "returned" if not agreed else "signed" if what == "sign" else "checked"
    return RedirectResponse(place_of(number, f"?done={done}#drafts"), 303)


async def _again(request: Request, form: Form, problem: Problem | None) -> Response:
    """The draft as it is now, with the remark that was typed."""
    (draft,) = await asked(request, (of_case(request.path_params["number"], f"/drafts/{_kind(request)}"), {}))
    fields, known = await _fields(request)
    shown = Form({**form, **_typed(draft), "command_id": command_id(), "after": str(draft["version"])})
    answer = _page(request, fields, known, draft, shown, problem)
    if form["view"]:
        set_cookie(answer, "view", view_of(request).text(), _YEAR)
    return answer


async def deliver(request: Request) -> Response:
    """Give the signed draft as its command. Sent twice, or again after a breakdown in the middle, it is one command."""
    form = await read_form(request)
    kind, number = _kind(request), request.path_params["number"]
    name, who = COMMAND_OF[kind], staff(request, form)
    api: Api = request.app.state.api
    try:
        (draft,) = await asked(request, (of_case(number, f"/drafts/{kind}"), {}))
    except Problem as problem:
        if problem.code == "no_draft":  # delivered already
            return RedirectResponse(place_of(number), 303)
        raise
    fields, _known = await _fields(request)
    signed = _typed(draft)
    later = {one.name: form[one.name] for one in fields if one.kind in _LATER and one.name not in signed}
    content = Form({**later, **signed})  # what was signed does not change any more
    body, wrong = body_of(fields, content)
    if str(draft["version"]) != form["of"] or draft["step"] != "deliver" or wrong:
        en = (
            "The draft has changed, or fields are missing. Read it again."
            if not wrong
            else ("Fields of the draft are missing. Complete it, then have it checked and signed again.")
        )
        return await _again(request, form, Problem(409, "draft_changed", en, told("zh", en)))
    given = {**body, "command": name, "command_id": f"draft-{kind}-{draft['version']}"}
    try:
        await api.post(who, of_case(number, "/commands"), given)
        await api.ask(
            "DELETE", who, of_case(number, f"/drafts/{kind}"), params={"command_id": f"sent-{kind}-{draft['version']}"}
        )
    except Problem as problem:
        if ended(problem):
            raise SignedOut(form) from None
        if not problem.known:
            raise
        return await _again(request, form, problem)
    return RedirectResponse(place_of(number, f"?done={name}"), 303)


async def discard(request: Request) -> Response:
    """Discard a draft."""
    form = await read_form(request)
    kind, number = _kind(request), request.path_params["number"]
    api: Api = request.app.state.api
    await api.ask(
        "DELETE", staff(request, form), of_case(number, f"/drafts/{kind}"), params={"command_id": form["command_id"]}
    )
    return RedirectResponse(place_of(number, "?done=discarded"), 303)


_AT = "/desk/case/{number}/draft/{kind}"
ROUTES = [
    Route(f"{_AT}/open", open_draft, methods=["POST"]),
    Route(_AT, save, methods=["POST"]),
    Route(f"{_AT}/judge", judge, methods=["POST"]),
    Route(f"{_AT}/deliver", deliver, methods=["POST"]),
    Route(f"{_AT}/discard", discard, methods=["POST"]),
]
