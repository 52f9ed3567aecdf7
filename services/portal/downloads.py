"""A file of a case, passed on from the interface to the browser as a download."""

from __future__ import annotations

from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from services.portal.api import Api, Caller
from services.portal.browser import check_origin

_HEADERS = (
    "content-type", "content-disposition", "content-length", "content-security-policy", "x-content-type-options",
    "cache-control", "cross-origin-resource-policy", "cross-origin-opener-policy", "referrer-policy", "x-frame-options",
)  # fmt: skip
"""Headers of a file that go on to the browser; `content-security-policy` sandboxes it."""


def check_reader(request: Request) -> None:
    """Refuse a link of another site: the reading of a file is recorded as an act of the reader. Raises Problem."""
    if request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        check_origin(request)


async def passed_on(request: Request, who: Caller, path: str, headers: dict[str, str] | None = None) -> Response:
    """The file at this path of the interface, part by part. Raises Problem."""
    api: Api = request.app.state.api
    file = await api.stream(who, path, headers=headers or {})
    known = {name: file.headers[name] for name in _HEADERS if name in file.headers}
    return StreamingResponse(file.aiter_raw(), headers=known, background=BackgroundTask(file.aclose))
