"""Routing tables: the responsible organisation of a place, a subject and a level, and the rule that names it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Literal, NamedTuple, Self

from pydantic import model_validator

from shared.kernel.validation_messages import WrongValue
from shared.policy.documents import Code, Document

ANY = "*"
Why = Literal["rule", "no_rule", "unknown_place", "unknown_subject"]
Key = tuple[str, str, str]


class RoutingRule(Document):
    """Cases of this place, subject and level, and of those below them, go to `org`. `queue`: a person dispatches."""

    id: Code
    place: Code = ANY
    subject: Code = ANY
    level: Code = ANY
    org: Code | None = None
    queue: bool = False

    @model_validator(mode="after")
    def _one_target(self) -> Self:
        if self.queue == (self.org is not None):
            raise WrongValue(
                "a rule names either org or queue: true", "路由规则须写明 org 或 queue: true，且只能写其中之一。"
            )
        return self

    @property
    def key(self) -> Key:
        return (self.place, self.subject, self.level)


class Routing(Document):
    """`prefer`: what takes precedence if one rule is nearer by subject and another by place.
    `default`: an organisation, or `queue`, for everything that no rule covers."""

    prefer: Literal["subject", "place"] = "subject"
    default: Code | None = None
    rules: tuple[RoutingRule, ...] = ()


class RouteFound(NamedTuple):
    """Where a case goes. Without an organisation, `why` is the reason of the queue."""

    org: str | None
    rule_id: str | None
    why: Why


class RoutingTable:
    """Most specific rule wins: the nearest of the preferred tree, then the nearest of the other, then the level."""

    def __init__(
        self, routing: Routing, places: Mapping[str, tuple[str, ...]], subjects: Mapping[str, tuple[str, ...]]
    ) -> None:
        self._routing = routing
        self._places = places
        self._subjects = subjects
        self._rules: dict[Key, RoutingRule] = {}
        for rule in routing.rules:
            self._rules.setdefault(rule.key, rule)
        self._memo: dict[tuple[str | None, str | None, str | None], RouteFound] = {}

    def keys(self, place: str | None, subject: str | None, level: str | None) -> Iterator[Key]:
        """The keys to look up, from the most specific to the most general."""
        places = (*self._places.get(place or "", ()), ANY)
        subjects = (*self._subjects.get(subject or "", ()), ANY)
        levels = (level, ANY) if level else (ANY,)
        if self._routing.prefer == "subject":
            return ((p, s, lv) for s in subjects for p in places for lv in levels)
        return ((p, s, lv) for p in places for s in subjects for lv in levels)

    def route(self, place: str | None, subject: str | None, level: str | None = None) -> RouteFound:
        """The organisation for a case. An unknown place or subject is queued; one that is not given matches only `*`."""
        asked = (place, subject, level)
        found = self._memo.get(asked)
        if found is None:
            found = self._find(place, subject, level)
            if len(self._memo) < 100_000:
                self._memo[asked] = found
        return found

    def _find(self, place: str | None, subject: str | None, level: str | None) -> RouteFound:
        if place is not None and place not in self._places:
            return RouteFound(None, None, "unknown_place")
        if subject is not None and subject not in self._subjects:
            return RouteFound(None, None, "unknown_subject")
        for key in self.keys(place, subject, level):
            rule = self._rules.get(key)
            if rule is not None:
                return RouteFound(rule.org, rule.id, "rule" if rule.org else "no_rule")
        if self._routing.default not in (None, "queue"):
            return RouteFound(self._routing.default, "default", "rule")
        if place is None and self._places:
            return RouteFound(None, None, "unknown_place")
        if subject is None and self._subjects:
            return RouteFound(None, None, "unknown_subject")
        return RouteFound(None, None, "no_rule")
