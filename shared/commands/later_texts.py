"""What the petitioner says after the filing is searched for an accusation like the filing itself, in the same commit (Art. 30).

Nobody reads it first: the event that holds the text and the one that seals the case are appended together, whatever the command
and the channel. The case stays with its organisation, which sees nothing of it until a person has decided.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from shared.case import Case
from shared.events.base import Event
from shared.events.intake import CaseRegistered, WithdrawalConfirmed
from shared.events.routing import AccusationSuspected
from shared.events.supervision import FollowUpRecorded
from shared.policy.book import PolicyBook

HEARD = (FollowUpRecorded, WithdrawalConfirmed)
"""Notes of a call in which the petitioner speaks."""
_PLACES = frozenset({"reference"})
"""Texts in which nobody tells anything: where a proof is kept."""


def suspicion(case: Case, events: Iterable[Event], book: PolicyBook) -> list[Event]:
    """The event that seals the case where a rule suspects an accusation in these events; none for a filing, which is searched when
    it is routed, nor in a case that is sealed already. That an earlier text was cleared says nothing about a later one."""
    if case.accusation.sealed or not case.live or not case.exists or not book.keywords.rules:
        return []
    said = "\n".join(_said(events))
    found = book.keywords.recognised("", said).suspicion if said else None
    return [] if found is None else [AccusationSuspected(rule=found)]


def is_of_the_petitioner(body: object) -> bool:
    """True for an event after the filing that holds words of the petitioner."""
    later = isinstance(body, Event) and body.author == "p1" and not isinstance(body, CaseRegistered)
    return later or isinstance(body, HEARD)


def said_in(values: Mapping[str, Any]) -> Iterator[str]:
    """The texts among the fields of an event."""
    for name, value in values.items():
        if name not in _PLACES:
            yield from (value,) if isinstance(value, str) else value or ()


def _said(events: Iterable[Event]) -> Iterator[str]:
    for body in events:
        if is_of_the_petitioner(body):
            yield from said_in({name: getattr(body, name) for name, kind in body.personal.items() if kind == "text"})
