"""Commands of escalation by hand: urging 催办 and formal supervision 督办. Pure: (case, command, given) -> events."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import Field

from services.supervision.commands.closing import OUTSIDE, outside
from shared.case import Case, Rung
from shared.commands.command import Command, DecisionContext, NewEvent, rule
from shared.commands.command_fields import Code, FreeText
from shared.deadlines.derivation import deadlines
from shared.events import supervision as e
from shared.kernel.legal_time import day_of, end_of_day, to_text
from shared.kernel.refusals import Invalid, Refused
from shared.policy.deadline_rules import Wait
from shared.policy.references import organisation


class Urge(Command):
    text: FreeText | None = Field(None, description="Description, sealed")


@rule("urge", service="supervision", roles=OUTSIDE, zh="催办")
def urge(case: Case, command: Urge, given: DecisionContext) -> list[NewEvent]:
    """Urge the organisation (催办): after a reminder whose period has ended, or once a clock has lapsed.

    It takes effect at any hour; only automatic messages wait for office hours."""
    outside(case, given)
    if case.assignment.org is None or not case.open:
        raise Refused(
            "nobody_to_urge",
            "No organisation handles this case at present, so none can be urged. Dispatch the case first.",
            detail_zh="本件目前没有承办单位，只有正在承办的件可以催办。",
        )
    if case.supervision.stage == "supervised":
        return []
    waits = given.book.escalation
    if case.supervision.stage == "urged":
        until = _until(case, waits.supervise_after, given)
        if waits.supervise_after is None or until is not None:
            return []
    elif not late(case, given):
        if case.supervision.stage == "none":
            raise Refused(
                "remind_first",
                "There was no reminder and no clock has lapsed, so urging is not possible yet. Wait for one of them.",
                detail_zh="尚未提醒，期限也未届满，暂不能催办。",
            )
        until = _until(case, waits.urge_after, given)
        if until is not None:
            raise Refused(
                "reminder_runs",
                f"The organisation was reminded and has until {to_text(until)}. Urge it after that.",
                detail_zh="提醒期限未满，期满后方可催办。",
                until=to_text(until),
            )
    return [NewEvent(e.Urged(org=case.assignment.org, text=command.text))]


class OpenSupervision(Command):
    ground: Literal["delay", "shirking", "perfunctory", "falsification", "refusal_to_execute", "other"] = Field(
        description="拖延, 推诿, 敷衍, 弄虚作假, 拒不执行 are the grounds of Art. 40; other only after urging"
    )
    decider: Code | None = Field(None, description="Code of the deciding organisation, if no urging preceded")
    text: FreeText = Field(description="Findings, sealed")


@rule("open_supervision", service="supervision", roles=("supervisor",), zh="督办")
def open_supervision(case: Case, command: OpenSupervision, given: DecisionContext) -> list[NewEvent]:
    """Open formal supervision (督办): after urging whose period has ended, or directly on a ground of Art. 40 with its decider."""
    outside(case, given)
    if case.assignment.org is None or not case.open:
        raise Refused(
            "nobody_to_supervise",
            "No organisation handles this case at present, so none can be supervised. Dispatch the case first.",
            detail_zh="本件目前没有承办单位，只有正在承办的件可以督办。",
        )
    if case.supervision.stage == "supervised":
        return []
    if command.decider is not None:
        organisation(given.book, command.decider, "decider")
        if command.decider == case.assignment.org:
            raise Invalid(
                "decides_on_itself",
                "The handling organisation cannot decide on its own supervision. Name another decider.",
                detail_zh="承办单位不能决定对自身的督办，请填写其他决定单位。",
                field="decider",
            )
    if command.decider is None or command.ground == "other":
        _follows_urging(case, given)
    return [NewEvent(e.SupervisionOpened(ground=command.ground, decider=command.decider, text=command.text))]


def _follows_urging(case: Case, given: DecisionContext) -> None:
    """Raises Refused unless the organisation was urged and the period of the urging has ended."""
    directly = "Without urging it needs a ground of Art. 40 and decider."
    directly_zh = "直接督办须有《条例》第四十条所列情形并注明决定单位。"
    if case.supervision.stage != "urged":
        raise Refused(
            "urge_first", f"Supervision follows urging. {directly}", detail_zh=f"督办之前须先催办。{directly_zh}"
        )
    until = _until(case, given.book.escalation.supervise_after, given)
    if until is not None:
        raise Refused(
            "urging_runs",
            f"The organisation was urged and has until {to_text(until)}. {directly}",
            detail_zh=f"催办后规定的期限未满。{directly_zh}",
            until=to_text(until),
        )


class CloseSupervision(Command):
    text: FreeText = Field(description="What was corrected, sealed")


@rule(
    "close_supervision",
    service="supervision",
    roles=("supervisor",),
    when=lambda case: case.supervision.stage == "supervised",
    zh="督办结束",
)
def close_supervision(case: Case, command: CloseSupervision, given: DecisionContext) -> list[NewEvent]:
    """Close formal supervision because its ground no longer exists. Delay (拖延) exists while a clock of the organisation is
    lapsed."""
    outside(case, given)
    if case.supervision.stage != "supervised":
        return []
    opened = case.fact("SupervisionOpened")
    if opened is not None and opened.kind == "delay" and case.open and late(case, given):
        raise Refused(
            "still_late",
            "Supervision was opened for delay, and a clock of the organisation is still lapsed. Close it once the duty is met.",
            detail_zh="该督办因拖延立项，承办单位仍有期限处于超期状态，履行后方可结束督办。",
        )
    return [NewEvent(e.SupervisionClosed(text=command.text))]


def late(case: Case, given: DecisionContext) -> bool:
    """True if a clock of the responsible organisation has lapsed and its duty is not fulfilled."""
    return any(
        clock.running and not clock.rule.window and clock.org == case.assignment.org and clock.due < given.now
        for clock in deadlines(case, given.book)
    )


def _until(case: Case, wait: Wait | None, given: DecisionContext) -> datetime | None:
    """The end of the period of the present step; None if it has ended or the policy sets none."""
    if wait is None or case.supervision.since is None:
        return None
    zone = given.book.zone
    last = given.book.calendar.period(day_of(case.supervision.since, zone), wait.days, wait.unit).day
    until = end_of_day(last, zone)
    return until if given.now <= until else None


class VoidRungs(Command):
    rungs: tuple[e.RecordedRung, ...] = Field(
        min_length=1, max_length=200, description="Rungs that a machine with a wrong clock recorded"
    )
    text: FreeText = Field(description="What happened, and who found it, sealed")


@rule(
    "void_rungs",
    service="supervision",
    roles=("supervisor",),
    followers=True,
    zh="撤销误记提醒",
    when=lambda case: bool(case.rungs or case.lifted),
)
def void_rungs(case: Case, command: VoidRungs, given: DecisionContext) -> list[NewEvent]:
    """Void reminders and breaches that a machine with a wrong clock recorded. They stay in the log. Steps that are due by the
    correct time are recorded again immediately, so that no missed deadline disappears."""
    outside(case, given)
    recorded = case.rungs | {Rung(clock, episode, "lift") for clock, episode in case.lifted}
    if any(Rung(one.clock, one.episode, one.rung) not in recorded for one in command.rungs):
        raise Invalid(
            "rung_not_recorded",
            "One of these steps is not recorded in this case, or has already been voided. Name only recorded ones.",
            detail_zh="所列提醒或超期中有本件未记录或已撤销的，请只填写已记录的。",
            field="rungs",
        )
    return [NewEvent(e.RungsVoided(rungs=command.rungs, text=command.text))]
