"""The first page, how a person wants to see the pages, and the files that they load."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from services.portal.api import Api, Problem
from services.portal.assets import LIFE, by_address
from services.portal.browser import HEADERS, caller, local_path, read_form, set_cookie
from services.portal.rendering import PageOptions, page, view_of

_YEAR = 365 * 24 * 3600


def changed(view: PageOptions, wanted: str) -> PageOptions:
    """The view after one press on a switch in the head of the page."""
    if wanted == "zh":
        return view._replace(language="zh")
    if wanted == "en":
        return view._replace(language="en")
    return view._replace(large=wanted == "large") if wanted in ("large", "plain") else view


async def home(request: Request) -> Response:
    """The first page for citizens; where there are only pages for staff, the desk."""
    if not request.app.state.site.citizens:
        return RedirectResponse("/desk", 303)
    api: Api = request.app.state.api
    try:
        form = await api.get(caller(request), "/v1/public/form")
    except Problem:  # the page still says what to do
        form = {"notices": [], "petition_office": None}
    office = form["petition_office"]
    view = view_of(request)
    name = (office["name"] if view.language == "zh" else office["name_en"] or office["name"]) if office else None
    return page(request, "home.html", notices=form["notices"], office=name)


async def view(request: Request) -> Response:
    """Remember language and size of the type, and return to the page."""
    form = await read_form(request)
    answer = RedirectResponse(local_path(form["back"]), 303)
    set_cookie(answer, "view", changed(view_of(request), form["view"]).text(), _YEAR)
    return answer


async def asset(request: Request) -> Response:
    """A file by its exact address."""
    found = by_address().get(request.url.path)
    if found is None:
        raise nothing_here()
    headers = {**HEADERS, "Cache-Control": f"public, max-age={LIFE}, immutable"}
    return Response(found.content, media_type=found.media_type, headers=headers)


async def old_status(_request: Request) -> Response:
    """The address of former receipts. A browser keeps what is behind the `#`."""
    return RedirectResponse("/track", 308)


def nothing_here() -> Problem:
    return Problem(404, "no_such_page", "There is no page at this address.", "没有这一页面。")


ROUTES = [
    Route("/", home),
    Route("/view", view, methods=["POST"]),
    Route("/assets/{name:path}", asset),
]
CITIZEN_ROUTES = [Route("/status", old_status)]
