"""Refusals: what was asked cannot be done, and the log stays as it was.

    Refused                a rule of the domain or of access says no (409 unless told otherwise)
    ├── Unknown            no such thing, or not yours to see (404)
    ├── Denied             this principal may never do that (403)
    ├── Invalid            the request itself is wrong, with the field (422)
    └── Unavailable        nothing wrong with the request; try again later (503)

`code` is stable and never translated: programs depend on it. `why` is one English sentence for people that says what is
allowed instead; `why_zh` the same in Chinese. Neither ever quotes a value that somebody typed.
"""

from __future__ import annotations

from typing import Any


class Refused(Exception):
    """Raised by decide() and authorize(). Carries only what may be shown to the caller."""

    status = 409

    def __init__(
        self, code: str, why: str, *, why_zh: str | None = None, field: str | None = None, **more: Any
    ) -> None:
        super().__init__(f"{code}: {why}")
        self.code = code
        self.why = why
        self.why_zh = why_zh
        self.field = field
        self.more = more


class Unknown(Refused):
    status = 404


class Denied(Refused):
    status = 403


class Invalid(Refused):
    status = 422


class Unavailable(Refused):
    status = 503
