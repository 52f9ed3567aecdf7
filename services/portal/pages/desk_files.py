"""The files of a case on the desk. Names and contents are opened by an act of the reader, which is recorded."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from services.portal.api import Problem
from services.portal.browser import read_form
from services.portal.downloads import check_reader, passed_on
from services.portal.pages.desk_case import case_page
from services.portal.pages.desk_frame import asked, of_file
from services.portal.pages.sign_in import SignedOut, ended, staff


async def open_files(request: Request) -> Response:
    """The page of the case with the names of its files."""
    await read_form(request)
    (found,) = await asked(request, (of_file(request.path_params["number"]), {}))
    return await case_page(request, files=found["files"])


async def download(request: Request) -> Response:
    """One file of the case."""
    check_reader(request)
    address = of_file(request.path_params["number"], f"/{request.path_params['version']}")
    try:
        return await passed_on(request, staff(request), address)
    except Problem as problem:
        if ended(problem):
            raise SignedOut from None
        raise


ROUTES = [
    Route("/desk/case/{number}/files", open_files, methods=["POST"]),
    Route("/desk/case/{number}/files/{version:int}", download),
]
