"""Files in commands: references to uploads, and the events that attach them to a case. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, NamedTuple

from pydantic import AfterValidator, Field

from shared.events.files import FileAttached, FileKind
from shared.kernel.refusals import Invalid, Refused
from shared.kernel.validation_messages import WrongValue

FILES_LIMIT = 10
"""Files of one command at most (own choice; the policy may allow fewer)."""


class FileDetails(NamedTuple):
    """What is known of a file besides its bytes. The name is personal data: it is sealed."""

    media_type: str
    kind: FileKind = "other"
    name: str | None = None
    original: str | None = None
    """The blob of the file that this one was made of: a thumbnail, or a redacted form."""
    form: str | None = None
    """`thumbnail` or `redacted` where there is an original."""


class AttachableFile(NamedTuple):
    """A complete upload that a command may attach. Its blob is durable."""

    upload: str
    blob: str
    key: str
    """The key of the file in the clear; the event seals it under the key of the party."""
    size: int
    details: FileDetails


Files = Mapping[str, AttachableFile | Refused]
"""Upload id -> the file, or why it cannot be attached."""


def _once(uploads: tuple[str, ...]) -> tuple[str, ...]:
    if len(set(uploads)) < len(uploads):
        raise WrongValue("names the same upload twice", "重复引用了同一上传文件")
    return uploads


FileReference = Annotated[str, Field(min_length=1, max_length=100, pattern=r"^[A-Za-z0-9._:-]+$")]
FileReferences = Annotated[
    tuple[FileReference, ...],
    Field(max_length=FILES_LIMIT),
    AfterValidator(_once),
    Field(description="Ids of your uploads"),
]
"""The files that a command attaches."""


def attached(files: Files, uploads: Sequence[str], *, party: str | None) -> list[FileAttached]:
    """The events that attach these uploads.

    Args:
        party: Whose personal data the files are; None for the acting organisation.

    Raises:
        Refused: `file_unknown`, `file_used`, `file_held`, `upload_incomplete`, …: why one of them cannot be attached.
    """
    events = []
    for upload in uploads:
        found = files.get(upload)
        if found is None:
            raise no_such_file()
        if isinstance(found, Refused):
            raise found
        details = found.details
        events.append(
            FileAttached(
                blob=found.blob,
                media_type=details.media_type,
                size=found.size,
                kind=details.kind,
                party=party,
                original=details.original,
                form=details.form,
                name=details.name,
                key=found.key,
            )
        )
    return events


def no_such_file() -> Invalid:
    return Invalid(
        "file_unknown",
        "There is no such upload of yours, or it has expired after a day. Upload the file again, then send the command.",
        detail_zh="没有该上传文件，或其已超过一天有效期。请重新上传后再提交。",
        field="files",
    )
