"""Views in memory: the reference for every other adapter."""

from __future__ import annotations

import operator
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Any

from shared.adapters.querying import require_index, stored
from shared.views import Condition, Parked, Row, Value, View

_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


class MemoryViews:
    """A `Views` without indexes; it refuses the same queries as those that have them."""

    def __init__(self) -> None:
        self._views: dict[str, View] = {}
        self._rows: dict[str, dict[str, Row]] = {}
        self._parked: dict[tuple[str, str], Parked] = {}

    def declare(self, view: View) -> None:
        known = self._views.get(view.name)
        if known is not None and known != view:
            raise ValueError(f"view {view.name} is declared with another shape")
        self._views[view.name] = view
        self._rows.setdefault(view.name, {})

    async def start(self) -> None:
        """Nothing to open."""

    async def write(self, batch: Mapping[str, Sequence[Row]], *, renew: bool = False) -> None:
        ready = [
            (name, Row(key, applied, None if values is None else stored(self._views[name], values)))
            for name, rows in batch.items()
            for key, applied, values in rows
        ]
        for name, row in ready:
            old = self._rows[name].get(row.key)
            if old is None or old.applied < row.applied + renew:
                self._rows[name][row.key] = row

    async def get(self, view: str, key: str) -> Row | None:
        return self._rows[view].get(key)

    async def applied(self, view: str, keys: Sequence[str]) -> dict[str, int]:
        rows = self._rows[view]
        return {key: rows[key].applied for key in keys if key in rows}

    async def find(
        self,
        view: str,
        where: Sequence[Condition] = (),
        *,
        order: Sequence[str] = (),
        after: Sequence[Value] | None = None,
        limit: int = 50,
    ) -> list[Row]:
        require_index(self._views[view], where, order)
        if after is not None and len(after) != len(order) + 1:
            raise ValueError("`after` is the order columns' values and the key")

        def place(values: Sequence[Value]) -> list[tuple[bool, Value]]:
            return [(value is not None, value) for value in values]

        met = [
            (place([*(values[column] for column in order), row.key]), row)
            for row in self._rows[view].values()
            if (values := row.values) is not None and all(_meets(values, condition) for condition in where)
        ]
        met.sort(key=lambda found: _Place(found[0]))
        if after is not None:
            start = _Place(place(after))
            met = [found for found in met if start < _Place(found[0])]
        return [row for _, row in met[:limit]]

    async def count(self, view: str, where: Sequence[Condition] = (), *, by: str | None = None) -> dict[Value, int]:
        require_index(self._views[view], where, by=by)
        counted: Counter[Value] = Counter()
        for row in self._rows[view].values():
            if row.values is not None and all(_meets(row.values, condition) for condition in where):
                counted[row.values[by] if by else None] += 1
        return dict(counted) if by else {None: counted[None]}

    async def rows(self, view: str, *, batch: int = 1000) -> AsyncIterator[Sequence[Row]]:
        rows = [row for _, row in sorted(self._rows[view].items())]
        for start in range(0, len(rows), batch):
            yield rows[start : start + batch]

    async def standing(self, view: str, *, batch: int = 1000) -> AsyncIterator[Mapping[str, int]]:
        async for rows in self.rows(view, batch=batch):
            yield {row.key: row.applied for row in rows}

    async def remove(self, view: str, keys: Sequence[str]) -> None:
        for key in keys:
            self._rows[view].pop(key, None)

    async def clear(self, view: str | None = None) -> None:
        if view is not None:
            self._rows[view].clear()
            return
        for rows in self._rows.values():
            rows.clear()
        self._parked.clear()

    async def forget_others(self) -> None:
        """There are none: nothing outlives its release here."""

    async def park(self, parked: Parked) -> None:
        self._parked.setdefault((parked.group, parked.stream), parked)

    async def parked(self, group: str | None = None, stream: str | None = None) -> list[Parked]:
        return [
            mark
            for _, mark in sorted(self._parked.items())
            if group in (None, mark.group) and stream in (None, mark.stream)
        ]

    async def unpark(self, group: str, stream: str) -> bool:
        return self._parked.pop((group, stream), None) is not None

    async def close(self) -> None:
        """Nothing to close."""


class _Place:
    """Where a row stands in the order; None comes first and is never compared with a value."""

    def __init__(self, values: Sequence[tuple[bool, Value]]) -> None:
        self._values = values

    def __lt__(self, other: _Place) -> bool:
        for (here, mine), (there, theirs) in zip(self._values, other._values, strict=True):
            if here != there:
                return there
            if mine != theirs:
                left: Any = mine
                return bool(left < theirs)
        return False


def _meets(values: Mapping[str, Value], condition: Condition) -> bool:
    value = values[condition.column]
    if condition.op == "=":
        return value == condition.value
    if condition.op == "in":
        return isinstance(condition.value, tuple) and value in condition.value
    if value is None or condition.value is None:
        return False  # as in SQL
    return _COMPARE[condition.op](value, condition.value)
