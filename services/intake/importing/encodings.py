"""The encoding of a file, found from all of its bytes without holding them: a byte-order mark, UTF-8, else GB18030."""

from __future__ import annotations

import codecs
import gzip
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

from services.intake.importing.problems import FileError

_CHUNK = 1 << 20
_MANY = 1_000
"""So many damaged places and the file is not in this encoding, unless it has ten times as many good ones."""


@contextmanager
def opened(path: Path) -> Iterator[BinaryIO]:
    """The bytes of a file, unpacked when it is a .gz by its first bytes."""
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
        raise FileError(
            "broken_gz",
            "The compressed file is cut off or damaged; copy it again.",
            "压缩文件不完整或已损坏，请重新复制。",
        ) from None
    except OSError as error:
        raise FileError(
            "cannot_read", f"The file cannot be read ({error.strerror or 'damaged'}).", "无法读取文件。"
        ) from None


class _Damage:
    """Counts what does not decode."""

    def __init__(self, name: str) -> None:
        self.bad = 0
        codecs.register_error(name, self.replace)

    def replace(self, error: UnicodeError) -> tuple[str, int]:
        assert isinstance(error, UnicodeDecodeError)
        self.bad += 1
        return "", error.end


def _judge(source: BinaryIO, encoding: str) -> tuple[int, int]:
    """(characters beyond ASCII that decode, places that do not), up to the point where it is clear."""
    damage = _Damage("huiyin-import-count")
    decoder = codecs.getincrementaldecoder(encoding)("huiyin-import-count")
    good = 0
    while True:
        chunk = source.read(_CHUNK)
        if not chunk or not chunk.isascii() or decoder.getstate()[0]:
            text = decoder.decode(chunk, final=not chunk)
            good += 0 if text.isascii() else _beyond_ascii(text)
        if not chunk or (damage.bad > _MANY and damage.bad * 10 > good):
            return good, damage.bad


def _beyond_ascii(text: str) -> int:
    return len(text) - len(text.encode("ascii", "ignore"))


def find_encoding(path: Path) -> str:
    """`utf-8-sig`, `utf-16` or `gb18030`. Bytes that do not fit are found again, row by row, when reading."""
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
