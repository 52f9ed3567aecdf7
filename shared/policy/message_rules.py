"""When messages may be sent to petitioners. No article sets these values."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from shared.policy.documents import Document


class QuietHours(Document):
    """Local hours in which nothing is sent that can wait; it may begin before midnight and end after it."""

    begins: int = Field(ge=0, le=23)
    ends: int = Field(ge=0, le=23)


class MessageRules(Document):
    """`quiet` and `daily_cap` (messages of one case on one local day) never delay a message that carries a notice.
    `implied`: channels
    for which contact data in the filing are consent enough (PIPL Art. 13: needed for a statutory duty); a petitioner's own word
    always goes before."""

    source: str = "own choice"
    quiet: QuietHours | None = None
    daily_cap: int = Field(3, ge=1, le=100)
    implied: tuple[Literal["sms", "email", "account"], ...] = ()
    language: Literal["zh", "en"] = "zh"
