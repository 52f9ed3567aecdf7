"""Asking for a review and a re-review (复查、复核; Art. 35, 36). Pure: (case, command, given) -> events."""

from __future__ import annotations

from pydantic import Field

from services.intake.domain import CITIZEN
from shared.case import Case
from shared.commands import Command, FreeText, Fresh, Given, rule
from shared.deadlines import Deadline, deadlines
from shared.events import intake as e
from shared.refusals import Refused
from shared.times import before


def _open(case: Case) -> bool:
    return not case.concluded


def _not_concluded(case: Case) -> None:
    if case.concluded:
        raise Refused(
            "concluded",
            "The matter is concluded (Art. 36 ¶3). New facts or reasons can be filed as a new matter.",
            why_zh="该事项已终结（条例第三十六条第三款）；有新的事实和理由的，可另行提出。",
        )


class RequestReview(Command):
    text: FreeText | None = Field(None, description="What is wrong with the decision, sealed")


@rule("request_review", service="intake", roles=CITIZEN, states=("replied", "closed"), zh="申请复查", when=_open)
def request_review(case: Case, command: RequestReview, given: Given) -> list[Fresh]:
    """Within 30 days of the delivery of the written reply, at the next level up (Art. 35 ¶1). A case that was closed
    meanwhile is reviewed as well: closing takes nobody's right away."""
    if case.state == "in_review":
        return []
    if case.state in ("replied", "closed"):
        _not_concluded(case)
        _in_time(_window(case, given, "ReviewRequested"), given, "复查", "review", "Art. 35")
    return [Fresh(e.ReviewRequested(text=command.text))]


class RequestReReview(Command):
    text: FreeText | None = Field(None, description="What is wrong with the review opinion, sealed")


@rule("request_re_review", service="intake", roles=CITIZEN, states=("reviewed", "closed"), zh="申请复核", when=_open)
def request_re_review(case: Case, command: RequestReReview, given: Given) -> list[Fresh]:
    """Within 30 days of the receipt of the review opinion, at the level above the review body (Art. 36 ¶1). While its
    delivery is not on record nobody is late."""
    if case.state == "in_re_review":
        return []
    if case.state in ("reviewed", "closed"):
        _not_concluded(case)
        _in_time(_window(case, given, "ReReviewRequested"), given, "复核", "re-review", "Art. 36")
    return [Fresh(e.ReReviewRequested(text=command.text))]


def _window(case: Case, given: Given, request: str) -> Deadline | None:
    """The right that this request uses, as the policy's clocks have it: its last episode."""
    rights = [
        clock
        for clock in deadlines(case, given.book)
        if clock.rule.window and any(trigger.event == request for trigger in clock.rule.end)
    ]
    return rights[-1] if rights else None


def _in_time(window: Deadline | None, given: Given, zh: str, en: str, article: str) -> None:
    """Raises Refused where there is nothing to review, where it was reviewed, and where the period is over."""
    if window is None or window.stopped is not None:
        raise Refused(
            "nothing_to_review",
            f"A {en} is open against a written opinion on a claim under Art. 31(6) only ({article}); here, use the remedy"
            " that the reply names, or file what is new as a new matter.",
            why_zh=f"本件没有可申请{zh}的处理意见；请按答复告知的途径提出，或就新的事实另行提出。",
        )
    if window.end is not None:
        raise Refused(
            "reviewed_already",
            f"The {en} of this opinion was asked for before. Against a review opinion ask for a re-review; after that, only"
            " new facts or reasons are a new matter (Art. 36 ¶3).",
            why_zh=f"该意见已申请过{zh}。对复查意见不服的可申请复核；复核之后仅可就新的事实和理由另行提出。",
        )
    future = before(given.now, given.at, given.book.zone)  # refused as such
    if before(window.due, given.at, given.book.zone) and not window.open_ended and not future:
        day = window.due_day
        raise Refused(
            "review_window_lapsed",
            f"The period to ask for a {en} ended on {day.isoformat()} ({article}). New facts or reasons can be filed as a new"
            " matter.",
            why_zh=f"申请{zh}的期限已于{day.year}年{day.month}月{day.day}日届满；有新的事实和理由的，可另行提出。",
            due=window.due.isoformat(),
        )
