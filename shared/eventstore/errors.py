"""Errors of the stores that callers tell apart. `Conflict` and `DuplicateCommand` belong to the event store's `append`.

StoreFull         no space (507)
StoreBroken       durability is not certain; the process must end
StoreUnavailable         the store does not answer (503)
└── LoginRefused  it answers and refuses the login
Damaged         the stored bytes of one stream cannot be trusted
"""

from __future__ import annotations


class StoreFull(Exception):
    """No space is left. Nothing was written and reads go on; append again once there is space (HTTP 507)."""


class StoreBroken(Exception):
    """Durability is no longer certain (a failed fsync). The process must stop accepting and end: a failed fsync is never
    retried as if it had succeeded."""


class StoreUnavailable(Exception):
    """The store does not answer (read models and keys raise it too). An append may have been written or not: send it again
    under the same cause, and it is appended once. The next call asks the store again (HTTP 503)."""


class LoginRefused(StoreUnavailable):
    """The store answers and does not accept the user or the password. The next call asks again, because an administrator may
    have corrected the login meanwhile."""


class Damaged(Exception):
    """The stored bytes of this stream cannot be trusted. The stream cannot be read; all other streams can."""

    def __init__(self, stream: str, version: int, why: str = "the bytes do not match their hash") -> None:
        super().__init__(f"{stream} version {version}: {why}")
        self.stream = stream
        self.version = version
