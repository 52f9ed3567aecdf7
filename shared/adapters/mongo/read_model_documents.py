"""One view in MongoDB: its collection, its rows as documents, its queries as filters."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence

import orjson
from pymongo import ASCENDING, IndexModel, UpdateOne

from shared.adapters.index_rules import ranges_after, stored, typed
from shared.adapters.mongo.client import Document
from shared.eventstore.read_models import Condition, ReadModel, Row, Value

PREFIX = "view_"
_OPERATORS = {"<": "$lt", "<=": "$lte", ">": "$gt", ">=": "$gte"}
_HASH_DIGITS = 12
NEVER: Document = {"_id": {"$in": []}}
"""A filter that no document matches."""


class ReadModelDocuments:
    """A row is the document `{_id: key, applied, live, v: {column: value}}`; an empty row has `live: false` and no `v`.

    The collection's name contains a hash of the columns and indexes: a release with another shape fills a collection of its
    own, so that two releases can run at once. The indexes contain only live rows and end with the key.
    """

    def __init__(self, view: ReadModel) -> None:
        shape = orjson.dumps([list(view.columns.items()), view.indexes, view.version])
        self.view = view
        self.collection = f"{PREFIX}{view.name}_{hashlib.sha256(shape).hexdigest()[:_HASH_DIGITS]}"

    def indexes(self) -> list[IndexModel]:
        live = [IndexModel([("live", ASCENDING), ("_id", ASCENDING)], name="live")]
        for columns in self.view.indexes:
            keys = [*((f"v.{column}", ASCENDING) for column in columns), ("_id", ASCENDING)]
            name = "__".join(("by", *columns))
            live.append(IndexModel(keys, name=name, partialFilterExpression={"live": True}))
        return live

    def prepared(self, rows: Iterable[Row], *, renew: bool) -> list[Row]:
        """One row for each key: the one that would remain after writing all of them.

        Raises:
            ValueError, OverflowError: A row cannot be stored.
        """
        best: dict[str, Row] = {}
        for row in rows:
            known = best.get(row.key)
            if known is None or known.applied < row.applied + renew:
                values = None if row.values is None else stored(self.view, row.values)
                _check(row.applied, *(values or {}).values())
                best[row.key] = Row(row.key, row.applied, values)
        return list(best.values())

    def write(self, row: Row, *, renew: bool, upsert: bool) -> UpdateOne:
        """The update that writes `row`, except over a newer one: the condition is part of the filter.

        With `upsert` it fails with a duplicate key if the stored row is not older or another writer has just created it.
        """
        older = {"$lte" if renew else "$lt": row.applied}
        if row.values is None:
            change: Document = {"$set": {"applied": row.applied, "live": False}, "$unset": {"v": ""}}
        else:
            change = {"$set": {"applied": row.applied, "live": True, "v": row.values}}
        return UpdateOne({"_id": row.key, "applied": older}, change, upsert=upsert)

    def row(self, document: Document) -> Row:
        if not document["live"]:
            return Row(document["_id"], document["applied"], None)
        values = document["v"]
        shown = {column: typed(kind, values[column]) for column, kind in self.view.columns.items()}
        return Row(document["_id"], document["applied"], shown)

    def filter(self, where: Sequence[Condition]) -> Document:
        parts: list[Document] = []
        for column, op, value in where:
            if op == "in":
                parts.append({f"v.{column}": {"$in": list(value) if isinstance(value, tuple) else []}})
            elif op == "=":
                parts.append({f"v.{column}": value})
            elif value is None:
                parts.append(NEVER)  # as in SQL
            else:
                parts.append({f"v.{column}": {_OPERATORS[op]: value}})
        return {"live": True, "$and": parts} if parts else {"live": True}

    def pages(
        self, where: Sequence[Condition], order: Sequence[str], after: Sequence[Value] | None
    ) -> tuple[list[Document], list[tuple[str, int]]]:
        """(filters whose results, one after the other, are the page; their order)."""
        fields = [*(f"v.{column}" for column in order), "_id"]
        sort = [(field, ASCENDING) for field in fields]
        fixed = self.filter(where)
        if after is None:
            return [fixed], sort
        filters: list[Document] = []
        for same, field, bound in ranges_after(fields, after):
            greater: Document = {field: {"$ne": None} if bound is None else {"$gt": bound}}
            equal: list[Document] = [{name: value} for name, value in same]
            filters.append({**fixed, "$and": [*fixed.get("$and", ()), *equal, greater]})
        return filters, sort


def _check(*values: Value) -> None:
    for value in values:
        if isinstance(value, int) and not -(2**63) <= value < 2**63:
            raise OverflowError("a number in a row must fit into 64 bits")
        if isinstance(value, str):
            value.encode()  # refuses a lone surrogate
