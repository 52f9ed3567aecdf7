"""Steps, and the stretches of a life that many cases have in common.

In a body, `@word` is filled in by complaints.py: `@org` the organisation that has the case, `@class`, `@path`, `@mode`,
`@due` (a date), `@at` and `@before` (times), `@!kind` a sentence of texts.SAYINGS.
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
    """`cases` complaints live so. `idle`: days since the last step, from and to (open cases: how long it waits now)."""

    name: str
    state: str
    cases: int
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


def text_of(said: str, /, **body: Any) -> dict[str, Any]:
    return {**body, "text": f"@!{said}"}


ORG = {"org": "@org"}
CITIZEN = frozenset(
    {"Nudged", "MaterialAdded", "EvaluationSubmitted", "ReviewRequested", "ReReviewRequested", "CaseWithdrawn"}
)
"""Types that come from the petitioner: on any day of the week. Offices work from Monday to Friday."""

CLASSIFIED = Step("CaseClassified", (0, 2), {"class_": "@class", "path": "@path", "by": "person"})
DELIVERED = Step("AssignmentDelivered", (0, 0), ORG)
SENT = (CLASSIFIED, Step("CaseTransferred", (0, 3), {"org": "@org"}), DELIVERED)
ASSIGNED = (
    CLASSIFIED,
    Step("CaseAssigned", (1, 3), {"org": "@org", "due": "@due", "report_required": True}),
    DELIVERED,
)
SIGNED = Step("SignedFor", (0, 3), ORG)
TAKEN = (
    SIGNED,
    Step("Accepted", (1, 5), {"org": "@org", "path": "@path"}),
    Step("NoticeServed", (0, 2), {"org": "@org", "kind": "acceptance", "mode": "@mode"}),
)
WORK = (
    Step("InvestigationStepRecorded", (2, 8), text_of("step", org="@org", step="site_visit")),
    Step("Nudged", (1, 4), text_of("nudge"), 0.15),
    Step("MaterialAdded", (0, 3), text_of("material"), 0.12),
    Step("InvestigationStepRecorded", (2, 9), text_of("step", org="@org", step="inquiry"), 0.5),
)
HEARD = (*WORK, Step("HearingHeld", (3, 6), {"org": "@org", "from_": "@before", "to": "@at"}))
REPLY = Step("ReplyDelivered", (1, 5), text_of("reply", org="@org", mode="@mode"))
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
    return Step("DecisionIssued", after, text_of(kind, org="@org", result=result, basis=["《信访工作条例》第三十二条"]))


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
    return Step("FollowUpRecorded", (1, 6), text_of("follow_up", reached=satisfied is not None, satisfied=satisfied))


def closed(kind: str, text: str = "close") -> Step:
    return Step("CaseClosed", (0, 4), text_of(text, kind=kind))


def answered(result: str) -> tuple[Step, ...]:
    """From acceptance to the delivered reply, and what follows from it by itself."""
    done = (Step("ExecutionConfirmed", (1, 5), text_of("done", org="@org")),) if result == "supported" else ()
    return (*TAKEN, *WORK, decided(result), REPLY, *INVITED, *done)


REPORTED = Step("ClosingReportFiled", (0, 3), text_of("report", org="@org"))
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
REVIEW = Step("ReviewRequested", (4, 25), text_of("review"))
OPINION = Step("ReviewOpinionIssued", (10, 24), text_of("upheld", body="fc", result="upheld"))
CHANGED = Step("ReviewOpinionIssued", (10, 24), text_of("changed", body="fc", result="changed"))
RECEIVED = Step("OpinionDelivered", (0, 4), {"body": "fc", "mode": "@mode"})
RE_REVIEW = Step("ReReviewRequested", (3, 12), text_of("re_review"))
REDO = Step("RedoOrdered", (1, 5), text_of("redo", ground="dissatisfied"))
REFUSED = (
    SIGNED,
    Step(
        "NotAccepted",
        (2, 6),
        {"org": "@org", "reason_code": "no_facts", "reason": "@!not_accept", "remedy": "@!remedy"},
    ),
    Step("NoticeServed", (0, 3), {"org": "@org", "kind": "non_acceptance", "mode": "@mode"}),
)
GUIDED = Step("StatutoryPathGuided", (1, 5), {"path": "@path", "how_to": "@!path"})
SUGGESTED = (*SENT, *TAKEN)
