"""The process in which one file is inspected: `python -I -m services.intake.files.inspection_process TASK`.

It has no key, no socket, no file to write to, little memory and little time. It reads the file from standard input and writes to
standard output one line of JSON, then the bytes of the thumbnail and of the new image, whose lengths the line names.
"""

from __future__ import annotations

import json
import resource
import sys
from pathlib import Path
from typing import Any

MEMORY = 1024 * 1024 * 1024
"""Bytes of address space. An image of 40 megapixels needs some 400 MB while it is turned upright."""
SECONDS = 30
"""Processor time."""
_OPEN_FILES = 64


def main() -> None:
    _limited()
    task = json.loads(sys.argv[1])
    data = sys.stdin.buffer.read()
    try:
        line, parts = _result(data, task)
    except MemoryError:
        line, parts = {"code": "file_bomb"}, ()
    line["peak"] = _peak()
    line["parts"] = [len(part) for part in parts]
    out = sys.stdout.buffer
    out.write(json.dumps(line).encode("ascii") + b"\n")
    for part in reversed(parts):
        out.write(part)
    out.flush()


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
        from services.intake.files.image_reencoding import Rectangle, reencode

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
