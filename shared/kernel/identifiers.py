"""Identifiers of a case: its id, the number for people, and the query code on the receipt.

All three are keyed digests: the same item is the same case without any table, none of them can be guessed, and a receipt can
be issued again without stored data.
"""

from __future__ import annotations

import hmac
from hashlib import sha256
from uuid import UUID

from shared.kernel.text_normalization import identifier_form, search_form

_DIGITS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Crockford's base 32: no I, L, O, U."""
_LIKENESS = str.maketrans({"o": "0", "i": "1", "l": "1"})
NUMBER_DIGITS = 12
CODE_DIGITS = 26


def _base32(data: bytes, digits: int) -> str:
    value = int.from_bytes(data, "big") >> (len(data) * 8 - digits * 5)
    return "".join(_DIGITS[(value >> (5 * place)) & 31] for place in reversed(range(digits)))


def _times_alpha(value: int) -> int:
    """Multiply by the generator of GF(32), whose polynomial is x^5 + x^2 + 1."""
    value <<= 1
    return value ^ 0b100101 if value & 0b100000 else value


def _check(text: str) -> str:
    """A check digit over GF(32) with a different weight for each place: it detects every wrong digit and every swap of two."""
    total = 0
    for digit in text:
        total = _times_alpha(total ^ _DIGITS.index(digit))
    return _DIGITS[total]


def case_id(key: bytes, jurisdiction: str, channel: str, item: str) -> str:
    """32 hex digits; the same (jurisdiction, channel, item) always gives the same id, also with other width or invisible
    characters."""
    named = b"\x1f".join(part.encode() for part in (jurisdiction, identifier_form(channel), identifier_form(item)))
    return hmac.new(key, named, sha256).hexdigest()[:32]


def derived_id(*parts: str) -> str:
    """The same UUID (version 8) for the same parts: the id of an event that happens once, whichever process records it."""
    digest = int.from_bytes(sha256("\x1f".join(parts).encode()).digest()[:16], "big")
    return str(UUID(int=digest & ~(0xF << 76 | 0x3 << 62) | 0x8 << 76 | 0x2 << 62))


def number(case: str, year: int) -> str:
    """`2026-XXXX-XXXX-XXXX-C`: year, 12 base-32 digits of the id, a check digit."""
    digits = _base32(bytes.fromhex(case), NUMBER_DIGITS)
    grouped = "-".join(digits[start : start + 4] for start in range(0, NUMBER_DIGITS, 4))
    return f"{year}-{grouped}-{_check(str(year) + digits)}"


def read_number(text: str) -> str | None:
    """The number in its normal form, ignoring case, width, spaces, dashes and look-alikes; None if it is no number."""
    digits = search_form(text).translate(_LIKENESS).upper()
    year, middle, check = digits[:4], digits[4:-1], digits[-1:]
    if len(middle) != NUMBER_DIGITS or not year.isdigit() or any(digit not in _DIGITS for digit in middle + check):
        return None
    if _check(year + middle) != check:
        return None
    return f"{year}-{middle[:4]}-{middle[4:8]}-{middle[8:]}-{check}"


def id_prefix(number: str) -> str:
    """The first 15 hex digits of the case id that a number in its normal form is made from.

    >>> number("7f" * 16, 2026), id_prefix(number("7f" * 16, 2026))
    ('2026-FXZQ-YZVZ-FXZQ-M', '7f7f7f7f7f7f7f7')
    """
    value = 0
    for digit in number.replace("-", "")[4 : 4 + NUMBER_DIGITS]:
        value = value << 5 | _DIGITS.index(digit)
    return f"{value:0{NUMBER_DIGITS * 5 // 4}x}"


def query_code(key: bytes, case: str, generation: int = 0) -> str:
    """The secret on the receipt, 130 bits. A lost one is revoked by the next generation."""
    digits = _base32(hmac.new(key, f"{case}\x1f{generation}".encode(), sha256).digest(), CODE_DIGITS)
    return "-".join(digits[start : start + 5] for start in range(0, CODE_DIGITS, 5))


def code_matches(key: bytes, case: str, given: str, generation: int = 0) -> bool:
    """Compare in constant time, ignoring case, width, spaces, dashes and look-alikes."""
    clean = search_form(given).translate(_LIKENESS).upper()
    right = query_code(key, case, generation).replace("-", "")
    return hmac.compare_digest(clean.encode(), right.encode())


PIN_DIGITS = 6


def telephone_pin(key: bytes, case: str, generation: int = 0) -> str:
    """The digits that a petitioner says on the telephone. Only a member of staff can use them; they end with the query code."""
    digest = hmac.new(key, f"pin\x1f{case}\x1f{generation}".encode(), sha256).digest()
    return f"{int.from_bytes(digest[:8], 'big') % 10**PIN_DIGITS:0{PIN_DIGITS}d}"


def pin_matches(key: bytes, case: str, given: str, generation: int = 0) -> bool:
    """Compare in constant time, ignoring width and spaces."""
    clean = "".join(search_form(given).split())
    return hmac.compare_digest(clean.encode(), telephone_pin(key, case, generation).encode())


def request_digest(key: bytes, case: str, content: bytes) -> str:
    """A digest that is equal for equal requests under one cause. Keyed and bound to the case, so that it reveals no content."""
    return hmac.new(key, case.encode() + b"\x1f" + content, sha256).hexdigest()[:32]
