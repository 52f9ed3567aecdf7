"""The read model `files`: blob -> the event that names it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from shared.case import Case
from shared.consumers.projection import ItemProjection
from shared.eventstore.read_models import ReadModel, ReadModelStore, Row

FILES = ReadModel(name="files", columns={"case": "text", "version": "integer"}, indexes=(("case",),))


class Named(NamedTuple):
    """Where a blob is named."""

    case: str
    version: int
    """Version of the event in the stream of the case."""


def file_rows(case: Case) -> list[Row]:
    """One row per file. An event of a case never changes, so that its version guards the row."""
    return [Row(one.blob, one.version, {"case": case.id, "version": one.version}) for one in case.files]


SHOWS_FILES = ItemProjection(FILES, lambda _case, _book: None, file_rows)


async def event_of(views: ReadModelStore, blob: str) -> Named | None:
    """The event that names this blob, None if none is known."""
    row = await views.get(FILES.name, blob)
    return None if row is None or row.values is None else Named(str(row.values["case"]), row.applied)


async def named(views: ReadModelStore, blobs: Sequence[str]) -> set[str]:
    """Those of `blobs` that an event names."""
    return set(await views.applied(FILES.name, blobs)) if blobs else set()
