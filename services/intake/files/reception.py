"""Uploaded files are completed, scanned, inspected and stored with their detected type. Only then may a command name them.

An upload is held (`unchecked`, `scanning`) from the moment it could be complete until all checks have passed. A process that
dies in between leaves it held; the next question about it goes on with the checks.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import asynccontextmanager
from weakref import WeakValueDictionary

import structlog

from services.intake.files.file_names import clean_name
from services.intake.files.inspector import Inspected, Inspector
from services.intake.files.media_types import BY_NAME, MediaType
from services.intake.files.verdicts import refusal
from shared.application.file_references import thumbnail_of
from shared.application.file_uploads import FileUploads
from shared.application.upload_record import UploadStatus
from shared.application.virus_scanner import ScannerUnavailable, VirusScanner
from shared.commands.attached_files import FileDetails
from shared.events.files import FileKind
from shared.eventstore.blobs import Piece
from shared.eventstore.uploads import UploadChanged
from shared.kernel.refusals import Refused, Unavailable, Unknown
from shared.policy.file_rules import FileRules

UNCHECKED, SCANNING = "unchecked", "scanning"
_AT_ONCE = 4 * 1024 * 1024
"""Bytes of a file that is inspected, which are read, decrypted and sent at once: one file is at a time."""
UNKNOWN_TYPE = "application/octet-stream"
"""Of a file that was not inspected yet."""
_LATER = frozenset(("file_not_checked", "upload_busy"))
"""Refusals that say nothing about the file."""
log = structlog.get_logger("files")


class FileReception:
    """Receives files. `scanner`: None checks the structure only."""

    def __init__(self, uploads: FileUploads, inspector: Inspector, scanner: VirusScanner | None = None) -> None:
        self.uploads = uploads
        self.inspector = inspector
        self._scanner = scanner
        self._locks: WeakValueDictionary[tuple[str, str], asyncio.Lock] = WeakValueDictionary()

    async def completed(self, owner: str, upload: str, rules: FileRules, *, sha256: str | None = None) -> UploadStatus:
        """Complete an upload of which all bytes have arrived, and check it. Repeating it returns the current state, after the
        remaining checks.

        Raises:
            Refused: of FileUploads.finish(), and a code of `verdicts.yaml`; a file that is refused for its content is removed."""
        async with self._alone(owner, upload):
            found = await self.uploads.finish(owner, upload, sha256=sha256, held=UNCHECKED)
            return await self._checked(owner, upload, found, rules)

    async def received(
        self,
        owner: str,
        upload: str,
        offset: int,
        content: AsyncIterator[bytes],
        rules: FileRules,
        *,
        sha256: str | None = None,
    ) -> UploadStatus:
        """Receive the last part of an upload, complete and check it. Raises as FileUploads.append() and completed()."""
        most = rules.most_bytes
        await self.uploads.receive(owner, upload, offset, content, most=most, sha256=sha256, held=UNCHECKED)
        return await self.looked_at(owner, upload, rules)

    async def looked_at(self, owner: str, upload: str, rules: FileRules) -> UploadStatus:
        """The current state of the upload. The remaining checks of a complete one are carried out."""
        found = await self.uploads.status(owner, upload)
        if found.complete and found.held is not None:
            async with self._alone(owner, upload):
                return await self._checked(owner, upload, await self.uploads.status(owner, upload), rules)
        return found

    async def stored(
        self,
        owner: str,
        upload: str,
        content: AsyncGenerator[Piece, None],
        details: FileDetails,
        rules: FileRules,
        cover: Sequence[tuple[int, int, int, int]] = (),
    ) -> UploadStatus:
        """Make an upload of content that the server already has, such as a redacted form. Repeating it returns the current
        state."""
        async with self._alone(owner, upload):
            found = await self.uploads.begin_upload(owner, upload, details=details)
            if found.complete and found.held is None:
                await content.aclose()
                return found
            if found.complete or found.offset:
                await self.uploads.cancel(owner, upload)
                found = await self.uploads.begin_upload(owner, upload, details=details)
            await self.uploads.hold(owner, upload, UNCHECKED)

            async def keep(made: Inspected, image: AsyncIterator[bytes]) -> UploadStatus:
                if made.image:
                    await self.uploads.append(owner, upload, 0, image)
                else:
                    raise refusal("not_an_image")
                return await self._described(owner, upload, await self.uploads.finish(owner, upload), made, details)

            return await self.inspector.inspect(content, rules, keep, cover)

    async def stored_text(
        self, owner: str, upload: str, text: str, details: FileDetails, rules: FileRules
    ) -> UploadStatus:
        """Make an upload of a text that replaces another file. Repeating it returns the current state."""
        async with self._alone(owner, upload):
            found = await self.uploads.begin_upload(owner, upload, details=details)
            if not found.complete:
                await self.uploads.hold(owner, upload, UNCHECKED)
                if found.offset:
                    await self.uploads.cancel(owner, upload)
                    await self.uploads.begin_upload(owner, upload, details=details)
                await self.uploads.append(owner, upload, 0, _once(text.encode()))
                found = await self.uploads.finish(owner, upload)
            return await self._checked(owner, upload, await self.uploads.hold(owner, upload, UNCHECKED), rules)

    @asynccontextmanager
    async def _alone(self, owner: str, upload: str) -> AsyncIterator[None]:
        """One check of an upload at a time in this process."""
        lock = self._locks.setdefault((owner, upload), asyncio.Lock())
        async with lock:
            yield

    async def _checked(self, owner: str, upload: str, found: UploadStatus, rules: FileRules) -> UploadStatus:
        if found.held is None or found.attached:
            return found
        try:
            if self._scanner is not None and not await self._clean(owner, upload, self._scanner):
                return await self.uploads.hold(owner, upload, SCANNING)
            return await self._inspected(owner, upload, found, rules)
        except UploadChanged:  # another process checks it as well
            return await self.uploads.status(owner, upload)
        except Refused as refused:
            if not isinstance(refused, Unavailable | Unknown) and refused.code not in _LATER:
                await self.uploads.cancel(owner, upload)
                log.info("file_refused", code=refused.code)
            raise

    async def _clean(self, owner: str, upload: str, scanner: VirusScanner) -> bool:
        """False if the scanner gave no answer. Raises Refused `file_infected`."""
        try:
            infected = await scanner.infected(self.uploads.open_upload(owner, upload))
        except ScannerUnavailable as why:
            log.warning("scanner_unavailable", why=str(why))
            return False
        if infected:
            raise refusal("file_infected")
        return True

    async def _inspected(self, owner: str, upload: str, found: UploadStatus, rules: FileRules) -> UploadStatus:
        details = found.details or FileDetails(UNKNOWN_TYPE)

        async def keep(made: Inspected, image: AsyncIterator[bytes]) -> UploadStatus:
            status = found
            if made.image:
                status = await self.uploads.replace(owner, upload, image, details)
            return await self._described(owner, upload, status, made, details)

        content = self.uploads.open_upload(owner, upload, piece=_AT_ONCE)
        return await self.inspector.inspect(
            content, rules, keep, sealed=lambda: self.uploads.sealed_upload(owner, upload)
        )

    async def _described(
        self, owner: str, upload: str, status: UploadStatus, made: Inspected, details: FileDetails
    ) -> UploadStatus:
        """What is known of the file now; then it may be named by commands."""
        assert status.blob is not None
        if made.thumbnail:
            await self._with_thumbnail(owner, upload, status.blob, made.thumbnail, details)
        known = details._replace(
            media_type=made.media_type.name,
            name=clean_name(details.name or "", made.media_type),
            position=made.position,
            pixels=None if made.width is None or made.height is None else (made.width, made.height),
        )
        return await self.uploads.accept(owner, upload, known)

    async def _with_thumbnail(self, owner: str, upload: str, blob: str, content: bytes, details: FileDetails) -> None:
        small = thumbnail_of(upload)
        await self.uploads.cancel(owner, small)  # of an earlier try
        about = FileDetails("image/jpeg", details.kind, None, blob, "thumbnail")
        await self.uploads.begin_upload(owner, small, details=about)
        await self.uploads.append(owner, small, 0, _once(content))
        await self.uploads.finish(owner, small)


async def _once(content: bytes) -> AsyncIterator[bytes]:
    yield content


def media_type(details: FileDetails | None) -> MediaType | None:
    """The type of an inspected file."""
    return None if details is None else BY_NAME.get(details.media_type)


def wanted_details(name: str, kind: FileKind) -> FileDetails:
    """What the sender says of a file. Its type is not asked for."""
    return FileDetails(UNKNOWN_TYPE, kind, name[:1000] or None)
