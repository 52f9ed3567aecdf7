"""Who may do what in which state, and what the state is then: the table of transitions, written from the law and from the
project's description of the domain (states, events, closure kinds), never from the product's own table of rules.

Order of the questions, the same for every row:
 1 may they know of the case at all?        no: it does not exist for them
 2 is it their role, their case?            no: denied
 3 do they judge what they had a part in?   yes: denied
 4 do they prove the petitioner's word?     no: refused
 5 has it been done already?                yes: nothing happens, whoever asks again
 6 does the state allow it, and the rest?   no: refused
 7 has somebody acted since they read it?   yes: refused
 8 is the date possible?                    no: refused
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Literal, NamedTuple

from tests.property.days import When, calendar_days_after, day, earlier
from tests.property.matter import (
    DISCIPLINE_ORGANS,
    MOST_EXTENSION_DAYS,
    MOST_OBJECTIONS,
    REVIEW_DAYS,
    Attempt,
    Matter,
    Who,
    Withdrawal,
)  # fmt: skip

ORGS = {
    "zj": "handling", "jt": "handling", "jjw": "sealed", "xfj": "petition_office", "dhq": "handling", "dhyl": "handling",
    "zfw": "political_legal", "fc": "review", "sfc": "review",
}  # fmt: skip
OFFICE, SUPERIOR, THIRD = "xfj", "sxfj", "hfzx"
"""The petition office, the one above it, and the unit that may follow up."""
ABOVE = {"dhyl": "dhq", OFFICE: SUPERIOR}
"""Subordinate -> the organisation above it."""
IN_HAND = frozenset({"dispatched", "signed", "accepted", "handling", "redo_ordered"})
ASKED = frozenset({"in_review", "in_re_review"})
OPEN = frozenset(
    {
        "registered", "dispatched", "signed", "return_requested", "returned", "disputed", "accepted", "handling",
        "decided", "replied", "redo_ordered", "not_accepted", "guided", "led_into", "in_review", "reviewed",
        "in_re_review",
    }
)  # fmt: skip
EVERY = OPEN | {"closed", "withdrawn", "concluded"}
AFTER_CLOSING = frozenset(
    {
        "CaseCorrected", "CaseVoided", "EvaluationInvited", "EvaluationSubmitted", "FollowUpRecorded", "ReplyCorrected",
        "RedoOrdered", "ReviewRequested", "ReReviewRequested", "NoticeServed", "BreachLifted", "AssignmentDelivered",
        "SupervisionClosed", "AssignmentWithdrawn", "OpinionDelivered", "PaperServed", "DocumentRead", "NotCompetentDeclared",
        "ReviewWindowLapsed", "QueryCodeRenewed", "NoticePrepared",
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


def sealed(matter: Matter) -> bool:
    return matter.class_ == "accusation"


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
    barred: Condition = never
    """A unit that has a part in the case, or that only another unit does it."""
    unproven: Condition = never
    """An office that records the petitioner's word without its proof, or the petitioner with the proof of an office."""
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
    "desk_or_operator": frozenset({"registrar", "operator"}),
    "outside": frozenset({"registrar", "supervisor"}),
    "desk_or_supervisor": frozenset({"registrar", "supervisor"}),
    "organisation_or_desk_or_supervisor": frozenset({"organisation", "clerk", "registrar", "supervisor"}),
    "supervisor": frozenset({"supervisor"}),
    "outside_supervisor": frozenset({"supervisor"}),
    "petitioner": frozenset({"citizen", "platform", "registrar"}),
    "holder_of_code": frozenset({"citizen", "registrar"}),
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
    if who.role == "operator":
        return not sealed(matter)
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


# ---- whose word it is (Art. 21, 46)


def part_of(matter: Matter, org: str | None) -> bool:
    """True for a unit that handles, handled, answered, assists, reviews or reviewed the case, and for a unit below one that
    handles or handled it."""
    handlers = matter.had | set(matter.handlers)
    return (
        org in handlers
        or ABOVE.get(org or "") in handlers
        or org in matter.assist
        or org in (matter.reviewer, matter.reviewed_by)
    )


def has_part(matter: Matter, attempt: Attempt) -> bool:
    return part_of(matter, attempt.who.org)


def third(matter: Matter, org: str | None) -> bool:
    return org == THIRD and not part_of(matter, org)


def not_third(matter: Matter, attempt: Attempt) -> bool:
    """A third unit that did not record the request itself; an accusation has a way of its own."""
    asked = matter.withdrawal
    own = asked is not None and asked.asker.org == attempt.who.org
    return not sealed(matter) and (not third(matter, attempt.who.org) or own)


def speaks_wrongly(matter: Matter, attempt: Attempt) -> bool:
    """The petitioner speaks for themselves. Nobody records it who has a part in the case; where the petition office is judged, by
    an evaluation of it or of what it did itself, only the office above it or a third unit does."""
    who = attempt.who
    if who.role == "citizen":
        return False
    if part_of(matter, who.org):
        return True
    office = attempt.get("object") == "petition_office" or (
        attempt.command not in HARMLESS and (OFFICE in matter.had or SUPERIOR in matter.had)
    )
    return office and who.role == "registrar" and who.org != SUPERIOR and not third(matter, who.org)


HARMLESS = frozenset(
    {
        "add_material",
        "attach_file",
        "nudge",
        "request_confidentiality",
        "confirm_delivery_address",
        "consent_to_messages",
    }
)
"""What the petitioner says with these judges nobody."""


def unproved_word(matter: Matter, attempt: Attempt) -> bool:
    evidence, reference = attempt.get("evidence"), attempt.get("reference")
    if attempt.who.role != "registrar":
        return evidence is not None or reference is not None
    needed = attempt.command not in (HARMLESS - {"confirm_delivery_address"}) | {"take_back_withdrawal"}
    return (needed and evidence is None) or (evidence is not None and reference is None)


def unproved_withdrawal(matter: Matter, attempt: Attempt) -> bool:
    """A signed paper or a recording, and who was present."""
    paper = attempt.get("evidence") in ("signed_form", "recording") and attempt.get("present") is not None
    return unproved_word(matter, attempt) or (attempt.who.role == "registrar" and not paper)


def word(matter: Matter, attempt: Attempt) -> str:
    """An own hand proves nothing while an office has the code."""
    if attempt.who.role == "citizen":
        return "own" if matter.own_code else "code with staff"
    return "platform" if attempt.who.role == "platform" else "keyed"


GRADES = ("dissatisfied", "basically_satisfied", "satisfied")


def evaluated_before(matter: Matter, attempt: Attempt) -> bool:
    about = attempt.fields["object"]
    same = matter.grades.get(about) == attempt.get("grade")
    if dissatisfied(attempt) and matter.confirmed_by is not None:
        return False
    return same and matter.words[about] in ("own", word(matter, attempt))


def dissatisfied(attempt: Attempt) -> bool:
    """Whoever says so: what a third unit was told before confirms nothing any more."""
    return (attempt.get("object"), attempt.get("grade")) == ("organisation", "dissatisfied")


def over_own_word(matter: Matter, attempt: Attempt) -> str | None:
    """What the petitioner said by their own hand, only their own hand makes better."""
    if not matter.replied:
        return "no reply yet"
    about = attempt.fields["object"]
    if about not in matter.grades or matter.words[about] != "own" or word(matter, attempt) == "own":
        return None
    better = GRADES.index(attempt.fields["grade"]) > GRADES.index(matter.grades[about])
    return "the petitioner said otherwise" if better else None


def asked_to_withdraw(matter: Matter, attempt: Attempt) -> None:
    own = word(matter, attempt) in ("own", "platform")
    matter.withdrawal, matter.taken_back = Withdrawal(attempt.who, day(attempt.now), own), False


def took_back(matter: Matter, _attempt: Attempt) -> None:
    matter.withdrawal, matter.taken_back = None, True


def confirmed_withdrawal(matter: Matter, _attempt: Attempt) -> None:
    assert matter.withdrawal is not None
    matter.withdrawal = matter.withdrawal._replace(confirmed=True)


def declined_withdrawal(matter: Matter, _attempt: Attempt) -> None:
    matter.withdrawal = None


def wrong_confirmation(matter: Matter, _attempt: Attempt) -> str | None:
    if sealed(matter):
        return "an accusation: confirm_sealed_withdrawal"
    return "nothing is pending" if matter.withdrawal is None else None


def not_asked_by_another(matter: Matter, attempt: Attempt) -> str | None:
    """Art. 30: who holds the code of an accusation may be the accused."""
    asked = matter.withdrawal
    if asked is None or asked.confirmed or not sealed(matter):
        return "no withdrawal of an accusation waits"
    return "own request" if asked.asker.key == attempt.who.key else None


def verdict(matter: Matter, attempt: Attempt) -> Verdict:
    """The expected outcome of the attempt."""
    row = TABLE[attempt.command]
    if not knows(matter, attempt.who):
        return Verdict("hidden")
    if not may(row, matter, attempt.who):
        return Verdict("denied")
    if row.barred(matter, attempt):
        return Verdict("denied", "a part in it")
    if row.unproven(matter, attempt):
        return Verdict("refused", "the petitioner's word is not proved")
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
    if attempt.command == "dispatch" and attempt.who.role == "operator":
        return Verdict("either", "the routing table decides")
    return Verdict("done")


def apply(matter: Matter, attempt: Attempt) -> None:
    """The matter after an attempt that was done."""
    row = TABLE[attempt.command]
    before = matter.before = matter.state
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


WORKING = frozenset({"accepted", "handling", "redo_ordered"})
ENDS_IN: dict[tuple[str, int | None], frozenset[str]] = {
    **{("claim", path): frozenset({"lead_into", "guide"}) for path in (1, 2, 3, 4)},
    ("claim", 5): frozenset({"perform_duty"}),
    ("claim", 6): frozenset({"decide"}),
    ("claim", None): frozenset({"decide"}),
    ("suggestion", None): frozenset({"answer_suggestion"}),
    ("consultation", None): frozenset({"answer_consultation"}),
    ("accusation", None): frozenset({"finish_accusation"}),
    ("litigation", None): frozenset({"lead_into", "guide"}),
}
"""(class, path) -> outcomes (Art. 29 to 31). A case of no class yet is a claim; only claims have paths."""


def other_outcome(command: str) -> Objection:
    def objection(matter: Matter, _attempt: Attempt) -> str | None:
        class_ = matter.class_ or "claim"
        right = ENDS_IN[class_, matter.path if class_ == "claim" else None]
        return None if command in right else "another outcome (Art. 31)"

    return objection


def not_elsewhere(command: str) -> Objection:
    """Only paths 1 to 4 lead elsewhere; a duty that was accepted is performed, and what is handled on path 6 is decided."""

    def objection(matter: Matter, attempt: Attempt) -> str | None:
        if attempt.get("path") not in (1, 2, 3, 4):
            return "no other procedure"
        if (matter.class_ or "claim") not in ("claim", "litigation"):
            return "another outcome"
        if matter.path == 5 and matter.period_from is not None:
            return "a duty"
        if matter.path == 6 and matter.state in ("handling", "redo_ordered"):
            return "is decided"
        opened = attempt.get("opened_on")
        if opened is not None and date.fromisoformat(opened) > day(attempt.when):
            return "opened later"
        return guided_late(matter, attempt)

    return objection


def gone(matter: Matter) -> bool:
    return matter.guided_from is not None and (matter.state == "guided" or matter.closure == "guided")


def came_back(matter: Matter, attempt: Attempt) -> None:
    matter.state = matter.guided_from or "registered"
    matter.path = attempt.get("path") or matter.path_before
    matter.guided_from = matter.path_before = matter.closure = None
    matter.declared = True


def led(matter: Matter, attempt: Attempt) -> None:
    matter.steps.setdefault("led_into", attempt.when)
    if matter.period_from is None:
        matter.path = attempt.get("path")


def guided_late(matter: Matter, attempt: Attempt) -> str | None:
    """The organisation does not date it back to before the end of the sixty days that it missed (Art. 34)."""
    last = matter.last_day_to_handle() if matter.state in WORKING else None
    if (attempt.who.role == "registrar" and attempt.who.org not in matter.handlers) or last is None:
        return None
    return "dated back over a breach" if day(attempt.now) > last >= day(attempt.when) else None


def guided(matter: Matter, attempt: Attempt) -> None:
    answered(matter, attempt)
    matter.steps.setdefault("guidance", attempt.when)
    matter.guided_from, matter.path_before = matter.before, matter.path
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
    matter.steps.setdefault("acceptance", attempt.when)


def not_accepted(matter: Matter, attempt: Attempt) -> None:
    answered(matter, attempt)
    matter.steps.setdefault("non_acceptance", attempt.when)


def without_path(matter: Matter, attempt: Attempt) -> str | None:
    needed = matter.class_ == "claim" and matter.path is None and attempt.get("path") is None
    return "a claim needs its path (Art. 31)" if needed else None


def wrong_notice(matter: Matter, attempt: Attempt) -> str | None:
    if matter.delivered is not None and earlier(attempt.when, matter.delivered):
        return "before the delivery"
    kind = attempt.get("kind")
    if {"guidance": "guided", "led_into": "led_into"}.get(kind, matter.state) != matter.state:
        return "no such procedure"
    if kind in matter.steps and earlier(attempt.when, matter.steps[kind]):
        return "before the step that it tells of"
    return None if kind == "exempt" else unproved(matter, attempt)


def unproved(matter: Matter, attempt: Attempt) -> str | None:
    """No electronic service without a confirmed address; post is proved by the date on the return slip."""
    mode = attempt.get("mode")
    if mode == "electronic" and not matter.electronic:
        return "no confirmed address"
    if mode == "public" and (sealed(matter) or matter.confidential):
        return "never published"
    document = "reply" if attempt.command == "deliver_reply" else "notice"
    if mode == "public" and document not in matter.failed:
        return "publication is the last resort"
    return "the date on the slip" if mode == "post" and attempt.at is None else None


def another_office(matter: Matter, attempt: Attempt) -> str | None:
    """A notice is prepared by the office that issues it: the transfer by the petition office, what follows by the handler."""
    issues = attempt.who.org == OFFICE if attempt.get("kind") == "transfer" else attempt.who.org in matter.handlers
    return None if issues else "another office issues it"


def noticed(matter: Matter, attempt: Attempt) -> None:
    matter.notice = attempt.get("kind")
    matter.failed -= {"notice"}


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


def unextended(matter: Matter, attempt: Attempt) -> str | None:
    """Art. 34: the notice tells of an extension that was granted by that day."""
    if not matter.extended or matter.extended_at is None:
        return "not extended"
    return "before the extension" if earlier(attempt.when, matter.extended_at) else None


def granted(matter: Matter, attempt: Attempt) -> None:
    matter.extended_at = attempt.when
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
        answered(matter, attempt)
        matter.state, matter.result = "decided", "settled"


def extension_refused(matter: Matter, _attempt: Attempt) -> None:
    matter.asked_by = None
    matter.refused_extension = True


def answered(matter: Matter, attempt: Attempt) -> None:
    """Who answered is judged by what the petitioner says about it."""
    matter.had |= {attempt.who.org or ""}


def decided(matter: Matter, attempt: Attempt) -> None:
    answered(matter, attempt)
    matter.result = attempt.get("result")
    matter.opinion = attempt.command == "decide"
    matter.executed = matter.executed or matter.result == "performed"
    matter.decided_by |= {matter.org or ""}


def replied(matter: Matter, attempt: Attempt) -> None:
    answered(matter, attempt)
    matter.replied = True
    matter.decided_by |= {matter.org or ""}
    reviewable = matter.path == 6 and matter.opinion and matter.org not in DISCIPLINE_ORGANS
    matter.reply_open = attempt.when if reviewable else None
    matter.failed -= {"reply"}
    mode = attempt.get("mode") or "in_person"
    matter.reply_heard, matter.unread = mode not in ("electronic", "public"), mode == "electronic"


def handed_over(matter: Matter, attempt: Attempt) -> None:
    matter.failed -= {attempt.get("document")}
    if attempt.get("document") != "reply":
        return
    if not matter.reply_heard and matter.reply_open is not None:
        matter.reply_open = attempt.when
    matter.reply_heard, matter.unread = True, False


def addressed(matter: Matter, attempt: Attempt) -> None:
    matter.electronic = attempt.get("electronic")


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
    matter.grades[attempt.fields["object"]] = attempt.fields["grade"]
    if dissatisfied(attempt):
        matter.confirmed_by = None
    matter.words[attempt.fields["object"]] = word(matter, attempt)


def answered_at_once(matter: Matter, attempt: Attempt) -> None:
    answered(matter, attempt)
    if matter.org is not None:
        recalled(matter, attempt)
    matter.result = "explained"
    matter.replied = True


WITH_OPINION = frozenset({"decided", "replied", "in_review", "reviewed", "in_re_review", "concluded", "closed"})


def of_duties(attempt: Attempt) -> bool:
    """True if the duties of the unit that handles the case, and the remedies of the petitioner, depend on what is corrected."""
    return attempt.get("field") in ("class", "path") and attempt.get("new") != "accusation"


def present(matter: Matter, attempt: Attempt) -> object:
    path = None if matter.path is None else str(matter.path)
    return {"subject": matter.subject, "place": matter.place, "class": matter.class_, "path": path}[
        attempt.fields["field"]
    ]


def corrected(matter: Matter, attempt: Attempt) -> None:
    name = {"class": "class_"}.get(attempt.fields["field"], attempt.fields["field"])
    setattr(matter, name, attempt.fields["new"])
    if (name, matter.class_) == ("class_", "accusation"):
        unmasked(matter)
    not_accepted = matter.state in ("dispatched", "signed", "return_requested", "returned", "disputed")
    if (
        (name, matter.class_) == ("class_", "litigation")
        and matter.org is not None
        and not_accepted
        and (
            ORGS[matter.org] != "political_legal"  # Art. 22 ¶2
        )
    ):
        recalled(matter, attempt)
        matter.state = "registered"


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
        matter.executed = matter.report_filed = False
        matter.confirmed_by = None


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


def review_lapsed(matter: Matter, attempt: Attempt) -> str | None:
    """Counted from receipt of the reply, and only against an opinion (Art. 31(6), 35 ¶1)."""
    return None if matter.reply_open and not matter.reply_heard else lapsed(matter.reply_open, attempt)


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
    """Only what the petitioner says to a third unit confirms anything (Art. 21)."""
    if attempt.get("satisfied") is not None and third(matter, attempt.who.org):
        matter.confirmed_by = attempt.who.org if attempt.get("satisfied") else None


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
    if matter.unread:
        return "nobody has read the reply"
    if matter.state in ("guided", "led_into", "not_accepted"):
        return None if kind == matter.state else "another kind"
    if kind in ("guided", "led_into", "not_accepted"):
        return "another kind"
    wanted = {
        "explained": (
            "explained",
            "adopted",
            "partly_adopted",
            "not_adopted",
            "answered",
            "the accusation was handled",
            "the consultation was answered",
        ),
        "not_supported": ("not_supported", "refused"),
        "settled": ("settled",),
    }.get(kind)
    if wanted is not None and matter.result not in wanted:
        return "the decision was another"
    if kind == "resolved_unconfirmed" and matter.result in (
        "explained", "not_supported", "not_adopted", "refused", "answered", "the accusation was handled",
        "the consultation was answered",
    ):  # fmt: skip
        return "nothing was resolved"
    if kind == "resolved_confirmed":
        grade = matter.grades.get("organisation")
        if grade is not None and matter.words["organisation"] == "own":
            return "the petitioner said the contrary" if grade == "dissatisfied" else None
        if matter.confirmed_by is None:
            return "the petitioner did not say so"
        return "its own confirmation" if matter.confirmed_by == attempt.who.org else None
    if kind == "closed_unresolved" and attempt.get("text") is None:
        return "unresolved needs its reason"
    return None


def closed(matter: Matter, attempt: Attempt) -> None:
    matter.withdrawal = None
    matter.closure = attempt.get("kind")


def states(*names: str) -> frozenset[str]:
    return frozenset(names)


def says(reason: str, condition: Condition) -> Objection:
    return lambda matter, attempt: reason if condition(matter, attempt) else None


TABLE: dict[str, Row] = {
    # the desk
    "answer_at_once": Row(
        "desk_or_operator", states("registered", "dispatched"), "replied", effect=answered_at_once,
        basis="直接答复, consultations only, until they are signed for",
        unless=says("not a consultation", lambda m, _a: m.class_ not in (None, "consultation")),
    ),
    "dispatch": Row(
        "desk_or_operator", states("registered", "returned"), "dispatched", unless=misdirected, effect=dispatched, basis="Art. 22",
        again=lambda m, a: m.state == "dispatched" and m.org == a.get("org") and as_it_is(m, a),
    ),
    "recall": Row(
        "desk", states("dispatched"), "registered", effect=recalled, basis="before sign-off", barred=has_part,
        again=lambda m, _a: m.org is None,
    ),
    "guide": Row(
        "organisation_or_desk", states("registered", "signed") | WORKING, "guided", effect=guided, basis="Art. 31",
        unless=not_elsewhere("guide"),
    ),
    "record_not_competent": Row(
        "desk_or_supervisor", states("guided", "closed"), None, moves=True, effect=came_back, basis="Art. 31",
        unless=says("not guided", lambda m, _a: not gone(m)), again=lambda m, _a: m.declared and not gone(m),
    ),
    "lead_into": Row(
        "organisation", states("signed") | WORKING, "led_into", effect=led, basis="Art. 31(1) to (4)",
        unless=not_elsewhere("lead_into"), again=lambda m, _a: m.state == "led_into",
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
    "not_accept": Row("organisation", states("signed"), "not_accepted", basis="Art. 23", effect=not_accepted),
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
        unless=unextended,
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
        "organisation", WORKING, "decided", effect=decided, basis="Art. 31(6), 32", unless=other_outcome("decide"),
        # to decide is itself the first act of handling
    ),
    "answer_suggestion": Row(
        "organisation", WORKING, "decided", effect=decided, basis="Art. 29", unless=other_outcome("answer_suggestion"),
    ),
    "perform_duty": Row(
        "organisation", WORKING, "decided", effect=decided, basis="Art. 31(5)", unless=other_outcome("perform_duty"),
    ),
    "answer_consultation": Row(
        "organisation", WORKING, "decided", unless=other_outcome("answer_consultation"),
        effect=lambda m, a: (decided(m, a), setattr(m, "result", "the consultation was answered"))[0],
    ),
    "finish_accusation": Row(
        "organisation", WORKING, "decided", basis="Art. 30", unless=other_outcome("finish_accusation"),
        effect=lambda m, a: (decided(m, a), setattr(m, "result", "the accusation was handled"))[0],
    ),
    "serve_on_paper": Row(
        "organisation_or_desk", EVERY, by_the_clocks=True, effect=handed_over,
        unless=says("nothing to serve", lambda m, a: a.get("document") == "reply" and not m.replied),
    ),
    "answer_followers": Row(
        "organisation", states("decided", "replied"), basis="Art. 32, 35: a remedy for each",
        unless=says("no answer for many", lambda m, _a: sealed(m) or m.result == "settled"),
    ),
    "record_failed_service": Row(
        "organisation_or_desk", OPEN, None, moves=True, basis="a failed service ends no duty",
        effect=lambda m, a: setattr(m, "failed", m.failed | {a.get("document")}),
    ),
    "prepare_notice": Row(
        "organisation_or_desk", EVERY, basis="the office that issues it (Art. 22, 23, 34)",
        barred=another_office,
    ),
    "deliver_reply": Row(
        "organisation", states("decided"), "replied", effect=replied, unless=unproved,
        again=lambda m, a: m.state == "replied" and (a.at is None or day(a.at) == day(m.moved)),
    ),
    "correct_reply": Row("organisation", states("replied", "closed"), basis="beside the original"),
    "confirm_execution": Row(
        "organisation", states("decided", "replied", "reviewed", "concluded"), basis="Art. 32", effect=executed,
        unless=says("nothing to execute", lambda m, _a: m.result != "supported"), again=lambda m, _a: m.executed,
    ),
    "file_report": Row(
        "organisation", states("decided", "replied", "reviewed", "concluded", "not_accepted", "guided", "led_into"),
        basis="Art. 22",
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
        barred=speaks_wrongly, unproven=unproved_word, unless=review_lapsed, again=lambda m, _a: m.state == "in_review",
    ),
    "request_re_review": Row(
        "petitioner", states("reviewed", "closed"), "in_re_review", basis="Art. 36 ¶1", effect=re_review_asked,
        barred=speaks_wrongly, unproven=unproved_word, unless=re_review_lapsed, again=lambda m, _a: m.state == "in_re_review",
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
    "confirm_delivery_address": Row(
        "petitioner", OPEN, effect=addressed, basis="送达地址确认", barred=speaks_wrongly, unproven=unproved_word,
        again=lambda m, a: not a.get("electronic") and not m.electronic,
    ),
    "consent_to_messages": Row("petitioner", OPEN, barred=speaks_wrongly, unproven=unproved_word, basis="PIPL Art. 14"),
    "ask_petitioner": Row("organisation_or_desk", OPEN, basis="no clock stops for it"),
    "request_confidentiality": Row(
        "petitioner", OPEN, effect=lambda m, _a: setattr(m, "confidential", True), barred=speaks_wrongly,
        unproven=unproved_word, again=lambda m, _a: m.confidential,
    ),
    "name_representatives": Row("desk", frozenset(), basis="Art. 20 ¶3; nobody who filed here is named"),
    "add_material": Row("petitioner", OPEN, barred=speaks_wrongly, unproven=unproved_word),
    "attach_file": Row("petitioner", OPEN, barred=speaks_wrongly, unproven=unproved_word),
    "nudge": Row("petitioner", OPEN, barred=speaks_wrongly, unproven=unproved_word, basis="催问"),
    "withdraw": Row(
        "petitioner", OPEN, barred=speaks_wrongly, unproven=unproved_withdrawal, effect=asked_to_withdraw,
        again=lambda m, _a: m.withdrawal is not None, basis="it takes effect when the cooling-off period is over",
    ),
    "take_back_withdrawal": Row(
        "petitioner", OPEN, barred=speaks_wrongly, unproven=unproved_word, effect=took_back,
        again=lambda m, _a: m.withdrawal is None and m.taken_back,
        unless=says("nothing is pending", lambda m, _a: m.withdrawal is None),
    ),
    "confirm_withdrawal": Row(
        "desk_or_supervisor", OPEN, barred=not_third, unless=wrong_confirmation, effect=confirmed_withdrawal,
        again=lambda m, _a: not sealed(m) and m.withdrawal is not None and not m.withdrawal.waits_for_person(sealed=False),
    ),
    "confirm_sealed_withdrawal": Row(
        "organisation_or_desk_or_supervisor", OPEN, unless=not_asked_by_another, effect=confirmed_withdrawal, basis="Art. 30",
    ),
    "decline_sealed_withdrawal": Row(
        "organisation_or_desk_or_supervisor", OPEN, unless=not_asked_by_another, effect=declined_withdrawal, basis="Art. 30",
    ),
    "correct_party": Row(
        "petitioner", frozenset(), barred=speaks_wrongly, unproven=unproved_word, basis="PIPL Art. 46; no party is recorded here",
    ),
    "check_extension": Row("outside", frozenset(), basis="Art. 34; the tests of extensions"),
    "confirm_date": Row("desk_or_supervisor", frozenset(), barred=has_part, basis="the tests of late records"),
    "renew_query_code": Row(
        "holder_of_code", EVERY, effect=lambda m, a: setattr(m, "own_code", m.own_code and a.who.role == "citizen"),
        basis="whoever renews has the code before in hand",
    ),
    "evaluate": Row(
        "petitioner", states("replied", "closed", "reviewed", "concluded"), basis="Art. 21 ¶2", effect=graded,
        barred=speaks_wrongly, unproven=unproved_word, unless=over_own_word, again=evaluated_before,
    ),
    # mistakes
    "correct": Row(
        "desk_or_supervisor", EVERY, effect=corrected, again=lambda m, a: present(m, a) == a.get("new"), now=True,
        barred=lambda m, a: of_duties(a) and has_part(m, a), basis="Art. 31(6), 35: no correction takes the review away",
        unless=says("an opinion was given", lambda m, a: of_duties(a) and m.opinion and m.state in WITH_OPINION),
    ),
    "erase_party": Row(
        "supervisor", states(), barred=has_part, basis="PIPL Art. 47; the driver names another number",
    ),
    "request_erasure": Row(
        "petitioner", frozenset(), barred=speaks_wrongly, unproven=unproved_word, basis="PIPL Art. 47; no party is recorded here",
    ),
    "decline_erasure": Row("supervisor", frozenset(), basis="PIPL Art. 50; nothing is requested here"),
    "void": Row(
        "desk_or_supervisor", EVERY, "voided", by_the_clocks=True, or_a_supervisor=True, barred=has_part,
        basis="a breach: a supervisor of the level above whoever had the duty",
        effect=lambda m, _a: m.let_go(), again=lambda m, _a: m.state == "voided",
        unless=says("it was answered", lambda m, _a: m.replied),
    ),
    "link": Row("desk_or_supervisor", frozenset(), barred=has_part, basis="the contest over matters drives it"),
    "unlink": Row(
        "desk_or_supervisor", frozenset(), barred=has_part, again=lambda _m, _a: True, basis="no case here follows another",
    ),
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
    "void_rungs": Row(
        "outside_supervisor", states(), basis="no clock is wrong here: the test of the recovery from a wrong clock",
    ),
    "close": Row(
        "outside", states("replied", "reviewed", "concluded", "guided", "led_into", "not_accepted"), "closed",
        basis="Art. 22, 32", unless=not_closable, effect=closed,
        again=lambda m, a: m.state == "closed" and m.closure == a.get("kind"),
    ),
}  # fmt: skip
