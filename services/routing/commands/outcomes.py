"""Which outcome a matter has: by its class, and a claim by its statutory path (Art. 29 to 31). Six paths have six outcomes.

Only path 6 ends in an opinion (处理意见书) with a review. The table is the only place that says so; the commands of the outcomes
and the list of commands that are offered now use it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from pydantic import Field

from services.routing.commands.checks import HANDLERS, IN_WORK, Basis, not_dated_back, own
from shared.case import Case
from shared.commands.attached_files import FileReferences, attached
from shared.commands.command import C, Command, Decide, DecisionContext, NewEvent, rule
from shared.commands.command_fields import FreeText, Stated, StatedText
from shared.events import department as e
from shared.events.fields import Moment
from shared.kernel.legal_time import day_of
from shared.kernel.refusals import Invalid, Refused

_PROCEDURE = ("lead_into", "guide")
_OF_CLAIMS: dict[int, tuple[str, ...]] = {
    1: _PROCEDURE,
    2: _PROCEDURE,
    3: _PROCEDURE,
    4: _PROCEDURE,
    5: ("perform_duty",),
    6: ("decide",),
}
_OF_CLASSES: dict[str, tuple[str, ...]] = {
    "suggestion": ("answer_suggestion",),
    "consultation": ("answer_consultation",),
    "accusation": ("finish_accusation",),
    "litigation": _PROCEDURE,
}
_NAMES: dict[str, tuple[str, str]] = {
    "decide": ("a decision (处理意见书)", "出具处理意见"),
    "lead_into": ("opening the statutory procedure (lead_into)", "导入法定程序"),
    "guide": ("guidance to the organ of the procedure (guide)", "引导法定途径"),
    "perform_duty": ("a duty performed, refused or answered (perform_duty)", "履行职责"),
    "answer_suggestion": ("the answer to a suggestion (answer_suggestion)", "答复建议"),
    "answer_consultation": ("the answer to a consultation (answer_consultation)", "答复咨询"),
    "finish_accusation": ("the end of handling an accusation (finish_accusation)", "检举控告办结"),
}
"""Command -> what it gives, in English and Chinese."""


def outcomes_of(case: Case) -> tuple[str, ...]:
    """The commands that end the handling of this case: by class and path. A claim whose path is not known (imported history) is
    decided."""
    class_ = case.filing.class_ or "claim"
    return _OF_CLASSES.get(class_) or _OF_CLAIMS.get(case.filing.path or 6, ())


def ends_in(command: str) -> Callable[[Case], bool]:
    """True for a case for which this is the outcome."""
    return lambda case: command in outcomes_of(case)


def outcome(name: str, zh: str) -> Callable[[Decide[C]], Decide[C]]:
    """The `rule` of a command that ends the handling: offered to the handling unit where the law gives the matter this outcome."""
    return rule(name, service="routing", roles=HANDLERS, states=IN_WORK, zh=zh, when=ends_in(name))


def check_outcome(case: Case, command: str) -> None:
    """Raises Refused `other_outcome` where the law gives this matter another outcome; the refusal names the right ones."""
    right = outcomes_of(case)
    if command in right:
        return
    class_ = case.filing.class_ or "claim"
    about = f"A claim on path {case.filing.path or 6} (Art. 31)" if class_ == "claim" else f"A case of class {class_}"
    about_zh = f"第三十一条第{'一二三四五六'[(case.filing.path or 6) - 1]}项事项" if class_ == "claim" else "该类事项"
    raise Refused(
        "other_outcome",
        f"{about} does not end in {_NAMES[command][0]}, but in {' or '.join(_NAMES[name][0] for name in right)}.",
        detail_zh=f"{about_zh}不以“{_NAMES[command][1]}”办结，应当{'或者'.join(_NAMES[name][1] for name in right)}。",
        outcomes=list(right),
    )


class LeadInto(Command):
    path: int = Field(ge=1, le=6, description="Statutory path of the procedure, 1 to 4 (Art. 31)")
    procedure: Stated = Field(description="The procedure that was opened, such as 行政裁决; sealed")
    reference: Stated = Field(description="Number of the procedure, sealed")
    opened_on: Moment = Field(description="Date on which it was opened")
    reason: StatedText = Field(description="Reasons for this path, sealed; the petitioner reads them")


def may_leave(command: str) -> Callable[[Case], bool]:
    """True for a case that may leave for another procedure: not one whose class, or whose path as accepted, has another outcome."""

    def may(case: Case) -> bool:
        path, state = case.filing.path, case.state
        other = (
            case.filing.class_ not in (None, "claim", "litigation")
            or (path == 5 and case.handling.accepted_at is not None)
            or (path == 6 and state in ("handling", "redo_ordered"))
        )
        return not other or command in outcomes_of(case)

    return may


def leave_for_procedure(case: Case, path: int, command: str) -> None:
    """Check that the matter may leave for the procedure of this path.

    Raises:
        Refused: `other_outcome`, the class or the accepted path has another outcome, or `path` has no procedure elsewhere.
    """
    if path not in (1, 2, 3, 4):
        raise Refused(
            "no_procedure_on_this_path",
            "Only paths 1 to 4 lead to another procedure (Art. 31). A duty (path 5) is performed, refused or answered"
            " (perform_duty); a matter of path 6 is decided (decide).",
            detail_zh="只有第一至四项事项导入或者引导至其他法定程序；第五项应当依法履行或者答复，第六项应当出具处理意见。",
            field="path",
        )
    if not may_leave(command)(case):
        check_outcome(case, command)


@rule(
    "lead_into",
    service="routing",
    roles=HANDLERS,
    states=("signed", *IN_WORK),
    zh="导入法定程序",
    when=may_leave("lead_into"),
)
def lead_into(case: Case, command: LeadInto, given: DecisionContext) -> list[NewEvent]:
    """Open the statutory procedure that the organisation has itself, with its number and date (导入; Art. 31(1) to (4))."""
    org = own(case, given)
    if case.state == "led_into":
        return []
    leave_for_procedure(case, command.path, "lead_into")
    if day_of(given.at, given.book.zone) < day_of(command.opened_on, given.book.zone):
        raise Refused(
            "opened_later",
            "The procedure was opened after this step. Record the step on or after the date of the procedure.",
            detail_zh="程序启动日期晚于本步骤日期，请在程序启动之后登记。",
            field="opened_on",
        )
    not_dated_back(case, given, "LedInto")
    return [
        NewEvent(
            e.LedInto(
                org=org,
                path=command.path,
                opened_on=command.opened_on,
                procedure=command.procedure,
                reference=command.reference,
                reason=command.reason,
            )
        )
    ]


class PerformDuty(Command):
    result: Literal["performed", "refused", "answered"] = Field(description="履行 / 不予履行 / 答复 (Art. 31(5))")
    basis: tuple[Basis, ...] = Field((), max_length=20, description="Legal basis; required for refused")
    text: FreeText = Field(description="What was done, or the reasons; sealed")
    files: FileReferences = ()


@outcome("perform_duty", zh="履行职责")
def perform_duty(case: Case, command: PerformDuty, given: DecisionContext) -> list[NewEvent]:
    """Perform the duty that the petition asks for, refuse it with reasons, or answer (Art. 31(5)). There is no opinion."""
    org = own(case, given)
    check_outcome(case, "perform_duty")
    if command.result == "refused" and not command.basis:
        raise Invalid(
            "basis_needed",
            "A refusal to perform a duty names its legal basis. Give basis.",
            detail_zh="不予履行的，须写明法律依据。",
            field="basis",
        )
    done = e.DutyPerformed(org=org, result=command.result, basis=command.basis, text=command.text)
    return [NewEvent(done), *attached(command.files, party=None)]


class AnswerConsultation(Command):
    text: FreeText = Field(description="The answer, sealed")
    files: FileReferences = ()


@outcome("answer_consultation", zh="答复咨询")
def answer_consultation(case: Case, command: AnswerConsultation, given: DecisionContext) -> list[NewEvent]:
    """Answer a consultation that was sent to the organisation."""
    org = own(case, given)
    check_outcome(case, "answer_consultation")
    return [NewEvent(e.ConsultationAnswered(org=org, text=command.text)), *attached(command.files, party=None)]


class FinishAccusation(Command):
    text: FreeText = Field(description="The result for the accuser, sealed: only the accuser and this organ read it")


@outcome("finish_accusation", zh="检举控告办结")
def finish_accusation(case: Case, command: FinishAccusation, given: DecisionContext) -> list[NewEvent]:
    """End the handling of an accusation. A real-name accuser is informed of the result within 15 working days (deliver_reply)."""
    org = own(case, given)
    check_outcome(case, "finish_accusation")
    return [NewEvent(e.AccusationHandled(org=org, text=command.text))]
