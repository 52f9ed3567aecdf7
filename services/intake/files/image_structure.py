"""The structure of images before they are decoded: the number of pixels, and that nothing else is in the file.

Sources: ITU T.81 Annex B (JPEG), ISO 15948 5 (PNG), ISO 14496-12 (HEIC).
"""

from __future__ import annotations

import struct
import zlib

from services.intake.files.media_types import Limits, Unfit
from services.intake.files.signatures import JPEG, code

_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_ALONE = frozenset((0x01, *range(0xD0, 0xD8)))
_SCAN, _END = 0xDA, 0xD9
_SECOND_IMAGES = 16
_PADDING = b"\0 \r\n"


def jpeg(data: bytes, limits: Limits) -> None:
    """Raises Unfit for too many pixels, for a broken file, and for other content after its end. Cameras append further JPEG
    images, and telephones a short film; both are dropped when the image is encoded again."""
    at = 0
    for _ in range(_SECOND_IMAGES):
        at = _one_jpeg(data, at, limits)
        if data.startswith(JPEG, at):
            continue
        rest = data[at:]
        at += len(rest) - len(rest.lstrip(_PADDING))
        if at == len(data):
            return
        if not data.startswith(JPEG, at):
            break
    tail = data[at:]
    if not (tail[4:8] == b"ftyp" or b"SEFT" in tail[-8:]) or code(tail[:4096]):
        raise Unfit("file_polyglot")


def _one_jpeg(data: bytes, at: int, limits: Limits) -> int:
    """The position after the image that begins at `at`."""
    at, seen = at + 2, False
    while True:
        at = _marker(data, at)
        marker = data[at - 1]
        if marker == _END:
            if not seen:
                raise Unfit("file_damaged")
            return at
        if marker in _ALONE:
            continue
        if at + 2 > len(data):
            raise Unfit("file_damaged")
        (length,) = struct.unpack_from(">H", data, at)
        if length < 2 or at + length > len(data):
            raise Unfit("file_damaged")
        if marker in _FRAMES and length >= 8:
            height, width = struct.unpack_from(">HH", data, at + 3)
            if width * height > limits.pixels:
                raise Unfit("file_pixels")
        at += length
        if marker == _SCAN:
            seen, at = True, _after_scan(data, at)


def _marker(data: bytes, at: int) -> int:
    """The position after the marker at `at`."""
    if at >= len(data) or data[at] != 0xFF:
        raise Unfit("file_damaged")
    while at < len(data) and data[at] == 0xFF:
        at += 1
    if at >= len(data) or data[at] == 0:
        raise Unfit("file_damaged")
    return at + 1


def _after_scan(data: bytes, at: int) -> int:
    """The position of the marker that ends the entropy-coded data."""
    while True:
        at = data.find(b"\xff", at)
        if at < 0 or at + 1 >= len(data):
            raise Unfit("file_damaged")
        if data[at + 1] == 0 or data[at + 1] in _ALONE:
            at += 2
        elif data[at + 1] == 0xFF:
            at += 1
        else:
            return at


def png(data: bytes, limits: Limits) -> None:
    """Raises Unfit for too many pixels, for a broken file, for anything after its end."""
    at, seen = 8, set[bytes]()
    while True:
        if at + 12 > len(data):
            raise Unfit("file_damaged")
        length, kind = struct.unpack_from(">I4s", data, at)
        if at + 12 + length > len(data) or not kind.isalpha():
            raise Unfit("file_damaged")
        (checked,) = struct.unpack_from(">I", data, at + 8 + length)
        if zlib.crc32(data[at + 4 : at + 8 + length]) != checked or (not seen) != (kind == b"IHDR"):
            raise Unfit("file_damaged")
        if kind == b"IHDR":
            if length != 13:
                raise Unfit("file_damaged")
            width, height = struct.unpack_from(">II", data, at + 8)
            if width * height > limits.pixels:
                raise Unfit("file_pixels")
        seen.add(kind)
        at += 12 + length
        if kind == b"IEND":
            break
    if b"IDAT" not in seen:
        raise Unfit("file_damaged")
    if at != len(data):
        raise Unfit("file_polyglot")


_HEIC_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"mif1", b"msf1", b"hevc", b"hevx")
_AUDIO_BRANDS = (
    b"M4A ",
    b"M4B ",
    b"mp41",
    b"mp42",
    b"isom",
    b"iso2",
    b"iso4",
    b"iso5",
    b"iso6",
    b"3gp4",
    b"3gp5",
    b"3gp6",
    b"3gpp",
    b"dash",
    b"M4P ",
)


def is_heic(data: bytes) -> bool:
    if data[4:8] != b"ftyp" or len(data) < 16:
        return False
    return data[8:12] in _HEIC_BRANDS


def is_mp4(data: bytes) -> bool:
    return data[4:8] == b"ftyp" and data[8:12] in _AUDIO_BRANDS


def boxes(data: bytes, start: int, end: int) -> list[tuple[bytes, int, int]]:
    """The boxes of an ISO media file from `start` to `end`: kind, start and end of the content. Raises Unfit for a gap."""
    found: list[tuple[bytes, int, int]] = []
    at = start
    while at < end:
        if at + 8 > end:
            raise Unfit("file_polyglot")
        size, kind = struct.unpack_from(">I4s", data, at)
        header = 8
        if size == 1:
            if at + 16 > end:
                raise Unfit("file_damaged")
            (size,) = struct.unpack_from(">Q", data, at + 8)
            header = 16
        elif size == 0:
            size = end - at
        if size < header or at + size > end:
            raise Unfit("file_polyglot" if found else "file_damaged")
        found.append((kind, at + header, at + size))
        at += size
    return found


def heic(data: bytes, limits: Limits) -> None:
    """Raises Unfit for a broken file, for other content between or after its boxes, for too many pixels in any of its images."""
    found = boxes(data, 0, len(data))
    if sum(kind == b"ftyp" for kind, _, _ in found) != 1:
        raise Unfit("file_polyglot")
    for kind, start, end in found:
        if kind == b"meta":
            _properties(data, start + 4, end, limits)
        elif kind not in (b"ftyp", b"mdat", b"free", b"skip", b"moov", b"uuid", b"mpvd", b"sefd"):
            raise Unfit("file_polyglot")


def _properties(data: bytes, start: int, end: int, limits: Limits) -> None:
    for kind, begin, stop in boxes(data, start, end):
        if kind in (b"iprp", b"ipco"):
            _properties(data, begin, stop, limits)
        elif kind == b"ispe" and stop - begin >= 12:
            width, height = struct.unpack_from(">II", data, begin + 4)
            if width * height > limits.pixels:
                raise Unfit("file_pixels")
