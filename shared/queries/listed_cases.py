"""One row of a list in words: names of codes and clerks, the clock, the days left.

The rows of an answer have most of this in common, so each name, clock and due day is looked up once per answer.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, Literal, NamedTuple

from pydantic import Field

from shared.application.ports import Ports
from shared.application.response import Answer, StateEn, StateZh
from shared.eventstore.read_models import Row, Value
from shared.kernel.legal_time import day_of, from_text, instant_of
from shared.kernel.wording import state_words
from shared.policy.book import PolicyBook
from shared.policy.deadline_rules import ClockRule

CLERKS = ("clerk", "office_clerk")
"""Columns with staff codes."""
_MOST_COUNTED = 366
"""Working days are counted one by one over so many calendar days; a longer time is told in calendar days."""
_CODES = ("org", "reviewer", "holder", "owes", "place", "subject", "channel")


class ListedCase(Answer):
    """One row of a list."""

    id: str = Field(description="Case id")
    number: str = Field(description="Case number for people")
    jurisdiction: str = Field(description="Jurisdiction")
    state: str = Field(description="State as a code")
    state_zh: StateZh
    state_en: StateEn
    org: str | None = Field(description="Code of the responsible organisation")
    reviewer: str | None = Field(description="Code of the body that reviews or reviewed it")
    holder: str | None = Field(description="Code of the subordinate that handles the case")
    owes: str | None = Field(
        description="Code of the organisation that received the filing and owes the transfer notice"
    )
    place: str | None = Field(description="Code of the place of the problem")
    subject: str | None = Field(description="Code of the subject")
    channel: str = Field(description="Code of the channel")
    class_: str | None = Field(serialization_alias="class", description="Class; null until it is determined")
    sealed_track: bool = Field(validation_alias="sealed", description="An accusation")
    queue: str | None = Field(description="Queue of the case")
    due: str | None = Field(description="Instant of the earliest running deadline, UTC")
    due_clock: str | None = Field(description="Clock of that deadline")
    overdue: bool = Field(description="True if that instant has passed")
    filed_at: str | None = Field(description="Legal filing time")
    clerk: str | None = Field(description="Staff code of the clerk of the unit whose turn it is")
    office_clerk: str | None = Field(description="Staff code of the clerk of the petition office")
    names: dict[str, str] = Field({}, description="Names in the policy of the codes in this row, by code")
    clerk_names: dict[str, str] = Field({}, description="Names of the clerks in this row, by staff code")
    clock_zh: str | None = Field(None, description="The clock in Chinese")
    clock_en: str | None = Field(None, description="The clock in English")
    days_left: int | None = Field(
        None, description="Days until the due day in the unit of the clock: 0 is today, negative ones have passed"
    )
    unit: Literal["calendar", "working"] | None = Field(None, description="Unit of days_left")


_STORED = (
    "number", "jurisdiction", "state", "class_", "queue", "due", "due_clock", "filed_at", *_CODES, *CLERKS,
)  # fmt: skip
"""Fields that are columns of the same name."""


class _Clock(NamedTuple):
    rule: ClockRule | None
    """None for a clock that no policy in force knows."""
    book: PolicyBook


class ListedCases:
    """Makes the rows of one answer.

    Args:
        now: The present instant as text.
    """

    def __init__(self, ports: Ports, now: str) -> None:
        self._ports = ports
        self._now = now
        self._clocks: dict[tuple[Value, str], _Clock] = {}
        self._days: dict[tuple[Value, str, str], int] = {}
        self._clerk_names: dict[str, str | None] = {}

    async def of(self, row: Row) -> ListedCase:
        """The row, which is trusted: it comes from the read model and is not validated once more."""
        values = row.values
        assert values is not None
        due, clock = values["due"], values["due_clock"]
        book = await self._ports.policies.book(str(values["jurisdiction"]))
        known, words = book.names, state_words(str(values["state"]))
        shown: dict[str, Any] = {name: values[name] for name in _STORED}
        shown |= {
            "id": row.key,
            "state_zh": words.zh,
            "state_en": words.en,
            "sealed_track": values["sealed"],
            "overdue": isinstance(due, str) and due < self._now,
            "names": {code: known[code] for name in _CODES if isinstance(code := values[name], str) and code in known},
            "clerk_names": await self._named(values["clerk"], values["office_clerk"]),
        }
        if isinstance(due, str) and isinstance(clock, str):
            rule = self._rule(values["jurisdiction"], clock, book)
            if rule is not None:
                shown |= {
                    "clock_zh": rule.title.zh,
                    "clock_en": rule.title.en,
                    "days_left": self._days_left(values["jurisdiction"], due, rule.period.unit, book),
                    "unit": rule.period.unit,
                }
        return ListedCase.model_construct(**shown)

    async def _named(self, *codes: Value) -> dict[str, str]:
        named: dict[str, str] = {}
        for code in sorted({str(one) for one in codes if one is not None}):
            if code not in self._clerk_names:
                self._clerk_names[code] = await self._ports.persons.name(await self._ports.persons.get(code))
            name = self._clerk_names[code]
            if name is not None:
                named[code] = name
        return named

    def _rule(self, jurisdiction: Value, clock: str, book: PolicyBook) -> ClockRule | None:
        known = self._clocks.get((jurisdiction, clock))
        if known is None or known.book is not book:
            editions = (edition for _from, _until, edition in reversed(book.clock_editions))
            rule = next((found for one in editions if (found := one.rule(clock)) is not None), None)
            known = self._clocks[jurisdiction, clock] = _Clock(rule, book)
        return known.rule

    def _days_left(self, jurisdiction: Value, due: str, unit: str, book: PolicyBook) -> int:
        key = (jurisdiction, due, unit)
        if key not in self._days:
            now, last = (instant_of(from_text(one), book.zone) for one in (self._now, due))
            self._days[key] = days_left(book, last, now, unit)
        return self._days[key]


def days_left(book: PolicyBook, due: datetime, now: datetime, unit: str) -> int:
    """Days from the present day to the due day in the unit of the clock; negative after it."""
    first, last = day_of(now, book.zone), day_of(due, book.zone)
    if unit == "calendar" or abs((last - first).days) > _MOST_COUNTED:
        return (last - first).days
    earlier, later = sorted((first, last))
    days = sum(
        book.calendar.is_working(date.fromordinal(one)) for one in range(earlier.toordinal() + 1, later.toordinal() + 1)
    )
    return days if last >= first else -days
