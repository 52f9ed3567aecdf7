"""Notifications to platforms, and refused records. Streams `updates/<jurisdiction>/<platform>`, `refused/<digest>`."""

from __future__ import annotations

from typing import ClassVar, Literal

from shared.events.base import Event
from shared.events.fields import Moment, Service, Text
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
    "webhook_disabled",
]


class _Platforms(Event):
    owner: ClassVar[Service] = "intake"


class PlatformUpdate(_Platforms, zh="告知平台", en="A platform was notified."):
    """A notification to a platform. Stream `updates/<jurisdiction>/<platform>`; the stream version is the reader's cursor.

    The platform's own item id is not stored here; it is decrypted from the case when the entry is read.
    """

    kind: UpdateKind
    case: str | None = None
    number: str | None = None
    version: int | None = None
    """Version of the case event that this entry is about."""
    org: str | None = None
    due: tuple[Due, ...] = ()
    about: str | None = None
    """Id of the event that this entry is about."""
    detail: str | None = None
    """A stable code that refines the kind."""
    record: str | None = None
    """PARTITION:OFFSET of the record of the platform's topic that this entry answers."""
    sent_at: Moment | None = None
    """The timestamp of that record."""
    repeated: bool = False
    """True for the repeated answer to a record that was answered before."""
    command: str | None = None
    command_id: str | None = None
    refusal: Refusal | None = None
    kept: str | None = None
    """Stream in which the refused record is stored."""


class SubmissionRefused(_Platforms, zh="不予登记", en="A record of a platform was refused."):
    """A record of a platform's topic was refused. Repeated deliveries get the same answer. Stream `refused/<digest>`."""

    platform: str
    refusal: Refusal
    command: str | None = None
    command_id: str | None = None
    channel: Text = None
    item: Text = None
    """The platform's own item id, or the case that the record names."""
    record: Text = None
    """The record itself in base64, where it could not be read: its bytes compressed (zlib)."""
