"""The encrypted form of a file: chunks of fixed size, each authenticated with its number and with whether it is the last one.

    header   `HYB1`, algorithm, log2 of the chunk size, two zero bytes, 16 random bytes
    chunk    12 random bytes of nonce, ciphertext, 16 bytes of tag; additional data: header, number (8 bytes), last (1 byte)

Truncation, reordering, repetition and chunks of another file are thereby detected (the construction STREAM of Hoang, Reyhanitabar,
Rogaway and Vizár, 2015). The nonce is random and not the number alone, so that a chunk that is written again after an interruption
never repeats a nonce. Every file has a random key of its own. A reader begins at any chunk, and holds one piece of what
it reads in memory.
"""

from __future__ import annotations

import os
from base64 import b64decode, b64encode
from collections.abc import AsyncGenerator, AsyncIterable
from io import BufferedReader, BytesIO
from typing import Any, NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from shared.eventstore.blobs import Piece, beside
from shared.kernel.file_ciphers import FileCipher

CHUNK = 1 << 16
"""Bytes of plaintext in every chunk but the last, which has 1 to CHUNK; that of an empty file has none."""
_LOG2 = 16
_MAGIC = b"HYB1"
_NONCE, _TAG = 12, 16
_SPARE = 15
"""Bytes that `cryptography` wants behind what a block cipher writes."""
HEADER = 24
FRAME = _NONCE + CHUNK + _TAG
"""Bytes of a whole chunk as it is stored."""
_NUMBERS: dict[FileCipher, int] = {"AES-256-GCM": 1, "SM4-GCM": 2}
_KEY_BYTES: dict[FileCipher, int] = {"AES-256-GCM": 32, "SM4-GCM": 16}


class FileDamaged(Exception):
    """The bytes are not those that were stored: changed, cut off, in another order, or of another file or key."""


class FileKey(NamedTuple):
    """The key of one file, with the cipher that it is for."""

    algorithm: FileCipher
    secret: bytes

    @classmethod
    def new(cls, algorithm: FileCipher) -> FileKey:
        return cls(algorithm, os.urandom(_KEY_BYTES[algorithm]))

    @classmethod
    def parsed(cls, text: str) -> FileKey:
        """The key in `text`, as str() wrote it. Raises ValueError."""
        name, _, secret = text.partition(":")
        for algorithm, size in _KEY_BYTES.items():
            if algorithm == name:
                raw = b64decode(secret, validate=True)
                if len(raw) == size:
                    return cls(algorithm, raw)
        raise ValueError("not the key of a file")

    def __str__(self) -> str:
        return f"{self.algorithm}:{b64encode(self.secret).decode()}"

    def __repr__(self) -> str:
        return f"FileKey({self.algorithm})"

    def encrypt(self, clear: Piece, bound: bytes) -> bytes:
        """Nonce, ciphertext and tag of one piece."""
        frame = bytearray(_NONCE + len(clear) + _TAG + _SPARE)
        self.encrypt_into(clear, bound, os.urandom(_NONCE), memoryview(frame))
        return bytes(memoryview(frame)[:-_SPARE])

    def encrypt_into(self, clear: Piece, bound: bytes, nonce: bytes, frame: memoryview) -> None:
        """Write nonce, ciphertext and tag of one piece to the beginning of `frame`, which has _SPARE bytes more than they need."""
        frame[:_NONCE] = nonce
        cipher = Cipher(self._cipher(), modes.GCM(nonce)).encryptor()
        cipher.authenticate_additional_data(bound)
        end = _NONCE + cipher.update_into(clear, frame[_NONCE:])
        cipher.finalize()
        frame[end : end + _TAG] = cipher.tag

    def decrypt(self, frame: Piece, bound: bytes) -> bytes:
        """The piece in `frame`. Raises FileDamaged."""
        clear = bytearray(max(len(frame), _NONCE + _TAG) - _NONCE - _TAG + _SPARE)
        self.decrypt_into(memoryview(frame), bound, memoryview(clear))
        return bytes(memoryview(clear)[:-_SPARE])

    def decrypt_into(self, frame: memoryview, bound: bytes, clear: memoryview) -> None:
        """Write the piece in `frame` to the beginning of `clear`, which has _SPARE bytes more than it needs. Raises FileDamaged;
        what was written is then not to be used."""
        if len(frame) < _NONCE + _TAG:
            raise FileDamaged("a chunk is cut off")
        cipher = Cipher(self._cipher(), modes.GCM(bytes(frame[:_NONCE]), bytes(frame[-_TAG:]))).decryptor()
        cipher.authenticate_additional_data(bound)
        cipher.update_into(frame[_NONCE:-_TAG], clear)
        try:
            cipher.finalize()
        except InvalidTag:
            raise FileDamaged("a chunk does not open") from None

    def _cipher(self) -> algorithms.AES | algorithms.SM4:
        return algorithms.AES(self.secret) if self.algorithm == "AES-256-GCM" else algorithms.SM4(self.secret)


def new_header(algorithm: FileCipher) -> bytes:
    return _MAGIC + bytes((_NUMBERS[algorithm], _LOG2, 0, 0)) + os.urandom(16)


def check_header(key: FileKey, header: bytes) -> None:
    """Raises FileDamaged if it is not the header of a file under a key of this cipher."""
    if len(header) != HEADER or header[:8] != _MAGIC + bytes((_NUMBERS[key.algorithm], _LOG2, 0, 0)):
        raise FileDamaged("the header is not that of an encrypted file")


def _bound(header: bytes, number: int, last: bool) -> bytes:
    return header + number.to_bytes(8, "big") + bytes((last,))


class ChunkWriter:
    """Encrypts the plaintext of one file as it arrives. A chunk is written when more follows it; `last` writes the rest.

    Args:
        number: Chunks that are written already.
        tail: Plaintext after them that is in no chunk yet.
    """

    def __init__(self, key: FileKey, header: bytes, number: int = 0, tail: bytes = b"") -> None:
        self._key, self._header = key, header
        self.number = number
        self.tail = bytearray(tail)

    @property
    def written(self) -> int:
        """Bytes of ciphertext of header and chunks."""
        return HEADER + self.number * FRAME

    @property
    def offset(self) -> int:
        """Bytes of plaintext so far, the tail included."""
        return self.number * CHUNK + len(self.tail)

    def add(self, piece: Piece) -> Piece:
        """The chunks that are complete with this piece, one after the other; none may be."""
        view = memoryview(piece)
        if len(self.tail) + len(view) <= CHUNK:
            self.tail += view
            return b""
        missing = CHUNK - len(self.tail) if self.tail else 0
        count = bool(self.tail) + (len(view) - missing - 1) // CHUNK
        frames = memoryview(bytearray(count * FRAME + _SPARE))
        nonces = os.urandom(count * _NONCE)  # at once: it gives other threads their turn
        for place in range(count):
            if self.tail:
                clear, view = memoryview(self.tail + view[:missing]), view[missing:]
                self.tail = bytearray()
            else:
                clear, view = view[:CHUNK], view[CHUNK:]
            nonce = nonces[place * _NONCE : (place + 1) * _NONCE]
            self._key.encrypt_into(clear, _bound(self._header, self.number, False), nonce, frames[place * FRAME :])
            self.number += 1
        self.tail = bytearray(view)
        return frames[: count * FRAME]

    def last(self) -> bytes:
        """The last chunk. Nothing can be added after it."""
        frame = self._key.encrypt(bytes(self.tail), _bound(self._header, self.number, True))
        self.number += 1
        self.tail.clear()
        return frame


async def encrypted(key: FileKey, content: AsyncIterable[Piece]) -> AsyncGenerator[Piece, None]:
    """The encrypted form of a whole file, as its plaintext arrives."""
    header = new_header(key.algorithm)
    yield header
    writer = ChunkWriter(key, header)
    async for piece in content:
        if frames := await beside(len(piece), writer.add, piece):
            yield frames
    yield writer.last()


async def decrypted(
    key: FileKey, header: bytes, content: AsyncIterable[Piece], *, first: int = 0, whole: bool = True
) -> AsyncGenerator[Piece, None]:
    """The plaintext of the chunks in `content`, whose first one has the number `first`, in pieces as large as those of `content`.

    Args:
        whole: The content must end with the last chunk of the file. False for a draft, which has none yet.

    Raises:
        FileDamaged: at the first chunk that does not belong here; nothing of it was returned.
    """
    check_header(key, header)
    number, waiting = first, b""
    async for piece in content:
        waiting = b"".join((waiting, piece)) if waiting else bytes(piece)
        count = max(len(waiting) - 1, 0) // FRAME  # more follows these, so none is the last one
        if count:
            clear, damaged = await beside(count * CHUNK, _opened, key, header, number, count, waiting)
            if clear:
                yield clear
            if damaged is not None:
                raise damaged
            number, waiting = number + count, waiting[count * FRAME :]
    if whole:
        yield key.decrypt(waiting, _bound(header, number, True))
    elif waiting:
        yield key.decrypt(waiting, _bound(header, number, False))


def opened_whole(key: FileKey, stored: BufferedReader[Any]) -> bytes:
    """The plaintext of a whole file. Little else is in memory. Raises FileDamaged."""
    header = stored.read(HEADER)
    check_header(key, header)
    found, frame, clear = BytesIO(), memoryview(bytearray(FRAME)), memoryview(bytearray(CHUNK + _SPARE))
    number, size = 0, stored.readinto(frame)
    while size == FRAME and stored.peek(1):
        key.decrypt_into(frame, _bound(header, number, False), clear)
        found.write(clear[:CHUNK])
        number, size = number + 1, stored.readinto(frame)
    found.write(key.decrypt(frame[:size], _bound(header, number, True)))
    return found.getvalue()


def _opened(
    key: FileKey, header: bytes, number: int, count: int, stored: Piece
) -> tuple[memoryview, FileDamaged | None]:
    """The plaintext of `count` whole chunks, the first one with that number, as far as they open, and why one does not."""
    clear, frames = memoryview(bytearray(count * CHUNK + _SPARE)), memoryview(stored)
    for place in range(count):
        try:
            key.decrypt_into(
                frames[place * FRAME : (place + 1) * FRAME],
                _bound(header, number + place, False),
                clear[place * CHUNK :],
            )
        except FileDamaged as damaged:
            return clear[: place * CHUNK], damaged
    return clear[: count * CHUNK], None


def plain_size(stored: int) -> int:
    """Bytes of plaintext in a blob of `stored` bytes. Raises FileDamaged if there is no file of this size."""
    chunks, rest = divmod(stored - HEADER, FRAME)
    if stored < HEADER + _NONCE + _TAG or (0 < rest <= _NONCE + _TAG and chunks):
        raise FileDamaged("the file is cut off")
    return chunks * CHUNK + (rest - _NONCE - _TAG if rest else 0)


def place_of(offset: int) -> tuple[int, int, int]:
    """(number of the chunk, its place in the blob, bytes to skip in it) of the plaintext at `offset`."""
    number, skipped = divmod(offset, CHUNK)
    return number, HEADER + number * FRAME, skipped
