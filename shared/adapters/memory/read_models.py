"""Read models in memory: the reference for every other adapter."""

from __future__ import annotations

import operator
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from shared.adapters.declared_read_models import After, DeclaredReadModels
from shared.adapters.index_rules import stored
from shared.eventstore.read_models import Condition, Parked, ReadModel, Row, Value

_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


@dataclass(frozen=True)
class _Table:
    view: ReadModel
    rows: dict[str, Row] = field(default_factory=dict)

    def chosen(self, where: Sequence[Condition]) -> Iterable[tuple[Row, Mapping[str, Value]]]:
        """(row, its values) for each row that is not empty and meets all conditions."""
        for row in self.rows.values():
            values = row.values
            if values is not None and all(_meets(values, condition) for condition in where):
                yield row, values


class MemoryReadModels(DeclaredReadModels[_Table]):
    """A `Views` without indexes that refuses the same queries as the adapters that have them."""

    def __init__(self) -> None:
        super().__init__()
        self._parked: dict[tuple[str, str], Parked] = {}

    def _prepare(self, view: ReadModel) -> _Table:
        return _Table(view)

    async def start(self) -> None:
        """Nothing to open."""

    async def write(self, batch: Mapping[str, Sequence[Row]], *, renew: bool = False) -> None:
        ready = [
            (table.rows, Row(key, applied, None if values is None else stored(table.view, values)))
            for table, rows in ((self._views[name], rows) for name, rows in batch.items())
            for key, applied, values in rows
        ]
        for rows, row in ready:
            old = rows.get(row.key)
            if old is None or old.applied < row.applied + renew:
                rows[row.key] = row

    async def get(self, view: str, key: str) -> Row | None:
        return self._views[view].rows.get(key)

    async def applied(self, view: str, keys: Sequence[str]) -> dict[str, int]:
        rows = self._views[view].rows
        return {key: rows[key].applied for key in keys if key in rows}

    async def _find(
        self, view: _Table, where: Sequence[Condition], order: Sequence[str], after: After, limit: int
    ) -> list[Row]:
        found = [(_place([*(values[column] for column in order), row.key]), row) for row, values in view.chosen(where)]
        found.sort(key=lambda each: each[0])
        start = None if after is None else _place(after)
        return [row for place, row in found if start is None or start < place][:limit]

    async def _count(self, view: _Table, where: Sequence[Condition], by: str | None) -> Iterable[tuple[Value, int]]:
        return Counter(values[by] if by else None for _, values in view.chosen(where)).items()

    async def rows(self, view: str, *, batch: int = 1000) -> AsyncIterator[Sequence[Row]]:
        rows = [row for _, row in sorted(self._views[view].rows.items())]
        for start in range(0, len(rows), batch):
            yield rows[start : start + batch]

    async def standing(self, view: str, *, batch: int = 1000) -> AsyncIterator[Mapping[str, int]]:
        async for rows in self.rows(view, batch=batch):
            yield {row.key: row.applied for row in rows}

    async def remove(self, view: str, keys: Sequence[str]) -> None:
        for key in keys:
            self._views[view].rows.pop(key, None)

    async def clear(self, view: str | None = None) -> None:
        if view is not None:
            self._views[view].rows.clear()
            return
        for table in self._views.values():
            table.rows.clear()
        self._parked.clear()

    async def forget_others(self) -> None:
        """Nothing to drop: the data do not outlive the process."""

    async def park(self, parked: Parked) -> None:
        self._parked.setdefault((parked.group, parked.stream), parked)

    async def parked(self, group: str | None = None, stream: str | None = None) -> list[Parked]:
        return [
            mark
            for _, mark in sorted(self._parked.items())
            if group in (None, mark.group) and stream in (None, mark.stream)
        ]

    async def restate(self, mark: Parked, reason: str) -> bool:
        place = mark.group, mark.stream
        found = self._parked.get(place)
        if found is None or found.reason != mark.reason:
            return False
        self._parked[place] = found._replace(reason=reason)
        return True

    async def unpark(self, group: str, stream: str) -> bool:
        return self._parked.pop((group, stream), None) is not None

    async def close(self) -> None:
        """Nothing to close."""


def _place(values: Sequence[Value]) -> list[Any]:
    """A sort key for the order of the port: None sorts first and is never compared with another value."""
    return [(value is not None, value) for value in values]


def _meets(values: Mapping[str, Value], condition: Condition) -> bool:
    value = values[condition.column]
    if condition.op == "=":
        return value == condition.value
    if condition.op == "in":
        return isinstance(condition.value, tuple) and value in condition.value
    if value is None or condition.value is None:
        return False  # as in SQL
    return _COMPARE[condition.op](value, condition.value)
