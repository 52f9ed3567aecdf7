"""Transfer of facts between processes: complete cases as two Arrow streams, first the cases, then their events."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pyarrow as pa

from services.analytics.fact_rows import Snapshot, case_batch, event_batch
from shared.case import STREAM
from shared.eventstore.recorded_event import RecordedEvent


def pack(snapshots: Sequence[Snapshot], events: Sequence[RecordedEvent]) -> bytes:
    """The bytes that `unpack` reads. `events`: all events of these cases."""
    sink = pa.BufferOutputStream()
    for table in (case_batch(snapshots), event_batch(events, len(STREAM))):
        with pa.ipc.new_stream(sink, table.schema) as stream:
            stream.write_table(table)
    return sink.getvalue().to_pybytes()


def unpack(packed: bytes) -> Iterator[pa.Table]:
    """The table of cases, then the table of events, without copying."""
    source = pa.BufferReader(packed)
    for _ in range(2):
        yield pa.ipc.open_stream(source).read_all()
