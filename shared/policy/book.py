"""PolicyBook: all policies of a jurisdiction, rehydrated from the stream `policy/<jurisdiction>`.

Sections are versioned by the `effective_at` of their activation, which may be in the future. Without a date a book returns
what is in force at its `now`. A running clock keeps the rule, the responsible organisations and the subjects that were in
force when it began. Zone and calendar are always the latest known ones, since a published calendar replaces an estimate.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cached_property
from itertools import zip_longest
from typing import Any, get_args

from shared.events.fields import Class, Urgency
from shared.events.policy import EntryAdded, OrganisationAdded, PolicyActivated, Section
from shared.eventstore.recorded_event import RecordedEvent
from shared.kernel.legal_time import LegalTime
from shared.kernel.text_normalization import identifier_form
from shared.policy.boundaries import place_at
from shared.policy.deadline_rules import Clocks, Escalation, UnreadService
from shared.policy.documents import (
    CalendarDocument,
    Channel,
    Channels,
    Document,
    Jurisdiction,
    Mappings,
    Organisation,
    OrganisationKind,
    Organisations,
    Place,
    Places,
    QrCode,
    Skill,
    Subject,
    Subjects,
    Withdrawals,
    ancestry,
)
from shared.policy.edition import Edition, begins, joined
from shared.policy.file_rules import FileRules
from shared.policy.keyword_rules import Keywords
from shared.policy.message_rules import MessageRules
from shared.policy.office_hours import Office
from shared.policy.organisations import OrganisationsInForce
from shared.policy.profile import ProfileValues
from shared.policy.routing_table import RouteFound, Routing, RoutingTable
from shared.policy.signing_rules import SigningRules
from shared.policy.templates import Templates
from shared.policy.working_calendar import PLAIN, Calendar

STREAM = "policy/"
MODELS: dict[Section, type[Document]] = {
    "jurisdiction": Jurisdiction,
    "organisations": Organisations,
    "places": Places,
    "subjects": Subjects,
    "channels": Channels,
    "routing": Routing,
    "clocks": Clocks,
    "files": FileRules,
    "calendar": CalendarDocument,
    "keywords": Keywords,
    "mappings": Mappings,
    "templates": Templates,
}
_NAMING: tuple[Section, ...] = ("channels", "subjects", "places", "organisations")


@dataclass(frozen=True, eq=False)
class PolicyBook(OrganisationsInForce):
    """The policies of a jurisdiction. Immutable; compared and hashed by identity, so that results can be cached per book."""

    @classmethod
    def of(cls, events: Iterable[RecordedEvent]) -> PolicyBook:
        """The book after all events of one policy stream, in version order."""
        book = cls()
        for event in events:
            book = book.with_event(event)
        return book

    def with_event(self, event: RecordedEvent) -> PolicyBook:
        """The book after one more event. Raises ValidationError of pydantic for a malformed document."""
        body = event.body
        code = self.jurisdiction or event.jurisdiction or event.stream.removeprefix(STREAM)
        book = replace(self, jurisdiction=code, version=event.version)
        if isinstance(body, OrganisationAdded):
            return replace(book, added={**self.added, body.code: organisation_of(body)})
        if isinstance(body, EntryAdded):
            return replace(book, added_entries={**self.added_entries, (body.section, body.code): body.name})
        if not isinstance(body, PolicyActivated):
            return book
        document: Any = MODELS[body.section].model_validate(body.document)
        return book.with_document(body.section, event.effective_at, body.hash, document)

    def with_document(self, section: Section, at: LegalTime, hashed: str, document: Document) -> PolicyBook:
        """The book with one more edition of a section, at the version of the book."""
        edition = Edition(at, begins(at, self.zone), self.version, hashed, document)
        editions = {**self.editions, section: joined(self.editions.get(section, ()), edition)}
        book = replace(self, editions=editions)
        return book if book.zone == self.zone else book._in_zone()

    def _in_zone(self) -> PolicyBook:
        """The same book with the starts of its editions in the new zone."""
        moved = {
            section: tuple(known._replace(start=begins(known.effective_at, self.zone)) for known in editions)
            for section, editions in self.editions.items()
        }
        return replace(self, editions=moved)

    # ---------------------------------------------------------------- editions in force

    def as_of(self, now: datetime) -> PolicyBook:
        """The same book at `now`: later editions are known, but not in force."""
        return replace(self, now=now)

    def window(self, now: datetime) -> tuple[datetime, datetime]:
        """The period around `now` in which the same editions are in force: (from, until)."""
        starts = {edition.start for editions in self.editions.values() for edition in editions}
        since = max((start for start in starts if start <= now), default=datetime.min.replace(tzinfo=UTC))
        return since, min((start for start in starts if start > now), default=datetime.max.replace(tzinfo=UTC))

    def clocks_at(self, when: LegalTime) -> Clocks | None:
        """The clocks in force at `when`; None before the first known edition."""
        edition = self.edition("clocks", when)
        return edition.document if edition else None

    @cached_property
    def clock_editions(self) -> tuple[tuple[datetime, datetime | None, Clocks], ...]:
        """(from, until, clocks) of each edition in order; `until` is None for the last one."""
        editions = self.editions.get("clocks", ())
        return tuple(
            (known.start, after.start if after else None, known.document)
            for known, after in zip_longest(editions, editions[1:])
        )

    @cached_property
    def calendar(self) -> Calendar:
        """The latest known calendar; only weekends if there is none."""
        editions = self.editions.get("calendar")
        return Calendar(editions[-1].document) if editions else PLAIN

    @cached_property
    def settings(self) -> Jurisdiction | None:
        edition = self.edition("jurisdiction")
        return edition.document if edition else None

    @cached_property
    def skills(self) -> dict[str, Skill]:
        """Code -> skill of posts, in the order of the policy."""
        return {one.code: one for one in (self.settings.skills if self.settings else ())}

    def skill_of_line(self, line: str | None) -> str | None:
        """The skill that callers on this line of the telephone system need."""
        meant = identifier_form(line or "")
        lines = {identifier_form(one): code for code, skill in reversed(self.skills.items()) for one in skill.lines}
        return lines.get(meant) if meant else None

    @property
    def cooling_off_days(self) -> int:
        """Calendar days between the request for a withdrawal and its effect."""
        return (self.settings.withdrawal if self.settings else Withdrawals()).cooling_off_days

    @property
    def most_objections(self) -> int:
        """Number of objections after which a case is a jurisdiction dispute."""
        return self.settings.most_objections if self.settings else 3

    @cached_property
    def office(self) -> Office:
        """The office hours, in which organisations may be reminded."""
        return Office(self.settings.office_hours if self.settings else None, self.calendar, self.zone)

    @cached_property
    def escalation(self) -> Escalation:
        """The waiting times between the steps of supervision, by the clocks in force."""
        edition = self.edition("clocks")
        return edition.document.escalation if edition else Escalation()

    @cached_property
    def profile(self) -> ProfileValues:
        """The values of the jurisdiction that no article fixes for all."""
        edition = self.edition("clocks")
        return edition.document.profile if edition else ProfileValues()

    @cached_property
    def files(self) -> FileRules:
        """The limits and types of files."""
        return self.document("files", FileRules)

    @cached_property
    def unread(self) -> UnreadService:
        """What follows where a served document is not read, by the clocks in force."""
        edition = self.edition("clocks")
        return edition.document.unread if edition else UnreadService()

    @cached_property
    def messages(self) -> MessageRules:
        """When messages may be sent to petitioners, by the clocks in force."""
        edition = self.edition("clocks")
        return edition.document.messages if edition else MessageRules()

    @cached_property
    def signing(self) -> SigningRules:
        """Which texts a colleague checks before they are signed, by the clocks in force."""
        edition = self.edition("clocks")
        return edition.document.signing if edition else SigningRules()

    @cached_property
    def petition_office(self) -> str | None:
        return self.settings.petition_office if self.settings else None

    def petition_office_at(self, when: LegalTime) -> str | None:
        edition = self.when("jurisdiction", when)
        return edition.document.petition_office if edition else None

    def may_confirm_date(self, bearer: str | None, org: str | None) -> bool:
        """True if `org` may confirm that an act of `bearer`, recorded after its due date, happened in time: the petition office
        or an organisation above it; only one above it where the petition office itself has the duty, or is below the bearer."""
        office = self.petition_office
        if org is None or org == bearer:
            return False
        if office is None:
            return bearer is None or not self.is_below(org, bearer)
        if self.is_below(office, org):
            return bearer is None or not self.is_below(org, bearer)
        return org == office and bearer is not None and not self.is_below(office, bearer)

    @cached_property
    def reference(self) -> str:
        """`<jurisdiction>@<12 hex digits>` over the hashes of all editions: the policy that a decision used."""
        digest = hashlib.sha256()
        for section in sorted(self.editions):
            for edition in self.editions[section]:
                digest.update(f"{section} {edition.start.isoformat()} {edition.hash}\n".encode())
        for code in sorted(self.added):
            digest.update(f"added {self.added[code].model_dump_json()}\n".encode())
        for listed, code in sorted(self.added_entries):
            digest.update(f"added {listed} {code} {self.added_entries[listed, code]}\n".encode())
        return f"{self.jurisdiction}@{digest.hexdigest()[:12]}"

    @cached_property
    def documents(self) -> dict[Section, Document]:
        """The documents in force with the added entries, against which a new document is checked."""
        found = {section: self.edition(section) for section in self.editions}
        latest: dict[Section, Document] = {section: edition.document for section, edition in found.items() if edition}
        if self.added:
            latest["organisations"] = Organisations(organisations=tuple(self.organisations.values()))
        if self.added_entries:
            latest["places"] = Places(places=tuple(self.places.values()))
            latest["subjects"] = Subjects(subjects=tuple(self.subjects.values()))
        return latest

    # ---------------------------------------------------------------- entries of its lists

    @cached_property
    def places(self) -> dict[str, Place]:
        listed = {entry.code: entry for entry in self.document("places", Places).places}
        added = {code: Place(code=code, name=name) for code, name in self._added("places")}
        return {**added, **listed} if added else listed

    @cached_property
    def subjects(self) -> dict[str, Subject]:
        listed = {entry.code: entry for entry in self.document("subjects", Subjects).subjects}
        added = {code: Subject(code=code, name=name) for code, name in self._added("subjects")}
        return {**added, **listed} if added else listed

    def _added(self, section: str) -> list[tuple[str, str]]:
        """(code, name) of the entries of a section that were added by events."""
        return [(code, name) for (own, code), name in self.added_entries.items() if own == section]

    @cached_property
    def channels(self) -> dict[str, Channel]:
        return {entry.code: entry for entry in self.document("channels", Channels).channels}

    @cached_property
    def known_channels(self) -> dict[str, Channel]:
        """The channels, including those that were removed from the list, since their items still belong to their platform."""
        listed = (channel for edition in self.begun("channels") for channel in edition.document.channels)
        return {**{channel.code: channel for channel in listed}, **self.channels}

    @cached_property
    def qr_codes(self) -> dict[tuple[str, str], QrCode]:
        """(channel, code) -> the QR code and its place."""
        return {(entry.channel, entry.code): entry for entry in self.document("channels", Channels).qr_codes}

    @cached_property
    def keywords(self) -> Keywords:
        return self.document("keywords", Keywords)

    def mapping(self, code: str | None) -> dict[str, Any] | None:
        """The mapping of items in a platform's own form."""
        return self.document("mappings", Mappings).mappings.get(code) if code else None

    def templates_at(self, when: LegalTime) -> Templates:
        """The templates of notices in force at `when`; kinds that they leave out have the built-in ones."""
        edition = self.edition("templates", when)
        return edition.document if edition else Templates()

    @cached_property
    def place_lines(self) -> dict[str, tuple[str, ...]]:
        """Place -> (itself, ..., the root)."""
        return ancestry({place.code: place.parent for place in self.places.values()})

    def place_at(self, latitude: float, longitude: float) -> str | None:
        """The smallest place around a position, by the boundaries of the policy; None if it is unknown."""
        return place_at(self.boundaries, self.place_lines, latitude, longitude)

    @cached_property
    def boundaries(self) -> dict[str, str]:
        """Place -> its boundary in well-known text."""
        return {code: place.boundary for code, place in self.places.items() if place.boundary is not None}

    @cached_property
    def subject_lines(self) -> dict[str, tuple[str, ...]]:
        """Subject -> (itself, ..., the root)."""
        return ancestry({subject.code: subject.parent for subject in self.subjects.values()})

    def subject_line_at(self, subject: str, when: LegalTime) -> tuple[str, ...]:
        """The subject and its ancestors, by the list in force at `when`."""
        edition = self.when("subjects", when)
        if edition is None:
            return (subject,)
        lines = self._lines.get(edition.version)
        if lines is None:
            lines = ancestry({entry.code: entry.parent for entry in edition.document.subjects})
            self._lines[edition.version] = lines
        return lines.get(subject, (subject,))

    @cached_property
    def _lines(self) -> dict[int, dict[str, tuple[str, ...]]]:
        return {}

    @cached_property
    def names(self) -> dict[str, str]:
        """Code -> name of organisations, places, subjects and channels, in order of precedence. Removed entries keep their
        last name, since old cases still refer to them."""
        found: dict[str, str] = {}
        for section in _NAMING:
            found.update(self.listed_names(section))
        return found

    def listed_names(self, section: Section) -> dict[str, str]:
        """Code -> name of one list of the policy; removed entries keep their last name."""
        found = {code: one.name for code, one in self.added.items()} if section == "organisations" else {}
        found.update(self._added(section))
        for edition in self.begun(section):
            found.update({entry.code: entry.name for entry in getattr(edition.document, section)})
        return found

    @cached_property
    def levels(self) -> frozenset[str]:
        """The levels of government that the rules of all routing tables name."""
        return frozenset(
            rule.level for edition in self.editions.get("routing", ()) for rule in edition.document.rules if rule.level
        )

    # ---------------------------------------------------------------- routing

    @cached_property
    def _tables(self) -> dict[int, RoutingTable]:
        return {}

    def route(
        self,
        place: str | None,
        subject: str | None,
        level: str | None = None,
        at: LegalTime | None = None,
        class_: Class = "claim",
        urgency: Urgency = "ordinary",
    ) -> RouteFound:
        """The responsible organisation, by the routing table in force at `at`, or by the first one before that."""
        editions = self.editions.get("routing", ())
        if not editions:
            return RouteFound(None, None, "no_rule")
        edition = self.edition("routing", at) or editions[0]
        table = self._tables.get(edition.version)
        if table is None:
            table = self._tables[edition.version] = RoutingTable(edition.document, self.place_lines, self.subject_lines)
        return table.route(place, subject, level, class_, urgency)


def organisation_of(added: OrganisationAdded) -> Organisation:
    """The entry of an organisation that was added by an event; an unknown kind is treated as `handling`."""
    kinds = get_args(OrganisationKind)
    kind: Any = added.kind if added.kind in kinds else "handling"
    return Organisation(code=added.code, name=added.name or added.code, kind=kind, parent=added.parent)
