"""Sign-in of members of staff: passkey, identity provider, or password with one-time password; invitations, posts, sign-out.

The session is a token of the interface in a cookie; the portal keeps nothing. A session that ends in mid-form asks
to sign in, and the input is kept in the form.
"""

from __future__ import annotations

import json
from typing import Any

import segno
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from services.portal.api import Api, Caller, Problem
from services.portal.browser import (
    HEADERS,
    NO_COOKIES,
    SEEN,
    Form,
    after_form,
    caller,
    cookie,
    delete_cookie,
    local_path,
    read_form,
    set_cookie,
)
from services.portal.catalogues import told
from services.portal.identity_provider import Provider, attempt_of, begun, not_finished
from services.portal.pages.start import changed, nothing_here
from services.portal.rendering import page, sentence, view_of

SESSION = "session"
"""Cookie: the token of the session."""
_YEAR = 365 * 24 * 3600
_SECRET = frozenset({"person", "password", "totp", "view", "challenge", "credential"})
"""Fields of the form to sign in; all others go on with the form that the session had ended for."""
OIDC = "oidc"
"""Cookie: the sign-in at the identity provider that is under way."""
INVITED = "invitation"
"""Cookie: the invitation whose account is being linked."""
_OIDC_SECONDS = 600
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
    return await form_page(request, Form(back=local_path(request.query_params.get("back", "/desk"))))


async def _methods(request: Request) -> dict[str, Any]:
    """The ways to sign in. Where they cannot be asked for, the password remains."""
    api: Api = request.app.state.api
    try:
        found: dict[str, Any] = await api.get(caller(request), "/v1/sessions/methods")
    except Problem:
        return {"passkey": False, "oidc_issuer": None, "oidc_client": None}
    return found


async def form_page(
    request: Request,
    form: Form,
    *,
    errors: dict[str, str] | None = None,
    problem: Problem | None = None,
    gone: bool = False,
) -> Response:
    """The form to sign in, with what has to go on afterwards. A password is never written back."""
    status = problem.status if problem is not None else 422 if errors else 200
    kept = [(name, value) for name, value in form.items() if name not in _SECRET and value]
    if insecure(request):
        return page(
            request, "sign_in_refused.html", http_status=403,
            address=str(request.app.state.public_url or "https://…"),
        )  # fmt: skip
    cookies_off = NO_COOKIES in request.query_params and request.method == "GET"
    answer = page(
        request, "sign_in.html", http_status=status, main_form="sign-in", form=form, kept=kept, errors=errors or {},
        problem=problem, said=sentence(request, problem) if problem is not None else "", gone=gone,
        wrong=errors or problem or cookies_off, methods=await _methods(request), cookies_off=cookies_off,
    )  # fmt: skip
    set_cookie(answer, SEEN, "1", None)
    return answer


async def sign_in(request: Request) -> Response:
    """Password and one-time password."""
    form = await read_form(request)
    if insecure(request):
        return await form_page(request, form)
    if form["view"]:
        request.state.view = changed(view_of(request), form["view"])
        answer = await form_page(request, form)
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
        return await form_page(request, form, errors=errors)
    api: Api = request.app.state.api
    body = {
        "method": "password", "person": form["person"].strip()[:40], "password": form["password"][:400],
        "totp": "".join(form["totp"].split())[:20],
    }  # fmt: skip
    try:
        session = await api.post(caller(request), "/v1/sessions", body)
    except Problem as problem:
        return await form_page(request, form, problem=problem)
    return _signed_in(request, form, session)


def _signed_in(request: Request, form: Form, session: dict[str, Any]) -> Response:
    """To the page that was asked for, or on with the form that the session had ended for."""
    if form["resume"]:
        kept = [(name, value) for name, value in form.items() if name not in {*_SECRET, "resume", "back"}]
        answer: Response = page(request, "resume.html", target=local_path(form["resume"]), kept=kept)
    else:
        answer = RedirectResponse(after_form(request, local_path(form["back"] or "/desk")), 303)
    keep_session(answer, session)
    return answer


async def passkey_options(request: Request) -> Response:
    """What the browser's script needs to ask for a passkey."""
    await read_form(request)
    api: Api = request.app.state.api
    try:
        found = await api.post(caller(request), "/v1/sessions/passkey", {})
    except Problem as problem:
        return JSONResponse({"said": sentence(request, problem)}, problem.status, HEADERS)
    return JSONResponse(found, headers=HEADERS)


async def by_passkey(request: Request) -> Response:
    """Sign in with what the authenticator answered."""
    form = await read_form(request)
    if insecure(request):
        return await form_page(request, form)
    api: Api = request.app.state.api
    body = {"method": "passkey", "challenge": form["challenge"][:1000], "credential": _credential(form)}
    try:
        session = await api.post(caller(request), "/v1/sessions", body)
    except Problem as problem:
        return await form_page(request, form, problem=problem)
    return _signed_in(request, form, session)


def _credential(form: Form) -> dict[str, Any]:
    """The answer of the authenticator; empty for anything else, which the interface refuses."""
    try:
        found = json.loads(form["credential"][:20_000] or "{}")
        json.dumps(found, ensure_ascii=False).encode()  # JSON can hold half of a character, which nobody can send on
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _returns_to(request: Request) -> str:
    site = request.app.state.public_url or str(request.base_url)
    return f"{site.rstrip('/')}/sign-in/oidc/done"


async def to_provider(request: Request) -> Response:
    """To the identity provider, with what must come back."""
    if insecure(request):
        return await form_page(request, Form())
    methods = await _methods(request)
    if not methods["oidc_issuer"]:
        raise nothing_here()
    provider: Provider = request.app.state.provider
    joins = request.query_params.get("join") == "1" and cookie(request, INVITED) is not None
    attempt = begun(local_path(request.query_params.get("back", "/desk")), joins=joins)
    try:
        where = await provider.address(
            methods["oidc_issuer"], methods["oidc_client"], attempt, _returns_to(request)
        )  # fmt: skip
    except Problem as problem:
        return await form_page(request, Form(), problem=problem)
    answer = RedirectResponse(where, 303, {**HEADERS, "Referrer-Policy": "no-referrer"})
    set_cookie(answer, OIDC, attempt.text(), _OIDC_SECONDS)
    return answer


async def from_provider(request: Request) -> Response:
    """Back from the identity provider: the code becomes an ID token, which the interface verifies."""
    api: Api = request.app.state.api
    provider: Provider = request.app.state.provider
    attempt, methods = attempt_of(cookie(request, OIDC)), await _methods(request)
    try:
        if attempt is None or not methods["oidc_issuer"]:
            raise not_finished()
        token = await provider.id_token(
            methods["oidc_issuer"], methods["oidc_client"], attempt, _returns_to(request), dict(request.query_params)
        )
        body = {"method": "oidc", "id_token": token, "nonce": attempt.nonce}
        if attempt.joins:
            invited = {**body, "invitation": (cookie(request, INVITED) or "-")[:200]}
            session = await api.post(caller(request), "/v1/invitations/accept", invited)
        else:
            session = await api.post(caller(request), "/v1/sessions", body)
        answer: Response = RedirectResponse(local_path(attempt.back), 303)
        keep_session(answer, session)
    except Problem as problem:
        answer = await form_page(request, Form(), problem=problem)
    delete_cookie(answer, OIDC)
    delete_cookie(answer, INVITED)
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
    if insecure(request):
        return await form_page(request, Form())
    return page(request, "join.html", main_form=None, offer=None, form=Form(), errors={}, problem=None, said="")


async def accept(request: Request) -> Response:
    """Show what an invitation offers, or set password and one-time password with it."""
    form = await read_form(request)
    if insecure(request):
        return await form_page(request, form)
    api: Api = request.app.state.api
    invitation = form["invitation"].strip().rpartition("#")[2][:200]
    try:
        if form["credential"]:
            body = {"method": "passkey", "invitation": invitation, "challenge": form["challenge"][:1000],
                    "credential": _credential(form)}  # fmt: skip
            session = await api.post(caller(request), "/v1/invitations/accept", body)
            answer: Response = RedirectResponse("/desk", 303)
            keep_session(answer, session)
            return answer
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
            answer = RedirectResponse("/desk", 303)
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
    answer = page(
        request, "join.html", offer=offer, qr=qr, form=Form(invitation=invitation), errors=errors, problem=None, said="",
        http_status=422 if errors else 200, wrong=errors,
    )  # fmt: skip
    if offer["oidc"]:
        set_cookie(answer, INVITED, invitation, _OIDC_SECONDS)
    return answer


ROUTES = [
    Route("/sign-in", show),
    Route("/sign-in", sign_in, methods=["POST"]),
    Route("/sign-in/passkey/options", passkey_options, methods=["POST"]),
    Route("/sign-in/passkey", by_passkey, methods=["POST"]),
    Route("/sign-in/oidc", to_provider),
    Route("/sign-in/oidc/done", from_provider),
    Route("/sign-out", sign_out, methods=["POST"]),
    Route("/desk/post", choose_post, methods=["POST"]),
    Route("/join", join),
    Route("/join", accept, methods=["POST"]),
]
