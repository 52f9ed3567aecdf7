"""The connections of a server: how long each may take for its request, and how many may be open.

uvicorn limits only the pause between two requests. `LimitedProtocol` also limits the time for a head and for a body, what a
client leaves unread, and the number of connections. It depends on the inside of uvicorn's `H11Protocol`: read that class again
before `REVIEWED` is changed. All limits are our own choice.
"""

from __future__ import annotations

import asyncio
import resource
import time
from collections import OrderedDict
from collections.abc import Callable
from functools import partial
from typing import Any, Literal

import h11
import orjson
import structlog
import uuid_utils
from uvicorn.config import Config
from uvicorn.protocols.http.h11_impl import H11Protocol

from shared.application.problem import problem
from shared.http.access_log import REQUEST_HEADER, SAFE_HEADERS
from shared.http.client_network import network_of
from shared.http.problem_details import MEDIA_TYPE

REVIEWED = ("0.54.0", "0.16.0")
"""The versions of uvicorn and h11 that this file was read against."""
HEAD_SECONDS = 10.0
"""From the first byte of a request, or from the connection, to the end of its head."""
BODY_SECONDS = 20.0
"""From the head to the end of the body, to which each `BODY_RATE` bytes add a second."""
BODY_RATE = 1000.0
IDLE_SECONDS = 30
"""Between two requests of a connection."""
UNREAD_SECONDS = 30.0
"""While a client reads nothing of its answer."""
LINGER_SECONDS = 5.0
"""From the end of a connection until what its client has not read is given up."""
HEAD_BYTES = 32 * 1024
"""Maximum size of a head."""
SPARE_FILES = 200
"""Open files that are kept for everything but connections."""
BETWEEN_LINES = 60.0
"""Seconds between two log lines about connections that were dropped."""
Phase = Literal["head", "body", "drain", "idle", "answer", "closing"]
"""What a connection waits for: a head, a body, the rest of a body after its answer, the next request, our answer, its end."""
_LIMITS = {"head": HEAD_SECONDS, "body": BODY_SECONDS, "drain": LINGER_SECONDS, "closing": LINGER_SECONDS}
log = structlog.get_logger("server")


class _Quiet:
    """In the place of uvicorn's logger in a connection: what strangers send is counted and not logged line by line."""

    level = 100

    def warning(self, *_values: object, **_more: object) -> None: ...

    log = info = warning

    def error(self, text: str, *_values: object, exc_info: BaseException | None = None) -> None:
        log.error("connection", reason=text.strip(), error=type(exc_info).__name__ if exc_info else "")


class Connections:
    """The open connections of one server.

    While there are more than `most`, the one that has waited longest for the rest of its request is closed, of the network that
    has the most of those: who opens many closes their own.

    Args:
        most: Maximum number of open connections; `affordable` says what the process can have.
        dropped: Called with the reason whenever a connection is closed before its request was answered.
    """

    def __init__(self, most: int, dropped: Callable[[str], None] = lambda _reason: None) -> None:
        self.most = most
        self.open: set[LimitedProtocol] = set()
        self._waiting: dict[str, OrderedDict[LimitedProtocol, None]] = {}
        self._dropped = dropped
        self._said = -BETWEEN_LINES
        self._unsaid = 0

    def admit(self, connection: LimitedProtocol) -> bool:
        """Count a new connection. False if there is no room for it, because all others are being answered."""
        self.open.add(connection)
        if len(self.open) <= self.most:
            return True
        victim = self._longest_waiting()
        if victim is None:
            return False
        victim.drop("full")
        return True

    def waits(self, connection: LimitedProtocol) -> None:
        """The connection has begun to wait for its client."""
        self.answers(connection)
        self._waiting.setdefault(connection.network, OrderedDict())[connection] = None

    def answers(self, connection: LimitedProtocol) -> None:
        """The connection no longer waits for its client."""
        own = self._waiting.get(connection.network)
        if own is not None and own.pop(connection, 0) is None and not own:
            del self._waiting[connection.network]

    def ended(self, connection: LimitedProtocol) -> None:
        self.answers(connection)
        self.open.discard(connection)

    def dropped(self, reason: str) -> None:
        """Count a connection that was closed early; a line in the log at most once in `BETWEEN_LINES`."""
        self._dropped(reason)
        self._unsaid += 1
        now = time.monotonic()
        if now - self._said >= BETWEEN_LINES:
            log.warning("connections_dropped", reason=reason, count=self._unsaid)
            self._said, self._unsaid = now, 0

    def _longest_waiting(self) -> LimitedProtocol | None:
        most = max(self._waiting.values(), key=len, default=None)
        return None if most is None else next(iter(most))

    def protocol(self) -> Callable[..., LimitedProtocol]:
        """What uvicorn's `Config` takes as `http`."""
        return partial(LimitedProtocol, connections=self)


class LimitedProtocol(H11Protocol):
    """One HTTP connection with limits on the time of each phase."""

    def __init__(
        self,
        config: Config,
        server_state: Any,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
        *,
        connections: Connections,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self.logger = _Quiet()  # type: ignore[assignment]
        self.network = ""
        self._all = connections
        self._phase: Phase = "answer"
        self._began = 0.0
        self._received = 0
        self._timer: asyncio.TimerHandle | None = None
        self._unread: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.network = network_of(self.client[0]) if self.client else ""
        if self._all.admit(self):
            self._watch()
        else:
            self._refuse(
                503,
                "too_many_connections",
                "Too many connections are open. Close those that you do not use, and try again in a moment.",
                "连接数已达上限，请关闭不用的连接，稍后再试。",
            )

    def data_received(self, data: bytes) -> None:
        self._received += len(data)
        super().data_received(data)
        self._watch()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._watch()

    def timeout_keep_alive_handler(self) -> None:
        super().timeout_keep_alive_handler()
        self._watch()

    def shutdown(self) -> None:
        super().shutdown()
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        self._all.ended(self)
        self._stop(self._timer)
        self._stop(self._unread)
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        super().pause_writing()
        self._unread = self.loop.call_later(UNREAD_SECONDS, self.drop, "unread")

    def resume_writing(self) -> None:
        super().resume_writing()
        self._stop(self._unread)

    def send_400_response(self, msg: str) -> None:
        """The answer to what is not HTTP."""
        self._refuse(400, "not_http", "This is not an HTTP request that can be read.", "这不是有效的 HTTP 请求。")

    def drop(self, reason: str) -> None:
        """Close the connection immediately, without an answer."""
        self._all.ended(self)
        self._all.dropped(reason)
        self.transport.abort()

    # ------------------------------------------------------------ phases

    def _now_in(self) -> Phase:
        if self.transport.is_closing():
            return "closing"
        if self.conn.their_state is h11.SEND_BODY:
            return "drain" if self.cycle.response_complete else "body"
        if self.conn.their_state is h11.IDLE:
            return "head" if self.timeout_keep_alive_task is None else "idle"
        return "answer"

    def _watch(self) -> None:
        """Notice a new phase, and start its timer."""
        phase = self._now_in()
        if phase == self._phase:
            return
        self._phase, self._began, self._received = phase, self.loop.time(), 0
        self._stop(self._timer)
        if phase in ("head", "body", "drain", "idle"):
            self._all.waits(self)
        else:
            self._all.answers(self)
        seconds = _LIMITS.get(phase)
        if seconds is not None:
            self._timer = self.loop.call_later(seconds, self._late)

    def _late(self) -> None:
        """The time of the phase is over."""
        if self._phase == "closing":
            self.transport.abort()
            return
        if self._phase == "drain":
            self.transport.close()
            self._watch()
            return
        if self._phase == "head" and self._received == 0 and self.cycle is None:  # nobody is there to read an answer
            self.drop("head")
            return
        if self._phase == "body":
            if self.flow.read_paused:  # the client waits for us
                self._began, self._received = self.loop.time(), 0
            left = self._began + BODY_SECONDS + self._received / BODY_RATE - self.loop.time()
            if left > 0:
                self._timer = self.loop.call_later(left, self._late)
                return
        self._all.dropped(self._phase)
        self._refuse(
            408,
            "request_timeout",
            "The request did not arrive in time. Send it again, as a whole.",
            "请求未能及时传完，请完整重发。",
        )

    def _refuse(self, status: int, code: str, detail: str, detail_zh: str) -> None:
        """Answer with a problem, as far as no other answer has begun, and close the connection."""
        if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            body = orjson.dumps(problem(status, code, detail, detail_zh))
            request = uuid_utils.uuid7().hex
            log.info("refused", request=request, status=status, code=code)
            headers = [
                *SAFE_HEADERS,
                (REQUEST_HEADER, request.encode()),
                (b"content-type", MEDIA_TYPE.encode()),
                (b"content-length", str(len(body)).encode()),
                (b"connection", b"close"),
            ]
            events = h11.Response(status_code=status, headers=headers), h11.Data(data=body), h11.EndOfMessage()
            for event in events:
                self.transport.write(self.conn.send(event) or b"")
        if self.cycle is not None and not self.cycle.response_complete:
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        self.transport.close()
        self._watch()

    @staticmethod
    def _stop(timer: asyncio.TimerHandle | None) -> None:
        if timer is not None:
            timer.cancel()


def affordable(most: int) -> int:
    """As many of `most` connections as the process may have open files for. Raises its limit of open files as far as that is
    needed and allowed."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = most + SPARE_FILES
    if soft != resource.RLIM_INFINITY and soft < wanted:
        soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return most if soft == resource.RLIM_INFINITY else max(10, min(most, soft - SPARE_FILES))
