"""What is wrong with a policy, all of it at once: section by section, and where sections name each other.

A finding says where (section and field), what, and what to do. A policy with findings is not activated.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TypeVar

from shared.events.policy import Section
from shared.policy.clocks import Clocks
from shared.policy.documents import (
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
from shared.policy.finding import Finding
from shared.policy.keywords import Keywords
from shared.policy.routing import ANY, Routing
from shared.policy.time_findings import of_calendar, of_clocks
from shared.times import zone
from shared.wrong_value import WrongValue

__all__ = ["Finding", "MappingCheck", "check", "checks_mappings"]

_NAMED = 5
"""How many examples a finding names before it says how many more there are."""


MappingCheck = Callable[[str, Mapping[str, object]], Iterable[tuple[str, str, str]]]
_MAPPING_CHECKS: list[MappingCheck] = []


def checks_mappings(check: MappingCheck) -> MappingCheck:
    """Register who knows the language of mappings: (name, mapping) -> (field, what is wrong with it, the same in Chinese) of
    each finding."""
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
            if place not in known_places:
                where = f"organisations[{organisation.code}].places"
                yield Finding(
                    where,
                    f"place {place!r} is not in places; add it or correct the code",
                    f"属地 {place!r} 不在 places 中，请添加，或更正代码。",
                )
    yield from _tree("places", places)
    yield from _tree("subjects", subjects)
    mappings = _of(documents.get("mappings"), Mappings).mappings
    yield from _channels(_of(documents.get("channels"), Channels), orgs, known_places, set(mappings))
    for name, mapping in mappings.items():
        for checker in _MAPPING_CHECKS:
            for field, what, zh in checker(name, mapping):
                yield Finding(f"mappings[{name}].{field}".rstrip("."), what, zh)
    yield from _keywords(_of(documents.get("keywords"), Keywords), {entry.code for entry in subjects})
    routing = documents.get("routing")
    if isinstance(routing, Routing):
        yield from _routing(routing, orgs, places, subjects)
    elif places and orgs and isinstance(jurisdiction, Jurisdiction):
        lost = [place.code for place in places]
        yield Finding(
            "routing",
            f"is missing: no rule leads from place {_some(lost)} to an organisation;"
            " add routing.csv, or declare default: queue where a person dispatches everything",
            f"缺失：没有路由规则把属地 {_some_zh(lost)} 派往任何单位；"
            "请添加 routing.csv，全部由人工派单的请声明 default: queue。",
        )
    clocks = documents.get("clocks")
    if isinstance(clocks, Clocks):
        yield from of_clocks(clocks, {entry.code for entry in subjects}, "subjects" in documents)
    calendar = documents.get("calendar")
    if isinstance(calendar, CalendarDocument):
        yield from of_calendar(calendar)


D = TypeVar("D", bound=Document)


def _of(document: Document | None, kind: type[D]) -> D:
    return document if isinstance(document, kind) else kind()


def _jurisdiction(jurisdiction: Jurisdiction, orgs: set[str], listed: bool) -> Iterator[Finding]:
    try:
        zone(jurisdiction.zone)
    except WrongValue as error:
        yield Finding("jurisdiction.zone", error.what, error.zh)
    office = jurisdiction.petition_office
    if office is not None and listed and office not in orgs:
        yield Finding(
            "jurisdiction.petition_office",
            f"organisation {office!r} is not in organisations; add it",
            f"单位 {office!r} 不在 organisations 中，请添加。",
        )
    hours = jurisdiction.office_hours
    if hours is not None and hours.closes <= hours.opens:
        yield Finding(
            "jurisdiction.office_hours",
            "closes must be later than opens",
            "下班时间 closes 须晚于上班时间 opens。",
        )


def _duplicates(section: str, codes: Iterable[str]) -> Iterator[Finding]:
    for code, times in Counter(codes).items():
        if times > 1:
            yield Finding(
                f"{section}[{code}].code",
                f"stands {times} times; give each entry its own code",
                f"重复出现 {times} 次，请为每一项设置各自的代码。",
            )


def _tree(section: str, entries: Sequence[Organisation | Place | Subject]) -> Iterator[Finding]:
    yield from _duplicates(section, (entry.code for entry in entries))
    parents = {entry.code: entry.parent for entry in entries}
    reported: set[str] = set()
    for code, parent in parents.items():
        if parent is not None and parent not in parents:
            yield Finding(
                f"{section}[{code}].parent",
                f"{parent!r} is not in {section}; add it or leave parent empty",
                f"{parent!r} 不在 {section} 中，请添加，或将 parent 留空。",
            )
    for code, parent in parents.items():
        line, above = [code], parent
        while above is not None and above in parents and above not in line:
            line.append(above)
            above = parents[above]
        if above is not None and above in line:
            loop = line[line.index(above) :]
            if not reported.intersection(loop):
                reported.update(loop)
                path = " → ".join((*loop, above))
                yield Finding(
                    f"{section}[{above}].parent",
                    f"goes round in a circle ({path}); give one of them no parent",
                    f"上下级成环（{path}），请将其中一项的 parent 留空。",
                )


def _reviewers(organisations: Sequence[Organisation]) -> Iterator[Finding]:
    """Nobody reviews themselves, and the way up ends somewhere."""
    by = {entry.code: entry.review_by for entry in organisations}
    for code, reviewer in by.items():
        where = f"organisations[{code}].review_by"
        if reviewer is None:
            continue
        if reviewer not in by:
            yield Finding(
                where,
                f"{reviewer!r} is not in organisations; add it or leave review_by empty",
                f"{reviewer!r} 不在 organisations 中，请添加，或将 review_by 留空。",
            )
        line = [code]
        above: str | None = reviewer
        while above is not None and above not in line:
            line.append(above)
            above = by.get(above)
        if above == code:
            path = " → ".join((*line, code))
            yield Finding(
                where,
                f"goes round in a circle ({path}); the next level up reviews (Art. 35)",
                f"复查关系成环（{path}），应由上一级机关、单位复查（《条例》第三十五条）。",
            )


def _channels(document: Channels, orgs: set[str], places: set[str], mappings: set[str]) -> Iterator[Finding]:
    yield from _duplicates("channels", (channel.code for channel in document.channels))
    for channel in document.channels:
        where = f"channels[{channel.code}]"
        if channel.place is not None and channel.place not in places:
            yield Finding(
                f"{where}.place",
                f"place {channel.place!r} is not in places; add it or correct the code",
                f"属地 {channel.place!r} 不在 places 中，请添加，或更正代码。",
            )
        if channel.received_by is not None and channel.received_by not in orgs:
            yield Finding(
                f"{where}.received_by",
                f"organisation {channel.received_by!r} is not in organisations; add it",
                f"单位 {channel.received_by!r} 不在 organisations 中，请添加。",
            )
        if channel.mapping is not None and channel.mapping not in mappings:
            yield Finding(
                f"{where}.mapping",
                f"mapping {channel.mapping!r} is not in mappings; add mappings/{channel.mapping}.yaml",
                f"映射 {channel.mapping!r} 不在 mappings 中，请添加 mappings/{channel.mapping}.yaml。",
            )
    classes = {channel.code: channel.class_ for channel in document.channels}
    for (channel_code, code), times in Counter((entry.channel, entry.code) for entry in document.qr_codes).items():
        if times > 1:
            where = f"channels.qr_codes[{code}].code"
            yield Finding(
                where,
                f"stands {times} times in channel {channel_code!r}; give each place its own code",
                f"在渠道 {channel_code!r} 中重复出现 {times} 次，请为每个地点设置各自的代码。",
            )
    for entry in document.qr_codes:
        where = f"channels.qr_codes[{entry.code}]"
        if classes.get(entry.channel) != "qr":
            yield Finding(
                f"{where}.channel",
                f"{entry.channel!r} is no channel of class qr; add it or correct the code",
                f"{entry.channel!r} 不是 qr 类渠道，请添加，或更正代码。",
            )
        if entry.place not in places:
            yield Finding(
                f"{where}.place",
                f"place {entry.place!r} is not in places; add it or correct the code",
                f"属地 {entry.place!r} 不在 places 中，请添加，或更正代码。",
            )


def _keywords(document: Keywords, subjects: set[str]) -> Iterator[Finding]:
    for identity, times in Counter(rule.id for rule in document.rules).items():
        if times > 1:
            yield Finding(
                f"keywords.rules[{identity}].id",
                f"stands {times} times; give each rule its own id",
                f"重复出现 {times} 次，请为每条关键词规则设置各自的 id。",
            )
    for rule in document.rules:
        if rule.subject is not None and rule.subject not in subjects:
            yield Finding(
                f"keywords.rules[{rule.id}].subject",
                f"subject {rule.subject!r} is not in subjects; add it or correct the code",
                f"分类 {rule.subject!r} 不在 subjects 中，请添加，或更正代码。",
            )


def _routing(
    routing: Routing, orgs: set[str], places: Sequence[Place], subjects: Sequence[Subject]
) -> Iterator[Finding]:
    known_places = {place.code for place in places}
    known_subjects = {subject.code for subject in subjects}
    for identity, times in Counter(rule.id for rule in routing.rules).items():
        if times > 1:
            yield Finding(
                f"routing.rules[{identity}].id",
                f"stands {times} times; give each rule its own id",
                f"重复出现 {times} 次，请为每条路由规则设置各自的 id。",
            )
    first: dict[tuple[str, str, str], tuple[str, str | None]] = {}
    for rule in routing.rules:
        where = f"routing.rules[{rule.id}]"
        if rule.org is not None and rule.org not in orgs:
            yield Finding(
                f"{where}.org",
                f"organisation {rule.org!r} is not in organisations; add it or correct the code",
                f"单位 {rule.org!r} 不在 organisations 中，请添加，或更正代码。",
            )
        if rule.place != ANY and rule.place not in known_places:
            yield Finding(
                f"{where}.place",
                f"place {rule.place!r} is not in places; add it, or write '*' for all",
                f"属地 {rule.place!r} 不在 places 中，请添加，或写 '*' 表示全部。",
            )
        if rule.subject != ANY and rule.subject not in known_subjects:
            yield Finding(
                f"{where}.subject",
                f"subject {rule.subject!r} is not in subjects; add it, or write '*' for all",
                f"分类 {rule.subject!r} 不在 subjects 中，请添加，或写 '*' 表示全部。",
            )
        other, org = first.setdefault(rule.key, (rule.id, rule.org))
        if other != rule.id and org != rule.org:
            yield Finding(
                where,
                f"overlaps rule {other!r}: both cover place {rule.place!r}, subject {rule.subject!r},"
                f" level {rule.level!r} equally,"
                f" one leads to {org or 'the queue'}, the other to {rule.org or 'the queue'};"
                " remove one or make it more specific",
                f"与规则 {other!r} 重叠：两条规则对属地 {rule.place!r}、分类 {rule.subject!r}、层级 {rule.level!r} 同等适用，"
                f"一条派往 {org or '人工派单'}，另一条派往 {rule.org or '人工派单'}；请删除一条，或写得更具体。",
            )
    if routing.default is None:
        yield from _gaps(routing, places, subjects)
    elif routing.default not in (*orgs, "queue"):
        yield Finding(
            "routing.default",
            f"organisation {routing.default!r} is not in organisations; add it, or write 'queue'",
            f"单位 {routing.default!r} 不在 organisations 中，请添加，或写 'queue'。",
        )


def _gaps(routing: Routing, places: Sequence[Place], subjects: Sequence[Subject]) -> Iterator[Finding]:
    """Places and subjects that no rule of any level covers. Subjects with the same hole share one finding."""
    covered: dict[str, set[str]] = {}
    for rule in routing.rules:
        if rule.level == ANY:
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
        yield Finding(
            "routing.rules",
            f"a gap: no rule covers subject {_some(lacking)} in place {_some(without)};"
            " add a rule (queue: true where a person dispatches) or declare default: queue",
            f"存在空缺：没有路由规则涵盖属地 {_some_zh(without)} 的分类 {_some_zh(lacking)}；"
            "请添加规则（由人工派单的写 queue: true），或声明 default: queue。",
        )


def _some(codes: Sequence[str]) -> str:
    more = len(codes) - _NAMED
    named = ", ".join(repr(code) for code in codes[:_NAMED])
    return f"{named} and {more} more" if more > 0 else named


def _some_zh(codes: Sequence[str]) -> str:
    named = "、".join(repr(code) for code in codes[:_NAMED])
    return f"{named} 等 {len(codes)} 个" if len(codes) > _NAMED else named
