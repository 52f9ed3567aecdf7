"""Response models of filing, commands and health."""

from __future__ import annotations

from pydantic import Field

from shared.application.response import Answer, StateZh, TimeText


class ReceiptAnswer(Answer):
    """The receipt (回执) of a filing. Keep it: number and query code give access to the status of the case."""

    case: str = Field(description="Case id")
    number: str = Field(description="Case number for people")
    code: str = Field(description="Query code, secret of the petitioner")
    version: int = Field(description="Version of the case")
    state: str = Field(description="State of the case")
    received_at: TimeText = Field(description="Legal time of the receipt")
    unclear: tuple[str, ...] = Field(
        (),
        description="What a person still looks at: place, subject or qr that are not in the policy; received_at of long ago",
    )
    repeated: bool = Field(description="True if this item was registered before and this is its receipt again")


class EventAnswer(Answer):
    """An event that a command appended."""

    version: int = Field(description="Its version in the case")
    type: str = Field(description="Event type")
    effective_at: TimeText = Field(description="Legal time: a date, or an instant in UTC")
    recorded_at: TimeText = Field(description="When it was recorded")


class CommandAnswer(Answer):
    """The result of a command. The same command_id returns the first result again."""

    id: str = Field(description="Case id")
    number: str = Field(description="Case number for people")
    version: int = Field(description="Version of the case after the command")
    events: list[EventAnswer] = Field(description="Appended events; empty if there was nothing to do")
    state: str = Field(description="State after the command")
    state_zh: StateZh
    allowed: list[str] = Field(description="Commands that you may give next")
    repeated: bool = Field(description="True if this command_id was carried out before, or there was nothing to do")
    code: str | None = Field(
        None, description="The new query code, for the petitioner who renewed it; the old one is void"
    )
    heard: str | None = Field(None, description="What became of a nudge, for the petitioner")
    heard_zh: str | None = Field(None, description="The same in Chinese")


class Health(Answer):
    """Readiness of this process."""

    ready: bool = Field(description="All is well")
    reasons: list[str] = Field(description="Reasons why the process is not ready")
    groups: dict[str, int] = Field(description="Consumer group -> commits not handled yet")
    notes: list[str] = Field(description="Problems that do not prevent this process from working")
