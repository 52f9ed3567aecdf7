"""Telling a platform: one thin entry in its updates stream per step of a case that it filed, and per record that it sent.

The stream is a fact of its own (what was told to whom, and when), so its version is the reader's cursor for ever.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from shared.access import Principal
from shared.case import Case
from shared.deadlines import deadlines
from shared.events.intake import CaseCorrected, CaseLinked
from shared.events.platforms import PlatformUpdate, UpdateKind
from shared.events.routing import Due
from shared.handling import Handling, Stamp
from shared.log import Commit
from shared.messaging.notification_stream import NotificationStream
from shared.projecting import Reaction, Turn, Where
from shared.reacting import stamp_for
from shared.times import instant_from_text
from shared.updates import STREAM, Place

Detail = Callable[[Turn], str | None]
_WITH_DATES = frozenset({"sent", "accepted", "extended", "reopened"})
"""Kinds that say by when."""


class Updates(NotificationStream):
    """Notifies platforms: the streams `updates/<platform>`."""

    def __init__(self, handling: Handling) -> None:
        super().__init__(handling, STREAM)

    async def tell(self, kind: UpdateKind, turn: Turn, detail: str | None = None, org: str | None = None) -> None:
        """One entry about a step of a case, once per event and kind however often it is asked."""
        case = turn.case
        if case.platform is None:
            return
        body = PlatformUpdate(
            kind=kind,
            case=case.id,
            number=case.number,
            version=turn.event.version,
            org=org,
            due=await self._due(case) if kind in _WITH_DATES else (),
            about=turn.event.event_id,
            detail=detail,
        )
        await self.append(case.platform, stamp_for("intake", f"update.{kind}", turn), body)

    async def registered(self, case: Case, event_id: str, correlation: str | None) -> Commit:
        """The one entry that says that it was registered, whoever comes first to write it."""
        assert case.platform is not None
        place = Place.of(correlation)
        body = PlatformUpdate(
            kind="registered",
            case=case.id,
            number=case.number,
            version=1,
            about=event_id,
            record=place.record if place is not None else None,
            sent_at=instant_from_text(place.sent_at) if place is not None else None,
        )
        stamp = Stamp(
            Principal("service", None, "intake"),
            first_answer("registered", case.id),
            correlation=correlation or event_id,
            jurisdiction=case.jurisdiction,
        )
        return await self.append(case.platform, stamp, body)

    async def _due(self, case: Case) -> tuple[Due, ...]:
        book = await self._handling.policies.book(case.jurisdiction)
        return tuple(
            Due(clock=clock.clock, due=clock.due, provisional=clock.provisional)
            for clock in deadlines(case, book)
            if clock.running and not clock.rule.window
        )


def first_answer(*about: str) -> str:
    """Cause of the first answer to the same filing or command: what is sent again is answered beside it."""
    return "intake.answer:" + ":".join(about)


def told_of(turn: Turn) -> bool:
    """Did a platform file it that may still know of it? All that this costs an ordinary case is one look at a field."""
    platform = turn.case.platform
    return platform is not None and platform not in turn.case.accused  # Art. 30: never to the accused


def reactions(updates: Updates) -> Mapping[str, Sequence[Reaction]]:
    """Event type -> what follows."""

    async def registered(turn: Turn) -> None:
        await updates.registered(turn.case, turn.event.event_id, turn.event.correlation)

    def tell(kind: UpdateKind, detail: str | Detail | None = None, org: Detail | None = None) -> Sequence[Reaction]:
        async def react(turn: Turn) -> None:
            said = detail(turn) if callable(detail) else detail
            await updates.tell(kind, turn, said, org(turn) if org is not None else None)

        return (Where(told_of, react),)

    to = _field("org")
    return {
        "CaseRegistered": (Where(lambda turn: turn.case.platform is not None, registered),),
        "CaseTransferred": tell("sent", "transferred", to),
        "CaseAssigned": tell("sent", "assigned", to),
        "CaseRoutedToSealedChannel": tell("sent", "assigned", to),
        "JurisdictionRuled": tell("sent", "ruled", to),
        "ForwardedDown": tell("sent", "forwarded", _field("to")),
        "Accepted": tell("accepted", _field("path"), to),
        "NotAccepted": tell("not_accepted", _field("reason_code"), to),
        "AcceptanceOrdered": tell("accepted", "ordered"),
        "NoticeServed": tell("notice", _field("kind"), to),
        "ExtensionGranted": tell("extended", _field("days")),
        "ReplyDelivered": tell("replied", _field("mode"), to),
        "AnsweredAtOnce": tell("replied", "at_once"),
        "EvaluationInvited": tell("invited", _field("object")),
        "StatutoryPathGuided": tell("guided", _field("path")),
        "RedoOrdered": tell("reopened", _field("ground")),
        "CaseReopened": tell("reopened", "new_facts"),
        "ReviewOpinionIssued": tell("reviewed", _field("result"), _field("body")),
        "OpinionDelivered": tell("notice", "opinion_delivered", _field("body")),
        "ReReviewOpinionIssued": tell("reviewed", _field("result"), _field("body")),
        "CaseClosed": tell("closed", _field("kind")),
        "CaseWithdrawn": tell("closed", "withdrawn"),
        "CaseVoided": tell("closed", "voided"),
        "Concluded": tell("closed", "concluded"),
        "ReRegistrationBarred": tell("closed", "barred"),
        "CaseCorrected": tell("corrected", _corrected),
        "ReplyCorrected": tell("corrected", "reply", to),
        "CaseLinked": tell("linked", _linked),
        "CaseUnlinked": tell("unlinked", _field("kind")),
    }


def _field(name: str) -> Detail:
    def of(turn: Turn) -> str | None:
        value = getattr(turn.event.body, name, None)
        return None if value is None else str(value)

    return of


def _corrected(turn: Turn) -> str | None:
    body = turn.event.body
    return body.field.rstrip("_") if isinstance(body, CaseCorrected) else None


def _linked(turn: Turn) -> str | None:
    return turn.event.body.kind if isinstance(turn.event.body, CaseLinked) else None


def together(*tables: Mapping[str, Sequence[Reaction]]) -> Mapping[str, Sequence[Reaction]]:
    """One table of reactions; those of the tables named first come first."""
    kinds: Iterable[str] = dict.fromkeys(kind for table in tables for kind in table)
    return {kind: [one for table in tables for one in table.get(kind, ())] for kind in kinds}
