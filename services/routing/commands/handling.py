"""Commands of the responsible organisation, from sign-off to the closing report (Art. 23, 31 to 34)."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from services.routing.commands.checks import HANDLERS, IN_WORK, Basis, own, recorded_otherwise, same_day
from services.routing.commands.outcomes import check_outcome, outcome
from services.routing.commands.service_of_documents import Evidence, Service, Witnesses, review_right, served
from shared.case import Case
from shared.commands.attached_files import FileReferences, attached
from shared.commands.command import Command, DecisionContext, NewEvent, rule
from shared.commands.command_fields import FreeText, Stated, StatedText
from shared.events import department as e
from shared.events.fields import Moment
from shared.kernel.legal_time import before
from shared.kernel.refusals import Invalid, Refused


class SignOff(Command):
    """Sign for the case (签收)."""


@rule("sign_off", service="routing", roles=HANDLERS, states=("dispatched",), zh="签收")
def sign_off(case: Case, command: SignOff, given: DecisionContext) -> list[NewEvent]:
    """Sign for the case (签收). This ends no clock."""
    org = own(case, given)
    return [] if case.state == "signed" else [NewEvent(e.SignedFor(org=org))]


class Accept(Command):
    path: int | None = Field(None, ge=1, le=6, description="Statutory path of a claim (Art. 31); 6 starts the 60 days")


@rule("accept", service="routing", roles=HANDLERS, states=("dispatched", "signed"), zh="受理")
def accept(case: Case, command: Accept, given: DecisionContext) -> list[NewEvent]:
    """Accept the case (受理), a claim on its statutory path (Art. 31)."""
    org = own(case, given)
    if case.state == "accepted":
        if command.path not in (None, case.filing.path):
            raise recorded_otherwise("path")
        return []
    if case.filing.class_ == "claim" and command.path is None and case.filing.path is None:
        raise Invalid(
            "path_needed",
            "A claim is accepted on a statutory path (Art. 31). Give path, 1 to 6.",
            detail_zh="受理申诉求决类事项须注明法定途径（1–6）。",
            field="path",
        )
    return [NewEvent(e.Accepted(org=org, path=command.path))]


class Decline(Command):
    reason_code: Literal["outside_mandate", "in_progress_elsewhere", "concluded", "no_facts", "other"] = Field(
        description="Ground"
    )
    reason: StatedText = Field(description="Reasons, sealed")
    remedy: StatedText = Field(description="Remedy of the petitioner, sealed")


@rule("not_accept", service="routing", roles=HANDLERS, states=("signed",), zh="不予受理")
def not_accept(case: Case, command: Decline, given: DecisionContext) -> list[NewEvent]:
    """Refuse to accept the case (不予受理), with the ground and the remedy."""
    org = own(case, given)
    return [
        NewEvent(e.NotAccepted(org=org, reason_code=command.reason_code, reason=command.reason, remedy=command.remedy))
    ]


class RecordStep(Command):
    step: Literal["site_visit", "inquiry", "evidence", "expert", "meeting", "hearing", "mediation", "other"] = Field(
        "other", description="Kind of step"
    )
    text: FreeText | None = Field(None, description="Description, sealed")


@rule("record_step", service="routing", roles=HANDLERS, states=IN_WORK, zh="记录办理步骤")
def record_step(case: Case, command: RecordStep, given: DecisionContext) -> list[NewEvent]:
    """Record a step of the investigation. The first one moves an accepted case to handling."""
    return [NewEvent(e.InvestigationStepRecorded(org=own(case, given), step=command.step, text=command.text))]


class Decide(Command):
    result: Literal["supported", "explained", "not_supported"] = Field(
        description="予以支持 / 解释说明 / 不予支持 (Art. 32)"
    )
    execute_by: Moment | None = Field(
        None, description="For supported: the date by which it will be carried out; without one the policy's days count"
    )
    basis: tuple[Basis, ...] = Field(min_length=1, max_length=20, description="Legal basis: at least one provision")
    text: FreeText = Field(description="The opinion, or the whole text with request, facts and reasons; sealed")
    request: FreeText | None = Field(None, description="The request, as the decision states it; sealed")
    facts: FreeText | None = Field(None, description="Facts and reasons; sealed")
    states_review_right: bool = Field(
        True,
        description="The document states the right to a review, the body and the days, as the policy has them (Art. 35)",
    )
    files: FileReferences = ()


@outcome("decide", zh="出具处理意见")
def decide(case: Case, command: Decide, given: DecisionContext) -> list[NewEvent]:
    """Issue the decision (信访处理意见书; Art. 32). Only a claim on path 6 has one (Art. 31(6)).

    The right to a review, the body and the days are rendered from the policy."""
    org, by = own(case, given), command.execute_by
    check_outcome(case, "decide")
    if by is not None and (command.result != "supported" or before(by, given.at, given.book.zone)):
        raise Invalid(
            "wrong_execution_date",
            "execute_by is a date on or after the decision, and only a supported request has one. Correct it or leave it out.",
            detail_zh="执行期限（execute_by）仅适用于予以支持的事项，且不得早于出具意见的日期。",
            field="execute_by",
        )
    right = review_right(given.book, org, "ReviewRequested")
    stated = command.states_review_right and right is not None
    return [
        NewEvent(
            e.DecisionIssued(
                org=org,
                result=command.result,
                execute_by=by,
                basis=command.basis,
                text=command.text,
                request=command.request,
                facts=command.facts,
                states_review_right=stated,
                review_body=right.body if stated and right is not None else None,
                review_days=right.days if stated and right is not None else None,
                review_choice=right.choice if stated and right is not None else (),
            )
        ),
        *attached(command.files, party=None),
    ]


class AnswerSuggestion(Command):
    result: Literal["adopted", "partly_adopted", "not_adopted"] = Field(
        description="采纳 / 部分采纳 / 未采纳 (Art. 29)"
    )
    text: FreeText = Field(description="The consequences, with reasons; sealed")


@outcome("answer_suggestion", zh="答复建议")
def answer_suggestion(case: Case, command: AnswerSuggestion, given: DecisionContext) -> list[NewEvent]:
    """Answer a suggestion. It is studied and answered, not decided like a claim (Art. 29)."""
    org = own(case, given)
    check_outcome(case, "answer_suggestion")
    return [NewEvent(e.SuggestionAnswered(org=org, result=command.result, text=command.text))]


class Deliver(Command):
    mode: Service = Field(
        "in_person",
        description="Mode of service 直接, 邮寄, 电子, 留置, 公告; effective_at is the day that the proof shows: the signature, the"
        " postal return slip, the arrival at the confirmed electronic address",
    )
    text: FreeText | None = Field(
        None, description="The delivered reply, if it contains more than the decision; sealed"
    )
    reference: Stated | None = Field(None, description="Where the proof is kept, sealed")
    witnesses: Witnesses = ()
    files: FileReferences = ()
    states_review_right: bool | None = Field(
        None,
        description="For a decision: the reply states the right to a review, the body and the days. Default: as the decision",
    )


@rule("deliver_reply", service="routing", roles=HANDLERS, states=("decided",), zh="送达答复")
def deliver_reply(case: Case, command: Deliver, given: DecisionContext) -> list[NewEvent]:
    """Record the service of the written reply (送达) on the day that its proof shows. The duty to reply ends then.

    The 30 days for a review request start when the petitioner has received it (Art. 35): with signature, return slip or witnesses
    on the same day, otherwise when the petitioner reads it, or with serve_on_paper."""
    org = own(case, given)
    if case.state == "replied":
        if case.handling.replied_at is not None and not same_day(given, case.handling.replied_at):
            raise recorded_otherwise("effective_at")
        return []
    evidence = Evidence(command.reference, command.witnesses, command.files)
    proof = served(case, given, command.mode, "reply", evidence)
    stated = case.handling.right_stated
    if stated is not None and command.states_review_right is not None:
        stated = stated and command.states_review_right
    return [
        NewEvent(
            e.ReplyDelivered(
                org=org,
                mode=command.mode,
                text=command.text,
                proof=proof,
                reference=command.reference,
                witnesses=command.witnesses,
                states_review_right=stated,
                without_text=True if command.text is None and (command.reference or command.witnesses) else None,
            )
        ),
        *attached(command.files, party=None),
    ]


class CorrectReply(Command):
    text: FreeText = Field(description="The correction, sealed; the first reply is kept")


@rule("correct_reply", service="routing", roles=HANDLERS, states=("replied", "closed"), zh="更正答复")
def correct_reply(case: Case, command: CorrectReply, given: DecisionContext) -> list[NewEvent]:
    """Correct a reply. The reply is never edited: the correction is recorded in addition to it."""
    return [NewEvent(e.ReplyCorrected(org=own(case, given), text=command.text))]


class ConfirmExecution(Command):
    text: FreeText | None = Field(None, description="What was carried out, sealed")


@rule(
    "confirm_execution",
    service="routing",
    roles=HANDLERS,
    states=("decided", "replied", "reviewed", "concluded"),
    zh="确认执行",
)
def confirm_execution(case: Case, command: ConfirmExecution, given: DecisionContext) -> list[NewEvent]:
    """Confirm that the supported request was carried out (Art. 32)."""
    org = own(case, given)
    if case.handling.executed:
        return []
    if case.handling.result != "supported":
        raise Refused(
            "nothing_to_execute",
            "Only a supported claim is executed (Art. 32), and this one was not supported. Leave the confirmation out.",
            detail_zh="只有予以支持的诉求才有执行事项（条例第三十二条），本件无须确认执行。",
        )
    return [NewEvent(e.ExecutionConfirmed(org=org, text=command.text))]


class FileReport(Command):
    text: FreeText = Field(description="The closing report, sealed")


@rule(
    "file_report",
    service="routing",
    roles=HANDLERS,
    states=("decided", "replied", "reviewed", "concluded", "not_accepted", "guided", "led_into"),
    zh="报送办结报告",
)
def file_report(case: Case, command: FileReport, given: DecisionContext) -> list[NewEvent]:
    """File the closing report that an assignment requires (办结报告; Art. 22)."""
    org = own(case, given)
    return [] if case.handling.report_filed else [NewEvent(e.ClosingReportFiled(org=org, text=command.text))]
