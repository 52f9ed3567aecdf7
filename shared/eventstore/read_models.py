"""The port `ReadModelStore`: typed rows with declared indexes. Everything here can be dropped and rebuilt from the log."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, Protocol

Value = str | int | float | bool | None
ColumnType = Literal["text", "integer", "real", "boolean"]


@dataclass(frozen=True)
class ReadModel:
    """One kind of row: `case -> row`. `indexes` are column tuples; queries may only filter and order by an index."""

    name: str
    columns: Mapping[str, ColumnType]
    indexes: tuple[tuple[str, ...], ...] = ()
    version: int = 1
    """Part of the storage name: a changed view is built next to the old one."""


class Row(NamedTuple):
    """One row. `values` None means that the case no longer belongs to this view. The row is kept, empty, so that a late writer
    cannot restore it."""

    key: str
    applied: int
    """The version of the stream that this row shows."""
    values: Mapping[str, Value] | None


class Parked(NamedTuple):
    """A stream that a consumer group has stopped at. Its later events are in the log; a redrive clears the mark."""

    group: str
    stream: str
    version: int
    reason: str
    """A code and a class name, never a value of the event."""
    since: str
    bytes: bytes


class Condition(NamedTuple):
    column: str
    op: Literal["=", "<", "<=", ">", ">=", "in"]
    value: Value | tuple[Value, ...]


class Checkpoints(Protocol):
    """The position of each group of a feed that reads the log itself. Checkpoints are kept with the rows and dropped with them. A
    broker keeps its own."""

    @property
    def generation(self) -> int:
        """Grows when everything is dropped."""
        ...

    async def checkpoint(self, group: str) -> int:
        """Position of the last commit that the group has handled, 0 before the first."""
        ...

    async def save_checkpoint(self, group: str, position: int, generation: int) -> None:
        """Nothing is saved for a generation that was dropped."""
        ...


class ReadModelStore(Protocol):
    """Promises, checked by the contract suite for each adapter:

    - `write` stores a row only if its `applied` is greater than the stored one (or there is none): replicas, repeats
      and late writers do no harm. A batch with a wrong row is refused as a whole. After a fault of the store in the middle the
      batch is delivered again, because each row is guarded individually.
    - `find` and `count` never show empty rows; they use a declared index or raise ValueError.
    - `rows` shows every row, empty ones too, ordered by key.
    - Parked marks and checkpoints are stored with the rows and dropped with them. A view that is new to the store
      drops all checkpoints: every group begins again, and fills it.
    """

    def declare(self, view: ReadModel) -> None:
        """Make the view known. Before start(); a second call with the same shape has no effect."""
        ...

    async def start(self) -> None: ...

    async def write(self, batch: Mapping[str, Sequence[Row]], *, renew: bool = False) -> None:
        """view name -> rows. `renew`: the law changed and the cases did not, so a row of the same version is replaced
        too. Raises StoreFull when there is no space, StoreUnavailable when the store does not answer."""
        ...

    async def get(self, view: str, key: str) -> Row | None: ...

    async def applied(self, view: str, keys: Sequence[str]) -> dict[str, int]:
        """key -> applied version, for the keys that have a row."""
        ...

    async def find(
        self,
        view: str,
        where: Sequence[Condition] = (),
        *,
        order: Sequence[str] = (),
        after: Sequence[Value] | None = None,
        limit: int = 50,
    ) -> list[Row]:
        """Rows that meet all conditions, ordered by the `order` columns and then the key, None first. `after` is the
        last row's (order values…, key): the page after it. Cost grows with the page, not with the view."""
        ...

    async def count(self, view: str, where: Sequence[Condition] = (), *, by: str | None = None) -> dict[Value, int]:
        """Number of rows by the value of column `by` ({None: n} without it)."""
        ...

    def rows(self, view: str, *, batch: int = 1000) -> AsyncIterator[Sequence[Row]]: ...

    def standing(self, view: str, *, batch: int = 1000) -> AsyncIterator[Mapping[str, int]]:
        """key -> applied version of every row, empty ones too, ordered by key."""
        ...

    async def remove(self, view: str, keys: Sequence[str]) -> None:
        """Remove these rows. Only for rows of which the log has no events: a late writer can restore others."""
        ...

    async def clear(self, view: str | None = None) -> None:
        """Drop all rows of the view; None drops every view, parked mark and checkpoint."""
        ...

    async def forget_others(self) -> None:
        """Drop the rows of views and shapes that are not declared here: those of older releases."""
        ...

    async def park(self, parked: Parked) -> None:
        """Mark the stream as parked in that group; the first mark stays."""
        ...

    async def parked(self, group: str | None = None, stream: str | None = None) -> list[Parked]: ...

    async def restate(self, mark: Parked, reason: str) -> bool:
        """Replace the reason of this mark. False if the mark is gone, or has another reason by now."""
        ...

    async def unpark(self, group: str, stream: str) -> bool:
        """Clear the mark; False when there was none."""
        ...

    async def close(self) -> None: ...
