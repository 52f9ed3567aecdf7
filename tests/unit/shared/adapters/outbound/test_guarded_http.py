"""Requests to servers of others: only permitted addresses, no redirects, limited time and size."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from shared.adapters.outbound.guarded_http import BODY_KEPT, LONGEST_WAIT, GuardedHttp, seconds_to_wait
from shared.kernel.outbound_addresses import networks
from shared.kernel.refusals import Invalid
from tests.support.certificates import certificate
from tests.support.receiver import Receiver, answer, receiving

HOME = networks("127.0.0.0/8")


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as made:
        yield made


@pytest.fixture
async def http() -> AsyncIterator[GuardedHttp]:
    made = GuardedHttp(HOME)
    yield made
    await made.close()


def named(*addresses: str) -> GuardedHttp:
    """A client for which every name has these addresses, in turn one list after the other."""
    calls = iter(addresses)

    async def resolve(_host: str, _port: int) -> list[str]:
        return next(calls).split()

    return GuardedHttp(HOME, resolve=resolve)


async def test_a_request_arrives_with_its_headers_and_body(http: GuardedHttp, receiver: Receiver) -> None:
    result = await http.post(receiver.url, {"webhook-id": "m1"}, b'{"a":1}')
    assert (result.ok, result.status, result.problem) == (True, 204, None)
    (got,) = receiver.got
    assert (got.path, got.body, got.headers["webhook-id"]) == ("/hook", b'{"a":1}', "m1")
    assert got.headers["host"] == f"127.0.0.1:{receiver.port}"


async def test_without_an_allowed_network_nothing_reaches_this_machine(receiver: Receiver) -> None:
    guard = GuardedHttp()
    for url in (f"https://127.0.0.1:{receiver.port}/", f"https://localhost:{receiver.port}/"):
        result = await guard.post(url, {}, b"")
        assert (result.status, result.problem, result.begun) == (None, "webhook_address_refused", False)
    assert receiver.got == []
    await guard.close()


@pytest.mark.parametrize(
    ("addresses", "problem"),
    [
        ("10.0.0.1", "private_address"),
        ("169.254.169.254", "metadata_address"),
        ("::ffff:10.0.0.1", "embedded_address"),
        ("64:ff9b::a00:1", "embedded_address"),
        ("fe80::1%1", "link_local_address"),
        ("8.8.8.8 10.0.0.1", "private_address"),
        ("127.0.0.1 10.0.0.1", "private_address"),
    ],
)
async def test_a_name_that_resolves_to_a_forbidden_address_is_refused(addresses: str, problem: str) -> None:
    guard = named(addresses, addresses)
    result = await guard.post("https://hook.example/", {}, b"")
    assert (result.status, result.problem) == (None, problem)
    with pytest.raises(Invalid, match="not permitted"):
        await guard.check("https://hook.example/")
    await guard.close()


async def test_a_name_that_resolves_elsewhere_later_is_refused_then(receiver: Receiver) -> None:
    guard = named("127.0.0.1", "169.254.169.254")
    assert (await guard.post(f"http://hook.example:{receiver.port}/", {"connection": "close"}, b"")).status == 204
    receiver.answers = lambda _request: answer()
    await asyncio.sleep(0)
    guard._pools["http"]._connections.clear()
    later = await guard.post(f"http://hook.example:{receiver.port}/", {}, b"")
    assert later.problem == "metadata_address"
    assert len(receiver.got) == 1
    await guard.close()


async def test_the_name_is_resolved_once_per_connection(receiver: Receiver) -> None:
    guard = named("127.0.0.1")  # a second question would fail
    result = await guard.post(f"http://hook.example:{receiver.port}/x", {}, b"")
    assert result.status == 204
    assert receiver.got[0].headers["host"] == f"hook.example:{receiver.port}"
    await guard.close()


async def test_a_redirect_is_not_followed(http: GuardedHttp) -> None:
    async with receiving() as inside, receiving() as outside:
        outside.answers = lambda _request: answer(302, f"Location: {inside.url}\r\n")
        result = await http.post(outside.url, {}, b"{}")
    assert (result.status, result.ok) == (302, False)
    assert inside.got == []


async def test_plain_http_is_only_possible_within_an_allowed_network() -> None:
    guard = named("8.8.8.8")
    assert (await guard.post("http://hook.example/", {}, b"")).problem == "plain_http"
    await guard.close()


async def test_this_server_itself_is_refused_also_in_an_allowed_network(receiver: Receiver) -> None:
    guard = GuardedHttp(HOME, own_ports=lambda: {receiver.port}, own_host="petitions.example")
    assert (await guard.post(receiver.url, {}, b"")).problem == "own_address"
    assert (await guard.post("https://petitions.example/x", {}, b"")).problem == "own_address"
    with pytest.raises(Invalid):
        await guard.check(receiver.url)
    assert receiver.got == []
    await guard.close()


async def test_a_server_that_never_answers_ends_after_the_time_limit(http: GuardedHttp, receiver: Receiver) -> None:
    async def never(_request: object) -> bytes:
        await asyncio.sleep(60)
        return b""

    receiver.answers = never
    result = await http.post(receiver.url, {}, b"", seconds=0.2)
    assert (result.status, result.problem, result.begun) == (None, "timeout", True)


async def test_a_server_that_drips_its_answer_ends_after_the_time_limit(http: GuardedHttp, receiver: Receiver) -> None:
    async def dripping(_request: object) -> bytes:
        return b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nx"

    receiver.answers = dripping
    assert (await http.post(receiver.url, {}, b"", seconds=0.3)).problem == "timeout"


async def test_only_the_beginning_of_a_large_answer_is_read(http: GuardedHttp, receiver: Receiver) -> None:
    receiver.answers = lambda _request: answer(500, body=b"x" * 5_000_000)
    result = await http.post(receiver.url, {}, b"")
    assert (result.status, len(result.body)) == (500, BODY_KEPT)


async def test_retry_after_is_read(http: GuardedHttp, receiver: Receiver) -> None:
    receiver.answers = lambda _request: answer(429, "Retry-After: 120\r\n")
    result = await http.post(receiver.url, {}, b"")
    assert (result.status, result.retry_after) == (429, 120.0)


async def test_nothing_listens_and_what_is_not_http(http: GuardedHttp, receiver: Receiver) -> None:
    receiver.answers = lambda _request: b"SSH-2.0-x\r\n\r\n"
    assert (await http.post(receiver.url, {}, b"")).problem == "not_http"
    closed = await http.post("http://127.0.0.1:1/", {}, b"")
    assert (closed.problem, closed.begun) == ("unreachable", False)


async def test_the_certificate_is_checked_against_the_name(tmp_path: Path) -> None:
    made = certificate(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(made.file)
    names: list[str | None] = []
    context.sni_callback = lambda _socket, name, _context: names.append(name)

    async def resolve(_host: str, _port: int) -> list[str]:
        return ["127.0.0.1"]

    async with receiving(tls=context) as receiver:
        trusting = GuardedHttp(HOME, ca=made.ca, resolve=resolve)
        assert (await trusting.post(f"https://localhost:{receiver.port}/", {}, b"")).status == 204
        assert (await trusting.post(f"https://other.example:{receiver.port}/", {}, b"")).problem == "tls"
        distrusting = GuardedHttp(HOME, resolve=resolve)
        assert (await distrusting.post(f"https://localhost:{receiver.port}/", {}, b"")).problem == "tls"
        assert names == ["localhost", "other.example", "localhost"]
        await trusting.close()
        await distrusting.close()


async def test_a_name_that_does_not_resolve_is_a_failed_attempt_and_may_be_added() -> None:
    guard = GuardedHttp()
    assert (await guard.post("https://does-not-exist.invalid/", {}, b"")).problem == "unknown_host"
    await guard.check("https://does-not-exist.invalid/")
    await guard.close()


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("", None),
        ("0", 0.0),
        ("-5", None),
        ("1e9", None),
        ("５", None),
        ("120, 240", None),
        ("9" * 3_000, LONGEST_WAIT),
        ("Mon, 02 Mar 2020 00:00:00 GMT", 0.0),
        ("Mon, 02 Mar 2026 01:00:00 GMT", 3600.0),
        ("Mon, 02 Mar 2026 01:00:00 +0100", 0.0),
        ("Fri, 31 Dec 9999 23:59:59 -2359", LONGEST_WAIT),
        ("Mon, 02 Mar 99999 00:00:00 GMT", None),
        ("Mon, 02 Mar 2026 00:01:00 +9999999", None),
        ("Mon, 02 Mar 2026 25:61:61 GMT", None),
        ("2026-03-03T00:00:00Z", None),
    ],
)
def test_retry_after_of_any_form_waits_between_nothing_and_a_day(text: str, seconds: float | None) -> None:
    assert seconds_to_wait(text, datetime(2026, 3, 2, tzinfo=UTC)) == seconds
