"""The port `UploadStore`: records of uploads until an event names the file, or the upload expires.

Only the embedded server and the processes that receive files read them. They are not part of the log, of a backup or of a move:
what is in no event yet can be sent again.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import NamedTuple, Protocol


class UploadRecord(NamedTuple):
    """One record as it is stored."""

    key: str
    """Derived from owner and upload id."""
    version: int
    """1 for a new record; each save counts one up."""
    expires_at: datetime
    draft: str
    """The draft of its content."""
    blob: str | None
    """The address, once the content is complete."""
    value: bytes
    """Everything else (JSON); the key of the file is wrapped in it."""


class UploadChanged(Exception):
    """Another caller saved or removed this record first."""


class UploadStore(Protocol):
    """Promises, checked by the contract suite for each adapter:

    - `save` is durable before it returns, and succeeds only on the version before.
    - An erased record is gone from the store, with the wrapped key in it.
    - Where the store does not answer: StoreUnavailable.
    """

    async def get(self, keys: Sequence[str]) -> dict[str, UploadRecord]:
        """key -> record, without those that do not exist. One round trip for the whole list."""
        ...

    async def save(self, record: UploadRecord) -> None:
        """Store the record over its version before; version 1 must not exist. Raises UploadChanged."""
        ...

    async def of_blobs(self, addresses: Sequence[str]) -> list[UploadRecord]:
        """The records whose content is one of these blobs."""
        ...

    def all(self, *, batch: int = 1000) -> AsyncIterator[Sequence[UploadRecord]]:
        """All records, in the order of their keys."""
        ...

    async def erase(self, keys: Sequence[str]) -> int:
        """Remove them without a trace; returns how many there were."""
        ...

    async def close(self) -> None: ...
