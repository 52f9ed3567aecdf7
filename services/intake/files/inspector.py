"""Has files inspected by a separate process: one at a time, with a time limit, and in chunks, so that no file is held in the
memory of the server."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
import weakref
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence
from contextlib import aclosing
from typing import Any, Generic, NamedTuple, TypeVar

from services.intake.files.inspection_process import IDLE
from services.intake.files.media_types import BY_NAME, MediaType
from services.intake.files.verdicts import not_checked, refusal
from shared.application.upload_record import SealedFile
from shared.eventstore.blobs import Piece
from shared.kernel.refusals import Refused
from shared.policy.file_rules import FileRules

SECONDS = 60.0
"""How long one inspection may take before its process is ended and the file is refused."""
_PIECE = 256 * 1024
_SENT = 4 * 1024 * 1024
"""Bytes that wait for the process; the kernel grants less."""
_ENVIRONMENT = {"LANG": "C.UTF-8", "PATH": "/usr/bin:/bin"}
"""No variable of the server: its environment holds secrets."""
T = TypeVar("T")
Task = dict[str, Any]


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


class _Kept(NamedTuple, Generic[T]):
    """What was made of a new image."""

    kept: T


Keep = Callable[[Inspected, AsyncIterator[bytes]], Awaitable[T]]
"""Takes what was found, and the bytes of the new image."""


async def _none() -> None:
    return None


class Inspector:
    """The inspections of this process of the server."""

    def __init__(self, *, seconds: float = SECONDS) -> None:
        self._one = asyncio.Lock()
        self._seconds = seconds
        self._process: _InspectionProcess | None = None
        self.peak = 0
        """Most memory of the process of a file so far, in bytes."""

    async def inspect(
        self,
        content: AsyncGenerator[Piece, None],
        rules: FileRules,
        keep: Keep[T],
        cover: Sequence[tuple[int, int, int, int]] = (),
        sealed: Callable[[], Awaitable[SealedFile | None]] = _none,
    ) -> T:
        """Inspect a file; returns what `keep` makes of it.

        Args:
            content: Its bytes. They are read only when the turn of this file has come.
            cover: Rectangles of the image that become black.
            sealed: The file as it is stored, if its process can read and decrypt it, so that it does not pass through this one.

        Raises:
            Refused: A code of `verdicts.yaml`, or `file_not_checked` where no process could be started.
        """
        task: Task = {"pixels": rules.megapixels.value * 1_000_000, "kinds": rules.types.value, "cover": list(cover)}
        async with self._one, aclosing(content) as pieces:
            process = await self._ready()
            used_up = True
            try:
                async with asyncio.timeout(self._seconds):
                    found = await self._inspected(process, task, await sealed(), pieces, keep)
                    used_up = False
            except TimeoutError:
                raise refusal("file_bomb") from None
            finally:
                if used_up:  # it may still be busy with this file
                    self._process = None
                    await asyncio.to_thread(process.end)
        if isinstance(found, Refused):
            raise found
        if isinstance(found, Inspected):  # it stays as it is, so the next one may have its turn
            return await keep(found, _nothing())
        return found.kept

    async def _ready(self) -> _InspectionProcess:
        """The process, a new one if it has ended or is about to. Raises Unavailable."""
        if self._process is not None and not self._process.waits():
            await asyncio.to_thread(self._process.end)
            self._process = None
        if self._process is None:
            try:
                self._process = await asyncio.to_thread(_InspectionProcess)
            except OSError:
                raise not_checked() from None
        return self._process

    async def _inspected(
        self,
        process: _InspectionProcess,
        task: Task,
        sealed: SealedFile | None,
        pieces: AsyncIterator[Piece],
        keep: Keep[T],
    ) -> _Kept[T] | Inspected | Refused:
        """What `keep` makes of a new image, what another file is, or its refusal. Then the process waits for the next task."""
        with contextlib.ExitStack() as stack:
            if sealed is not None:
                stack.callback(os.close, sealed.descriptor)
                task = {**task, "key": sealed.key}
            file = process.given(json.dumps(task), () if sealed is None else (sealed.descriptor,))
            stack.callback(_closed, file)
            with contextlib.suppress(OSError):  # it ended; its exit code says why
                if sealed is None:
                    async for piece in pieces:
                        await asyncio.to_thread(file.sendall, piece)
                file.shutdown(socket.SHUT_WR)
            file.setblocking(False)
            answers, writer = await asyncio.open_unix_connection(sock=file, limit=_PIECE)
            stack.callback(writer.transport.abort)
            try:
                line = await answers.readline()
            except ConnectionError:
                line = b""
            if not line.endswith(b"\n"):
                # killed by its limits, or broken down by this file: no decoder should be trusted with it
                return refusal("file_bomb" if await process.exit_code() else "file_damaged")
            found: dict[str, Any] = json.loads(line)
            self.peak = max(self.peak, found["peak"] * 1024)
            if "code" in found:
                await process.exit_code()
                return refusal(found["code"])
            kept = (
                await self._kept(found, answers, keep) if found["parts"] else Inspected(*2 * (BY_NAME[found["type"]],))
            )
        await process.exit_code()
        return kept

    async def _kept(self, found: dict[str, Any], answers: asyncio.StreamReader, keep: Keep[T]) -> _Kept[T]:
        kind = BY_NAME[found["type"]]
        size, small = found["parts"]
        position = found["position"]
        inspected = Inspected(
            kind, BY_NAME[found["from"]], found["width"], found["height"], position and (position[0], position[1]), size
        )
        thumbnail = await answers.readexactly(small)
        return _Kept(await keep(inspected._replace(thumbnail=thumbnail), _pieces(answers, size)))


class _InspectionProcess:
    """The process that inspects, as the server sees it. It ends with this object. Raises OSError if it cannot be started."""

    def __init__(self) -> None:
        self._control, theirs = socket.socketpair()
        self._control.setblocking(False)
        try:
            with theirs:
                self._program = subprocess.Popen(
                    [sys.executable, "-I", "-m", "services.intake.files.inspection_process"],
                    stdin=theirs.fileno(),
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    env=_ENVIRONMENT,
                    start_new_session=True,
                )
        except BaseException:
            self._control.close()
            raise
        self._used = time.monotonic()
        self.end = weakref.finalize(self, _end, self._program, self._control)
        """End it, and the process of a file. Waits for both."""

    def waits(self) -> bool:
        """True if it surely waits for a task. It ends by itself when it had none for a while."""
        return self.end.alive and self._program.poll() is None and time.monotonic() - self._used < IDLE / 2

    def given(self, task: str, files: Sequence[int] = ()) -> socket.socket:
        """Begin a task: where its file goes, and its answers come from. `files`: what it may read. Raises Unavailable."""
        ours, theirs = socket.socketpair()
        with theirs:
            try:
                socket.send_fds(self._control, [task.encode() + b"\n"], [theirs.fileno(), *files])
            except OSError:  # it was ended from outside
                ours.close()
                raise not_checked() from None
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SENT)
        return ours

    async def exit_code(self) -> int:
        """How the process of the file ended: 0, an exit code, or a negative signal, also where this process was ended with it."""
        line = await asyncio.get_running_loop().sock_recv(self._control, 16)
        self._used = time.monotonic()
        if not line:
            await asyncio.to_thread(self.end)
            return -1
        return int(line)


def _closed(file: socket.socket) -> None:
    with contextlib.suppress(OSError):
        file.shutdown(socket.SHUT_RDWR)  # a thread that still sends is refused
    file.close()


def _end(process: subprocess.Popen[bytes], control: socket.socket) -> None:
    control.close()
    if process.poll() is None:  # otherwise its number may be that of another process
        os.killpg(process.pid, signal.SIGKILL)  # it leads a group of its own
        process.wait()


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
