"""Uploads: received in parts, encrypted as they arrive, and kept under an upload record until an event names them.

    files = ports.files
    await files.begin_upload(owner, upload, size=None, sha256=None)    # again with the same id: the upload as it stands
    await files.append(owner, upload, offset, stream, most=10_485_760) # any number of times; returns the new offset
    await files.finish(owner, upload, details=FileDetails(...))        # from now on `upload` is the reference for commands
    files.open_upload(owner, upload)                                   # plaintext, until an event names the file
    await files.replace(owner, upload, stream, details)                # other content, such as a re-encoded image
    await files.hold(owner, upload, "scanning") / None                 # no event may name it meanwhile
    files.open_file(blob, key, offset=0, most=None)                    # plaintext of a file that an event names

`owner` is the name of the principal (`Principal.name`), `upload` an id that the owner chose. What an owner does not have does not
exist. An upload ends a day after it began.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import re
from collections import OrderedDict
from collections.abc import AsyncGenerator, AsyncIterable, Callable, Iterable, Sequence
from contextlib import aclosing
from dataclasses import replace
from datetime import datetime, timedelta

from shared.application import upload_refusals as refusals
from shared.application.upload_content import Counted, Pieces, Turns, first
from shared.application.upload_record import SealedFile, Upload, UploadStatus, opened, sealed, status_of
from shared.commands.attached_files import AttachableFile, FileDetails, no_such_file
from shared.eventstore.blobs import PIECE, Blobs, DraftShorter, Piece, new_draft
from shared.eventstore.file_encryption import (
    CHUNK,
    HEADER,
    ChunkWriter,
    FileDamaged,
    FileKey,
    decrypted,
    encrypted,
    new_header,
    place_of,
    plain_size,
)
from shared.eventstore.key_store import KeyStore
from shared.eventstore.uploads import UploadChanged, UploadStore
from shared.kernel.clock import Clock
from shared.kernel.failpoints import failpoint
from shared.kernel.file_ciphers import FileCipher
from shared.kernel.refusals import Refused

LIFETIME = timedelta(days=1)
"""From the beginning of an upload until it is removed, if no event names it."""
CLAIM = timedelta(seconds=60)
"""How long a process may write to an upload, or a command decide on it, without saying so again."""
ROUND = 256 * CHUNK
ROUND_SECONDS = 5.0
"""Bytes and seconds after which the progress of a running part is saved, whichever comes first."""
_UPLOAD_ID = re.compile(r"[A-Za-z0-9._:-]{1,100}")
_REMEMBERED = 512
_TURNS = 2
"""Parts that are encrypted and written at a time; more would only wait for each other, with more in memory."""


class FileUploads:
    """The uploads of this process. `alone`: no other process has the same store, so that claims of others are of dead ones."""

    def __init__(
        self,
        blobs: Blobs,
        uploads: UploadStore,
        keys: KeyStore,
        clock: Clock,
        *,
        cipher: FileCipher = "AES-256-GCM",
        alone: bool = True,
    ) -> None:
        self._blobs, self._store, self._keys, self._clock = blobs, uploads, keys, clock
        self._cipher, self._alone = cipher, alone
        self._instance = os.urandom(8).hex()
        self._turns = Turns(_TURNS)
        self._hashes: OrderedDict[str, tuple[int, hashlib._Hash]] = OrderedDict()
        """Hashes of plaintext so far, so that a resumed upload is not decrypted again."""

    # --- receiving ---

    async def begin_upload(
        self,
        owner: str,
        upload: str,
        *,
        size: int | None = None,
        sha256: str | None = None,
        details: FileDetails | None = None,
    ) -> UploadStatus:
        """Begin an upload; the same id again returns its current state.

        Args:
            size: Bytes of the whole file, if known; finish() refuses another one.
            sha256: SHA-256 of the file in hex, if known; finish() refuses another one.

        Raises:
            Refused: `wrong_upload_id`, `wrong_digest`; `upload_differs`, the id stands for another size or digest.
        """
        key = self._key(owner, upload)
        stated = None if sha256 is None else self._keyed(refusals.checked_digest(sha256))
        found = await self._find(key)
        if found is not None:
            known_size = found.size
            known_digest = found.digest or found.stated
            if (size is not None and known_size is not None and size != known_size) or (
                stated is not None and known_digest is not None and not hmac.compare_digest(stated, known_digest)
            ):
                raise Refused(
                    "upload_differs",
                    "This upload id was used for a file of another size or digest. Use a new id for another file.",
                    detail_zh="该上传编号已用于另一文件（大小或摘要不同）。请为其他文件使用新的编号。",
                    field="upload",
                )
            return status_of(upload, found)
        new = Upload(
            key,
            1,
            self._whole(self._clock.now() + LIFETIME),
            new_draft(),
            FileKey.new(self._cipher),
            new_header(self._cipher),
            size=size,
            stated=stated,
            details=details,
        )
        try:
            await self._store.save(sealed(self._keys, new))
        except UploadChanged:  # the same request twice at the same time
            return await self.begin_upload(owner, upload, size=size, sha256=sha256, details=details)
        failpoint("upload.saved")
        return status_of(upload, new)

    async def status(self, owner: str, upload: str) -> UploadStatus:
        """The current state of the upload. Raises Unknown `upload_unknown`."""
        return status_of(upload, await self._of(owner, upload))

    async def append(
        self, owner: str, upload: str, offset: int, content: AsyncIterable[bytes], *, most: int | None = None
    ) -> UploadStatus:
        """Add the next part of the file. Any part can end anywhere. If `content` breaks off, what came is kept, and its error is
        raised again: status() says where to go on.

        Args:
            offset: Where the part begins; it must be the offset of the upload.
            most: Bytes that the whole file may have.

        Raises:
            Refused: `upload_unknown`; `wrong_offset`, with `offset` where to go on; `upload_busy`, another part is being written;
                `file_too_large`, also where `size` was stated and more arrives; nothing beyond the limit is stored.
        """
        found = await self._of(owner, upload)
        if offset != found.offset:
            raise refusals.wrong_offset(found.offset)
        limit = min(value for value in (most, found.size, 1 << 50) if value is not None)
        if found.blob is not None:
            async for piece in content:
                if piece:
                    raise refusals.wrong_offset(found.offset)
            return status_of(upload, found)
        found = await self._claimed(found)
        hashed = await self._hashed(found)
        pieces = Pieces(content, limit - found.offset, self._turns.order())
        try:
            while not pieces.ended:
                found, _whole = await self._round(found, pieces, hashed)
        except DraftShorter:
            await self._remove([found])
            raise refusals.unknown() from None
        self._remember(found.key, found.offset, hashed)
        if pieces.error is not None:
            raise pieces.error
        return status_of(upload, found)

    async def receive(
        self,
        owner: str,
        upload: str,
        offset: int,
        content: AsyncIterable[bytes],
        *,
        most: int | None = None,
        sha256: str | None = None,
        held: str | None = None,
    ) -> UploadStatus:
        """append() of the last part and finish() in one: the file is flushed to disk, and its record written, once instead of
        twice. Where the content breaks off, or is not whole, it is kept as append() keeps it. Raises as both."""
        found = await self._of(owner, upload)
        stated = found.stated if sha256 is None else self._keyed(refusals.checked_digest(sha256))
        if offset != found.offset or found.blob is not None or found.claim is not None:
            await self.append(owner, upload, offset, content, most=most)
            return await self.finish(owner, upload, sha256=sha256, held=held)
        found = await self._claimed(found)
        hashed = await self._hashed(found)
        limit = min(value for value in (most, found.size, 1 << 50) if value is not None)
        pieces = Pieces(content, limit - found.offset, self._turns.order())
        try:
            while not pieces.ended:
                found, whole = await self._round(found, pieces, hashed, closing=True)
                if whole:
                    return await self._received(found, upload, hashed, stated, held)
        except DraftShorter:
            await self._remove([found])
            raise refusals.unknown() from None
        self._remember(found.key, found.offset, hashed)
        if pieces.error is not None:
            raise pieces.error
        return await self.finish(owner, upload, sha256=sha256, held=held)

    async def _received(
        self, found: Upload, upload: str, hashed: hashlib._Hash, stated: str | None, held: str | None
    ) -> UploadStatus:
        """The draft of the upload is whole."""
        digest = self._keyed(hashed.hexdigest())
        if not _same(stated, digest):
            await self._remove([found])
            raise refusals.mismatch()
        address = await self._blobs.address(found.draft)
        found = await self._named(replace(found, held=found.held or held), address, digest)
        failpoint("upload.finished")
        return status_of(upload, found)

    async def finish(
        self,
        owner: str,
        upload: str,
        *,
        sha256: str | None = None,
        details: FileDetails | None = None,
        held: str | None = None,
    ) -> UploadStatus:
        """Complete the upload: its content is durable as a blob afterwards. Repeating it returns the current state.

        Args:
            held: Why no event may name it before accept(), if it is not held already.

        Raises:
            Refused: `upload_unknown`, `upload_busy`; `upload_incomplete`, fewer bytes than stated; `digest_mismatch`, other bytes
                than those of the stated digest: the upload is removed.
        """
        found = await self._of(owner, upload)
        stated = found.stated if sha256 is None else self._keyed(refusals.checked_digest(sha256))
        if found.blob is None:
            if found.size is not None and found.offset < found.size:
                raise Refused(
                    "upload_incomplete",
                    "The file has fewer bytes than stated. Send the rest from the given offset.",
                    detail_zh="已收到的字节少于所声明的大小，请从给定位置继续上传。",
                    field="size",
                    offset=found.offset,
                )
            found = await self._claimed(replace(found, held=found.held or held))
            digest = self._keyed((await self._hashed(found)).hexdigest())
            if not _same(stated, digest):
                await self._remove([found])
                raise refusals.mismatch()
            found = await self._completed(found, digest, details)
        else:
            if not _same(stated, found.digest):
                raise refusals.mismatch()
            if found.file_key is not None:
                await self._make_durable(found)
        failpoint("upload.finished")
        return status_of(upload, found)

    async def cancel(self, owner: str, upload: str) -> None:
        """Remove an upload. An upload that an event names, or that does not exist, is not changed."""
        found = await self._find(self._key(owner, upload))
        if found is not None and not found.attached and found.cause is None:
            await self._remove([found])

    # --- looking at it, changing it ---

    async def open_upload(
        self, owner: str, upload: str, offset: int = 0, *, piece: int = PIECE
    ) -> AsyncGenerator[Piece, None]:
        """The plaintext of a complete upload, some `piece` bytes at once. Raises Refused `upload_unknown`,
        `upload_incomplete`, `upload_used`."""
        blob, key = await self._content_of(owner, upload)
        async with aclosing(self.open_file(blob, key, offset, piece=piece)) as pieces:
            async for each in pieces:
                yield each

    async def sealed_upload(self, owner: str, upload: str) -> SealedFile | None:
        """A complete upload for another process, which decrypts it. None where the store keeps no files: read open_upload().
        Raises as open_upload() does."""
        blob, key = await self._content_of(owner, upload)
        descriptor = await self._blobs.descriptor(blob)
        return None if descriptor is None else SealedFile(descriptor, str(key))

    async def _content_of(self, owner: str, upload: str) -> tuple[str, FileKey]:
        """Blob and key of a complete upload; the blob is durable."""
        found = await self._of(owner, upload)
        if found.file_key is None:
            raise refusals.used()
        if found.blob is None:
            raise refusals.incomplete()
        await self._make_durable(found)
        return found.blob, found.file_key

    async def replace(
        self, owner: str, upload: str, content: AsyncIterable[bytes], details: FileDetails
    ) -> UploadStatus:
        """Give a complete upload other content under a new key, such as the re-encoded form of an image. The old content is
        removed. Raises Refused `upload_unknown`, `upload_incomplete`, `upload_used`."""
        found = await self._of(owner, upload)
        if found.blob is None:
            raise refusals.incomplete()
        if found.attached or found.cause is not None:
            raise refusals.used("upload")
        key, count = FileKey.new(self._cipher), Counted(content)
        info = await self._blobs.put(encrypted(key, count))
        new = await self._save(replace(found, file_key=key, blob=info.address, details=details, size=count.size))
        await self._blobs.erase([found.blob])
        return status_of(upload, new)

    async def accept(self, owner: str, upload: str, details: FileDetails) -> UploadStatus:
        """The file was checked, and this is known of it: from now on an event may name it."""
        known = replace(await self._unused(owner, upload), details=details, held=None)
        return status_of(upload, await self._save(known))

    async def hold(self, owner: str, upload: str, why: str | None) -> UploadStatus:
        """Hold the file back: no event may name it until `why` is None again."""
        return status_of(upload, await self._save(replace(await self._unused(owner, upload), held=why)))

    async def open_file(
        self, blob: str, key: FileKey | str, offset: int = 0, most: int | None = None, *, piece: int = PIECE
    ) -> AsyncGenerator[Piece, None]:
        """The plaintext of a blob from `offset` on, at most `most` bytes of it; one of some `piece` bytes is in memory at a time.

        Raises:
            BlobMissing: the store has no such blob.
            FileDamaged: its bytes were changed. Nothing of the damaged chunk is returned.
        """
        key = FileKey.parsed(key) if isinstance(key, str) else key
        number, place, skipped = place_of(offset)
        header, left = await self._header(blob), most
        async with aclosing(self._blobs.open(blob, place, piece=piece)) as stored:
            try:
                async with aclosing(decrypted(key, header, stored, first=number)) as clear:
                    async for found in clear:
                        part = found[skipped:] if left is None else found[skipped : skipped + left]
                        skipped = 0
                        if part:
                            yield part
                        if left is not None and not (left := left - len(part)):
                            return
            except FileDamaged:
                if not offset or offset < await self.size(blob):  # otherwise: beyond the end, nothing
                    raise

    async def size(self, blob: str) -> int:
        """Bytes of plaintext of a blob. Raises BlobMissing, FileDamaged."""
        return plain_size((await self._blobs.stat(blob)).size)

    # --- into events ---

    async def resolve(self, owner: str, uploads: Iterable[str], cause: str) -> dict[str, AttachableFile | Refused]:
        """What a command with this cause may attach: upload id -> the file, whose blob is durable, or why it cannot be attached.

        A file goes into the events of one command only. Until attached() or released() it is kept for `cause`."""
        wanted = {upload: self._key_or_none(owner, upload) for upload in uploads}
        records = await self._store.get([key for key in wanted.values() if key is not None])
        found: dict[str, AttachableFile | Refused] = {}
        for upload, key in wanted.items():
            try:
                record = None if key is None else records.get(key)
                if record is None or record.expires_at <= self._clock.now():
                    raise no_such_file()
                found[upload] = await self._taken(opened(self._keys, record), upload, self._keyed(cause))
            except Refused as refused:
                found[upload] = refused
        return found

    async def attached(self, owner: str, uploads: Iterable[str], cause: str) -> None:
        """An event names these files: their keys are under the party's key now, and leave the upload records. The records stay
        until they expire, so that the same command sent again is known."""
        failpoint("upload.attached")
        await self._settle(
            owner, uploads, cause, lambda one: replace(one, file_key=None, details=None, attached=True, claim=None)
        )

    async def released(self, owner: str, uploads: Iterable[str], cause: str) -> None:
        """The command was refused: another one may attach these files."""
        await self._settle(owner, uploads, cause, lambda one: replace(one, cause=None, claim=None))

    async def _settle(self, owner: str, uploads: Iterable[str], cause: str, change: Callable[[Upload], Upload]) -> None:
        """Save `change` of those uploads that this cause has taken and no event names yet."""
        keys = [key for upload in uploads if (key := self._key_or_none(owner, upload)) is not None]
        while keys:
            records, keys = await self._store.get(keys), []
            for record in records.values():
                found = opened(self._keys, record)
                if not found.attached and found.cause == self._keyed(cause):
                    try:
                        await self._save(change(found))
                    except UploadChanged:  # the same command, sent twice: look again
                        keys.append(record.key)

    # --- inside ---

    def _key(self, owner: str, upload: str) -> str:
        """The key of the record. Raises Invalid."""
        if _UPLOAD_ID.fullmatch(upload) is None:
            raise refusals.wrong_id(100, ". _ : -")
        return hmac.digest(self._keys.secret("upload"), f"{owner}\x1f{upload}".encode(), "sha256").hex()

    def _key_or_none(self, owner: str, upload: str) -> str | None:
        return self._key(owner, upload) if _UPLOAD_ID.fullmatch(upload) else None

    def _keyed(self, text: str) -> str:
        """A digest that says nothing without the secret, such as that of a known document."""
        return hmac.digest(self._keys.secret("upload"), text.encode(), "sha256").hex()

    def _whole(self, when: datetime) -> datetime:
        return when.replace(microsecond=when.microsecond // 1000 * 1000)  # as MongoDB keeps it

    async def _find(self, key: str) -> Upload | None:
        record = (await self._store.get([key])).get(key)
        if record is None:
            return None
        if record.expires_at <= self._clock.now():
            await self._remove([opened(self._keys, record)])
            return None
        return opened(self._keys, record)

    async def _of(self, owner: str, upload: str) -> Upload:
        found = await self._find(self._key(owner, upload))
        if found is None:
            raise refusals.unknown()
        return found

    async def _unused(self, owner: str, upload: str) -> Upload:
        found = await self._of(owner, upload)
        if found.attached or found.cause is not None:
            raise refusals.used()
        return found

    async def _claimed(self, found: Upload) -> Upload:
        """The upload, which this call alone may write. Raises Unavailable `upload_busy`."""
        if found.claim is not None and not self._lapsed(found.claim):
            raise refusals.busy()
        try:
            return await self._save(replace(found, claim=self._claim()))
        except UploadChanged:
            raise refusals.busy() from None

    def _claim(self) -> tuple[str, str]:
        return self._instance, (self._clock.now() + CLAIM).isoformat()

    def _lapsed(self, claim: tuple[str, str]) -> bool:
        by, until = claim
        return datetime.fromisoformat(until) <= self._clock.now() or (self._alone and by != self._instance)

    async def _round(
        self, found: Upload, pieces: Pieces, hashed: hashlib._Hash, *, closing: bool = False
    ) -> tuple[Upload, bool]:
        """Write up to ROUND bytes, then save how far the upload is. `closing`: where the content ends with these, write the last
        chunk as well, save nothing, and return True."""
        assert found.file_key is not None
        writer = ChunkWriter(found.file_key, found.header, found.chunks, found.tail)
        ends = self._clock.monotonic() + ROUND_SECONDS

        def late() -> bool:
            return self._clock.monotonic() >= ends

        begins, arrived, whole = writer.number == 0, found.offset, False
        closed = memoryview(b"")
        """Stands for the last chunk."""

        async def content() -> AsyncGenerator[Piece, None]:
            if begins:
                yield b""
            nonlocal arrived, whole
            left = ROUND
            while left > 0 and (step := await pieces.next(left, late)):
                left -= len(step)
                arrived += len(step)
                async with self._turns.turn(pieces.order):
                    yield step
                if late():
                    break
            if closing and pieces.ended and pieces.error is None and found.size in (None, arrived):
                whole = True
                yield closed

        def encrypted_step(step: Piece) -> Piece:
            nonlocal begins
            if step is closed:
                return writer.last()
            hashed.update(step)
            frames = writer.add(step)
            if begins:
                begins = False
                return b"".join((found.header, frames))
            return frames

        offset = writer.written if writer.number else 0
        async with aclosing(content()) as steps:
            await self._blobs.write(found.draft, offset, steps, encrypted_step)
        if whole:  # the last chunk is written: the record names the blob next
            return replace(found, size=arrived), True
        claim = None if pieces.ended else self._claim()
        return await self._save(replace(found, chunks=writer.number, tail=bytes(writer.tail), claim=claim)), False

    async def _completed(self, found: Upload, digest: str, details: FileDetails | None) -> Upload:
        """The record names the blob before it is one, so that no kill in between loses the content."""
        assert found.file_key is not None
        writer = ChunkWriter(found.file_key, found.header, found.chunks, found.tail)
        at, before = (writer.written, ()) if found.chunks else (0, (found.header,))
        last = (*before, writer.last())

        async def frames() -> AsyncGenerator[Piece, None]:
            for frame in last:
                yield frame

        try:
            await self._blobs.write(found.draft, at, frames())
            address = await self._blobs.address(found.draft)
        except DraftShorter:
            await self._remove([found])
            raise refusals.unknown() from None
        known = found.details if details is None else details
        return await self._named(replace(found, size=found.offset, details=known), address, digest)

    async def _named(self, found: Upload, address: str, digest: str) -> Upload:
        """The record names the blob, then its draft becomes one."""
        done = await self._save(replace(found, blob=address, digest=digest, claim=None, tail=b""))
        await self._blobs.finish(found.draft)
        self._hashes.pop(found.key, None)
        return done

    async def _make_durable(self, found: Upload) -> None:
        """The blob that the record names is stored, also if the process that completed it was killed. Raises Refused."""
        assert found.blob is not None
        if not await self._blobs.exists([found.blob]):
            try:
                await self._blobs.finish(found.draft)
            except DraftShorter:
                await self._remove([found])
                raise refusals.unknown() from None

    async def _taken(self, found: Upload, upload: str, cause: str) -> AttachableFile:
        if found.blob is None:
            raise refusals.incomplete()
        if found.held is not None:
            raise Refused(
                "file_held",
                "The file is still being checked, or was found unsafe. Send the command again later, or without it.",
                detail_zh="文件正在检查或未通过安全检查，请稍后重试，或去掉该文件。",
                field="files",
            )
        if found.attached or found.file_key is None:
            raise refusals.used()
        if found.details is None:
            raise refusals.incomplete()
        if found.cause not in (None, cause) and found.claim is not None and not self._lapsed(found.claim):
            raise refusals.used()
        await self._make_durable(found)
        if found.cause != cause or found.claim is None or self._lapsed(found.claim):
            try:
                found = await self._save(replace(found, cause=cause, claim=self._claim()))
            except UploadChanged:
                raise refusals.busy() from None
        assert found.blob is not None and found.file_key is not None and found.details is not None
        return AttachableFile(upload, found.blob, str(found.file_key), found.offset, found.details)

    async def _save(self, upload: Upload) -> Upload:
        saved = replace(upload, version=upload.version + 1)
        await self._store.save(sealed(self._keys, saved))
        failpoint("upload.saved")
        return saved

    async def _remove(self, uploads: Sequence[Upload]) -> None:
        """Remove records and drafts. A blob stays, unreadable without its record or an event; the sweep removes it."""
        await self._store.erase([one.key for one in uploads])
        await self._blobs.discard([one.draft for one in uploads])

    async def _hashed(self, found: Upload) -> hashlib._Hash:
        """The hash of the plaintext so far; what this process did not receive itself is decrypted again."""
        known = self._hashes.pop(found.key, None)
        if known is not None and known[0] == found.offset:
            return known[1]
        hashed = hashlib.sha256()
        if found.chunks:
            assert found.file_key is not None
            key, place = found.file_key, place_of(found.chunks * CHUNK)[1]
            stored = first(self._blobs.read(found.draft, HEADER), place - HEADER)
            try:
                async for piece in decrypted(key, found.header, stored, whole=False):
                    hashed.update(piece)
            except FileDamaged:
                await self._remove([found])
                raise refusals.unknown() from None
        hashed.update(found.tail)
        return hashed

    def _remember(self, key: str, offset: int, hashed: hashlib._Hash) -> None:
        self._hashes[key] = (offset, hashed)
        while len(self._hashes) > _REMEMBERED:
            self._hashes.popitem(last=False)

    async def _header(self, blob: str) -> bytes:
        header = b""
        async with aclosing(self._blobs.open(blob, piece=HEADER)) as stored:
            async for found in stored:
                header += found[: HEADER - len(header)]
                if len(header) == HEADER:
                    break
        return header


def _same(stated: str | None, found: str | None) -> bool:
    return stated is None or (found is not None and hmac.compare_digest(stated, found))
