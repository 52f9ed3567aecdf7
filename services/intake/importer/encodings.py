"""The encoding of a file, found from all of its bytes as a stream: a byte-order mark, UTF-8, else GB 18030."""

from __future__ import annotations

import codecs
import gzip
import re
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, TextIO, cast

from services.intake.importer.errors import FileError

_CHUNK = 1 << 20
_SAMPLE = 4096
_MANY = 1_000
"""With more damaged places the file is not in this encoding, unless ten times as many characters decode."""


DAMAGED = "huiyin-import-damaged"
"""Error handler that marks damaged bytes with a character that no text has."""
codecs.register_error(DAMAGED, lambda error: ("\udcff", cast(UnicodeDecodeError, error).end))


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


_MOVED = str.maketrans(
    "\ue7c7\ue78d\ue78e\ue78f\ue790\ue791\ue792\ue793\ue794\ue795\ue796\ue816\ue817\ue818\ue81e\ue826\ue82b\ue82c"
    "\ue831\ue832\ue83b\ue843\ue854\ue855\ue864",
    "\u1e3f\ufe10\ufe12\ufe11\ufe13\ufe14\ufe15\ufe16\ufe17\ufe18\ufe19\U00020087\U00020089\U000200cc\u9fb4\u9fb5\u9fb6"
    "\u9fb7\U000215d7\u9fb8\U0002298f\u9fb9\u9fba\U000241fe\u9fbb",
)
"""Byte pairs that GB 18030-2000, and the codec of Python, decode to the private use area, and GB 18030-2005 and -2022 to characters
of Unicode: among them rare characters of names."""
_PAIRS = re.compile(rb"[\x81-\xfe]([\x40-\x7e\x80-\xfe])")
_COMMON = 0xA1
_PRIVATE = re.compile("[\ue78d-\ue864]")


class GbText:
    """The lines of a text in GB 18030, with the characters of GB 18030-2022. A line whose bytes are UTF-8, of a file that was put
    together from several, gets the mark of damaged bytes: GB 18030 reads them as other characters."""

    def __init__(self, text: TextIO) -> None:
        self._text = text

    def readline(self, size: int = -1) -> str:
        line = self._text.readline(size)
        if not line.isascii() and _is_utf_8(line):
            line = "".join("\udcff" if one > "\x7f" else one for one in line)
        return line.translate(_MOVED) if _PRIVATE.search(line) else line


def _is_utf_8(line: str) -> bool:
    """True if a line that was read as GB 18030 has the bytes of Chinese characters in UTF-8, two at least."""
    try:
        text = line.encode("gb18030").decode()
    except UnicodeError:
        return False
    return sum("\u3000" <= one <= "\u9fff" for one in text) >= _LEAST_CHINESE


_LEAST_CHINESE = 2


def find_encoding(path: Path) -> str:
    """`utf-8-sig`, `utf-16` (also without a byte-order mark), `gb18030` or `big5hkscs`. Bytes that do not decode are reported row
    by row when reading."""
    with opened(path) as source:
        start = source.read(_SAMPLE)
        if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            return "utf-16"
        even, odd = start[::2].count(0), start[1::2].count(0)
        if max(even, odd) * 50 > len(start) and min(even, odd) * 20 < max(even, odd):  # blanks, digits and separators
            return "utf-16-be" if even > odd else "utf-16-le"
        if start.startswith(codecs.BOM_UTF8):
            return "utf-8-sig"
        source.seek(0)
        good, bad = _judge(source, "utf-8")
    if bad == 0 or good > 10 * bad:
        return "utf-8-sig"
    with opened(path) as source:
        in_chinese = _judge(source, "gb18030")
    if in_chinese[1] > bad:
        return "utf-8-sig"
    with opened(path) as source:
        return "big5hkscs" if _is_big5(source.read(_CHUNK)) else "gb18030"


def _is_big5(sample: bytes) -> bool:
    """True for text in Big5. GB 18030 reads it without an error, but as characters that nobody uses: those whose second byte is
    that of an ASCII sign. In Big5 it is so for a third of all characters, and of what GB 18030 writes so, Big5 can read nothing."""
    pairs = _PAIRS.findall(sample)
    rare = sum(1 for pair in pairs if pair[0] < _COMMON)
    if rare * 10 < len(pairs) or not rare:
        return False
    try:
        codecs.getincrementaldecoder("big5hkscs")().decode(sample)
    except UnicodeDecodeError:
        return False
    return True
