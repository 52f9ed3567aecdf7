"""The schema of the fact tables: columns, and the SQL that creates and drops them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import pyarrow as pa

from services.analytics.fact_rows import ASKED_FIELDS, CASE_FIELDS, CLOCK_FIELDS

Table = Literal["cases", "clocks", "asked"]

SCHEMA = 8
"""Increased whenever a table changes. Facts of another schema are dropped and rebuilt."""
_SQL = {
    pa.string(): "VARCHAR",
    pa.int32(): "INTEGER",
    pa.float64(): "DOUBLE",
    pa.bool_(): "BOOLEAN",
    pa.date32(): "DATE",
    pa.timestamp("us"): "TIMESTAMP",
}
KEYS: Mapping[Table, tuple[str, ...]] = {
    "cases": ("case",),
    "clocks": ("case", "clock", "episode"),
    "asked": ("case", "object"),
}
_OF_CASE = ("jurisdiction", "place", "subject", "channel", "class", "sealed", "live", "voided", "filed_day", "accused")
"""Columns of a case that the views of its clocks and evaluations repeat."""


def _columns(fields: Mapping[str, pa.DataType]) -> str:
    return ", ".join(f'"{name}" {_SQL[kind]}' for name, kind in fields.items())


def _unnested(name: str, fields: Mapping[str, pa.DataType], case_org: str = "") -> tuple[str, str]:
    own = ", ".join(f'one."{field}" AS "{field}"' for field in fields)
    borrowed = ", ".join(f'"{field}"' for field in _OF_CASE)
    chosen = f'SELECT "case", version, {borrowed}{case_org}, {own} FROM (SELECT *, unnest({name}) AS one FROM'
    return (
        f"CREATE VIEW {name} AS {chosen} cases)",
        f"CREATE MACRO {name}_on(day) AS TABLE {chosen} cases_on(day))",
    )


def _table(name: str) -> str:
    return (
        f"CREATE TABLE {name} ({_columns(CASE_FIELDS)}, clocks STRUCT({_columns(CLOCK_FIELDS)})[], "
        f"asked STRUCT({_columns(ASKED_FIELDS)})[], since DATE, until DATE)"
    )


CREATE = (
    "CREATE TABLE IF NOT EXISTS about (schema INTEGER)",
    _table("cases"),
    _table("past"),
    "CREATE MACRO cases_on(day) AS TABLE SELECT * FROM cases WHERE since <= day"
    " UNION ALL SELECT * FROM past WHERE since <= day AND day < until",
    *_unnested("clocks", CLOCK_FIELDS),
    *_unnested("asked", ASKED_FIELDS, ", coalesce(one.about, reply_org, org) AS org"),
)
"""`cases` has each case as it is known now, `past` as it was known before. The macros select what was known at the end of a day."""
DROP = (
    "DROP VIEW IF EXISTS clocks",
    "DROP VIEW IF EXISTS asked",
    *(f"DROP MACRO TABLE IF EXISTS {name}_on" for name in ("clocks", "asked", "cases")),
    "DROP TABLE IF EXISTS cases",
    "DROP TABLE IF EXISTS past",
    "DROP TABLE IF EXISTS events",
    "DELETE FROM about",
)


COLUMNS: Mapping[Table, tuple[str, ...]] = {
    "cases": tuple(CASE_FIELDS),
    "clocks": ("case", *CLOCK_FIELDS),
    "asked": ("case", *ASKED_FIELDS),
}
"""The columns of Facts.rows(), in order."""
