"""Names from the policy instead of codes, and local times instead of UTC."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, NamedTuple
from urllib.parse import quote

import httpx

from shared.kernel.legal_time import LAST_MOMENT, from_text, is_instant, zone


class Wording(NamedTuple):
    """Time zones and names by jurisdiction. Empty if the caller may not read policies: codes and UTC are shown then."""

    zones: Mapping[str, str]
    names: Mapping[str, Mapping[str, str]]

    def zone(self, jurisdiction: str | None = None) -> str | None:
        """The time zone of a jurisdiction; without one, the time zone that all jurisdictions share."""
        if jurisdiction is not None:
            return self.zones.get(jurisdiction)
        shared = set(self.zones.values())
        return shared.pop() if len(shared) == 1 else None

    def name(self, code: str | None, jurisdiction: str | None = None) -> str:
        """The name of a code; the code itself if it has none."""
        named = self.named(code, jurisdiction)
        return named.removesuffix(f" ({code})") if code else ""

    def named(self, code: str | None, jurisdiction: str | None = None) -> str:
        """`name (code)`; the code alone if it has no name."""
        if code is None:
            return ""
        books = self.names.values() if jurisdiction is None else (self.names.get(jurisdiction, {}),)
        name = next((names[code] for names in books if code in names), None)
        return f"{name} ({code})" if name else code


async def wording(client: httpx.AsyncClient, jurisdictions: Iterable[str] | None = None) -> Wording:
    """Time zones of all jurisdictions, and the names of `jurisdictions` (None: of all)."""
    listed = await client.get("/v1/policies")
    found = listed.json().get("policies", ()) if listed.is_success else ()
    zones = {one["jurisdiction"]: one["zone"] for one in found}
    names: dict[str, dict[str, str]] = {}
    for code in sorted(zones if jurisdictions is None else zones.keys() & set(jurisdictions)):
        shown = await client.get(f"/v1/policies/{quote(code, safe='')}")
        names[code] = shown.json()["names"] if shown.is_success else {}
    return Wording(zones, names)


def at(text: Any, zone_name: str | None = None) -> str:
    """A time of an answer: a date as it is, an instant to the minute in the given time zone, with its offset."""
    when = _read(text)
    if when is None:
        return "" if text is None else str(text)
    local = when.astimezone(zone(zone_name)) if zone_name is not None else when
    return f"{local:%Y-%m-%d %H:%M} {local.isoformat()[-6:]}"


def due(text: Any, zone_name: str | None = None) -> str:
    """A due instant. The last moment of a day is shown as the day."""
    when = _read(text)
    if when is not None and zone_name is not None:
        local = when.astimezone(zone(zone_name))
        if local.time().replace(microsecond=0) == LAST_MOMENT.replace(microsecond=0):
            return local.date().isoformat()
    return at(text, zone_name)


def _read(text: Any) -> datetime | None:
    if not isinstance(text, str):
        return None
    try:
        found = from_text(text)
    except ValueError:
        return None
    return found if isinstance(found, datetime) and is_instant(found) else None
