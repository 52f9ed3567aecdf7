"""The service of documents on the petitioner (送达): what proves it, and service on paper where nobody has received a document.

A document has two dates. The duty to serve it ends on the day that the proof shows. The petitioner's own period starts on receipt.
Sending is neither.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

from pydantic import Field

from services.routing.commands.checks import HANDLERS, own
from shared.case import Case
from shared.commands.command import DESK, Command, DecisionContext, NewEvent, rule
from shared.commands.command_fields import Short
from shared.deadlines.unread import window_waits
from shared.events import department as e
from shared.events.department import Proof
from shared.kernel.legal_time import before, to_text
from shared.kernel.refusals import Denied, Refused
from shared.policy.book import PolicyBook
from shared.policy.deadline_rules import Clocks

Service = Literal["in_person", "post", "electronic", "left", "public"]
"""直接、邮寄、电子、留置、公告送达. A telephone call serves no written document."""
_PROOFS: dict[Service, Proof] = {
    "in_person": "signature",
    "post": "return_slip",
    "electronic": "arrival",
    "left": "witnessed",
    "public": "publication",
}
_SERVED = {"reply": ("ReplyDelivered", "AnsweredAtOnce"), "notice": ("NoticeServed",)}
_ISSUED = {"opinion": ("ReviewOpinionIssued", "ReReviewOpinionIssued")}


class ReviewRight(NamedTuple):
    """The statement of the right to a review or re-review: the body and the days, from the policy."""

    body: str
    days: int


def review_right(book: PolicyBook, decided_by: str, request: str) -> ReviewRight | None:
    """The right that a document of `decided_by` has to state; `request` is the event that uses it. None if the policy names no body
    or no period: such a document cannot state the right, and no period runs against the petitioner."""
    body = book.reviewer_of(decided_by)
    rules = book.document("clocks", Clocks).rules if book.edition("clocks") is not None else ()
    days = next((rule.period.days for rule in rules if rule.window and request in rule.end_events), None)
    return ReviewRight(body, days) if body is not None and days is not None else None


def served(case: Case, given: DecisionContext, mode: Service) -> Proof:
    """The proof of a service in this mode.

    Raises:
        Refused: electronic service without a confirmed address; service by post without the date on the return slip.
    """
    if mode == "electronic" and not case.service.electronic:
        raise Refused(
            "no_electronic_address",
            "The petitioner has not confirmed an electronic address (送达地址确认), so electronic service is not possible. Serve"
            " the document on paper, or record the confirmation first (confirm_delivery_address).",
            detail_zh="信访人未确认电子送达地址，不能电子送达；请以纸质方式送达，或先登记送达地址确认。",
            field="mode",
        )
    if mode == "post" and given.at == given.now:
        raise Refused(
            "proof_date_needed",
            "Service by post is proved by the return slip; sending is no service. Give the date on the slip as effective_at.",
            detail_zh="邮寄送达以回执上的签收日期为准，寄出不等于送达；请以该日期填写 effective_at。",
            field="effective_at",
        )
    return _PROOFS[mode]


class ServeOnPaper(Command):
    document: Literal["reply", "opinion", "notice"] = Field(description="The document that was served")
    mode: Literal["in_person", "post", "left"] = Field("in_person", description="直接、邮寄、留置送达")
    reference: Short | None = Field(None, description="Where the proof is kept, sealed")
    states_review_right: bool = Field(
        True, description="The document states the right to a review or re-review, the body and the days (Art. 35, 36)"
    )


@rule(
    "serve_on_paper",
    service="routing",
    roles=(*HANDLERS, *DESK),
    states=(
        "accepted", "handling", "not_accepted", "guided", "led_into", "decided", "replied", "reviewed", "concluded", "closed",
    ),
    zh="纸质送达",
    when=lambda case: bool(_perhaps_open(case)),
)  # fmt: skip
def serve_on_paper(case: Case, command: ServeOnPaper, given: DecisionContext) -> list[NewEvent]:
    """Serve on paper a document that was served in another way, or whose receipt is not on record.

    The duty is not touched: it ended with the first service. The petitioner's period starts here, if none has started."""
    if given.principal.role not in DESK:
        _own_document(case, command.document, given)
    document = next((fact for fact in reversed(case.facts) if fact.name in _names(command.document)), None)
    if document is None:
        raise Refused(
            "nothing_to_serve",
            "This document was not issued yet. Serve a document of this case that exists.",
            detail_zh="该文书尚未出具或者送达。",
            field="document",
        )
    if command.document not in _open_documents(case, given.book):
        return []
    if before(given.at, document.effective_at, given.book.zone):
        raise Refused(
            "before_document",
            "The service is dated before the document. Give the day of the document or a later one.",
            detail_zh="送达日期早于文书日期，请填写当日或之后的日期。",
            field="effective_at",
            earliest=to_text(document.effective_at),
        )
    proof = served(case, given, command.mode)
    stated = command.states_review_right if command.document != "notice" else None
    return [
        NewEvent(
            e.PaperServed(
                org=given.org or None,
                document=command.document,
                mode=command.mode,
                proof=proof,
                reference=command.reference,
                states_review_right=stated,
                opens_window=bool(stated) and window_waits(case, given.book, "PaperServed", command.document),
            )
        )
    ]


def _names(document: str) -> tuple[str, ...]:
    return _SERVED.get(document) or _ISSUED[document]


def _own_document(case: Case, document: str, given: DecisionContext) -> None:
    """Raises Denied unless the organisation issued the document: the handling one, or for an opinion the review body."""
    if document != "opinion":
        own(case, given)
    elif given.org not in (case.review.reviewed_by, case.review.reviewer):
        raise Denied(
            "not_your_review",
            "Only the review body that issued the opinion, or the petition office, may serve it.",
            detail_zh="只有出具意见的复查复核机关或者信访部门可以送达该意见。",
        )


def _perhaps_open(case: Case) -> frozenset[str]:
    """The documents whose receipt may not be on record: those served electronically and unread, a reply and an opinion."""
    found = {one.document for one in case.service.unread}
    replied = case.fact("ReplyDelivered")
    if (
        replied is not None
        and case.state != "decided"
        and (not case.service.reply_received or replied.kind == "unstated")
    ):
        found.add("reply")
    delivered = case.fact("OpinionDelivered")
    opined = case.fact("ReviewOpinionIssued") or case.fact("ReReviewOpinionIssued")
    unstated = delivered is not None and delivered.kind == "unstated"
    if opined is not None and (not case.service.opinion_received or unstated):
        found.add("opinion")
    return frozenset(found)


def _open_documents(case: Case, book: PolicyBook) -> frozenset[str]:
    """The documents whose receipt is not on record, or for whose receipt a period of the petitioner waits."""
    received = {
        name
        for name, has in (("reply", case.service.reply_received), ("opinion", case.service.opinion_received))
        if has and not window_waits(case, book, "PaperServed", name)
    }
    return _perhaps_open(case) - received
