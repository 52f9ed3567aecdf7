"""Publishing the calendar of a year: provisional due dates are computed again, and the caller gets a list of those that
moved. Running clocks keep their rule and follow the calendar."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

from pydantic import ValidationError

from services.supervision.policy_activation import ACTIVATE, activate
from shared.case import STREAM, Case
from shared.commands.authorization import Principal, authorize, within
from shared.commands.command_handler import CommandHandler
from shared.deadlines.deadline import Deadline
from shared.deadlines.derivation import deadlines
from shared.kernel.refusals import Invalid
from shared.policy.book import PolicyBook
from shared.policy.documents import CalendarDocument
from shared.policy.loading.loader import plain
from shared.policy.validation.checks import check
from shared.policy.validation.finding import Finding, of_error


class MovedDeadline(NamedTuple):
    """A running clock whose due instant has changed."""

    case: str
    number: str
    clock: str
    episode: int
    org: str | None
    old_due: datetime
    new_due: datetime
    provisional: bool
    """True if it is after the last published year and still computed by the statutory rule."""


class Published(NamedTuple):
    """`confirmed`: the number of provisional dates that did not change and are final now."""

    changed: bool
    published_until: int | None
    moved: tuple[MovedDeadline, ...]
    confirmed: int


def merged(present: CalendarDocument | None, new: CalendarDocument) -> CalendarDocument:
    """The calendar in force with the content of `new`. Years that are not in `new` stay; all other given fields replace the
    present ones."""
    if present is None:
        return new
    years = {**present.years, **new.years}
    given = {name: getattr(new, name) for name in new.model_fields_set - {"years"}}
    until = new.published_until or max((*new.years, present.published_until or 0), default=None)
    return present.model_copy(update={**given, "years": years, "published_until": until})


async def publish(
    handling: CommandHandler, principal: Principal, jurisdiction: str, raw: Mapping[str, Any]
) -> tuple[PolicyBook, Published]:
    """Activate the calendar and list the due dates of the open track that moved, the same for every caller.

    The cost grows with the cases of the log; it is done yearly.

    Raises Refused for an unknown jurisdiction, Invalid `calendar_invalid` with every finding."""
    authorize(principal, ACTIVATE)
    within(principal, jurisdiction)
    before = await handling.policies.book(jurisdiction)
    present = before.documents.get("calendar")
    try:
        given = CalendarDocument.model_validate(raw)
    except ValidationError as error:
        found = [
            of_error(".".join(("calendar", *(str(part) for part in one["loc"]))), one)
            for one in error.errors(include_url=False, include_input=False)
        ]
        raise _invalid(found) from None
    calendar = merged(present if isinstance(present, CalendarDocument) else None, given)
    findings = check({"calendar": calendar})
    if findings:
        raise _invalid(findings)
    done = await activate(handling, principal, jurisdiction, {"calendar": plain(calendar)})
    after = await handling.policies.book(jurisdiction)
    if not done.sections:
        return after, Published(False, calendar.published_until, (), 0)
    moved: list[MovedDeadline] = []
    confirmed = 0
    async for heads in handling.log.heads(STREAM):
        for stream, head in heads:
            case, _head = await handling.cases.get(stream.removeprefix(STREAM), at_least=head.version)
            if case.jurisdiction == jurisdiction and _open_track(case):
                own, certain = compared(case, before, after)
                moved += own
                confirmed += certain
    moved.sort(key=lambda one: (one.new_due, one.number, one.clock))
    return after, Published(True, calendar.published_until, tuple(moved), confirmed)


def _open_track(case: Case) -> bool:
    """True if the case may be listed and counted for every caller: no accusation, and no organisation as respondent (Art. 30)."""
    return not case.accusation.sealed and not case.accusation.accused


def compared(case: Case, before: PolicyBook, after: PolicyBook) -> tuple[list[MovedDeadline], int]:
    """The running clocks of the case that moved, and the number of those that are no longer provisional. Pure."""
    new: dict[tuple[str, int], Deadline] = {(one.clock, one.episode): one for one in deadlines(case, after)}
    moved: list[MovedDeadline] = []
    confirmed = 0
    for old in deadlines(case, before):
        now = new.get((old.clock, old.episode))
        if now is None or not old.running:
            continue
        if now.due != old.due:
            moved.append(
                MovedDeadline(case.id, case.number, old.clock, old.episode, old.org, old.due, now.due, now.provisional)
            )
        elif old.provisional and not now.provisional:
            confirmed += 1
    return moved, confirmed


def _invalid(findings: list[Finding]) -> Invalid:
    first = f"{findings[0].where}: {findings[0].what}"
    first_zh = f"{findings[0].where}：{findings[0].zh}"
    return Invalid(
        "calendar_invalid",
        f"The calendar was not published. The one in force remains in force. {first}",
        detail_zh=f"日历未公布，原日历继续有效。{first_zh}",
        errors=[one.problem() for one in findings[:20]],
    )
