"""Messages to petitioners. Stream `messages/<case>`: what is to be sent, what was sent, and what became of it. It holds no
address and no text: both are made at the moment of sending."""

from __future__ import annotations

from typing import ClassVar, Literal

from shared.events.base import Event
from shared.events.fields import Moment, Service

MessageChannel = Literal["sms", "email", "account"]
MessageKind = Literal[
    "registered", "accepted", "not_accepted", "notice", "reply", "opinion", "asked", "reminder", "closed"
]
Instead = Literal["letter", "call"]
"""What a person does where nothing can be sent."""


class _Messages(Event):
    owner: ClassVar[Service] = "intake"
    message: str
    """Id of the message: the `effect_id` that its gateway gets with every attempt."""


class MessageRequested(_Messages, zh="待发消息", en="A message is to be sent."):
    """Something happened of which the petitioner has to be notified."""

    kind: MessageKind
    about: str
    """Id of the event that it is about."""
    day: str
    """The local day of that event: 2026-03-02."""
    carries_notice: bool = False
    """The message announces a notice that is served with it: no quiet hours and no cap delay it."""


class MessageSending(_Messages, zh="正在发送", en="A message is being sent."):
    """The gateway is called next. If no result follows, it is not known whether the gateway took the message."""

    channel: MessageChannel
    gateway: str
    attempt: int


class MessageSent(_Messages, zh="已发送", en="The gateway took a message."):
    """The gateway took the message. That is no proof that it arrived."""

    channel: MessageChannel
    attempt: int
    reference: str | None = None
    """The gateway's own id of it."""


class MessageDelivered(_Messages, zh="已送达终端", en="The gateway reported a message as delivered."):
    """The gateway reported that the message arrived."""


class MessageFailed(_Messages, zh="发送失败", en="A message could not be sent."):
    """An attempt failed, or the gateway reported later that the message did not arrive."""

    channel: MessageChannel | None = None
    attempt: int
    code: str
    """A stable code."""
    unknown: bool = False
    """True if the gateway may have taken it."""
    next_at: Moment | None = None


class MessageGivenUp(_Messages, zh="停止发送", en="A message was given up."):
    """The message is not sent any more. `instead`: what a person has to do, because it carries a notice or asks for something."""

    reason: str
    """A stable code."""
    instead: Instead | None = None


class MessageDoneByHand(_Messages, zh="人工告知", en="The petitioner was told by letter or call."):
    """A person informed the petitioner instead."""

    by: Instead
