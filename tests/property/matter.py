"""The case state that the table of transitions needs. Written from the law, not from the product's state."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, NamedTuple

from tests.property.days import When, calendar_days_after, working_days_after

OBJECTION_DAYS = 5
HANDLING_DAYS = 60
MOST_EXTENSION_DAYS = 30
MOST_OBJECTIONS = 3
REVIEW_DAYS = 30
DISCIPLINE_ORGANS = frozenset({"jjw"})
"""Their own rules set their periods (Art. 23 ¶4): not the sixty days, and no review at the next level."""


class Who(NamedTuple):
    """An actor: a key with a role."""

    role: str
    org: str | None
    key: str
    head: bool = False
    """Head of the organisation, who decides on extensions."""


class Attempt(NamedTuple):
    """A command as it is given."""

    who: Who
    command: str
    fields: dict[str, Any]
    at: When | None
    """Legal time; None: now."""
    now: datetime
    stale: bool
    """It names a version that somebody has acted on since."""

    def get(self, name: str) -> Any:
        return self.fields.get(name)

    @property
    def when(self) -> When:
        return self.now if self.at is None else self.at


class Withdrawal(NamedTuple):
    """A request to withdraw that has not taken effect."""

    asker: Who
    day: date
    own: bool
    """It came from the petitioner's own hand or from their platform."""
    confirmed: bool = False

    def waits_for_person(self, *, sealed: bool) -> bool:
        """A third unit confirms what an office recorded; a person confirms every withdrawal of an accusation (Art. 30)."""
        return not self.confirmed and (sealed or not self.own)


@dataclass
class Matter:
    """One case, as a petition officer would keep it on a card."""

    state: str
    moved: When
    platform: str | None
    accused: str | None
    class_: str | None
    subject: str
    place: str
    org: str | None = None
    assist: tuple[str, ...] = ()
    forwarded: tuple[str, ...] = ()
    """Down the line from the responsible organisation."""
    confidential: bool = False
    own_code: bool = False
    """Nobody in an office has the query code."""
    withdrawal: Withdrawal | None = None
    taken_back: bool = False
    """The last word on a withdrawal: it was taken back."""
    had: frozenset[str] = frozenset()
    """All that were responsible for it or answered it, ever."""
    path: int | None = None
    ruled: bool = False
    objections: int = 0
    signed: bool = False
    """Signed for by the present organisation."""
    verified: bool | None = None
    """How the last return was verified."""
    delivered: When | None = None
    notice: str | None = None
    steps: dict[str, When] = field(default_factory=dict)
    """Kind of notice -> the first step that it tells of, since the matter was sent to the present organisation."""
    mediation: bool = False
    """Mediation was offered and not failed."""
    extension_told: bool = True
    """The petitioner was notified of the last extension."""
    asked_by: str | None = None
    """Key of who asked for an extension that is not decided yet."""
    refused_extension: bool = False
    extended_at: When | None = None
    extended: int = 0
    extended_now: int = 0
    """Days granted in all, and in the present period."""
    period_from: When | None = None
    """Start of the 60 days (Art. 34), which only path 6 has."""
    result: str | None = None
    executed: bool = False
    report_needed: bool = False
    report_filed: bool = False
    replied: bool = False
    grades: dict[str, str] = field(default_factory=dict)
    """Object -> grade, since the last reply."""
    words: dict[str, str] = field(default_factory=dict)
    """Object -> whose word that grade is."""
    confirmed_by: str | None = None
    """Third unit to which the petitioner said that the matter is resolved."""
    reply_open: When | None = None
    """Delivery of the reply against which a review can be asked for; None: there is none, or it was asked for."""
    opinion_open: When | None = None
    """The same for the review opinion and the re-review: its receipt, its issue while that is not on record."""
    opinion_received: bool = False
    reviewer: str | None = None
    reviewed_by: str | None = None
    review_begun: bool = False
    decided_by: frozenset[str] = frozenset()
    hearings: frozenset[tuple[str, str]] = frozenset()
    closure: str | None = None
    concluded: bool = False
    """By the opinion of the re-review: the last word (Art. 36 ¶3)."""
    opinion: bool = False
    """The handling ended in an opinion (处理意见书), which only path 6 has."""
    reply_heard: bool = True
    """The petitioner has the reply in hand, so that the period for a review runs."""
    failed: frozenset[str] = frozenset()
    """Documents that an attempt to serve did not reach the petitioner with."""
    unread: bool = False
    """The reply went to the electronic address, and nobody has read it."""
    electronic: bool = False
    """The petitioner confirmed an electronic address."""
    before: str = ""
    """The state before the last step."""
    guided_from: str | None = None
    path_before: int | None = None
    declared: bool = False
    """An organ declared that it is not competent."""

    def last_day_to_object(self) -> date | None:
        """Art. 23 ¶3: five working days from the delivery."""
        return working_days_after(self.delivered, OBJECTION_DAYS) if self.delivered else None

    def last_day_to_handle(self) -> date | None:
        """Art. 34: sixty days from acceptance plus granted extensions; for matters on path 6 only."""
        if self.path != 6 or self.period_from is None or self.org in DISCIPLINE_ORGANS:
            return None
        return calendar_days_after(self.period_from, HANDLING_DAYS + self.extended_now)

    @property
    def handlers(self) -> tuple[str, ...]:
        """The responsible organisation and the subordinates that handle the case."""
        return () if self.org is None else (self.org, *self.forwarded)

    def begin_again(self, when: When) -> None:
        """Everything that the first reply had brought begins again; the replies stay."""
        self.result = self.asked_by = self.closure = self.reply_open = self.opinion_open = None
        self.executed = self.report_filed = False
        self.confirmed_by = None
        self.grades = {}
        self.opinion = self.unread = False
        self.period_from = when
        self.extended_now = 0

    def let_go(self) -> None:
        """The organisation has it no more."""
        self.org = None
        self.forwarded = self.assist = ()
        self.signed = self.ruled = False

    def given_to(self, org: str) -> None:
        self.org = org
        self.had |= {org}
        self.forwarded = ()
        self.signed = False
        self.notice = None
        self.steps = {}
