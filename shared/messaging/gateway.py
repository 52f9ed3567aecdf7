"""The port `Gateway`: sends one message to one address by one channel."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, NamedTuple, Protocol

Outcome = Literal["sent", "refused", "not_sent", "unknown"]


class OutgoingMessage(NamedTuple):
    """A message with its address, which exists only while it is sent."""

    effect_id: str
    """The same for all attempts: a gateway that has taken it does nothing the second time."""
    channel: str
    address: str
    subject: str
    text: str
    language: str


class GatewayResult(NamedTuple):
    """What became of one attempt."""

    outcome: Outcome
    """sent: the gateway has it; refused: it never takes it; not_sent: certainly not taken; unknown: it may have taken it."""
    code: str
    """A stable code, never a text of the gateway."""
    reference: str | None = None
    """The gateway's own id of the message."""
    retry_after: float | None = None
    """Seconds that the gateway asks to wait."""
    down: bool = False
    """True if the fault is the gateway's, not the message's: others need not be tried now."""


class GatewayFigures(NamedTuple):
    """Counters of one channel, for operations."""

    waiting: int
    """Messages whose time has come."""
    closed: bool
    """True while the gateway does not answer and gets nothing."""
    attempts: Mapping[str, int]
    """Attempts of this process by outcome."""


class Gateway(Protocol):
    """Promises, checked by the contract suite for each adapter:

    - `send` ends within its time limit and never raises because of the gateway.
    - `not_sent` is only returned if the gateway has certainly not taken the message.
    - If `deduplicates`, a message with the same `effect_id` is taken once, however often it is sent.
    """

    name: str
    deduplicates: bool

    async def send(self, message: OutgoingMessage) -> GatewayResult: ...
