"""The next step of a case in words for its petitioner, with the clock that ends with it.

A case has several clocks at once, between offices too. The day that is told to the petitioner is that of the clock whose end
holds the event of the next step, never simply the earliest.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from shared.case import Case
from shared.commands.authorization import owes_notice
from shared.deadlines.deadline import Deadline
from shared.deadlines.derivation import deadlines
from shared.kernel.wording import Words
from shared.policy.book import PolicyBook

NOTICE = "NoticeServed"


class _Step(NamedTuple):
    words: Words
    event: str | None = None
    """The event that takes this step; None for a step that has no clock, or none that the petitioner waits for."""
    kind: str | None = None
    """The kind of that event, for a clock that ends with some kinds only."""


_DISPATCHED = _Step(
    Words("由信访部门确定承办单位", "the petition office decides which organisation is responsible"), "CaseTransferred"
)
_NOTIFIED = _Step(
    Words(
        "由承办单位决定是否受理并书面告知您",
        "the organisation decides whether it accepts the case and tells you in writing",
    ),
    NOTICE,
    "acceptance",
)
_REPLIED = _Step(
    Words("由承办单位调查处理并书面答复您", "the organisation investigates and replies to you in writing"),
    "ReplyDelivered",
)
STEPS: dict[str, _Step] = {
    "registered": _DISPATCHED,
    "dispatched": _NOTIFIED,
    "signed": _NOTIFIED,
    "return_requested": _Step(
        Words("由信访部门核实是否改派", "the petition office checks whether another organisation is responsible")
    ),
    "returned": _Step(_DISPATCHED.words),
    "disputed": _Step(Words("由上级指定承办单位", "the superior authority decides which organisation is responsible")),
    "accepted": _REPLIED,
    "handling": _REPLIED,
    "decided": _Step(Words("由承办单位将答复送达您", "the organisation delivers its reply to you"), "ReplyDelivered"),
    "redo_ordered": _Step(
        Words("由承办单位重新办理并书面答复您", "the organisation handles it again and replies to you in writing"),
        "ReplyDelivered",
    ),
    "replied": _Step(Words("您可以评价", "you may evaluate")),
    "in_review": _Step(Words("由复查机关出具复查意见", "the review body issues its opinion"), "ReviewOpinionIssued"),
    "in_re_review": _Step(
        Words("由复核机关出具复核意见", "the re-review body issues its opinion"), "ReReviewOpinionIssued"
    ),
    "not_accepted": _Step(
        Words("请看书面告知中的理由和救济途径", "the written notice gives the reasons and your remedies")
    ),
    "guided": _Step(Words("请按告知的法定途径提出", "please follow the statutory path that you were guided to")),
}
"""State -> the next step. A state without one is over, or needs nothing from anybody."""
_OF_THE_PETITIONER = frozenset({"replied", "not_accepted", "guided"})
"""States of a lead whose next step concerns only the lead's own petitioner."""
_REFUSAL_OWED = _Step(
    Words(
        "由承办单位书面告知您不予受理的理由和救济途径", "the organisation tells you in writing why, and your remedies"
    ),
    NOTICE,
    "non_acceptance",
)
_EXECUTION_OWED = _Step(
    Words("由承办单位落实予以支持的诉求", "the organisation carries out what it supported"),
    "ExecutionConfirmed",
)


class NextStep(NamedTuple):
    """What the petitioner may expect next."""

    words: Words | None
    """None: nothing more is to come."""
    deadline: Deadline | None
    """The running clock that this step ends."""
    notice: Deadline | None
    """The running clock of a written notice to this petitioner that is owed beside the step."""


def next_step(case: Case, book: PolicyBook, lead: Case | None = None) -> NextStep:
    """The next step of `case`, or of the matter's `lead` that it follows, of which the petitioner's own steps are left out."""
    own = _running(case, book)
    notice = _ending(own, NOTICE)
    matter = case if lead is None else lead
    step = STEPS.get(matter.state)
    if lead is not None and matter.state in _OF_THE_PETITIONER:
        step = None
    if matter.state == "not_accepted" and lead is None and notice is not None:
        step = _REFUSAL_OWED
    if (
        matter.state in ("replied", "reviewed")
        and matter.handling.result == "supported"
        and not matter.handling.executed
    ):
        step = _EXECUTION_OWED
    if step is None:
        return NextStep(None, None, notice)
    clocks = own if lead is None else _running(lead, book)
    deadline = None if step.event is None else _ending(clocks, step.event, step.kind)
    return NextStep(step.words, deadline, None if notice is deadline else notice)


def _running(case: Case, book: PolicyBook) -> list[Deadline]:
    """The running duties of a case. The transfer notice that a receiving organisation owes is not among them: it only says where
    the case went, which the status shows."""
    return [
        one for one in deadlines(case, book) if one.running and not one.rule.window and not owes_notice(one.org, case)
    ]


def _ending(clocks: Iterable[Deadline], event: str, kind: str | None = None) -> Deadline | None:
    """The earliest of these clocks that this event ends."""
    fitting = (
        one
        for one in clocks
        if any(
            trigger.event == event and (kind is None or not trigger.kind or kind in trigger.kind)
            for trigger in one.rule.end
        )
    )
    return min(fitting, key=lambda one: one.due, default=None)
