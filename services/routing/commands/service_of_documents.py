"""The service of documents on the petitioner (送达): what proves it, and service on paper where nobody has received a document.

A document has two dates. The duty to serve it ends on the day that the proof shows. The petitioner's own period starts on receipt.
Sending is neither.
"""

from __future__ import annotations

from typing import Annotated, Literal, NamedTuple

from pydantic import Field

from services.routing.commands.checks import HANDLERS, own
from shared.case import OPEN_STATES, Case
from shared.commands.attached_files import AttachableFile, FileReferences, attached
from shared.commands.authorization import owes_notice
from shared.commands.command import DESK, Command, DecisionContext, NewEvent, rule
from shared.commands.command_fields import Stated
from shared.deadlines.unread import window_waits
from shared.events import department as e
from shared.events.department import FailedFor, Proof
from shared.kernel.legal_time import before, to_text
from shared.kernel.refusals import Denied, Refused
from shared.kernel.text_normalization import identifier_form
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
WITNESSES = 2
_SERVED = {"reply": ("ReplyDelivered", "AnsweredAtOnce"), "notice": ("NoticeServed",)}
_ISSUED = {"opinion": ("ReviewOpinionIssued", "ReReviewOpinionIssued")}


class ReviewRight(NamedTuple):
    """The statement of the right to a review or re-review: the body and the days, from the policy."""

    body: str
    days: int
    choice: tuple[str, ...] = ()
    """Further bodies of which the petitioner may choose one instead."""


def review_right(book: PolicyBook, decided_by: str, request: str) -> ReviewRight | None:
    """The right that a document of `decided_by` has to state; `request` is the event that uses it. None if the policy names no body
    or no period: such a document cannot state the right, and no period runs against the petitioner."""
    body = book.reviewer_of(decided_by)
    rules = book.document("clocks", Clocks).rules if book.edition("clocks") is not None else ()
    days = next((rule.period.days for rule in rules if rule.window and request in rule.end_events), None)
    if body is None or days is None:
        return None
    return ReviewRight(body, days, book.reviewers_of(decided_by)[1:])


Document = Literal["reply", "opinion", "notice"]
Witnesses = Annotated[
    tuple[Stated, ...], Field(max_length=5, description="For left: the witnesses, at least two; sealed")
]


class Evidence(NamedTuple):
    """What a command gives as the proof of a service."""

    reference: str | None = None
    witnesses: tuple[str, ...] = ()
    files: tuple[object, ...] = ()
    """The attached files, or why they cannot be attached."""

    @property
    def persons(self) -> int:
        """The number of different witnesses: a name that is written in another way is the same person."""
        return len({"".join(identifier_form(one).split()).casefold() for one in self.witnesses})

    @property
    def kept(self) -> bool:
        """True if the proof is a file, or it is said where it is kept."""
        return self.reference is not None or bool(self.files)

    @property
    def photograph(self) -> bool:
        return any(
            isinstance(one, AttachableFile) and one.details.media_type.startswith("image/") for one in self.files
        )


def served(case: Case, given: DecisionContext, mode: Service, document: Document, evidence: Evidence) -> Proof:
    """The proof of a service in this mode, whose day is that of the command.

    Raises:
        Refused: electronic service without a confirmed address; service by post without return slip, or without the date on it; a
            document that was left without two witnesses or a photograph; publication of what is not published, or before
            another way has failed.
    """
    if mode == "left" and evidence.persons < WITNESSES and not evidence.photograph:
        raise Refused(
            "witnesses_needed",
            "A document that is left (留置) is proved by two witnesses or a photograph. Give witnesses, or attach the photograph.",
            detail_zh="留置送达须有两名以上见证人，或者拍照、录像记录送达过程，请填写见证人或者上传照片。",
            field="witnesses",
        )
    if mode == "public":
        _publishable(case, document)
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
            "Service by post is proved by the return slip, not by the posting. Give the date on the slip as"
            " effective_at.",
            detail_zh="邮寄送达以回执上的签收日期为准，寄出不等于送达；请以该日期填写 effective_at。",
            field="effective_at",
        )
    if mode in ("post", "public") and not evidence.kept:
        raise Refused(
            "proof_needed",
            "Service by post or publication is proved by the return slip or the publication: attach it, or say in reference where"
            " it is kept.",
            detail_zh="邮寄、公告送达须有回执或者公告为证，请上传文件，或在 reference 中注明存放处。",
            field="reference",
        )
    return _PROOFS[mode]


def _publishable(case: Case, document: Document) -> None:
    """Raises Refused unless the service of the document may be published: the last resort, and never where the petitioner's name or
    the matter must not be known."""
    never_published(case)
    if not any(one.document == document for one in case.service.failed):
        raise Refused(
            "other_service_first",
            "Publication is the last resort. Record first that another way failed (record_failed_service).",
            detail_zh="公告送达仅在其他方式无法送达时采用，请先登记送达未成功的情况（record_failed_service）。",
            field="mode",
        )


def never_published(case: Case) -> None:
    """Raises Refused for an accusation, and for a filing whose petitioner asked for confidentiality."""
    if case.accusation.sealed or case.filing.class_ == "accusation" or case.filing.confidential:
        raise Refused(
            "never_published",
            "A document about an accusation, or about a filing whose petitioner asked for confidentiality, is"
            " never served by publication.",
            detail_zh="检举控告和信访人请求保密的事项，不得公告送达。",
            field="mode",
        )


class RecordFailedService(Command):
    document: Document = Field(description="The document that was to be served")
    mode: Literal["in_person", "post", "electronic", "left"] = Field("post", description="直接、邮寄、电子、留置送达")
    reason_code: FailedFor = Field(
        description="退信（电子）bounced, 拒收 refused, 无人领取 unclaimed, 地址不详 unknown_address, 联系不上 unreachable"
    )
    reference: Stated | None = Field(None, description="Where the proof of the attempt is kept, sealed")
    files: FileReferences = ()


@rule(
    "record_failed_service",
    service="routing",
    roles=(*HANDLERS, *DESK, "service"),
    states=OPEN_STATES,
    zh="登记送达未成功",
    followers=True,
    receivers=True,
)
def record_failed_service(case: Case, command: RecordFailedService, given: DecisionContext) -> list[NewEvent]:
    """Record that a service did not reach the petitioner. The document is then to be served on paper, and the duty runs on.

    An electronic service that was recorded and bounced counts as never having happened."""
    if given.principal.role not in (*DESK, "service") and given.org not in case.handlers:
        if command.document == "opinion":
            _own_document(case, command.document, given)
        elif not owes_notice(given.org, case):
            own(case, given)
    of: int | None = None
    if command.mode == "electronic":
        of = next((one.version for one in reversed(case.service.unread) if one.document == command.document), None)
        if of is None:
            raise Refused(
                "nothing_bounced",
                "There is no record of an electronic service of this document that the petitioner has not opened.",
                detail_zh="没有该文书的电子送达记录，或者信访人已经查阅，无须登记。",
                field="document",
            )
        if command.document == "reply" and case.state != "replied":
            raise Refused(
                "reply_moved_on",
                "The case has moved on since the reply. Serve the document on paper (serve_on_paper).",
                detail_zh="该件答复后已进入后续程序，请以纸质方式送达（serve_on_paper）。",
                field="document",
            )
    failed = e.ServiceFailed(
        org=given.org or None,
        document=command.document,
        mode=command.mode,
        reason_code=command.reason_code,
        reference=command.reference,
        of=of,
    )
    return [NewEvent(failed), *attached(command.files, party=None)]


class ServeOnPaper(Command):
    document: Literal["reply", "opinion", "notice"] = Field(description="The document that was served")
    mode: Literal["in_person", "post", "left"] = Field("in_person", description="直接、邮寄、留置送达")
    reference: Stated | None = Field(None, description="Where the proof is kept, sealed")
    witnesses: Witnesses = ()
    files: FileReferences = ()
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
            "This document has not been issued yet. Serve a document that was issued in this case.",
            detail_zh="该文书尚未出具，请选择本件已出具的文书。",
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
    evidence = Evidence(command.reference, command.witnesses, command.files)
    proof = served(case, given, command.mode, command.document, evidence)
    stated = command.states_review_right if command.document != "notice" else None
    return [
        NewEvent(
            e.PaperServed(
                org=given.org or None,
                document=command.document,
                mode=command.mode,
                proof=proof,
                reference=command.reference,
                witnesses=command.witnesses,
                states_review_right=stated,
                opens_window=bool(stated) and window_waits(case, given.book, "PaperServed", command.document),
            )
        ),
        *attached(command.files, party=None),
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
