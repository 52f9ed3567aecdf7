"""Data of the demo county for the sample and the simulation: channels, places, subjects and responsible organisations."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from random import Random

from pydantic import BaseModel

from shared.kernel import data_file


class Counter(BaseModel, extra="forbid", frozen=True):
    """A counter at which an organisation registers filings itself."""

    channel: str
    organisation: str
    subjects: tuple[str, ...]


class CountyData(BaseModel, extra="forbid", frozen=True):
    """The file county.yaml, which explains the fields."""

    city: str
    petition_office: str
    sealed_organisation: str
    counter: Counter
    channels: dict[str, int]
    places: dict[str, int]
    subjects: dict[str, int]
    queued: tuple[str, ...]
    queued_for_city: tuple[str, ...]
    organisations: dict[str, str]
    offices: dict[str, str]
    office_subjects: dict[str, tuple[str, ...]]

    def channel(self, place: str, dice: Random) -> str:
        """A channel by weight. The QR code is for one district only; elsewhere people use the app."""
        channel = weighted(self.channels, dice)
        return "app" if channel == "qr-dh" and not place.startswith("dh") else channel

    def responsible(self, place: str, subject: str) -> str | None:
        """The organisation that the routing table names; None when a registrar has to dispatch."""
        district, domain = place.split("-", maxsplit=1)[0], subject[:2]
        if subject in self.queued:
            return None
        if subject in self.office_subjects.get(district, ()):
            return self.offices[district]
        return self.organisations.get(domain) or self.offices.get(district)

    def organisation(self, place: str, subject: str) -> str:
        """The responsible organisation, or the one to which a registrar dispatches: the district's office, or for the
        whole city the petition office."""
        office = self.offices.get(place.split("-", maxsplit=1)[0], self.petition_office)
        return self.responsible(place, subject) or office


@cache
def county_data() -> CountyData:
    """The content of county.yaml."""
    return CountyData.model_validate(data_file.load(Path(__file__).parent / "data" / "county.yaml"))


def weighted(choices: Mapping[str, int], dice: Random) -> str:
    """One of the keys; the values are their weights."""
    return dice.choices(list(choices), list(choices.values()))[0]
