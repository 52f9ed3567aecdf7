"""The rules of a jurisdiction for files: how many, how large, of which types. No article sets them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, get_args

from pydantic import Field, field_validator

from shared.kernel.validation_messages import WrongValue
from shared.policy.documents import Document
from shared.policy.profile import OWN_CHOICE, Source

FileKind = Literal["jpeg", "png", "heic", "pdf", "office", "text", "audio"]
MEGABYTE = 1024 * 1024


class FileCount(Document):
    value: int = Field(10, ge=0, le=100)
    source: Source = OWN_CHOICE


class FileSize(Document):
    """In MB of 1,048,576 bytes."""

    value: int = Field(10, ge=1, le=100)
    source: Source = OWN_CHOICE


class Pixels(Document):
    """In millions. Above 50, decoding needs more memory than its process has."""

    value: int = Field(40, ge=1, le=50)
    source: Source = OWN_CHOICE


class FileKinds(Document):
    """Accepted types by content. `office`: OOXML and the binary formats before it, without macros; `audio`: MP3, M4A, WAV, AMR,
    Ogg."""

    value: tuple[FileKind, ...] = get_args(FileKind)
    source: Source = OWN_CHOICE

    @field_validator("value")
    @classmethod
    def _each_once(cls, value: tuple[FileKind, ...]) -> tuple[FileKind, ...]:
        if not value or len(set(value)) < len(value):
            raise WrongValue(
                "must name each accepted type once, and at least one", "须列明可接收的类型，至少一种且不得重复。"
            )
        return value


class FileRules(Document):
    """The section `files`. A policy without it has these defaults."""

    files_per_filing: FileCount = FileCount()
    megabytes_per_file: FileSize = FileSize()
    megapixels: Pixels = Pixels()
    types: FileKinds = FileKinds()

    @property
    def most_bytes(self) -> int:
        return self.megabytes_per_file.value * MEGABYTE

    def values(self) -> Iterator[tuple[str, int | str, str]]:
        """(name, value, source) of each, in the order of the fields."""
        for name in type(self).model_fields:
            found: FileCount | FileSize | Pixels | FileKinds = getattr(self, name)
            yield name, ", ".join(found.value) if isinstance(found, FileKinds) else found.value, found.source
