"""The structure of a ZIP file, read strictly: every byte of the file belongs to an entry or to the directory.

Readers of ZIP disagree about files with gaps, overlaps, prefixes or two directories, and such files are how one file is two.
"""

from __future__ import annotations

import struct
import zlib
from typing import NamedTuple

from services.intake.files.inflation import RAW, Inflation
from services.intake.files.media_types import Budget, Limits, Unfit

_END = b"PK\x05\x06"
_CENTRAL = b"PK\x01\x02"
_LOCAL = b"PK\x03\x04"
_DESCRIPTOR = 24
"""Bytes of the longest data descriptor; between two entries there is nothing else."""
_ENCRYPTED, _STREAMED = 0x1, 0x8
_STORED, _DEFLATED = 0, 8


class Entry(NamedTuple):
    name: str
    method: int
    start: int
    size: int
    """Compressed bytes from `start` on."""
    stated: int
    """Bytes when decompressed, as the directory says."""
    crc: int


def contains_directory(data: bytes) -> bool:
    """True if some reader could open the data as a ZIP file: it has an end record whose directory is where it says."""
    at = data.find(_END)
    while at >= 0:
        if len(data) - at >= 22:
            _, disk, disk0, here, total, size, offset, _ = struct.unpack_from("<IHHHHIIH", data, at)
            empty = here == total == size == 0
            if (disk == disk0 == 0 and here == total) and (
                empty
                or data[at - size : at - size + 4] == _CENTRAL
                or data[offset : offset + 4] == _CENTRAL
                or (size == offset == 0xFFFFFFFF)
            ):
                return True
        at = data.find(_END, at + 4)
    return False


def entries(data: bytes, limits: Limits) -> list[Entry]:
    """The entries in the order of the directory. Raises Unfit for anything but one plain, complete, unencrypted ZIP file."""
    end = data.rfind(_END)
    if not data.startswith(_LOCAL) or end < 0 or len(data) - end < 22:
        raise Unfit("file_damaged")
    _, disk, disk0, here, total, size, offset, comment = struct.unpack_from("<IHHHHIIH", data, end)
    if disk or disk0 or here != total or end + 22 + comment != len(data) or comment:
        raise Unfit("file_polyglot")
    if total > limits.parts:
        raise Unfit("file_bomb")
    if offset + size != end or total == 0:
        raise Unfit("file_polyglot")
    found, at, names, spans = [], offset, set[str](), []
    for _ in range(total):
        if data[at : at + 4] != _CENTRAL or at + 46 > end:
            raise Unfit("file_damaged")
        flags, method = struct.unpack_from("<HH", data, at + 8)
        crc, packed, plain, length, extra, note = struct.unpack_from("<IIIHHH", data, at + 16)
        (where,) = struct.unpack_from("<I", data, at + 42)
        raw = data[at + 46 : at + 46 + length]
        at += 46 + length + extra + note
        name = _name(raw)
        if flags & _ENCRYPTED:
            raise Unfit("file_encrypted")
        if method not in (_STORED, _DEFLATED) or (method == _STORED and packed != plain):
            raise Unfit("file_damaged")
        if name.casefold() in names:
            raise Unfit("file_polyglot")
        names.add(name.casefold())
        start = _content(data, where, raw, offset)
        if start + packed > offset:
            raise Unfit("file_damaged")
        spans.append((where, start + packed, _DESCRIPTOR if flags & _STREAMED else 0))
        found.append(Entry(name, method, start, packed, plain, crc))
    if at != end:
        raise Unfit("file_polyglot")
    _without_gaps(spans, offset)
    return found


def _name(raw: bytes) -> str:
    try:
        name = raw.decode("utf-8")
    except UnicodeDecodeError:
        raise Unfit("file_damaged") from None
    parts = name.split("/")
    if not name or "\\" in name or name.startswith("/") or ".." in parts or ":" in parts[0] or not name.isprintable():
        raise Unfit("file_damaged")
    return name


def _content(data: bytes, where: int, raw: bytes, directory: int) -> int:
    """The start of the content of an entry, whose own header says what the directory says."""
    if where + 30 > directory or data[where : where + 4] != _LOCAL:
        raise Unfit("file_damaged")
    length: int
    extra: int
    length, extra = struct.unpack_from("<HH", data, where + 26)
    if data[where + 30 : where + 30 + length] != raw:
        raise Unfit("file_polyglot")
    return where + 30 + length + extra


def _without_gaps(spans: list[tuple[int, int, int]], directory: int) -> None:
    """Raises Unfit for entries that overlap, as in a ZIP bomb, and for bytes that belong to none. A span: start, end, and how
    many bytes of a data descriptor may follow."""
    reached = slack = 0
    for start, end, more in (*sorted(spans), (directory, directory, 0)):
        if start < reached:
            raise Unfit("file_bomb")
        if start > reached + slack:
            raise Unfit("file_polyglot")
        reached, slack = end, more


def inflated(data: bytes, entry: Entry, budget: Budget, most: int) -> bytes:
    """The content of an entry. Raises Unfit within one step of a limit, whatever size the entry states."""
    packed = memoryview(data)[entry.start : entry.start + entry.size]
    if entry.method == _STORED:
        budget.take(len(packed))
        plain = bytes(packed)
    else:
        stream = Inflation(RAW)
        try:
            plain = b"".join(stream.pieces(packed, budget, min(most, entry.stated)))
        except zlib.error:
            raise Unfit("file_damaged") from None
        if not stream.ended or stream.used != len(packed):
            raise Unfit("file_damaged")
    if len(plain) != entry.stated or zlib.crc32(plain) != entry.crc:
        raise Unfit("file_damaged")
    return plain
