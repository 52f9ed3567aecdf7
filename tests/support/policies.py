"""Policy books and cases for tests of deadlines and routing, built from events as stored in a log."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

from shared.case import Case, fold
from shared.events import REGISTRY, department
from shared.events.base import Event
from shared.events.intake import CaseRegistered
from shared.eventstore.recorded_event import Actor, Origin, RecordedEvent
from shared.kernel.legal_time import LegalTime, instant_of
from shared.policy.book import PolicyBook
from shared.policy.loading.loader import LoadedSection, bundled

CLERK = Actor("xfj", "clerk", "key-1")
PETITIONER = Actor(None, "citizen", "web")
LONG_AGO = date(2000, 1, 1)


def recorded(
    body: Event,
    version: int,
    effective_at: LegalTime,
    *,
    stream: str = "case/k1",
    recorded_at: datetime | None = None,
    origin: Origin = "live",
    zone: str = "Asia/Shanghai",
    actor: Actor | None = None,
) -> RecordedEvent:
    kind = type(body).__name__
    acting = getattr(body, "org", None) or getattr(body, "body", None)
    if actor is None and kind == "CaseRegistered":
        actor = PETITIONER
    if actor is None and acting is not None and type(body).__module__ == department.__name__:
        actor = CLERK._replace(org=acting)
    return RecordedEvent(
        f"e{version}",
        stream,
        version,
        kind,
        1,
        "cn-demo",
        effective_at,
        recorded_at or instant_of(effective_at, zone),
        origin,
        actor or CLERK,
        f"t:{version}",
        None,
        None,
        None,
        body,
        (),
    )


def book_of(loaded: list[LoadedSection], since: LegalTime = LONG_AGO) -> PolicyBook:
    return PolicyBook.of(
        recorded(entry.activation(), version, since, stream="policy/cn-demo") for version, entry in enumerate(loaded, 1)
    )


def demo(since: LegalTime = LONG_AGO) -> PolicyBook:
    return book_of(bundled("demo"), since)


class Story:
    """A case built event by event: `Story().on(day, "CaseTransferred", org="zj")`."""

    def __init__(self, *, origin: Origin = "live", zone: str = "Asia/Shanghai") -> None:
        self.events: list[RecordedEvent] = []
        self.origin = origin
        self.zone = zone

    def on(self, when: LegalTime, event: str, /, *, known: datetime | None = None, **fields: Any) -> Story:
        body = REGISTRY[event].model_validate(fields)
        self.events.append(
            recorded(body, len(self.events) + 1, when, recorded_at=known, origin=self.origin, zone=self.zone)
        )
        return self

    def registered(self, when: LegalTime, **fields: Any) -> Story:
        standard: dict[str, Any] = {
            "number": "2026A",
            "channel": "web",
            "channel_class": "web",
            "place": "dh-yl",
            "subject": "0101",
        }
        return self.on(when, CaseRegistered.__name__, **{**standard, **fields})

    @property
    def case(self) -> Case:
        return fold(self.events)


def at(text: str) -> datetime:
    """An instant in China: `at("2026-02-01 10:00")`."""
    return datetime.fromisoformat(f"{text}+08:00").astimezone(UTC)
