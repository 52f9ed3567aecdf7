"""The documents of a policy: jurisdiction, organisations, places, subjects, channels, mappings, calendar.

Law is data. Each section of `shared.events.policy` is one document, and these models define its form; routing tables and
clocks have modules of their own. Unknown fields are refused, so that a misspelt word is not ignored.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from shared.kernel.text_normalization import identifier_form
from shared.policy.boundaries import BoundaryText

ChannelClass = Literal[
    "letter", "visit", "call", "fax", "web", "app", "mini_program", "qr", "platform", "hotline_transfer"
]
OrganisationKind = Literal["petition_office", "handling", "review", "sealed", "political_legal"]


def _as_code(value: object) -> object:
    """A code that is written without quotes is a number in YAML."""
    return identifier_form(value) if isinstance(value, str) else str(value) if type(value) is int else value


Code = Annotated[str, BeforeValidator(_as_code), Field(min_length=1, max_length=80)]
"""A code in the form in which codes are compared: half-width, without invisible characters."""
SLUG = re.compile(r"[a-z0-9-]{1,40}")
"""The code of a jurisdiction. It is part of the names of streams, topics and Kafka users, so it contains none of the characters
that separate their parts."""
Name = Annotated[str, Field(min_length=1, max_length=200)]


class Document(BaseModel):
    """Base of all policy documents."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True, defer_build=True)


class OfficeHours(Document):
    """The hours in which reminders may be sent: local time, 0 to 24."""

    opens: int = Field(ge=0, le=23)
    closes: int = Field(ge=1, le=24)


class Withdrawals(Document):
    """The withdrawal of a petition by its petitioner. No article sets a cooling-off period: seven calendar days are our own
    choice, so that it includes a weekend."""

    cooling_off_days: int = Field(7, ge=1, le=60)
    source: str = "own choice"
    """The local rule that sets the period, or `own choice`."""


class Entry(Document):
    """A named entry of a list."""

    code: Code
    name: Name
    name_en: str | None = None
    aliases: tuple[Name, ...] = ()
    """Further names, as other systems write them: an import finds the entry by each of them."""


class Skill(Entry):
    """Something that not everybody at a desk can do, such as a dialect, sign language, or matters of enterprises. `lines`: lines or
    queues of the telephone system on which callers wait who need it."""

    lines: tuple[Name, ...] = ()


class Jurisdiction(Entry):
    """The jurisdiction of the policy. `code`: a SLUG, unique in the deployment; `zone`: an IANA name;
    `petition_office`: the code of an organisation."""

    zone: str
    petition_office: Code | None = None
    office_hours: OfficeHours | None = None
    most_objections: int = Field(3, ge=1, le=20)
    """Number of objections after which a case is a dispute that needs a ruling (Art. 24)."""
    withdrawal: Withdrawals = Withdrawals()
    skills: tuple[Skill, ...] = ()
    """Skills of posts, in the order of lists. Calls and cases that need one go to those who have it."""


class Organisation(Entry):
    """An organisation that handles or reviews cases.

    `places`: the places that it serves, shown when a person dispatches. Kind `sealed`: it receives accusations (Art. 30);
    `political_legal` (政法部门): it receives matters of litigation (Art. 22 ¶2). `review_by`: the reviewing organisation, if it
    is not the `parent` (Art. 35, 36: the next higher level). `review_choice`: further ones of which the petitioner may choose one
    instead, where the law gives the choice, such as the government of the level and the department above. `delivery`: with
    `kafka` its notifications are also sent to its topic in the full mode; they can always be read over HTTP. `may_follow_up`: it
    may ask petitioners of cases in which it has no part whether they are satisfied (回访), and confirm withdrawals that an office
    recorded. `telephone`, `opening_hours`: the number that petitioners may call, and when, in words; without hours they are the
    office hours of the jurisdiction."""

    kind: OrganisationKind = "handling"
    parent: Code | None = None
    review_by: Code | None = None
    review_choice: tuple[Code, ...] = ()
    places: tuple[Code, ...] = ()
    delivery: Literal["pull", "kafka"] = "pull"
    may_follow_up: bool = False
    telephone: Annotated[str, Field(pattern=r"^[0-9+() -]{3,30}$")] | None = None
    opening_hours: Name | None = None
    opening_hours_en: Name | None = None


class Place(Entry):
    """`boundary`: well-known text; a filing with a position and without a place gets the smallest place around it."""

    parent: Code | None = None
    boundary: BoundaryText | None = None


class Subject(Entry):
    parent: Code | None = None


class Channel(Entry):
    """A source of filings. `received_by`: the organisation that receives filings directly (Art. 23). `mapping`: the mapping of
    items in the platform's own form."""

    class_: ChannelClass
    platform: str | None = None
    place: Code | None = None
    received_by: Code | None = None
    mapping: Code | None = None


class QrCode(Document):
    """A QR code at a place, which is then known without being entered. `grid`: its cell of the grid (网格)."""

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
    """Name -> a mapping in the language of imports (docs/import.md). Intake reads and checks it."""

    mappings: dict[Code, dict[str, Any]] = Field(default_factory=dict)


class Year(Document):
    """The published days of one year: holidays, and weekend days that are worked (调休)."""

    holidays: tuple[date, ...] = ()
    workdays: tuple[date, ...] = ()


class CalendarDocument(Document):
    """Working days. `weekend`: ISO weekdays, 7 is Sunday. `fixed`: holidays (MM-DD) by statute, which each published year
    must contain and with which an unpublished year is computed; `statutory`: those of a year whose day changes (Spring
    Festival), with the same effect. `published_until`: the last published year; a period that
    ends later is provisional."""

    id: str = "calendar"
    source: str | None = None
    weekend: tuple[Annotated[int, Field(ge=1, le=7)], ...] = (6, 7)
    fixed: tuple[Annotated[str, Field(pattern=r"^(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])$")], ...] = ()
    statutory: dict[int, tuple[date, ...]] = Field(default_factory=dict)
    published_until: int | None = Field(None, ge=1900, le=2200)
    years: dict[int, Year] = Field(default_factory=dict)


def ancestry(parents: Mapping[str, str | None]) -> dict[str, tuple[str, ...]]:
    """Code -> (itself, its parent, ..., the root). A cycle or an unknown parent, which check() reports, ends the line."""
    lines: dict[str, tuple[str, ...]] = {}
    for code in parents:
        line = [code]
        parent = parents[code]
        while parent is not None and parent in parents and parent not in line:
            line.append(parent)
            parent = parents[parent]
        lines[code] = tuple(line)
    return lines
