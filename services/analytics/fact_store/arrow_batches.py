"""Transfer of facts between processes: complete cases as an Arrow stream."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa

from services.analytics.fact_rows import Snapshot, case_batch


def pack(snapshots: Sequence[Snapshot]) -> bytes:
    """The bytes that `unpack` reads."""
    sink = pa.BufferOutputStream()
    table = case_batch(snapshots)
    with pa.ipc.new_stream(sink, table.schema) as stream:
        stream.write_table(table)
    return sink.getvalue().to_pybytes()


def unpack(packed: bytes) -> pa.Table:
    """The table of cases, without copying."""
    return pa.ipc.open_stream(pa.BufferReader(packed)).read_all()
