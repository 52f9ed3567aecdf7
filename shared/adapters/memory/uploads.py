"""Upload records in memory, for tests."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

from shared.eventstore.uploads import UploadChanged, UploadRecord


class MemoryUploads:
    """An `UploadStore`."""

    def __init__(self) -> None:
        self._records: dict[str, UploadRecord] = {}

    async def get(self, keys: Sequence[str]) -> dict[str, UploadRecord]:
        return {key: self._records[key] for key in keys if key in self._records}

    async def save(self, record: UploadRecord) -> None:
        before = self._records.get(record.key)
        if (0 if before is None else before.version) != record.version - 1:
            raise UploadChanged
        self._records[record.key] = record

    async def of_blobs(self, addresses: Sequence[str]) -> list[UploadRecord]:
        return [record for record in self._records.values() if record.blob in addresses]

    async def all(self, *, batch: int = 1000) -> AsyncIterator[Sequence[UploadRecord]]:
        found = [self._records[key] for key in sorted(self._records)]
        for at in range(0, len(found), batch):
            yield found[at : at + batch]

    async def erase(self, keys: Sequence[str]) -> int:
        return sum(self._records.pop(key, None) is not None for key in set(keys))

    async def close(self) -> None:
        """Nothing to close."""
