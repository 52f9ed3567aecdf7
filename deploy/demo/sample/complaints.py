"""The 500 complaints as rows of history. Pure: the same day and zone give the same rows; no clock, no state."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from random import Random
from typing import Any

from deploy.demo.sample import case_histories, county_data, texts
from deploy.demo.sample.steps import CITIZEN, Days, Life, Step
from shared.case import OPEN_STATES
from shared.history import STEPS
from shared.times import zone as zone_of

SEED = 20220501
COUNT = 500
SPAN = 146
"""Days from the first filing to today, a few less than 150: a weekend may push a step on."""
WINDOW_SHARE = 0.15
"""Of the lives that may begin at an organ's own counter."""
_MODES = ("in_person", "post", "post", "electronic", "electronic", "phone")
_OTHERS = ("zj", "rs", "jt", "st", "wj", "jy")
Item = dict[str, Any]


def possible(life: Life) -> bool:
    """Can history tell all steps of this life?"""
    return life.types <= frozenset(STEPS)


def plan() -> list[Life]:
    """One life per complaint, in no order that means anything."""
    told = [life for life in (*case_histories.OPEN, *case_histories.FINAL) if possible(life) for _ in range(life.cases)]
    told += [case_histories.REST] * (COUNT - len(told))
    Random(SEED).shuffle(told)
    return told


def complaints(today: date, zone: str) -> list[Item]:
    """The rows, shifted so that the last filing is of `today`. `zone`: IANA name of the jurisdiction's zone.

    All instants lie before `today`, since nobody knows the hour of loading; what happens today has a date only.
    """
    return [_Teller(number, life, today, zone).item() for number, life in enumerate(plan(), 1)]


class _Teller:
    """Tells one complaint. All chance comes from its own dice, so no row depends on another."""

    def __init__(self, number: int, life: Life, today: date, zone: str) -> None:
        self.number = number
        self.life = life
        self.today = today
        self.zone = zone_of(zone)
        self.dice = Random(f"{SEED}:{number}")
        self.window = life.window and self.dice.random() < WINDOW_SHARE
        self.place, self.subject = self._matter()
        self.channel = self._channel()
        self.right = self._responsible()
        self.org = self._first()

    def item(self) -> Item:
        told = self._told()
        steps = [(step, days) for step, days in told if not (self.window and step.type in _SENDING)]
        filed = self.today - timedelta(days=self._idle(sum(days for _, days in told)))
        filed -= timedelta(days=sum(days for _, days in told))
        return {
            "line": self.number,
            "channel": self.channel,
            "item": f"SAMPLE-{self.number:04d}",
            "org": self._registered_org(),
            "filing": self._filing(filed),
            "steps": self._steps(steps, filed),
            "go_live": self.life.state in OPEN_STATES,
        }

    # ------------------------------------------------------------ what and where

    def _matter(self) -> tuple[str, str]:
        place = _weighted(county_data.PLACES, self.dice)
        if self.life.kind == "city":
            return county_data.CITY, self.dice.choice(county_data.CITY_QUEUED)
        if self.life.kind == "queued":
            return place, self.dice.choice(county_data.QUEUED)
        if self.life.kind == "suggestion":
            return place, county_data.QUEUED[0]
        if self.life.kind in ("accusation", "litigation"):
            return place, county_data.QUEUED[1]
        if self.window:
            return place, self.dice.choice(county_data.WINDOW_SUBJECTS)
        return place, _weighted(county_data.SUBJECTS, self.dice)

    def _channel(self) -> str:
        if self.window:
            return county_data.WINDOW
        if self.life.traits & {"postmark", "today"}:
            return "letter"
        if self.life.kind == "consultation" and self.dice.random() < 0.6:
            return self.dice.choice(("hotline", "h12345"))
        channel = _weighted(county_data.CHANNELS, self.dice)
        return "app" if channel == county_data.QR and not self.place.startswith("dh") else channel

    def _responsible(self) -> str:
        if self.life.kind == "accusation":
            return county_data.SEALED_ORGAN
        return county_data.responsible(self.place, self.subject) or county_data.district_office(self.place)

    def _first(self) -> str:
        """Who is asked first: somebody else, where it is sent back rightly."""
        returned = "ReturnRequested" in self.life.types and self.life.name != "return refused"
        return self.dice.choice([org for org in _OTHERS if org != self.right]) if returned else self.right

    def _registered_org(self) -> str | None:
        if self.window:
            return county_data.WINDOW_ORG
        return county_data.PETITION_OFFICE if self.life.kind == "consultation" else None

    # ------------------------------------------------------------ when

    def _told(self) -> list[tuple[Step, int]]:
        """Which steps, and how many days after the one before."""
        late = None
        if (
            self.life.state not in OPEN_STATES
            and self.life.path == 6
            and self.dice.random() < case_histories.LATE_SHARE
        ):
            late = self.dice.choice(case_histories.LATE)
        told: list[tuple[Step, int]] = []
        while not told or sum(days for _, days in told) > SPAN - self.life.idle[0] - 1:
            told = self._rolled(late)
            late = None  # too long a life is told again, in time
            if not self.life.steps:
                break
        return told

    def _rolled(self, late: tuple[str, Days] | None) -> list[tuple[Step, int]]:
        told: list[tuple[Step, int]] = []
        for place, step in enumerate(self.life.steps):
            after = step.after
            if late is not None and step.type == late[0]:
                after, late = late[1], None
            if place == 0 and "postmark" in self.life.traits:
                after = (9, 9)
            days = self.dice.randint(*after)
            if self.dice.random() < step.chance:
                told.append((step, days))
        return told

    def _idle(self, total: int) -> int:
        if "today" in self.life.traits:
            return 0
        first, last = self.life.idle
        return max(1, self.dice.randint(first, max(first, min(last, SPAN - total))))

    def _instant(self, day: date, first: int, last: int) -> datetime:
        """A time of that day, between two minutes of it."""
        minute = self.dice.randint(first, last)
        return datetime(
            day.year, day.month, day.day, minute // 60, minute % 60, self.dice.randint(0, 59), tzinfo=self.zone
        )

    def _day(self, planned: date, earliest: date, step: Step) -> date:
        """The planned day, no weekend for an office, and yesterday at the latest."""
        yesterday = self.today - timedelta(days=1)
        day = max(planned, earliest)
        if step.type not in CITIZEN and day.isoweekday() > 5:
            monday, friday = day + timedelta(days=8 - day.isoweekday()), day - timedelta(days=day.isoweekday() - 5)
            day = monday if monday <= yesterday else max(friday, earliest)
        return min(day, yesterday)

    # ------------------------------------------------------------ the filing and the steps

    def _filing(self, filed: date) -> Item:
        traits, dice = self.life.traits, self.dice
        self.filed_at = None if self.channel in county_data.POSTMARKED else self._instant(filed, 430, 1010)
        title, text = self._words()
        anonymous = "anonymous" in traits
        filing: Item = {
            "received_at": filed.isoformat() if self.filed_at is None else self.filed_at.isoformat(),
            "title": title,
            "text": text,
            "place": self.place,
            "subject": self.subject,
            "class": None if self.life.class_ in ("claim", "litigation") else self.life.class_,
            "anonymous": anonymous,
            "confidential": "confidential" in traits,
        }
        if self.place != county_data.CITY and dice.random() < 0.4:
            filing["location"] = f"{dice.choice(texts.SPOTS[self.place])}{dice.randint(1, 60)}号附近"
        if not anonymous:
            filing["name"] = dice.choice(texts.NAMES)
            filing["phone"] = f"{texts.PHONE}{dice.randint(0, 9999):04d}"
            if dice.random() < 0.5:
                filing["address"] = f"{dice.choice(texts.SPOTS[self.place])}{dice.randint(1, 99)}号"
        return {name: value for name, value in filing.items() if value is not None}

    def _words(self) -> tuple[str, str]:
        kind, dice = self.life.kind, self.dice
        if kind == "consultation":
            return texts.complaint(texts.CONSULTATIONS, self.place, dice, plain=True)
        if kind == "accusation":
            return texts.complaint(texts.ACCUSATIONS, self.place, dice, plain=True)
        if kind == "litigation":
            return texts.complaint(texts.LITIGATION, self.place, dice, plain=True)
        title, text = texts.complaint(
            texts.ISSUES[self.subject], self.place, dice, plain=self.subject in texts.ASKS_ONLY
        )
        return title, text + (texts.LATE_LETTER if "postmark" in self.life.traits else "")

    def _steps(self, told: Sequence[tuple[Step, int]], filed: date) -> list[Item]:
        found: list[Item] = []
        planned, last = filed, self.filed_at
        for step, days in told:
            planned += timedelta(days=days)
            day = self._day(planned, last.date() if last else filed, step)
            if last is not None and day == last.date():
                at = last + timedelta(minutes=self.dice.randint(4, 30), seconds=self.dice.randint(1, 50))
            else:
                at = self._instant(day, 510, 990)
            found.append({"type": step.type, "effective_at": at.isoformat(), "body": self._body(step.body, at)})
            if step.type == "ReturnVerified":
                self.org = self.right
            last = at
        return found

    def _body(self, body: Mapping[str, Any], at: datetime) -> Item:
        filled = {name: self._filled(value, at) for name, value in body.items()}
        if "anonymous" in self.life.traits and filled.get("kind") == "acceptance":
            filled |= {"kind": "exempt", "mode": "other"}
        return {name: value for name, value in filled.items() if value is not None}

    def _filled(self, value: Any, at: datetime) -> Any:
        match value:
            case "@org":
                return self.org
            case "@class":
                return self.life.class_
            case "@path":
                return self.life.path
            case "@mode":
                return self.dice.choice(_MODES)
            case "@at":
                return at.isoformat()
            case "@before":
                return (at - timedelta(hours=2)).isoformat()
            case "@due":
                return self._due(at.date()).isoformat()
            case str() if value.startswith("@!"):
                return texts.say(value[2:], self.dice)
        return value

    def _due(self, assigned: date) -> date:
        """When the report of an assignment is due: of an open one soon, of a closed one usually after it came."""
        if self.life.state in OPEN_STATES:
            soon = self.today + timedelta(days=self.dice.choice((-2, 1, 2, 3, 5, 9, 14)))
            return max(assigned + timedelta(days=10), soon)
        return assigned + timedelta(days=self.dice.randint(38, 60))


_SENDING = frozenset({"CaseTransferred", "AssignmentDelivered", "SignedFor"})


def _weighted(choices: Sequence[tuple[str, int]], dice: Random) -> str:
    return dice.choices([name for name, _ in choices], [weight for _, weight in choices])[0]
