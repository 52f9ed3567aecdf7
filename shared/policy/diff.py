"""What a new policy changes: entry by entry, and which places and subjects go elsewhere. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Set
from itertools import product
from typing import Any, Literal, NamedTuple

from shared.events.policy import Section
from shared.policy.book import MODELS
from shared.policy.documents import Document, Places, Subjects, ancestry
from shared.policy.loading.loader import plain
from shared.policy.routing_table import Routing, RoutingTable

_MOST_PAIRS = 2_000_000
"""Maximum number of pairs of place and subject that are routed for a comparison."""


class Difference(NamedTuple):
    """`where`: `organisations[zj]`, `routing.rules[r1].org`, `clocks.rules[C3].period.days`."""

    section: Section
    kind: Literal["added", "removed", "changed"]
    where: str
    old: Any = None
    new: Any = None


class Moved(NamedTuple):
    """The number of pairs of place and subject whose filings go to another organisation, with one pair as an example."""

    old: str | None
    new: str | None
    pairs: int
    place: str
    subject: str


def differences(old: Mapping[Section, Document], new: Mapping[Section, Document]) -> list[Difference]:
    """The changes of `new`; sections that it does not contain are unchanged."""
    found: list[Difference] = []
    for section in MODELS:
        if section in new:
            before = _flat(section, plain(old[section])) if section in old else {}
            found += _compared(section, before, _flat(section, plain(new[section])))
    return found


def moved(old: Mapping[Section, Document], new: Mapping[Section, Document]) -> list[Moved]:
    """The changes of the responsible organisation, most frequent first. None means dispatch by hand."""
    after = {**old, **new}
    places, subjects = _codes(after, "places"), _codes(after, "subjects")
    if "routing" not in old or len(places) * len(subjects) > _MOST_PAIRS:
        return []
    first, second = _table(old), _table(after)
    counted: dict[tuple[str | None, str | None], Moved] = {}
    for place, subject in product(places, subjects):
        one, other = first.route(place, subject).org, second.route(place, subject).org
        if one != other:
            known = counted.get((one, other), Moved(one, other, 0, place, subject))
            counted[one, other] = known._replace(pairs=known.pairs + 1)
    return sorted(counted.values(), key=lambda entry: (-entry.pairs, entry.old or "", entry.new or ""))


def _codes(documents: Mapping[Section, Document], section: Literal["places", "subjects"]) -> dict[str, str | None]:
    document = documents.get(section)
    if isinstance(document, Places):
        return {entry.code: entry.parent for entry in document.places}
    return {entry.code: entry.parent for entry in document.subjects} if isinstance(document, Subjects) else {}


def _table(documents: Mapping[Section, Document]) -> RoutingTable:
    routing = documents.get("routing")
    assert isinstance(routing, Routing)
    return RoutingTable(routing, ancestry(_codes(documents, "places")), ancestry(_codes(documents, "subjects")))


def _compared(section: Section, before: dict[str, Any], after: dict[str, Any]) -> Iterator[Difference]:
    removed, added = before.keys() - after.keys(), after.keys() - before.keys()
    for where in sorted(removed):
        if not _within(where, removed):
            yield Difference(section, "removed", where, old=before[where])
    for where in sorted(added):
        if not _within(where, added):
            yield Difference(section, "added", where, new=after[where])
    for where in sorted(before.keys() & after.keys()):
        if before[where] != after[where] and not isinstance(before[where], _Entry):
            yield Difference(section, "changed", where, before[where], after[where])


class _Entry(str):
    """The name of an entry of a list, whose fields have keys of their own."""

    __slots__ = ()


def _within(where: str, all_: Set[str]) -> bool:
    """True if the entry or object that contains `where` is in the set, too."""
    while "." in where or "[" in where:
        where = where[: max(where.rfind("."), where.rfind("["))]
        if where in all_:
            return True
    return False


def _flat(where: str, value: Any) -> dict[str, Any]:
    """Path -> value, with entries of lists by their id or code, so that their order does not matter."""
    if isinstance(value, dict):
        found: dict[str, Any] = {}
        for name, inner in value.items():
            found |= _flat(where if name == where else f"{where}.{name}", inner)
        return found
    if (
        isinstance(value, list)
        and value
        and all(isinstance(one, dict) and ("id" in one or "code" in one) for one in value)
    ):
        found = {}
        for one in value:
            path = f"{where}[{one.get('id') or one['code']}]"
            found[path] = _Entry(one.get("name") or "")
            found |= _flat(path, {key: inner for key, inner in one.items() if key not in ("id", "code")})
        return found
    return {where: value}
