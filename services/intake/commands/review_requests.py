"""Commands that request a review or a re-review (复查、复核; Art. 35, 36). Pure: (case, command, given) -> events."""

from __future__ import annotations

from typing import Annotated, NamedTuple

from pydantic import Field

from services.intake.commands.filing import CITIZEN
from shared.case import Case
from shared.case.opinions import has_opinion
from shared.commands.command import DecisionContext, NewEvent, rule
from shared.commands.command_fields import Code, FreeText
from shared.commands.petitioners_word import Keyed, spoken
from shared.deadlines.deadline import Deadline
from shared.deadlines.derivation import deadlines
from shared.events import intake as e
from shared.kernel.legal_time import before
from shared.kernel.refusals import Invalid, Refused


def _open(case: Case) -> bool:
    return not case.concluded


def _not_concluded(case: Case) -> None:
    if case.concluded:
        raise Refused(
            "concluded",
            "The matter is concluded (Art. 36 ¶3). File new facts or reasons as a new matter.",
            detail_zh="该事项已终结（条例第三十六条第三款）；有新的事实和理由的，可另行提出。",
        )


LateReason = Annotated[
    FreeText | None,
    Field(
        description="After the period: force majeure or another good reason for the delay, sealed; the review body decides"
    ),
]


ChosenBody = Annotated[
    Code | None,
    Field(
        description="Where the law gives a choice: the body that reviews it, one of those that the status names; left out: the"
        " first of them"
    ),
]


def _chosen(case: Case, body: str | None, decided: str | None, given: DecisionContext) -> str | None:
    """The chosen body. Raises Invalid for one that the petitioner cannot choose."""
    if body is None:
        return None
    offered = given.book.reviewers_of(decided) if decided is not None else ()
    if body not in offered:
        raise Invalid(
            "review_body_not_offered",
            f"This body does not review the decision. Choose one of: {', '.join(offered) or 'none'}; or leave body out.",
            detail_zh="所选机关不是可受理复查复核的机关，请在所列机关中选择，或者不填写。",
            field="body",
        )
    return body


class RequestReview(Keyed):
    text: FreeText | None = Field(None, description="Objections to the decision, sealed")
    body: ChosenBody = None
    late_reason: LateReason = None


@rule("request_review", service="intake", roles=CITIZEN, states=("replied", "closed"), zh="申请复查", when=_open)
def request_review(case: Case, command: RequestReview, given: DecisionContext) -> list[NewEvent]:
    """Request a review at the next higher level, within 30 days of the delivery of the written reply (Art. 35 ¶1).

    The right also exists after the case was closed."""
    said = spoken(case, command, given, "request_review")
    if case.state == "in_review":
        return []
    late = False
    if case.state in ("replied", "closed"):
        _not_concluded(case)
        _opinion_exists(case)
        late = _late(_window(case, given, "ReviewRequested"), given, _REVIEW, command.late_reason)
    reason = command.late_reason if late else None
    body = _chosen(case, command.body, case.assignment.org, given)
    return [NewEvent(e.ReviewRequested(late=late, text=command.text, late_reason=reason, body=body, **said))]


def _opinion_exists(case: Case) -> None:
    if not has_opinion(case):
        raise _nothing_to_review("复查", "review", "Art. 35")


def _nothing_to_review(zh: str, en: str, article: str) -> Refused:
    return Refused(
        "nothing_to_review",
        f"A {en} is only possible against a written opinion on a claim under Art. 31(6) ({article}). Use the remedy that"
        " the reply names, or file new facts as a new matter.",
        detail_zh=f"本件没有可申请{zh}的处理意见；请按答复告知的途径提出，或就新的事实另行提出。",
    )


class RequestReReview(Keyed):
    text: FreeText | None = Field(None, description="Objections to the review opinion, sealed")
    body: ChosenBody = None
    late_reason: LateReason = None


@rule("request_re_review", service="intake", roles=CITIZEN, states=("reviewed", "closed"), zh="申请复核", when=_open)
def request_re_review(case: Case, command: RequestReReview, given: DecisionContext) -> list[NewEvent]:
    """Request a re-review above the review body, within 30 days of the delivery of the review opinion (Art. 36 ¶1).

    The period does not end while the delivery is not recorded."""
    said = spoken(case, command, given, "request_re_review")
    if case.state == "in_re_review":
        return []
    late = False
    if case.state in ("reviewed", "closed"):
        _not_concluded(case)
        late = _late(_window(case, given, "ReReviewRequested"), given, _RE_REVIEW, command.late_reason)
    reason = command.late_reason if late else None
    body = _chosen(case, command.body, case.review.reviewed_by, given)
    return [NewEvent(e.ReReviewRequested(late=late, text=command.text, late_reason=reason, body=body, **said))]


def _window(case: Case, given: DecisionContext, request: str) -> Deadline | None:
    """The last episode of the policy clock whose period this request has to observe."""
    rights = [
        clock
        for clock in deadlines(case, given.book)
        if clock.rule.window and any(trigger.event == request for trigger in clock.rule.end)
    ]
    return rights[-1] if rights else None


class _Right(NamedTuple):
    """A right to a review in words."""

    zh: str
    en: str
    article: str


_REVIEW = _Right("复查", "review", "Art. 35")
_RE_REVIEW = _Right("复核", "re-review", "Art. 36")


def _late(window: Deadline | None, given: DecisionContext, right: _Right, reason: str | None) -> bool:
    """True for a request after the period with a reason, on which the review body decides; False for one in time.

    Raises:
        Refused: there is nothing to review, the review was requested before, or the period has ended and no reason is given.
    """
    zh, en, article = right
    if window is None or window.stopped is not None:
        raise _nothing_to_review(zh, en, article)
    if window.end is not None:
        raise Refused(
            "reviewed_already",
            f"The {en} of this opinion was requested before. Request a re-review of a review opinion; after that, file only"
            " new facts or reasons, as a new matter (Art. 36 ¶3).",
            detail_zh=f"该意见已申请过{zh}。对复查意见不服的可申请复核；复核之后仅可就新的事实和理由另行提出。",
        )
    future = before(given.now, given.at, given.book.zone)  # refused with a code of its own
    if before(window.due, given.at, given.book.zone) and not window.open_ended and not future:
        day, barred = window.due_day, given.book.profile.bar_after_lapse.value
        if reason is not None and not barred:
            return True
        more = "" if barred else " If force majeure or another good reason prevented it in time, give late_reason."
        more_zh = "" if barred else "因不可抗力或者其他正当理由耽误的，请说明理由（late_reason），由复查复核机关决定；"
        raise Refused(
            "review_window_lapsed",
            f"The period to request a {en} ended on {day.isoformat()} ({article}).{more} File new facts or reasons as a new"
            " matter.",
            detail_zh=f"申请{zh}的期限已于{day.year}年{day.month}月{day.day}日届满。{more_zh}有新的事实和理由的，可另行提出。",
            due=window.due.isoformat(),
        )
    return False
