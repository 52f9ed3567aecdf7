"""Which queries a view's declared indexes can answer: the same rule for every adapter."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from shared.views import Condition, Value, View

_SORTED = ("<", "<=", ">", ">=")


def require_index(view: View, where: Sequence[Condition], order: Sequence[str] = (), by: str | None = None) -> None:
    """Raises ValueError unless the key or one declared index answers the query.

    An index answers it when its first columns are those compared with `=` or `in`, in any order, and the next one is the
    column of a range; `order` goes on from there (columns fixed by `=` may stand in it), `by` is anywhere in it.
    """
    for column in (*(condition.column for condition in where), *order, *((by,) if by else ())):
        if column not in view.columns:
            raise ValueError(f"view {view.name} has no column {column}")
    if not where and not order and by is None:
        return
    fixed = {condition.column for condition in where if condition.op == "="}
    exact = {condition.column for condition in where if condition.op not in _SORTED}
    ranges = {condition.column for condition in where if condition.op in _SORTED} - exact
    sorting = tuple(column for column in order if column not in fixed)
    for index in view.indexes:
        used = len(exact)
        rest = index[used:]
        # A column compared with `in` may lead the order: the rows of its values follow each other.
        tails = (rest, tuple(column for column in index if column not in fixed))
        if (
            set(index[:used]) == exact
            and (not ranges or ranges == set(rest[:1]))
            and any(sorting == tail[: len(sorting)] for tail in tails)
            and (by is None or by in index)
        ):
            return
    raise ValueError(f"view {view.name} has no index for {sorted(exact | ranges)} in the order of {list(order)}")


def require_columns(view: View, values: Mapping[str, Value]) -> None:
    """Raises ValueError where `values` name a column that the view has not."""
    if not view.columns.keys() >= values.keys():
        raise ValueError(f"view {view.name} has no column {sorted(values.keys() - view.columns.keys())}")


def stored(view: View, values: Mapping[str, Value]) -> dict[str, Value]:
    """`values` with every column of the view, in its order, each as every adapter gives it back."""
    require_columns(view, values)
    return {column: typed(kind, values.get(column)) for column, kind in view.columns.items()}


def typed(kind: str, value: Value) -> Value:
    """`value` as a column of that type holds it."""
    if value is None:
        return None
    if kind == "boolean":
        return bool(value)
    if kind == "real":
        return float(value)
    return value
