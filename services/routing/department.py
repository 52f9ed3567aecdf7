"""What the responsible organisation does with a case: from sign-off to the closing report (Art. 23, 31 to 34)."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from services.routing.words import HANDLERS, Basis, Code, FreeText, own, said_otherwise, same_day
from shared.case import Case
from shared.commands import Command, Fresh, Given, rule
from shared.deadlines import deadlines
from shared.events import department as e
from shared.events.department import Mode
from shared.refusals import Invalid, Refused
from shared.times import before


class SignOff(Command):
    """签收."""


@rule("sign_off", service="routing", roles=HANDLERS, states=("dispatched",), zh="签收")
def sign_off(case: Case, command: SignOff, given: Given) -> list[Fresh]:
    org = own(case, given)
    if case.state == "signed":
        return []
    return [Fresh(e.SignedFor(org=org))]


class Accept(Command):
    path: int | None = Field(None, ge=1, le=6, description="Statutory path of a claim (Art. 31); 6 starts the 60 days")


@rule("accept", service="routing", roles=HANDLERS, states=("dispatched", "signed"), zh="受理")
def accept(case: Case, command: Accept, given: Given) -> list[Fresh]:
    org = own(case, given)
    if case.state == "accepted":
        if command.path not in (None, case.path):
            raise said_otherwise("path")
        return []
    if case.class_ == "claim" and command.path is None and case.path is None:
        raise Invalid(
            "path_needed",
            "A claim is accepted on a statutory path (Art. 31): give path 1 to 6.",
            why_zh="受理申诉求决类事项须注明法定途径（1–6）。",
            field="path",
        )
    return [Fresh(e.Accepted(org=org, path=command.path))]


class Decline(Command):
    reason_code: Literal["outside_mandate", "in_progress_elsewhere", "concluded", "no_facts", "other"] = Field(
        description="Ground"
    )
    reason: FreeText = Field(description="Reasons, sealed")
    remedy: FreeText = Field(description="What the petitioner can do about it, sealed")


@rule("not_accept", service="routing", roles=HANDLERS, states=("signed",), zh="不予受理")
def not_accept(case: Case, command: Decline, given: Given) -> list[Fresh]:
    org = own(case, given)
    return [
        Fresh(e.NotAccepted(org=org, reason_code=command.reason_code, reason=command.reason, remedy=command.remedy))
    ]


class RecordStep(Command):
    step: Literal["site_visit", "inquiry", "evidence", "expert", "meeting", "hearing", "mediation", "other"] = Field(
        "other", description="What was done"
    )
    text: FreeText | None = Field(None, description="In words, sealed")


@rule(
    "record_step",
    service="routing",
    roles=HANDLERS,
    states=("accepted", "handling", "redo_ordered"),
    zh="记录办理步骤",
)
def record_step(case: Case, command: RecordStep, given: Given) -> list[Fresh]:
    return [Fresh(e.InvestigationStepRecorded(org=own(case, given), step=command.step, text=command.text))]


class AskExtension(Command):
    days: int = Field(ge=1, le=90, description="Calendar days asked for")
    reason: FreeText = Field(description="Why, sealed")


@rule("ask_extension", service="routing", roles=HANDLERS, states=("accepted", "handling"), zh="申请延期")
def ask_extension(case: Case, command: AskExtension, given: Given) -> list[Fresh]:
    org = own(case, given)
    if case.extension_asked is not None:
        raise Refused(
            "extension_pending",
            "An extension was asked for already and is not decided yet.",
            why_zh="已有一项延期申请待批，批复之后方可再次申请。",
        )
    return [Fresh(e.ExtensionRequested(org=org, days=command.days, reason=command.reason))]


class Decide(Command):
    result: Literal["supported", "explained", "not_supported"] = Field(
        description="予以支持 / 解释说明 / 不予支持 (Art. 32)"
    )
    basis: tuple[Basis, ...] = Field(min_length=1, max_length=20, description="Legal basis: at least one provision")
    text: FreeText = Field(description="Request, facts and reasons, opinion; sealed")


@rule("decide", service="routing", roles=HANDLERS, states=("accepted", "handling", "redo_ordered"), zh="出具处理意见")
def decide(case: Case, command: Decide, given: Given) -> list[Fresh]:
    return [
        Fresh(e.DecisionIssued(org=own(case, given), result=command.result, basis=command.basis, text=command.text))
    ]


class AnswerSuggestion(Command):
    result: Literal["adopted", "partly_adopted", "not_adopted"] = Field(
        description="采纳 / 部分采纳 / 未采纳 (Art. 29)"
    )
    text: FreeText = Field(description="What follows from it, and why; sealed")


@rule(
    "answer_suggestion",
    service="routing",
    roles=HANDLERS,
    states=("accepted", "handling", "redo_ordered"),
    zh="答复建议",
)
def answer_suggestion(case: Case, command: AnswerSuggestion, given: Given) -> list[Fresh]:
    """A suggestion is studied and answered; it is not decided like a claim (Art. 29)."""
    org = own(case, given)
    if case.class_ != "suggestion":
        raise Refused(
            "not_a_suggestion",
            "Only a suggestion is answered this way; decide this case instead.",
            why_zh="只有意见建议类事项以此方式答复，其他事项请出具处理意见。",
        )
    return [Fresh(e.SuggestionAnswered(org=org, result=command.result, text=command.text))]


class Deliver(Command):
    mode: Mode = Field("other", description="How the written reply reached the petitioner")
    text: FreeText | None = Field(None, description="The reply as delivered, if it says more than the decision; sealed")


@rule("deliver_reply", service="routing", roles=HANDLERS, states=("decided",), zh="送达答复")
def deliver_reply(case: Case, command: Deliver, given: Given) -> list[Fresh]:
    org = own(case, given)
    if case.state == "replied":
        if case.replied_at is not None and not same_day(given, case.replied_at):
            raise said_otherwise("effective_at")
        return []
    return [Fresh(e.ReplyDelivered(org=org, mode=command.mode, text=command.text))]


class CorrectReply(Command):
    text: FreeText = Field(description="What is right instead; the first reply stays beside it, sealed")


@rule("correct_reply", service="routing", roles=HANDLERS, states=("replied", "closed"), zh="更正答复")
def correct_reply(case: Case, command: CorrectReply, given: Given) -> list[Fresh]:
    """A reply is never edited: the correction stands beside it."""
    return [Fresh(e.ReplyCorrected(org=own(case, given), text=command.text))]


class ConfirmExecution(Command):
    text: FreeText | None = Field(None, description="What was carried out, sealed")


@rule(
    "confirm_execution",
    service="routing",
    roles=HANDLERS,
    states=("decided", "replied", "reviewed", "concluded"),
    zh="确认执行",
)
def confirm_execution(case: Case, command: ConfirmExecution, given: Given) -> list[Fresh]:
    org = own(case, given)
    if case.executed:
        return []
    if case.result != "supported":
        raise Refused(
            "nothing_to_execute",
            "Only a supported claim is executed (Art. 32).",
            why_zh="只有予以支持的诉求才有执行事项（条例第三十二条）。",
        )
    return [Fresh(e.ExecutionConfirmed(org=org, text=command.text))]


class FileReport(Command):
    text: FreeText = Field(description="The closing report, sealed")


@rule(
    "file_report",
    service="routing",
    roles=HANDLERS,
    states=("decided", "replied", "reviewed", "concluded", "not_accepted", "guided"),
    zh="报送办结报告",
)
def file_report(case: Case, command: FileReport, given: Given) -> list[Fresh]:
    org = own(case, given)
    if case.report_filed:
        return []
    return [Fresh(e.ClosingReportFiled(org=org, text=command.text))]


class GrantExtension(Command):
    days: int = Field(ge=1, le=90, description="Calendar days granted")
    approver: Code = Field(description="Office that approves: the head of the organ")
    reason: FreeText | None = Field(None, description="Why, sealed")


@rule(
    "grant_extension",
    service="routing",
    roles=("organisation", "clerk", "supervisor"),
    states=("accepted", "handling"),
    zh="批准延期",
)
def grant_extension(case: Case, command: GrantExtension, given: Given) -> list[Fresh]:
    """Approved by another than the asker, at most the policy's cap in all (Art. 34)."""
    if given.principal.role != "supervisor":
        own(case, given)
    if case.extension_asked is None:
        raise _nobody_asked()
    if given.principal.role != "supervisor" and given.principal.ref == case.extension_asker:
        raise Refused("own_request", "Who asked for the extension cannot grant it.", why_zh="申请人不得自行批准延期。")
    cap = _extension_cap(given, case)
    if case.extension_days + command.days > cap:
        raise Refused(
            "extension_over_cap",
            f"All extensions together may not exceed {cap} days; {case.extension_days} were granted.",
            why_zh=f"延期合计不得超过{cap}日。",
            field="days",
        )
    return [Fresh(e.ExtensionGranted(days=command.days, approver=command.approver, reason=command.reason))]


class RefuseExtension(Command):
    reason: FreeText = Field(description="Why, sealed")


@rule(
    "refuse_extension",
    service="routing",
    roles=("organisation", "clerk", "supervisor"),
    states=("accepted", "handling"),
    zh="不批准延期",
)
def refuse_extension(case: Case, command: RefuseExtension, given: Given) -> list[Fresh]:
    """Decided by another than the asker, like a grant (Art. 34)."""
    if given.principal.role != "supervisor":
        own(case, given)
    if case.extension_asked is None:
        if case.fact("ExtensionRefused") is not None:
            return []
        raise _nobody_asked()
    if given.principal.role != "supervisor" and given.principal.ref == case.extension_asker:
        raise Refused(
            "own_request", "Who asked for the extension does not decide on it.", why_zh="申请人不得自行决定。"
        )
    return [Fresh(e.ExtensionRefused(reason=command.reason))]


def _nobody_asked() -> Refused:
    return Refused(
        "no_extension_asked",
        "There is no open request for an extension: ask_extension comes first.",
        why_zh="没有待批的延期申请，须先申请延期。",
    )


def _extension_cap(given: Given, case: Case) -> int:
    """Raises Refused where no period runs any more. One that has ended is not prolonged by a date that lies before its end: that
    would wipe a missed deadline out, and only a supervisor may record that it was granted in time."""
    when = given.at if given.principal.role == "supervisor" else given.now
    caps = [
        clock.rule.extension.cap_days
        for clock in deadlines(case, given.book)
        if clock.rule.extension is not None and clock.running and not before(clock.due, when, given.book.zone)
    ]
    if not caps:
        raise Refused(
            "no_clock_to_extend",
            "No clock of this case that can be extended is running and has not ended yet.",
            why_zh="本件没有正在计算且可以延长的期限。",
        )
    return min(caps)
