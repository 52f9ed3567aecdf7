"""Reconcile: compares the heads of the log with the applied versions of each read model, and writes the rows that lag behind."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from shared.application.ports import Ports
from shared.case import STREAM, Case
from shared.consumers.projection import Projection
from shared.consumers.row_batch import RowBatch
from shared.hosting.service_module import ServiceModule
from shared.kernel.progress import reached

_NAMED = 20
_AT_ONCE = 64
"""Cases that are read at the same time."""


class Lag(NamedTuple):
    """The result. Lists name at most 20 streams."""

    streams: int
    behind: int
    mended: int
    parked: list[str]
    """Behind because a consumer has parked them: see `huiyin parked`."""
    ahead: list[str]
    """A read model is ahead of the log: the log was truncated, or the read model belongs to another log. Rebuild it."""


async def reconcile(ports: Ports, parts: Sequence[ServiceModule], *, mend: bool = True) -> Lag:
    """Compare the log with the read models. `mend`: write the rows that are behind."""
    consumers = [consumer for part in parts for consumer in part.consumers]
    parked = {(mark.group, mark.stream) for mark in await ports.views.parked()}
    streams = behind = mended = 0
    stuck: list[str] = []
    ahead: list[str] = []
    async for heads in ports.log.heads(STREAM):
        streams += len(heads)
        reached(heads[-1][0])
        versions = {stream.removeprefix(STREAM): head.version for stream, head in heads}
        to_write: list[tuple[Projection, list[str]]] = []
        for consumer in consumers:
            late: dict[str, None] = {}
            for show in consumer.shows:
                if not show.by_case:
                    continue
                applied = await ports.views.applied(show.view.name, list(versions))
                keys = [key for key, version in versions.items() if applied.get(key, 0) < version]
                ahead += [f"{show.view.name}: {STREAM}{key}" for key, have in applied.items() if have > versions[key]]
                behind += len(keys)
                stopped = {key for key in keys if (consumer.group, STREAM + key) in parked}
                stuck += [f"{consumer.group}: {STREAM}{key}" for key in keys if key in stopped]
                if mend and len(stopped) < len(keys):
                    to_write.append((show, [key for key in keys if key not in stopped]))
                    late |= dict.fromkeys(to_write[-1][1])
            to_write += [(show, list(late)) for show in consumer.shows if late and not show.by_case]
        mended += await _written(ports, to_write, versions)
    return Lag(streams, behind, mended, stuck[:_NAMED], ahead[:_NAMED])


async def _written(
    ports: Ports, to_write: Sequence[tuple[Projection, Sequence[str]]], versions: Mapping[str, int]
) -> int:
    """Write these rows; returns how many. Some cases are read at the same time, since each read is a round trip over the
    network, and each case is read once for all views."""
    wanted = list(dict.fromkeys(key for _show, keys in to_write for key in keys))
    cases: dict[str, Case] = {}
    for start in range(0, len(wanted), _AT_ONCE):
        some = wanted[start : start + _AT_ONCE]
        read = await asyncio.gather(*(ports.cases.get(key, at_least=versions[key]) for key in some))
        cases.update(zip(some, (case for case, _head in read), strict=True))
    count = 0
    for show, keys in to_write:
        rows = RowBatch([show], ports.policies)
        for key in keys:
            await rows.add(cases[key])
        count += await rows.write(ports.views)
    return count
