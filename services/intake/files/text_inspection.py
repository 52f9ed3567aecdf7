"""Plain text in the encodings that are in use: UTF-8, UTF-16 with its mark, GB 18030. Text that is a program is refused."""

from __future__ import annotations

import re

from services.intake.files.media_types import TEXT, MediaType, Unfit
from services.intake.files.signatures import code, script

_CONTROLS = re.compile("[\x00-\x08\x0b\x0e-\x1f\x7f\x80-\x84\x86-\x9f\ufffe\uffff]")


def text(data: bytes) -> MediaType | None:
    """The type; None if it is not text. Raises Unfit for markup and scripts."""
    for encoding in _encodings(data):
        try:
            found = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        if _CONTROLS.search(found):
            return None
        plain = found.encode("utf-8")
        if script(plain) or code(plain):
            raise Unfit("file_active_content")
        return TEXT
    return None


def _encodings(data: bytes) -> tuple[str, ...]:
    return ("utf-16",) if data.startswith((b"\xff\xfe", b"\xfe\xff")) else ("utf-8-sig", "gb18030")
