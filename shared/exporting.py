"""The log as JSONL: exactly the bytes of each event, a stream's events together and in order."""

from __future__ import annotations

from collections.abc import AsyncIterator

from shared.log import Log


async def lines(log: Log, prefix: str = "") -> AsyncIterator[bytes]:
    """One event a line, in blocks. What is sealed stays sealed."""
    async for commits in log.scan(prefix):
        yield b"".join(data + b"\n" for commit in commits for data in commit.events)
