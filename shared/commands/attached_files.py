"""Files in commands: references to uploads, and the events that attach them to a case. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, NamedTuple

from pydantic import AfterValidator, Field

from shared.commands.command import NewEvent
from shared.events.files import FileAttached, FileForm, FileKind
from shared.kernel.legal_time import LegalTime
from shared.kernel.refusals import Invalid, Refused
from shared.kernel.validation_messages import WrongValue
from shared.policy.book import PolicyBook

FILES_LIMIT = 100
"""Files of one command at most; the policy allows fewer (`files.files_per_filing`)."""


class FileDetails(NamedTuple):
    """What is known of a file besides its bytes. The name is personal data: it is sealed."""

    media_type: str
    kind: FileKind = "other"
    name: str | None = None
    original: str | None = None
    """The blob of the file that this one was made of: a thumbnail, or a redacted form."""
    form: FileForm | None = None
    """`thumbnail` or `redacted` where there is an original."""
    position: tuple[float, float] | None = None
    """Latitude and longitude that an image named. Offered to the owner of the upload; in no event."""
    pixels: tuple[int, int] | None = None
    """Width and height of an image."""


class AttachableFile(NamedTuple):
    """A complete upload that a command may attach. Its blob is durable."""

    upload: str
    blob: str
    key: str
    """The key of the file in the clear; the event seals it under the key of the party."""
    size: int
    details: FileDetails


def _once(uploads: tuple[str, ...]) -> tuple[str, ...]:
    if len(set(uploads)) < len(uploads):
        raise WrongValue("names the same upload twice", "重复引用了同一上传文件。")
    return uploads


FileReference = Annotated[str, Field(min_length=1, max_length=80, pattern=r"^[A-Za-z0-9._-]+$")]
FileReferences = Annotated[
    tuple[FileReference, ...],
    Field(max_length=FILES_LIMIT),
    AfterValidator(_once),
    Field(description="Ids of your uploads"),
]
"""The uploads that a command attaches. The caller resolves each to an AttachableFile, or to the Refused that says why it cannot be
attached; the decision raises that."""


def attached(files: Sequence[object], *, party: str | None, at: LegalTime | None = None) -> list[NewEvent]:
    """The events that attach the resolved files of a command.

    Args:
        party: Whose personal data the files are; None for the acting organisation.
        at: Legal time; None takes that of the command.

    Raises:
        Refused: `file_unknown`, `file_used`, `file_held`, `upload_incomplete`, …: why one of them cannot be attached.
    """
    events = []
    for found in files:
        if isinstance(found, Refused):
            raise found
        if not isinstance(found, AttachableFile):
            raise no_such_file()
        details = found.details
        events.append(
            NewEvent(
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
                ),
                at,
            )
        )
    return events


def check_count(files: Sequence[object], book: PolicyBook) -> None:
    """Raises Invalid `too_many_files`. Thumbnails do not count."""
    most = book.files.files_per_filing.value
    if sum(not (isinstance(one, AttachableFile) and one.details.form == "thumbnail") for one in files) > most:
        raise Invalid(
            "too_many_files",
            f"A filing may have at most {most} files. Leave some out, or add them as material afterwards.",
            detail_zh=f"一次最多提交 {most} 个附件，其余可在登记后以补充材料提交。",
            field="files",
        )


def no_such_file() -> Invalid:
    return Invalid(
        "file_unknown",
        "There is no such upload of yours, or it has expired after a day. Upload the file again, then send the command.",
        detail_zh="没有该上传文件，或其已超过一天有效期。请重新上传后再提交。",
        field="files",
    )
