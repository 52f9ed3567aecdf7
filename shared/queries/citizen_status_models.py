"""Response models of the citizen status."""

from __future__ import annotations

from pydantic import Field

from shared.application.response import Answer


class MayAsk(Answer):
    """A right that is open now (Art. 35, 36)."""

    command: str = Field(description="request_review or request_re_review")
    until: str | None = Field(
        description="Last day; null while the day on which the opinion was received is not on record"
    )
    zh: str = Field(description="In Chinese")
    en: str = Field(description="In English")
    article: str = Field(description="Article that says so")


class StatusAnswer(Answer):
    """The status of a case, in plain sentences, for the person whose case it is."""

    number: str = Field(description="Number of the case")
    state: str = Field(description="State as a code")
    zh: str = Field(description="What happened, who has it, what comes next, by when and why, in Chinese")
    en: str = Field(description="The same in English")
    org: str | None = Field(description="Name of the organisation that has it")
    due_day: str | None = Field(description="Day by which the next step is due")
    due_because: str | None = Field(description="Article that says so")
    may_ask: MayAsk | None = Field(description="The review that may be asked for now, and until when")
    events: list[dict[str, str]] = Field(description="What happened, oldest first: day, zh, en")
