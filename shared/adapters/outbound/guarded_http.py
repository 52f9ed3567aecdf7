"""HTTP requests to servers that others chose: resolved once, only permitted addresses, no redirects, limited time and size.

httpcore connects through a backend of ours, so that name, certificate and header Host stay those of the URL while the connection
goes to the address that was checked. Names are resolved in threads of their own: a name server that does not answer delays only
those who wait for it.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
import time
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import partial
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import httpcore

from shared.application.outbound_http import OutboundAnswer
from shared.kernel.outbound_addresses import Address, Network, Target, refusal_of_address, refused, target_of
from shared.kernel.refusals import Invalid

BODY_KEPT = 2_000
"""Bytes of an answer that are kept; the rest is not read."""
CONNECT_SECONDS = 10.0
LONGEST_WAIT = 86_400.0
"""Longest time in seconds that a Retry-After may ask for."""
Resolve = Callable[[str, int], Awaitable[Sequence[str]]]


class AddressRefused(Exception):
    """The host leads to an address that is not permitted. The message is the code."""


class UnknownHost(Exception):
    """The name cannot be resolved."""


class GuardedHttp:
    """An `OutboundHttp` on httpcore."""

    def __init__(
        self,
        allowed: Sequence[Network] = (),
        *,
        own_ports: Callable[[], Collection[int]] = lambda: (),
        own_host: str | None = None,
        ca: Path | None = None,
        resolve: Resolve | None = None,
    ) -> None:
        """`allowed`: networks that are permitted although they are not public. `own_ports`, `own_host`: where this server listens,
        to which it sends nothing. `ca`: certificates of an authority of the internal network, in PEM."""
        self._allowed = tuple(allowed)
        self._own_ports = own_ports
        self._own_host = own_host
        self._threads = ThreadPoolExecutor(16, thread_name_prefix="resolve")
        self._resolve = resolve or self._looked_up
        context = ssl.create_default_context()
        if ca is not None:
            context.load_verify_locations(ca)
        self._pools = {
            scheme: httpcore.AsyncConnectionPool(
                ssl_context=context,
                max_connections=None,
                max_keepalive_connections=64,
                keepalive_expiry=30.0,
                network_backend=_Checked(partial(self._permitted, plain=scheme == "http")),
            )
            for scheme in ("https", "http")
        }

    async def check(self, url: str) -> None:
        target = target_of(url, self._allowed)
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                await self._permitted(target.host, target.port, plain=target.scheme == "http")
        except AddressRefused as error:
            raise refused(str(error)) from None
        except (UnknownHost, TimeoutError):
            return

    async def post(self, url: str, headers: Mapping[str, str], body: bytes, *, seconds: float = 20.0) -> OutboundAnswer:
        began = time.monotonic()

        def without(problem: str, *, begun: bool) -> OutboundAnswer:
            return OutboundAnswer(None, problem, round((time.monotonic() - began) * 1000), begun=begun)

        sent = False

        async def trace(event: str, _info: Mapping[str, Any]) -> None:
            nonlocal sent
            sent = sent or event.endswith("send_request_headers.started")

        try:
            target = target_of(url, self._allowed)
            async with asyncio.timeout(seconds):
                return await self._posted(target, headers, body, began, trace)
        except Invalid as error:
            return without(error.code, begun=False)
        except AddressRefused as error:
            return without(str(error), begun=False)
        except UnknownHost:
            return without("unknown_host", begun=False)
        except (TimeoutError, httpcore.TimeoutException):
            return without("timeout", begun=sent)
        except httpcore.ConnectError as error:
            tls = isinstance(error.__cause__ or error.__context__, ssl.SSLError) or "SSL" in str(error)
            return without("tls" if tls else "unreachable", begun=False)
        except ssl.SSLError:
            return without("tls", begun=sent)
        except (httpcore.NetworkError, OSError):
            return without("broken_off", begun=sent)
        except (httpcore.ProtocolError, httpcore.UnsupportedProtocol, ValueError):
            return without("not_http", begun=sent)

    async def _posted(
        self,
        target: Target,
        headers: Mapping[str, str],
        body: bytes,
        began: float,
        trace: Callable[..., Awaitable[None]],
    ) -> OutboundAnswer:
        url = httpcore.URL(
            scheme=target.scheme.encode(), host=target.host.encode(), port=target.port, target=target.path.encode()
        )
        fields = [
            (b"Host", target.netloc.encode()),
            (b"Content-Length", b"%d" % len(body)),
            (b"User-Agent", b"huiyin"),
            (b"Accept-Encoding", b"identity"),
            *((name.encode("ascii"), value.encode("ascii")) for name, value in headers.items()),
        ]
        async with self._pools[target.scheme].stream(
            "POST", url, headers=fields, content=body, extensions={"trace": trace}
        ) as response:
            kept = b""
            async for chunk in response.aiter_stream():
                kept += chunk
                if len(kept) >= BODY_KEPT:
                    break
            given = {name.lower(): value for name, value in response.headers}
            return OutboundAnswer(
                response.status,
                None,
                round((time.monotonic() - began) * 1000),
                kept[:BODY_KEPT],
                seconds_to_wait(given.get(b"retry-after", b"").decode("latin-1"), datetime.now(UTC)),
            )

    async def _permitted(self, host: str, port: int, *, plain: bool = False) -> list[str]:
        """The addresses of the host, all of them permitted. Raises AddressRefused, UnknownHost."""
        try:
            found: Sequence[str] = [str(ip_address(host))]
        except ValueError:
            if self._own_host is not None and host == self._own_host:
                raise AddressRefused("own_address") from None
            found = await self._resolve(host, port)
        if not found:
            raise UnknownHost(host)
        for text in found:
            try:
                address = ip_address(text)
            except ValueError:
                raise AddressRefused("link_local_address") from None
            if (why := refusal_of_address(address, self._allowed)) is not None:
                raise AddressRefused(why)
            if plain and not any(address in one for one in self._allowed if one.version == address.version):
                raise AddressRefused("plain_http")
            if port in self._own_ports() and _is_ours(address):
                raise AddressRefused("own_address")
        return list(found)

    async def _looked_up(self, host: str, port: int) -> list[str]:
        loop = asyncio.get_running_loop()
        try:
            found = await loop.run_in_executor(
                self._threads, lambda: socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            )
        except (OSError, UnicodeError):
            raise UnknownHost(host) from None
        return list(dict.fromkeys(str(one[4][0]) for one in found))

    async def close(self) -> None:
        for pool in self._pools.values():
            await pool.aclose()
        self._threads.shutdown(wait=False, cancel_futures=True)


class _Checked(httpcore.AsyncNetworkBackend):
    """Connects to the addresses that a host was checked to have."""

    def __init__(self, permitted: Callable[[str, int], Awaitable[list[str]]]) -> None:
        self._permitted = permitted
        self._below = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - the interface of httpcore
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        found = await self._permitted(host, port)
        for place, address in enumerate(found, start=1):
            try:
                return await self._below.connect_tcp(address, port, CONNECT_SECONDS, None, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                if place == len(found):
                    raise
        raise UnknownHost(host)

    async def connect_unix_socket(
        self,
        path: str,
        timeout: float | None = None,  # noqa: ASYNC109 - the interface of httpcore
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        raise AddressRefused("unix_socket")

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


def _is_ours(address: Address) -> bool:
    """True if the address is one of this machine: a socket can be bound to it."""
    family = socket.AF_INET if address.version == 4 else socket.AF_INET6
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((str(address), 0))
        except OSError:
            return False
    return True


def seconds_to_wait(text: str, now: datetime) -> float | None:
    """The seconds that a Retry-After asks to wait, at most a day; None if it asks for nothing that can be read.

    >>> seconds_to_wait("120", datetime(2026, 3, 2, tzinfo=UTC)), seconds_to_wait("soon", datetime(2026, 3, 2, tzinfo=UTC))
    (120.0, None)
    >>> seconds_to_wait("Mon, 02 Mar 2026 00:01:00 GMT", datetime(2026, 3, 2, tzinfo=UTC))
    60.0
    """
    if text.isascii() and text.isdigit():
        return min(float(text[:9]), LONGEST_WAIT)
    try:
        when = parsedate_to_datetime(text)
    except ValueError:
        return None
    if when.tzinfo is None:
        when = when.replace(tzinfo=UTC)
    return min(max(0.0, (when - now).total_seconds()), LONGEST_WAIT)
