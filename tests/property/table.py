"""Who may do what in which state, and what the state is then: the table of transitions, written from the law and from the
project's description of the domain (states, events, closure kinds), never from the product's own table of rules.

Order of the questions, the same for every row:
 1 may they know of the case at all?        no: it does not exist for them
 2 is it their role, their case?            no: denied
 3 has it been done already?                yes: nothing happens, whoever asks again
 4 does the state allow it, and the rest?   no: refused
 5 has somebody acted since they read it?   yes: refused
 6 is the date possible?                    no: refused
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Literal, NamedTuple

from tests.property.days import When, calendar_days_after, day, earlier
from tests.property.matter import MOST_EXTENSION_DAYS, MOST_OBJECTIONS, REVIEW_DAYS, Attempt, Matter, Who

ORGS = {
    "zj": "handling", "jt": "handling", "jjw": "sealed", "xfj": "petition_office", "dhq": "handling", "dhyl": "handling",
    "zfw": "political_legal", "fc": "review", "sfc": "review",
}  # fmt: skip
ABOVE = {"dhyl": "dhq"}
"""Subordinate -> the organisation above it."""
IN_HAND = frozenset({"dispatched", "signed", "accepted", "handling", "redo_ordered"})
ASKED = frozenset({"in_review", "in_re_review"})
OPEN = frozenset(
    {
        "registered", "dispatched", "signed", "return_requested", "returned", "disputed", "accepted", "handling",
        "decided", "replied", "redo_ordered", "not_accepted", "guided", "in_review", "reviewed", "in_re_review",
    }
)  # fmt: skip
EVERY = OPEN | {"closed", "withdrawn", "concluded"}
AFTER_CLOSING = frozenset(
    {
        "CaseCorrected", "CaseVoided", "EvaluationInvited", "EvaluationSubmitted", "FollowUpRecorded", "ReplyCorrected",
        "RedoOrdered", "ReviewRequested", "ReReviewRequested", "NoticeServed", "BreachLifted", "AssignmentDelivered",
        "SupervisionClosed", "AssignmentWithdrawn", "OpinionDelivered",
    }
)  # fmt: skip
"""What may still be recorded of a case that is closed, withdrawn or voided: corrections, the petitioner's word, late paper, and
the order to begin again."""

Outcome = Literal["hidden", "denied", "nothing", "refused", "done", "either"]


class Verdict(NamedTuple):
    outcome: Outcome
    why: str = ""


Condition = Callable[[Matter, Attempt], bool]
Objection = Callable[[Matter, Attempt], str | None]
Effect = Callable[[Matter, Attempt], None]


def never(_matter: Matter, _attempt: Attempt) -> bool:
    return False


def unobjectionable(_matter: Matter, _attempt: Attempt) -> str | None:
    return None


def no_effect(_matter: Matter, _attempt: Attempt) -> None:
    return None


class Row(NamedTuple):
    by: str
    """organisation: the responsible one; desk: a registrar; outside: a supervisor or registrar of another unit than the
    handling one; organisation_or_desk; head: its head; supervisor; petitioner: they, their platform, a registrar."""
    states: frozenset[str]
    to: str | None = None
    """The state then; None: as before, or as `effect` says."""
    moves: bool = False
    """With `to` None: it is still a step that may not lie before the one before."""
    again: Condition = never
    unless: Objection = unobjectionable
    effect: Effect = no_effect
    basis: str = ""
    now: bool = False
    """A step that it brings about is taken now, whatever date is given."""
    or_a_supervisor: bool = False
    """With `by_the_clocks`: it may be said that a supervisor of another unit has to do it."""
    by_the_clocks: bool = False
    """Whether it is done hangs on clocks that the table does not reckon (the ladder: the tests of supervision in
    tests/unit do). Here only who may, and where it must be refused."""


ROLES: dict[str, frozenset[str]] = {
    "organisation": frozenset({"organisation", "clerk"}),
    "organisation_or_desk": frozenset({"organisation", "clerk", "registrar"}),
    "head": frozenset({"clerk"}),
    "desk": frozenset({"registrar"}),
    "outside": frozenset({"registrar", "supervisor"}),
    "desk_or_supervisor": frozenset({"registrar", "supervisor"}),
    "supervisor": frozenset({"supervisor"}),
    "outside_supervisor": frozenset({"supervisor"}),
    "petitioner": frozenset({"citizen", "platform", "registrar"}),
    "reviewer": frozenset({"organisation", "clerk"}),
    "reviewer_or_desk": frozenset({"organisation", "clerk", "registrar"}),
    "subordinate": frozenset({"organisation", "clerk"}),
    "hearer": frozenset({"organisation", "clerk"}),
}


def knows(matter: Matter, who: Who) -> bool:
    """Art. 30 first: never the accused. An organisation knows what it has or helps with, now; a platform what it sent; a citizen
    knows the one case that number and query code open."""
    if who.role == "citizen":
        return who.key == "own"
    if who.org is not None and who.org == matter.accused:
        return False
    if who.role in ("organisation", "clerk"):
        return who.org in matter.handlers or who.org in matter.assist or who.org == matter.reviewer
    if who.role == "platform":
        return who.org == matter.platform
    return who.role in ("registrar", "supervisor")


def may(row: Row, matter: Matter, who: Who) -> bool:
    if who.role not in ROLES[row.by]:
        return False
    if row.by == "reviewer_or_desk" and who.role == "registrar":
        return True
    if row.by in ("reviewer", "reviewer_or_desk") or (row.by == "hearer" and matter.state in ASKED):
        return who.org == matter.reviewer and not partial(matter, who.org)
    if row.by == "subordinate":
        return who.org in matter.forwarded
    if row.by == "head":
        return who.org in matter.handlers and who.head
    if who.role in ("organisation", "clerk"):
        return who.org in matter.handlers
    if row.by in ("outside", "outside_supervisor"):
        return who.org not in matter.handlers
    return True


def partial(matter: Matter, org: str | None) -> bool:
    """True for an organisation that handled or decided the case, its subordinates and the accused, which may not review it, and
    for the reviewing body, which may not re-review (Art. 28, 35, 36)."""
    concerned = matter.decided_by | set(matter.handlers)
    if org in concerned or org == matter.accused or ABOVE.get(org or "") in concerned:
        return True
    return matter.state == "in_re_review" and org == matter.reviewed_by


def verdict(matter: Matter, attempt: Attempt) -> Verdict:
    """The expected outcome of the attempt."""
    row = TABLE[attempt.command]
    if not knows(matter, attempt.who):
        return Verdict("hidden")
    if not may(row, matter, attempt.who):
        return Verdict("denied")
    if row.by_the_clocks and matter.state in row.states and row.unless(matter, attempt) is None:
        return Verdict("either")
    if row.again(matter, attempt):
        return Verdict("nothing")
    if matter.state not in row.states:
        return Verdict("refused", f"not while {matter.state}")
    why = row.unless(matter, attempt)
    if why is not None:
        return Verdict("refused", why)
    if attempt.stale:
        return Verdict("refused", "somebody has acted since")
    if earlier(attempt.now, attempt.when):
        return Verdict("refused", "not yet")
    if (row.to is not None or row.moves) and earlier(attempt.when, matter.moved):
        return Verdict("refused", "before the step before")
    return Verdict("done")


def apply(matter: Matter, attempt: Attempt) -> None:
    """The matter after an attempt that was done."""
    row = TABLE[attempt.command]
    before = matter.state
    if row.to is not None:
        matter.state = row.to
    row.effect(matter, attempt)
    if row.to is not None or matter.state != before:
        matter.moved = attempt.now if row.now else attempt.when


# ---- the petition office and routing


def misdirected(matter: Matter, attempt: Attempt) -> str | None:
    """One responsible organisation; never the accused; an accusation only to an organ marked for them (Art. 22, 30)."""
    org, class_ = attempt.get("org"), attempt.get("class") or matter.class_ or "claim"
    if matter.org is not None:
        return "has an organisation"
    if org not in ORGS:
        return "no such organisation"
    if org == matter.accused:
        return "the accused"
    if class_ == "accusation":
        return None if ORGS[org] == "sealed" else "an accusation goes to a sealed organ"
    if class_ == "litigation" and ORGS[org] != "political_legal":
        return "litigation goes to the political and legal organ"
    if attempt.get("kind") == "assignment":
        due = attempt.get("due")
        if due is None:
            return "交办 has a date"
        if earlier(date.fromisoformat(due), attempt.now):
            return "a date in the past"
    return None


def as_it_is(matter: Matter, attempt: Attempt) -> bool:
    """转送 and 交办 are not the same; an accusation goes in one way only."""
    return matter.class_ == "accusation" or (attempt.get("kind") == "assignment") == matter.report_needed


def dispatched(matter: Matter, attempt: Attempt) -> None:
    matter.class_ = attempt.get("class") or matter.class_ or "claim"
    matter.path = attempt.get("path") or matter.path
    matter.given_to(attempt.get("org"))
    if matter.class_ != "accusation":
        matter.report_needed = attempt.get("kind") == "assignment"


def recalled(matter: Matter, _attempt: Attempt) -> None:
    matter.let_go()
    matter.report_needed = False


def verified(matter: Matter, attempt: Attempt) -> None:
    """Agreed: back to the desk. Refused: where it was, signed or not. Objected to too often: a dispute, whatever is said."""
    matter.verified = attempt.get("agreed")
    if matter.objections >= MOST_OBJECTIONS:
        matter.state = "disputed"
        matter.let_go()
    elif attempt.get("agreed"):
        matter.state = "returned"
        matter.let_go()
    else:
        matter.state = "signed" if matter.signed else "dispatched"


def ruled(matter: Matter, attempt: Attempt) -> None:
    matter.given_to(attempt.get("org"))
    matter.assist = tuple(attempt.get("assist") or ())
    matter.ruled = True


def wrongly_ruled(matter: Matter, attempt: Attempt) -> str | None:
    named = (attempt.get("org"), *(attempt.get("assist") or ()))
    if any(org not in ORGS for org in named):
        return "no such organisation"
    if matter.accused in named:
        return "the accused"
    if matter.class_ == "accusation" and any(ORGS[org] != "sealed" for org in named):
        return "an accusation goes to sealed organs"
    if matter.class_ == "litigation" and ORGS[named[0]] != "political_legal":
        return "litigation goes to the political and legal organ"
    return "assists itself" if named[0] in named[1:] else None


def guided_late(matter: Matter, attempt: Attempt) -> str | None:
    """The organisation does not date it back to before the end of the sixty days that it missed (Art. 34)."""
    last = matter.last_day_to_handle() if matter.state == "accepted" else None
    if (attempt.who.role == "registrar" and attempt.who.org not in matter.handlers) or last is None:
        return None
    return "dated back over a breach" if day(attempt.now) > last >= day(attempt.when) else None


def guided(matter: Matter, attempt: Attempt) -> None:
    if matter.period_from is None:
        matter.path = attempt.get("path")


# ---- the organisation


def too_late_to_object(matter: Matter, attempt: Attempt) -> str | None:
    if attempt.who.org != matter.org:
        return "forwarded down: it is handed back"
    if matter.ruled:
        return "ruled (Art. 24)"
    last = matter.last_day_to_object()
    return "after the fifth working day" if last is not None and day(attempt.now) > last else None


def objected(matter: Matter, _attempt: Attempt) -> None:
    matter.objections += 1


def signed(matter: Matter, _attempt: Attempt) -> None:
    matter.signed = True


def accepted(matter: Matter, attempt: Attempt) -> None:
    matter.path = attempt.get("path") or matter.path
    matter.period_from = attempt.when


def without_path(matter: Matter, attempt: Attempt) -> str | None:
    needed = matter.class_ == "claim" and matter.path is None and attempt.get("path") is None
    return "a claim needs its path (Art. 31)" if needed else None


def wrong_notice(matter: Matter, attempt: Attempt) -> str | None:
    if matter.delivered is not None and earlier(attempt.when, matter.delivered):
        return "before the delivery"
    return None


def noticed(matter: Matter, attempt: Attempt) -> None:
    matter.notice = attempt.get("kind")


def stepped(matter: Matter, _attempt: Attempt) -> None:
    matter.state = "handling"


def asked(matter: Matter, attempt: Attempt) -> None:
    matter.asked_by = attempt.who.key


def wrong_grant(matter: Matter, attempt: Attempt) -> str | None:
    """Approved by another than the asker, thirty days in all, while the sixty run (Art. 34)."""
    if matter.asked_by is None:
        return "nobody asked"
    if matter.asked_by == attempt.who.key:
        return "own request"
    last = matter.last_day_to_handle()
    if last is None or day(attempt.when) > last:
        return "no period runs that can be extended"
    if matter.extended_now:
        return "extended before"
    if matter.extended + attempt.fields["days"] > MOST_EXTENSION_DAYS:
        return "over the cap"
    return None


def granted(matter: Matter, attempt: Attempt) -> None:
    matter.extended += attempt.fields["days"]
    matter.extended_now += attempt.fields["days"]
    matter.extension_told = False
    matter.asked_by = None


def wrong_refusal(matter: Matter, attempt: Attempt) -> str | None:
    if matter.asked_by is None:
        return "nobody asked"
    return "own request" if matter.asked_by == attempt.who.key else None


def extension_told(matter: Matter, _attempt: Attempt) -> None:
    matter.extension_told = True


def mediated(matter: Matter, attempt: Attempt) -> None:
    if attempt.get("outcome") == "offered":
        matter.state, matter.mediation = "handling", True
    else:
        matter.state, matter.result = "decided", "settled"


def extension_refused(matter: Matter, _attempt: Attempt) -> None:
    matter.asked_by = None
    matter.refused_extension = True


def decided(matter: Matter, attempt: Attempt) -> None:
    matter.result = attempt.get("result")
    matter.decided_by |= {matter.org or ""}


def replied(matter: Matter, attempt: Attempt) -> None:
    matter.replied = True
    matter.decided_by |= {matter.org or ""}
    matter.reply_open = attempt.when if matter.path == 6 else None


def wrongly_forwarded(matter: Matter, attempt: Attempt) -> str | None:
    """True unless forwarded one level down from a handler, not to the accused, and no accusation to an ordinary organ."""
    to, holder = attempt.get("to"), matter.handlers[-1] if matter.handlers else None
    if attempt.who.org != holder:
        return "forwarded already"
    if ABOVE.get(to) != holder:
        return "no subordinate"
    if to == matter.accused:
        return "the accused"
    return "an accusation goes to a sealed organ" if matter.class_ == "accusation" and ORGS[to] != "sealed" else None


def forwarded(matter: Matter, attempt: Attempt) -> None:
    matter.forwarded = (*matter.forwarded, attempt.get("to"))


def handed_back(matter: Matter, attempt: Attempt) -> None:
    matter.forwarded = matter.forwarded[: matter.forwarded.index(attempt.who.org or "")]


def executed(matter: Matter, _attempt: Attempt) -> None:
    matter.executed = True


def reported(matter: Matter, _attempt: Attempt) -> None:
    matter.report_filed = True


# ---- the petitioner


def graded(matter: Matter, attempt: Attempt) -> None:
    matter.grades[attempt.get("object")] = attempt.get("grade")


def answered_at_once(matter: Matter, _attempt: Attempt) -> None:
    if matter.org is not None:
        recalled(matter, _attempt)
    matter.result = "explained"
    matter.replied = True


def present(matter: Matter, attempt: Attempt) -> object:
    return {"subject": matter.subject, "place": matter.place, "class": matter.class_}[attempt.fields["field"]]


def corrected(matter: Matter, attempt: Attempt) -> None:
    name = {"class": "class_"}.get(attempt.fields["field"], attempt.fields["field"])
    setattr(matter, name, attempt.fields["new"])
    if (name, matter.class_) == ("class_", "accusation"):
        unmasked(matter)


def unmasked(matter: Matter) -> None:
    """Art. 30: an organisation that may not have an accusation loses it; its decisions are no outcome of the accusation."""
    having = {*matter.handlers, *matter.assist, *([matter.reviewer] if matter.reviewer else [])}
    if matter.org is not None and all(ORGS[org] == "sealed" and org != matter.accused for org in having):
        return
    taken = matter.org is not None
    matter.let_go()
    matter.assist, matter.reviewer, matter.review_begun = (), None, False
    if taken and matter.state in OPEN:
        matter.state = "registered"
        matter.report_needed = False
    if matter.state == "registered":
        matter.result = matter.asked_by = None
        matter.executed = matter.report_filed = matter.confirmed_by_call = False


# ---- review


def review_asked(matter: Matter, _attempt: Attempt) -> None:
    matter.reply_open = matter.closure = matter.reviewer = None
    matter.review_begun = False


def re_review_asked(matter: Matter, _attempt: Attempt) -> None:
    matter.opinion_open = matter.closure = matter.reviewer = None
    matter.review_begun = False


def received(matter: Matter, attempt: Attempt) -> None:
    matter.opinion_open, matter.opinion_received = attempt.when, True


def nothing_received(matter: Matter, attempt: Attempt) -> str | None:
    if matter.opinion_open is None:
        return "no opinion that a re-review can be asked against"
    if matter.opinion_received:
        return "received on another day"
    return "before the opinion" if earlier(attempt.when, matter.opinion_open) else None


def re_review_lapsed(matter: Matter, attempt: Attempt) -> str | None:
    """Counted from receipt of the opinion: before receipt the period does not run (Art. 36 ¶1)."""
    return None if matter.opinion_open and not matter.opinion_received else lapsed(matter.opinion_open, attempt)


def lapsed(opened: When | None, attempt: Attempt) -> str | None:
    """Thirty days from the delivery or the opinion, once (Art. 35 ¶1, 36 ¶1); only where the matter is on path 6."""
    if opened is None:
        return "nothing to review, or reviewed already"
    return "after the thirty days" if day(attempt.when) > calendar_days_after(opened, REVIEW_DAYS) else None


def wrong_body(matter: Matter, attempt: Attempt) -> str | None:
    body = attempt.get("body")
    if body not in ORGS:
        return "no such organisation"
    if matter.review_begun:
        return "begun"
    if matter.class_ == "accusation" and ORGS[body] != "sealed":
        return "an accusation goes to sealed organs"
    return "partial" if partial(matter, body) else None


def named(matter: Matter, attempt: Attempt) -> None:
    matter.reviewer = attempt.get("body")
    matter.review_begun = False


def begun(matter: Matter, _attempt: Attempt) -> None:
    matter.review_begun = True


def reviewed(matter: Matter, attempt: Attempt) -> None:
    matter.reviewed_by = attempt.who.org
    matter.opinion_open, matter.opinion_received = attempt.when, False
    if attempt.get("result") == "redo":
        matter.begin_again(attempt.when)
        matter.state = "handling"
        return
    matter.state = "reviewed"
    decided_instead(matter, attempt)


def decided_instead(matter: Matter, attempt: Attempt) -> None:
    decision = attempt.get("decision")
    if decision not in (None, matter.result):
        matter.result = decision
        matter.executed = False


def ended_by_re_review(matter: Matter, attempt: Attempt) -> None:
    decided_instead(matter, attempt)
    matter.concluded = True


def wrong_hearing(matter: Matter, attempt: Attempt) -> str | None:
    first, last = attempt.fields["from"], attempt.fields["to"]
    if last < first:
        return "ends before it begins"
    return "not over" if date.fromisoformat(last) > day(attempt.now) else None


def heard(matter: Matter, attempt: Attempt) -> None:
    matter.hearings |= {(attempt.fields["from"], attempt.fields["to"])}
    if matter.state in ("accepted", "redo_ordered"):
        matter.state = "handling"


# ---- supervision


def called(matter: Matter, attempt: Attempt) -> None:
    matter.confirmed_by_call = attempt.get("satisfied") is True


def redone(matter: Matter, attempt: Attempt) -> None:
    matter.begin_again(attempt.when)


def acceptance_ordered(matter: Matter, attempt: Attempt) -> None:
    accepted(matter, attempt)


def not_closable(matter: Matter, attempt: Attempt) -> str | None:
    """The facts that the kind of closing requires (Art. 32, 22; closure kinds)."""
    kind = attempt.get("kind")
    if matter.result == "supported" and not matter.executed and kind != "closed_unresolved":
        return "supported but not executed"
    if matter.report_needed and not matter.report_filed:
        return "交办 without its report"
    if kind in ("withdrawn", "merged"):
        return "not by hand"
    if matter.state in ("guided", "not_accepted"):
        return None if kind == matter.state else "another kind"
    if kind in ("guided", "not_accepted"):
        return "another kind"
    wanted = {
        "explained": ("explained", "adopted", "partly_adopted", "not_adopted"),
        "not_supported": ("not_supported",),
        "settled": ("settled",),
    }.get(kind)
    if wanted is not None and matter.result not in wanted:
        return "the decision was another"
    if kind == "resolved_unconfirmed" and matter.result in ("explained", "not_supported", "not_adopted"):
        return "nothing was resolved"
    content = matter.grades.get("organisation") in ("satisfied", "basically_satisfied") or matter.confirmed_by_call
    if kind == "resolved_confirmed" and not content:
        return "the petitioner did not say so"
    if kind == "closed_unresolved" and attempt.get("text") is None:
        return "unresolved needs its reason"
    return None


def closed(matter: Matter, attempt: Attempt) -> None:
    matter.closure = attempt.get("kind")


def states(*names: str) -> frozenset[str]:
    return frozenset(names)


def says(reason: str, condition: Condition) -> Objection:
    return lambda matter, attempt: reason if condition(matter, attempt) else None


TABLE: dict[str, Row] = {
    # the desk
    "answer_at_once": Row(
        "desk", states("registered", "dispatched"), "replied", effect=answered_at_once,
        basis="直接答复, consultations only, until they are signed for",
        unless=says("not a consultation", lambda m, _a: m.class_ not in (None, "consultation")),
    ),
    "dispatch": Row(
        "desk", states("registered", "returned"), "dispatched", unless=misdirected, effect=dispatched, basis="Art. 22",
        again=lambda m, a: m.state == "dispatched" and m.org == a.get("org") and as_it_is(m, a),
    ),
    "recall": Row(
        "desk", states("dispatched"), "registered", effect=recalled, basis="before sign-off",
        again=lambda m, _a: m.org is None,
    ),
    "guide": Row(
        "organisation_or_desk", states("registered", "signed", "accepted"), "guided", effect=guided, basis="Art. 31",
        unless=guided_late,
    ),
    "verify_return": Row(
        "desk", states("return_requested"), None, moves=True, effect=verified, basis="Art. 23 ¶3",
        again=lambda m, a: m.state != "return_requested" and m.verified is not None and m.verified == a.get("agreed"),
    ),
    "refer_dispute": Row(
        "desk", states("return_requested", "returned"), "disputed", basis="Art. 24",
        effect=lambda m, _a: m.let_go(), again=lambda m, _a: m.state == "disputed",
    ),
    "rule_jurisdiction": Row(
        "supervisor", states("disputed"), "dispatched", unless=wrongly_ruled, effect=ruled, basis="Art. 24",
        again=lambda m, a: m.ruled and m.org == a.get("org"),
    ),
    # the organisation
    "sign_off": Row(
        "organisation", states("dispatched"), "signed", effect=signed, again=lambda m, _a: m.state == "signed",
    ),
    "request_return": Row(
        "organisation", states("dispatched", "signed"), "return_requested", basis="Art. 23 ¶3",
        unless=too_late_to_object, effect=objected,
    ),
    "accept": Row(
        "organisation", states("dispatched", "signed"), "accepted", basis="Art. 23, 31", unless=without_path,
        effect=accepted, again=lambda m, a: m.state == "accepted" and a.get("path") in (None, m.path),
    ),
    "not_accept": Row("organisation", states("signed"), "not_accepted", basis="Art. 23"),
    "serve_notice": Row(
        "organisation_or_desk", EVERY, basis="Art. 23 ¶2", unless=wrong_notice, effect=noticed,
        again=lambda m, a: m.notice == a.get("kind"),
    ),
    "record_step": Row(
        "organisation", states("accepted", "handling", "redo_ordered"), None, moves=True, effect=stepped,
    ),
    "ask_extension": Row(
        "organisation", states("accepted", "handling"), basis="Art. 34", effect=asked,
        unless=says("asked already", lambda m, _a: m.asked_by is not None),
    ),
    "grant_extension": Row(
        "head", states("accepted", "handling"), basis="Art. 34", unless=wrong_grant,
        effect=granted,
    ),
    "refuse_extension": Row(
        "head", states("accepted", "handling"), basis="Art. 34", unless=wrong_refusal,
        effect=extension_refused, again=lambda m, _a: m.asked_by is None and m.refused_extension,
    ),
    "serve_extension_notice": Row(
        "organisation", OPEN, basis="Art. 34", effect=extension_told,
        unless=says("not extended", lambda m, _a: not m.extended),
        again=lambda m, _a: bool(m.extended) and m.extension_told,
    ),
    "record_mediation": Row(
        "organisation", states("accepted", "handling", "redo_ordered"), None, moves=True, effect=mediated, basis="Art. 33",
        unless=says("not offered", lambda m, a: a.get("outcome") == "agreed" and not m.mediation),
        again=lambda m, a: a.get("outcome") == "offered" and m.mediation,
    ),
    "confirm_receipt_date": Row("desk_or_supervisor", states(), again=lambda _m, _a: True),
    "no_longer_accept": Row("desk", states(), basis="Art. 36 ¶3"),  # no other case is concluded here
    "refuse_review": Row("reviewer", states(), basis="Art. 35 ¶1"),  # every request is in time here
    "decide": Row(
        "organisation", states("accepted", "handling", "redo_ordered"), "decided", effect=decided, basis="Art. 32",
        # to decide is itself the first act of handling
    ),
    "answer_suggestion": Row(
        "organisation", states("accepted", "handling", "redo_ordered"), "decided", effect=decided, basis="Art. 29",
        unless=says("no suggestion", lambda m, _a: m.class_ != "suggestion"),
    ),
    "deliver_reply": Row(
        "organisation", states("decided"), "replied", effect=replied,
        again=lambda m, a: m.state == "replied" and (a.at is None or day(a.at) == day(m.moved)),
    ),
    "correct_reply": Row("organisation", states("replied", "closed"), basis="beside the original"),
    "confirm_execution": Row(
        "organisation", states("decided", "replied", "reviewed", "concluded"), basis="Art. 32", effect=executed,
        unless=says("nothing to execute", lambda m, _a: m.result != "supported"), again=lambda m, _a: m.executed,
    ),
    "file_report": Row(
        "organisation", states("decided", "replied", "reviewed", "concluded", "not_accepted", "guided"), basis="Art. 22",
        effect=reported,
        again=lambda m, _a: m.report_filed,
    ),
    "forward_down": Row(
        "organisation", IN_HAND, basis="to a subordinate; the forwarder stays accountable", unless=wrongly_forwarded,
        effect=forwarded, again=lambda m, a: a.get("to") == m.handlers[-1],
    ),
    "hand_back": Row("subordinate", IN_HAND, effect=handed_back),
    # suspected accusations: nothing in these texts is suspected
    "confirm_accusation": Row("desk_or_supervisor", frozenset(), again=lambda m, _a: m.class_ == "accusation"),
    "clear_suspicion": Row("desk_or_supervisor", frozenset()),
    # the next level up
    "request_review": Row(
        "petitioner", states("replied", "closed"), "in_review", basis="Art. 35 ¶1", effect=review_asked,
        unless=lambda m, a: lapsed(m.reply_open, a), again=lambda m, _a: m.state == "in_review",
    ),
    "request_re_review": Row(
        "petitioner", states("reviewed", "closed"), "in_re_review", basis="Art. 36 ¶1", effect=re_review_asked,
        unless=re_review_lapsed, again=lambda m, _a: m.state == "in_re_review",
    ),
    "name_review_body": Row(
        "desk_or_supervisor", ASKED, basis="Art. 35, 36", unless=wrong_body, effect=named,
        again=lambda m, a: m.reviewer is not None and m.reviewer == a.get("body"),
    ),
    "accept_review": Row("reviewer", ASKED, effect=begun, again=lambda m, _a: m.review_begun),
    "issue_review_opinion": Row("reviewer", states("in_review"), None, moves=True, effect=reviewed, basis="Art. 35 ¶2"),
    "deliver_opinion": Row(
        "reviewer_or_desk", states("reviewed", "closed"), basis="Art. 36 ¶1", unless=nothing_received, effect=received,
        again=lambda m, a: m.opinion_received and m.opinion_open is not None
        and (a.at is None or day(a.at) == day(m.opinion_open)),
    ),
    "issue_re_review_opinion": Row(
        "reviewer", states("in_re_review"), "concluded", basis="Art. 36 ¶2, ¶3", effect=ended_by_re_review,
    ),
    "record_hearing": Row(
        "hearer", states("accepted", "handling", "redo_ordered") | ASKED, None, moves=True, effect=heard,
        unless=wrong_hearing, again=lambda m, a: (a.fields["from"], a.fields["to"]) in m.hearings, basis="Art. 31, 36 ¶2",
    ),
    # the petitioner
    "request_confidentiality": Row(
        "petitioner", OPEN, effect=lambda m, _a: setattr(m, "confidential", True), again=lambda m, _a: m.confidential,
    ),
    "name_representatives": Row("desk", frozenset(), basis="Art. 20 ¶3; nobody who filed here is named"),
    "add_material": Row("petitioner", OPEN),
    "nudge": Row("petitioner", OPEN, basis="催问"),
    "withdraw": Row("petitioner", OPEN, "withdrawn"),
    "evaluate": Row(
        "petitioner", states("replied", "closed", "reviewed", "concluded"), basis="Art. 21 ¶2", effect=graded,
        unless=says("no reply yet", lambda m, _a: not m.replied),
        again=lambda m, a: m.grades.get(a.get("object")) == a.get("grade"),
    ),
    # mistakes
    "correct": Row(
        "desk_or_supervisor", EVERY, effect=corrected, again=lambda m, a: present(m, a) == a.get("new"), now=True,
    ),
    "void": Row(
        "desk_or_supervisor", EVERY, "voided", by_the_clocks=True, or_a_supervisor=True, basis="BreachLifted: a supervisor",
        effect=lambda m, _a: m.let_go(), again=lambda m, _a: m.state == "voided",
        unless=says("it was answered", lambda m, _a: m.replied),
    ),
    "link": Row("desk_or_supervisor", frozenset(), basis="the contest over matters drives it"),
    "unlink": Row("desk_or_supervisor", frozenset(), again=lambda _m, _a: True, basis="no case here follows another"),
    "go_live": Row("desk_or_supervisor", frozenset(), again=lambda _m, _a: True, basis="for imported cases only"),
    # supervision
    "follow_up": Row("outside", states("replied", "closed", "reviewed", "concluded"), basis="回访", effect=called),
    "order_redo": Row(
        "outside", states("replied", "closed"), "redo_ordered", basis="重办", effect=redone,
        unless=says("nobody handled it, or concluded", lambda m, _a: m.org is None or m.concluded),
    ),
    "order_acceptance": Row(
        "outside_supervisor", states("not_accepted"), "accepted", basis="Art. 44(2)", unless=without_path,
        effect=acceptance_ordered,
    ),
    "urge": Row(
        "outside", OPEN, basis="催办 after a reminder", by_the_clocks=True,
        unless=says("nobody to urge", lambda m, _a: m.org is None),
    ),
    "open_supervision": Row(
        "outside_supervisor", OPEN, basis="Art. 40", by_the_clocks=True,
        unless=says("nobody to supervise", lambda m, _a: m.org is None),
    ),
    "close_supervision": Row("outside_supervisor", EVERY | {"voided"}, basis="督办结束", by_the_clocks=True),
    "close": Row(
        "outside", states("replied", "reviewed", "concluded", "guided", "not_accepted"), "closed",
        basis="Art. 22, 32", unless=not_closable, effect=closed,
        again=lambda m, a: m.state == "closed" and m.closure == a.get("kind"),
    ),
}  # fmt: skip
