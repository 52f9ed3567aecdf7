"""Live updates: the stream of the interface, passed on. It says only which cases moved; the page fetches again what it shows."""

from __future__ import annotations

from collections.abc import AsyncIterator

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from services.portal.api import Api
from services.portal.browser import HEADERS
from services.portal.pages.sign_in import staff

SECONDS = 1_500
"""After so long the browser asks again, with the session that it has then."""


async def live(request: Request) -> Response:
    """Server-sent events for the person who is signed in."""
    api: Api = request.app.state.api
    who = staff(request)

    async def events() -> AsyncIterator[bytes]:
        async for part in api.parts(who, "/v1/live", wait=SECONDS):
            yield part

    headers = {**HEADERS, "X-Accel-Buffering": "no"}
    return StreamingResponse(events(), media_type="text/event-stream", headers=headers)


ROUTES = [Route("/desk/live", live)]
