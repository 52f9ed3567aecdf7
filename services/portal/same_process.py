"""An interface in the same process as a transport of httpx that passes on each part of an answer when it comes.

`httpx.ASGITransport` waits for the whole answer, so it cannot carry a stream of events.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import httpx
from starlette.types import ASGIApp, Message

_PARTS = 64
"""Parts of an answer that wait to be read; then the application waits."""


class _Body(httpx.AsyncByteStream):
    def __init__(self, parts: asyncio.Queue[bytes | None], task: asyncio.Task[None]) -> None:
        self._parts = parts
        self._task = task

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while (part := await self._parts.get()) is not None:
            yield part

    async def aclose(self) -> None:
        self._task.cancel()


class SameProcess(httpx.AsyncBaseTransport):
    """Calls an application. A reader who goes away ends the call."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """The answer, as soon as its head is there."""
        content = await request.aread()
        scope = {
            "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": request.method,
            "headers": [(name.lower(), value) for name, value in request.headers.raw], "scheme": request.url.scheme,
            "path": request.url.path, "raw_path": request.url.raw_path.split(b"?")[0], "query_string": request.url.query,
            "server": (request.url.host, request.url.port), "client": ("127.0.0.1", 123), "root_path": "",
        }  # fmt: skip
        parts: asyncio.Queue[bytes | None] = asyncio.Queue(_PARTS)
        head: asyncio.Future[tuple[int, list[tuple[bytes, bytes]]]] = asyncio.get_running_loop().create_future()
        given = False

        async def receive() -> Message:
            nonlocal given
            if not given:
                given = True
                return {"type": "http.request", "body": content, "more_body": False}
            await asyncio.Event().wait()  # the reader does not go away before the task is cancelled
            raise AssertionError

        async def send(message: Message) -> None:
            if message["type"] == "http.response.start":
                head.set_result((message["status"], list(message.get("headers", []))))
                return
            if message.get("body"):
                await parts.put(message["body"])
            if not message.get("more_body", False):
                await parts.put(None)

        async def call() -> None:
            await self._app(scope, receive, send)

        task = asyncio.create_task(call())
        task.add_done_callback(lambda done: _ended(done, head, parts))
        try:
            status, headers = await asyncio.shield(head)
        except BaseException:
            task.cancel()
            raise
        return httpx.Response(status, headers=headers, stream=_Body(parts, task))


def _ended(
    task: asyncio.Task[None],
    head: asyncio.Future[tuple[int, list[tuple[bytes, bytes]]]],
    parts: asyncio.Queue[bytes | None],
) -> None:
    """A call that failed before its answer fails the request; one that failed later ends the answer."""
    error = None if task.cancelled() else task.exception()
    if not head.done():
        if error is not None:
            head.set_exception(error)
        else:
            head.cancel()
    elif error is not None or task.cancelled():
        while parts.full():
            parts.get_nowait()
        parts.put_nowait(None)
