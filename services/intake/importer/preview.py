"""A row as the mapping reads it, shown before anything is sent."""

from __future__ import annotations

from typing import Any

from services.intake.history.case_of_row import organisation_code
from services.intake.importer.warnings import PERSONAL
from shared.events import REGISTRY


def preview(item: dict[str, Any]) -> dict[str, Any]:
    """An item without personal values: only their length is shown."""
    shown = {name: value for name, value in item.items() if name not in ("filing", "steps", "item", "link")}
    shown["item"] = _masked(item["item"])
    if "link" in item:
        shown["link"] = {**item["link"], "item": _masked(item["link"]["item"])}
    shown["filing"] = {
        name: _masked(value) if name in PERSONAL else value for name, value in item.get("filing", {}).items()
    }
    if "organisation" in item:
        organisation = item["organisation"]
        shown["organisation"] = {
            **organisation,
            "code": organisation.get("code") or organisation_code(organisation["name"]),
        }
    shown["steps"] = [
        {
            "type": step["type"],
            "effective_at": step["effective_at"],
            **{
                name: _masked(value) if name in REGISTRY[step["type"]].personal else value
                for name, value in step["body"].items()
            },
        }
        for step in item.get("steps", [])
    ]
    return shown


def _masked(value: str) -> str:
    return f"*** ({len(value)})"
