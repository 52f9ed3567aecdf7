"""The port `OutboundHttp`: requests to servers of others, with limits that the receiver cannot exceed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple, Protocol


class OutboundAnswer(NamedTuple):
    """The result of one attempt."""

    status: int | None
    """The HTTP status; None if there was no answer."""
    problem: str | None
    """Why there was no answer: `timeout`, `unreachable`, `tls`, `unknown_host`, `not_http`, or a code of refusal_of_address()."""
    milliseconds: int
    body: bytes = b""
    """The beginning of the answer's body."""
    retry_after: float | None = None
    """Seconds that the receiver asks to wait."""
    begun: bool = True
    """False: it is certain that the receiver has not got the request."""

    @property
    def ok(self) -> bool:
        return self.status is not None and 200 <= self.status < 300


class OutboundHttp(Protocol):
    """Promises, checked by the tests of its adapter:

    - The host is resolved once per connection; every address must be permitted; the connection goes to a checked address.
    - Redirects are not followed, and no proxy of the environment is used.
    - A call ends within its time limit, and reads at most a limited number of bytes of the answer.
    - It never raises because of the receiver.
    """

    async def post(
        self, url: str, headers: Mapping[str, str], body: bytes, *, seconds: float = 20.0
    ) -> OutboundAnswer: ...

    async def check(self, url: str) -> None:
        """Raises Invalid (`webhook_url_wrong`, `webhook_address_refused`) if nothing may be sent to this URL. A host that cannot be
        resolved now is no reason."""
        ...

    async def close(self) -> None: ...
