"""Chunks of files: round trip at every boundary, and every manipulation that is detected."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Sequence
from typing import get_args

import pytest

from shared.eventstore.file_encryption import (
    CHUNK,
    FRAME,
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
from shared.kernel.file_ciphers import FileCipher

SIZES = (0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK, 3 * CHUNK + 17)


async def some(content: bytes, size: int = 40_000) -> AsyncIterator[bytes]:
    for at in range(0, len(content), size):
        yield content[at : at + size]


async def closed(key: FileKey, content: bytes, size: int = 40_000) -> bytes:
    return b"".join([piece async for piece in encrypted(key, some(content, size))])


async def opened(key: FileKey, stored: bytes, first: int = 0) -> bytes:
    body = some(stored[HEADER + first * FRAME :], 70_001)
    return b"".join([piece async for piece in decrypted(key, stored[:HEADER], body, first=first)])


@pytest.fixture(params=get_args(FileCipher))
def key(request: pytest.FixtureRequest) -> FileKey:
    return FileKey.new(request.param)


@pytest.mark.parametrize("size", SIZES)
async def test_file_opens_as_it_was_at_every_size(key: FileKey, size: int) -> None:
    content = os.urandom(size)
    stored = await closed(key, content)
    assert await opened(key, stored) == content
    assert plain_size(len(stored)) == size
    assert size < 64 or content[:64] not in stored


async def test_same_file_twice_has_nothing_in_common(key: FileKey) -> None:
    one, two = await closed(key, b"x" * 100), await closed(key, b"x" * 100)
    assert one != two


async def test_reader_begins_at_any_chunk(key: FileKey) -> None:
    content = os.urandom(3 * CHUNK + 17)
    stored = await closed(key, content)
    for offset in (0, 1, CHUNK - 1, CHUNK, 2 * CHUNK + 5, 3 * CHUNK, 3 * CHUNK + 16):
        number, place, skipped = place_of(offset)
        assert place == HEADER + number * FRAME
        assert (await opened(key, stored, number))[skipped:] == content[offset:]


async def test_writer_goes_on_where_another_stopped(key: FileKey) -> None:
    content, header = os.urandom(3 * CHUNK + 17), new_header(key.algorithm)
    frames: list[bytes] = []
    number, tail = 0, b""
    for at in range(0, len(content), 30_011):
        writer = ChunkWriter(key, header, number, tail)
        frames.append(bytes(writer.add(content[at : at + 30_011])))
        number, tail = writer.number, bytes(writer.tail)
        assert writer.offset == min(at + 30_011, len(content))
    frames.append(ChunkWriter(key, header, number, tail).last())
    assert await opened(key, header + b"".join(frames)) == content


def swapped(frames: list[bytes]) -> list[bytes]:
    return [frames[1], frames[0], *frames[2:]]


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda frames: frames[:-1], id="last chunk cut off"),
        pytest.param(lambda frames: frames[1:], id="first chunk cut off"),
        pytest.param(swapped, id="swapped"),
        pytest.param(lambda frames: [frames[0], frames[0], *frames[2:]], id="repeated"),
        pytest.param(lambda frames: [*frames, frames[-1]], id="appended"),
        pytest.param(lambda frames: [*frames[:-1], frames[-1][:-1]], id="byte cut off"),
        pytest.param(lambda frames: [*frames[:-1], frames[-1][:20]], id="within nonce and tag"),
        pytest.param(lambda frames: [], id="nothing left"),
    ],
)
async def test_changed_order_and_length_are_detected(key: FileKey, change: object) -> None:
    assert callable(change)
    stored = await closed(key, os.urandom(3 * CHUNK + 17))
    frames = [stored[at : at + FRAME] for at in range(HEADER, len(stored), FRAME)]
    changed: Sequence[bytes] = change(frames)
    with pytest.raises(FileDamaged):
        await opened(key, stored[:HEADER] + b"".join(changed))


async def test_every_changed_byte_is_detected(key: FileKey) -> None:
    stored = await closed(key, os.urandom(100))
    for place in range(len(stored)):
        changed = bytearray(stored)
        changed[place] ^= 1
        with pytest.raises(FileDamaged):
            await opened(key, bytes(changed))


async def test_chunk_of_another_file_is_detected(key: FileKey) -> None:
    content = os.urandom(2 * CHUNK)
    one, two = await closed(key, content), await closed(key, content)
    with pytest.raises(FileDamaged):
        await opened(key, one[: HEADER + FRAME] + two[HEADER + FRAME :])
    with pytest.raises(FileDamaged):
        await opened(FileKey.new(key.algorithm), one)


async def test_nothing_of_a_damaged_chunk_is_returned(key: FileKey) -> None:
    content = os.urandom(2 * CHUNK)
    stored = bytearray(await closed(key, content))
    stored[-1] ^= 1
    got = b""
    with pytest.raises(FileDamaged):
        async for piece in decrypted(key, bytes(stored[:HEADER]), some(bytes(stored[HEADER:]))):
            got += piece
    assert got == content[:CHUNK]


def test_key_as_text(key: FileKey) -> None:
    assert FileKey.parsed(str(key)) == key
    assert key.secret.hex() not in repr(key)
    for wrong in ("", "AES-256-GCM:", "AES-256-GCM:AAAA", "ROT13:" + str(key).partition(":")[2], "SM4-GCM:!"):
        with pytest.raises(ValueError):
            FileKey.parsed(wrong)
