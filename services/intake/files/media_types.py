"""The types of files that are accepted, and why one is not.

The type follows from the content. The name of a file never decides; its extension is corrected to the type.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:  # the inspection process starts in 50 ms without the models of the policy, in 350 ms with them
    from shared.policy.file_rules import FileKind


class MediaType(NamedTuple):
    """One accepted type. `kind` is what the policy names."""

    kind: FileKind
    name: str
    extension: str

    @property
    def image(self) -> bool:
        return self.name.startswith("image/")


JPEG = MediaType("jpeg", "image/jpeg", ".jpg")
PNG = MediaType("png", "image/png", ".png")
HEIC = MediaType("heic", "image/heic", ".heic")
PDF = MediaType("pdf", "application/pdf", ".pdf")
DOCX = MediaType("office", "application/vnd.openxmlformats-officedocument.wordprocessingml.document", ".docx")
XLSX = MediaType("office", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", ".xlsx")
PPTX = MediaType("office", "application/vnd.openxmlformats-officedocument.presentationml.presentation", ".pptx")
DOC = MediaType("office", "application/msword", ".doc")
XLS = MediaType("office", "application/vnd.ms-excel", ".xls")
PPT = MediaType("office", "application/vnd.ms-powerpoint", ".ppt")
TEXT = MediaType("text", "text/plain", ".txt")
MP3 = MediaType("audio", "audio/mpeg", ".mp3")
M4A = MediaType("audio", "audio/mp4", ".m4a")
WAV = MediaType("audio", "audio/wav", ".wav")
AMR = MediaType("audio", "audio/amr", ".amr")
AMR_WB = MediaType("audio", "audio/amr-wb", ".awb")
OGG = MediaType("audio", "audio/ogg", ".ogg")
ALL = (JPEG, PNG, HEIC, PDF, DOCX, XLSX, PPTX, DOC, XLS, PPT, TEXT, MP3, M4A, WAV, AMR, AMR_WB, OGG)
BY_NAME = {one.name: one for one in ALL}


class Unfit(Exception):
    """The content is not accepted. `code` is a key of `verdicts.yaml`; nothing of the content is quoted."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class Limits(NamedTuple):
    """What one inspection may read and make."""

    pixels: int = 40_000_000
    inflated: int = 256 * 1024 * 1024
    """Bytes that a document may hold when all of its parts are decompressed (own choice)."""
    part: int = 64 * 1024 * 1024
    """Bytes of one decompressed part of an Office document (own choice)."""
    parts: int = 5000
    """Parts of one Office document (own choice)."""


class Budget:
    """Decompressed bytes that are left. Shared by a document and all that is in it."""

    def __init__(self, most: int) -> None:
        self.left = most

    def take(self, count: int) -> None:
        """Raises Unfit where nothing is left."""
        self.left -= count
        if self.left < 0:
            raise Unfit("file_bomb")
