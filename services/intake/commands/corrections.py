"""Commands that correct a registered fact or void a case. Pure: (case, command, given) -> events."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal, get_args

from pydantic import Field

from services.intake.commands.late_accusations import named, only_of_an_accusation, taken_away
from services.intake.commands.parties import Respondent
from shared.case import MOVES, Case
from shared.case.evolve import changed
from shared.case.opinions import opinion_given
from shared.commands.command import Command, DecisionContext, NewEvent, rule
from shared.commands.command_fields import Code, FreeText
from shared.commands.petitioners_word import apart, concerned
from shared.deadlines.derivation import deadlines
from shared.events import intake as e
from shared.events.fields import Class, Urgency
from shared.events.routing import AssignmentWithdrawn
from shared.kernel.legal_time import LegalTime, before, day_of, given_time, to_text
from shared.kernel.refusals import Denied, Invalid, Refused

_OF_DUTIES = ("effective_at", "class", "path")
"""Fields on which the duties of the handling unit depend: it does not correct them itself."""
_PATHS = ("1", "2", "3", "4", "5", "6")
_NOT_ACCEPTED_YET = ("dispatched", "signed", "return_requested", "returned", "disputed")
_WITH_OPINION = ("decided", "replied", "in_review", "reviewed", "in_re_review", "concluded", "closed")


class Correct(Command):
    field: Literal["effective_at", "place", "subject", "class", "path", "level", "urgency"] = Field(
        description="The wrong field"
    )
    of: int | None = Field(None, ge=1, description="For effective_at: the version with the wrong date")
    new: Code = Field(
        description="The correct value; for effective_at a date or an instant with offset, for path 1 to 6 (Art. 31)"
    )
    reason_code: Literal["typing", "misread", "wrong_source", "wrong_clock", "other"] = Field(
        "other", description="Reason code; wrong_clock: a machine with a wrong clock recorded the step"
    )
    reason: FreeText | None = Field(None, description="Reason in words, sealed")
    respondent: Respondent | None = Field(
        None, description="For class accusation: the respondent, if the text names one"
    )


@rule("correct", service="intake", roles=("registrar", "supervisor"), followers=True, zh="更正")
def correct(case: Case, command: Correct, given: DecisionContext) -> list[NewEvent]:
    """Correct a registered fact. The original event stays in the log, and all deadlines are derived again.

    A petition that turns out to be an accusation is withdrawn from its organisation and sealed (Art. 30), one that turns out to
    be a matter of litigation is withdrawn from an organisation that has not accepted it (Art. 22 ¶2)."""
    if command.field in _OF_DUTIES and (command.field, command.new) != ("class", "accusation"):
        apart(case, given)
    only_of_an_accusation(command.respondent, command.field, command.new)
    about = named(case, command.respondent, given)
    old = _present(case, command, given)
    if old == command.new:
        return [*taken_away(case, about, given), *about] if about else []
    field: Literal["effective_at", "place", "subject", "class_", "path", "level", "urgency"] = (
        "class_" if command.field == "class" else command.field
    )
    _opinion_stands(case, command)
    after = _as_corrected(case, command, given)
    _no_breach_removed(case, after, given, "new")
    if command.field == "effective_at" and _eased(case, after, given):
        raise concerned()
    corrected = e.CaseCorrected(
        field=field,
        of=command.of,
        old=old,
        new=command.new,
        reason_code="other" if command.reason_code == "wrong_clock" else command.reason_code,
        reason=command.reason,
        wrong_clock=command.reason_code == "wrong_clock",
    )
    if (command.field, command.new) != ("class", "accusation"):
        return [*_sent_wrongly(case, command, given), NewEvent(corrected)]
    return [*taken_away(case, about, given), NewEvent(corrected), *about]


def _sent_wrongly(case: Case, command: Correct, given: DecisionContext) -> list[NewEvent]:
    """The withdrawal of a matter of litigation from an organisation that has not accepted it and is no political and legal organ
    (Art. 22 ¶2): it is then routed by its class. An organisation that has accepted it leads it into the procedure, or guides."""
    org = case.assignment.org
    if (command.field, command.new) != ("class", "litigation") or org is None or given.book.takes_litigation(org):
        return []
    if case.state not in _NOT_ACCEPTED_YET:
        return []
    return [NewEvent(AssignmentWithdrawn(org=org, reason_code="wrong_organisation"), given.now)]


def _opinion_stands(case: Case, command: Correct) -> None:
    """Raises Refused for another class or path of a matter on which an opinion was given: it would take the review away from the
    petitioner (Art. 31(6), 35). That it is an accusation is never refused (Art. 30)."""
    if command.field not in ("class", "path") or command.new == "accusation":
        return
    if case.state in _WITH_OPINION and opinion_given(case):
        raise Refused(
            "opinion_given",
            "An opinion was issued for this matter as it is registered, and the petitioner may request its"
            " review. Order a redo, or wait for the review body to decide; then correct the case.",
            detail_zh="该件已按原登记的类别、途径出具处理意见，信访人可据此申请复查；请先责令重办或者由复查机关处理，再作更正。",
            field="field",
        )


def _as_corrected(case: Case, command: Correct, given: DecisionContext) -> Case:
    """The case with the new value, as far as deadlines depend on it, as if the new date were confirmed."""
    if command.field == "class":
        sealed = command.new == "accusation" or case.accusation.suspected is not None
        return changed(case, {"filing": {"class_": command.new}, "accusation": {"sealed": sealed}})
    if command.field == "path":
        return changed(case, {"filing": {"path": int(command.new)}})
    if command.field != "effective_at":
        return changed(case, {"filing": {command.field: command.new}})
    at = given_time(command.new)
    return replace(
        case,
        facts=tuple(
            fact._replace(effective_at=at, dated=given.now, vouched=True) if fact.version == command.of else fact
            for fact in case.facts
        ),
    )


def _no_breach_removed(case: Case, after: Case, given: DecisionContext, field: str | None) -> None:
    """Raises Denied if the change removes a missed deadline and the caller is not a supervisor of the petition office, or of a
    unit above it where the petition office had the duty."""
    office, remaining = given.book.petition_office, _missed(after, given)
    for key, org in _missed(case, given).items():
        if key in remaining:
            continue
        if given.book.may_confirm_date(org, given.principal.org):
            if given.principal.role == "supervisor" and given.org not in case.handlers:
                continue
        elif office is not None and (org is None or org == office or given.book.is_below(org, office)):
            raise Denied(
                "level_above_needed",
                "This change would remove a missed deadline of the petition office. Ask a supervisor of the level above it.",
                detail_zh="此操作会消除信访部门自身的超期记录，须由其上级单位的督查人员办理。",
                field=field,
            )
        raise Denied(
            "supervisor_needed",
            "This change would remove a missed deadline. Ask a supervisor of the petition office outside the handling organisation"
            " to make it.",
            detail_zh="此操作会消除超期记录，须由承办单位以外的督查人员办理。",
            field=field,
        )


def _missed(case: Case, given: DecisionContext) -> dict[tuple[str, int], str | None]:
    """(clock, episode) of every duty that was not fulfilled in time -> the unit that had the duty."""
    return {
        (one.clock, one.episode): one.org
        for one in deadlines(case, given.book)
        if not one.rule.window and (one.missed or (one.running and one.due < given.now))
    }


def _eased(case: Case, after: Case, given: DecisionContext) -> bool:
    """True if the change gives the caller's own unit more time for a duty, or dates what ended one earlier."""
    later = {(one.clock, one.episode): one for one in deadlines(after, given.book)}
    for one in deadlines(case, given.book):
        new = later.get((one.clock, one.episode))
        if new is None or one.rule.window or one.org != given.principal.org:
            continue
        ended, ends = one.end or one.stopped, new.end or new.stopped
        if new.due > one.due:
            return True
        if ended is not None and ends is not None and before(ends.effective_at, ended.effective_at, given.book.zone):
            return True
    return False


def _in_order(case: Case, version: int, new: LegalTime, zone: str) -> bool:
    """True if the step, where it changes the state, keeps its place among the other steps that do."""
    moving = [fact for fact in case.facts if fact.name in MOVES]
    if all(fact.version != version for fact in moving):
        return True
    return not any(
        before(new, fact.effective_at, zone) if fact.version < version else before(fact.effective_at, new, zone)
        for fact in moving
        if fact.version != version
    )


def _present(case: Case, command: Correct, given: DecisionContext) -> str | None:
    """The present value. Raises Invalid or Refused if the new value is not possible."""
    book = given.book
    if command.field == "effective_at":
        fact = next((fact for fact in case.facts if fact.version == command.of), None)
        if fact is None:
            raise Invalid(
                "unknown_version",
                "of names no step of this case. Give the version of a step.",
                detail_zh="of 须为本件某一步骤的版本号。",
                field="of",
            )
        try:
            new = given_time(command.new)
        except ValueError as error:
            raise Invalid(
                "not_a_time",
                "This is not a time. Give a date or an instant with offset.",
                detail_zh="请填写日期，或带时区偏移的时刻。",
                field="new",
            ) from error
        by_wrong_clock = command.reason_code == "wrong_clock" and given.principal.role == "supervisor"
        latest = given.now if by_wrong_clock else min(fact.recorded_at, given.now)
        if day_of(new, book.zone) > day_of(latest, book.zone):
            raise Refused(
                "effective_in_future",
                "The date is later than the recording of the step. Give an earlier date.",
                detail_zh="更正后的日期不能晚于该步骤的登记日期。",
                field="new",
            )
        if not _in_order(case, fact.version, new, book.zone):
            raise Refused(
                "effective_out_of_order",
                "The date is not between those of the preceding and the following step. Correct those first.",
                detail_zh="日期须介于前后步骤之间，请先更正相邻步骤。",
                field="new",
            )
        return to_text(fact.effective_at)
    if command.field == "place":
        if command.new not in book.places:
            raise Invalid(
                "unknown_place",
                "This place is not in the policy of the jurisdiction. Use a code of the policy.",
                detail_zh="该地点不在本辖区的地点目录中，请使用目录中的代码。",
                field="new",
            )
        return case.filing.place
    if command.field == "subject":
        if command.new not in book.subjects:
            raise Invalid(
                "unknown_subject",
                "This subject is not in the policy of the jurisdiction. Use a code of the policy.",
                detail_zh="该内容分类不在本辖区的分类目录中，请使用目录中的代码。",
                field="new",
            )
        return case.filing.subject
    if command.field == "class":
        if command.new not in get_args(Class):
            raise Invalid(
                "unknown_class",
                f"This is not a class. Use one of: {', '.join(get_args(Class))}.",
                detail_zh=f"类别应为以下之一：{'、'.join(get_args(Class))}。",
                field="new",
            )
        return case.filing.class_
    if command.field == "path":
        if command.new not in _PATHS:
            raise Invalid(
                "unknown_path",
                f"This is not a statutory path (Art. 31). Use one of: {', '.join(_PATHS)}.",
                detail_zh="法定途径应为第三十一条第一至六项，请填写1至6。",
                field="new",
            )
        if case.filing.class_ not in (None, "claim"):
            raise Refused(
                "path_of_a_claim",
                "Only a claim has a statutory path (Art. 31). Correct the class first.",
                detail_zh="只有申诉求决类事项有法定途径，请先更正类别。",
                field="field",
            )
        return None if case.filing.path is None else str(case.filing.path)
    if command.field == "urgency":
        if command.new not in get_args(Urgency):
            raise Invalid(
                "unknown_urgency",
                f"This is not an urgency. Use one of: {', '.join(get_args(Urgency))}.",
                detail_zh=f"紧急程度应为以下之一：{'、'.join(get_args(Urgency))}。",
                field="new",
            )
        return case.filing.urgency
    if command.new not in book.levels:
        raise Invalid(
            "unknown_level",
            "No routing rule of the policy names this level. Use a level of the routing table.",
            detail_zh="路由规则中没有这一层级，请使用规则中列出的层级。",
            field="new",
        )
    return case.filing.level


class ConfirmReceiptDate(Command):
    reason: FreeText | None = Field(None, description="What the date rests on, such as the stamp of receipt; sealed")


@rule(
    "confirm_receipt_date",
    service="intake",
    roles=("registrar", "supervisor"),
    followers=True,
    zh="确认收到日期",
    when=lambda case: "received_at" in case.filing.unclear,
)
def confirm_receipt_date(case: Case, command: ConfirmReceiptDate, given: DecisionContext) -> list[NewEvent]:
    """Confirm the stated day of receipt of an old filing. The person who confirms is not the one who filed it.

    A wrong date is corrected instead (`correct`, of version 1). Clocks run from the stated date all the time (Art. 22, 44)."""
    if "received_at" not in case.filing.unclear:
        return []
    if given.principal.is_same_person(case.filing.filer, case.filing.filer_person):
        raise Denied(
            "second_person_needed",
            "The person who registered the filing cannot confirm its date. Ask another registrar or a supervisor.",
            detail_zh="登记人不得自行确认收到日期，请由另一名登记人员或督查人员确认。",
        )
    return [NewEvent(e.ReceiptDateConfirmed(reason=command.reason))]


class Void(Command):
    reason_code: Literal["test", "registered_twice", "wrong_content", "other"] = Field(description="Reason code")
    reason: FreeText | None = Field(None, description="Reason in words, sealed")


@rule("void", service="intake", roles=("registrar", "supervisor"), followers=True, zh="作废")
def void(case: Case, command: Void, given: DecisionContext) -> list[NewEvent]:
    """Void a case that was registered by mistake. Its number stays assigned, and it is in no figure.

    A case with a missed deadline is voided by a supervisor only, outside the unit that had the duty."""
    apart(case, given)
    if case.state == "voided":
        return []
    if case.handling.replied_at is not None:
        raise Refused(
            "already_answered",
            "The case was answered, so it cannot be voided. Close it instead.",
            detail_zh="已答复的件不能作废，请按程序办结。",
        )
    _no_breach_removed(case, replace(case, state="voided"), given, None)
    return [NewEvent(e.CaseVoided(reason_code=command.reason_code, reason=command.reason))]
