"""Routing tables: the responsible organisation of a case, and the rule that names it.

The class decides first: accusations and consultations are dispatched by no rule, and litigation only by a rule for that class.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Literal, NamedTuple, Self

from pydantic import Field, model_validator

from shared.events.fields import Class, Urgency
from shared.kernel.validation_messages import WrongValue
from shared.policy.documents import Code, Document

ANY = "*"
Why = Literal["rule", "no_rule", "unknown_place", "unknown_subject"]
Key = tuple[str, str, str, str, str]
"""Class, urgency, place, subject, level."""
BY_PERSON: tuple[Class, ...] = ("accusation", "consultation")
"""Classes that no rule dispatches: an accusation is sealed (Art. 30), a consultation can be answered at once."""
OWN_RULES: tuple[Class, ...] = (*BY_PERSON, "litigation")
"""Classes to which a rule for all classes does not apply (Art. 22 ¶2, 30)."""


class RoutingRule(Document):
    """Cases of this place, subject and level, and of those below them, go to `org`. `queue`: a person dispatches.

    `class_`, `urgency`: only cases of this class and urgency. `*` are all classes except accusation, litigation and consultation.
    `assign_days`: the case is assigned (交办) instead of transferred (转送); the closing report is due so many calendar days later
    (Art. 22)."""

    id: Code
    place: Code = ANY
    subject: Code = ANY
    level: Code = ANY
    class_: Class | Literal["*"] = "*"
    urgency: Urgency | Literal["*"] = "*"
    org: Code | None = None
    queue: bool = False
    assign_days: int | None = Field(None, ge=1, le=365)

    @model_validator(mode="after")
    def _one_target(self) -> Self:
        if self.queue == (self.org is not None):
            raise WrongValue(
                "a rule names either org or queue: true", "路由规则须写明 org 或 queue: true，且只能写其中之一。"
            )
        if self.queue and self.assign_days is not None:
            raise WrongValue(
                "assign_days needs org: a person who dispatches sets the due date",
                "assign_days 须与 org 同时使用；由人工派单的，期限由派单人确定。",
            )
        return self

    @property
    def key(self) -> Key:
        return (self.class_, self.urgency, self.place, self.subject, self.level)


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
    assign_days: int | None = None
    """The days of an assignment (交办); None for a transfer."""


class RoutingTable:
    """Most specific rule wins: the class, then the urgency, then the nearest of the preferred tree, then the nearest of the other,
    then the level."""

    def __init__(
        self, routing: Routing, places: Mapping[str, tuple[str, ...]], subjects: Mapping[str, tuple[str, ...]]
    ) -> None:
        self._routing = routing
        self._places = places
        self._subjects = subjects
        self._rules: dict[Key, RoutingRule] = {}
        for rule in routing.rules:
            self._rules.setdefault(rule.key, rule)
        self._memo: dict[tuple[str | None, str | None, str | None, Class, Urgency], RouteFound] = {}

    def keys(
        self,
        place: str | None,
        subject: str | None,
        level: str | None,
        class_: Class = "claim",
        urgency: Urgency = "ordinary",
    ) -> Iterator[Key]:
        """The keys to look up, from the most specific to the most general."""
        classes = (class_,) if class_ in OWN_RULES else (class_, ANY)
        return ((c, u, *key) for c in classes for u in (urgency, ANY) for key in self._local(place, subject, level))

    def _local(self, place: str | None, subject: str | None, level: str | None) -> Iterator[tuple[str, str, str]]:
        places = (*self._places.get(place or "", ()), ANY)
        subjects = (*self._subjects.get(subject or "", ()), ANY)
        levels = (level, ANY) if level else (ANY,)
        if self._routing.prefer == "subject":
            return ((p, s, lv) for s in subjects for p in places for lv in levels)
        return ((p, s, lv) for p in places for s in subjects for lv in levels)

    def route(
        self,
        place: str | None,
        subject: str | None,
        level: str | None = None,
        class_: Class = "claim",
        urgency: Urgency = "ordinary",
    ) -> RouteFound:
        """The organisation for a case. An unknown place or subject is queued; one that is not given matches only `*`."""
        asked = (place, subject, level, class_, urgency)
        found = self._memo.get(asked)
        if found is None:
            found = self._find(*asked)
            if len(self._memo) < 100_000:
                self._memo[asked] = found
        return found

    def _find(
        self, place: str | None, subject: str | None, level: str | None, class_: Class, urgency: Urgency
    ) -> RouteFound:
        if class_ in BY_PERSON:
            return RouteFound(None, None, "no_rule")
        if place is not None and place not in self._places:
            return RouteFound(None, None, "unknown_place")
        if subject is not None and subject not in self._subjects:
            return RouteFound(None, None, "unknown_subject")
        for key in self.keys(place, subject, level, class_, urgency):
            rule = self._rules.get(key)
            if rule is not None:
                return RouteFound(rule.org, rule.id, "rule" if rule.org else "no_rule", rule.assign_days)
        if class_ in OWN_RULES:
            return RouteFound(None, None, "no_rule")
        if self._routing.default not in (None, "queue"):
            return RouteFound(self._routing.default, "default", "rule")
        if place is None and self._places:
            return RouteFound(None, None, "unknown_place")
        if subject is None and self._subjects:
            return RouteFound(None, None, "unknown_subject")
        return RouteFound(None, None, "no_rule")
