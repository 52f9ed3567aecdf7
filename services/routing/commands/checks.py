"""Types and checks that several commands of routing share."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from shared.case import Case
from shared.commands.authorization import Role
from shared.commands.command import DecisionContext
from shared.deadlines.derivation import deadlines
from shared.kernel.legal_time import LegalTime, before, day_of
from shared.kernel.refusals import Denied, Refused
from shared.policy.book import PolicyBook

HANDLERS: tuple[Role, ...] = ("organisation", "clerk")
IN_WORK = ("accepted", "handling", "redo_ordered")
Basis = Annotated[str, Field(min_length=1, max_length=200)]


def own(case: Case, given: DecisionContext) -> str:
    """The responsible organisation of the case, in whose name the caller acts.

    Raises:
        Denied: the caller is neither the responsible organisation nor a subordinate that the case was forwarded to. An assisting
            organisation sees the case, but does not decide.
    """
    if case.assignment.org is None or given.org not in case.handlers:
        raise Denied(
            "not_your_case",
            "Only the responsible organisation may give this command.",
            detail_zh="只有承办单位可以办理此项。",
        )
    return case.assignment.org


def recorded_otherwise(field: str) -> Refused:
    """The refusal of a step that is recorded already with another content. Accepting it silently would hide the difference."""
    return Refused(
        "recorded_otherwise",
        "This step is recorded already with a different content, which is not overwritten. To correct a wrong date, use correct.",
        detail_zh="该步骤此前已登记，内容与此不同，不会覆盖。日期有误的，请用更正（correct）办理。",
        field=field,
    )


def same_day(given: DecisionContext, recorded: LegalTime) -> bool:
    """True if the command names no day, or the recorded day."""
    return given.at == given.now or day_of(given.at, given.book.zone) == day_of(recorded, given.book.zone)


def fit(case: Case, book: PolicyBook, code: str, field: str) -> None:
    """Raises Refused if this organisation must not have the case: it is the respondent, or the case is an accusation and the
    organisation is not authorised to receive accusations (Art. 30)."""
    if code in case.accusation.accused:
        raise the_respondent(field)
    if case.accusation.sealed and not book.takes_accusations(code):
        raise no_sealed_organ(field)


def litigation_organ(class_: str | None, book: PolicyBook, code: str, field: str) -> None:
    """Raises Refused if a matter of litigation would go to another organisation than a political and legal organ
    (Art. 22 ¶2)."""
    if class_ == "litigation" and not book.takes_litigation(code):
        raise Refused(
            "litigation_needs_political_legal_organ",
            "A matter of litigation goes only to a political and legal organ of the policy (Art. 22 ¶2). Choose such an"
            " organisation, or explain and guide.",
            detail_zh="涉法涉诉事项只能转送同级政法部门；来访的，应释法明理并引导其向有关政法部门反映。",
            field=field,
        )


def the_respondent(field: str) -> Refused:
    return Refused(
        "is_the_respondent",
        "This organisation is the respondent and must not see the case. Choose another organisation.",
        detail_zh="该单位是被反映单位，不得转送，请另选单位。",
        field=field,
    )


def no_sealed_organ(field: str) -> Refused:
    return Refused(
        "accusation_needs_sealed_organ",
        "An accusation may only go to an organisation that is authorised to receive accusations and is not the respondent"
        " (Art. 30). Choose such an organisation.",
        detail_zh="检举控告只能转送有权处理且不是被反映人的机关（条例第三十条），请另选机关。",
        field=field,
    )


def not_dated_back(case: Case, given: DecisionContext, event: str) -> None:
    """Raises Refused for an `event` dated before the end of a missed period that it would stop: an organisation cannot remove its
    own breach. A registrar of another organisation may record that it happened in time."""
    for clock in deadlines(case, given.book):
        ends = any(trigger.event == event for trigger in clock.rule.cancel)
        if ends and clock.running and clock.due < given.now and not before(clock.due, given.at, given.book.zone):
            raise Refused(
                "period_was_missed",
                "The handling period has ended, and this step cannot be dated before its end. If it was taken in time, ask the"
                " petition office to record it.",
                detail_zh="办理期限已过，该步骤日期不得倒签至期限届满之前；确系期限内办理的，由信访部门登记。",
                field="effective_at",
                due=clock.due.isoformat(),
            )
