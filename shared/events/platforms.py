"""What a platform was told of its filings, and what was refused to it. Streams `updates/<platform>`, `refused/<…>`."""

from __future__ import annotations

from typing import ClassVar, Literal

from shared.events.base import Event, Moment, Service, Text
from shared.events.refusal import Refusal
from shared.events.routing import Due

UpdateKind = Literal[
    "registered",
    "refused",
    "done",
    "sent",
    "accepted",
    "not_accepted",
    "notice",
    "extended",
    "replied",
    "invited",
    "closed",
    "reopened",
    "reviewed",
    "corrected",
    "linked",
    "unlinked",
    "guided",
]


class _Platforms(Event):
    owner: ClassVar[Service] = "intake"


class PlatformUpdate(_Platforms):
    """What a platform was told, and when. Stream `updates/<platform>`; its version is the reader's cursor. The platform's
    own item id is not here: it is opened where it is sealed, when the entry is read."""

    kind: UpdateKind
    case: str | None = None
    number: str | None = None
    version: int | None = None
    """Of the case: the event that this entry tells of."""
    org: str | None = None
    due: tuple[Due, ...] = ()
    about: str | None = None
    """The event that this entry tells of."""
    detail: str | None = None
    """A stable code that says more about the kind."""
    record: str | None = None
    """PARTITION:OFFSET of the record of the platform's topic that this entry answers."""
    sent_at: Moment | None = None
    """When that record was sent, by its own time."""
    repeated: bool = False
    """The same was answered before: this is that answer again."""
    command: str | None = None
    command_id: str | None = None
    refusal: Refusal | None = None
    kept: str | None = None
    """Stream in which the refused record is on file."""


class SubmissionRefused(_Platforms):
    """A record of a platform's topic was refused: for ever, whatever is delivered again. Stream `refused/<digest>`."""

    platform: str
    refusal: Refusal
    command: str | None = None
    command_id: str | None = None
    channel: Text = None
    item: Text = None
    """What the platform calls it: its item id, or the case that it named."""
    record: Text = None
    """The record itself in base64, where it could not be read: its bytes compressed (zlib)."""
