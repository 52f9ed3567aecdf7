"""One case on the desk: clocks and reasons, timeline, notes, its clerk, and what is possible now."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from services.portal.api import Api, Problem
from services.portal.browser import Form, command_id, read_form, set_cookie
from services.portal.pages.desk_frame import OFFICE, asked, framed, of_case, place_of, skill_options
from services.portal.pages.desk_list import days_in_words
from services.portal.pages.sign_in import SignedOut, ended, staff
from services.portal.pages.start import changed
from services.portal.rendering import page, sentence, view_of
from services.portal.uploads import size_of

_YEAR = 365 * 24 * 3600


async def case(request: Request) -> Response:
    """One case: clocks and reasons, timeline, what is possible now. The text is opened by an act of the reader."""
    return await case_page(request)


async def open_case(request: Request) -> Response:
    """The same with its text. The reading is recorded, so it is a press on a button."""
    await read_form(request)
    return await case_page(request, content=True)


_FIRST = (
    "dispatch", "verify_return", "rule_jurisdiction", "sign_off", "accept", "serve_notice", "answer_suggestion",
    "answer_consultation", "decide", "deliver_reply", "direct_review", "accept_review", "issue_review_opinion",
    "issue_re_review_opinion", "deliver_opinion", "follow_up", "close",
)  # fmt: skip
"""The steps in which most cases go on, in their order. Everything else that is possible stands behind them."""


def in_order(names: list[str]) -> list[str]:
    """What is possible, with the next usual step first.

    >>> in_order(["ask_petitioner", "close", "decide"])
    ['decide', 'close', 'ask_petitioner']
    """
    return sorted(names, key=lambda name: _FIRST.index(name) if name in _FIRST else len(_FIRST))


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
    files: list[dict[str, Any]] | None = None,
    form: Form | None = None,
    labelled: bool = False,
    problem: Problem | None = None,
) -> Response:
    """The page of a case.

    Args:
        content: With its text.
        notes: Those that were opened.
        files: Those whose names were opened.
        form: A note that was typed.
        labelled: The note labels a person.
        problem: What went wrong.
    """
    number = request.path_params["number"]
    earlier = request.query_params.get("before", "")
    page_of = {"before": earlier} if earlier.isascii() and earlier.isdigit() and len(earlier) < 12 else {}
    frame, (found,) = await framed(request, (of_case(number), {"content": "true" if content else "false", **page_of}))
    drafts = []
    if frame["me"]["role"] in ("clerk", *OFFICE):
        (answer,) = await asked(request, (of_case(number, "/drafts"), {}))
        drafts = answer["drafts"]
    acts = in_order(found["allowed"])
    done = request.query_params.get("done", "")
    known = done in frame["words"].commands or done in _DONE
    return page(
        request, "desk_case.html", http_status=problem.status if problem else 200,
        **frame | {"moving": found["id"]}, case=found, opened=content, case_drafts=drafts, keys=keys_of(acts), acts=acts,
        files=files, size_of=size_of,
        done=done if known else "", done_words=_DONE.get(done, ""), take_id=command_id(), notes=notes, labelled=labelled,
        note=form or Form(command_id=command_id()), skills=skill_options(request, frame["me"]),
        running=[one for one in found["deadlines"] if one["status"] in ("running", "overdue", "window_open")],
        ended=[one for one in found["deadlines"] if one["status"] not in ("running", "overdue", "window_open")],
        problem=problem, said=sentence(request, problem) if problem else "",
        left=lambda one: days_in_words(view_of(request).language, one["days_left"], one["unit"]),
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


_BY_SKILL = "skill:"
"""Beginning of a choice that names a skill in the place of a person."""


async def take(request: Request) -> Response:
    """Take the case, hand it on to a colleague, or give it back."""
    form = await read_form(request)
    number = request.path_params["number"]
    api: Api = request.app.state.api
    who = form["clerk"]
    body: dict[str, Any] = {"command_id": form["command_id"], "clerk": None if who == "none" else who or "me"}
    if who.startswith(_BY_SKILL):
        body |= {"clerk": None, "skill": who.removeprefix(_BY_SKILL)}
    try:
        await api.post(staff(request), of_case(number, "/clerk"), body)
    except Problem as problem:
        if ended(problem):
            raise SignedOut from None
        return await case_page(request, problem=problem)
    return RedirectResponse(place_of(number, "?done=clerk"), 303)


ROUTES = [
    Route("/desk/case/{number}", case),
    Route("/desk/case/{number}/open", open_case, methods=["POST"]),
    Route("/desk/case/{number}/clerk", take, methods=["POST"]),
    Route("/desk/case/{number}/notes", add_note, methods=["POST"]),
    Route("/desk/case/{number}/notes/open", open_notes, methods=["POST"]),
]
