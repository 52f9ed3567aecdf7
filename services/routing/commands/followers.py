"""One answer for many: the answer of a matter is given to each filing that follows it, as that person's own. Pure.

A filing that was joined has a petitioner with remedies of their own (Art. 32, 35). With the answer it no longer follows
another case: it has
the organisation that answered, the words of the answer, and everything that follows from them.
"""

from __future__ import annotations

from typing import Any

from pydantic import ConfigDict, Field

from services.routing.commands.checks import HANDLERS, own
from services.routing.commands.service_of_documents import review_right
from shared.case import Case, Fact
from shared.commands.command import Command, DecisionContext, NewEvent, rule
from shared.events import department as d
from shared.events import routing as e
from shared.events.base import Event
from shared.events.fields import Class
from shared.kernel.refusals import Refused

ANSWERS = ("DecisionIssued", "SuggestionAnswered", "DutyPerformed", "ConsultationAnswered")
"""The answers that a matter may have for all its petitioners. An accusation has one accuser (Art. 30)."""
_GOING = (
    "registered", "dispatched", "signed", "return_requested", "returned", "disputed", "accepted", "handling", "redo_ordered",
)  # fmt: skip


def answer_of(case: Case) -> Fact | None:
    """The present answer of a case; None if it has none, or another outcome."""
    if case.state not in ("decided", "replied"):
        return None
    return next((fact for fact in reversed(case.facts) if fact.name in ANSWERS), None)


class AnswerFollowers(Command):
    electronic: bool = Field(
        True,
        description="Serve it immediately on those who confirmed an electronic address; the others are served on paper",
    )


@rule(
    "answer_followers",
    service="routing",
    roles=HANDLERS,
    states=("decided", "replied"),
    zh="答复同一事项各信访人",
    when=lambda case: answer_of(case) is not None,
)
def answer_followers(case: Case, command: AnswerFollowers, given: DecisionContext) -> list[NewEvent]:
    """Give the answer of this case to each filing that follows it now: each with its own number, notice, evaluation and period
    for a review.

    Repeat the command for filings that are joined later; no filing is answered twice."""
    org, answer = own(case, given), answer_of(case)
    if case.accusation.sealed or answer is None:
        raise Refused(
            "nothing_to_hand_on",
            "This case has no answer that other filings could share. Decide it, or answer it, first.",
            detail_zh="该件尚无可供同一事项其他信访件采用的答复，请先作出处理意见或者答复。",
        )
    return [NewEvent(e.FollowersAnswered(org=org, of=answer.version, electronic=command.electronic))]


class AnswerWithLead(Command):
    """The answer of the lead, as the reaction gives it to a follower."""

    model_config = ConfigDict(arbitrary_types_allowed=True)

    lead: str
    org: str
    of: int
    answer: Any
    """The event of the answer with its decrypted texts."""
    path: int | None = None
    class_: Class | None = None
    electronic: bool = True


@rule("answer_with_lead", service="routing", roles=("service",), states=_GOING, zh="随主件答复", followers=True)
def answer_with_lead(case: Case, command: AnswerWithLead, given: DecisionContext) -> list[NewEvent]:
    """Give a follower the answer of its lead, once. Nothing happens to a filing that no longer follows it, that complains of the
    organisation that answered, or that is an accusation."""
    answer: Event = command.answer
    head = given.head(case.matter.lead)
    apart = case.accusation.sealed or case.accusation.suspected is not None or command.org in case.accusation.accused
    if case.matter.lead is None or (head is not None and head.id != command.lead) or apart:
        return []
    changed: dict[str, Any] = {"with_lead": True}
    if isinstance(answer, d.DecisionIssued):
        right = review_right(given.book, command.org, "ReviewRequested")
        stated = bool(answer.states_review_right) and right is not None
        changed |= {
            "request": None,  # that of this petitioner
            "states_review_right": stated,
            "review_body": right.body if stated and right is not None else None,
            "review_days": right.days if stated and right is not None else None,
            "review_choice": right.choice if stated and right is not None else (),
        }
    own_answer = answer.model_copy(update=changed)
    taken = e.MatterAnswered(
        org=command.org, lead=command.lead, of=command.of, path=command.path, class_=command.class_
    )
    events = [NewEvent(taken), NewEvent(own_answer)]
    if command.electronic and case.service.electronic:
        stated_right = own_answer.states_review_right if isinstance(own_answer, d.DecisionIssued) else None
        events.append(
            NewEvent(
                d.ReplyDelivered(org=command.org, mode="electronic", proof="arrival", states_review_right=stated_right)
            )
        )
    return events
