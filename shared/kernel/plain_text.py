"""Text that leaves for a terminal, a spreadsheet or a name in clear: no characters that change how the rest is read."""

from __future__ import annotations

import re
import unicodedata

_DAY = r"(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])"
_PERSONAL_NUMBER = re.compile(
    rf"(?<!\d)(?:(?:86)?1[3-9]\d{{9}}|\d{{6}}(?:19|20)\d\d{_DAY}\d{{3}}[\dXx]|\d{{8}}{_DAY}\d{{3}})(?![\d])"
)
"""A mobile telephone number, or an identity number of 18 or 15 digits, which contains a date of birth."""
_UUID = re.compile(r"[0-9a-f]{8}(-?)[0-9a-f]{4}\1[1-8][0-9a-f]{3}\1[89ab][0-9a-f]{3}\1[0-9a-f]{12}", re.IGNORECASE)
_RANDOM = 3
"""Letters that a UUID has at least if its digits are random; one that was written around a number has fewer."""
_FORMULA = ("=", "+", "-", "@")
_KEPT = "\n\t"


def visible_controls(text: str) -> str:
    """The text with every control and format character replaced by its code, except line breaks and tabs: an escape sequence, or
    a character that turns the direction of the line, would show another text than the stored one.

    >>> visible_controls("abc\\u202egnp.exe\\x1b[2J")
    'abc<U+202E>gnp.exe<U+001B>[2J'
    """
    return "".join(
        f"<U+{ord(one):04X}>"
        if one not in _KEPT and unicodedata.category(one) in ("Cc", "Cf", "Cs", "Zl", "Zp")
        else one
        for one in text
    )


def formula(text: str) -> bool:
    """True if a spreadsheet would execute the text as a formula, also written full-width, or after blanks or a control character.

    >>> formula("＝1+1"), formula("\\u200b@x"), formula("３月"), formula("a=b")
    (True, True, False, False)
    """
    begin = next((one for one in text if not (one.isspace() or unicodedata.category(one)[0] == "C")), "")
    return text[:1] in ("\t", "\r", "\n", "\0") or unicodedata.normalize("NFKC", begin).startswith(_FORMULA)


def personal_number(text: str) -> bool:
    """True if the text contains what is probably a telephone or identity number, in any form of digits. A UUID contains none: of
    those made at random, one in about 3,600 has eleven digits that could be a telephone number.

    >>> personal_number("cmd-13800000000"), personal_number("１３８００００００００"), personal_number("order-2026-000117")
    (True, True, False)
    >>> personal_number("8f14e45f-ceea-467f-a8a6-a13800000000"), personal_number("00000000-0000-4000-8000-013800000000")
    (False, True)
    """
    if _UUID.fullmatch(text) and sum(one.isalpha() for one in text) >= _RANDOM:
        return False
    return _PERSONAL_NUMBER.search(unicodedata.normalize("NFKC", text)) is not None
