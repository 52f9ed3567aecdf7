"""Connections of strangers: none keeps its place for long, and all together leave room for others."""

from __future__ import annotations

import asyncio
import socket
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing
from typing import Any

import h11
import pytest
import uvicorn
from fastapi import FastAPI

from deploy.api.app import build_app
from deploy.server import connections as limits
from deploy.server.connections import Connections
from deploy.server.server import serving
from deploy.server.sockets import PortInUse, listen
from deploy.server.startup import app as waiting_app
from shared.http.access_log import SafeAnswers
from shared.http.client_network import network_of
from tests.support.serving import Served, served

HEAD = b"POST /v1/status HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 100\r\n"
LIVE = b"GET /livez HTTP/1.1\r\nhost: x\r\n\r\n"
SHORT = {"HEAD_SECONDS": 0.3, "BODY_SECONDS": 0.3, "LINGER_SECONDS": 0.2, "UNREAD_SECONDS": 0.3}
Opened = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, seconds in SHORT.items():
        monkeypatch.setattr(limits, name, seconds)
    table = {"head": 0.3, "body": 0.3, "drain": 0.2, "closing": 0.2}
    monkeypatch.setattr(limits, "_LIMITS", table)


class Listening:
    def __init__(self, port: int, reasons: Counter[str], own: Connections) -> None:
        self.port, self.reasons, self.connections = port, reasons, own

    async def connect(self, sent: bytes = b"") -> Opened:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(sent)
        await writer.drain()
        return reader, writer

    async def alive(self) -> bool:
        reader, writer = await self.connect(LIVE)
        answer = await asyncio.wait_for(reader.readuntil(b"}"), 5)
        writer.close()
        return answer.startswith(b"HTTP/1.1 200")


@asynccontextmanager
async def listening(app: Any, most: int = 100) -> AsyncIterator[Listening]:
    reasons: Counter[str] = Counter()

    def count(reason: str) -> None:
        reasons[reason] += 1

    own = Connections(most, count)
    with closing(listen("127.0.0.1", 0, "another")) as public:
        server = serving(app, own)
        task = asyncio.create_task(server.serve([public]))
        while not server.started:  # noqa: ASYNC110
            await asyncio.sleep(0.005)
        yield Listening(int(public.getsockname()[1]), reasons, own)
        server.should_exit = True
        await task


@pytest.fixture
async def here() -> AsyncIterator[Served]:
    async with served() as found:
        yield found


async def ended(opened: Opened, seconds: float = 5) -> bytes:
    """What came until the server closed the connection."""
    reader, writer = opened
    try:
        return await asyncio.wait_for(reader.read(), seconds)
    except ConnectionResetError:
        return b""
    finally:
        writer.close()


def test_protocol_was_read_against_installed_versions() -> None:
    """A new uvicorn or h11 may change what the subclass depends on: read both again, then change REVIEWED."""
    assert (uvicorn.__version__, h11.__version__) == limits.REVIEWED


SENT: dict[str, tuple[bytes, bytes, str]] = {
    "nothing": (b"", b"", "head"),
    "half a head": (b"GET /livez HTTP/1.1\r\nx-", b"408", "head"),
    "a head without end": (HEAD, b"408", "head"),
    "no body": (HEAD + b"\r\n", b"408", "body"),
    "half a body": (HEAD + b"\r\n{", b"408", "body"),
    "half a chunk": (
        HEAD.replace(b"content-length: 100", b"transfer-encoding: chunked") + b"\r\n5\r\n{",
        b"408",
        "body",
    ),
    "half a second head": (LIVE + b"GET /li", b"200", "head"),
}


@pytest.mark.parametrize("what", SENT)
async def test_request_that_does_not_arrive_is_ended(here: Served, what: str) -> None:
    sent, status, reason = SENT[what]
    async with listening(here.app) as there:
        opened = await there.connect(sent)
        if what == "half a second head":  # uvicorn's pause between two requests is ended by the first byte
            await asyncio.sleep(0.05)
            opened[1].write(b"v")
        answer = await ended(opened)
        assert answer.startswith(b"HTTP/1.1 " + status if status else b"") and (bool(status) or not answer)
        if status == b"408":
            assert b'"code":"request_timeout"' in answer and b"no-store" in answer and b"nosniff" in answer
        assert there.reasons == {reason: 1}
        assert not there.connections.open
        assert await there.alive()


@pytest.mark.parametrize("slow", [HEAD[:20], HEAD + b"\r\n"], ids=["head", "body"])
async def test_one_byte_at_a_time_does_not_prolong_request(here: Served, slow: bytes) -> None:
    async with listening(here.app) as there:
        reader, writer = await there.connect(slow)
        began = asyncio.get_running_loop().time()
        reading = asyncio.create_task(
            reader.readuntil(b"\r\n")
        )  # what is written after the answer resets the connection
        while not reading.done():
            assert asyncio.get_running_loop().time() - began < 5
            writer.write(b"x")
            await asyncio.sleep(0.02)
        assert (await reading).startswith(b"HTTP/1.1 408")
        writer.close()


async def test_large_body_at_a_fair_rate_is_not_ended(here: Served) -> None:
    """Ten times as long as the limit for a body that stands still."""
    async with listening(here.app) as there:
        size = 30 * 4000
        head = HEAD.replace(b"100", str(size).encode()).replace(b"/v1/status", b"/v1/citizens/commands")
        reader, writer = await there.connect(head + b"\r\n")
        for _ in range(30):
            writer.write(b" " * 4000)
            await writer.drain()
            await asyncio.sleep(0.03)
        answer = await asyncio.wait_for(reader.readuntil(b"\r\n"), 5)
        writer.close()
    assert answer.startswith(b"HTTP/1.1 400") and not there.reasons


async def test_rest_of_refused_body_is_not_awaited(here: Served) -> None:
    async with listening(here.app) as there:
        began = asyncio.get_running_loop().time()
        answer = await ended(await there.connect(HEAD.replace(b"100", b"99999999") + b"\r\n{"))
        assert answer.startswith(b"HTTP/1.1 413") and asyncio.get_running_loop().time() - began < 2
        assert not there.connections.open


async def test_answer_that_nobody_reads_is_given_up(here: Served) -> None:
    async def large(_scope: Any, _receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"x" * 30_000_000, "more_body": True})
        await send({"type": "http.response.body", "body": b"x"})

    async with listening(large) as there:
        client = socket.create_connection(("127.0.0.1", there.port))
        with closing(client):
            client.sendall(LIVE)
            for _ in range(100):
                await asyncio.sleep(0.02)
                if there.reasons:
                    break
        assert there.reasons == {"unread": 1} and not there.connections.open


async def test_many_half_open_connections_leave_room_for_others(here: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "_LIMITS", {})
    async with listening(here.app, most=40) as there:
        opened = [await there.connect(one) for one in (b"GET", HEAD + b"\r\n{", b"") for _ in range(100)]
        for _ in range(20):
            assert await there.alive()
        assert len(there.connections.open) <= 41
        assert set(there.reasons) == {"full"}
        for _reader, writer in opened:
            writer.close()


async def test_connection_that_waits_longest_in_the_largest_network_makes_room() -> None:
    class Fake:
        def __init__(self, network: str) -> None:
            self.network, self.gone = network, False

        def drop(self, _reason: str) -> None:
            self.gone = True
            all_.ended(self)  # type: ignore[arg-type]

    all_ = Connections(5)
    many, few = [Fake("a") for _ in range(8)], [Fake("b"), Fake("b")]
    for one in (few[0], *many, few[1]):
        assert all_.admit(one)  # type: ignore[arg-type]
        all_.waits(one)  # type: ignore[arg-type]
    assert [one.gone for one in few] == [False, False], "who opens many closes their own"
    assert [one.gone for one in many] == [True] * 5 + [False] * 3
    for one in (*few, *many):
        all_.answers(one)  # type: ignore[arg-type]
    assert not all_.admit(Fake("c")), "all others are being answered"  # type: ignore[arg-type]


async def test_no_room_is_said(here: Served) -> None:
    release = asyncio.Event()

    async def slow(_scope: Any, _receive: Any, send: Any) -> None:
        await release.wait()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"{}"})

    async with listening(slow, most=2) as there:
        busy = [await there.connect(LIVE) for _ in range(2)]
        await asyncio.sleep(0.05)
        answer = await ended(await there.connect())
        assert answer.startswith(b"HTTP/1.1 503") and b"too_many_connections" in answer
        release.set()
        for reader, writer in busy:
            assert (await reader.readuntil(b"{}")).startswith(b"HTTP/1.1 200")
            writer.close()


@pytest.mark.parametrize(
    "junk",
    [b"\x16\x03\x01\x02", b"GET\r\n\r\n", b"A" * 70_000, b"GET /livez HTTP/1.1\r\nhost: x\r\nupgrade: h2c\r\n\r\n"],
)
async def test_what_is_not_http_is_refused_without_a_log_line(
    here: Served, junk: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    async with listening(here.app) as there:
        opened = await there.connect(junk + b"\r\n\r\n")
        answer = await ended(opened, 2) if b"upgrade" not in junk else await opened[0].readuntil(b"\r\n")
        opened[1].close()
    assert answer.startswith(b"HTTP/1.1 200" if b"upgrade" in junk else b"HTTP/1.1 400")
    assert not caplog.records


async def test_client_that_leaves_in_its_body_is_no_server_error(
    here: Served, caplog: pytest.LogCaptureFixture
) -> None:
    """Of every route that reads a body."""
    async with listening(here.app) as there:
        for path, operations in here.app.openapi()["paths"].items():
            for method, operation in operations.items():
                if "requestBody" not in operation:
                    continue
                kind = next(iter(operation["requestBody"]["content"])).encode()
                role = "operations" if "history" in path or "policies" in path else "registrar"
                head = HEAD.replace(b"POST /v1/status", f"{method.upper()} {path}".encode())
                head = head.replace(b"application/json", kind)
                _reader, writer = await there.connect(
                    head + b"authorization: Bearer " + here.keys[role].encode() + b"\r\n\r\n{"
                )
                await asyncio.sleep(0.02)
                writer.transport.abort()
        while there.connections.open:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.05)
    async with here.on_operations_port() as operations_port:
        text = (await operations_port.get("/metrics")).text
    counted = [line for line in text.splitlines() if line.startswith("huiyin_http_requests_total")]
    assert not [line for line in counted if 'status="5' in line]
    assert sum('status="499"' in line for line in counted) >= 8, counted


async def test_small_answers_are_sent_at_once(here: Served) -> None:
    """A9: TCP_NODELAY on every accepted connection of a TCP port."""
    seen: list[int] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        for one in there.connections.open:
            made = one.transport.get_extra_info("socket")
            seen.append(made.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
        await here.app(scope, receive, send)

    async with listening(app) as there:
        assert await there.alive()
    assert seen == [1]


async def test_used_port_is_refused_with_the_option_that_changes_it() -> None:
    with (
        closing(listen("127.0.0.1", 0, "x")) as first,
        pytest.raises(PortInUse, match=r"HUIYIN_OPS_PORT=N"),
    ):
        listen("127.0.0.1", first.getsockname()[1], "HUIYIN_OPS_PORT=N")


def test_limit_of_connections_fits_the_limit_of_open_files(monkeypatch: pytest.MonkeyPatch) -> None:
    set_to: list[tuple[int, int]] = []
    monkeypatch.setattr(limits.resource, "setrlimit", lambda _which, pair: set_to.append(pair))
    for soft, hard, most, raised in ((1024, 4096, 1000, 1200), (256, 512, 312, 512), (9000, 9000, 1000, None)):
        monkeypatch.setattr(limits.resource, "getrlimit", lambda _which, pair=(soft, hard): pair)
        set_to.clear()
        assert limits.affordable(1000) == most
        assert set_to == ([] if raised is None else [(raised, hard)])


@pytest.mark.parametrize(
    ("host", "network"),
    [
        ("10.1.2.3", "10.1.2.3"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::1", "2001:db8:1:2::/64"),
        ("::ffff:10.1.2.3", "10.1.2.3"),
        ("fe80::1%eth0", "fe80::/64"),
        ("testclient", "testclient"),
    ],
)
def test_network_of_client(host: str, network: str) -> None:
    assert network_of(host) == network


@pytest.mark.parametrize("make", [lambda: SafeAnswers(waiting_app("log_away")), build_app], ids=["start", "running"])
async def test_answers_of_every_phase_have_safe_headers(here: Served, make: Callable[..., Any]) -> None:
    app = make(here.runtime) if make is build_app else make()
    assert isinstance(app, FastAPI | SafeAnswers)
    async with listening(app) as there:
        for path in (b"/livez", b"/nothing", b"/v1/cases"):
            reader, writer = await there.connect(LIVE.replace(b"/livez", path))
            head = (await reader.readuntil(b"\r\n\r\n")).lower()
            assert b"cache-control: no-store\r\n" in head and b"x-content-type-options: nosniff\r\n" in head
            writer.close()


TWICE = [
    b"content-length: 5\r\ntransfer-encoding: chunked\r\n",
    b"transfer-encoding: chunked\r\ncontent-length: 5\r\n",
    b"Transfer-Encoding: chunked\r\nContent-Length: 0\r\n",
]


@pytest.mark.parametrize("ends", TWICE)
@pytest.mark.parametrize("version", [b"1.1", b"1.0"])
async def test_request_with_two_ends_is_refused_and_nothing_behind_it_is_answered(
    here: Served, ends: bytes, version: bytes
) -> None:
    """A proxy in front may see another end of the body: what follows must never be taken for the next request."""
    head = b"POST /v1/status HTTP/" + version + b"\r\nhost: x\r\ncontent-type: application/json\r\n" + ends + b"\r\n"
    async with listening(build_app(here.runtime)) as server:
        answer = await ended(await server.connect(head + b"0\r\n\r\n" + LIVE))
        only = b""
        if version == b"1.0":  # which knows no chunks
            only = await ended(await server.connect(head.replace(b"content-length: 5\r\n", b"") + b"0\r\n\r\n"))
        assert await server.alive()
    assert answer.startswith(b"HTTP/1.1 400") and b"ambiguous_length" in answer
    assert answer.count(b"HTTP/1.1") == 1, "the connection ends"
    assert version == b"1.1" or b"ambiguous_length" in only
