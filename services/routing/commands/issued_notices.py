"""Notices as documents: who may issue which, what the office states in them, and the record of their issue. Pure.

The number is given on a stream of its own before the case records the issue (notices/number_series.py). Both use `may_issue`: a
number whose case has changed in between is void.
"""

from __future__ import annotations

from typing import Annotated, NamedTuple

from pydantic import Field

from services.routing.commands.checks import HANDLERS
from services.routing.commands.service_of_documents import never_published
from shared.case import Case, Fact
from shared.commands.authorization import Principal
from shared.commands.command import DESK, Command, DecisionContext, NewEvent, rule
from shared.commands.command_fields import FreeText
from shared.deadlines.episodes import DISPATCHES
from shared.events import notices as e
from shared.events.files import FileAttached
from shared.events.notices import DocumentKind, Language, NoticeNumbered
from shared.kernel.refusals import Denied, Invalid, Refused
from shared.policy.book import PolicyBook
from shared.policy.templates import kinds

_STEPS: dict[str, tuple[str, ...]] = {
    "receipt": ("CaseRegistered",),
    "transfer": tuple(sorted(DISPATCHES)),
    "acceptance": ("Accepted", "AcceptanceOrdered"),
    "non_acceptance": ("NotAccepted",),
    "no_longer_accepted": ("ReRegistrationBarred",),
    "joined": ("CaseLinked",),
    "extension": ("ExtensionGranted",),
    "request_for_more": ("PetitionerAsked",),
    "decision": ("DecisionIssued",),
    "guidance": ("StatutoryPathGuided",),
    "led_into": ("LedInto",),
    "duty_performed": ("DutyPerformed",),
    "review_opinion": ("ReviewOpinionIssued",),
    "re_review_opinion": ("ReReviewOpinionIssued",),
    "suggestion_answered": ("SuggestionAnswered",),
    "closing": ("CaseClosed", "CaseWithdrawn"),
    "publication": ("ServiceFailed",),
}
"""Kind of notice -> the step of the case that it tells the petitioner of."""
_PREPARED = "NoticePrepared"
_PREPARED_ONLY = frozenset({"request_for_more"})
"""Kinds for which it is enough that the office prepared their content."""
Questions = Annotated[tuple[FreeText, ...], Field(max_length=20)]


def may_issue(case: Case, kind: str, office: str, book: PolicyBook) -> None:
    """Check that `office` may issue this notice on the case now.

    Raises:
        Denied: `notice_of_another_office`, another organisation issues this kind.
        Refused: `notice_without_step`, the step that it reports has not happened; `notice_issued_already`; `case_voided`.
    """
    if case.state == "voided":
        raise Refused(
            "case_voided",
            "This case was voided: registered by mistake. No document can be issued for it.",
            detail_zh="该件已作废，不能出具文书。",
        )
    if kind == "publication":
        never_published(case)
    if not _issues(case, kind, office, book):
        title = kinds()[kind].title
        raise Denied(
            "notice_of_another_office",
            f"This organisation does not issue this notice ({kind}). It is issued by: {', '.join(kinds()[kind].issuers)}.",
            detail_zh=f"本单位不出具{title['zh']}，请由有权出具的机关、单位办理。",
        )
    step = step_of(case, kind)
    if step is None:
        raise Refused(
            "notice_without_step",
            "The step that this notice reports has not happened, or the notice was not prepared. Take the step"
            " first; for"
            " request_for_more ask the questions (ask_petitioner), or give them with prepare_notice.",
            detail_zh="该文书所告知的事项尚未发生，或者尚未填写内容；补充材料告知请先用 ask_petitioner 提问，"
            "或用 prepare_notice 填写。",
            field="kind",
        )
    prepared = max((fact.version for fact in case.facts if (fact.name, fact.kind) == (_PREPARED, kind)), default=0)
    issued = next((one for one in reversed(case.notices) if one.kind == kind), None)
    if issued is not None and issued.version > max(step.version, prepared):
        raise Refused(
            "notice_issued_already",
            f"This notice was issued under {issued.number}. To issue it again with another content, use prepare_notice first.",
            detail_zh=f"该文书已出具，文号为{issued.number}；内容有变更的，请先用 prepare_notice 填写后重新出具。",
            field="kind",
            document_number=issued.number,
        )


def step_of(case: Case, kind: str) -> Fact | None:
    """The last step of the case that this kind of notice reports; None if it has not happened, or is undone."""
    found = next(
        (
            fact
            for fact in reversed(case.facts)
            if fact.name in _STEPS[kind] or (kind in _PREPARED_ONLY and (fact.name, fact.kind) == (_PREPARED, kind))
        ),
        None,
    )
    if kind == "joined" and case.matter.lead is None and case.fact("MatterAnswered") is None:
        return None
    if kind == "transfer" and case.assignment.org is None:
        return None
    return found


def _issues(case: Case, kind: str, office: str, book: PolicyBook) -> bool:
    if office in case.accusation.accused:
        return False
    is_a = {
        "handler": office in case.handlers,
        "receiver": office == case.filing.received_by and not case.accusation.sealed,
        "office": book.petition_office in (None, office),
        "reviewer": office in (case.review.reviewed_by, case.review.reviewer),
    }
    return any(is_a[name] for name in kinds()[kind].issuers)


class PrepareNotice(Command):
    kind: DocumentKind = Field(description="Kind of the notice")
    request: FreeText | None = Field(None, description="The request, as the notice states it; sealed")
    facts: FreeText | None = Field(None, description="Facts and reasons; sealed")
    opinion: FreeText | None = Field(None, description="The opinion; sealed")
    reason: FreeText | None = Field(None, description="Reasons; sealed")
    remedy: FreeText | None = Field(None, description="What the petitioner can do; sealed")
    address: FreeText | None = Field(None, description="Address of the organ concerned; sealed")
    questions: Questions = Field((), description="For request_for_more: what is asked for; sealed")
    legal_basis: Questions = Field((), description="Legal basis; sealed")
    remarks: FreeText | None = Field(None, description="Remarks at the end; sealed")


@rule(
    "prepare_notice",
    service="routing",
    roles=(*HANDLERS, *DESK),
    zh="填写文书内容",
    followers=True,
    receivers=True,
    when=lambda case: case.state != "voided",
)
def prepare_notice(case: Case, command: PrepareNotice, given: DecisionContext) -> list[NewEvent]:
    """State what a notice says besides the facts of the case; it replaces what was prepared for this kind before. Issuing it is a
    separate act."""
    stated = command.model_dump(exclude={"kind"}, exclude_defaults=True)
    known = kinds()[command.kind].fields
    for name in stated:
        if name not in known:
            raise Invalid(
                "field_of_another_notice",
                f"{name} is not a field of this notice. Leave it out, or choose another kind.",
                detail_zh=f"该类文书没有 {name} 一项，请删除，或选择其他类型。",
                field=name,
            )
    if not stated:
        raise Invalid(
            "nothing_prepared",
            "Give at least one field of the notice.",
            detail_zh="请至少填写文书的一项内容。",
            field="kind",
        )
    if not _issues(case, command.kind, issuing_office(given.principal, given.book), given.book):
        raise Denied(
            "notice_of_another_office",
            f"This organisation does not issue this notice ({command.kind}). It is issued by:"
            f" {', '.join(kinds()[command.kind].issuers)}.",
            detail_zh=f"本单位不出具{kinds()[command.kind].title['zh']}，请由有权出具的机关、单位办理。",
        )
    return [NewEvent(e.NoticePrepared(org=given.org or None, kind=command.kind, **stated))]


def issuing_office(principal: Principal, book: PolicyBook) -> str:
    """The organisation that issues for the principal: its own; for a registrar without a listed one the petition office."""
    own = principal.org or ""
    if principal.role in DESK and book.organisation(own) is None:
        return book.petition_office or own
    return own


HTML, PDF = "text/html", "application/pdf"


class RenderedFile(NamedTuple):
    """A stored form of a notice."""

    media_type: str
    address: str
    key: str
    size: int


class RecordNotice(Command):
    """A rendered notice, as the reaction to its number gives it."""

    kind: DocumentKind
    office: str
    document_number: str
    seq: int
    year: int
    language: Language
    template: str
    files: tuple[RenderedFile, ...]
    """The page, and the PDF where it was rendered."""
    seal: str | None = None


@rule("record_notice", service="routing", roles=("service",), zh="出具文书", followers=True)
def record_notice(case: Case, command: RecordNotice, given: DecisionContext) -> list[NewEvent]:
    """Record on the case that the notice of this number was issued. Refused where the case no longer allows it."""
    may_issue(case, command.kind, command.office, given.book)
    issued = e.NoticeIssued(
        **command.model_dump(exclude={"files"}),
        html=next(one.address for one in command.files if one.media_type == HTML),
        pdf=next((one.address for one in command.files if one.media_type == PDF), None),
    )
    files = [
        FileAttached(
            blob=one.address,
            media_type=one.media_type,
            size=one.size,
            kind="notice",
            party=case.petitioners[0],
            name=f"{command.document_number}.{'pdf' if one.media_type == PDF else 'html'}",
            key=one.key,
        )
        for one in command.files
    ]
    return [*map(NewEvent, files), NewEvent(issued)]


def void_number(event: NoticeNumbered, seq: int, year: int, code: str) -> NewEvent:
    """The record that a number stays assigned and void, because the case refused its notice. No state of a case forbids it."""
    return NewEvent(
        e.NumberVoided(
            kind=event.kind,
            office=event.office,
            document_number=event.document_number,
            seq=seq,
            year=year,
            code=code,
        )
    )
