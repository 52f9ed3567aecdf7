"""Clocks that fire, follow-up, redo and closing. Pure: (case, command, given) -> events."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from shared.access import Role
from shared.case import OPEN_STATES, Case
from shared.commands import Command, FreeText, Fresh, Given, rule
from shared.deadlines import DueRung, deadlines, rungs_due
from shared.events import supervision as e
from shared.events.base import Event
from shared.events.supervision import ClosureKind
from shared.names import derived_id
from shared.refusals import Denied, Invalid, Refused
from shared.times import When

OUTSIDE: tuple[Role, ...] = ("supervisor", "registrar")
_RESULTS: dict[str, tuple[str, ...]] = {
    "explained": ("explained", "adopted", "partly_adopted", "not_adopted"),
    "not_supported": ("not_supported",),
    "settled": ("settled",),
}
"""Closure kind -> the decisions that it may follow. A suggestion that was answered is explained (Art. 29)."""
CLOSABLE = ("replied", "reviewed", "concluded", "guided", "not_accepted")


def outside(case: Case, given: Given) -> None:
    """Never the handling unit itself: it does not follow up its own work."""
    if given.org and given.org in case.handlers:
        raise Denied(
            "handling_unit",
            "This is done by somebody outside the handling unit: a supervisor or the petition office.",
            why_zh="该操作须由承办单位以外的人员进行。",
        )


@rule("tick", service="supervision", roles=("service",), followers=True, zh="时限巡检")
def tick(case: Case, command: Command, given: Given) -> list[Fresh]:
    """Record the rungs that are due now; each once, decided on the log and never on an index."""
    return [
        Fresh(*_rung(found, given), id=derived_id(case.id, *found.name))
        for found in rungs_due(case, given.book, given.now)
    ]


def _rung(found: DueRung, given: Given) -> tuple[Event, When]:
    if found.kind == "breach":
        return e.DeadlineBreached(clock=found.clock, episode=found.episode, org=found.org), found.at
    if found.kind == "lift":
        assert found.fact is not None
        return e.BreachLifted(clock=found.clock, episode=found.episode, fact=found.fact), given.now
    if found.kind == "urge":
        assert found.org is not None
        return e.Urged(org=found.org, clock=found.clock, episode=found.episode, rung=found.rung), given.now
    if found.kind == "remind":
        return (
            e.Reminded(clock=found.clock, episode=found.episode, rung=found.rung, org=found.org, passed=found.passed),
            given.now,
        )
    return e.DeadlineAtRisk(clock=found.clock, episode=found.episode, rung=found.rung), given.now


class FollowUp(Command):
    reached: bool = Field(description="Was the petitioner reached?")
    satisfied: bool | None = Field(None, description="What the petitioner said")
    text: FreeText | None = Field(None, description="In words, sealed")


@rule(
    "follow_up", service="supervision", roles=OUTSIDE, states=("replied", "closed", "reviewed", "concluded"), zh="回访"
)
def follow_up(case: Case, command: FollowUp, given: Given) -> list[Fresh]:
    outside(case, given)
    if not command.reached and command.satisfied is not None:
        raise Invalid(
            "not_reached",
            "Who was not reached said nothing: leave satisfied out, or say that they were reached.",
            why_zh="未联系到信访人的，不填写满意与否。",
            field="satisfied",
        )
    return [Fresh(e.FollowUpRecorded(reached=command.reached, satisfied=command.satisfied, text=command.text))]


class OrderRedo(Command):
    ground: Literal["dissatisfied", "not_executed", "incomplete", "review", "other"] = Field(description="Why")
    text: FreeText | None = Field(None, description="In words, sealed")


@rule("order_redo", service="supervision", roles=OUTSIDE, states=("replied", "closed"), zh="责令重办")
def order_redo(case: Case, command: OrderRedo, given: Given) -> list[Fresh]:
    """Handling begins again with its own clock; the first reply stays."""
    outside(case, given)
    if case.org is None:
        raise Refused(
            "no_organisation", "Nobody handled this case; dispatch it instead.", why_zh="本件没有承办单位，请派单。"
        )
    if case.concluded and command.ground != "not_executed":
        raise Refused(
            "concluded",
            "The matter is concluded (Art. 36 ¶3): it is handled again only where what was decided is not carried out"
            " (ground not_executed). New facts or reasons are a new matter.",
            why_zh="该事项已终结（条例第三十六条第三款），仅可因处理决定未执行（not_executed）责令办理；有新的事实和理由的，可另行提出。",
            field="ground",
        )
    return [Fresh(e.RedoOrdered(ground=command.ground, text=command.text))]


class OrderAcceptance(Command):
    path: int | None = Field(None, ge=1, le=6, description="Statutory path of a claim (Art. 31); 6 starts the 60 days")
    text: FreeText = Field(description="Why the refusal was wrong, sealed")


@rule("order_acceptance", service="supervision", roles=("supervisor",), states=("not_accepted",), zh="责令受理")
def order_acceptance(case: Case, command: OrderAcceptance, given: Given) -> list[Fresh]:
    outside(case, given)
    if case.org is None:
        raise Refused(
            "no_organisation", "Nobody handles this case; dispatch it instead.", why_zh="本件没有承办单位，请派单。"
        )
    if case.state == "not_accepted" and case.class_ == "claim" and command.path is None and case.path is None:
        raise Invalid(
            "path_needed",
            "A claim is accepted on a statutory path (Art. 31): give path 1 to 6.",
            why_zh="受理申诉求决类事项须注明法定途径（1–6）。",
            field="path",
        )
    return [Fresh(e.AcceptanceOrdered(org=case.org, path=command.path, text=command.text))]


class Close(Command):
    kind: ClosureKind = Field(description="How the matter ended")
    text: FreeText | None = Field(None, description="In words, sealed; needed for closed_unresolved")


@rule("close", service="supervision", roles=OUTSIDE, states=CLOSABLE, zh="办结")
def close(case: Case, command: Close, given: Given) -> list[Fresh]:
    """办结 with its kind; only when what the kind claims is in the log."""
    outside(case, given)
    if case.state == "closed" and case.closure == command.kind:
        return []
    why = _objection(case, command)
    if why is not None:
        code, english, chinese = why
        raise Refused(code, english, why_zh=chinese)
    if command.kind == "closed_unresolved" and command.text is None:
        raise Invalid(
            "reason_needed",
            "A case that is closed unresolved needs the reason in words.",
            why_zh="以未解决方式办结的，须写明理由。",
            field="text",
        )
    return [Fresh(e.CaseClosed(kind=command.kind, text=command.text))]


def _objection(case: Case, command: Close) -> tuple[str, str, str] | None:
    """Why the case cannot be closed this way; None when it can."""
    kind = command.kind
    if case.state not in CLOSABLE:
        return None  # the rule's own states refuse it
    if case.result == "supported" and not case.executed and kind != "closed_unresolved":
        return (
            "not_executed",
            "What was supported has not been carried out: confirm_execution comes first (Art. 32).",
            "支持的诉求尚未执行，须先确认执行。",
        )
    if case.assigned and case.report_required and not case.report_filed:
        return (
            "report_missing",
            "An assignment (交办) is closed after its closing report.",
            "交办件须先报送办结报告。",
        )
    if kind in ("withdrawn", "merged"):
        return (
            "kind_not_by_hand",
            f"{kind} is recorded by withdrawal or linking, not by closing.",
            "该办结方式由撤回或并案产生。",
        )
    wanted = {"guided": "guided", "not_accepted": "not_accepted"}.get(case.state)
    if (wanted or kind) != kind or (wanted is None and kind in ("guided", "not_accepted")):
        return (
            "kind_does_not_fit",
            f"A case that is {case.state} is not closed as {kind}.",
            "办结方式与当前状态不符。",
        )
    if kind == "resolved_unconfirmed" and case.result in ("explained", "not_supported", "not_adopted"):
        return (
            "kind_does_not_fit",
            "The decision gave the petitioner nothing that is resolved now.",
            "处理结论并未解决诉求。",
        )
    if case.result not in _RESULTS.get(kind, (case.result,)):
        return ("kind_does_not_fit", f"The decision was not {kind}.", "办结方式与处理结论不符。")
    if kind == "resolved_confirmed" and not _confirmed(case):
        return (
            "not_confirmed",
            "resolved_confirmed needs the petitioner's own word: an evaluation or a follow-up that says so.",
            "须有信访人的满意评价或回访确认。",
        )
    return None


ENDED = ("closed", "concluded", "barred")
"""States of a lead in which its matter has an outcome."""


@rule("merge", service="supervision", roles=("service",), states=OPEN_STATES, followers=True, zh="随主件办结")
def merge(case: Case, command: Command, given: Given) -> list[Fresh]:
    """A follower ends as merged once its lead has ended, but not before its own petitioner was told in writing that it was
    joined (Art. 23): until then that clock runs, and lists show it."""
    lead = given.head(case.lead)
    if lead is None or not case.open or lead.state not in ENDED or _notice_owed(case, given):
        return []
    return [Fresh(e.CaseClosed(kind="merged"))]


def _notice_owed(case: Case, given: Given) -> bool:
    return any(
        one.running and not one.rule.window and any(trigger.event == "NoticeServed" for trigger in one.rule.end)
        for one in deadlines(case, given.book)
    )


def _confirmed(case: Case) -> bool:
    return case.grade_now("organisation") in ("satisfied", "basically_satisfied") or case.follow_up_satisfied is True
