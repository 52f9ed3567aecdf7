"""Commands of supervision: due clocks, follow-up, redo and closing. Pure: (case, command, given) -> events."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import Field

from shared.case import OPEN_STATES, Case
from shared.case.withdrawals import withdrawal_due
from shared.commands.authorization import Role
from shared.commands.command import Command, DecisionContext, NewEvent, rule
from shared.commands.command_fields import FreeText
from shared.commands.petitioners_word import confirmed, third_unit
from shared.deadlines.derivation import deadlines
from shared.deadlines.escalation_ladder import DueRung, rungs_due
from shared.events import supervision as e
from shared.events.base import Event
from shared.events.supervision import ClosureKind
from shared.kernel.identifiers import derived_id
from shared.kernel.legal_time import LegalTime
from shared.kernel.refusals import Denied, Invalid, Refused
from shared.policy.book import PolicyBook

OUTSIDE: tuple[Role, ...] = ("supervisor", "registrar")
_RESULTS: dict[str, tuple[str, ...]] = {
    "explained": ("explained", "adopted", "partly_adopted", "not_adopted", "answered", "accusation_handled"),
    "not_supported": ("not_supported", "refused"),
    "settled": ("settled",),
}
"""Kind of closing -> the outcomes that allow it. An answered suggestion, an answered request for a duty, and an accusation whose
handling ended count as explained (Art. 29, 31(5))."""
_OUTCOME_STATES = {"guided": "guided", "led_into": "led_into", "not_accepted": "not_accepted"}
"""State -> the only kind of closing that fits it."""
_NOTHING_RESOLVED = ("explained", "not_supported", "not_adopted", "refused", "answered", "accusation_handled")
CLOSABLE = ("replied", "reviewed", "concluded", "guided", "led_into", "not_accepted")


def outside(case: Case, given: DecisionContext) -> None:
    """Raises Denied for the handling organisation: it must not supervise its own work."""
    if given.org and given.org in case.handlers:
        raise Denied(
            "handling_unit",
            "The handling organisation may not give this command. Ask a supervisor or the petition office.",
            detail_zh="承办单位不得办理此项，请由督查人员或信访部门办理。",
        )


@rule("tick", service="supervision", roles=("service",), followers=True, zh="时限巡检")
def tick(case: Case, command: Command, given: DecisionContext) -> list[NewEvent]:
    """Record the rungs that are due now, each once. The decision uses the log, never an index."""
    return [
        NewEvent(*_rung(found, given), id=derived_id(case.id, *found.name))
        for found in steps_due(case, given.book, given.now)
    ]


def steps_due(case: Case, book: PolicyBook, now: datetime) -> list[DueRung]:
    """The rungs to be recorded at `now`. Where a withdrawal should have taken effect by now, only the breaches before it."""
    due = rungs_due(case, book, now)
    ended = withdrawal_due(case, book.zone)
    if ended is None or ended.at > now:
        return due
    return [rung for rung in due if rung.kind == "lift" or (rung.kind == "breach" and rung.at < ended.at)]


def _rung(found: DueRung, given: DecisionContext) -> tuple[Event, LegalTime]:
    if found.kind == "breach":
        return e.DeadlineBreached(clock=found.clock, episode=found.episode, org=found.org), found.at
    if found.kind == "lapse":
        return e.ReviewWindowLapsed(clock=found.clock, episode=found.episode), found.at
    if found.kind == "lift":
        assert found.fact is not None
        return e.BreachLifted(clock=found.clock, episode=found.episode, fact=found.fact), given.now
    if found.kind == "urge":
        assert found.org is not None
        return e.Urged(org=found.org, clock=found.clock, episode=found.episode, rung=found.rung), given.now
    if found.kind == "unread":
        assert found.fact is not None
        document: Any = found.rung
        return e.UnreadReminded(document=document, of=found.fact), given.now
    if found.kind == "remind":
        return (
            e.Reminded(clock=found.clock, episode=found.episode, rung=found.rung, org=found.org, passed=found.passed),
            given.now,
        )
    return e.DeadlineAtRisk(clock=found.clock, episode=found.episode, rung=found.rung), given.now


class FollowUp(Command):
    reached: bool = Field(description="True if the petitioner was reached")
    satisfied: bool | None = Field(None, description="True if the petitioner is satisfied")
    text: FreeText | None = Field(None, description="Description, sealed")


@rule(
    "follow_up", service="supervision", roles=OUTSIDE, states=("replied", "closed", "reviewed", "concluded"), zh="回访"
)
def follow_up(case: Case, command: FollowUp, given: DecisionContext) -> list[NewEvent]:
    """Record a follow-up with the petitioner (回访). Only that of a third unit can confirm that the matter is resolved."""
    outside(case, given)
    if not command.reached and command.satisfied is not None:
        raise Invalid(
            "not_reached",
            "A petitioner who was not reached cannot have answered. Leave satisfied out, or set reached.",
            detail_zh="未联系到信访人的，不得填写是否满意。",
            field="satisfied",
        )
    return [
        NewEvent(
            e.FollowUpRecorded(
                reached=command.reached,
                satisfied=command.satisfied,
                independent=third_unit(case, given.book, given.principal.org, given.head(case.matter.lead)),
                text=command.text,
            )
        )
    ]


class OrderRedo(Command):
    ground: Literal["dissatisfied", "not_executed", "incomplete", "review", "other"] = Field(description="Ground")
    text: FreeText | None = Field(None, description="Description, sealed")


@rule("order_redo", service="supervision", roles=OUTSIDE, states=("replied", "closed"), zh="责令重办")
def order_redo(case: Case, command: OrderRedo, given: DecisionContext) -> list[NewEvent]:
    """Order the case to be handled again (重办), with a new clock. The first reply stays in the history."""
    outside(case, given)
    if case.assignment.org is None:
        raise _no_organisation()
    if case.concluded and command.ground != "not_executed":
        raise Refused(
            "concluded",
            "The matter is concluded (Art. 36 ¶3) and is only handled again if the decision was not carried out (ground"
            " not_executed). File new facts or reasons as a new matter.",
            detail_zh="该事项已终结（条例第三十六条第三款），仅可因处理决定未执行（not_executed）责令办理；有新的事实和理由的，可另行提出。",
            field="ground",
        )
    return [NewEvent(e.RedoOrdered(ground=command.ground, text=command.text))]


class OrderAcceptance(Command):
    path: int | None = Field(None, ge=1, le=6, description="Statutory path of a claim (Art. 31); 6 starts the 60 days")
    text: FreeText = Field(description="Why the refusal to accept was wrong, sealed")


@rule("order_acceptance", service="supervision", roles=("supervisor",), states=("not_accepted",), zh="责令受理")
def order_acceptance(case: Case, command: OrderAcceptance, given: DecisionContext) -> list[NewEvent]:
    """Order the organisation to accept a wrongly refused case (Art. 44(2))."""
    outside(case, given)
    if case.assignment.org is None:
        raise _no_organisation()
    if (
        case.state == "not_accepted"
        and case.filing.class_ == "claim"
        and command.path is None
        and case.filing.path is None
    ):
        raise Invalid(
            "path_needed",
            "A claim is accepted on a statutory path (Art. 31). Give path, 1 to 6.",
            detail_zh="受理申诉求决类事项须注明法定途径（1–6）。",
            field="path",
        )
    return [NewEvent(e.AcceptanceOrdered(org=case.assignment.org, path=command.path, text=command.text))]


def _no_organisation() -> Refused:
    return Refused(
        "no_organisation",
        "No organisation is responsible for this case. Dispatch it instead.",
        detail_zh="本件没有承办单位，请派单。",
    )


class Close(Command):
    kind: ClosureKind = Field(description="Kind of closing")
    text: FreeText | None = Field(None, description="Reason in words, sealed; required for closed_unresolved")


@rule("close", service="supervision", roles=OUTSIDE, states=CLOSABLE, zh="办结")
def close(case: Case, command: Close, given: DecisionContext) -> list[NewEvent]:
    """Close the case (办结). The log has to support the kind of closing."""
    outside(case, given)
    if case.state == "closed" and case.closure.kind == command.kind:
        return []
    objection = _objection(case, command)
    if objection is not None:
        raise Refused(objection[0], objection[1], detail_zh=objection[2])
    if command.kind == "closed_unresolved" and command.text is None:
        raise Invalid(
            "reason_needed",
            "Closing a case as unresolved needs a reason in words. Give text.",
            detail_zh="以未解决方式办结的，须写明理由。",
            field="text",
        )
    by_own_hand = case.grade_now("organisation") is not None and case.word("organisation") == "own_hand"
    if command.kind == "resolved_confirmed" and not by_own_hand and case.evaluation.confirmed_by == given.org:
        raise Refused(
            "own_confirmation",
            "Your unit recorded the follow-up that confirms this, so another unit closes the case.",
            detail_zh="确认化解的回访由本单位记录，须由其他单位办结。",
        )
    return [NewEvent(e.CaseClosed(kind=command.kind, text=command.text))]


def _objection(case: Case, command: Close) -> tuple[str, str, str] | None:
    """(code, English, Chinese) of the reason why the case cannot be closed this way; None if it can."""
    kind = command.kind
    if case.state not in CLOSABLE:
        return None  # refused by the states of the rule
    if case.handling.result == "supported" and not case.handling.executed and kind != "closed_unresolved":
        return (
            "not_executed",
            "The supported request was not carried out. Give confirm_execution first (Art. 32).",
            "支持的诉求尚未执行，须先确认执行。",
        )
    if case.assignment.assigned and case.handling.report_required and not case.handling.report_filed:
        return (
            "report_missing",
            "The closing report of this assignment (交办) is missing. Give file_report first.",
            "交办件须先报送办结报告。",
        )
    if any(one.document == "reply" for one in case.service.unread):
        return (
            "not_received",
            "The reply was served electronically and nobody has read it. Serve it on paper first (serve_on_paper).",
            "电子送达的答复尚未被查阅，请先纸质送达。",
        )
    if kind in ("withdrawn", "merged"):
        return (
            "kind_not_by_hand",
            f"The kind {kind} results from withdrawal or linking. Choose another kind.",
            "该办结方式由撤回或并案产生，请选择其他方式。",
        )
    wanted = _OUTCOME_STATES.get(case.state)
    if (wanted or kind) != kind or (wanted is None and kind in _OUTCOME_STATES):
        return (
            "kind_does_not_fit",
            f"A case in state {case.state} cannot be closed as {kind}. Choose another kind.",
            "办结方式与当前状态不符，请选择其他方式。",
        )
    if kind == "resolved_unconfirmed" and case.handling.result in _NOTHING_RESOLVED:
        return (
            "kind_does_not_fit",
            "The decision did not support the request, so nothing is resolved. Choose another kind.",
            "处理意见未支持诉求，不能按已化解办结，请选择其他方式。",
        )
    if case.handling.result not in _RESULTS.get(kind, (case.handling.result,)):
        return (
            "kind_does_not_fit",
            f"The decision was not {kind}. Choose another kind.",
            "办结方式与处理意见的结论不符，请选择其他方式。",
        )
    if kind == "resolved_confirmed" and not confirmed(case):
        return (
            "not_confirmed",
            "resolved_confirmed needs the confirmation of the petitioner: given by their own hand (number and"
            " query code), or to a third unit that may follow up (may_follow_up). A statement that an office"
            " recorded is no confirmation.",
            "须由信访人本人（凭编号和查询码）评价满意，或由第三方回访单位回访确认；代录的评价不作为化解确认。",
        )
    return None


ENDED = ("closed", "concluded", "barred")
"""States of a lead whose matter has an outcome."""


@rule("merge", service="supervision", roles=("service",), states=OPEN_STATES, followers=True, zh="随主件办结")
def merge(case: Case, command: Command, given: DecisionContext) -> list[NewEvent]:
    """Close a follower as merged once its lead has ended and its own petitioner has the written notice of the joining (Art. 23).

    Until then the clock of that notice runs, and lists show it."""
    lead = given.head(case.matter.lead)
    if lead is None or not case.open or lead.state not in ENDED or _notice_owed(case, given):
        return []
    return [NewEvent(e.CaseClosed(kind="merged"))]


def _notice_owed(case: Case, given: DecisionContext) -> bool:
    return any(
        one.running and not one.rule.window and any(trigger.event == "NoticeServed" for trigger in one.rule.end)
        for one in deadlines(case, given.book)
    )
