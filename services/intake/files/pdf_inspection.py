"""PDF documents without programs, attachments, encryption or bombs.

Readers of PDF repair what is broken, each in its own way, so the file is searched as a whole instead of being read by its table
of objects: a name that any reader could find is found, also in compressed objects and written with escapes (`/Java#53cript`).
Source: ISO 32000-1, 7.3.5 (names), 7.5 (structure), 7.5.7 (object streams), 7.6 (encryption), 12.6.4 (actions).
"""

from __future__ import annotations

import base64
import binascii
import re
import zlib
from collections.abc import Sequence

from services.intake.files.inflation import WRAPPED, Inflation
from services.intake.files.media_types import PDF, Budget, Limits, MediaType, Unfit
from services.intake.files.signatures import code

_END = re.compile(rb"%%EOF[\s\0]*\Z")
_STREAM = re.compile(rb"stream(?:\r\n|\n|\r)")
_DICTIONARY = 4096
"""Bytes before a stream in which its dictionary is searched."""
_OBJECT_HEADER = re.compile(rb"\s*\d{1,10}\s+\d{1,10}\s")
_LARGE_FILTERS = ((b"LZWDecode", 1365), (b"LZW", 1365), (b"RunLengthDecode", 64), (b"BrotliDecode", 1000))
"""Filters that are not decoded here, and by how much they may inflate at most."""
_KEPT = 4 * 1024 * 1024
"""Bytes of one decompressed object stream that are searched; producers write 100 or 200 objects to one."""


def _spelled(name: str, after: bytes = rb"(?![A-Za-z0-9])") -> bytes:
    """A pattern for a PDF name without its slash, each of whose characters may be written as `#` and two hex digits."""
    return b"".join(b"(?:" + re.escape(one.encode()) + b"|#" + _hex(ord(one)) + b")" for one in name) + after


def _name(name: str, after: bytes = rb"(?![A-Za-z0-9])") -> bytes:
    return b"/" + _spelled(name, after)


def _hex(code: int) -> bytes:
    return b"".join(f"[{d}{d.upper()}]".encode() for d in f"{code:02x}")


def _any_of(names: Sequence[tuple[str, bytes]]) -> re.Pattern[bytes]:
    """Any of these names, each with what follows it. The first character is looked at first: a scan is full of slashes."""
    first = "".join(sorted({name[0] for name, _ in names})).encode()
    return re.compile(rb"/(?=[" + first + rb"#])(?:" + b"|".join(_spelled(*one) for one in names) + rb")")


_END_OF_NAME = rb"(?![A-Za-z0-9])"
_DICTIONARY_OR_REFERENCE = rb"\s*(?:<<|\d+\s+\d+\s+R)"
_PROGRAM_NAMES = (
    *(
        (name, _END_OF_NAME)
        for name in (
            "JavaScript",
            "Launch",
            "RichMedia",
            "ImportData",
            "SubmitForm",
            "Rendition",
            "GoToR",
            "Movie",
            "OnInstantiate",
            "FFilter",
        )
    ),
    ("XFA", rb"\s*(?:\[|\d+\s+\d+\s+R)"),
    ("Subtype", rb"\s*/3D\b"),
    ("URI", rb"\s*\(\s*(?i:javascript|vbscript):"),
)
_ATTACHED_NAMES = (
    *((name, _END_OF_NAME) for name in ("EmbeddedFile", "EmbeddedFiles", "GoToE", "FileAttachment")),
    ("EF", _DICTIONARY_OR_REFERENCE),
    ("Collection", _DICTIONARY_OR_REFERENCE),
)
_ENCRYPTION_NAMES = (("Encrypt", _DICTIONARY_OR_REFERENCE),)
_PROGRAMS, _ATTACHED = _any_of(_PROGRAM_NAMES), _any_of(_ATTACHED_NAMES)
_REFUSED = _any_of((*_PROGRAM_NAMES, *_ATTACHED_NAMES, *_ENCRYPTION_NAMES))
_OBJECTS = re.compile(_name("ObjStm") + b"|" + _name("XRef"))
_FLATE = re.compile(_name("FlateDecode") + b"|" + _name("Fl"))
_OBJECT = re.compile(rb"\d\s+\d+\s+obj\b")
_ELSEWHERE = re.compile(rb"/F\s*(?:\(|<[^<])")
"""The content of a stream in another file (7.3.8.2)."""
_START = 1024
"""Bytes in which programs look for what a file is."""
_IMAGE = re.compile(_name("Image") + b"|" + _name("Length1") + b"|" + _name("FontFile"))


def pdf(data: bytes, limits: Limits, budget: Budget) -> MediaType:
    """Raises Unfit where the document is not only a document."""
    if not _END.search(data[-4096:]):
        raise Unfit("file_polyglot" if b"%%EOF" in data else "file_damaged")
    if not _OBJECT.search(data):
        raise Unfit("file_damaged")
    _searched(data)
    if code(data[:_START].partition(b"stream")[0]):
        raise Unfit("file_polyglot")
    reached = 0
    view = memoryview(data)
    for found in _STREAM.finditer(data):
        start = found.end()
        if data.endswith(b"end", 0, found.start()):
            continue
        dictionary = data[max(reached, found.start() - _DICTIONARY) : found.start()]
        dictionary = dictionary[max(dictionary.rfind(b" obj"), 0) :]
        _stream(view, start, dictionary, limits, budget)
        reached = start
    return PDF


def _searched(text: bytes) -> None:
    if not _REFUSED.search(text):  # one pass; the rest is for the few that are refused
        return
    if _PROGRAMS.search(text):
        raise Unfit("file_active_content")
    if _ATTACHED.search(text):
        raise Unfit("file_embedded")
    raise Unfit("file_encrypted")


def _stream(view: memoryview, start: int, dictionary: bytes, limits: Limits, budget: Budget) -> None:
    """Decompress one stream within the budget, and search it if it may hold objects."""
    if _ELSEWHERE.search(dictionary):
        raise Unfit("file_active_content")
    objects = _OBJECTS.search(dictionary) is not None
    picture = not objects and _IMAGE.search(dictionary) is not None
    for name, ratio in _LARGE_FILTERS:
        if b"/" + name in dictionary:
            if objects:
                raise Unfit("file_damaged")
            end = bytes(view[start:]).find(b"endstream")
            budget.take((end if end >= 0 else len(view) - start) * ratio)
            return
    data = (
        _undressed(view, start, dictionary)
        if b"ASCII" in dictionary or b"/AHx" in dictionary or b"/A85" in dictionary
        else view[start:]
    )
    for _ in range(8):
        if len(data) < 2 or data[0] & 0x0F != 8 or (data[0] << 8 | data[1]) % 31:
            if objects and _FLATE.search(dictionary):
                raise Unfit("file_damaged")
            return
        kept = bytearray()
        stream = Inflation(WRAPPED)
        try:
            for piece in stream.pieces(data, budget, limits.inflated):
                if len(kept) < _KEPT:
                    kept += piece
        except zlib.error:  # broken: a reader would show what came before
            if not kept:
                return
        if objects or (not picture and _OBJECT_HEADER.match(kept)):
            if len(kept) >= _KEPT:
                raise Unfit("file_bomb")
            _searched(bytes(kept))
        if len(_FLATE.findall(dictionary)) < 2:
            return
        data = memoryview(bytes(kept))
    raise Unfit("file_bomb")


def _undressed(view: memoryview, start: int, dictionary: bytes) -> memoryview:
    """A stream without its encoding in ASCII, which hides what is inside."""
    raw = bytes(view[start:])
    try:
        if b"A85" in dictionary or b"ASCII85" in dictionary:
            end = raw.find(b"~>")
            return memoryview(
                base64.a85decode(raw[: end if end >= 0 else None].removeprefix(b"<~"), ignorechars=b" \t\n\r\v\f\0")
            )
        end = raw.find(b">")
        digits = re.sub(rb"\s", b"", raw[: end if end >= 0 else None])
        return memoryview(bytes.fromhex((digits + b"0" * (len(digits) % 2)).decode("ascii")))
    except (ValueError, binascii.Error):
        return memoryview(b"")
