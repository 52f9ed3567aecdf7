"""A rebuild with worker processes, on the side of the owner: starts them, reads their frames, and ends them."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncGenerator, Sequence
from pathlib import Path
from typing import Any

import orjson

from deploy.storage.rebuild_worker import FACTS, HEAD, SHOWS
from shared.eventstore.errors import StoreBroken
from shared.eventstore.read_models import Row
from shared.hosting.worker_pool import Built
from shared.kernel.refusals import Unavailable

ROOT = Path(__file__).resolve().parents[2]
_BUFFER = 4_000_000
_COLUMNS = {show.view.name: tuple(show.view.columns) for show in SHOWS}


async def spread(log: Path, digits: Sequence[str]) -> AsyncGenerator[Built, None]:
    """A `WorkerPool` over the file of the log: one new process, which inherits no socket and no lock."""
    paths = (str(ROOT), os.environ.get("PYTHONPATH", ""))
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-P", "-m", "deploy.storage.rebuild_worker", str(log), "".join(digits),
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, limit=_BUFFER,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths))},
    )  # fmt: skip
    assert process.stdout is not None
    try:
        while True:
            try:
                frame, facts = await _frame(process.stdout)
            except asyncio.IncompleteReadError:
                raise _lost(await process.wait()) from None
            if frame.get("end") == "done":
                return
            if frame.get("end") == "broken":
                raise StoreBroken(frame["why"])
            rows = {name: [_row(name, *row) for row in found] for name, found in frame["rows"].items()}
            yield Built(frame["cases"], frame["events"], rows, {FACTS: facts})
    finally:
        if process.returncode is None:
            process.kill()
        try:
            await process.wait()
        except asyncio.CancelledError:  # wait again, so that a cancelled rebuild leaves no process either
            await process.wait()
            raise


async def _frame(stream: asyncio.StreamReader) -> tuple[dict[str, Any], bytes]:
    text, facts = HEAD.unpack(await stream.readexactly(HEAD.size))
    return orjson.loads(await stream.readexactly(text)), await stream.readexactly(facts)


def _row(view: str, key: str, applied: int, values: list[Any] | None) -> Row:
    return Row(key, applied, None if values is None else dict(zip(_COLUMNS[view], values, strict=True)))


def _lost(code: int) -> Unavailable:
    how = f"signal {-code}" if code < 0 else f"code {code}"
    return Unavailable(
        "worker_lost",
        f"A worker process of the rebuild ended too early ({how}). No incomplete result was kept. Run it again, with --workers 1 "
        "if memory is short.",
        detail_zh=f"重建的一个工作进程提前结束（{how}）。未保留不完整的结果：请重新执行，内存不足时加 --workers 1。",
    )
