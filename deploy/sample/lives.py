"""Lives of cases as tables: which steps, how many days after the one before, with which body.

In a body, `@word` is filled in by complaints.py: `@org` the responsible organisation, `@at`, `@due` … times, `@!kind`
a sentence of texts.SAYINGS. A life that needs a step which history cannot tell is left out (see complaints.possible).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

Days = tuple[int, int]


class Step(NamedTuple):
    """`after`: days since the step before, from and to, both included. `chance`: how often it happens at all."""

    type: str
    after: Days
    body: Mapping[str, Any] = {}
    chance: float = 1.0


class Life(NamedTuple):
    """`count` cases live so. `idle`: days since the last step, from and to (open cases: how long it waits now)."""

    name: str
    state: str
    count: int
    steps: tuple[Step, ...]
    idle: Days
    class_: str | None = "claim"
    path: int | None = 6
    kind: str = "issue"
    """Which texts: issue, queued, city, consultation, suggestion, accusation, litigation."""
    window: bool = False
    """May come over the organ's own counter: without being sent on."""
    traits: frozenset[str] = frozenset()
    """postmark: keyed nine days late; today: filed today; anonymous; confidential."""

    @property
    def types(self) -> frozenset[str]:
        return frozenset(step.type for step in self.steps)


def _text(kind: str, **body: Any) -> dict[str, Any]:
    return {**body, "text": f"@!{kind}"}


ORG = {"org": "@org"}
OFFICE = frozenset({"Nudged", "MaterialAdded", "EvaluationSubmitted", "ReviewRequested", "ReReviewRequested"})
"""Types that come from the petitioner: on any day of the week, and never late."""

CLASSIFIED = Step("CaseClassified", (0, 2), {"class_": "@class", "path": "@path", "by": "person"})
DELIVERED = Step("AssignmentDelivered", (0, 0), ORG)
SENT = (CLASSIFIED, Step("CaseTransferred", (0, 3), {"org": "@org", "rule": "@rule"}), DELIVERED)
ASSIGNED = (
    Step("InstructionRecorded", (0, 1), {"by_office": "xfj", "text": "@!instruction"}, 0.3),
    CLASSIFIED,
    Step("CaseAssigned", (1, 3), {"org": "@org", "due": "@due", "report_required": True, "rule": "@rule"}),
    DELIVERED,
)
SIGNED = Step("SignedFor", (0, 3), ORG)
TAKEN = (
    SIGNED,
    Step("Accepted", (1, 5), {"org": "@org", "path": "@path"}),
    Step("NoticeServed", (0, 2), {"org": "@org", "kind": "acceptance", "mode": "@mode"}),
)
WORK = (
    Step("InvestigationStepRecorded", (2, 8), _text("step", org="@org", step="site_visit")),
    Step("Nudged", (1, 4), _text("nudge"), 0.15),
    Step("MaterialAdded", (0, 3), _text("material"), 0.12),
    Step("InvestigationStepRecorded", (2, 9), _text("step", org="@org", step="inquiry"), 0.5),
)
HEARD = (*WORK, Step("HearingHeld", (3, 6), {"org": "@org", "from_": "@before", "to": "@at"}))
REPLY = Step("ReplyDelivered", (1, 5), _text("reply", org="@org", mode="@mode"))
INVITED = (
    Step("EvaluationInvited", (0, 0), {"object": "petition_office"}),
    Step("EvaluationInvited", (0, 0), {"object": "organisation"}),
)
ACCUSED = (
    Step("CaseClassified", (0, 1), {"class_": "accusation", "by": "submitter"}),
    Step("CaseTransferred", (0, 2), ORG),
    DELIVERED,
)


def decided(result: str, after: Days = (3, 10)) -> Step:
    kind = "refused" if result == "not_supported" else result
    return Step("DecisionIssued", after, _text(kind, org="@org", result=result, basis=["《信访工作条例》第三十二条"]))


def judged(office: str, organisation: str, chance: float = 1.0) -> tuple[Step, ...]:
    """What the petitioner says of the petition office and of the organisation."""
    said = {"satisfied": "@!satisfied", "basically_satisfied": "@!so_so", "dissatisfied": "@!dissatisfied"}
    return (
        Step("EvaluationSubmitted", (1, 4), {"object": "petition_office", "grade": office}, chance),
        Step(
            "EvaluationSubmitted",
            (0, 0),
            {"object": "organisation", "grade": organisation, "text": said[organisation]},
            chance,
        ),
    )


def called(satisfied: bool | None) -> Step:
    return Step("FollowUpRecorded", (1, 6), _text("follow_up", reached=satisfied is not None, satisfied=satisfied))


def closed(kind: str, text: str = "close") -> Step:
    return Step("CaseClosed", (0, 4), _text(text, kind=kind))


def answered(result: str) -> tuple[Step, ...]:
    """From acceptance to the delivered reply, and what follows from it by itself."""
    done = (Step("ExecutionConfirmed", (1, 5), _text("done", org="@org")),) if result == "supported" else ()
    return (*TAKEN, *WORK, decided(result), REPLY, *INVITED, *done)


REPORTED = Step("ClosingReportFiled", (0, 3), _text("report", org="@org"))
RETURN = (
    Step("SignedFor", (0, 1), ORG, 0.5),
    Step("ReturnRequested", (1, 3), {"org": "@org", "reason_code": "not_our_mandate", "reason": "@!not_ours"}),
)
AGREED = Step("ReturnVerified", (1, 3), {"agreed": True, "reason": "@!return_ok"})
DISPUTED = Step("JurisdictionDisputed", (0, 3), {"hops": 1, "reason": "@!dispute"})
EXTENDED = (
    Step("ExtensionRequested", (18, 24), {"org": "@org", "days": 30, "reason": "@!extend"}),
    Step("ExtensionGranted", (1, 3), {"days": 30, "approver": "@org", "reason": "@!extend_ok"}),
)
REVIEW = Step("ReviewRequested", (4, 25), _text("review"))
OPINION = Step("ReviewOpinionIssued", (10, 24), _text("upheld", body="fc", result="upheld"))
CHANGED = Step("ReviewOpinionIssued", (10, 24), _text("changed", body="fc", result="changed"))
RE_REVIEW = Step("ReReviewRequested", (3, 12), _text("re_review"))
REDO = Step("RedoOrdered", (1, 5), _text("redo", ground="dissatisfied"))
REFUSED = (
    SIGNED,
    Step("NotAccepted", (2, 6), {"org": "@org", "reason_code": "no_facts", "reason": "@!not_accept", "remedy": "@!remedy"}),
    Step("NoticeServed", (0, 3), {"org": "@org", "kind": "non_acceptance", "mode": "@mode"}),
)
GUIDED = Step("StatutoryPathGuided", (1, 5), {"path": "@path", "how_to": "@!path"})
SUGGESTED = (*SENT, *TAKEN)

OPEN: tuple[Life, ...] = (
    Life("to be dispatched", "registered", 7, (), (1, 10), None, None, "queued"),
    Life("for the whole city", "registered", 5, (), (1, 12), None, None, "city"),
    Life("filed today", "registered", 3, (), (0, 0), None, None, "queued", traits=frozenset({"today"})),
    Life("accusation waiting", "registered", 2, (), (1, 4), "accusation", None, "accusation"),
    Life(
        "reopened",
        "registered",
        2,
        (*SENT, *answered("explained"), closed("explained"), Step("CaseReopened", (5, 15), _text("reopen"))),
        (1, 6),
    ),
    Life("sent", "dispatched", 12, SENT, (0, 8)),
    Life("sent, at risk", "dispatched", 3, SENT, (10, 13)),
    Life("sent, overdue", "dispatched", 2, SENT, (17, 22)),
    Life("sent, confidential", "dispatched", 1, SENT, (1, 6), traits=frozenset({"confidential"})),
    Life("assigned", "dispatched", 5, ASSIGNED, (0, 5)),
    Life(
        "ruled",
        "dispatched",
        2,
        (*SENT, *RETURN, AGREED, Step("JurisdictionRuled", (2, 6), {"org": "@org", "reason": "@!ruling"}), DELIVERED),
        (1, 6),
    ),
    Life("accusation sent", "dispatched", 4, ACCUSED, (0, 8), "accusation", None, "accusation"),
    Life("signed", "signed", 12, (*SENT, SIGNED), (0, 9)),
    Life("signed, at risk", "signed", 3, (*SENT, SIGNED), (9, 12)),
    Life(
        "return refused",
        "signed",
        2,
        (
            *SENT,
            Step("SignedFor", (0, 1), ORG),
            RETURN[-1],
            Step("ReturnVerified", (1, 3), {"agreed": False, "reason": "@!return_no"}),
        ),
        (0, 4),
    ),
    Life("return asked", "return_requested", 6, (*SENT, *RETURN), (0, 3)),
    Life("returned", "returned", 6, (*SENT, *RETURN, AGREED), (0, 6)),
    Life("disputed", "disputed", 4, (*SENT, *RETURN, AGREED, DISPUTED), (1, 6)),
    Life("accepted", "accepted", 14, (*SENT, *TAKEN), (0, 12), window=True),
    Life("accepted on another path", "accepted", 4, (*SENT, *TAKEN), (0, 12), path=5),
    Life("suggestion accepted", "accepted", 4, SUGGESTED, (0, 20), "suggestion", None, "suggestion"),
    Life(
        "acceptance ordered",
        "accepted",
        2,
        (*SENT, *REFUSED, Step("AcceptanceOrdered", (3, 8), _text("order_accept", org="@org"))),
        (1, 10),
    ),
    Life("handled", "handling", 16, (*SENT, *TAKEN, *WORK), (0, 20), window=True),
    Life("handled, at risk", "handling", 4, (*SENT, *TAKEN, *WORK), (33, 38)),
    Life("handled, overdue", "handling", 2, (*SENT, *TAKEN, *WORK), (62, 68)),
    Life("handled as a duty", "handling", 3, (*SENT, *TAKEN, *WORK), (0, 12), path=5),
    Life("assigned, handled", "handling", 5, (*ASSIGNED, *TAKEN, *WORK), (0, 8)),
    Life("extended", "handling", 4, (*SENT, *TAKEN, WORK[0], *EXTENDED), (10, 35)),
    Life("extension asked", "handling", 2, (*SENT, *TAKEN, WORK[0], EXTENDED[0]), (0, 3)),
    Life(
        "extension refused",
        "handling",
        2,
        (*SENT, *TAKEN, WORK[0], EXTENDED[0], Step("ExtensionRefused", (1, 3), {"reason": "@!extend_no"})),
        (1, 9),
    ),
    Life(
        "supervised",
        "handling",
        3,
        (
            *SENT,
            *TAKEN,
            *WORK,
            Step("Urged", (18, 24), _text("urged", org="@org")),
            Step("SupervisionOpened", (7, 10), _text("supervised", ground="delay")),
        ),
        (1, 9),
    ),
    Life(
        "review sent it back",
        "handling",
        3,
        (
            *SENT,
            *answered("not_supported"),
            REVIEW,
            Step("ReviewOpinionIssued", (10, 24), _text("review_redo", body="fc", result="redo")),
        ),
        (1, 15),
    ),
    Life("mediated", "handling", 2, (*SENT, *TAKEN, *WORK, Step("MediationOffered", (2, 6), ORG)), (0, 8)),
    Life("decided", "decided", 7, (*SENT, *TAKEN, *WORK, decided("supported")), (0, 5), window=True),
    Life("decided after a hearing", "decided", 2, (*SENT, *TAKEN, *HEARD, decided("not_supported")), (0, 4)),
    Life(
        "suggestion studied",
        "decided",
        2,
        (*SUGGESTED, Step("SuggestionAnswered", (6, 18), _text("partly", org="@org", result="partly_adopted"))),
        (0, 3),
        "suggestion",
        None,
        "suggestion",
    ),
    Life("replied", "replied", 14, (*SENT, *answered("explained")), (0, 12), window=True),
    Life(
        "replied, judged",
        "replied",
        6,
        (*SENT, *answered("supported"), *judged("satisfied", "basically_satisfied")),
        (0, 8),
    ),
    Life("replied, called", "replied", 5, (*SENT, *answered("explained"), called(True)), (0, 4)),
    Life(
        "reply corrected",
        "replied",
        2,
        (*SENT, *answered("explained"), Step("ReplyCorrected", (1, 4), _text("reply_fix", org="@org"))),
        (1, 8),
    ),
    Life(
        "answered at once",
        "replied",
        3,
        (Step("AnsweredAtOnce", (0, 1), _text("answer")),),
        (0, 4),
        "consultation",
        None,
        "consultation",
    ),
    Life("in review", "in_review", 5, (*SENT, *answered("not_supported"), REVIEW), (1, 18)),
    Life("in review, at risk", "in_review", 1, (*SENT, *answered("not_supported"), REVIEW), (24, 26)),
    Life("reviewed", "reviewed", 6, (*SENT, *answered("not_supported"), REVIEW, OPINION), (1, 20)),
    Life("in re-review", "in_re_review", 4, (*SENT, *answered("explained"), REVIEW, OPINION, RE_REVIEW), (1, 20)),
    Life(
        "redo",
        "redo_ordered",
        6,
        (*SENT, *answered("supported"), *judged("basically_satisfied", "dissatisfied"), called(False), REDO),
        (0, 12),
    ),
    Life("not accepted", "not_accepted", 6, (*SENT, *REFUSED), (0, 10)),
    Life("guided", "guided", 4, (CLASSIFIED, GUIDED), (0, 10), path=2),
    Life("litigation guided", "guided", 4, (CLASSIFIED, GUIDED), (0, 8), "litigation", 1, "litigation"),
)

FINAL: tuple[Life, ...] = (
    Life(
        "confirmed by follow-up",
        "closed",
        22,
        (*SENT, *answered("supported"), called(True), closed("resolved_confirmed")),
        (1, 80),
    ),
    Life(
        "assigned and reported",
        "closed",
        16,
        (
            *ASSIGNED,
            *answered("supported"),
            REPORTED,
            *judged("satisfied", "satisfied"),
            called(True),
            closed("resolved_confirmed"),
        ),
        (1, 60),
    ),
    Life(
        "basically satisfied",
        "closed",
        20,
        (*SENT, *answered("supported"), *judged("satisfied", "basically_satisfied"), closed("resolved_confirmed")),
        (1, 80),
    ),
    Life(
        "redone",
        "closed",
        6,
        (
            *SENT,
            *answered("supported"),
            *judged("basically_satisfied", "dissatisfied"),
            called(False),
            REDO,
            WORK[0],
            decided("supported"),
            REPLY,
            *INVITED,
            Step("ExecutionConfirmed", (1, 5), _text("done", org="@org")),
            *judged("satisfied", "satisfied"),
            called(True),
            closed("resolved_confirmed"),
        ),
        (1, 25),
    ),
    Life(
        "extended and solved",
        "closed",
        5,
        (
            *SENT,
            *TAKEN,
            WORK[0],
            *EXTENDED,
            decided("supported", (8, 20)),
            REPLY,
            *INVITED,
            Step("ExecutionConfirmed", (1, 5), _text("done", org="@org")),
            called(True),
            closed("resolved_confirmed"),
        ),
        (1, 25),
    ),
    Life(
        "urged and solved",
        "closed",
        4,
        (
            *SENT,
            *TAKEN,
            *WORK,
            Step("Urged", (8, 14), _text("urged", org="@org")),
            Step("SupervisionOpened", (5, 8), _text("supervised", ground="delay")),
            decided("supported"),
            REPLY,
            *INVITED,
            Step("ExecutionConfirmed", (1, 5), _text("done", org="@org")),
            Step("SupervisionClosed", (0, 2), _text("supervision_done")),
            closed("resolved_unconfirmed"),
        ),
        (1, 25),
    ),
    Life(
        "unconfirmed",
        "closed",
        30,
        (*SENT, *answered("supported"), called(None), closed("resolved_unconfirmed")),
        (1, 80),
    ),
    Life(
        "duty performed",
        "closed",
        10,
        (
            *SENT,
            *TAKEN,
            WORK[0],
            Step("DutyPerformed", (3, 10), _text("done", org="@org")),
            REPLY,
            *INVITED,
            *judged("satisfied", "satisfied", 0.6),
            closed("resolved_unconfirmed"),
        ),
        (1, 80),
        path=5,
    ),
    Life(
        "settled",
        "closed",
        14,
        (
            *SENT,
            *TAKEN,
            *WORK,
            Step("MediationOffered", (1, 4), ORG),
            Step("MediationAgreed", (2, 8), _text("settled", org="@org")),
            REPLY,
            *INVITED,
            *judged("satisfied", "basically_satisfied", 0.7),
            closed("settled"),
        ),
        (1, 70),
        path=4,
    ),
    Life(
        "explained",
        "closed",
        22,
        (*SENT, *answered("explained"), *judged("basically_satisfied", "dissatisfied", 0.5), closed("explained")),
        (1, 80),
        window=True,
    ),
    Life(
        "keyed nine days late",
        "closed",
        1,
        (*SENT, *answered("explained"), closed("explained")),
        (5, 40),
        traits=frozenset({"postmark"}),
    ),
    Life(
        "anonymous",
        "closed",
        3,
        (*SENT, *answered("explained"), closed("explained")),
        (2, 60),
        traits=frozenset({"anonymous"}),
    ),
    Life(
        "consultation",
        "closed",
        22,
        (
            Step("AnsweredAtOnce", (0, 1), _text("answer")),
            Step("EvaluationInvited", (0, 0), {"object": "petition_office"}),
            Step("EvaluationSubmitted", (0, 2), {"object": "petition_office", "grade": "satisfied"}, 0.6),
            closed("explained"),
        ),
        (1, 120),
        "consultation",
        None,
        "consultation",
    ),
    Life(
        "suggestion adopted",
        "closed",
        8,
        (
            *SUGGESTED,
            Step("SuggestionAnswered", (6, 18), _text("adopted", org="@org", result="adopted")),
            REPLY,
            *INVITED,
            *judged("satisfied", "satisfied", 0.6),
            closed("resolved_unconfirmed"),
        ),
        (1, 80),
        "suggestion",
        None,
        "suggestion",
    ),
    Life(
        "suggestion not adopted",
        "closed",
        5,
        (
            *SUGGESTED,
            Step("SuggestionAnswered", (6, 18), _text("not_adopted", org="@org", result="not_adopted")),
            REPLY,
            closed("explained"),
        ),
        (1, 80),
        "suggestion",
        None,
        "suggestion",
    ),
    Life(
        "not supported",
        "closed",
        20,
        (
            *SENT,
            *answered("not_supported"),
            *judged("basically_satisfied", "dissatisfied", 0.5),
            closed("not_supported"),
        ),
        (1, 70),
    ),
    Life("guided and closed", "closed", 10, (CLASSIFIED, GUIDED, closed("guided")), (1, 110), path=3),
    Life("not accepted and closed", "closed", 9, (*SENT, *REFUSED, closed("not_accepted")), (1, 100)),
    Life(
        "accusation closed",
        "closed",
        4,
        (
            *ACCUSED,
            Step("Accepted", (1, 5), ORG),
            WORK[0],
            decided("explained", (20, 40)),
            REPLY,
            closed("explained"),
        ),
        (1, 50),
        "accusation",
        None,
        "accusation",
        traits=frozenset({"confidential"}),
    ),
    Life(
        "unresolved",
        "closed",
        7,
        (*SENT, *answered("explained"), closed("closed_unresolved", "unresolved")),
        (1, 70),
    ),
    Life(
        "withdrawn and closed",
        "closed",
        3,
        (*SENT, *TAKEN, closed("withdrawn", "withdraw")),
        (1, 80),
    ),
    Life("merged", "closed", 10, (CLASSIFIED, closed("merged", "merged")), (1, 120)),
    Life("withdrawn at once", "withdrawn", 4, (Step("CaseWithdrawn", (1, 6), _text("withdraw")),), (1, 120)),
    Life(
        "withdrawn while handled",
        "withdrawn",
        6,
        (*SENT, *TAKEN, *WORK, Step("CaseWithdrawn", (1, 9), _text("withdraw"))),
        (1, 90),
    ),
    Life(
        "concluded by re-review",
        "concluded",
        6,
        (
            *SENT,
            *answered("not_supported"),
            REVIEW,
            OPINION,
            RE_REVIEW,
            Step("ReReviewOpinionIssued", (10, 22), _text("upheld", body="fc", result="upheld")),
            Step("Concluded", (0, 0), {"by": "re_review"}),
        ),
        (1, 8),
    ),
    Life(
        "concluded by lapse",
        "concluded",
        5,
        (*SENT, *answered("explained"), REVIEW, CHANGED, Step("Concluded", (31, 34), {"by": "lapse"})),
        (1, 8),
    ),
    Life(
        "barred",
        "barred",
        4,
        (Step("ReRegistrationBarred", (1, 6), {"concluding_case": "示例-终结件"}),),
        (1, 60),
    ),
    Life(
        "voided",
        "voided",
        4,
        (Step("CaseVoided", (0, 3), {"reason_code": "registered_twice", "reason": "@!void"}),),
        (1, 120),
    ),
)
REST = Life(
    "solved and satisfied",
    "closed",
    0,
    (
        *SENT,
        *answered("supported"),
        *judged("satisfied", "satisfied", 0.8),
        called(True),
        closed("resolved_confirmed"),
    ),
    (1, 85),
    window=True,
)
"""What most cases are like: as many as are missing to the whole."""

LATE: tuple[tuple[str, Days], ...] = (
    ("CaseTransferred", (15, 19)),
    ("NoticeServed", (13, 18)),
    ("InvestigationStepRecorded", (52, 60)),
)
"""One late case in twelve: this step takes so many days instead, so that C1, C3 or C5 is missed."""
LATE_SHARE = 0.085
