"""All errors of a policy at once: section by section, and in the references between sections.

A finding says where the error is (section and field), what it is, and what to do. A policy with findings is not activated.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TypeVar

from shared.events.policy import Section
from shared.kernel.legal_time import zone
from shared.kernel.validation_messages import WrongValue
from shared.policy.deadline_rules import Clocks
from shared.policy.documents import (
    SLUG,
    CalendarDocument,
    Channels,
    Document,
    Jurisdiction,
    Mappings,
    Organisation,
    Organisations,
    Place,
    Places,
    Subject,
    Subjects,
    ancestry,
)
from shared.policy.keyword_rules import Keywords
from shared.policy.routing_table import ANY, BY_PERSON, Key, Routing, RoutingRule
from shared.policy.templates import Templates
from shared.policy.validation.deadline_checks import of_calendar, of_clocks
from shared.policy.validation.finding import Finding
from shared.policy.validation.keyword_checks import unmatchable
from shared.policy.validation.messages import finding, repeated, unlisted

_NAMED = 5
"""Number of examples in a finding; further ones are counted."""


MappingCheck = Callable[[str, Mapping[str, object]], Iterable[tuple[str, str, str]]]
_MAPPING_CHECKS: list[MappingCheck] = []


def checks_mappings(check: MappingCheck) -> MappingCheck:
    """Register a check of mappings: (name, mapping) -> (field, what is wrong, the same in Chinese) of each error. The
    language of mappings belongs to intake."""
    _MAPPING_CHECKS.append(check)
    return check


def check(documents: Mapping[Section, Document]) -> list[Finding]:
    """All findings of documents that belong together, in the order of the sections. Pure."""
    return list(_check(documents))


def _check(documents: Mapping[Section, Document]) -> Iterator[Finding]:
    organisations = _of(documents.get("organisations"), Organisations).organisations
    places = _of(documents.get("places"), Places).places
    subjects = _of(documents.get("subjects"), Subjects).subjects
    orgs = {entry.code for entry in organisations}
    known_places = {entry.code for entry in places}
    jurisdiction = documents.get("jurisdiction")
    if isinstance(jurisdiction, Jurisdiction):
        yield from _jurisdiction(jurisdiction, orgs, "organisations" in documents)
    yield from _tree("organisations", organisations)
    yield from _reviewers(organisations)
    for organisation in organisations:
        for place in organisation.places:
            yield from unlisted(f"organisations[{organisation.code}].places", "places", place, known_places)
    yield from _tree("places", places)
    yield from _tree("subjects", subjects)
    mappings = _of(documents.get("mappings"), Mappings).mappings
    yield from _channels(_of(documents.get("channels"), Channels), orgs, known_places, set(mappings))
    for name, mapping in mappings.items():
        for checker in _MAPPING_CHECKS:
            for field, what, zh in checker(name, mapping):
                yield Finding(f"mappings[{name}].{field}".rstrip("."), what, zh)
    yield from _political_legal_organ(documents, organisations)
    yield from _keywords(_of(documents.get("keywords"), Keywords), {entry.code for entry in subjects})
    routing = documents.get("routing")
    if isinstance(routing, Routing):
        yield from _routing(routing, organisations, places, subjects)
    elif places and orgs and isinstance(jurisdiction, Jurisdiction):
        lost = [place.code for place in places]
        yield finding("routing", "routing_missing", places=_some(lost), places_zh=_some_zh(lost))
    clocks = documents.get("clocks")
    if isinstance(clocks, Clocks):
        yield from of_clocks(clocks, {entry.code for entry in subjects}, "subjects" in documents)
    calendar = documents.get("calendar")
    if isinstance(calendar, CalendarDocument):
        yield from of_calendar(calendar)
    templates = documents.get("templates")
    if isinstance(templates, Templates):
        from shared.policy.validation.template_checks import of_templates

        yield from of_templates(templates, orgs, "organisations" in documents)


D = TypeVar("D", bound=Document)


def _of(document: Document | None, kind: type[D]) -> D:
    return document if isinstance(document, kind) else kind()


def _jurisdiction(jurisdiction: Jurisdiction, orgs: set[str], listed: bool) -> Iterator[Finding]:
    if not SLUG.fullmatch(jurisdiction.code):
        yield finding("jurisdiction.code", "not_a_slug")
    try:
        zone(jurisdiction.zone)
    except WrongValue as error:
        yield Finding("jurisdiction.zone", error.what, error.zh)
    if listed:
        yield from unlisted("jurisdiction.petition_office", "organisations", jurisdiction.petition_office, orgs)
    hours = jurisdiction.office_hours
    if hours is not None and hours.closes <= hours.opens:
        yield finding("jurisdiction.office_hours", "office_hours_reversed")


def _upwards(code: str, above: Mapping[str, str | None]) -> tuple[list[str], str | None]:
    """The codes from `code` upwards, and the one that would follow: None at the root, an unknown code, or one of the line
    again, which is a cycle."""
    line, following = [code], above[code]
    while following is not None and following in above and following not in line:
        line.append(following)
        following = above[following]
    return line, following


def _tree(section: Section, entries: Sequence[Organisation | Place | Subject]) -> Iterator[Finding]:
    yield from repeated(section, (entry.code for entry in entries), "code", "repeated_code")
    parents = {entry.code: entry.parent for entry in entries}
    for code, parent in parents.items():
        yield from unlisted(f"{section}[{code}].parent", section, parent, parents, "unlisted_or_no_parent")
    reported: set[str] = set()
    for code in parents:
        line, above = _upwards(code, parents)
        if above in line and above not in reported:
            loop = line[line.index(above) :]
            reported.update(loop)
            yield finding(f"{section}[{above}].parent", "parent_cycle", path=" → ".join((*loop, above)))


def _reviewers(organisations: Sequence[Organisation]) -> Iterator[Finding]:
    """An organisation never reviews itself, not even through others, and reviewers are listed."""
    reviewers = {entry.code: entry.review_by for entry in organisations}
    for code, reviewer in reviewers.items():
        where = f"organisations[{code}].review_by"
        yield from unlisted(where, "organisations", reviewer, reviewers, "unlisted_or_no_reviewer")
        line, above = _upwards(code, reviewers)
        if above == code:
            yield finding(where, "reviewer_cycle", path=" → ".join((*line, code)))
    for entry in organisations:
        where = f"organisations[{entry.code}].review_choice"
        for one in entry.review_choice:
            yield from unlisted(where, "organisations", one, reviewers, "unlisted_or_no_reviewer")
            if one == entry.code:
                yield finding(where, "reviewer_cycle", path=f"{one} → {one}")


def _channels(document: Channels, orgs: set[str], places: set[str], mappings: set[str]) -> Iterator[Finding]:
    yield from repeated("channels", (channel.code for channel in document.channels), "code", "repeated_code")
    for channel in document.channels:
        where = f"channels[{channel.code}]"
        yield from unlisted(f"{where}.place", "places", channel.place, places)
        yield from unlisted(f"{where}.received_by", "organisations", channel.received_by, orgs)
        yield from unlisted(f"{where}.mapping", "mappings", channel.mapping, mappings, "unlisted_mapping")
    classes = {channel.code: channel.class_ for channel in document.channels}
    for (code_channel, code), times in Counter((entry.channel, entry.code) for entry in document.qr_codes).items():
        if times > 1:
            where = f"channels.qr_codes[{code}].code"
            yield finding(where, "repeated_qr_code", times=times, channel=code_channel)
    for entry in document.qr_codes:
        where = f"channels.qr_codes[{entry.code}]"
        if classes.get(entry.channel) != "qr":
            yield finding(f"{where}.channel", "not_a_qr_channel", channel=entry.channel)
        yield from unlisted(f"{where}.place", "places", entry.place, places)


def _political_legal_organ(
    documents: Mapping[Section, Document], organisations: Sequence[Organisation]
) -> Iterator[Finding]:
    """A petition office transfers letters about litigation to the political and legal organ of its level (Art. 22 ¶2)."""
    complete = "jurisdiction" in documents and "routing" in documents
    if complete and organisations and all(one.kind != "political_legal" for one in organisations):
        yield finding("organisations", "political_legal_organ_missing", needs=("organisations", "routing"))


def _keywords(document: Keywords, subjects: set[str]) -> Iterator[Finding]:
    yield from repeated("keywords.rules", (rule.id for rule in document.rules), "id", "repeated_keyword_rule")
    for rule in document.rules:
        yield from unlisted(f"keywords.rules[{rule.id}].subject", "subjects", rule.subject, subjects)
    yield from unmatchable(document)


def _routing(
    routing: Routing, organisations: Sequence[Organisation], places: Sequence[Place], subjects: Sequence[Subject]
) -> Iterator[Finding]:
    orgs = {entry.code for entry in organisations}
    political_legal = {entry.code for entry in organisations if entry.kind == "political_legal"}
    known_places = {ANY, *(place.code for place in places)}
    known_subjects = {ANY, *(subject.code for subject in subjects)}
    yield from repeated("routing.rules", (rule.id for rule in routing.rules), "id", "repeated_routing_rule")
    first: dict[Key, RoutingRule] = {}
    for rule in routing.rules:
        where = f"routing.rules[{rule.id}]"
        yield from unlisted(f"{where}.org", "organisations", rule.org, orgs)
        yield from unlisted(f"{where}.place", "places", rule.place, known_places, "unlisted_or_all")
        yield from unlisted(f"{where}.subject", "subjects", rule.subject, known_subjects, "unlisted_or_all")
        if rule.org is not None and rule.class_ in BY_PERSON:
            yield finding(where, "accusation_by_rule" if rule.class_ == "accusation" else "consultation_by_rule")
        if rule.class_ == "litigation" and rule.org in orgs - political_legal:
            yield finding(f"{where}.org", "litigation_to_another_organ", org=rule.org)
        other = first.setdefault(rule.key, rule)
        if other.id == rule.id:
            continue
        if (other.org, other.assign_days) == (rule.org, rule.assign_days):
            yield finding(where, "routing_repeated", other=other.id)
        else:
            yield finding(
                where,
                "routing_overlap",
                other=other.id,
                place=rule.place,
                subject=rule.subject,
                level=rule.level,
                org=_target(other),
                own=_target(rule),
                org_zh=_target_zh(other),
                own_zh=_target_zh(rule),
            )
    if routing.default is None:
        yield from _gaps(routing, places, subjects)
    else:
        known = {"queue", *orgs}
        yield from unlisted("routing.default", "organisations", routing.default, known, "unlisted_or_queue")


def _target(rule: RoutingRule) -> str:
    days = f" with {rule.assign_days} days" if rule.assign_days is not None else ""
    return f"{rule.org or 'the queue'}{days}"


def _target_zh(rule: RoutingRule) -> str:
    days = f"（交办{rule.assign_days}日）" if rule.assign_days is not None else ""
    return f"{rule.org or '人工派单'}{days}"


def _gaps(routing: Routing, places: Sequence[Place], subjects: Sequence[Subject]) -> Iterator[Finding]:
    """Places and subjects that no rule for all levels covers. Subjects with the same uncovered places share one finding."""
    covered: dict[str, set[str]] = {}
    for rule in routing.rules:
        if (rule.level, rule.class_, rule.urgency) == (ANY, ANY, ANY):
            covered.setdefault(rule.subject, set()).add(rule.place)
    place_lines = ancestry({place.code: place.parent for place in places}) or {ANY: (ANY,)}
    subject_lines = ancestry({subject.code: subject.parent for subject in subjects}) or {ANY: (ANY,)}
    holes: dict[tuple[str, ...], list[str]] = {}
    missing: dict[frozenset[str], tuple[str, ...]] = {}
    for subject, line in subject_lines.items():
        by: frozenset[str] = frozenset().union(*(covered.get(code, ()) for code in (*line, ANY)))
        if ANY in by:
            continue
        if by not in missing:
            missing[by] = tuple(place for place, above in place_lines.items() if by.isdisjoint(above))
        if missing[by]:
            holes.setdefault(missing[by], []).append(subject)
    for without, lacking in holes.items():
        yield finding(
            "routing.rules",
            "routing_gap",
            needs=("places", "subjects", "routing"),
            subjects=_some(lacking),
            subjects_zh=_some_zh(lacking),
            places=_some(without),
            places_zh=_some_zh(without),
        )


def _some(codes: Sequence[str]) -> str:
    more = len(codes) - _NAMED
    named = ", ".join(map(repr, codes[:_NAMED]))
    return f"{named} and {more} more" if more > 0 else named


def _some_zh(codes: Sequence[str]) -> str:
    named = "、".join(map(repr, codes[:_NAMED]))
    return f"{named} 等 {len(codes)} 个" if len(codes) > _NAMED else named
