"""Response models of filing, commands and health."""

from __future__ import annotations

from pydantic import Field

from shared.application.response import Answer, StateZh, TimeText


class ReceiptAnswer(Answer):
    """回执: keep it. The code is shown here only; with the number it answers how the case stands."""

    case: str = Field(description="Case id")
    number: str = Field(description="Number that people use")
    code: str = Field(description="Query code, secret of the petitioner")
    version: int = Field(description="Version of the case")
    state: str = Field(description="State of the case")
    received_at: TimeText = Field(description="When it was received, in law")
    repeated: bool = Field(description="True: this item was registered before, this is its receipt again")


class EventAnswer(Answer):
    """An event that a command led to."""

    version: int = Field(description="Its version in the case")
    type: str = Field(description="Event type")
    effective_at: TimeText = Field(description="When it is true in law: a date, or an instant in UTC")
    recorded_at: TimeText = Field(description="When it was recorded")


class CommandAnswer(Answer):
    """What came of a command. The same command_id gives the first answer again."""

    id: str = Field(description="Case id")
    number: str = Field(description="Number that people use")
    version: int = Field(description="Version of the case after the command")
    events: list[EventAnswer] = Field(description="What was appended; empty: there was nothing to do")
    state: str = Field(description="State after the command")
    state_zh: StateZh
    allowed: list[str] = Field(description="Commands that you may give next")
    repeated: bool = Field(description="True: this command_id had been carried out before, or there was nothing to do")


class Health(Answer):
    """Whether this process works."""

    ready: bool = Field(description="All is well")
    reasons: list[str] = Field(description="What is not")
    groups: dict[str, int] = Field(description="Consumer group -> commits not handled yet")
    notes: list[str] = Field(description="What is wrong and keeps this process from nothing")
