"""The two rules of legal time: nothing in the future, and nothing before the last step of the case."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from shared.case import LATE, MOVES, Case
from shared.commands.command import NewEvent
from shared.kernel.legal_time import LegalTime, before, local_text, to_text
from shared.kernel.refusals import Refused


def meant(at: LegalTime, case: Case) -> LegalTime:
    """The moment that a caller means by `at`: a time is as exact as it is written. Without seconds it is the whole minute, without
    a fraction the whole second, with three digits the whole millisecond; if the last step of the case is within, it is its moment.

    >>> from datetime import UTC
    >>> last = datetime(2026, 3, 2, 10, 40, 43, 575527, UTC)
    >>> meant(datetime(2026, 3, 2, 10, 40, 43, tzinfo=UTC), Case(moved_at=last)) == last
    True
    """
    last = case.moved_at
    if isinstance(at, datetime) and isinstance(last, datetime) and not at.microsecond % 1000 and at <= last:
        begins = [last.replace(microsecond=last.microsecond // 1000 * 1000), last.replace(microsecond=0)]
        return last if at in (*begins, last.replace(second=0, microsecond=0)) else at
    return at


def check_order(
    case: Case, fresh: Sequence[NewEvent], at: LegalTime, now: datetime, zone: str, cause: str = ""
) -> None:
    """Check the legal times of `fresh`, the events to be appended to `case`.

    Args:
        at: Legal time of the events that have none of their own.
        zone: Time zone of the jurisdiction; a date means the end of that day there.
        cause: Cause of the commit: a step that a source of history reports later moves nothing.

    Raises:
        Refused: `effective_in_future` (with the latest possible instant) or `effective_too_early` (with the earliest).
    """
    last = case.moved_at
    if last is not None and before(now, last, zone):  # a wrong clock dated that step; it does not bind
        last = None
    for item in fresh:
        when = item.at or at
        if before(now, when, zone):
            raise Refused(
                "effective_in_future",
                "effective_at is in the future; record an event after it has happened.",
                detail_zh="生效时间不能晚于当前时间。",
                field="effective_at",
                latest=to_text(now),
            )
        if type(item.body).__name__ not in MOVES or cause.startswith(LATE):
            continue
        if last is not None and before(when, last, zone):
            raise Refused(
                "effective_too_early",
                f"effective_at is before the last step of this case ({local_text(last, zone)}).",
                detail_zh=f"生效时间不能早于该件上一步的时间（{local_text(last, zone)}）。",
                field="effective_at",
                earliest=to_text(last),
            )
        last = when
