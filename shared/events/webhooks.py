"""Webhooks: endpoints of organisations and platforms (stream `webhooks`), and what was sent to each (streams `deliveries/<id>`)."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import BaseModel, ConfigDict

from shared.events.base import Event
from shared.events.fields import Moment, Service, Text

Audience = Literal["organisation", "platform"]
DisabledFor = Literal["owner", "operations", "exhausted", "gone"]
"""owner, operations: somebody disabled it; exhausted: every attempt of three days failed; gone: the server answered 410."""


class _Webhooks(Event):
    owner: ClassVar[Service] = "routing"
    also: ClassVar[tuple[Service, ...]] = ("intake",)
    party: str
    """Id of the endpoint. Its address and its keys are encrypted with a key of its own."""


class WebhookAdded(_Webhooks, zh="新增推送地址", en="A webhook was added."):
    """An organisation or a platform gave the address of its server. Stream `webhooks`."""

    audience: Audience
    member: str
    """Code of the organisation or platform; its jurisdiction is that of the event."""
    kinds: tuple[str, ...] = ()
    """Kinds of entries that it gets; empty: all."""
    after: int = 0
    """Entries after this one are sent."""
    public_key: str
    url: Text = None
    secret: Text = None
    private_key: Text = None


class WebhookRotated(_Webhooks, zh="更换推送密钥", en="The keys of a webhook were renewed."):
    """The endpoint got new keys. Until `both_until` messages are signed with the old keys, too. Stream `webhooks`."""

    both_until: Moment
    public_key: str
    secret: Text = None
    private_key: Text = None


class WebhookDisabled(_Webhooks, zh="停用推送地址", en="A webhook was disabled."):
    """Nothing is sent to the endpoint any more, until it is enabled. Stream `webhooks`."""

    reason: DisabledFor


class WebhookEnabled(_Webhooks, zh="启用推送地址", en="A webhook was enabled again."):
    """The endpoint gets everything that it missed, and what comes. Stream `webhooks`."""


class DeliveryResult(BaseModel):
    """One message that the receiver took."""

    model_config = ConfigDict(frozen=True, extra="ignore")
    seq: int
    status: int
    milliseconds: int


class _Deliveries(_Webhooks):
    """Each event states the position of the endpoint after it, so that the last event is sufficient."""

    after: int
    """The endpoint has everything up to this entry."""
    attempt: int = 0
    """Failed attempts for the next entry."""
    next_at: Moment | None = None
    """Not before this instant is the next attempt."""
    replay_from: int = 0
    replay_to: int = 0
    """First and last entry that are still to be sent again; 0: none."""


class WebhookDelivered(_Deliveries, zh="已推送", en="Entries were delivered to a webhook."):
    """The receiver took these entries. Stream `deliveries/<id>`."""

    results: tuple[DeliveryResult, ...] = ()


class WebhookFailed(_Deliveries, zh="推送失败", en="A delivery to a webhook failed."):
    """An attempt failed. Stream `deliveries/<id>`."""

    seq: int
    status: int | None = None
    problem: str | None = None
    """A stable code, if there was no answer."""
    milliseconds: int = 0
    answer: Text = None
    """The beginning of the receiver's answer."""


class WebhookReplayed(_Deliveries, zh="重新推送", en="Entries are to be sent to a webhook again."):
    """The owner asked for entries once more: `replay_from` to `replay_to`. Stream `deliveries/<id>`."""


class WebhookTested(_Deliveries, zh="试推送", en="A webhook was tested."):
    """A test message was sent. Stream `deliveries/<id>`."""

    status: int | None = None
    problem: str | None = None
    milliseconds: int = 0
    answer: Text = None
