"""The encrypted form of a file: chunks of fixed size, each authenticated with its number and with whether it is the last one.

    header   `HYB1`, algorithm, log2 of the chunk size, two zero bytes, 16 random bytes
    chunk    12 random bytes of nonce, ciphertext, 16 bytes of tag; additional data: header, number (8 bytes), last (1 byte)

Truncation, reordering, repetition and chunks of another file are thereby detected (the construction STREAM of Hoang, Reyhanitabar,
Rogaway and Vizár, 2015). The nonce is random and not the number alone, so that a chunk that is written again after an interruption
never repeats a nonce. Every file has a random key of its own. A reader begins at any chunk, and holds one chunk in memory.
"""

from __future__ import annotations

import os
from base64 import b64decode, b64encode
from collections.abc import AsyncGenerator, AsyncIterable, Iterator
from typing import NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from shared.kernel.file_ciphers import FileCipher

CHUNK = 1 << 16
"""Bytes of plaintext in every chunk but the last, which has 1 to CHUNK; that of an empty file has none."""
_LOG2 = 16
_MAGIC = b"HYB1"
_NONCE, _TAG = 12, 16
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

    def encrypt(self, clear: bytes | memoryview, bound: bytes) -> bytes:
        """Nonce, ciphertext and tag of one piece."""
        nonce = os.urandom(_NONCE)
        cipher = Cipher(self._cipher(), modes.GCM(nonce)).encryptor()
        cipher.authenticate_additional_data(bound)
        return b"".join((nonce, cipher.update(clear), cipher.finalize(), cipher.tag))

    def decrypt(self, frame: bytes | memoryview, bound: bytes) -> bytes:
        """The piece in `frame`. Raises FileDamaged."""
        if len(frame) < _NONCE + _TAG:
            raise FileDamaged("a chunk is cut off")
        nonce, tag = bytes(frame[:_NONCE]), bytes(frame[-_TAG:])
        cipher = Cipher(self._cipher(), modes.GCM(nonce, tag)).decryptor()
        cipher.authenticate_additional_data(bound)
        clear = cipher.update(frame[_NONCE:-_TAG])
        try:
            cipher.finalize()
        except InvalidTag:
            raise FileDamaged("a chunk does not open") from None
        return clear

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

    def add(self, piece: bytes | memoryview) -> Iterator[bytes]:
        """The chunks that are complete with `piece`. It is consumed chunk by chunk."""
        view, at = memoryview(piece), 0
        if self.tail:
            at = CHUNK - len(self.tail)
            if len(view) <= at:
                self.tail += view
                return
            self.tail += view[:at]
            yield self._framed(bytes(self.tail), last=False)
            self.tail.clear()
        while len(view) - at > CHUNK:
            yield self._framed(view[at : at + CHUNK], last=False)
            at += CHUNK
        self.tail += view[at:]

    def last(self) -> bytes:
        """The last chunk. Nothing can be added after it."""
        frame = self._framed(bytes(self.tail), last=True)
        self.tail.clear()
        return frame

    def _framed(self, clear: bytes | memoryview, *, last: bool) -> bytes:
        frame = self._key.encrypt(clear, _bound(self._header, self.number, last))
        self.number += 1
        return frame


async def encrypted(key: FileKey, content: AsyncIterable[bytes]) -> AsyncGenerator[bytes, None]:
    """The encrypted form of a whole file, as its plaintext arrives."""
    header = new_header(key.algorithm)
    yield header
    writer = ChunkWriter(key, header)
    async for piece in content:
        for frame in writer.add(piece):
            yield frame
    yield writer.last()


async def decrypted(
    key: FileKey, header: bytes, content: AsyncIterable[bytes], *, first: int = 0, whole: bool = True
) -> AsyncGenerator[bytes, None]:
    """The plaintext of the chunks in `content`, whose first one has the number `first`.

    Args:
        whole: The content must end with the last chunk of the file. False for a draft, which has none yet.

    Raises:
        FileDamaged: at the first chunk that does not belong here; nothing of it was returned.
    """
    check_header(key, header)
    number, waiting = first, b""
    async for piece in content:
        waiting = waiting + piece if waiting else piece
        view, at = memoryview(waiting), 0
        while len(view) - at > FRAME:  # more follows, so this is not the last one
            yield key.decrypt(view[at : at + FRAME], _bound(header, number, False))
            at += FRAME
            number += 1
        waiting = waiting[at:]
    if whole:
        yield key.decrypt(waiting, _bound(header, number, True))
    elif waiting:
        yield key.decrypt(waiting, _bound(header, number, False))


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
