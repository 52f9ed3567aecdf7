"""A worker process of a rebuild: `python -m deploy.storage.rebuild_worker LOG DIGITS`, started by rebuild_pool.py.

It reads the file of the log next to the owner process, checks the hash chain of each case whose id begins with one of
DIGITS, rehydrates it, and writes the rows of all read models and facts to its standard output. It ends when no process reads
its output any more.

Its imports are kept few, since it starts with every rebuild: no web, no command line, no writing.
"""

from __future__ import annotations

import gc
import os
import struct
import sys
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO

import orjson

from services.analytics.case_history import PolicyHistory, history
from services.analytics.fact_rows import Snapshot
from services.analytics.fact_store.arrow_batches import pack
from services.intake.read_models import SHOWS as MATTERS
from services.supervision.read_models import SHOWS as WORK
from shared.adapters.sqlite.log_reader import LogFile
from shared.case import STREAM
from shared.eventstore.errors import Damaged, StoreBroken
from shared.operations.rehydration import folded, streams_of
from shared.policy.book import STREAM as POLICY
from shared.policy.book import PolicyBook

BATCH = 400
"""Cases per frame."""
FACTS = "analytics"
SHOWS = (*MATTERS, *WORK)
HEAD = struct.Struct("<II")
"""The header of a frame: length of its JSON, length of its facts."""


def main(path: str, digits: str) -> int:
    """Write the frames of all cases whose id begins with one of `digits`; the last frame holds the outcome."""
    out = sys.stdout.buffer
    gc.disable()  # events and cases make no cycles
    try:
        try:
            _build(LogFile(Path(path)), digits, out)
        except (Damaged, StoreBroken) as error:
            _send(out, {"end": "broken", "why": str(error)})
        else:
            _send(out, {"end": "done"})
        out.flush()
    except BrokenPipeError:  # the owner has ended
        os._exit(1)
    return 0


def _build(log: LogFile, digits: str, out: BinaryIO) -> None:
    policies: dict[str, PolicyHistory] = {}
    for commits in streams_of(log.scan(POLICY)):
        known = [event for commit in commits for event in commit.recorded]
        policies[commits[0].stream.removeprefix(POLICY)] = PolicyHistory.of(PolicyBook.of(known), known)
    for digit in digits:
        streams = streams_of(log.scan(STREAM + digit))
        while some := [folded(commits) for commits in islice(streams, BATCH)]:
            rows: dict[str, list[Any]] = {show.view.name: [] for show in SHOWS}
            snapshots: list[Snapshot] = []
            events = 0
            for case, own in some:
                policy = policies[case.jurisdiction]
                book = policy.present
                for show in SHOWS:
                    for key, applied, values in show.rows(case, book):
                        columns = None if values is None else [values[name] for name in show.view.columns]
                        rows[show.view.name].append((key, applied, columns))
                snapshots += history(own, policy)
                events += len(own)
            _send(out, {"cases": len(some), "events": events, "rows": rows}, pack(snapshots))


def _send(out: BinaryIO, frame: dict[str, Any], facts: bytes = b"") -> None:
    text = orjson.dumps(frame)
    out.write(HEAD.pack(len(text), len(facts)))
    out.write(text)
    out.write(facts)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
