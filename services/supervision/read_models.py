"""Read models of supervision: the worklist of clerks and supervisors, and the index of due cases."""

from __future__ import annotations

from collections.abc import Mapping
from zlib import crc32

from services.supervision.commands.extensions import to_check
from services.supervision.leases import SLOTS
from shared.case import Case
from shared.case.erasures import undecided_erasure
from shared.case.withdrawals import waits_for_person, withdrawal_due
from shared.commands.authorization import owes_notice
from shared.consumers.projection import Projection
from shared.deadlines.derivation import deadlines
from shared.deadlines.escalation_ladder import first_risk, next_look
from shared.deadlines.unread import paper_due
from shared.eventstore.read_models import ReadModel, Value
from shared.kernel.legal_time import instant_of, to_text
from shared.policy.book import PolicyBook
from shared.queries.respondents import cell
from shared.queries.worklist_counts import org_scope

WORKLIST = ReadModel(
    name="worklist",
    columns={
        "number": "text",
        "jurisdiction": "text",
        "state": "text",
        "org": "text",
        "place": "text",
        "subject": "text",
        "channel": "text",
        "class_": "text",
        "sealed": "boolean",
        "queue": "text",
        "also": "text",
        "reviewer": "text",
        "holder": "text",
        "owes": "text",
        "due": "text",
        "due_clock": "text",
        "risk_at": "text",
        "on_paper": "boolean",
        "paper_at": "text",
        "filed_at": "text",
        "lead": "text",
        "accused": "text",
        "clerk": "text",
        "office_clerk": "text",
        "guarded": "boolean",
        "scope": "text",
        "org_scope": "text",
        "look_at": "text",
    },
    indexes=(
        ("number",),
        ("due",),
        ("queue", "due"),
        ("also", "due"),
        ("org", "due"),
        ("reviewer", "due"),
        ("holder", "due"),
        ("owes", "due"),
        ("on_paper", "due"),
        ("state", "due"),
        ("place", "due"),
        ("subject", "due"),
        ("queue", "risk_at", "org"),
        ("org", "jurisdiction", "state"),
        ("lead", "filed_at"),
        ("class_", "due"),
        ("channel", "due"),
        ("due_clock", "due"),
        ("clerk", "due"),
        ("office_clerk", "due"),
        ("org", "clerk", "due"),
        ("guarded", "jurisdiction", "org"),
        ("scope", "queue"),
        ("scope", "due"),
        ("scope", "look_at"),
        ("org_scope", "queue"),
        ("org_scope", "due"),
        ("org_scope", "look_at"),
    ),
    version=10,
)

DUE = ReadModel(
    name="due",
    columns={"next_at": "text", "slot": "integer"},
    indexes=(("next_at",), ("slot", "next_at")),
    version=4,
)


def queue_of(case: Case) -> str | None:
    """The work queue of the case; None if no one outside the handling organisation has to act."""
    if not case.live or case.matter.lead is not None:
        return None
    withdrawal = any(waits_for_person(case, one) for one in case.withdrawals.pending)
    if case.accusation.suspected is not None or (case.open and case.accusation.sealed and withdrawal):
        return "to_confirm"
    if case.state in ("registered", "returned"):
        return (
            "to_dispatch"
            if case.assignment.org is None and (case.assignment.queue_reason or case.state == "returned")
            else None
        )
    if case.state == "replied":
        return "to_close" if case.evaluation.followed_up else "to_follow_up"
    if case.state in ("in_review", "in_re_review") and case.review.reviewer is None:
        return "to_name_reviewer"
    return {
        "dispatched": "to_sign",
        "return_requested": "returns_to_verify",
        "disputed": "to_rule",
        "guided": "to_close",
        "led_into": "to_close",
        "not_accepted": "to_close",
        "reviewed": "to_close",
        "concluded": "to_close",
        "in_review": "to_review",
        "in_re_review": "to_review",
    }.get(case.state)


def also_queue_of(case: Case) -> str | None:
    """The queue of work beside the handling of the case, which may go on in another queue meanwhile."""
    if case.live and case.open and "received_at" in case.filing.unclear:
        return "to_confirm_receipt"
    if case.live and undecided_erasure(case) is not None:
        return "to_decide_erasure"
    if case.live and case.open and not case.accusation.sealed and to_check(case) is not None:
        return "to_check_extension"
    return None


def worklist_row(case: Case, book: PolicyBook) -> Mapping[str, Value] | None:
    """The row of a case, with its earliest running deadline.

    A case that has work to do and that everybody with its scope may see is counted by an index: `scope` is its jurisdiction,
    `org_scope` that and its organisation. The others are `guarded` and looked at one by one.

    Voided cases have a row too, so that their number is found; without queue and deadline, listed only by that state."""
    running = [clock for clock in deadlines(case, book) if clock.running and not clock.rule.window]
    first = min(running, key=lambda clock: clock.due, default=None)
    risk, paper = first_risk(running), paper_due(case, book)
    queue, owes = queue_of(case), case.filing.received_by if owes_notice(case.filing.received_by, case) else None
    active = queue is not None or first is not None
    hidden = case.accusation.sealed or case.accusation.suspected is not None or bool(case.accusation.accused)
    guarded = active and (hidden or owes is not None)
    counted = active and not guarded
    look = min((one for one in (risk, first.due if first else None) if one is not None), default=None)
    return {
        "number": case.number,
        "jurisdiction": case.jurisdiction,
        "state": case.state,
        "org": case.assignment.org,
        "place": case.filing.place,
        "subject": case.filing.subject,
        "channel": case.filing.channel,
        "class_": case.filing.class_,
        "sealed": case.accusation.sealed,
        "queue": queue,
        "also": also_queue_of(case),
        "reviewer": case.review.reviewer,
        "holder": case.assignment.forwarded[-1] if case.assignment.forwarded else None,
        "owes": owes,
        "due": to_text(first.due) if first else None,
        "due_clock": first.clock if first else None,
        "risk_at": to_text(risk) if risk is not None else None,
        "on_paper": paper is not None,
        "paper_at": to_text(paper) if paper is not None else None,
        "filed_at": to_text(instant_of(case.filing.filed_at, book.zone)) if case.filing.filed_at else None,
        "lead": case.matter.lead,
        "accused": cell(case.accusation.accused),
        "clerk": case.assignment.clerk_of(_unit(case)),
        "office_clerk": case.assignment.clerk_of(book.petition_office),
        "guarded": guarded,
        "scope": case.jurisdiction if counted else None,
        "org_scope": org_scope(case.jurisdiction, case.assignment.org) if counted and case.assignment.org else None,
        "look_at": to_text(look) if look is not None else None,
    }


def _unit(case: Case) -> str | None:
    """The unit whose turn it is: the review body during a review, otherwise the one that handles the case."""
    if case.state in ("in_review", "in_re_review"):
        return case.review.reviewer
    return case.assignment.forwarded[-1] if case.assignment.forwarded else case.assignment.org


def due_row(case: Case, book: PolicyBook) -> Mapping[str, Value] | None:
    """When the ticker has to examine the case next. This is only an index: decisions use the log."""
    look = next_look(case, book)
    ended = withdrawal_due(case, book.zone)
    if ended is not None and (look is None or ended.at < look):
        look = ended.at
    return None if look is None else {"next_at": to_text(look), "slot": slot_of(case.id)}


def slot_of(case: str) -> int:
    """The slot of a case: the same on every machine and in every release, because the due index stores it."""
    return crc32(case.encode()) % SLOTS


SHOWS = (Projection(WORKLIST, worklist_row), Projection(DUE, due_row))
