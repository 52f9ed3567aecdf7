"""Rows that are ahead of the log: the log was truncated, or the read model belongs to another log."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing

from shared.application.ports import Ports
from shared.case import STREAM
from shared.consumers.projection import ItemProjection, Projection
from shared.consumers.row_batch import RowBatch
from shared.eventstore.commit import StreamHead
from shared.operations.rehydration import folded, scanned_streams


async def remove_excess_rows(ports: Ports, show: Projection | ItemProjection) -> None:
    """Remove those rows, and write the ones of cases that exist again. Each case is read once more from the log, which may have
    grown meanwhile."""
    if isinstance(show, ItemProjection):
        await _remove_excess_items(ports, show)
        return
    name = show.view.name
    async for applied in _beyond(ports, name):
        cases = {key: (await ports.cases.load_confirmed(key)).case for key in applied}
        wrong = [key for key, version in applied.items() if cases[key].version < version]
        await ports.views.remove(name, wrong)
        rows = RowBatch([show], ports.policies)
        for key in wrong:
            if cases[key].exists:
                await rows.add(cases[key])
        await rows.write(ports.views)


async def _remove_excess_items(ports: Ports, show: ItemProjection) -> None:
    """Remove the rows of items that their cases do not have at that version. A removed row may have stood in the way of the right
    one, and does not tell its case: then the log is read once more."""
    wrong: set[str] = set()
    async for page in ports.views.rows(show.view.name):
        cases = {str(row.values["case"]) for row in page if row.values is not None}
        found = {case: (await ports.cases.load_confirmed(case)).case for case in cases}
        own = {(row.key, row.applied) for case in found.values() if case.exists for row in show.items(case)}
        excess = [row.key for row in page if row.values is None or (row.key, row.applied) not in own]
        await ports.views.remove(show.view.name, excess)
        wrong.update(excess)
    if not wrong:
        return
    async for commits in scanned_streams(ports.log, STREAM):
        rows = [row for row in show.items(folded(commits).case) if row.key in wrong]
        if rows:
            await ports.views.write({show.view.name: rows})


async def _beyond(ports: Ports, view: str) -> AsyncIterator[Mapping[str, int]]:
    """key -> applied version of the rows that are ahead of the heads of the log. Both are in the same order."""
    async with aclosing(_heads(ports)) as heads:
        one = await anext(heads, None)
        async for standing in ports.views.standing(view):
            found = {}
            for key, applied in standing.items():
                while one is not None and one[0] < STREAM + key:
                    one = await anext(heads, None)
                if one is None or one[0] != STREAM + key or one[1].version < applied:
                    found[key] = applied
            if found:
                yield found


async def _heads(ports: Ports) -> AsyncGenerator[tuple[str, StreamHead], None]:
    async for heads in ports.log.heads(STREAM):
        for one in heads:
            yield one
