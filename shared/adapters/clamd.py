"""A virus scanner behind the protocol of clamd, by TCP or by a Unix socket. Command: `zINSTREAM` (man clamd)."""

from __future__ import annotations

import asyncio
import contextlib
import re
import struct
from collections.abc import AsyncIterator
from typing import NamedTuple
from urllib.parse import urlsplit

from shared.application.virus_scanner import ScannerUnavailable
from shared.eventstore.blobs import Piece

_CHUNK = 64 * 1024
_ANSWER = 4096
_ADDRESS = re.compile(r"(?:tcp://[^\s/]+:\d{1,5}|unix:/[^\s]+)")


class ClamdAddress(NamedTuple):
    """`tcp://HOST:PORT` or `unix:/PATH`."""

    host: str | None
    port: int
    path: str

    @classmethod
    def parsed(cls, text: str) -> ClamdAddress:
        """Raises ValueError."""
        if _ADDRESS.fullmatch(text) is None:
            raise ValueError("must be tcp://HOST:PORT or unix:/PATH")
        if text.startswith("unix:"):
            return cls(None, 0, text.removeprefix("unix:"))
        url = urlsplit(text)
        if url.hostname is None or url.port is None:
            raise ValueError("must be tcp://HOST:PORT or unix:/PATH")
        return cls(url.hostname, url.port, "")


class Clamd:
    """Scans with clamd. Every wait has a limit, so that a scanner that hangs holds back files, never the server.

    Args:
        connect: Seconds to connect.
        quiet: Seconds without progress in sending, or without the answer.
        at_once: Connections at most; clamd has a limit of its own (MaxThreads).
    """

    def __init__(
        self,
        address: ClamdAddress,
        *,
        connect: float = 5.0,
        quiet: float = 60.0,
        at_once: int = 4,
    ) -> None:
        self._address = address
        self._connect, self._quiet = connect, quiet
        self._places = asyncio.Semaphore(at_once)

    async def infected(self, content: AsyncIterator[Piece]) -> bool:
        """True if clamd finds something. The name of what it found is not returned: it may quote the file."""
        async with self._places:
            try:
                answer = await self._scanned(content)
            except (OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError) as error:
                raise ScannerUnavailable(type(error).__name__) from None
        if answer.endswith(b": OK"):
            return False
        if answer.endswith(b" FOUND"):
            return True
        # `INSTREAM size limit exceeded. ERROR`, `COMMAND READ TIMED OUT`, nothing, or no clamd at all
        raise ScannerUnavailable("the answer is neither OK nor FOUND")

    async def _scanned(self, content: AsyncIterator[Piece]) -> bytes:
        async with asyncio.timeout(self._connect):
            reader, writer = await self._opened()
        try:
            try:
                writer.write(b"zINSTREAM\0")
                async for piece in content:
                    for at in range(0, len(piece), _CHUNK):
                        part = piece[at : at + _CHUNK]
                        writer.write(struct.pack(">I", len(part)) + part)
                        async with asyncio.timeout(self._quiet):
                            await writer.drain()
                writer.write(struct.pack(">I", 0))
                async with asyncio.timeout(self._quiet):
                    await writer.drain()
            except (BrokenPipeError, ConnectionResetError):
                pass  # clamd closes as soon as it knows; its answer is there to be read
            async with asyncio.timeout(self._quiet):
                return (await reader.readuntil(b"\0"))[:-1].strip()
        finally:
            writer.close()
            with contextlib.suppress(OSError, TimeoutError):
                async with asyncio.timeout(self._connect):
                    await writer.wait_closed()

    async def _opened(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if self._address.host is None:
            return await asyncio.open_unix_connection(self._address.path, limit=_ANSWER)
        return await asyncio.open_connection(self._address.host, self._address.port, limit=_ANSWER)
