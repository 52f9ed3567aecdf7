"""PolicyBook: everything a jurisdiction has decided about itself, folded from the stream `policy/<jurisdiction>`.

Sections are versioned by the `effective_at` of their activation. A running clock keeps the rule that was in force when
it began; the calendar is always the latest one that is known, since a published calendar replaces a guess.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property
from itertools import zip_longest
from typing import Any, NamedTuple

from shared.envelope import Recorded
from shared.events.policy import OrganisationAdded, PolicyActivated, Section
from shared.policy.calendar import PLAIN, Calendar
from shared.policy.clocks import Clocks, Escalation
from shared.policy.documents import (
    CalendarDocument,
    Channel,
    Channels,
    Document,
    Jurisdiction,
    Organisation,
    Organisations,
    Place,
    Places,
    Subject,
    Subjects,
    ancestry,
)
from shared.policy.office import Office
from shared.policy.routing import Route, Routing, RoutingTable
from shared.times import When, instant_of, start_of_day

STREAM = "policy/"
MODELS: dict[Section, type[Document]] = {
    "jurisdiction": Jurisdiction,
    "organisations": Organisations,
    "places": Places,
    "subjects": Subjects,
    "channels": Channels,
    "routing": Routing,
    "clocks": Clocks,
    "calendar": CalendarDocument,
}


class Edition(NamedTuple):
    """One activated version of a section. `start`: the instant from which it is in force; a date means its first
    moment in the zone of the jurisdiction, since a law is in force from the beginning of its day."""

    effective_at: When
    start: datetime
    version: int
    hash: str
    document: Any


@dataclass(frozen=True, eq=False)
class PolicyBook:
    """Immutable; compared and hashed by identity, so that results may be cached per book."""

    jurisdiction: str = ""
    version: int = 0
    editions: Mapping[Section, tuple[Edition, ...]] = field(default_factory=dict)
    added: Mapping[str, Organisation] = field(default_factory=dict)

    @classmethod
    def of(cls, events: Iterable[Recorded]) -> PolicyBook:
        """The book after all events of one policy stream, in version order."""
        book = cls()
        for event in events:
            book = book.with_event(event)
        return book

    def with_event(self, event: Recorded) -> PolicyBook:
        """The book after one more event. Raises pydantic's ValidationError for a document of another form."""
        body = event.body
        code = self.jurisdiction or event.jurisdiction or event.stream.removeprefix(STREAM)
        if isinstance(body, OrganisationAdded):
            return replace(
                self,
                jurisdiction=code,
                version=event.version,
                added={**self.added, body.code: organisation_of(body)},
            )
        if not isinstance(body, PolicyActivated):
            return replace(self, jurisdiction=code, version=event.version)
        document: Any = MODELS[body.section].model_validate(body.document)
        at = event.effective_at
        edition = Edition(at, _start(at, self.zone), event.version, body.hash, document)
        editions = {**self.editions, body.section: _with(self.editions.get(body.section, ()), edition)}
        book = replace(self, jurisdiction=code, version=event.version, editions=editions)
        return book if book.zone == self.zone else book._in_zone()

    def _in_zone(self) -> PolicyBook:
        """The same book after its zone has changed: dates begin at another instant."""
        moved = {
            section: tuple(known._replace(start=_start(known.effective_at, self.zone)) for known in editions)
            for section, editions in self.editions.items()
        }
        return replace(self, editions=moved)

    # ---------------------------------------------------------------- what is in force

    def edition(self, section: Section, at: When | None = None) -> Edition | None:
        """The version in force at `at` (None: the latest). Before the first one: None."""
        editions = self.editions.get(section, ())
        if at is None or not editions:
            return editions[-1] if editions else None
        index = bisect_right([known.start for known in editions], instant_of(at, self.zone))
        return editions[index - 1] if index else None

    def clocks_at(self, when: When) -> Clocks | None:
        """The clocks in force at that time; None before any law that is known here."""
        edition = self.edition("clocks", when)
        return edition.document if edition else None

    @cached_property
    def clock_editions(self) -> tuple[tuple[datetime, datetime | None, Clocks], ...]:
        """(from, until, clocks) in order; `until` is None for the present one."""
        editions = self.editions.get("clocks", ())
        return tuple(
            (known.start, after.start if after else None, known.document)
            for known, after in zip_longest(editions, editions[1:])
        )

    @cached_property
    def calendar(self) -> Calendar:
        """The latest calendar that is known; weekends only where none is."""
        edition = self.edition("calendar")
        return Calendar(edition.document) if edition else PLAIN

    @cached_property
    def settings(self) -> Jurisdiction | None:
        edition = self.edition("jurisdiction")
        return edition.document if edition else None

    @property
    def most_objections(self) -> int:
        """After so many objections a case is a jurisdiction dispute."""
        return self.settings.most_objections if self.settings else 3

    @cached_property
    def zone(self) -> str:
        return self.settings.zone if self.settings else "UTC"

    @cached_property
    def office(self) -> Office:
        """When organisations may be reminded."""
        return Office(self.settings.office_hours if self.settings else None, self.calendar, self.zone)

    @cached_property
    def escalation(self) -> Escalation:
        """How long each step of the ladder runs before the next, by the clocks that are in force last."""
        edition = self.edition("clocks")
        return edition.document.escalation if edition else Escalation()

    @cached_property
    def petition_office(self) -> str | None:
        return self.settings.petition_office if self.settings else None

    @cached_property
    def reference(self) -> str:
        """`<jurisdiction>@<12 signs>` over the latest hash of every section: what a decision used."""
        digest = hashlib.sha256()
        for section in sorted(self.editions):
            for edition in self.editions[section]:
                digest.update(f"{section} {edition.start.isoformat()} {edition.hash}\n".encode())
        for code in sorted(self.added):
            digest.update(f"added {self.added[code].model_dump_json()}\n".encode())
        return f"{self.jurisdiction}@{digest.hexdigest()[:12]}"

    @cached_property
    def documents(self) -> dict[Section, Document]:
        """The latest document of every section, with the organisations that were added: what a new one must fit."""
        latest: dict[Section, Document] = {section: known[-1].document for section, known in self.editions.items()}
        if self.added:
            latest["organisations"] = Organisations(organisations=tuple(self.organisations.values()))
        return latest

    def hash_of(self, section: Section) -> str | None:
        edition = self.edition(section)
        return edition.hash if edition else None

    # ---------------------------------------------------------------- what it names

    @cached_property
    def organisations(self) -> dict[str, Organisation]:
        """By code: the list, and those that were added later and are not in it."""
        edition = self.edition("organisations")
        listed = {entry.code: entry for entry in edition.document.organisations} if edition else {}
        return {**self.added, **listed}

    @cached_property
    def places(self) -> dict[str, Place]:
        edition = self.edition("places")
        return {entry.code: entry for entry in edition.document.places} if edition else {}

    @cached_property
    def subjects(self) -> dict[str, Subject]:
        edition = self.edition("subjects")
        return {entry.code: entry for entry in edition.document.subjects} if edition else {}

    @cached_property
    def channels(self) -> dict[str, Channel]:
        edition = self.edition("channels")
        return {entry.code: entry for entry in edition.document.channels} if edition else {}

    @cached_property
    def place_lines(self) -> dict[str, tuple[str, ...]]:
        """Place -> (itself, ..., the root)."""
        return ancestry({place.code: place.parent for place in self.places.values()})

    @cached_property
    def subject_lines(self) -> dict[str, tuple[str, ...]]:
        """Subject -> (itself, ..., the root)."""
        return ancestry({subject.code: subject.parent for subject in self.subjects.values()})

    @cached_property
    def names(self) -> dict[str, str]:
        """Code -> name for people, over organisations, places, subjects, channels; the earlier wins."""
        return {
            **{code: channel.name for code, channel in self.channels.items()},
            **{code: subject.name for code, subject in self.subjects.items()},
            **{code: place.name for code, place in self.places.items()},
            **{code: organisation.name for code, organisation in self.organisations.items()},
        }

    def organisation(self, code: str | None) -> Organisation | None:
        return self.organisations.get(code) if code else None

    def organisations_of(self, kind: str) -> tuple[Organisation, ...]:
        return tuple(entry for entry in self.organisations.values() if entry.kind == kind)

    @cached_property
    def review_body(self) -> str | None:
        """Who reviews (Art. 35, 36), where the policy names one."""
        return next((entry.code for entry in self.organisations_of("review")), None)

    @cached_property
    def sealed_organisation(self) -> str | None:
        """Who receives accusations (Art. 30); None: they wait for a person."""
        return next((entry.code for entry in self.organisations_of("sealed")), None)

    def knows_place(self, code: str | None) -> bool:
        return code in self.places

    def knows_subject(self, code: str | None) -> bool:
        return code in self.subjects

    def knows_level(self, code: str | None) -> bool:
        """Does a rule of any routing table name this level of government?"""
        return code in self._levels

    @cached_property
    def _levels(self) -> frozenset[str]:
        return frozenset(
            rule.level for edition in self.editions.get("routing", ()) for rule in edition.document.rules if rule.level
        )

    def channel(self, code: str) -> Channel | None:
        return self.channels.get(code)

    # ---------------------------------------------------------------- routing

    @cached_property
    def _tables(self) -> dict[int, RoutingTable]:
        return {}

    def route(self, place: str | None, subject: str | None, level: str | None = None, at: When | None = None) -> Route:
        """Which organisation is responsible, by the table in force at `at`; before the first table, by the first."""
        editions = self.editions.get("routing", ())
        if not editions:
            return Route(None, None, "no_rule")
        edition = self.edition("routing", at) or editions[0]
        table = self._tables.get(edition.version)
        if table is None:
            table = self._tables[edition.version] = RoutingTable(edition.document, self.place_lines, self.subject_lines)
        return table.route(place, subject, level)


def _start(effective_at: When, zone: str) -> datetime:
    return effective_at if isinstance(effective_at, datetime) else start_of_day(effective_at, zone)


def _with(editions: tuple[Edition, ...], new: Edition) -> tuple[Edition, ...]:
    """In order of time; what was activated later for the same instant replaces the earlier."""
    kept = [known for known in editions if known.start != new.start]
    return tuple(sorted((*kept, new), key=lambda known: known.start))


def organisation_of(added: OrganisationAdded) -> Organisation:
    """An organisation that joined by an event; a kind that is unknown here handles cases like any other."""
    kinds = ("petition_office", "handling", "review", "sealed")
    kind: Any = added.kind if added.kind in kinds else "handling"
    return Organisation(code=added.code, name=added.name or added.code, kind=kind, parent=added.parent)
