"""The SQL statements of one view."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any

from shared.adapters.index_rules import CONVERTED, ranges_after, require_columns, typed
from shared.eventstore.read_models import Condition, ReadModel, Row, Value

_TYPES = {"text": "TEXT", "integer": "INTEGER", "real": "REAL", "boolean": "BOOLEAN"}
_NAME = re.compile(r"[a-z_][a-z0-9_]*")
_CHUNKS = (256, 64, 16, 4, 1)
"""Rows per statement: few different statements, each prepared once."""

Query = tuple[str, list[Any]]


class ReadModelSql:
    """A view as a table. `live` is 0 for an empty row.

    The indexes contain only live rows and end with the key, so that a page is one index seek.

    Raises:
        ValueError: A name is not usable in SQL.
    """

    def __init__(self, view: ReadModel) -> None:
        for name in (view.name, *view.columns):
            if not _NAME.fullmatch(name):
                raise ValueError(f"{name!r} cannot name a view or a column")
        self.view = view
        self.table = f"{view.name}_v{view.version}"
        self.columns = tuple(f'"{column}"' for column in view.columns)
        self.all = ", ".join(("key", "applied", "live", *self.columns))
        self._converted = tuple((column, kind) for column, kind in view.columns.items() if kind in CONVERTED)

    @property
    def shape(self) -> str:
        """The columns and their types, which must not change while name and version stay the same."""
        return ",".join(f"{column} {kind}" for column, kind in self.view.columns.items())

    def create(self) -> list[str]:
        """Statements that create the table and its indexes."""
        columns = "".join(f', "{column}" {_TYPES[kind]}' for column, kind in self.view.columns.items())
        statements = [
            f'CREATE TABLE IF NOT EXISTS "{self.table}"'
            f"(key TEXT PRIMARY KEY, applied INTEGER NOT NULL, live BOOLEAN NOT NULL{columns})"
        ]
        for columns_of in ((), *self.view.indexes):
            # An index that contains every column is read without visiting the table for each row of a page. An index that
            # lacks a single column gets it: in a narrow view that is cheaper than a table lookup per row.
            lacking = tuple(column for column in self.view.columns if column not in columns_of)
            rest = ("applied", *lacking) if len(lacking) <= 1 else ()
            parts = ", ".join(f'"{column}"' for column in (*columns_of, "key", *rest))
            name = "__".join((self.table, "by", *columns_of))
            statements.append(f'CREATE INDEX IF NOT EXISTS "{name}" ON "{self.table}"({parts}) WHERE live')
        return statements

    def upserts(self, rows: Sequence[Row], *, renew: bool = False) -> Iterator[Query]:
        """Statements that write `rows`, except over newer ones: the condition is part of the statement."""
        statements = self._renewing if renew else self._upsert
        start = 0
        for size in _CHUNKS:
            while len(rows) - start >= size:
                values: list[Any] = []
                for row in rows[start : start + size]:
                    values += self._values(row)
                yield statements[size], values
                start += size

    def find(
        self, where: Sequence[Condition], order: Sequence[str], after: Sequence[Value] | None, limit: int
    ) -> list[Query]:
        """Queries whose results, one after the other, are the page."""
        columns = [*(f'"{column}"' for column in order), "key"]
        tail = f" ORDER BY {', '.join(columns)} LIMIT {int(limit)}"
        fixed, values = self._where(where)
        shown = ", ".join(("key", "applied", "1", *self.columns))  # the condition says `live`
        head = f'SELECT {shown} FROM "{self.table}" WHERE live{fixed}'
        if after is None:
            return [(head + tail, values)]
        queries = []
        for same, column, bound in ranges_after(columns, after):
            greater = f"{column} > ?" if bound is not None else f"{column} IS NOT NULL"
            part = "".join(f" AND {each}" for each in (*(f"{name} IS ?" for name, _ in same), greater))
            more = [value for _, value in same] + ([] if bound is None else [bound])
            queries.append((head + part + tail, values + more))
        return queries

    def count(self, where: Sequence[Condition], by: str | None) -> Query:
        fixed, values = self._where(where)
        chosen = f'"{by}"' if by else "NULL"
        group = f" GROUP BY {chosen}" if by else ""
        return f'SELECT {chosen}, count(*) FROM "{self.table}" WHERE live{fixed}{group}', values

    def row(self, row: Sequence[Any]) -> Row:
        key, applied, live, *values = row
        if not live:
            return Row(key, applied, None)
        found = dict(zip(self.view.columns, values, strict=True))
        for column, kind in self._converted:
            found[column] = typed(kind, found[column])
        return Row(key, applied, found)

    @cached_property
    def _upsert(self) -> dict[int, str]:
        names = ("applied", "live", *self.columns)
        sets = ", ".join(f"{name} = excluded.{name}" for name in names)
        one = f"({','.join('?' * (len(names) + 1))})"
        return {
            size: f'INSERT INTO "{self.table}"({self.all}) VALUES {",".join([one] * size)}'
            f' ON CONFLICT(key) DO UPDATE SET {sets} WHERE excluded.applied > "{self.table}".applied'
            for size in _CHUNKS
        }

    @cached_property
    def _renewing(self) -> dict[int, str]:
        """The same statements, which also replace a row of the same version."""
        return {size: f"{query} - 1" for size, query in self._upsert.items()}

    def _values(self, row: Row) -> list[Any]:
        """The parameters of one row. SQLite converts truth values and whole numbers by column type; `typed` converts back."""
        if row.values is None:
            return [row.key, row.applied, 0, *([None] * len(self.columns))]
        require_columns(self.view, row.values)
        return [row.key, row.applied, 1, *map(row.values.get, self.view.columns)]

    def _where(self, where: Sequence[Condition]) -> Query:
        sql = ""
        values: list[Any] = []
        for column, op, value in where:
            if op == "in":
                chosen = list(value) if isinstance(value, tuple) else []
                marks = ",".join("?" * len(chosen))
                null = f' OR "{column}" IS NULL' if None in chosen else ""
                sql += f' AND ("{column}" IN ({marks}){null})'
                values += chosen
            else:
                sql += f' AND "{column}" {"IS" if op == "=" else op} ?'
                values.append(value)
        return sql, values
