"""Imports of small exports as an operator makes them: a mapping and a file; then the figures."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from services.analytics.statistics.as_of import facts_as_of
from services.analytics.statistics.models import Figure, StatsQuery
from services.analytics.statistics.query import query
from services.intake.history.items import HistoryItem, ItemResult
from services.intake.history.recorder import record_batch
from services.intake.importer import mapping_file
from services.intake.importer.job import Report, import_file
from shared.commands.authorization import Principal
from tests.support.county import DEMO, County

OPERATIONS = Principal("operations", None, "k-ops")


def wire(found: list[ItemResult]) -> list[dict[str, Any]]:
    """Results as the HTTP interface gives them."""
    return [
        {
            **one._asdict(),
            "due": one.due._asdict() if one.due else None,
            "left_out": [part._asdict() for part in one.left_out],
        }
        for one in found
    ]


async def imported(
    here: County, folder: Path, data: str | Path, mapping: str, *, dry_run: bool = False, jurisdiction: str = DEMO
) -> Report:
    """The report of an import of `data`, the text of a file or its path."""

    async def send(items: list[dict[str, Any]]) -> list[dict[str, Any]]:
        rows = [HistoryItem.model_validate(item) for item in items]
        found = await record_batch(rows, here.ports, principal=OPERATIONS, jurisdiction=jurisdiction, dry=dry_run)
        return wire(found)

    path = data
    if isinstance(data, str):
        path = folder / "export.csv"
        path.write_text(data, "utf-8")
    assert isinstance(path, Path)
    report = await import_file(
        send, path, mapping_file.parse(mapping), dry_run=dry_run, ask=send, rejects_path=folder / "rejects.csv"
    )
    await here.settle()
    return report


async def figures(here: County, **asked: Any) -> list[Figure]:
    """The figures of all cases, as everything is known now."""
    now = here.clock.now()
    facts = await facts_as_of(here.ports.log, here.ports.policies, now)
    try:
        return list((await query(facts, StatsQuery(**asked), now)).figures)
    finally:
        await facts.close()


async def figure(here: County, measure: str, of: str | None = None, **asked: Any) -> tuple[int | None, int, int]:
    """(numerator, denominator, unknown) of one figure; zeros where no row has the label."""
    found = [one for one in await figures(here, measures=(measure,), **asked) if (one.measure, one.of) == (measure, of)]
    return (found[0].numerator, found[0].denominator, found[0].unknown) if found else (0, 0, 0)
