"""What requests about files say, and what they are answered."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from shared.application.command_dispatch import CommandId
from shared.application.response import Answer, TimeText


class UploadAnswer(Answer):
    """An upload. Name it as a file of a command within a day."""

    upload: str = Field(description="Id of the upload: the reference in `files` of a command")
    offset: int = Field(description="Bytes that are stored; the next part begins here")
    size: int | None = Field(
        description="Bytes of the whole file, if known; of a re-encoded image, those of the new one"
    )
    complete: bool = Field(description="All bytes are here")
    held: str | None = Field(description="Why no command may name it yet: unchecked, scanning; null: it may be named")
    media_type: str | None = Field(description="Type by its content; null before it was inspected")
    name: str | None = Field(description="Name as it is kept: without paths, with the extension of the type")
    width: int | None = Field(description="Pixels of an image")
    height: int | None = Field(description="Pixels of an image")
    latitude: float | None = Field(description="Where an image was taken, if it said so. It is removed from the image")
    longitude: float | None = Field(description="Where an image was taken, if it said so. It is removed from the image")
    expires_at: TimeText = Field(description="When the upload is removed, if no command names it")
    attached: bool = Field(description="A command has named it")


class FileRule(Answer):
    """One limit, with its source."""

    name: str = Field(description="Name")
    value: int | str = Field(description="Value")
    source: str = Field(description="Local document that sets it; `own choice`: a proposal to be confirmed")


class FileRulesAnswer(Answer):
    """Limits of files."""

    rules: list[FileRule] = Field(description="Limits, with their sources")


class Rectangle(BaseModel):
    """A part of an image, in pixels of the stored image from its upper left corner."""

    model_config = ConfigDict(extra="forbid")

    left: int = Field(ge=0, le=100_000, description="From the left")
    top: int = Field(ge=0, le=100_000, description="From the top")
    width: int = Field(ge=1, le=100_000, description="To the right")
    height: int = Field(ge=1, le=100_000, description="Downwards")


class RedactionRequest(BaseModel):
    """Cover parts of an image, or put a text in the place of another file. Exactly one of the two."""

    model_config = ConfigDict(extra="forbid")

    command_id: CommandId = Field(max_length=60, description="Your id. The same id again gives the first answer")
    cover: list[Rectangle] = Field(
        default_factory=list, max_length=200, description="Parts of an image that become black"
    )
    text: str | None = Field(
        None, min_length=1, max_length=100_000, description="The text that replaces the file, without names"
    )
