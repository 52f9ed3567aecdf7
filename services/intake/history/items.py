"""The models of a row of an export, and of what came of it."""

from __future__ import annotations

from datetime import datetime
from functools import cached_property
from typing import Annotated, Any, Literal, NamedTuple

import orjson
from pydantic import BaseModel, ConfigDict, Field

from services.intake.history.step_types import as_fact, body_of, lacks_org
from shared.case import Fact
from shared.commands.command import NewEvent
from shared.events import Event
from shared.events.fields import Class, Moment
from shared.kernel.legal_time import LegalTime, to_text
from shared.policy.documents import ChannelClass

TEXT_LIMIT = 100_000
"""Characters of one text."""
SHORT_LIMIT = 2_000
CODE_LIMIT = 128

Code = Annotated[str, Field(min_length=1, max_length=CODE_LIMIT)]
Short = Annotated[str, Field(min_length=1, max_length=SHORT_LIMIT)]
Long = Annotated[str, Field(min_length=1, max_length=TEXT_LIMIT)]
DueResult = Literal["equal", "different", "not_derived"]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class HistoryStep(_Part):
    """One thing that the export knows to have happened."""

    type: Annotated[str, Field(max_length=80)] = Field(description="Type of the event, one of STEPS")
    effective_at: Moment = Field(description="When: an instant with offset, or a date")
    body: dict[str, Any] = Field(default_factory=dict, description="Fields of that event")

    @cached_property
    def event(self) -> Event:
        """The event, validated once; an organisation that is left out stands as `-`. Raises Invalid."""
        return body_of(self, "-")

    @cached_property
    def fact(self) -> Fact:
        """What the step will be among the facts of a case. Raises Invalid."""
        return as_fact(self, self.event)

    def fresh(self, org: str | None) -> NewEvent:
        """The event as it is to be appended, where `org` is responsible. Raises Invalid."""
        return NewEvent(body_of(self, org) if lacks_org(self) else self.event, self.effective_at)


class Filing(_Part):
    """What was filed. Unknown fields stay out."""

    received_at: Moment
    title: Short | None = None
    text: Long | None = None
    place: Code | None = None
    subject: Code | None = None
    level: Code | None = None
    class_: Class | None = Field(None, alias="class")
    location: Short | None = None
    received_by: Code | None = None
    anonymous: bool = False
    confidential: bool = False
    name: Short | None = None
    phone: Short | None = None
    id_number: Short | None = None
    address: Short | None = None


class HistoryOrganisation(_Part):
    """Who was responsible, as the source names it. `create`: add it to the list when it is not there."""

    name: Annotated[str, Field(min_length=1, max_length=200)]
    code: Annotated[str, Field(min_length=1, max_length=80)] | None = None
    create: bool = False


class HistoryDue(_Part):
    """A due date that the source states; compared with the derived one, never stored."""

    clock: Code
    at: Moment


class HistoryItem(_Part):
    """One row of an export."""

    line: int = Field(ge=0)
    channel: Code
    channel_class: ChannelClass | None = Field(None, description="Only where the policy does not know the channel")
    item: Code
    filing: Filing
    org: Annotated[str, Field(min_length=1, max_length=80)] | None = None
    organisation: HistoryOrganisation | None = None
    steps: Annotated[tuple[HistoryStep, ...], Field(max_length=200)] = ()
    due: HistoryDue | None = None
    go_live: bool = False

    @cached_property
    def told(self) -> tuple[HistoryStep, ...]:
        """The steps, each once: one thing told by two columns is one thing."""
        if len({(step.type, step.effective_at) for step in self.steps}) == len(self.steps):
            return self.steps
        found: dict[tuple[str, bytes], HistoryStep] = {}
        for step in self.steps:
            same = orjson.dumps([to_text(step.effective_at), step.body], option=orjson.OPT_SORT_KEYS)
            found.setdefault((step.type, same), step)
        return tuple(found.values())


class DueCompared(NamedTuple):
    """The date that the source states beside the derived one."""

    clock: str
    result: DueResult
    stated: LegalTime
    derived: datetime | None


Outcome = Literal["added", "extended", "same", "refused"]


class ItemResult(NamedTuple):
    """What came of one row."""

    line: int
    result: Outcome
    steps_added: int = 0
    code: str | None = None
    why: str | None = None
    why_zh: str | None = None
    field: str | None = None
    due: DueCompared | None = None
