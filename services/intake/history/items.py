"""The models of a row of an export, and of the result of its import."""

from __future__ import annotations

import re
import unicodedata
from datetime import datetime
from functools import cached_property
from typing import Annotated, Any, Literal, NamedTuple, Self

import orjson
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from services.intake.history.step_types import NEEDS_ORG, body_of
from shared.application.command_dispatch import no_personal_number
from shared.case import Fact, fold
from shared.commands.authorization import Principal
from shared.commands.command import NewEvent
from shared.events import Event
from shared.events.fields import Class, Moment
from shared.events.intake import LinkKind
from shared.eventstore.recorded_event import RecordedEvent
from shared.kernel.legal_time import LegalTime, instant_of, to_text
from shared.kernel.plain_text import visible_controls
from shared.kernel.text_normalization import identifier_form, without_zero_width
from shared.kernel.validation_messages import WrongValue
from shared.policy.documents import ChannelClass

TEXT_LIMIT = 100_000
"""Characters of one text."""
SHORT_LIMIT = 2_000
CODE_LIMIT = 128

GivenCode = Annotated[str, Field(min_length=1, max_length=CODE_LIMIT)]
Code = Annotated[GivenCode, AfterValidator(identifier_form)]
Short = Annotated[str, Field(min_length=1, max_length=SHORT_LIMIT)]
Long = Annotated[str, Field(min_length=1, max_length=TEXT_LIMIT)]
DueResult = Literal["equal", "different", "not_derived"]
_ACTOR = Principal("service", None, "history").actor


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class HistoryStep(_Part):
    """One step of a case, as the export contains it."""

    type: Annotated[str, Field(max_length=80)] = Field(description="Type of the event, one of STEPS")
    effective_at: Moment = Field(description="When: an instant with offset, or a date")
    body: dict[str, Any] = Field(default_factory=dict, description="Fields of that event")

    @cached_property
    def event(self) -> Event:
        """The event, validated once; `-` replaces a missing organisation. Raises Invalid."""
        return body_of(self.type, self.body, "-")

    @cached_property
    def fact(self) -> Fact:
        """The step as a fact of a case. Raises Invalid."""
        at, body = self.effective_at, self.event
        now = instant_of(at, "UTC")
        event = RecordedEvent("", "", 1, self.type, 1, "", at, now, "history", _ACTOR, "", None, None, None, body, ())
        return fold((event,)).facts[-1]

    def new_event(self, org: str | None) -> NewEvent:
        """The event to append to a case for which `org` is responsible. Raises Invalid."""
        lacks_org = self.type in NEEDS_ORG and self.body.get("org") is None
        return NewEvent(body_of(self.type, self.body, org) if lacks_org else self.event, self.effective_at)


_POSITION = re.compile(r"([+-]?\d{1,2}(?:\.\d{1,20})?), ([+-]?\d{1,3}(?:\.\d{1,20})?)")


def _position(value: str) -> str:
    found = _POSITION.fullmatch(value)
    if found is None or abs(float(found[1])) > 90 or abs(float(found[2])) > 180:
        raise WrongValue("is latitude, longitude in degrees: 39.37, -76.61", "须为以度表示的“纬度, 经度”。")
    return value


Position = Annotated[str, Field(max_length=60), AfterValidator(_position)]


class Filing(_Part):
    """The filing. Unknown fields are left out."""

    received_at: Moment
    title: Short | None = None
    text: Long | None = None
    place: Code | None = None
    subject: Code | None = None
    level: Code | None = None
    class_: Class | None = Field(None, alias="class")
    location: Short | None = None
    position: Position | None = Field(
        None,
        description="Latitude and longitude in degrees: gives the place, where none is named, and is not kept itself",
    )
    received_by: Code | None = None
    anonymous: bool = False
    confidential: bool = False
    name: Short | None = None
    phone: Short | None = None
    id_number: Short | None = None
    address: Short | None = None


_MANY_DIGITS = re.compile(r"\d{6}|(?:\d[ -]?){7}")


def organisation_name(value: str) -> str:
    """The name of an organisation. Raises WrongValue for a text that is none: without letters, with the digits of a telephone
    number, an internet address, or characters that are not printed."""
    plain = unicodedata.normalize("NFKC", value)
    wrong = (
        visible_controls(value) != value or "\n" in value or "\t" in value or "@" in plain or _MANY_DIGITS.search(plain)
    )
    if wrong or not any(one.isalpha() for one in plain):
        raise WrongValue(
            "is not the name of an organisation, and it would be kept in clear; map the column that holds the organisation",
            "不是单位名称，而单位名称以明文保存，请映射载明单位的列。",
        )
    return value


_OrganisationCode = Annotated[
    str, Field(min_length=1, max_length=80), AfterValidator(identifier_form), AfterValidator(no_personal_number)
]


class HistoryOrganisation(_Part):
    """The responsible organisation, as the source names it. `create`: add it to the policy if it is not listed."""

    name: Annotated[str, Field(min_length=1, max_length=120), AfterValidator(without_zero_width)]
    """Kept in clear if the organisation is created, as all names of organisations; then it has the form of such a name."""
    code: _OrganisationCode | None = None
    create: bool = False

    @model_validator(mode="after")
    def _created_under_a_name(self) -> Self:
        if self.create:
            organisation_name(self.name)
        return self


class HistoryDue(_Part):
    """A due date that the source states; compared with the derived one, never stored."""

    clock: Code
    at: Moment


class HistoryLink(_Part):
    """The source says that this filing repeats another one of the same channel. `item`: the number of that one."""

    item: GivenCode
    kind: LinkKind = "duplicate"


OnChange = Literal["correct", "keep", "refuse"]
"""What becomes of content that the source has changed since an earlier import: a correction beside the original, nothing, or the
row is refused. New steps are taken in the first two cases."""


class HistoryItem(_Part):
    """One row of an export."""

    line: int = Field(ge=0)
    channel: Code
    channel_class: ChannelClass | None = Field(None, description="Only where the policy does not know the channel")
    item: GivenCode
    filing: Filing
    org: Annotated[str, Field(min_length=1, max_length=80), AfterValidator(identifier_form)] | None = None
    organisation: HistoryOrganisation | None = None
    steps: Annotated[tuple[HistoryStep, ...], Field(max_length=200)] = ()
    due: HistoryDue | None = None
    link: HistoryLink | None = None
    go_live: bool = False
    create: tuple[Literal["place", "subject"], ...] = Field(
        (), description="Fields of the filing whose value is added to the policy if it is not listed"
    )
    on_change: OnChange = "correct"

    @cached_property
    def distinct_steps(self) -> tuple[HistoryStep, ...]:
        """The steps without repetitions: two columns may state the same step."""
        if len({(step.type, step.effective_at) for step in self.steps}) == len(self.steps):
            return self.steps
        found: dict[tuple[str, bytes], HistoryStep] = {}
        for step in self.steps:
            same = orjson.dumps([to_text(step.effective_at), step.body], option=orjson.OPT_SORT_KEYS)
            found.setdefault((step.type, same), step)
        return tuple(found.values())


class DueCompared(NamedTuple):
    """The date that the source states and the derived one."""

    clock: str
    result: DueResult
    stated: LegalTime
    derived: datetime | None


class LeftOut(NamedTuple):
    """A part of a row that was not recorded, while the rest of it was. No value of the row is quoted."""

    field: str
    code: str
    why: str
    why_zh: str


Notice = Literal["emptied_in_source", "reopened_in_source", "stated_before"]

Outcome = Literal["added", "extended", "same", "refused"]


class ItemResult(NamedTuple):
    """The result of one row."""

    line: int
    result: Outcome
    steps_added: int = 0
    code: str | None = None
    why: str | None = None
    why_zh: str | None = None
    field: str | None = None
    due: DueCompared | None = None
    corrected: int = 0
    """Fields and dates that were corrected, because the source states them otherwise now."""
    left_out: tuple[LeftOut, ...] = ()
    notices: tuple[Notice, ...] = ()
    """What is surprising in the row compared with an earlier export."""
