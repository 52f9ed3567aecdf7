"""Names of files as they are kept and offered: without paths, controls and invisible characters, with the extension of the type."""

from __future__ import annotations

import re
import unicodedata

from services.intake.files.media_types import MediaType
from shared.kernel.text_normalization import identifier_form, is_empty

LONGEST = 120
"""Characters of a name, the extension included."""
_BYTES = 240
"""Bytes of a name in UTF-8: file systems take 255."""
_SEPARATORS = re.compile(r"[/\\\u2044\u2215\u29f8\u29f9\uff0f\uff3c]")
_FORBIDDEN = re.compile(r'[<>:"|?*\uff1a%]')
_RESERVED = re.compile(
    r"(?:con|prn|aux|nul|conin\$|conout\$|clock\$|com[0-9\u00b9\u00b2\u00b3]|lpt[0-9\u00b9\u00b2\u00b3])(?=\.|$)",
    re.IGNORECASE,
)
_EXTENSION = re.compile(r"\.[A-Za-z0-9]{1,10}$")
_EQUAL = {
    ".jpeg": ".jpg",
    ".jpe": ".jpg",
    ".heif": ".heic",
    ".oga": ".ogg",
    ".opus": ".ogg",
    ".csv": ".txt",
    ".md": ".txt",
    ".log": ".txt",
}
_UNREADABLE = "\ufffd"
"""What a decoder puts in the place of bytes that are no character."""
_OPTIONS = "-=+@~"
"""First characters that a program takes for an option, a formula or a folder of its user."""
_PLAIN = "file"


def clean_name(name: str, kind: MediaType, number: int = 1) -> str:
    """The name under which the file is kept. `number`: of a file without a usable name among those of its filing.

    >>> from services.intake.files.media_types import PDF
    >>> clean_name("../../etc/cron.d/投诉信\\u202efdp.exe", PDF), clean_name("CON.pdf", PDF), clean_name("\\u200b", PDF)
    ('投诉信fdp.exe.pdf', '_CON.pdf', 'file-1.pdf')
    """
    last = _SEPARATORS.split(unicodedata.normalize("NFC", name))[-1]
    last = "".join(
        one
        for one in identifier_form(last)
        if one != _UNREADABLE and unicodedata.category(one) not in ("Cc", "Cf", "Cs", "Cn", "Co", "Zl", "Zp")
    )
    last = " ".join(_FORBIDDEN.sub("_", last).split()).strip(". ")
    found = _EXTENSION.search(last)
    if found is not None and _EQUAL.get(found[0].lower(), found[0].lower()) == kind.extension:
        last = last[: found.start()].rstrip(". ")
    if is_empty(last) or not last.strip("_.- "):
        last = f"{_PLAIN}-{number}"
    if _RESERVED.match(last) or last[0] in _OPTIONS:
        last = f"_{last}"
    last = _cut(last, LONGEST - len(kind.extension), _BYTES - len(kind.extension)).rstrip(". ")
    return last + kind.extension


def _cut(text: str, characters: int, size: int) -> str:
    """The beginning of the text, without half a character at its end."""
    return text[:characters].encode("utf-8")[:size].decode("utf-8", "ignore")


def renamed(name: str, kind: MediaType) -> bool:
    """True if the name says another type than the content is."""
    found = _EXTENSION.search(name.strip())
    return found is not None and _EQUAL.get(found[0].lower(), found[0].lower()) != kind.extension
