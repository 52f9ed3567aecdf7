"""The schema of the fact tables: columns, and the SQL that creates and drops them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import pyarrow as pa

from services.analytics.fact_rows import ASKED_FIELDS, CASE_FIELDS, CLOCK_FIELDS, EVENT_FIELDS

Table = Literal["cases", "clocks", "asked", "events"]

SCHEMA = 6
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
    "events": ("case", "version"),
}
_OF_CASE = ("jurisdiction", "place", "subject", "channel", "class", "sealed", "live", "voided", "filed_day", "accused")
"""Columns of a case that the views of its clocks and evaluations repeat."""


def _columns(fields: Mapping[str, pa.DataType]) -> str:
    return ", ".join(f'"{name}" {_SQL[kind]}' for name, kind in fields.items())


def _unnested(name: str, fields: Mapping[str, pa.DataType], case_org: str = "") -> str:
    own = ", ".join(f'one."{field}" AS "{field}"' for field in fields)
    borrowed = ", ".join(f'"{field}"' for field in _OF_CASE)
    return (
        f'CREATE VIEW {name} AS SELECT "case", version, {borrowed}{case_org}, {own} '
        f"FROM (SELECT *, unnest({name}) AS one FROM cases)"
    )


CREATE = (
    "CREATE TABLE IF NOT EXISTS about (schema INTEGER)",
    f"CREATE TABLE cases ({_columns(CASE_FIELDS)}, clocks STRUCT({_columns(CLOCK_FIELDS)})[], "
    f"asked STRUCT({_columns(ASKED_FIELDS)})[])",
    f"CREATE TABLE events ({_columns(EVENT_FIELDS)})",
    _unnested("clocks", CLOCK_FIELDS),
    _unnested("asked", ASKED_FIELDS, ", coalesce(one.about, reply_org, org) AS org"),
)
DROP = (
    "DROP VIEW IF EXISTS clocks",
    "DROP VIEW IF EXISTS asked",
    "DROP TABLE IF EXISTS cases",
    "DROP TABLE IF EXISTS events",
    "DELETE FROM about",
)


COLUMNS: Mapping[Table, tuple[str, ...]] = {
    "cases": tuple(CASE_FIELDS),
    "clocks": ("case", *CLOCK_FIELDS),
    "asked": ("case", *ASKED_FIELDS),
    "events": tuple(name for name in EVENT_FIELDS if name != "recorded_at"),
}
"""The columns of Facts.rows(), in order."""
