"""The documents of a policy that name things: jurisdiction, organisations, places, subjects, channels, calendar.

Law is data. Each section of `shared.events.policy` is one document; these models are its form. Routing tables stand
in `routing.py`, clocks in `clocks.py`. Unknown fields are refused: a misspelt word in a law must not be ignored.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

ChannelClass = Literal[
    "letter", "visit", "call", "fax", "web", "app", "mini_program", "qr", "platform", "hotline_transfer"
]
OrganisationKind = Literal["petition_office", "handling", "review", "sealed"]


def _number_as_text(value: object) -> object:
    """A code written without quotes is a number to YAML; it is still a code."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


Code = Annotated[str, BeforeValidator(_number_as_text), Field(min_length=1, max_length=80)]
Name = Annotated[str, Field(min_length=1, max_length=200)]


class Document(BaseModel):
    """Base of all policy documents."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True, defer_build=True)


class OfficeHours(Document):
    """When reminders may be sent, local time, hours 0 to 24."""

    opens: int = Field(ge=0, le=23)
    closes: int = Field(ge=1, le=24)


class Jurisdiction(Document):
    """Whose policy this is. `zone` is an IANA name; `petition_office` an organisation's code."""

    code: Code
    name: Name
    name_en: str | None = None
    zone: str
    petition_office: Code | None = None
    office_hours: OfficeHours | None = None
    most_objections: int = Field(3, ge=1, le=20)
    """So often organisations may object to a case; then it is a dispute and needs a ruling (Art. 24)."""


class Organisation(Document):
    """`places`: what it serves, for people who dispatch by hand. `sealed` receives accusations (Art. 30). `review_by`: who
    reviews its decisions, where that is not its `parent` (Art. 35, 36: the next level up). `delivery`: `kafka` has its entries
    in its own topic too, where there is a Kafka; by pull they can be had always."""

    code: Code
    name: Name
    name_en: str | None = None
    kind: OrganisationKind = "handling"
    parent: Code | None = None
    review_by: Code | None = None
    places: tuple[Code, ...] = ()
    delivery: Literal["pull", "kafka"] = "pull"


class Place(Document):
    code: Code
    name: Name
    name_en: str | None = None
    parent: Code | None = None


class Subject(Document):
    code: Code
    name: Name
    name_en: str | None = None
    parent: Code | None = None


class Channel(Document):
    """Where filings come from. `received_by`: the organ that receives here itself (Art. 23). `mapping`: how items in the
    platform's own form are understood."""

    code: Code
    name: Name
    name_en: str | None = None
    class_: ChannelClass
    platform: str | None = None
    place: Code | None = None
    received_by: Code | None = None
    mapping: Code | None = None


class QrCode(Document):
    """A code that hangs somewhere: who scans it need not say where. `grid`: the cell of the grid (网格) it hangs in."""

    code: Code
    channel: Code
    place: Code
    grid: Code | None = None


class Organisations(Document):
    organisations: tuple[Organisation, ...] = ()


class Places(Document):
    places: tuple[Place, ...] = ()


class Subjects(Document):
    subjects: tuple[Subject, ...] = ()


class Channels(Document):
    channels: tuple[Channel, ...] = ()
    qr_codes: tuple[QrCode, ...] = ()


class Mappings(Document):
    """Name -> a mapping in the language of imports (docs/import.md). Intake, which reads it, also checks it."""

    mappings: dict[Code, dict[str, Any]] = Field(default_factory=dict)


class Year(Document):
    """What was published for one year: days off, and weekend days that are worked (调休)."""

    holidays: tuple[date, ...] = ()
    workdays: tuple[date, ...] = ()


class CalendarDocument(Document):
    """Working days. `weekend`: ISO weekdays, 7 is Sunday. `fixed`: days (MM-DD) that the statute itself names, so
    that each published year must hold them and an unpublished one is computed with them. `published_until`: the
    last year that was published; a period that reaches beyond is provisional."""

    id: str = "calendar"
    source: str | None = None
    weekend: tuple[Annotated[int, Field(ge=1, le=7)], ...] = (6, 7)
    fixed: tuple[Annotated[str, Field(pattern=r"^(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])$")], ...] = ()
    published_until: int | None = None
    years: dict[int, Year] = Field(default_factory=dict)


def ancestry(parents: Mapping[str, str | None]) -> dict[str, tuple[str, ...]]:
    """Code -> (itself, its parent, ..., the root). A cycle or an unknown parent ends the line: check() names it."""
    lines: dict[str, tuple[str, ...]] = {}
    for code in parents:
        line = [code]
        parent = parents[code]
        while parent is not None and parent in parents and parent not in line:
            line.append(parent)
            parent = parents[parent]
        lines[code] = tuple(line)
    return lines
