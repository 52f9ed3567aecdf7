"""An independent fold of a case, which also notes the events that the specification does not allow."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from .inputs import CASE, Event, Found, Violation
from .table import (
    BY_THE_HOLDER,
    DISPATCHES,
    FINAL,
    LETS_GO,
    MOVES,
    NOT_OF_A_FOLLOWER,
    RUNGS,
    STAYS,
    WORKING,
)  # fmt: skip

_SHOWN = ("number", "channel", "place", "subject", "class_")


@dataclass
class Case:
    """A case after its events."""

    id: str
    version: int = 0
    jurisdiction: str | None = None
    state: str = ""
    fields: dict[str, str | None] = field(default_factory=dict)
    """What a correction can mend, and the number."""
    path: int | None = None
    org: str | None = None
    forwarded: list[str] = field(default_factory=list)
    signed: bool = False
    lead: str | None = None
    reviewer: str | None = None
    closure: str | None = None
    filed: str | None = None
    received_by: str | None = None
    report_required: bool = False
    ended: str | None = None
    live_from: str | None = None
    before_guidance: tuple[str, int | None] | None = None
    """State and path before a guidance, to which a declaration of no competence leads back."""
    last: str = ""
    """Type of the event before."""
    told: dict[int, str] = field(default_factory=dict)
    """Version -> legal time, as corrected later."""
    problems: list[Violation] = field(default_factory=list)


def fold(case_id: str, events: Sequence[Event]) -> Case:
    """The case after `events`. Total: a forbidden event is noted and applied."""
    case = Case(case_id)
    recorded = ""
    for event in events:
        for problem in _objections(case, event):
            case.problems.append(Violation(4, event.stream, (event.version,), problem))
        at = str(event.said.get("recorded_at") or "")
        if at < recorded:
            case.problems.append(
                Violation(4, event.stream, (event.version,), "it was recorded before the one before it")
            )
        recorded = max(recorded, at)
        _apply(case, event)
    return case


def _objections(case: Case, event: Event) -> list[str]:
    kind, body, state = event.type, event.body, case.state
    if kind == "CaseRegistered" and state:
        return ["it is registered again"]
    if not state and kind != "CaseRegistered":
        return [f"{kind} before it is registered"]
    if event.said.get("origin") == "history" or (case.live_from is None and case.jurisdiction == ""):
        return []  # imported steps of another system are not judged
    found = []
    follows = MOVES[kind][0] if kind in MOVES else STAYS.get(kind)
    merged = kind == "CaseClosed" and body.get("kind") == "merged"
    verified = kind == "JurisdictionDisputed" and case.last == "ReturnVerified"
    if merged and (case.lead is None or state in FINAL):
        found.append("it is closed as merged and follows no other, or has ended")
    elif follows is not None and state not in follows and not merged and not verified:
        found.append(f"{kind} while {state}")
    if kind == "AssignmentWithdrawn" and case.org is None:
        found.append("it is taken from an organisation while none has it")
    if kind in DISPATCHES and case.org is not None:
        found.append("it is sent to an organisation while another has it")
    if kind in BY_THE_HOLDER and case.org is not None and body.get("org") not in (None, case.org, *case.forwarded):
        found.append(f"{kind} by an organisation that does not have it")
    if case.lead is not None and (kind in NOT_OF_A_FOLLOWER or (kind == "CaseClosed" and not merged)):
        found.append(f"{kind} in a case that follows another")
    if (
        state in FINAL
        and kind in RUNGS
        and case.ended
        and instant(event.said.get("effective_at")) > instant(case.ended)
    ):
        found.append(f"{kind} takes effect after the end")
    recorded, effective = event.said.get("recorded_at"), str(event.said.get("effective_at"))
    if effective[:10] > str(instant(recorded) + timedelta(hours=14))[:10]:
        found.append(f"{kind} takes effect after it was recorded")
    return found


NEVER = datetime.max.replace(tzinfo=UTC) - timedelta(days=2)


def instant(text: object) -> datetime:
    """The instant of a stored time; a date is its end in the westernmost time zone. An invalid time is never reached."""
    try:
        found = datetime.fromisoformat(str(text))
    except ValueError:
        return NEVER
    if len(str(text)) == len("2026-01-31"):
        return found.replace(tzinfo=UTC) + timedelta(hours=36)
    return found if found.tzinfo is not None else NEVER


def _apply(case: Case, event: Event) -> None:
    kind, body = event.type, event.body
    case.version, before = event.version, case.state
    if before == "voided":
        return
    case.told[event.version] = str(event.said.get("effective_at"))
    if kind == "CaseRegistered":
        _register(case, event)
    elif kind in DISPATCHES:
        case.org, case.forwarded, case.signed = body.get("org"), [], False
        case.report_required = bool(body.get("report_required", case.report_required))
    elif kind in LETS_GO or (kind == "ReturnVerified" and body.get("agreed")):
        case.org, case.forwarded = None, []
    elif kind == "ForwardedDown":
        case.forwarded.append(str(body.get("to")))
    elif kind == "HandedBack" and body.get("org") in case.forwarded:
        del case.forwarded[case.forwarded.index(str(body["org"])) :]
    elif kind == "CaseLinked" and body.get("kind") != "related":
        case.lead = body.get("lead")
    elif kind == "CaseUnlinked" and body.get("kind") != "related" and case.lead == body.get("lead"):
        case.lead = None
    elif kind in ("ReviewRequested", "ReReviewRequested"):
        case.reviewer = None
    elif kind in ("ReviewBodyNamed", "ReviewAccepted", "ReviewOpinionIssued", "ReReviewOpinionIssued"):
        case.reviewer = body.get("body")
    elif kind == "CaseClassified":
        case.fields["class_"] = body.get("class_") or case.fields.get("class_")
        case.fields["subject"] = body.get("subject") or case.fields.get("subject")
    elif kind == "AccusationConfirmed":
        case.fields["class_"] = "accusation"
    elif kind == "CaseCorrected":
        _correct(case, event)
    elif kind == "WentLive":
        case.live_from = event.said.get("recorded_at")
    if kind == "StatutoryPathGuided":
        case.before_guidance = (before, case.path)
    if kind == "NotCompetentDeclared":
        case.path = body.get("path") or (case.before_guidance or ("", None))[1]
    if kind in ("CaseClassified", "Accepted", "AcceptanceOrdered") or (
        kind in ("StatutoryPathGuided", "LedInto") and not _accepted(case)
    ):
        case.path = body.get("path") or case.path
    case.state = _state(case, event)
    if case.state in FINAL:
        case.ended = case.ended if case.state == before else event.said.get("effective_at")
        case.closure = {"CaseClosed": body.get("kind"), "CaseWithdrawn": "withdrawn"}.get(kind, case.closure)
    else:
        case.ended = case.closure = None
    case.last = kind


def _accepted(case: Case) -> bool:
    return case.state in WORKING


def _register(case: Case, event: Event) -> None:
    body = event.body
    case.jurisdiction = event.said.get("jurisdiction")
    case.fields = {name: body.get(name) for name in _SHOWN}
    case.org, case.received_by = body.get("org"), body.get("received_by")
    case.filed = event.said.get("effective_at")


def _correct(case: Case, event: Event) -> None:
    name, of, new = event.body.get("field"), event.body.get("of"), event.body.get("new")
    if name != "effective_at":
        case.fields[str(name)] = new
        if (name, new, case.org) == ("class_", "accusation", None):
            case.reviewer = None
    elif of is not None and new is not None:
        if of == 1:
            case.filed = new
        case.told[of] = new


def _state(case: Case, event: Event) -> str:
    kind, body = event.type, event.body
    if kind == "ReturnRequested":
        case.signed = case.state == "signed"
    if (
        kind == "AssignmentWithdrawn" and case.state in FINAL
    ):  # an accusation that was taken for something else has ended
        return case.state
    if kind == "ReturnVerified":
        return "returned" if body.get("agreed") else "signed" if case.signed else "dispatched"
    if kind == "NotCompetentDeclared":
        return (case.before_guidance or ("registered", None))[0]
    if kind == "ReviewOpinionIssued":
        return "handling" if body.get("result") == "redo" else "reviewed"
    if kind in ("InvestigationStepRecorded", "MediationOffered", "HearingHeld"):
        return "handling" if case.state in ("accepted", "redo_ordered") else case.state
    return MOVES[kind][1] if kind in MOVES else case.state


def lives(streams: dict[str, Case]) -> Found:
    """The notes of the folds."""
    return (problem for case in streams.values() for problem in case.problems)


def cases(streams: dict[str, list[Event]]) -> dict[str, Case]:
    """Case id -> its fold."""
    return {
        name[len(CASE) :]: fold(name[len(CASE) :], found) for name, found in streams.items() if name.startswith(CASE)
    }
