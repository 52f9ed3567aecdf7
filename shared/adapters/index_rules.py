"""Rules about views that are the same for every adapter: which queries an index answers, and how values are stored."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from shared.eventstore.read_models import Condition, ReadModel, Value

_SORTED = ("<", "<=", ">", ">=")


def require_index(
    view: ReadModel, where: Sequence[Condition], order: Sequence[str] = (), by: str | None = None
) -> None:
    """Check that the key or one declared index answers the query.

    An index answers it if its first columns are those compared with `=` or `in`, in any order, and the next one is the
    column of a range condition. `order` continues from there and may contain columns fixed by `=`; `by` may be any column
    of the index.

    Raises:
        ValueError: No index answers the query, or a column does not exist.
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
        # A column compared with `in` may be the first of the order: the rows of each of its values are contiguous.
        tails = (rest, tuple(column for column in index if column not in fixed))
        if (
            set(index[:used]) == exact
            and (not ranges or ranges == set(rest[:1]))
            and any(sorting == tail[: len(sorting)] for tail in tails)
            and (by is None or by in index)
        ):
            return
    raise ValueError(f"view {view.name} has no index for {sorted(exact | ranges)} in the order of {list(order)}")


def require_columns(view: ReadModel, values: Mapping[str, Value]) -> None:
    """Raise ValueError if `values` contain a column that the view does not have."""
    if not view.columns.keys() >= values.keys():
        raise ValueError(f"view {view.name} has no column {sorted(values.keys() - view.columns.keys())}")


def stored(view: ReadModel, values: Mapping[str, Value]) -> dict[str, Value]:
    """`values` with every column of the view, in its order, each in the form in which every adapter returns it."""
    require_columns(view, values)
    return {column: typed(kind, values.get(column)) for column, kind in view.columns.items()}


CONVERTED = ("boolean", "real")
"""Types of columns whose values a store may return in another type."""


def typed(kind: str, value: Value) -> Value:
    """`value` as a column of type `kind` stores it."""
    if value is None:
        return None
    if kind == "boolean":
        return bool(value)
    if kind == "real":
        return float(value)
    return value


def ranges_after(
    columns: Sequence[str], after: Sequence[Value]
) -> Iterator[tuple[list[tuple[str, Value]], str, Value]]:
    """The index ranges that follow the row `after`, in order, each as (columns with a fixed value, column, lower bound).

    "After (a, b, key)" is three ranges of one index: the same a and b, then a greater key; the same a, then a greater b;
    then a greater a. A single condition for all three would be read from the beginning of the index each time.
    """
    for last in range(len(columns) - 1, -1, -1):
        yield list(zip(columns[:last], after[:last], strict=True)), columns[last], after[last]
