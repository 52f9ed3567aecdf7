"""The portal as one ASGI application."""

from __future__ import annotations

from typing import Literal, get_args

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from services.portal.api import Api, Problem
from services.portal.pages import start, submit, track
from services.portal.rendering import Site, problem_page

Pages = Literal["citizen", "staff", "all"]
PAGES: tuple[Pages, ...] = get_args(Pages)


async def _problem(request: Request, error: Exception) -> Response:
    assert isinstance(error, Problem)
    return problem_page(request, error)


async def _not_found(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if error.status_code == 405:
        return problem_page(
            request,
            Problem(405, "wrong_method", "This page cannot be opened in this way.", "不能以这种方式打开该页面。"),
        )
    return problem_page(request, start.nothing_here())


def build(api: Api, *, pages: Pages = "all", telephone: str = "", public_url: str | None = None) -> Starlette:
    """The pages over an interface.

    Args:
        pages: Those for citizens, those for staff, or all.
        telephone: Number that every page names as another way; empty: none.
        public_url: Address of these pages for citizens, in QR codes; None: the one that the browser used.
    """
    citizens, staff = pages in ("citizen", "all"), pages in ("staff", "all")
    routes: list[Route] = [*start.ROUTES]
    if citizens:
        routes += [*start.CITIZEN_ROUTES, *submit.ROUTES, *track.ROUTES]
    app = Starlette(routes=routes, exception_handlers={Problem: _problem, HTTPException: _not_found})
    app.router.redirect_slashes = False
    app.state.api = api
    app.state.site = Site(telephone, citizens, staff)
    app.state.public_url = public_url
    return app
