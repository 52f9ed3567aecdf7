"""Many clients that file concurrently and record the answers."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

import httpx

from tests.faults.checker import Op

TEXT = "路灯不亮"
MATTERS = tuple(
    (place, subject) for place in ("dh", "xs", "bh") for subject in ("01", "02", "03", "04", "05", "06", "07")
)
"""Place and subject: nine organisations of the demo county get them."""


class Reached(Protocol):
    """A server, or an app in this process."""

    def client(self, as_: str = ...) -> httpx.AsyncClient: ...


@dataclass
class Filing:
    """The filings and answers so far."""

    server: Reached
    history: list[Op] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)
    """Answers by HTTP status; 0 is no answer at all."""
    in_flight: set[str] = field(default_factory=set)
    """Items that were sent and not answered yet."""
    _filed: int = 0
    matters: Sequence[tuple[str, str]] = MATTERS

    async def many(self, clients: int, each: int, prefix: str) -> None:
        """`clients` at once, each files `each` complaints and takes the first answer for an answer."""
        async with self.server.client() as client:
            await asyncio.gather(*(self._client(client, f"{prefix}{n}", each) for n in range(clients)))

    async def _client(self, client: httpx.AsyncClient, name: str, each: int) -> None:
        for number in range(each):
            await self.file(client, f"{name}-{number}")

    async def file(self, client: httpx.AsyncClient, item: str, *, text: str = TEXT) -> int:
        """File once. An attempt that was neither accepted nor refused may have been registered, so it is `info`."""
        self._filed += 1
        place, subject = self.matters[self._filed % len(self.matters)]
        body = {"channel": "web", "item": item, "text": text, "place": place, "subject": subject}
        self.in_flight.add(item)
        try:
            answer = await client.post("/v1/submissions", json=body)
        except (httpx.TransportError, OSError):
            self.statuses[0] += 1
            self.history.append(Op("submit", item, "info"))
            return 0
        finally:
            self.in_flight.discard(item)
        self.statuses[answer.status_code] += 1
        if answer.is_success:
            receipt = answer.json()
            self.history.append(Op("submit", item, "ok", receipt["case"], receipt["number"]))
        else:
            self.history.append(Op("submit", item, "info" if answer.status_code == 503 else "fail"))
        return answer.status_code
