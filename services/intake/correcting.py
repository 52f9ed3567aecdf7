"""Mistakes of registration: a registered fact is corrected beside the original, a case registered by mistake is void."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Literal, get_args

from pydantic import Field

from services.intake.parties import Respondent
from services.intake.unmasking import named, only_of_an_accusation, taken_away
from shared.case import MOVES, Case
from shared.commands import Code, Command, FreeText, Fresh, Given, rule
from shared.deadlines import deadlines
from shared.events import intake as e
from shared.events.base import Class
from shared.policy.book import PolicyBook
from shared.refusals import Denied, Invalid, Refused
from shared.times import When, before, day_of, from_text, to_text


class Correct(Command):
    field: Literal["effective_at", "place", "subject", "class", "level"] = Field(description="What was wrong")
    of: int | None = Field(None, ge=1, description="For effective_at: the version whose date was wrong")
    new: Code = Field(description="The right value; for effective_at a date or an instant with offset")
    reason_code: Literal["typing", "misread", "wrong_source", "other"] = Field("other", description="Why")
    reason: FreeText | None = Field(None, description="Why, in words, sealed")
    respondent: Respondent | None = Field(None, description="For class accusation: whom it is about, if it says so")


@rule("correct", service="intake", roles=("registrar", "supervisor"), followers=True, zh="更正")
def correct(case: Case, command: Correct, given: Given) -> list[Fresh]:
    """Mend a registered fact; the original stays beside it and all deadlines follow. What turns out to be an accusation is
    taken from the organisation that has it, and waits sealed for a person (Art. 30)."""
    only_of_an_accusation(command.respondent, command.field, command.new)
    about = named(case, command.respondent, given)
    old = _present(case, command, given.book)
    if old == command.new:
        return [*taken_away(case, [one.body for one in about], given), *about] if about else []
    field: Literal["effective_at", "place", "subject", "class_", "level"] = (
        "class_" if command.field == "class" else command.field
    )
    _no_breach_removed(case, _as_corrected(case, command), given, "new")
    corrected = e.CaseCorrected(
        field=field,
        of=command.of,
        old=old,
        new=command.new,
        reason_code=command.reason_code,
        reason=command.reason,
    )
    if (command.field, command.new) != ("class", "accusation"):
        return [Fresh(corrected)]
    return [*taken_away(case, [one.body for one in about], given), Fresh(corrected), *about]


def _as_corrected(case: Case, command: Correct) -> Case:
    """The case with the new value, as far as clocks ask for it."""
    if command.field == "class":
        return replace(case, class_=command.new, sealed_track=command.new == "accusation" or case.suspected is not None)
    if command.field != "effective_at":
        changed: dict[str, Any] = {command.field: command.new}
        return replace(case, **changed)
    at = from_text(command.new)
    return replace(
        case, facts=tuple(fact._replace(effective_at=at) if fact.version == command.of else fact for fact in case.facts)
    )


def _no_breach_removed(case: Case, after: Case, given: Given, field: str | None) -> None:
    """Raises Denied where a duty that was missed would be missed no more, unless a supervisor says so who is not of the unit
    that handles the case."""
    outside = given.principal.role == "supervisor" and given.org not in case.handlers
    if not outside and _missed(case, given) - _missed(after, given):
        raise Denied(
            "supervisor_needed",
            "This would remove a missed deadline; a supervisor who is not of the handling unit may do it.",
            why_zh="此操作会消除超期记录，须由承办单位以外的督查人员办理。",
            field=field,
        )


def _missed(case: Case, given: Given) -> set[tuple[str, int]]:
    """(clock, episode) of every duty that was not met in time."""
    return {
        (one.clock, one.episode)
        for one in deadlines(case, given.book)
        if not one.rule.window and (one.missed or (one.running and one.due < given.now))
    }


def _in_order(case: Case, version: int, new: When, zone: str) -> bool:
    """Does a step that moves the case stay between those around it?"""
    moving = [fact for fact in case.facts if fact.name in MOVES]
    if all(fact.version != version for fact in moving):
        return True
    return not any(
        before(new, fact.effective_at, zone) if fact.version < version else before(fact.effective_at, new, zone)
        for fact in moving
        if fact.version != version
    )


def _present(case: Case, command: Correct, book: PolicyBook) -> str | None:
    """The value as it stands. Raises Invalid when the new one cannot be."""
    if command.field == "effective_at":
        fact = next((fact for fact in case.facts if fact.version == command.of), None)
        if fact is None:
            raise Invalid(
                "unknown_version",
                "`of` must name the version of a step of this case.",
                why_zh="of 须为本件某一步骤的版本号。",
                field="of",
            )
        try:
            new = from_text(command.new)
        except ValueError as error:
            raise Invalid(
                "not_a_time",
                "Give a date or an instant with offset.",
                why_zh="请填写日期，或带时区偏移的时刻。",
                field="new",
            ) from error
        if day_of(new, book.zone) > day_of(fact.recorded_at, book.zone):
            raise Refused(
                "effective_in_future",
                "The step was recorded before that date.",
                why_zh="更正后的日期不能晚于该步骤的登记日期。",
                field="new",
            )
        if not _in_order(case, fact.version, new, book.zone):
            raise Refused(
                "effective_out_of_order",
                "The date must lie between those of the steps before and after it; correct those first.",
                why_zh="日期须介于前后步骤之间，请先更正相邻步骤。",
                field="new",
            )
        return to_text(fact.effective_at)
    if command.field == "place":
        if not book.knows_place(command.new):
            raise Invalid(
                "unknown_place",
                "This place is not in the policy.",
                why_zh="该地点不在本辖区的地点目录中，请使用目录中的代码。",
                field="new",
            )
        return case.place
    if command.field == "subject":
        if not book.knows_subject(command.new):
            raise Invalid(
                "unknown_subject",
                "This subject is not in the policy.",
                why_zh="该内容分类不在本辖区的分类目录中，请使用目录中的代码。",
                field="new",
            )
        return case.subject
    if command.field == "class":
        if command.new not in get_args(Class):
            raise Invalid(
                "unknown_class",
                f"A class is one of: {', '.join(get_args(Class))}.",
                why_zh=f"类别应为以下之一：{'、'.join(get_args(Class))}。",
                field="new",
            )
        return case.class_
    if not book.knows_level(command.new):
        raise Invalid(
            "unknown_level",
            "No routing rule of the policy names this level.",
            why_zh="路由规则中没有这一层级，请使用规则中列出的层级。",
            field="new",
        )
    return case.level


class Void(Command):
    reason_code: Literal["test", "registered_twice", "wrong_content", "other"] = Field(description="Why")
    reason: FreeText | None = Field(None, description="Why, in words, sealed")


@rule("void", service="intake", roles=("registrar", "supervisor"), followers=True, zh="作废")
def void(case: Case, command: Void, given: Given) -> list[Fresh]:
    """Registered by mistake: the number stays, the case is in no figure. Where a deadline was missed, a supervisor voids."""
    if case.state == "voided":
        return []
    if case.replied_at is not None:
        raise Refused(
            "already_answered",
            "A case that was answered is closed, not voided.",
            why_zh="已答复的件不能作废，请按程序办结。",
        )
    _no_breach_removed(case, replace(case, state="voided"), given, None)
    return [Fresh(e.CaseVoided(reason_code=command.reason_code, reason=command.reason))]
