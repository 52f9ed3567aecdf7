"""Evolve functions for notices as documents. They move no state: the facts that a notice states are events of their own."""

from __future__ import annotations

from shared.case.evolve import Changes, kind_of, on
from shared.case.state import Case, IssuedNotice
from shared.events import notices as n
from shared.eventstore.recorded_event import RecordedEvent


@on(n.NoticePrepared, fact=kind_of("kind"))
def _prepared(case: Case, event: RecordedEvent, body: n.NoticePrepared) -> Changes:
    return {}


@on(n.NoticeIssued, fact=kind_of("kind"))
def _issued(case: Case, event: RecordedEvent, body: n.NoticeIssued) -> Changes:
    issued = IssuedNotice(body.kind, body.document_number, body.seq, body.year, body.office, event.version)
    return {"notices": (*case.notices, issued)}


@on(n.NumberVoided, fact=False)
def _voided(case: Case, event: RecordedEvent, body: n.NumberVoided) -> Changes:
    return {}
