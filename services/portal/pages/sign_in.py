"""Sign-in of members of staff: password with one-time password, invitations, the post that acts, sign-out.

The session is a token of the interface in a cookie; the portal keeps nothing. A session that ends in mid-form asks
to sign in, and what was typed goes on with the form.
"""

from __future__ import annotations

from typing import Any

import segno
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from services.portal.api import Api, Caller, Problem
from services.portal.browser import (
    Form,
    caller,
    cookie,
    delete_cookie,
    local_path,
    read_form,
    set_cookie,
)
from services.portal.catalogues import told
from services.portal.pages.start import changed
from services.portal.rendering import page, sentence, view_of

SESSION = "session"
"""Cookie: the token of the session."""
_YEAR = 365 * 24 * 3600
_HERE = frozenset({"localhost", "127.0.0.1", "::1"})


class SignedOut(Exception):
    """There is no session, or it has ended. `form`: what was typed, and for which address."""

    def __init__(self, form: Form | None = None) -> None:
        super().__init__()
        self.form = form


def insecure(request: Request) -> bool:
    """True for plain HTTP on another host than this machine: a browser would keep no session, and a password would be read."""
    return request.url.scheme != "https" and (request.url.hostname or "") not in _HERE


def staff(request: Request, form: Form | None = None) -> Caller:
    """The person who is signed in. Raises SignedOut."""
    token = cookie(request, SESSION)
    if token is None:
        raise SignedOut(form)
    return caller(request, token)


def ended(problem: Problem) -> bool:
    """True if the interface does not know the session any more."""
    return problem.status == 401


def keep_session(answer: Response, session: dict[str, Any]) -> None:
    set_cookie(answer, SESSION, session["token"], None)


async def show(request: Request) -> Response:
    """The form to sign in."""
    return form_page(request, Form(back=local_path(request.query_params.get("back", "/desk"))))


def form_page(
    request: Request,
    form: Form,
    *,
    errors: dict[str, str] | None = None,
    problem: Problem | None = None,
    gone: bool = False,
) -> Response:
    """The form to sign in, with what has to go on afterwards. A password is never written back."""
    status = problem.status if problem is not None else 422 if errors else 200
    kept = [
        (name, value) for name, value in form.items() if name not in ("person", "password", "totp", "view") and value
    ]
    if insecure(request):
        return page(
            request, "sign_in_refused.html", http_status=403,
            address=str(request.app.state.public_url or "https://…"),
        )  # fmt: skip
    return page(
        request, "sign_in.html", http_status=status, main_form="sign-in", form=form, kept=kept, errors=errors or {},
        problem=problem, said=sentence(request, problem) if problem is not None else "", gone=gone,
        wrong=errors or problem,
    )  # fmt: skip


async def sign_in(request: Request) -> Response:
    """Password and one-time password."""
    form = await read_form(request)
    if insecure(request):
        return form_page(request, form)
    if form["view"]:
        request.state.view = changed(view_of(request), form["view"])
        answer = form_page(request, form)
        set_cookie(answer, "view", request.state.view.text(), _YEAR)
        return answer
    language = view_of(request).language
    errors = {
        name: told(language, text)
        for name, text in (
            ("person", "Enter your staff code."),
            ("password", "Enter your password."),
            ("totp", "Enter the six digits that your app shows."),
        )
        if not form[name].strip()
    }
    if errors:
        return form_page(request, form, errors=errors)
    api: Api = request.app.state.api
    body = {
        "method": "password", "person": form["person"].strip()[:40], "password": form["password"][:400],
        "totp": "".join(form["totp"].split())[:20],
    }  # fmt: skip
    try:
        session = await api.post(caller(request), "/v1/sessions", body)
    except Problem as problem:
        return form_page(request, form, problem=problem)
    if form["resume"]:  # a form that the session had ended for
        answer = page(
            request, "resume.html", target=local_path(form["resume"]),
            kept=[(name, value) for name, value in form.items()
                  if name not in ("person", "password", "totp", "view", "resume", "back")],
        )  # fmt: skip
    else:
        answer = RedirectResponse(local_path(form["back"] or "/desk"), 303)
    keep_session(answer, session)
    return answer


async def sign_out(request: Request) -> Response:
    """End the session here and at the interface."""
    await read_form(request)
    token = cookie(request, SESSION)
    api: Api = request.app.state.api
    if token is not None:
        try:
            await api.post(caller(request, token), "/v1/sessions/end", {})
        except Problem as problem:
            if not ended(problem):
                raise
    answer = RedirectResponse("/sign-in", 303)
    delete_cookie(answer, SESSION)
    return answer


async def choose_post(request: Request) -> Response:
    """Act in another post."""
    form = await read_form(request)
    api: Api = request.app.state.api
    try:
        session = await api.post(staff(request), "/v1/sessions/post", {"post": form["post"][:40]})
    except Problem as problem:
        if ended(problem):
            raise SignedOut from None
        raise
    answer = RedirectResponse("/desk", 303)
    keep_session(answer, session)
    return answer


async def join(request: Request) -> Response:
    """The page of an invitation. The link carries it behind the `#`; a script puts it into the form, or it is pasted."""
    return page(request, "join.html", main_form=None, offer=None, form=Form(), errors={}, problem=None, said="")


async def accept(request: Request) -> Response:
    """Show what an invitation offers, or set password and one-time password with it."""
    form = await read_form(request)
    api: Api = request.app.state.api
    invitation = form["invitation"].strip().rpartition("#")[2][:200]
    try:
        if form["password"] and form["setup"]:
            if form["password"] != form["again"]:
                return await _offer(request, invitation, form, {"again": told(view_of(request).language,
                                                                              "The two passwords differ.")})  # fmt: skip
            session = await api.post(
                caller(request),
                "/v1/invitations/accept",
                {
                    "method": "password", "invitation": invitation, "setup": form["setup"][:400],
                    "password": form["password"][:400], "totp": "".join(form["totp"].split())[:20],
                },
            )  # fmt: skip
            answer: Response = RedirectResponse("/desk", 303)
            keep_session(answer, session)
            return answer
        return await _offer(request, invitation, form, {})
    except Problem as problem:
        return page(
            request, "join.html", http_status=problem.status, offer=None, form=Form(invitation=invitation), errors={},
            problem=problem, said=sentence(request, problem), wrong=problem,
        )  # fmt: skip


async def _offer(request: Request, invitation: str, form: Form, errors: dict[str, str]) -> Response:
    api: Api = request.app.state.api
    offer = await api.post(caller(request), "/v1/invitations", {"invitation": invitation})
    qr = Markup(segno.make(offer["totp_address"], error="m", micro=False).svg_inline(omitsize=True))  # noqa: S704 # escaped
    return page(
        request, "join.html", offer=offer, qr=qr, form=Form(invitation=invitation), errors=errors, problem=None, said="",
        http_status=422 if errors else 200, wrong=errors,
    )  # fmt: skip


ROUTES = [
    Route("/sign-in", show),
    Route("/sign-in", sign_in, methods=["POST"]),
    Route("/sign-out", sign_out, methods=["POST"]),
    Route("/desk/post", choose_post, methods=["POST"]),
    Route("/join", join),
    Route("/join", accept, methods=["POST"]),
]
