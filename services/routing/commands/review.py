"""Commands of review 复查 and re-review 复核 by the next higher level (Art. 35, 36). Review bodies are external actors.

An organisation that handled or decided the case never reviews it, nor does a subordinate of it or the respondent. The review
body never re-reviews.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from services.routing.commands.checks import HANDLERS, fit, own, recorded_otherwise, same_day
from services.routing.commands.service_of_documents import Evidence, Service, Witnesses, review_right, served
from shared.case import Case, Fact
from shared.commands.attached_files import FileReferences, attached
from shared.commands.authorization import Role
from shared.commands.command import DESK, Command, DecisionContext, NewEvent, rule
from shared.commands.command_fields import Code, FreeText, Stated
from shared.events import department as d
from shared.events import routing as e
from shared.events.fields import Moment
from shared.kernel.legal_time import before, day_of, to_text
from shared.kernel.refusals import Denied, Invalid, Refused
from shared.policy.book import PolicyBook
from shared.policy.references import organisation

SERVICE: tuple[Role, ...] = ("service",)
OFFICE: tuple[Role, ...] = (*DESK, "supervisor")
ASKED = ("in_review", "in_re_review")
DECISIONS = frozenset({
    "DecisionIssued", "SuggestionAnswered", "DutyPerformed", "ConsultationAnswered", "AccusationHandled", "ReplyDelivered",
})  # fmt: skip
_REPLACES = frozenset({"ReReviewRequested", "RedoOrdered", "CaseReopened"})
Decision = Literal["supported", "explained", "not_supported"]


def _barred(case: Case, body: str, book: PolicyBook) -> bool:
    """True if this organisation must not review the case (Art. 28: recusal; Art. 30: never the accused)."""
    decided = {fact.org for fact in case.facts if fact.name in DECISIONS} | set(case.handlers)
    if (
        body in decided
        or body in case.accusation.accused
        or (case.state == "in_re_review" and body == case.review.reviewed_by)
    ):
        return True
    if case.accusation.sealed and not book.takes_accusations(body):
        return True
    return any(org is not None and book.is_below(body, org) for org in decided)


@rule("direct_review", service="routing", roles=SERVICE, states=ASKED, zh="确定复查复核机关")
def direct_review(case: Case, command: Command, given: DecisionContext) -> list[NewEvent]:
    """Name the body that the petitioner chose, or the organisation above the deciding one by the policy. If the policy names
    none, or that one must not review the case, the request waits for a person."""
    if case.state not in ASKED or case.review.reviewer is not None or case.accusation.suspected is not None:
        return []
    decided = case.review.reviewed_by if case.state == "in_re_review" else case.assignment.org
    found = case.review.chosen or (given.book.reviewer_of(decided) if decided is not None else None)
    if found is None or _barred(case, found, given.book):
        return []
    return [NewEvent(e.ReviewBodyNamed(body=found, by="rule"))]


class NameReviewBody(Command):
    body: Code = Field(description="Code of the reviewing organisation: one above the deciding organisation")
    reason: FreeText | None = Field(None, description="Reason, sealed")


@rule("name_review_body", service="routing", roles=OFFICE, states=ASKED, zh="指定复查复核机关")
def name_review_body(case: Case, command: NameReviewBody, given: DecisionContext) -> list[NewEvent]:
    """Name the review body by hand, if the policy names none. A body that has accepted the review is not replaced."""
    if case.review.reviewer == command.body:
        return []
    organisation(given.book, command.body, "body")
    if case.review.accepted:
        raise Refused(
            "review_begun",
            f"{case.review.reviewer} has accepted this review and cannot be replaced.",
            detail_zh="复查复核机关已受理，不能更换。",
            field="body",
        )
    if command.body not in case.accusation.accused:
        fit(case, given.book, command.body, "body")
    if _barred(case, command.body, given.book):
        raise Refused(
            "not_its_own_review",
            "An organisation that handled or reviewed the case, or is the respondent, must not review it. Name the next level up.",
            detail_zh="承办单位、被反映单位和已作出复查意见的机关不得复查复核，请指定上一级机关。",
            field="body",
        )
    return [NewEvent(e.ReviewBodyNamed(body=command.body, by="person", reason=command.reason))]


def _body(case: Case, given: DecisionContext) -> str:
    """The acting review body. Raises Denied unless it is the one named for this request."""
    if case.review.reviewer is None or given.org != case.review.reviewer or _barred(case, given.org, given.book):
        raise Denied(
            "not_your_review",
            "Only the review body named for this request may give this command, never the handling organisation.",
            detail_zh="只有被确定的复查复核机关可以执行该操作，承办单位不得复查自己的决定。",
        )
    return case.review.reviewer


class AcceptReview(Command):
    """Accept the review or re-review (受理复查、复核)."""


@rule("accept_review", service="routing", roles=HANDLERS, states=ASKED, zh="受理复查复核")
def accept_review(case: Case, command: AcceptReview, given: DecisionContext) -> list[NewEvent]:
    """Accept the review. Its 30 days run from the request, not from the acceptance (Art. 35 ¶2, 36 ¶2)."""
    body = _body(case, given)
    return [] if case.review.accepted else [NewEvent(d.ReviewAccepted(body=body))]


class RefuseReview(Command):
    reason: FreeText = Field(description="Why the reason for the delay is not accepted, sealed")


@rule("refuse_review", service="routing", roles=HANDLERS, states=ASKED, zh="不予受理复查复核申请")
def refuse_review(case: Case, command: RefuseReview, given: DecisionContext) -> list[NewEvent]:
    """Refuse a request that came after its period, because its reason for the delay is not accepted (Art. 35 ¶1, 36 ¶1).

    The case returns to where it stood. A request in time is never refused: it is decided by an opinion."""
    body = _body(case, given)
    if case.review.accepted or not case.review.late:
        raise Refused(
            "review_in_time",
            "This request was made in time, or it was accepted. Decide it with an opinion.",
            detail_zh="该申请在期限内提出或已受理，应当出具意见。",
        )
    return [NewEvent(d.ReviewRefused(body=body, reason_code="late_without_reason", reason=command.reason))]


class IssueReview(Command):
    result: Literal["upheld", "changed", "redo"] = Field(description="维持 / 变更 / 重新办理")
    decision: Decision | None = Field(None, description="For changed: the new decision")
    text: FreeText = Field(description="The opinion with its reasons, sealed")
    files: FileReferences = ()


@rule("issue_review_opinion", service="routing", roles=HANDLERS, states=("in_review",), zh="出具复查意见")
def issue_review_opinion(case: Case, command: IssueReview, given: DecisionContext) -> list[NewEvent]:
    """Issue the review opinion within 30 days of the request (Art. 35 ¶2).

    `redo` sends the case back to the handling organisation, with a new clock."""
    body = _body(case, given)
    _decision_fits(command.result, command.decision)
    opinion = d.ReviewOpinionIssued(body=body, result=command.result, decision=command.decision, text=command.text)
    return [NewEvent(opinion), *attached(command.files, party=None)]


class DeliverOpinion(Command):
    mode: Service = Field(
        "in_person",
        description="Mode of service 直接, 邮寄, 电子, 留置, 公告; effective_at is the day that the proof shows",
    )
    reference: Stated | None = Field(None, description="Where the proof is kept, sealed")
    witnesses: Witnesses = ()
    files: FileReferences = ()
    states_review_right: bool = Field(
        True, description="The opinion states the right to a re-review, the body and the days (Art. 36)"
    )


@rule("deliver_opinion", service="routing", roles=(*HANDLERS, *DESK), states=("reviewed", "closed"), zh="送达复查意见")
def deliver_opinion(case: Case, command: DeliverOpinion, given: DecisionContext) -> list[NewEvent]:
    """Record the service of the opinion on the day that its proof shows, as the body that issued it or as the petition office.

    The 30 days for a re-review request run from the receipt, not from the issue (Art. 36 ¶1)."""
    body = case.review.reviewed_by if given.principal.role in DESK else _body(case, given)
    opinion = _opinion_in_force(case)
    if opinion is None or body is None:
        raise Refused(
            "no_opinion_to_deliver",
            "This case has no review opinion for which a re-review can be requested. Issue the opinion first.",
            detail_zh="本件没有可据以申请复核的复查意见，请先出具复查意见。",
        )
    known = next((f for f in case.facts if f.name == "OpinionDelivered" and f.version > opinion.version), None)
    if known is not None:
        if not same_day(given, known.effective_at):
            raise recorded_otherwise("effective_at")
        return []
    if before(given.at, opinion.effective_at, given.book.zone):
        raise Refused(
            "before_opinion",
            "The delivery is dated before the opinion. Give the day of the opinion or a later one.",
            detail_zh="送达日期早于复查意见的日期，请填写出具当日或之后的日期。",
            field="effective_at",
            earliest=to_text(opinion.effective_at),
        )
    evidence = Evidence(command.reference, command.witnesses, command.files)
    proof = served(case, given, command.mode, "opinion", evidence)
    stated = command.states_review_right and review_right(given.book, body, "ReReviewRequested") is not None
    delivered = d.OpinionDelivered(
        body=body,
        mode=command.mode,
        proof=proof,
        reference=command.reference,
        witnesses=command.witnesses,
        states_review_right=stated,
    )
    return [NewEvent(delivered), *attached(command.files, party=None)]


def _opinion_in_force(case: Case) -> Fact | None:
    """The review opinion that upheld or changed the decision; None if a later event replaces it."""
    for fact in reversed(case.facts):
        if fact.name in _REPLACES:
            return None
        if fact.name == "ReviewOpinionIssued":
            return None if fact.kind == "redo" else fact
    return None


class IssueReReview(Command):
    result: Literal["upheld", "changed"] = Field(description="维持 / 变更")
    decision: Decision | None = Field(None, description="For changed: the new decision")
    text: FreeText = Field(description="The opinion with its reasons, sealed")
    files: FileReferences = ()


@rule("issue_re_review_opinion", service="routing", roles=HANDLERS, states=("in_re_review",), zh="出具复核意见")
def issue_re_review_opinion(case: Case, command: IssueReReview, given: DecisionContext) -> list[NewEvent]:
    """Issue the re-review opinion within 30 days of the request, days of a hearing excluded. It concludes the matter
    (Art. 36 ¶2, ¶3)."""
    body = _body(case, given)
    _decision_fits(command.result, command.decision)
    opinion = d.ReReviewOpinionIssued(body=body, result=command.result, decision=command.decision, text=command.text)
    return [NewEvent(opinion), NewEvent(d.Concluded(by="re_review")), *attached(command.files, party=None)]


def _decision_fits(result: str, decision: str | None) -> None:
    if (result == "changed") != (decision is not None):
        raise Invalid(
            "decision_with_changed_only",
            "Give decision (supported, explained or not_supported) with the result changed, and with no other result.",
            detail_zh="变更须写明新的处理结论；维持或重新办理不填写。",
            field="decision",
        )


class RecordHearing(Command):
    from_: Moment = Field(alias="from", description="First day or instant")
    to: Moment = Field(description="Last day or instant")


@rule(
    "record_hearing",
    service="routing",
    roles=HANDLERS,
    states=("accepted", "handling", "redo_ordered", *ASKED),
    zh="记录听证",
)
def record_hearing(case: Case, command: RecordHearing, given: DecisionContext) -> list[NewEvent]:
    """Record a hearing (听证) of the handling organisation (Art. 31(6)) or of the review body (Art. 36 ¶2).

    Only during re-review its days, both ends included, are excluded from the period."""
    if case.state in ASKED:
        _body(case, given)
    else:
        own(case, given)
    zone = given.book.zone
    first, last = day_of(command.from_, zone), day_of(command.to, zone)
    if last < first:
        raise Invalid(
            "hearing_ends_first",
            "The hearing ends before it begins. Give a last day on or after the first one.",
            detail_zh="听证结束日期不得早于开始日期。",
            field="to",
        )
    if last > day_of(given.now, zone):
        raise Refused(
            "hearing_not_over",
            "The hearing has not ended. Record it after its last day.",
            detail_zh="听证结束后方可记录。",
            field="to",
        )
    if any(fact.name == "HearingHeld" and (fact.since, fact.due) == (command.from_, command.to) for fact in case.facts):
        return []
    return [NewEvent(d.HearingHeld(org=given.org, from_=command.from_, to=command.to))]
