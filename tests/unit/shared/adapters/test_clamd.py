"""The scanner against a small server that speaks the protocol of clamd."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from shared.adapters.clamd import Clamd, ClamdAddress
from shared.application.virus_scanner import ScannerUnavailable
from tests.support.sample_files import EICAR

Answers = Callable[[bytes, asyncio.StreamWriter], Awaitable[None]]


async def real(content: bytes, writer: asyncio.StreamWriter) -> None:
    """As clamd answers."""
    found = b"stream: Win.Test.EICAR_HDB-1 FOUND\0" if EICAR in content else b"stream: OK\0"
    writer.write(found)


@asynccontextmanager
async def clamd(answers: Answers, *, most: int = 1 << 20, path: str = "") -> AsyncIterator[ClamdAddress]:
    """A server: zINSTREAM, chunks with their lengths, an empty one at the end. `most`: StreamMaxLength."""

    async def served(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            assert await reader.readuntil(b"\0") == b"zINSTREAM\0"
            content = b""
            while length := struct.unpack(">I", await reader.readexactly(4))[0]:
                content += await reader.readexactly(length)
                if len(content) > most:
                    writer.write(b"INSTREAM size limit exceeded. ERROR\0")
                    await writer.drain()
                    return
            await answers(content, writer)
            await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    if path:
        server = await asyncio.start_unix_server(served, path)
        address = ClamdAddress.parsed(f"unix:{path}")
    else:
        server = await asyncio.start_server(served, "127.0.0.1", 0)
        address = ClamdAddress.parsed(f"tcp://127.0.0.1:{server.sockets[0].getsockname()[1]}")
    async with server:
        yield address


async def content(data: bytes) -> AsyncIterator[bytes]:
    for at in range(0, len(data), 100_000):
        yield data[at : at + 100_000]


async def test_clean_and_infected_content_by_tcp() -> None:
    async with clamd(real) as address:
        scanner = Clamd(address)
        assert await scanner.infected(content(b"letter" * 50_000)) is False
        assert await scanner.infected(content(b"x" * 99_990 + EICAR)) is True
        assert await scanner.infected(content(b"")) is False


async def test_by_unix_socket(tmp_path: Path) -> None:
    async with clamd(real, path=str(tmp_path / "s")) as address:
        assert await Clamd(address).infected(content(EICAR)) is True


async def test_no_answer_is_no_clean_bill() -> None:
    async def silent(_content: bytes, _writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(0.5)

    async def closes(_content: bytes, _writer: asyncio.StreamWriter) -> None:
        return

    async def nonsense(_content: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n\0")

    async def error(_content: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(b"stream: Can't allocate memory ERROR\0")

    async def endless(_content: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(b"x" * 100_000)

    for answers in (silent, closes, nonsense, error, endless):
        async with clamd(answers) as address:
            with pytest.raises(ScannerUnavailable):
                await Clamd(address, quiet=0.1).infected(content(b"letter"))
    async with clamd(real, most=1000) as address:
        with pytest.raises(ScannerUnavailable):
            await Clamd(address).infected(content(bytes(500_000)))
    with pytest.raises(ScannerUnavailable):
        await Clamd(address, connect=0.2).infected(content(b"nobody listens"))


async def test_connections_are_few() -> None:
    now = most = 0

    async def counted(_content: bytes, writer: asyncio.StreamWriter) -> None:
        nonlocal now, most
        now, most = now + 1, max(most, now + 1)
        await asyncio.sleep(0.02)
        now -= 1
        writer.write(b"stream: OK\0")

    async with clamd(counted) as address:
        scanner = Clamd(address, at_once=2)
        assert not any(await asyncio.gather(*(scanner.infected(content(b"x")) for _ in range(8))))
    assert most == 2


@pytest.mark.parametrize("text", ["http://x:1", "tcp://x", "tcp://:1", "unix:x", "tcp://x:1/path", ""])
def test_wrong_address(text: str) -> None:
    with pytest.raises(ValueError, match="must be tcp"):
        ClamdAddress.parsed(text)
