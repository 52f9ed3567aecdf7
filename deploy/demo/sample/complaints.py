"""The 500 complaints of the sample as rows of history: the same day and zone give the same rows, without clock or state."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from random import Random
from typing import Any

from deploy.demo.sample.case_histories import CaseHistory, Step, case_histories
from deploy.demo.sample.county_data import county_data, weighted
from deploy.demo.sample.texts import sample_texts
from shared.case import OPEN_STATES
from shared.kernel.legal_time import zone as zone_of

SEED = 20220501
SPAN = 146
"""Days from the first filing to today, a few less than 150: a weekend may postpone a step."""
WINDOW_SHARE = 0.15
"""Share of the histories that may begin at an organisation's own counter."""
_MODES = ("in_person", "post", "post", "in_person", "in_person", "left")
_BY_CITIZEN = frozenset(
    {"Nudged", "MaterialAdded", "EvaluationSubmitted", "ReviewRequested", "ReReviewRequested", "CaseWithdrawn"}
)
"""Steps of the petitioner, on any day of the week. Offices work from Monday to Friday."""
_SENDING = frozenset({"CaseTransferred", "AssignmentDelivered", "SignedFor"})
"""Steps that an organisation skips that registered the filing itself."""
Item = dict[str, Any]


def plan() -> list[CaseHistory]:
    """One history per complaint, in random order."""
    histories = [history for history in case_histories().histories for _ in range(history.cases)]
    Random(SEED).shuffle(histories)
    return histories


def complaints(today: date, zone: str) -> list[Item]:
    """The rows, shifted so that the last filing is of `today`. `zone`: IANA name of the jurisdiction's zone.

    All instants are before `today`, because the hour of loading is not known; what happens today has a date only.
    """
    return [_Complaint(number, history, today, zone).item() for number, history in enumerate(plan(), 1)]


class _Complaint:
    """Makes one row. Each row has its own random generator, so no row depends on another."""

    def __init__(self, number: int, history: CaseHistory, today: date, zone: str) -> None:
        self.number = number
        self.history = history
        self.today = today
        self.zone = zone_of(zone)
        self.county = county_data()
        self.texts = sample_texts()
        self.dice = Random(f"{SEED}:{number}")
        self.window = history.window and self.dice.random() < WINDOW_SHARE
        place = weighted(self.county.places, self.dice)
        self.place = self.county.city if history.kind == "city" else place
        self.subject = self._subject()
        self.channel = self._channel()
        self.responsible = self.county.organisation(self.place, self.subject)
        if history.kind == "accusation":
            self.responsible = self.county.sealed_organisation
        self.org = self._first_org()

    def item(self) -> Item:
        steps = self._chosen_steps()
        total = sum(days for _, days in steps)
        filed = self.today - timedelta(days=self._idle(total) + total)
        if self.window:
            steps = [(step, days) for step, days in steps if step.type not in _SENDING]
        filed_at = None if self.channel == "letter" else self._instant(filed, 430, 1010)
        return {
            "line": self.number,
            "channel": self.channel,
            "item": f"SAMPLE-{self.number:04d}",
            "org": self._registering_org(),
            "filing": self._filing(filed_at or filed),
            "steps": self._steps(steps, filed, filed_at),
            "go_live": self.history.state in OPEN_STATES,
            "on_change": "keep",  # the dates depend on the day: a load that goes on after midnight corrects nothing
        }

    # ------------------------------------------------------------ content and place

    def _subject(self) -> str:
        match self.history.kind:
            case "city":
                return self.dice.choice(self.county.queued_for_city)
            case "queued":
                return self.dice.choice(self.county.queued)
            case "suggestion":
                return self.county.queued[0]
            case "accusation" | "litigation":
                return self.county.queued[1]
        return (
            self.dice.choice(self.county.counter.subjects) if self.window else weighted(self.county.subjects, self.dice)
        )

    def _channel(self) -> str:
        if self.window:
            return self.county.counter.channel
        if self.history.traits & {"postmark", "today"}:
            return "letter"
        if self.history.kind == "consultation" and self.dice.random() < 0.6:
            return self.dice.choice(("hotline", "h12345"))
        return self.county.channel(self.place, self.dice)

    def _first_org(self) -> str:
        """The organisation that the case is sent to first: a wrong one when the case is rightly returned."""
        rightly = all(step.body.get("agreed", True) for step in self.history.steps)
        if "ReturnRequested" in self.history.types and rightly:
            others = dict.fromkeys(self.county.organisations.values())
            return self.dice.choice([org for org in others if org != self.responsible])
        return self.responsible

    def _registering_org(self) -> str | None:
        if self.window:
            return self.county.counter.organisation
        return self.county.petition_office if self.history.kind == "consultation" else None

    # ------------------------------------------------------------ times

    def _chosen_steps(self) -> list[tuple[Step, int]]:
        """The steps that happen, each with the days since the step before. Drawn again, in time, when they last too long."""
        histories = case_histories()
        late = None
        ended = self.history.state not in OPEN_STATES
        if ended and self.history.path == 6 and self.dice.random() < histories.late_share:
            late = self.dice.choice(list(histories.late))
        steps = self._drawn_steps(late)
        while sum(days for _, days in steps) > SPAN - self.history.idle[0] - 1:
            steps = self._drawn_steps(None)
        return steps

    def _drawn_steps(self, late: str | None) -> list[tuple[Step, int]]:
        """`late`: the type of the step that takes too long, the first time that it happens."""
        drawn: list[tuple[Step, int]] = []
        for step in self.history.steps:
            after = step.after
            if step.type == late:
                after, late = case_histories().late[late], None
            days = self.dice.randint(*after)
            if self.dice.random() < step.chance:
                drawn.append((step, days))
        return drawn

    def _idle(self, total: int) -> int:
        if "today" in self.history.traits:
            return 0
        first, last = self.history.idle
        return max(1, self.dice.randint(first, max(first, min(last, SPAN - total))))

    def _instant(self, day: date, first: int, last: int) -> datetime:
        """A time of that day, between two minutes of it."""
        minute, second = self.dice.randint(first, last), self.dice.randint(0, 59)
        return datetime.combine(day, time(minute // 60, minute % 60, second), self.zone)

    def _day(self, planned: date, earliest: date, step: Step) -> date:
        """The planned day, for an office no weekend, and yesterday at the latest."""
        yesterday = self.today - timedelta(days=1)
        day = max(planned, earliest)
        if step.type not in _BY_CITIZEN and day.isoweekday() > 5:
            monday, friday = day + timedelta(days=8 - day.isoweekday()), day - timedelta(days=day.isoweekday() - 5)
            day = monday if monday <= yesterday else max(friday, earliest)
        return min(day, yesterday)

    # ------------------------------------------------------------ the filing and the steps

    def _filing(self, received_at: date) -> Item:
        """`received_at` is a date only when the hour is not known."""
        dice, traits, kind = self.dice, self.history.traits, self.history.kind
        title, text = self.texts.complaint(kind, self.subject, self.place, dice)
        filing: Item = {
            "received_at": received_at.isoformat(),
            "title": title,
            "text": text + (self.texts.late_letter if "postmark" in traits else ""),
            "place": self.place,
            "subject": self.subject,
        }
        if kind in ("consultation", "suggestion", "accusation"):
            filing["class"] = kind
        filing |= {"anonymous": "anonymous" in traits, "confidential": "confidential" in traits}
        spots = self.texts.spots[self.place]
        if self.place != self.county.city and dice.random() < 0.4:
            filing["location"] = f"{dice.choice(spots)}{dice.randint(1, 60)}号附近"
        if "anonymous" not in traits:
            filing["name"] = dice.choice(self.texts.names)
            filing["phone"] = self.texts.phone_number(dice)
            if dice.random() < 0.5:
                filing["address"] = f"{dice.choice(spots)}{dice.randint(1, 99)}号"
        return filing

    def _steps(self, steps: Sequence[tuple[Step, int]], filed: date, filed_at: datetime | None) -> list[Item]:
        found: list[Item] = []
        planned, last = filed, filed_at
        for step, days in steps:
            planned += timedelta(days=days)
            day = self._day(planned, last.date() if last else filed, step)
            if last is not None and day == last.date():
                at = last + timedelta(minutes=self.dice.randint(4, 30), seconds=self.dice.randint(1, 50))
            else:
                at = self._instant(day, 510, 990)
            found.append({"type": step.type, "effective_at": at.isoformat(), "body": self._body(step, at)})
            if step.type == "ReturnVerified":
                self.org = self.responsible
            last = at
        return found

    def _body(self, step: Step, at: datetime) -> Item:
        body = {name: self._value(value, at) for name, value in step.body.items()}
        if "anonymous" in self.history.traits and body.get("kind") == "acceptance":
            body |= {"kind": "exempt", "mode": "other"}
        return {name: value for name, value in body.items() if value is not None}

    def _value(self, value: Any, at: datetime) -> Any:
        """The value of a placeholder of case_histories.yaml; any other value unchanged."""
        match value:
            case "$org":
                return self.org
            case "$class":
                return self.history.class_
            case "$path":
                return self.history.path
            case "$mode":
                return self.dice.choice(_MODES)
            case "$at":
                return at.isoformat()
            case "$before":
                return (at - timedelta(hours=2)).isoformat()
            case "$due":
                return self._due(at.date()).isoformat()
            case str() if value.startswith("$say:"):
                return self.texts.say(value.removeprefix("$say:"), self.dice)
        return value

    def _due(self, assigned: date) -> date:
        """The due date of an assignment's report: soon for an open case, usually after the report was filed for an ended one."""
        if self.history.state in OPEN_STATES:
            soon = self.today + timedelta(days=self.dice.choice((-2, 1, 2, 3, 5, 9, 14)))
            return max(assigned + timedelta(days=10), soon)
        return assigned + timedelta(days=self.dice.randint(38, 60))
