"""Which texts a colleague checks before they are signed. No article sets these values."""

from __future__ import annotations

from typing import Literal

from shared.policy.documents import Document

SigningKind = Literal["reply", "decision", "opinion"]


class SigningRules(Document):
    """`check`: kinds of drafts that somebody else has agreed to before their text may be signed. `by`: `key`, another access key is
    somebody else; `person`, only another person is, so that both keys name one. `roles`: whose signature needs it."""

    source: str = "own choice"
    check: tuple[SigningKind, ...] = ()
    by: Literal["key", "person"] = "key"
    roles: tuple[Literal["clerk", "registrar", "supervisor", "organisation"], ...] = (
        "clerk",
        "registrar",
        "supervisor",
    )
