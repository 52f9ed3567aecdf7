"""The process that inspects files: `python -I -m services.intake.files.inspection_process`.

It has no file to write to, and no key but that of the file in hand. For each file it makes a process of its own (fork), with little
memory and little time, which ends with that file: no file meets what another one did. Standard input is a socket to the server.
Each task on it is a line of JSON with a further socket, and with the encrypted file where the store keeps files; otherwise that
socket brings the file to the process of the task. It takes back one line of JSON, then the bytes of the thumbnail and of the new
image, whose lengths that line names. The exit code of the process is answered on standard input.
"""

from __future__ import annotations

import io
import json
import os
import resource
import socket
from pathlib import Path
from typing import Any

IDLE = 60.0
"""Seconds without a task after which it ends."""
MEMORY = 1024 * 1024 * 1024
"""Bytes of address space. An image of 40 megapixels needs some 400 MB while it is turned upright."""
SECONDS = 30
"""Processor time."""
_OPEN_FILES = 64
_TASK = 64 * 1024
_MOST = 16 * 1024 * 1024
"""Bytes that are received at once."""


def main() -> None:
    # what every task needs is loaded once
    from services.intake.files import image_reencoding, inspection  # noqa: F401
    from shared.eventstore import file_encryption  # noqa: F401

    with socket.socket(fileno=0) as control:
        control.settimeout(IDLE)
        while (found := _next(control)) is not None:
            task, files = found
            process = os.fork()
            if process == 0:
                _serve(task, files)
            for file in files:
                os.close(file)
            code = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
            control.sendall(b"%d\n" % code)


def _next(control: socket.socket) -> tuple[dict[str, Any], list[int]] | None:
    """A task, and the descriptors of its socket and of its file; None if none came for a while, or the server has gone."""
    try:
        line, descriptors, _flags, _address = socket.recv_fds(control, _TASK, 2)
        while line and not line.endswith(b"\n"):
            more = control.recv(_TASK)
            line = line + more if more else b""
    except OSError:
        return None
    if not line or not descriptors:
        return None
    task: dict[str, Any] = json.loads(line)
    return task, list(descriptors)


def _serve(task: dict[str, Any], files: list[int]) -> None:
    """Inspect one file, and end this process."""
    code = 1
    try:
        os.dup2(files[0], 0)  # in the place of the socket to the server
        os.close(files[0])
        _limited()
        _answer(task, *files[1:])
        code = 0
    finally:
        os._exit(code)


def _answer(task: dict[str, Any], file: int | None = None) -> None:
    from shared.eventstore.file_encryption import FileDamaged

    parts: tuple[bytes, ...]
    try:
        line, parts = _result(_received() if file is None else _decrypted(file, task["key"]), task)
    except FileDamaged:
        line, parts = {"code": "file_damaged"}, ()
    except MemoryError:
        line, parts = {"code": "file_bomb"}, ()
    line["peak"] = _peak()
    line["parts"] = [len(part) for part in parts]
    with open(0, "wb", closefd=False) as out:
        out.write(json.dumps(line).encode("ascii") + b"\n")
        for part in reversed(parts):
            out.write(part)


def _decrypted(file: int, key: str) -> bytes:
    """The encrypted file, opened."""
    from shared.eventstore.file_encryption import FRAME, FileKey, opened_whole

    with io.BufferedReader(io.FileIO(file), FRAME) as stored:
        return opened_whole(FileKey.parsed(key), stored)


def _received() -> bytes:
    """The file, in one piece of memory: a larger one than most files is asked for, and what is not used costs nothing."""
    given = socket.socket(fileno=0)
    try:
        data = given.recv(_MOST, socket.MSG_WAITALL)
        while more := given.recv(_MOST, socket.MSG_WAITALL):
            data += more
        return data
    finally:
        given.detach()


def _peak() -> int:
    """Most memory of this process so far, in KiB. Where the kernel tells it, without what the server had before `exec`."""
    try:
        status = Path("/proc/self/status").read_text(encoding="ascii")
        return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM:"))
    except (OSError, StopIteration):
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def _limited() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (_OPEN_FILES, _OPEN_FILES))


def _result(data: bytes, task: dict[str, Any]) -> tuple[dict[str, Any], tuple[bytes, ...]]:
    from services.intake.files.image_reencoding import Rectangle, reencode
    from services.intake.files.inspection import inspect
    from services.intake.files.media_types import Limits, Unfit

    limits = Limits(pixels=task["pixels"])
    try:
        kind = inspect(data, limits)
        if kind.kind not in task["kinds"]:
            raise Unfit("file_kind_not_accepted")
        if not kind.image:
            if task["cover"]:
                raise Unfit("not_an_image")
            return {"type": kind.name}, ()
        made = reencode(data, kind, limits, [Rectangle(*one) for one in task["cover"]])
    except Unfit as unfit:
        return {"code": unfit.code}, ()
    line = {
        "type": made.media_type.name,
        "from": kind.name,
        "width": made.width,
        "height": made.height,
        "position": made.position,
    }
    return line, (made.content, made.thumbnail)


if __name__ == "__main__":
    main()
