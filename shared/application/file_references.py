"""References to uploads in commands: resolved before the decision, and settled after it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from hashlib import sha256

from shared.application.file_uploads import FileUploads
from shared.commands.attached_files import AttachableFile
from shared.commands.authorization import Principal
from shared.kernel.refusals import Refused


def owner_of(principal: Principal) -> str:
    """The owner of this principal's uploads. A platform or an organisation is one owner, whichever of its keys it uses."""
    if principal.role in ("platform", "organisation"):
        return f"{principal.role}:{principal.jurisdiction or '-'}:{principal.org}"
    return principal.name


def filing_owner(filing: str) -> str:
    """The owner of uploads that come before their filing: whoever knows its random id.

    >>> len(filing_owner("a" * 20))
    47
    """
    return f"filing:{sha256(filing.encode()).hexdigest()[:40]}"


def thumbnail_of(upload: str) -> str:
    """The upload of the thumbnail of an upload, which is attached with it."""
    return f"{upload}:thumbnail"


@dataclass
class Attaching:
    """The files of a command that is being decided."""

    files: tuple[AttachableFile | Refused, ...] = ()
    used: bool = True
    """False: the command had nothing to do, so that no event names the files."""


@asynccontextmanager
async def attaching(
    files: FileUploads, principal: Principal, uploads: Sequence[str], cause: str, *, owner: str | None = None
) -> AsyncIterator[Attaching]:
    """Inside, the command with this cause is decided on the files, whose blobs are durable. Afterwards they are attached, or, where
    it was refused, free for another command.

    `owner`: whose uploads they are; None: the principal's.

    After any other error the command may have been carried out or not: the files stay with it, so that it can be sent again."""
    if not uploads:
        yield Attaching()
        return
    owner = owner_of(principal) if owner is None else owner
    found = await files.resolve(owner, [*uploads, *map(thumbnail_of, uploads)], cause)
    small = [upload for upload in map(thumbnail_of, uploads) if isinstance(found[upload], AttachableFile)]
    uploads = [*uploads, *small]
    decided = Attaching(tuple(found[upload] for upload in uploads))
    try:
        yield decided
    except Refused:
        await files.released(owner, uploads, cause)
        raise
    settle = files.attached if decided.used else files.released
    await settle(owner, uploads, cause)
