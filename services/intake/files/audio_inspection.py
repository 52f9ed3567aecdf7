"""Audio whose whole file is sound: frame by frame, or box by box, to the last byte.

Sources: ISO 11172-3 2.4.2 (MP3), id3.org (ID3v2.4), ISO 14496-12 (M4A), RFC 4867 5 (AMR), RFC 3533 (Ogg), Microsoft RIFF (WAV).
"""

from __future__ import annotations

import struct

from services.intake.files.image_structure import boxes, is_mp4
from services.intake.files.media_types import AMR, AMR_WB, M4A, MP3, OGG, WAV, MediaType, Unfit
from services.intake.files.signatures import code, program

_AMR_SIZES = (12, 13, 15, 17, 19, 20, 26, 31, 5, 6, 5, 5, 0, 0, 0, 0)
_AMR_WB_SIZES = (17, 23, 32, 36, 40, 46, 50, 58, 60, 5, 5, 0, 0, 0, 0, 0)
_MP3_RATES = {
    (3, 3): (32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    (3, 2): (32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (3, 1): (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (2, 3): (32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    (2, 2): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
_MP3_SAMPLES = {3: (44100, 48000, 32000), 2: (22050, 24000, 16000), 0: (11025, 12000, 8000)}
_LOST = 4096
"""Bytes of an MP3 file that may belong to no frame; recorders that are stopped leave a broken last frame."""
_FEWEST = 3
_OGG_CODECS = (b"OpusHead", b"\x01vorbis", b"Speex   ", b"\x7fFLAC")
_SOUND_BOXES = (
    b"ftyp",
    b"moov",
    b"mdat",
    b"free",
    b"skip",
    b"wide",
    b"uuid",
    b"styp",
    b"sidx",
    b"moof",
    b"mfra",
    b"meta",
    b"udta",
)


def audio(data: bytes) -> MediaType | None:
    """The type; None if it is not audio. Raises Unfit where it begins as audio and is more or less than that."""
    if data.startswith(b"#!AMR-WB\n"):
        return _amr(data, 9, _AMR_WB_SIZES, AMR_WB)
    if data.startswith(b"#!AMR\n"):
        return _amr(data, 6, _AMR_SIZES, AMR)
    if data.startswith(b"OggS"):
        return _ogg(data)
    if data.startswith(b"RIFF") and data[8:12] == b"WAVE":
        return _wav(data)
    if is_mp4(data):
        return _m4a(data)
    if data.startswith(b"ID3") or _frame(data, 0):
        return _mp3(data)
    return None


def _amr(data: bytes, at: int, sizes: tuple[int, ...], kind: MediaType) -> MediaType:
    if at == len(data):
        raise Unfit("file_damaged")
    while at < len(data):
        if data[at] & 0x83:
            raise Unfit("file_polyglot")
        start, at = at, at + 1 + sizes[data[at] >> 3 & 0x0F]
    if at > len(data) and code(data[start:]):  # otherwise the last frame of a recording that was stopped
        raise Unfit("file_polyglot")
    return kind


def _ogg(data: bytes) -> MediaType:
    at, first = 0, True
    while at < len(data):
        if data[at : at + 5] != b"OggS\0" or at + 27 > len(data):
            raise Unfit("file_polyglot")
        flags, count = data[at + 5], data[at + 26]
        start = at + 27 + count
        at = start + sum(data[at + 27 : start])
        if at > len(data):
            raise Unfit("file_damaged")
        if first or flags & 0x02:
            if not data[start:at].startswith(_OGG_CODECS):
                raise Unfit("file_type_refused")
            first = False
    return OGG


def _wav(data: bytes) -> MediaType:
    (size,) = struct.unpack_from("<I", data, 4)
    end, at, seen = min(8 + size, len(data)), 12, set[bytes]()
    while at + 8 <= end:
        kind, length = struct.unpack_from("<4sI", data, at)
        seen.add(kind)
        at += 8 + length + (length & 1)
    if not {b"fmt ", b"data"} <= seen or at > len(data) + 1:
        raise Unfit("file_damaged")
    if len(data) > 8 + size + (size & 1) or end - at >= 8:
        raise Unfit("file_polyglot")
    return WAV


def _m4a(data: bytes) -> MediaType:
    found = boxes(data, 0, len(data))
    if any(kind not in _SOUND_BOXES for kind, _, _ in found) or sum(kind == b"ftyp" for kind, _, _ in found) != 1:
        raise Unfit("file_polyglot")
    handlers = set[bytes]()
    for kind, start, end in found:
        if kind == b"moov":
            handlers |= _handlers(data, start, end)
    if b"vide" in handlers or b"soun" not in handlers:
        raise Unfit("file_type_refused")
    return M4A


def _handlers(data: bytes, start: int, end: int) -> set[bytes]:
    found = set[bytes]()
    for kind, begin, stop in boxes(data, start, end):
        if kind in (b"trak", b"mdia"):
            found |= _handlers(data, begin, stop)
        elif kind == b"hdlr":
            found.add(data[begin + 8 : begin + 12])
    return found


def _frame(data: bytes, at: int) -> int:
    """The length of the frame of MP3 at `at`; 0 if there is none."""
    if at + 4 > len(data) or data[at] != 0xFF or data[at + 1] & 0xE0 != 0xE0:
        return 0
    version, layer = data[at + 1] >> 3 & 3, data[at + 1] >> 1 & 3
    rate, sample, padding = data[at + 2] >> 4, data[at + 2] >> 2 & 3, data[at + 2] >> 1 & 1
    if version == 1 or layer == 0 or rate in (0, 15) or sample == 3:
        return 0
    table = _MP3_RATES.get((3 if version == 3 else 2, layer)) or _MP3_RATES[2, 2]
    bits, hertz = table[rate - 1] * 1000, _MP3_SAMPLES[version][sample]
    if layer == 3:
        return (12 * bits // hertz + padding) * 4
    return (72 if layer == 1 and version != 3 else 144) * bits // hertz + padding


def _resumed(data: bytes, at: int, end: int) -> int:
    """Where the frames go on after a break; `end` if they do not within what may be lost."""
    for place in range(at + 1, min(at + _LOST, end)):
        length = _frame(data, place)
        if length and (place + length == end or _frame(data, place + length)):
            return place
    return end


def _mp3(data: bytes) -> MediaType | None:
    at, end, lost, frames = 0, len(data), 0, 0
    while data.startswith(b"ID3", at) and at + 10 <= end:
        size = data[at + 6 : at + 10]
        if any(one & 0x80 for one in size):
            raise Unfit("file_damaged")
        at += 10 + (size[0] << 21 | size[1] << 14 | size[2] << 7 | size[3]) + (10 if data[at + 5] & 0x10 else 0)
    if data[end - 128 : end - 125] == b"TAG":
        end -= 128
    tagged = at > 0
    while at < end:
        length = _frame(data, at)
        if length and at + length <= end:
            frames, at = frames + 1, at + length
            continue
        if data.startswith((b"APETAGEX", b"LYRICSBEGIN"), at) or not any(data[at:end]):
            if end - at > 64 * 1024:
                raise Unfit("file_polyglot")
            break
        resumed = _resumed(data, at, end)
        lost += resumed - at
        if (
            (resumed == end and not (length and at + length > end))
            or lost > _LOST
            or code(data[at:resumed])
            or program(data[at:resumed])
        ):
            if frames < _FEWEST and not tagged:
                return None
            raise Unfit("file_polyglot" if frames >= _FEWEST else "file_damaged")
        at = resumed
    if frames < _FEWEST:
        if tagged:
            raise Unfit("file_damaged")
        return None
    return MP3
