"""The portal as one ASGI application."""

from __future__ import annotations

from typing import Literal, get_args
from urllib.parse import quote

from starlette.applications import Starlette
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.portal.api import Api, Problem
from services.portal.browser import HEADERS, NO_COOKIES, Form, delete_cookie
from services.portal.identity_provider import Provider
from services.portal.pages import (
    desk_bulk,
    desk_calls,
    desk_case,
    desk_command,
    desk_drafts,
    desk_files,
    desk_list,
    desk_live,
    desk_numbers,
    desk_registration,
    sign_in,
    start,
    submit,
    track,
)
from services.portal.rendering import Site, kept_page, problem_page

Pages = Literal["citizen", "staff", "all"]
PAGES: tuple[Pages, ...] = get_args(Pages)


async def _problem(request: Request, error: Exception) -> Response:
    assert isinstance(error, Problem)
    form: Form | None = getattr(request.state, "form", None)
    if form and not error.known and request.url.path.startswith("/desk"):
        return kept_page(request, error, form)
    return problem_page(request, error)


async def _not_found(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if error.status_code == 405:
        return problem_page(
            request,
            Problem(
                405,
                "wrong_method",
                "This page cannot be opened in this way.",
                "不能以这种方式打开该页面，请从链接或菜单打开。",
            ),
        )
    return problem_page(request, start.nothing_here())


async def _signed_out(request: Request, error: Exception) -> Response:
    """Ask to sign in; what was typed is carried along."""
    assert isinstance(error, sign_in.SignedOut)
    if request.method == "GET":
        off = f"&{NO_COOKIES}=1" if NO_COOKIES in request.query_params else ""
        answer: Response = RedirectResponse(f"/sign-in?back={quote(request.url.path)}{off}", 303)
    elif error.form is not None:
        kept = Form(error.form)
        kept["resume"] = request.url.path
        answer = await sign_in.form_page(request, kept, gone=True)
    else:
        answer = RedirectResponse("/sign-in", 303)
    delete_cookie(answer, sign_in.SESSION)
    return answer


class _SafeHeaders:
    """Gives each answer the headers of a page, redirects and refusals too, unless it has its own."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def sent(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        await self._app(scope, receive, sent if scope["type"] == "http" else send)


def build(
    api: Api,
    *,
    pages: Pages = "all",
    telephone: str = "",
    public_url: str | None = None,
    provider: Provider | None = None,
) -> Starlette:
    """The pages over an interface.

    Args:
        pages: Those for citizens, those for staff, or all.
        telephone: Number that every page names as another way; empty: none.
        public_url: Address of these pages for citizens, in QR codes; None: the one that the browser used.
        provider: How the identity provider is asked; None: over the network.
    """
    citizens, staff = pages in ("citizen", "all"), pages in ("staff", "all")
    routes: list[Route] = [*start.ROUTES]
    if citizens:
        routes += [*start.CITIZEN_ROUTES, *submit.ROUTES, *track.ROUTES]
    if staff:
        routes += [
            *sign_in.ROUTES,
            *desk_list.ROUTES,
            *desk_case.ROUTES,
            *desk_command.ROUTES,
            *desk_registration.ROUTES,
            *desk_drafts.ROUTES,
            *desk_files.ROUTES,
            *desk_bulk.ROUTES,
            *desk_live.ROUTES,
            *desk_numbers.ROUTES,
            *desk_calls.ROUTES,
        ]
    app = Starlette(
        routes=routes,
        middleware=[Middleware(_SafeHeaders)],
        exception_handlers={Problem: _problem, HTTPException: _not_found, sign_in.SignedOut: _signed_out},
    )
    app.router.redirect_slashes = False
    app.state.api = api
    app.state.site = Site(telephone, citizens, staff)
    app.state.public_url = public_url
    app.state.provider = provider or Provider()
    return app
