"""Transfer of facts between processes: complete cases as two Arrow streams, as they are known now and as they were."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pyarrow as pa

from services.analytics.fact_rows import Snapshot, case_batch


def pack(snapshots: Sequence[Snapshot]) -> bytes:
    """The bytes that `unpack` reads. `snapshots`: all of these cases, the past ones with their end."""
    sink = pa.BufferOutputStream()
    for past in (False, True):
        table = case_batch([one for one in snapshots if (one.until is not None) is past])
        with pa.ipc.new_stream(sink, table.schema) as stream:
            stream.write_table(table)
    return sink.getvalue().to_pybytes()


def unpack(packed: bytes) -> Iterator[pa.Table]:
    """The rows of `cases`, then those of `past`, without copying."""
    source = pa.BufferReader(packed)
    for _ in range(2):
        yield pa.ipc.open_stream(source).read_all()
