"""The encoding of a file, found from all of its bytes as a stream: a byte-order mark, UTF-8, else GB 18030."""

from __future__ import annotations

import codecs
import gzip
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

from services.intake.importer.errors import FileError

_CHUNK = 1 << 20
_MANY = 1_000
"""With more damaged places the file is not in this encoding, unless ten times as many characters decode."""


@contextmanager
def opened(path: Path) -> Iterator[BinaryIO]:
    """The bytes of a file, decompressed if it begins like a .gz. Raises FileError."""
    try:
        with path.open("rb") as raw:
            packed = raw.read(2) == b"\x1f\x8b"
            raw.seek(0)
            if packed:
                with gzip.open(raw, "rb") as unpacked:
                    yield cast(BinaryIO, unpacked)
            else:
                yield raw
    except (EOFError, gzip.BadGzipFile, zlib.error):
        raise FileError("broken_gz") from None
    except OSError as error:
        raise FileError("cannot_read", reason=error.strerror or "damaged") from None


def _judge(source: BinaryIO, encoding: str) -> tuple[int, int]:
    """(characters beyond ASCII that decode, places that do not), up to the point where the result is clear."""
    bad = 0

    def count(error: UnicodeError) -> tuple[str, int]:
        nonlocal bad
        assert isinstance(error, UnicodeDecodeError)
        bad += 1
        return "", error.end

    codecs.register_error("huiyin-import-count", count)
    decoder = codecs.getincrementaldecoder(encoding)("huiyin-import-count")
    good = 0
    while True:
        chunk = source.read(_CHUNK)
        if not chunk or not chunk.isascii() or decoder.getstate()[0]:
            text = decoder.decode(chunk, final=not chunk)
            good += len(text) - len(text.encode("ascii", "ignore"))
        if not chunk or (bad > _MANY and bad * 10 > good):
            return good, bad


def find_encoding(path: Path) -> str:
    """`utf-8-sig`, `utf-16` or `gb18030`. Bytes that do not decode are reported row by row when reading."""
    with opened(path) as source:
        start = source.read(4)
        if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            return "utf-16"
        if start.startswith(codecs.BOM_UTF8):
            return "utf-8-sig"
        source.seek(0)
        good, bad = _judge(source, "utf-8")
    if bad == 0 or good > 10 * bad:
        return "utf-8-sig"
    with opened(path) as source:
        in_chinese = _judge(source, "gb18030")
    return "gb18030" if in_chinese[1] <= bad else "utf-8-sig"
