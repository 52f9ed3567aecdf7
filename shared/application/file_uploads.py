"""Files on their way in: received in parts, encrypted as they arrive, kept under an upload record until an event names them.

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

import asyncio
import hashlib
import hmac
import os
import re
from base64 import b64decode, b64encode
from collections import OrderedDict
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import orjson
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from shared.application.problem import TooLarge
from shared.commands.attached_files import AttachableFile, FileDetails, no_such_file
from shared.eventstore.blobs import Blobs, DraftShorter, new_draft
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
from shared.eventstore.uploads import UploadChanged, UploadRecord, UploadStore
from shared.kernel.clock import Clock
from shared.kernel.failpoints import failpoint
from shared.kernel.file_ciphers import FileCipher
from shared.kernel.refusals import Invalid, Refused, Unavailable, Unknown

LIFETIME = timedelta(days=1)
"""From the beginning of an upload until it is removed, if no event names it."""
CLAIM = timedelta(seconds=60)
"""How long a process may write to an upload, or a command decide on it, without saying so again."""
ROUND = 256 * CHUNK
ROUND_SECONDS = 5.0
"""Bytes and seconds after which the progress of a running part is saved, whichever comes first."""
_UPLOAD_ID = re.compile(r"[A-Za-z0-9._:-]{1,100}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_REMEMBERED = 512
_NONCE = 12


class UploadStatus(NamedTuple):
    """An upload as it stands."""

    upload: str
    offset: int
    """Bytes of the file that are stored; the next part begins here."""
    size: int | None
    """Bytes of the whole file, as stated; those it has once it is complete."""
    complete: bool
    expires_at: datetime
    blob: str | None
    """The address; only with `complete`."""
    held: str | None
    """Why no event may name it yet, None if one may."""
    attached: bool
    """An event names it."""
    details: FileDetails | None


@dataclass(frozen=True)
class _Upload:
    """An upload record in memory."""

    key: str
    version: int
    expires_at: datetime
    draft: str
    file_key: FileKey | None
    """None once an event names the file."""
    header: bytes
    chunks: int = 0
    tail: bytes = b""
    """Plaintext after the last chunk."""
    size: int | None = None
    stated: str | None = None
    """Keyed digest of the content as the owner stated it."""
    digest: str | None = None
    """Keyed digest of the content that arrived."""
    blob: str | None = None
    details: FileDetails | None = None
    held: str | None = None
    claim: tuple[str, str] | None = None
    """(who writes, until when)."""
    cause: str | None = None
    """Digest of the command that takes the file."""
    attached: bool = False

    @property
    def offset(self) -> int:
        """Bytes of content so far."""
        if self.blob is not None and self.size is not None:
            return self.size
        return self.chunks * CHUNK + len(self.tail)


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
        """Begin an upload; the same id again gives the upload as it stands.

        Args:
            size: Bytes of the whole file, if known; finish() refuses another one.
            sha256: SHA-256 of the file in hex, if known; finish() refuses another one.

        Raises:
            Refused: `wrong_upload_id`, `wrong_digest`; `upload_differs`, the id stands for another size or digest.
        """
        key = self._key(owner, upload)
        stated = None if sha256 is None else self._keyed(_checked_digest(sha256))
        found = await self._find(key)
        if found is not None:
            known_size = found.size
            known_digest = found.digest or found.stated
            if (size is not None and known_size is not None and size != known_size) or (
                stated is not None and known_digest is not None and not hmac.compare_digest(stated, known_digest)
            ):
                raise Refused(
                    "upload_differs",
                    "This upload id stands for a file of another size or digest. Use a new id for another file.",
                    detail_zh="该上传编号已用于另一文件（大小或摘要不同）。请为其他文件使用新的编号。",
                    field="upload",
                )
            return _status(upload, found)
        new = _Upload(
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
            await self._store.save(self._sealed(new))
        except UploadChanged:  # the same request twice at the same time
            return await self.begin_upload(owner, upload, size=size, sha256=sha256, details=details)
        failpoint("upload.saved")
        return _status(upload, new)

    async def status(self, owner: str, upload: str) -> UploadStatus:
        """The upload as it stands. Raises Unknown `upload_unknown`."""
        return _status(upload, await self._of(owner, upload))

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
            raise _wrong_offset(found.offset)
        limit = min(value for value in (most, found.size, 1 << 50) if value is not None)
        if found.blob is not None:
            async for piece in content:
                if piece:
                    raise _wrong_offset(found.offset)
            return _status(upload, found)
        found = await self._claimed(found)
        hashed = await self._hashed(found)
        pieces = _Pieces(content, limit - found.offset)
        try:
            while not pieces.ended:
                found = await self._round(found, pieces, hashed)
        except DraftShorter:
            await self._remove([found])
            raise _unknown() from None
        self._remember(found.key, found.offset, hashed)
        if pieces.error is not None:
            raise pieces.error
        return _status(upload, found)

    async def finish(
        self,
        owner: str,
        upload: str,
        *,
        sha256: str | None = None,
        details: FileDetails | None = None,
        held: str | None = None,
    ) -> UploadStatus:
        """Complete the upload: its content is durable as a blob afterwards. Again: the upload as it stands.

        Args:
            held: Why no event may name it before accept(), if it is not held already.

        Raises:
            Refused: `upload_unknown`, `upload_busy`; `upload_incomplete`, fewer bytes than stated; `digest_mismatch`, other bytes
                than those of the stated digest: the upload is removed.
        """
        found = await self._of(owner, upload)
        stated = found.stated if sha256 is None else self._keyed(_checked_digest(sha256))
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
                raise _mismatch()
            found = await self._completed(found, digest, details)
        else:
            if not _same(stated, found.digest):
                raise _mismatch()
            if found.file_key is not None:
                await self._make_durable(found)
        failpoint("upload.finished")
        return _status(upload, found)

    async def cancel(self, owner: str, upload: str) -> None:
        """Remove an upload. One that an event names, or that does not exist, stays as it is."""
        found = await self._find(self._key(owner, upload))
        if found is not None and not found.attached and found.cause is None:
            await self._remove([found])

    # --- looking at it, changing it ---

    async def open_upload(self, owner: str, upload: str, offset: int = 0) -> AsyncGenerator[bytes, None]:
        """The plaintext of a complete upload. Raises Refused `upload_unknown`, `upload_incomplete`, `upload_used`."""
        found = await self._of(owner, upload)
        if found.file_key is None:
            raise _used()
        if found.blob is None:
            raise _incomplete()
        await self._make_durable(found)
        async with aclosing(self.open_file(found.blob, found.file_key, offset)) as pieces:
            async for piece in pieces:
                yield piece

    async def replace(
        self, owner: str, upload: str, content: AsyncIterable[bytes], details: FileDetails
    ) -> UploadStatus:
        """Give a complete upload other content under a new key, such as the re-encoded form of an image. The old content is
        removed. Raises Refused `upload_unknown`, `upload_incomplete`, `upload_used`."""
        found = await self._of(owner, upload)
        if found.blob is None:
            raise _incomplete()
        if found.attached or found.cause is not None:
            raise _used("upload")
        key, count = FileKey.new(self._cipher), _Counted(content)
        info = await self._blobs.put(encrypted(key, count))
        new = await self._save(replace(found, file_key=key, blob=info.address, details=details, size=count.size))
        await self._blobs.erase([found.blob])
        return _status(upload, new)

    async def accept(self, owner: str, upload: str, details: FileDetails) -> UploadStatus:
        """The file was checked, and this is known of it: from now on an event may name it."""
        known = replace(await self._unused(owner, upload), details=details, held=None)
        return _status(upload, await self._save(known))

    async def hold(self, owner: str, upload: str, why: str | None) -> UploadStatus:
        """Hold the file back: no event may name it until `why` is None again."""
        return _status(upload, await self._save(replace(await self._unused(owner, upload), held=why)))

    async def open_file(
        self, blob: str, key: FileKey | str, offset: int = 0, most: int | None = None
    ) -> AsyncGenerator[bytes, None]:
        """The plaintext of a blob from `offset` on, at most `most` bytes of it; one chunk is in memory at a time.

        Raises:
            BlobMissing: the store has no such blob.
            FileDamaged: its bytes were changed. Nothing of the damaged chunk is returned.
        """
        key = FileKey.parsed(key) if isinstance(key, str) else key
        number, place, skipped = place_of(offset)
        header = await self._header(self._blobs.open(blob))
        left = most
        async with aclosing(self._blobs.open(blob, place)) as stored:
            try:
                async with aclosing(decrypted(key, header, stored, first=number)) as clear:
                    async for chunk in clear:
                        piece = chunk[skipped:] if left is None else chunk[skipped : skipped + left]
                        skipped = 0
                        if piece:
                            yield piece
                        if left is not None and not (left := left - len(piece)):
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
                found[upload] = await self._taken(self._opened(record), upload, self._keyed(cause))
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

    async def _settle(
        self, owner: str, uploads: Iterable[str], cause: str, change: Callable[[_Upload], _Upload]
    ) -> None:
        """Save `change` of those uploads that this cause has taken and no event names yet."""
        keys = [key for upload in uploads if (key := self._key_or_none(owner, upload)) is not None]
        while keys:
            records, keys = await self._store.get(keys), []
            for record in records.values():
                found = self._opened(record)
                if not found.attached and found.cause == self._keyed(cause):
                    try:
                        await self._save(change(found))
                    except UploadChanged:  # the same command, sent twice: look again
                        keys.append(record.key)

    # --- inside ---

    def _key(self, owner: str, upload: str) -> str:
        """The key of the record. Raises Invalid."""
        if _UPLOAD_ID.fullmatch(upload) is None:
            raise Invalid(
                "wrong_upload_id",
                "An upload id has 1 to 100 letters, digits, and . _ : -",
                detail_zh="上传编号由 1 至 100 个字母、数字或 . _ : - 组成。",
                field="upload",
            )
        return hmac.digest(self._keys.secret("upload"), f"{owner}\x1f{upload}".encode(), "sha256").hex()

    def _key_or_none(self, owner: str, upload: str) -> str | None:
        return self._key(owner, upload) if _UPLOAD_ID.fullmatch(upload) else None

    def _keyed(self, text: str) -> str:
        """A digest that says nothing without the secret, such as that of a known document."""
        return hmac.digest(self._keys.secret("upload"), text.encode(), "sha256").hex()

    def _whole(self, when: datetime) -> datetime:
        return when.replace(microsecond=when.microsecond // 1000 * 1000)  # as MongoDB keeps it

    async def _find(self, key: str) -> _Upload | None:
        record = (await self._store.get([key])).get(key)
        if record is None:
            return None
        if record.expires_at <= self._clock.now():
            await self._remove([self._opened(record)])
            return None
        return self._opened(record)

    async def _of(self, owner: str, upload: str) -> _Upload:
        found = await self._find(self._key(owner, upload))
        if found is None:
            raise _unknown()
        return found

    async def _unused(self, owner: str, upload: str) -> _Upload:
        found = await self._of(owner, upload)
        if found.attached or found.cause is not None:
            raise _used()
        return found

    async def _claimed(self, found: _Upload) -> _Upload:
        """The upload, which this call alone may write. Raises Unavailable `upload_busy`."""
        if found.claim is not None and not self._lapsed(found.claim):
            raise _busy()
        try:
            return await self._save(replace(found, claim=self._claim()))
        except UploadChanged:
            raise _busy() from None

    def _claim(self) -> tuple[str, str]:
        return self._instance, (self._clock.now() + CLAIM).isoformat()

    def _lapsed(self, claim: tuple[str, str]) -> bool:
        by, until = claim
        return datetime.fromisoformat(until) <= self._clock.now() or (self._alone and by != self._instance)

    async def _round(self, found: _Upload, pieces: _Pieces, hashed: hashlib._Hash) -> _Upload:
        """Write up to ROUND bytes, then save how far the upload is."""
        assert found.file_key is not None
        writer = ChunkWriter(found.file_key, found.header, found.chunks, found.tail)
        ends = self._clock.monotonic() + ROUND_SECONDS

        async def frames() -> AsyncGenerator[bytes, None]:
            if writer.number == 0:
                yield found.header
            async for piece in pieces.next(ROUND, lambda: self._clock.monotonic() >= ends):
                hashed.update(piece)
                for frame in writer.add(piece):
                    yield frame

        await self._blobs.write(found.draft, writer.written if writer.number else 0, frames())
        claim = None if pieces.ended else self._claim()
        return await self._save(replace(found, chunks=writer.number, tail=bytes(writer.tail), claim=claim))

    async def _completed(self, found: _Upload, digest: str, details: FileDetails | None) -> _Upload:
        """The record names the blob before it is one, so that no kill in between loses the content."""
        assert found.file_key is not None
        writer = ChunkWriter(found.file_key, found.header, found.chunks, found.tail)
        at, before = (writer.written, ()) if found.chunks else (0, (found.header,))
        last = (*before, writer.last())

        async def frames() -> AsyncGenerator[bytes, None]:
            for frame in last:
                yield frame

        try:
            await self._blobs.write(found.draft, at, frames())
            address = await self._blobs.address(found.draft)
        except DraftShorter:
            await self._remove([found])
            raise _unknown() from None
        known = found.details if details is None else details
        done = replace(found, blob=address, digest=digest, size=found.offset, details=known, claim=None, tail=b"")
        done = await self._save(done)
        await self._blobs.finish(found.draft)
        self._hashes.pop(found.key, None)
        return done

    async def _make_durable(self, found: _Upload) -> None:
        """The blob that the record names is stored, also if the process that completed it was killed. Raises Refused."""
        assert found.blob is not None
        if not await self._blobs.exists([found.blob]):
            try:
                await self._blobs.finish(found.draft)
            except DraftShorter:
                await self._remove([found])
                raise _unknown() from None

    async def _taken(self, found: _Upload, upload: str, cause: str) -> AttachableFile:
        if found.blob is None:
            raise _incomplete()
        if found.held is not None:
            raise Refused(
                "file_held",
                "The file is still being checked, or was found unsafe. Send the command again later, or without it.",
                detail_zh="文件正在检查或未通过安全检查，请稍后重试，或去掉该文件。",
                field="files",
            )
        if found.attached or found.file_key is None:
            raise _used()
        if found.details is None:
            raise _incomplete()
        if found.cause not in (None, cause) and found.claim is not None and not self._lapsed(found.claim):
            raise _used()
        await self._make_durable(found)
        if found.cause != cause or found.claim is None or self._lapsed(found.claim):
            try:
                found = await self._save(replace(found, cause=cause, claim=self._claim()))
            except UploadChanged:
                raise _busy() from None
        assert found.blob is not None and found.file_key is not None and found.details is not None
        return AttachableFile(upload, found.blob, str(found.file_key), found.offset, found.details)

    async def _save(self, upload: _Upload) -> _Upload:
        saved = replace(upload, version=upload.version + 1)
        await self._store.save(self._sealed(saved))
        failpoint("upload.saved")
        return saved

    async def _remove(self, uploads: Sequence[_Upload]) -> None:
        """Remove records and drafts. A blob stays, unreadable without its record or an event; the sweep removes it."""
        await self._store.erase([one.key for one in uploads])
        await self._blobs.discard([one.draft for one in uploads])

    async def _hashed(self, found: _Upload) -> hashlib._Hash:
        """The hash of the plaintext so far; what this process did not receive itself is decrypted again."""
        known = self._hashes.pop(found.key, None)
        if known is not None and known[0] == found.offset:
            return known[1]
        hashed = hashlib.sha256()
        if found.chunks:
            assert found.file_key is not None
            key, place = found.file_key, place_of(found.chunks * CHUNK)[1]
            stored = _first(self._blobs.read(found.draft, HEADER), place - HEADER)
            try:
                async for piece in decrypted(key, found.header, stored, whole=False):
                    hashed.update(piece)
            except FileDamaged:
                await self._remove([found])
                raise _unknown() from None
        hashed.update(found.tail)
        return hashed

    def _remember(self, key: str, offset: int, hashed: hashlib._Hash) -> None:
        self._hashes[key] = (offset, hashed)
        while len(self._hashes) > _REMEMBERED:
            self._hashes.popitem(last=False)

    async def _header(self, stored: AsyncIterator[bytes]) -> bytes:
        header = b""
        async for piece in stored:
            header += piece[: HEADER - len(header)]
            if len(header) == HEADER:
                break
        return header

    # --- the stored form ---

    def _sealed(self, upload: _Upload) -> UploadRecord:
        value: dict[str, Any] = {
            "header": b64encode(upload.header).decode(),
            "chunks": upload.chunks,
            "size": upload.size,
            "stated": upload.stated,
            "digest": upload.digest,
            "held": upload.held,
            "claim": upload.claim,
            "cause": upload.cause,
            "attached": upload.attached,
        }
        if upload.file_key is not None:
            wrapping, bound = AESGCM(self._keys.secret("upload-keys")), upload.key.encode()
            secret = {
                "key": str(upload.file_key),
                "tail": b64encode(upload.tail).decode(),
                "details": None if upload.details is None else upload.details._asdict(),
            }
            nonce = os.urandom(_NONCE)
            value["sealed"] = b64encode(nonce + wrapping.encrypt(nonce, orjson.dumps(secret), bound)).decode()
        return UploadRecord(
            upload.key, upload.version, upload.expires_at, upload.draft, upload.blob, orjson.dumps(value)
        )

    def _opened(self, record: UploadRecord) -> _Upload:
        value = orjson.loads(record.value)
        secret: Mapping[str, Any] = {}
        if "sealed" in value:
            wrapping, raw = AESGCM(self._keys.secret("upload-keys")), b64decode(value["sealed"])
            try:
                secret = orjson.loads(wrapping.decrypt(raw[:_NONCE], raw[_NONCE:], record.key.encode()))
            except InvalidTag as error:
                raise FileDamaged("an upload record does not open") from error
        details = secret.get("details")
        return _Upload(
            record.key,
            record.version,
            record.expires_at,
            record.draft,
            FileKey.parsed(secret["key"]) if secret else None,
            b64decode(value["header"]),
            value["chunks"],
            b64decode(secret["tail"]) if secret else b"",
            value["size"],
            value["stated"],
            value["digest"],
            record.blob,
            None if details is None else FileDetails(**details),
            value["held"],
            None if value["claim"] is None else (value["claim"][0], value["claim"][1]),
            value["cause"],
            value["attached"],
        )


class _Pieces:
    """The content of a part, taken in rounds. An error of the source ends it and is kept."""

    def __init__(self, content: AsyncIterable[bytes], room: int) -> None:
        self._content = content.__aiter__()
        self._room = room
        self._left: memoryview = memoryview(b"")
        self.ended = False
        self.error: BaseException | None = None

    async def next(self, most: int, late: Callable[[], bool]) -> AsyncIterator[memoryview]:
        """Pieces of the next `most` bytes, or of what came before it was `late`."""
        taken = False
        while most and not self.ended:
            if not self._left:
                if taken and late():
                    return
                await self._take()
                taken = True
                continue
            piece = self._left[:most]
            self._left = self._left[len(piece) :]
            most -= len(piece)
            yield piece

    async def _take(self) -> None:
        try:
            self._left = memoryview(await anext(self._content))
        except StopAsyncIteration:
            self.ended = True
        except (Exception, asyncio.CancelledError) as error:
            self.ended, self.error = True, error
        if len(self._left) > self._room:
            self.ended, self.error, self._left = True, _too_large(), memoryview(b"")
        self._room -= len(self._left)


class _Counted:
    """Content, and how many bytes of it came."""

    def __init__(self, content: AsyncIterable[bytes]) -> None:
        self._content = content
        self.size = 0

    async def __aiter__(self) -> AsyncGenerator[bytes, None]:
        async for piece in self._content:
            self.size += len(piece)
            yield piece


async def _first(content: AsyncIterator[bytes], most: int) -> AsyncGenerator[bytes, None]:
    """The first `most` bytes."""
    async for piece in content:
        if most <= 0:
            return
        yield piece[:most]
        most -= len(piece)


def _status(upload: str, found: _Upload) -> UploadStatus:
    return UploadStatus(
        upload,
        found.offset,
        found.size,
        found.blob is not None,
        found.expires_at,
        found.blob,
        found.held,
        found.attached,
        found.details,
    )


def _checked_digest(sha256: str) -> str:
    """Raises Invalid."""
    if _SHA256.fullmatch(sha256) is None:
        raise Invalid(
            "wrong_digest",
            "A digest is the SHA-256 of the file: 64 hexadecimal digits in lower case.",
            detail_zh="摘要应为文件的 SHA-256 值（64 位小写十六进制）。",
            field="sha256",
        )
    return sha256


def _same(stated: str | None, found: str | None) -> bool:
    return stated is None or (found is not None and hmac.compare_digest(stated, found))


def _unknown() -> Unknown:
    return Unknown(
        "upload_unknown",
        "There is no such upload of yours, or it has expired after a day. Begin it again.",
        detail_zh="没有该上传，或其已超过一天有效期。请重新开始上传。",
        field="upload",
    )


def _wrong_offset(offset: int) -> Refused:
    return Refused(
        "wrong_offset",
        "This part does not begin where the upload stands. Go on from the given offset.",
        detail_zh="该分段的起始位置与已收到的不一致，请从给定位置继续上传。",
        field="offset",
        offset=offset,
    )


def _too_large() -> Refused:
    return TooLarge(
        "file_too_large",
        "The file has more bytes than allowed or stated. Send a smaller one.",
        detail_zh="文件超过允许或所声明的大小，请压缩后重新上传。",
        field="file",
    )


def _incomplete() -> Refused:
    return Refused(
        "upload_incomplete",
        "The upload is not complete yet. Send the rest and finish it, then send the command.",
        detail_zh="文件尚未上传完成，请完成上传后再提交。",
        field="files",
    )


def _mismatch() -> Invalid:
    return Invalid(
        "digest_mismatch",
        "The bytes that arrived do not have the stated digest. Upload the file again.",
        detail_zh="收到的内容与所声明的摘要不符，请重新上传该文件。",
        field="sha256",
    )


def _used(field: str = "files") -> Refused:
    return Refused(
        "file_used",
        "This upload is already attached by another command. Upload the file again to attach it elsewhere.",
        detail_zh="该上传文件已被使用，如需再次提交请重新上传。",
        field=field,
    )


def _busy() -> Unavailable:
    return Unavailable(
        "upload_busy",
        "This upload is being written or used by another request. Try again in a moment.",
        detail_zh="该上传正在处理中，请稍后重试。",
        field="upload",
    )
