"""Runs the inspection process: one at a time, with a time limit, fed piece by piece: no file stands in the server's memory."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence
from contextlib import aclosing
from typing import Any, NamedTuple, TypeVar

from services.intake.files.media_types import BY_NAME, MediaType
from services.intake.files.verdicts import not_checked, refusal
from shared.policy.file_rules import FileRules

SECONDS = 60.0
"""How long one inspection may take before its process is ended and the file is refused."""
_PIECE = 64 * 1024
_ENVIRONMENT = {"LANG": "C.UTF-8", "PATH": "/usr/bin:/bin"}
"""No variable of the server: its environment holds secrets."""
T = TypeVar("T")


class Inspected(NamedTuple):
    """What the content of a file is. `position`: (latitude, longitude) that an image named, and no longer names."""

    media_type: MediaType
    sent_as: MediaType
    width: int | None = None
    height: int | None = None
    position: tuple[float, float] | None = None
    image: int = 0
    """Bytes of the image anew; 0 for a file that stays as it is."""
    thumbnail: bytes = b""


Keep = Callable[[Inspected, AsyncIterator[bytes]], Awaitable[T]]
"""Takes what was found, and the bytes of the new image."""


class Inspector:
    """The inspections of this process of the server."""

    def __init__(self, *, seconds: float = SECONDS) -> None:
        self._one = asyncio.Lock()
        self._seconds = seconds
        self.peak = 0
        """Most memory of an inspection process so far, in bytes."""

    async def inspect(
        self,
        content: AsyncGenerator[bytes, None],
        rules: FileRules,
        keep: Keep[T],
        cover: Sequence[tuple[int, int, int, int]] = (),
    ) -> T:
        """Inspect a file; returns what `keep` makes of it.

        Args:
            content: Its bytes. They are read only when the turn of this file has come.
            cover: Rectangles of the image that become black.

        Raises:
            Refused: A code of `verdicts.yaml`, or `file_not_checked` where no process could be started.
        """
        task = {"pixels": rules.megapixels.value * 1_000_000, "kinds": rules.types.value, "cover": list(cover)}
        async with self._one, aclosing(content) as pieces:
            process = await self._started(json.dumps(task))
            try:
                async with asyncio.timeout(self._seconds):
                    return await self._inspected(process, pieces, keep)
            except TimeoutError:
                raise refusal("file_bomb") from None
            finally:
                await _ended(process)

    async def _started(self, task: str) -> asyncio.subprocess.Process:
        try:
            return await asyncio.create_subprocess_exec(
                sys.executable,
                "-I",
                "-m",
                "services.intake.files.inspection_process",
                task,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.DEVNULL,
                env=_ENVIRONMENT,
                limit=_PIECE,
            )
        except OSError:
            raise not_checked() from None

    async def _inspected(self, process: asyncio.subprocess.Process, pieces: AsyncIterator[bytes], keep: Keep[T]) -> T:
        assert process.stdin is not None and process.stdout is not None
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # it ended; its answer or exit says why
            async for piece in pieces:
                process.stdin.write(piece)
                await process.stdin.drain()
            process.stdin.close()
        line = await process.stdout.readline()
        if not line.endswith(b"\n"):
            # killed by its limits, or broken down by this file: no decoder should be trusted with it
            raise refusal("file_bomb" if await process.wait() else "file_damaged")
        found: dict[str, Any] = json.loads(line)
        self.peak = max(self.peak, found["peak"] * 1024)
        if "code" in found:
            raise refusal(found["code"])
        kind = BY_NAME[found["type"]]
        if not found["parts"]:
            return await keep(Inspected(kind, kind), _nothing())
        size, small = found["parts"]
        position = found["position"]
        inspected = Inspected(
            kind, BY_NAME[found["from"]], found["width"], found["height"], position and (position[0], position[1]), size
        )
        thumbnail = await process.stdout.readexactly(small)
        return await keep(inspected._replace(thumbnail=thumbnail), _pieces(process.stdout, size))


async def _nothing() -> AsyncIterator[bytes]:
    return
    yield b""


async def _pieces(stream: asyncio.StreamReader, size: int) -> AsyncIterator[bytes]:
    while size:
        piece = await stream.read(min(size, _PIECE))
        if not piece:
            raise not_checked()
        size -= len(piece)
        yield piece


async def _ended(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
    if process.stdin is not None:
        process.stdin.close()
    await process.wait()
