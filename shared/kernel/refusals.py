"""Refusals: a request that is not carried out. The log does not change.

    Refused                a rule of the domain or of access forbids it (409 by default)
    ├── Unknown            it does not exist, or the caller may not see it (404)
    ├── Denied             this principal may never do this (403)
    ├── Invalid            the request itself is wrong; names the field (422)
    └── Unavailable        the request is valid; try again later (503)

`code` is stable and never translated: programs depend on it. `detail` is an English sentence for people that names what
is allowed instead, `detail_zh` the same in Chinese. Neither ever quotes a value of the request.
"""

from __future__ import annotations

from typing import Any


class Refused(Exception):
    """Raised by decide() and authorize(). Contains only what may be shown to the caller."""

    status = 409

    def __init__(
        self, code: str, detail: str, *, detail_zh: str | None = None, field: str | None = None, **more: Any
    ) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail
        self.detail_zh = detail_zh
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
