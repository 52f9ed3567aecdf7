"""What the read model stores have in common: declared views, and queries that a declared index must answer."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from typing import Generic, Protocol, TypeVar

from shared.adapters.index_rules import require_index, typed
from shared.eventstore.read_models import Condition, ReadModel, Row, Value

After = Sequence[Value] | None


class DeclaredView(Protocol):
    @property
    def view(self) -> ReadModel: ...


V = TypeVar("V", bound=DeclaredView)


class DeclaredReadModels(ABC, Generic[V]):
    """Base of the `Views` adapters: keeps the declared views in the adapter's form and checks queries."""

    def __init__(self) -> None:
        self._views: dict[str, V] = {}

    @abstractmethod
    def _prepare(self, view: ReadModel) -> V:
        """The adapter's form of a view."""

    @abstractmethod
    async def _find(
        self, view: V, where: Sequence[Condition], order: Sequence[str], after: After, limit: int
    ) -> list[Row]:
        """`find` for a query that an index answers."""

    @abstractmethod
    async def _count(self, view: V, where: Sequence[Condition], by: str | None) -> Iterable[tuple[Value, int]]:
        """(stored value of column `by`, number of rows) for a query that an index answers."""

    def declare(self, view: ReadModel) -> None:
        known = self._views.get(view.name)
        if known is None:
            self._views[view.name] = self._prepare(view)
        elif known.view != view:
            raise ValueError(f"view {view.name} is already declared with another shape")

    async def find(
        self,
        view: str,
        where: Sequence[Condition] = (),
        *,
        order: Sequence[str] = (),
        after: Sequence[Value] | None = None,
        limit: int = 50,
    ) -> list[Row]:
        declared = self._views[view]
        require_index(declared.view, where, order)
        if after is not None and len(after) != len(order) + 1:
            raise ValueError("`after` must be the values of the order columns and the key")
        return await self._find(declared, where, order, after, limit)

    async def count(self, view: str, where: Sequence[Condition] = (), *, by: str | None = None) -> dict[Value, int]:
        declared = self._views[view]
        require_index(declared.view, where, by=by)
        counted = await self._count(declared, where, by)
        if by is None:
            return {None: sum(number for _, number in counted)}
        return {typed(declared.view.columns[by], value): number for value, number in counted}
