"""A gateway in memory for tests, which counts what it is asked to send."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from shared.messaging.gateway import GatewayResult, OutgoingMessage


class MemoryGateway:
    """`calls`: how often each `effect_id` was sent; `taken`: what would have reached a telephone."""

    def __init__(self, name: str = "memory", *, deduplicates: bool = True) -> None:
        self.name = name
        self.deduplicates = deduplicates
        self.calls: Counter[str] = Counter()
        self.taken: list[OutgoingMessage] = []
        self.answers: Callable[[OutgoingMessage], GatewayResult | None] = lambda _message: None
        """What it answers instead of taking the message; None: it takes it."""

    async def send(self, message: OutgoingMessage) -> GatewayResult:
        self.calls[message.effect_id] += 1
        if (given := self.answers(message)) is not None:
            return given
        known = any(one.effect_id == message.effect_id for one in self.taken)
        if not (known and self.deduplicates):
            self.taken.append(message)
        return GatewayResult("sent", "taken", f"m-{len(self.taken)}")
