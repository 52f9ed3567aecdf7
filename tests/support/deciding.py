"""given(events).when(command, by).then(events): decisions as sentences, without I/O."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import deploy.modes.command_registry  # noqa: F401  # fills RULES
from shared.case import Case, fold
from shared.commands.authorization import Principal
from shared.commands.command import RULES, DecisionContext, NewEvent
from shared.events.base import Event
from shared.events.intake import CaseRegistered
from shared.events.routing import AssignmentDelivered, CaseTransferred
from shared.kernel.legal_time import LegalTime
from shared.kernel.refusals import Refused
from tests.support.policies import demo, recorded

START = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)
BOOK = demo()
CLERK = Principal("clerk", "zj", "k-clerk", person="z-1")
HEAD = Principal("clerk", "zj", "k-head", person="z-9", head=True)
REGISTRAR = Principal("registrar", "xfj", "k-registrar")
SUPERVISOR = Principal("supervisor", "xfj", "k-supervisor")
SERVICE = Principal("service", None, "routing")

REGISTERED = CaseRegistered(
    number="2026-0000-0000-0000-0", channel="web", channel_class="web", place="dh", subject="01", class_="claim"
)
SENT = (REGISTERED, CaseTransferred(org="zj"), AssignmentDelivered(org="zj", seq=1))


class Story:
    """A case made of events, one hour apart."""

    def __init__(self, events: tuple[Event, ...], start: datetime = START, name: str = "k1") -> None:
        self.case: Case = fold(
            recorded(event, version, start + timedelta(hours=version), stream=f"case/{name}")
            for version, event in enumerate(events, 1)
        )
        self.now = start + timedelta(hours=len(events) + 1)
        self.others: dict[str, Case] = {}

    def beside(self, *others: Case) -> Story:
        """Other cases that the principal may see and that the decision is given."""
        self.others.update((other.id, other) for other in others)
        return self

    def later(self, **time: float) -> Story:
        self.now += timedelta(**time)
        return self

    def when(self, name: str, by: Principal, *, at: LegalTime | None = None, **fields: Any) -> Outcome:
        rule = RULES[name]
        given = DecisionContext(by, self.now, at or self.now, BOOK, self.others)
        try:
            return Outcome(rule(self.case, rule.model.model_validate(fields), given), None)
        except Refused as refused:
            return Outcome([], refused)


class Outcome:
    def __init__(self, events: list[NewEvent], refused: Refused | None) -> None:
        self.events = events
        self.refusal = refused

    def then(self, *wanted: Event) -> None:
        assert self.refusal is None, self.refusal
        assert [item.body for item in self.events] == list(wanted)

    def then_nothing(self) -> None:
        assert self.refusal is None, self.refusal
        assert self.events == []

    def refused(self, code: str) -> None:
        assert self.refusal is not None, f"accepted: {self.events}"
        assert self.refusal.code == code
        assert self.refusal.detail.endswith((".", "；", "。", ")")), "a refusal is a sentence"


def given(*events: Event) -> Story:
    return Story(events)
