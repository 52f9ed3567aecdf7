"""Live updates for pages: a stream of server-sent events that says which cases moved, and nothing about them.

A client fetches what it shows again, so that its rights are checked again. While nothing happens, a client costs one look at its
rights every `LOOK_SECONDS`. The stream ends with the session, when the access key is revoked, and when the process stops.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import suppress

import orjson
from fastapi import APIRouter, Query, Request
from starlette.responses import StreamingResponse

from shared.application.problem import TooMany
from shared.case import STREAM
from shared.commands.authorization import LIST, Principal, authorize, visible
from shared.eventstore.commit import Commit
from shared.hosting.process import Process
from shared.http.authentication import Caller
from shared.http.openapi import answers
from shared.http.router import api_router

LOOK_SECONDS = 15.0
"""Interval of the looks at a client's rights, and of the comments that keep proxies from closing the connection."""
GATHER_SECONDS = 0.5
"""Changes are gathered for so long, until the lists show them."""
MOST = 50
"""Cases that one event names. More are told as one event without names."""
MOST_SECONDS = 1_800.0
"""After so long a stream ends and its client connects again, with the token that it has renewed meanwhile."""
MOST_OPEN = 20
"""Open streams of one access key or post (own choice): tabs and machines of one person."""
_NAME = "live\x1f"
"""No stream has this name: only the end of the process wakes those who watch it."""
_EVENT = {
    "type": "object",
    "description": "One event; its data are a JSON object",
    "properties": {
        "event": {"type": "string", "enum": ["ready", "cases", "counts", "end"]},
        "data": {"type": "string"},
        "retry": {"type": "integer"},
    },
}
_READY = b"retry: 3000\n\nevent: ready\ndata: {}\n\n"
_END = b"event: end\ndata: {}\n\n"
_COUNTS = b"event: counts\ndata: {}\n\n"


class Client:
    """One open stream."""

    def __init__(self, principal: Principal, valid: Callable[[], Awaitable[bool]], woken: asyncio.Event) -> None:
        self.principal = principal
        self.valid = valid
        self.woken = woken
        self.moved: set[str] = set()


class LiveUpdates:
    """Tells all clients of this process which cases moved."""

    def __init__(self, runtime: Process) -> None:
        self._runtime = runtime
        self._clients: set[Client] = set()
        self._listening = False

    def check_room(self, principal: Principal) -> None:
        """Raises TooMany for a principal who has `MOST_OPEN` streams open."""
        if sum(client.principal.name == principal.name for client in self._clients) >= MOST_OPEN:
            raise TooMany(
                "too_many_streams",
                f"You have {MOST_OPEN} streams of live updates open. Close pages that you do not use, then open this one again.",
                detail_zh=f"您已打开{MOST_OPEN}个实时更新连接，请关闭不用的页面后重试。",
                retry_after=60,
            )

    def _listen(self) -> None:
        """Hear of what this process appends, and of what its consumers have put into the lists."""
        if not self._listening:
            self._listening = True
            self._runtime.ports.log.listen(self._moved)
            self._runtime.observers.append(lambda _group, commits: self._moved(commits))

    def _moved(self, commits: Sequence[Commit]) -> None:
        if not self._clients:
            return
        moved = {commit.stream.removeprefix(STREAM) for commit in commits if commit.stream.startswith(STREAM)}
        if moved:
            for client in self._clients:
                client.moved |= moved
                client.woken.set()

    async def stream(
        self, principal: Principal, valid: Callable[[], Awaitable[bool]], wait: float = MOST_SECONDS
    ) -> AsyncIterator[bytes]:
        """The events for one client, for at most `wait` seconds.

        Rights are checked and a comment is sent at fixed times, whatever happens to cases that the client may not see: the pauses
        tell nothing of them, and a proxy never sees the stream silent."""
        runtime = self._runtime
        self._listen()
        until = time.monotonic() + wait
        look = time.monotonic() + LOOK_SECONDS
        with runtime.watching(_NAME) as woken:
            client = Client(principal, valid, woken)
            self._clients.add(client)
            try:
                yield _READY
                while not runtime.stopping and time.monotonic() < until:
                    woken.clear()
                    if not client.moved:
                        with suppress(TimeoutError):
                            await asyncio.wait_for(woken.wait(), max(0.0, min(look, until) - time.monotonic()))
                    if runtime.stopping:
                        return
                    told = None
                    if client.moved:
                        await asyncio.sleep(GATHER_SECONDS)
                        told = await self._told(client)
                    due = time.monotonic() >= look
                    if (due or told is not None) and not await valid():
                        yield _END
                        return
                    if told is not None:
                        yield told
                    if due:
                        look += LOOK_SECONDS
                        yield b": \n\n"
            finally:
                self._clients.discard(client)

    async def _told(self, client: Client) -> bytes | None:
        """The events about the moved cases that the client may see; None where it may see none of them."""
        moved, client.moved = client.moved, set()
        cases = self._runtime.ports.cases
        seen: list[str] = []
        for case in sorted(moved):
            if visible(client.principal, (await cases.get(case))[0]):
                seen.append(case)
                if len(seen) > MOST:
                    break
        if not seen:
            return None
        named = {"cases": seen, "many": False} if len(seen) <= MOST else {"cases": [], "many": True}
        return b"event: cases\ndata: " + orjson.dumps(named) + b"\n\n" + _COUNTS


def router(runtime: Process) -> APIRouter:
    routes = api_router("live")
    updates = LiveUpdates(runtime)

    @routes.get(
        "/v1/live",
        operation_id="live_v1_live_get",
        response_class=StreamingResponse,
        responses={
            200: {
                "description": "Server-sent events: `ready`; `cases` with the ids of cases that moved (`many`: too many to name);"
                " `counts`; `end` when the session has ended",
                "content": {"text/event-stream": {"schema": _EVENT}},
            },
            **answers(401, 403, 429, 503),
        },
    )
    async def live(
        request: Request,
        caller: Caller,
        wait: float = Query(
            0, ge=0, le=MOST_SECONDS, description="Seconds for which the stream stays open; 0: it only says `ready`"
        ),
    ) -> StreamingResponse:
        """Server-sent events that say which of the cases that you may see moved. Fetch again what you show."""
        authorize(caller, LIST)
        updates.check_room(caller)
        session = getattr(request.state, "session", None)

        async def valid() -> bool:
            if session is None:
                return await runtime.principals.still_valid(caller.ref)
            lasting = session._replace(idle_until=session.until)  # a page that is only looked at is renewed elsewhere
            return await runtime.sessions.principal(lasting) is not None

        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        return StreamingResponse(updates.stream(caller, valid, wait), media_type="text/event-stream", headers=headers)

    return routes
